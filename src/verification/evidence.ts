import { setImmediate as nextTurn } from 'node:timers/promises';
import { DeadlineExceeded, deadline } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { digestInTurns, digestOf } from '../base/digest.ts';
import { Lru } from '../base/lru.ts';
import { SingleFlight } from '../base/single-flight.ts';
import type { RegistryCall, RegistryClient, RepositoryName } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import type { Candidate } from '../signatures/types.ts';
import { readReferrers } from './bundle-evidence.ts';
import type { Budget, Evidence, Found, ReadOptions } from './evidence-types.ts';
import { NOTHING, budgetOf, merge } from './evidence-types.ts';
import { readAttestations, readLegacy } from './legacy-evidence.ts';
import type { EngineLimits } from './limits.ts';

const OVERHEAD = 1024;
/** Of how many digests with as much as there may be of one all look-ups under way may hold the bytes. */
const ROOM = 16;
const keys = new WeakMap<Candidate, Digest>();

/** Whose evidence, and which: by digest alone, a signed copy elsewhere would speak for an unsigned one. */
export interface Subject {
  /** Where it is looked for. */
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** What the tags of legacy signatures and attestations begin with; nothing by default. */
  readonly tagPrefix?: string;
  /** Attestations of these predicate types; absent: signatures. */
  readonly predicateTypes?: readonly string[];
}

/** Puts the bytes of candidates where they are to be held: where other threads can read them, say. */
export type HoldBytes = (candidates: readonly Candidate[]) => Promise<readonly Candidate[]>;

const asTheyAre: HoldBytes = (candidates) => Promise.resolve(candidates);

/** Gathers the evidence of digests: what is kept is kept by host, repository, digest and credential scope. */
export class EvidenceReader {
  readonly #registry: RegistryClient;
  readonly #clock: Clock;
  readonly #limits: EngineLimits;
  readonly #hold: HoldBytes;
  readonly #kept: Lru<Evidence>;
  readonly #flights = new SingleFlight<Evidence>();
  /** Bytes of the look-ups under way. */
  #held = 0;

  constructor(registry: RegistryClient, clock: Clock, limits: EngineLimits, hold: HoldBytes = asTheyAre) {
    this.#hold = hold;
    this.#registry = registry;
    this.#clock = clock;
    this.#limits = limits;
    this.#kept = new Lru(limits.evidenceBytes);
  }

  /** Milliseconds after which no look-up is begun any more for a judgement that names many places. */
  get patience(): number {
    return this.#limits.lookup;
  }

  get now(): number {
    return this.#clock.now();
  }

  /** Bytes of evidence that one judgement may hold, from all places together. */
  get most(): number {
    return this.#limits.digestBytes + this.#limits.attestationBytes;
  }

