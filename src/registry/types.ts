import type { Digest } from '../base/digest.ts';
import { CodedError } from '../base/errors.ts';

/** A repository by canonical host and path (`src/api/image-reference.ts` fits). */
export interface RepositoryName {
  readonly host: string;
  readonly path: string;
}

/** What a registry is asked with. Passwords and tokens never leave this object but towards that registry. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token (docker config `identitytoken`). */
  readonly identityToken?: string;
  /** A bearer token to send as it is (`registrytoken`). */
  readonly registryToken?: string;
}

/** Where credentials come from, in one caller's view. */
export interface Keychain {
  /** Equal for equal credentials, different for different ones; safe to log and to use as a cache key (a hash). */
  readonly scope: string;
  /** The credentials for this repository (longest matching path first, as the kubelet does), or none. */
  lookup(repository: RepositoryName): Promise<Credentials | undefined>;
}

/** Options of each call: whose credentials, and until when. */
export interface RegistryCall {
  readonly keychain: Keychain;
  readonly signal?: AbortSignal;
}

/** A manifest or index as received; `digest` was computed from `bytes` and equals the one that was asked for, if any. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A descriptor out of a manifest or index (OCI image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Kinds of requests, as the metric `assay_registry_requests_total` counts them. */
export const REQUEST_KINDS = ['ping', 'token', 'head', 'manifest', 'referrers', 'blob'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** One request that ended. */
export interface RequestEvent {
  readonly kind: RequestKind;
  /** The HTTP status (`200`), or in a word why there was none: a fault of `faults.ts`, a {@link RegistryErrorCode}, `aborted`. */
  readonly code: string;
  readonly seconds: number;
  /** The registry's canonical host. */
  readonly host: string;
}

/**
 * What a registry did wrong. `NotFound` is the registry's own 404 for a manifest, tag or blob; everything else says
 * that no answer was had: it must never be read as "there is none". `Forbidden` is our own refusal to send a request
 * (an address or a host that was not configured), `Unauthorized` is the registry's.
 */
export type RegistryErrorCode =
  | 'NotFound'
  | 'Unauthorized'
  | 'Throttled'
  | 'Unavailable'
  | 'ManifestInvalid'
  | 'DigestMismatch'
  | 'LimitExceeded'
  | 'Forbidden';

/** Thrown by every call of {@link RegistryClient}. The message never holds credentials nor a registry's error body. */
export class RegistryError extends CodedError<RegistryErrorCode> {
  /** Milliseconds to wait, where the registry said so (`Retry-After`). */
  readonly retryAfter: number | undefined;
  /** The same as cosign's registry client says it, for the command line: the request and the error code, or the digests. Nothing of a body. */
  readonly asCosign: string | undefined;

  constructor(code: RegistryErrorCode, message: string, options: ErrorOptions & { retryAfter?: number; asCosign?: string } = {}) {
    super(code, message, options);
    this.retryAfter = options.retryAfter;
    this.asCosign = options.asCosign;
  }
}

/** A read-only OCI distribution client that checks every byte against its digest and caps every response. */
export interface RegistryClient {
  /** The digest that a tag has now: HEAD once; GET and hash where the answer has no well-formed digest. */
  resolveTag(repository: RepositoryName, tag: string, call: RegistryCall): Promise<Digest>;
  /** A manifest or index by tag or digest, at most 4 MiB. */
  manifest(repository: RepositoryName, reference: string, call: RegistryCall): Promise<Manifest>;
  /** A blob of at most `limit` bytes, its digest checked. */
  blob(repository: RepositoryName, digest: Digest, limit: number, call: RegistryCall): Promise<Uint8Array>;
  /** Everything that refers to `digest`: the referrers API, or the fallback tag where the registry has no such API. */
  referrers(repository: RepositoryName, digest: Digest, call: RegistryCall): Promise<readonly Descriptor[]>;
  /** Ends the connections; pending calls reject. */
  close(): Promise<void>;
}
