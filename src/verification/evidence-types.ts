import type { Reason } from '../api/reasons.ts';
import type { Digest } from '../base/digest.ts';
import type { RegistryClient, RegistryCall, RegistryError, RepositoryName } from '../registry/types.ts';
import type { Candidate } from '../signatures/types.ts';

/** Something stored as a signature that cannot be looked at: a definite answer, not an outage. */
export interface Defect {
  readonly location: string;
  readonly reason: Extract<Reason, 'SignatureInvalid' | 'LimitExceeded'>;
  readonly message: string;
  /** It is there, and what it says is not known: the registry does not have it, or it is too large. */
  readonly unread?: true;
}

/** What one place (the `.sig` tag, the referrers) holds for a digest. */
export interface Found {
  readonly candidates: readonly Candidate[];
  readonly defects: readonly Defect[];
  /** Look-ups that had no answer. Never to be read as "there is none". */
  readonly failures: readonly RegistryError[];
  /** Signatures beyond the cap, not looked at. */
  readonly omitted: number;
  /** Bundles that say of themselves to be attestations, not signatures. */
  readonly attestations: number;
  /** Predicate types of bundles that were not read, because nobody asked for them. */
  readonly otherTypes?: readonly string[];
}

/** Everything that is attached to one digest, from all places. */
export interface Evidence extends Found {
  readonly digest: Digest;
  /** Equal exactly when the same signatures were found for the same image. */
  readonly hash: Digest;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
}

/** Bytes that what is read of one place may take. */
export interface Budget {
  /** Whether there was room for so many more; then they are taken. */
  readonly take: (bytes: number) => boolean;
}

/** A budget of so many bytes. */
export function budgetOf(bytes: number): Budget {
  let left = bytes;
  return {
    take: (wanted) => {
      if (wanted > left) return false;
      left -= wanted;
      return true;
    },
  };
}

/** Where and how one place is read. */
export interface ReadOptions {
  readonly registry: RegistryClient;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly call: RegistryCall;
  /** Signatures that are looked at. */
  readonly signatures: number;
  /** Bytes of one payload or bundle. */
  readonly payload: number;
  /** All that is kept of this place: payloads, bundles, annotations. What does not fit is omitted. */
  readonly budget: Budget;
  /** Bytes that all look-ups under way may hold together: what finds no room there is asked for again. Absent: no such bound. */
  readonly room?: Budget;
  /** Concurrent fetches. */
  readonly fetches: number;
  /** What the tags of legacy signatures and attestations begin with; nothing by default. */
  readonly tagPrefix?: string;
  /** Whether bundles that say of themselves to be attestations are read as well. */
  readonly attestations: boolean;
  /** Of attestations only those are read that say to be of one of these predicate types, or do not say it. */
  readonly predicateTypes?: readonly string[];
}

/** Nothing found, and nothing went wrong. */
export const NOTHING: Found = Object.freeze({ candidates: [], defects: [], failures: [], omitted: 0, attestations: 0 });

/** Predicate types that are remembered for people to read. */
const MAX_TYPES = 16;

/** What several places hold, as one. */
export function merge(places: readonly Found[]): Found {
  return {
    candidates: places.flatMap((place) => place.candidates),
    defects: places.flatMap((place) => place.defects),
    failures: places.flatMap((place) => place.failures),
    omitted: places.reduce((sum, place) => sum + place.omitted, 0),
    attestations: places.reduce((sum, place) => sum + place.attestations, 0),
    otherTypes: [...new Set(places.flatMap(({ otherTypes = [] }) => otherTypes))].slice(0, MAX_TYPES),
  };
}