  /**
   * Everything attached to the subject, not older than `maxAge` milliseconds. Places that could not be asked are in
   * `failures`; the promise rejects only when `call.signal` aborts or the look-up's deadline passes.
   */
  async read(subject: Subject, maxAge: number, call: RegistryCall): Promise<Evidence> {
    const key = JSON.stringify([...placeOf(subject), call.keychain.scope]);
    const now = this.#clock.now();
    const kept = this.#kept.get(key, now);
    if (kept !== undefined && now - kept.fetchedAt <= maxAge) return kept;
    return this.#flights.run(
      key,
      async (signal) => {
        const evidence = await this.#fetch(subject, { ...call, signal });
        // An answer with holes in it is good for one decision and must not stand in for the whole later.
        if (evidence.failures.length === 0) {
          this.#kept.set(key, evidence, bytesOf(evidence), evidence.fetchedAt + this.#limits.evidenceAge);
        }
        return evidence;
      },
      call.signal,
    );
  }

  async #fetch(subject: Subject, call: RegistryCall): Promise<Evidence> {
    const { repository, digest, tagPrefix, predicateTypes } = subject;
    const { lookup, signatures, fetches, digestBytes, attestationBytes } = this.#limits;
    const attested = predicateTypes !== undefined;
    let taken = 0;
    const room: Budget = {
      take: (wanted) => {
        // What is alone is always read, however large it may be.
        if (this.#held > taken && this.#held + wanted > ROOM * digestBytes) return false;
        this.#held += wanted;
        taken += wanted;
        return true;
      },
    };
    const limit = deadline(this.#clock, lookup, `looking for signatures in ${repository.host}/${repository.path}`, call.signal);
    const options: Omit<ReadOptions, 'budget'> = {
      registry: this.#registry,
      call: { ...call, signal: limit.signal },
      repository,
      digest,
      signatures,
      payload: attested ? this.#limits.attestation : this.#limits.payload,
      fetches,
      room,
      attestations: attested,
      ...(attested ? { predicateTypes } : {}),
      ...(tagPrefix === undefined ? {} : { tagPrefix }),
    };
    const bytes = (attested ? attestationBytes : digestBytes) / 2;
    try {
      // To each its own, so that what fills one place cannot hide what is in the other.
      const places = await Promise.all(
        [readReferrers, attested ? readAttestations : readLegacy].map((read) => withinDeadline(read({ ...options, budget: budgetOf(bytes) }), limit.signal)),
      );
      const merged = capped(merge(places), signatures);
      const found = { ...merged, candidates: await this.#hold(merged.candidates) };
      const hash = digestOf(JSON.stringify([...placeOf(subject), (await keysOf(found.candidates)).toSorted()]));
      return { ...found, digest, hash, fetchedAt: this.#clock.now() };
    } finally {
      limit.cancel();
      this.#held -= taken;
    }
  }
}

function placeOf({ repository: { host, path }, digest, tagPrefix = '', predicateTypes }: Subject): readonly unknown[] {
  return [host, path, digest, tagPrefix, predicateTypes?.toSorted() ?? null];
}

/** A place that did not answer in time is a failed look-up of that place; what the other one holds still counts. */
async function withinDeadline(reading: Promise<Found>, signal: AbortSignal): Promise<Found> {
  try {
    return await reading;
  } catch (error) {
    if (!(signal.reason instanceof DeadlineExceeded)) throw error;
    return { ...NOTHING, failures: [new RegistryError('Unavailable', signal.reason.message, { cause: error })] };
  }
}

/** A digest of everything that a candidate is: what was proven of one is true of every equal one. */
export function candidateKey(candidate: Candidate): Digest {
  return keys.get(candidate) ?? keyFrom(candidate, digestOf(bytesIn(candidate)));
}

function keyFrom(candidate: Candidate, content: Digest): Digest {
  const { format } = candidate;
  const key = digestOf(JSON.stringify(format === 'bundle' ? [format, content] : [format, content, Object.entries(candidate.annotations).toSorted(byName)]));
  keys.set(candidate, key);
  return key;
}

/** The keys of all. Hashing many megabytes takes a while: others get their turn in between. */
async function keysOf(candidates: readonly Candidate[]): Promise<readonly Digest[]> {
  const found: Digest[] = [];
  for (const [index, candidate] of candidates.entries()) {
    found.push(keys.get(candidate) ?? keyFrom(candidate, await digestInTurns(bytesIn(candidate))));
    if (index % 8 === 7) await nextTurn();
  }
  return found;
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

/** Each place was read up to the cap; so is their sum, taking from each in turn so that no place can crowd out another. */
function capped(found: Found, signatures: number): Found {
  if (found.candidates.length <= signatures) return found;
  const legacy = found.candidates.filter((one) => one.format !== 'bundle');
  const bundles = found.candidates.filter((one) => one.format === 'bundle');
  const half = Math.floor(signatures / 2);
  const fromBundles = bundles.slice(0, Math.max(half, signatures - legacy.length));
  const fromLegacy = legacy.slice(0, signatures - fromBundles.length);
  const candidates = [...fromBundles, ...fromLegacy];
  return { ...found, candidates, omitted: found.omitted + found.candidates.length - candidates.length };
}

/** What keeping it takes, about. */
export function bytesOf(evidence: Pick<Evidence, 'candidates'>): number {
  return evidence.candidates.reduce((sum, candidate) => sum + weightOf(candidate), OVERHEAD);
}

function weightOf(candidate: Candidate): number {
  const annotations = candidate.format === 'bundle' ? [] : Object.entries(candidate.annotations);
  return bytesIn(candidate).byteLength + 2 * annotations.reduce((size, [key, value]) => size + key.length + value.length, 0) + OVERHEAD;
}

function bytesIn(candidate: Candidate): Uint8Array {
  if (candidate.format === 'bundle') return candidate.bytes;
  return candidate.format === 'legacy' ? candidate.payload : candidate.envelope;
}
