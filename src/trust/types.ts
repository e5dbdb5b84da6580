import { CodedError } from '../base/errors.ts';

/** Where a trusted root is kept up to date: a repository of The Update Framework (TUF specification, https://theupdateframework.github.io/specification/). */
export interface TufRepository {
  /** Base URL, http or https, without a slash at its end. What it serves is signed, so that the transport need not be trusted. */
  readonly mirror: string;
  /** The root metadata with which trust begins; absent: that of the public-good instance, as of this build. */
  readonly firstRoot?: Uint8Array;
}

/** Versions of the metadata of the four roles. */
export interface TufVersions {
  readonly root: number;
  readonly timestamp: number;
  readonly snapshot: number;
  readonly targets: number;
}

/** A trusted root that TUF vouched for. Times in milliseconds since the epoch. */
export interface RefreshedTrust {
  /** `trusted_root.json` as it was signed for. */
  readonly text: string;
  readonly versions: TufVersions;
  /** When the first of the metadata expires that vouch for it: from then on it may have been replaced. */
  readonly expires: number;
  readonly refreshedAt: number;
}

/**
 * Why there is no newer trusted root: the mirror did not answer; what it answers is not vouched for by those who may; it is older than
 * what is at hand; it is vouched for, and cannot be used all the same; the folder for it cannot be used.
 */
export const TRUST_REFRESH_CODES = ['Unreachable', 'Rejected', 'Backwards', 'Unusable', 'Disk'] as const;
export type TrustRefreshCode = (typeof TRUST_REFRESH_CODES)[number];

/** Thrown where a trusted root could not be refreshed; the message names the mirror or the folder. */
export class TrustRefreshError extends CodedError<TrustRefreshCode> {}
