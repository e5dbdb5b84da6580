import type { ImageReference } from '../api/image-reference.ts';
import type { Reason, Result } from '../api/reasons.ts';
import type { Digest } from '../base/digest.ts';
import type { Keychain } from '../registry/types.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { TrustRecipe } from '../signatures/trust-recipe.ts';
import type { Signer } from '../signatures/types.ts';

/** `ImageVerification` (with namespace) or `ClusterImageVerification` (without). */
export interface PolicyKey {
  readonly kind: 'ImageVerification' | 'ClusterImageVerification';
  readonly namespace?: string;
  readonly name: string;
}

/** A string to compare exactly, or an RE2 pattern that is searched unanchored, as cosign does. */
export type StringMatch = { readonly exact: string } | { readonly pattern: string };

/** One accepted certificate identity. */
export interface CompiledIdentity {
  readonly issuer: StringMatch;
  readonly subject: StringMatch;
  /** Exact values by the names of api.md. */
  readonly claims: Readonly<Record<string, string>>;
}

/** A kind of statement that an authority must have signed, and what it must say. Plain data. */
export interface CompiledAttestation {
  readonly name: string;
  /** A URI: short names are resolved. */
  readonly predicateType: string;
  /** Whether any, all or the newest of the statements of this type must satisfy `cel`. */
  readonly match: 'Any' | 'All' | 'Newest';
  /** A CEL expression that was checked; absent: that there is a statement is enough. */
  readonly cel?: string;
}

/** A repository where the signatures of an image are kept, instead of beside it. Plain data. */
export interface CompiledSource {
  readonly host: string;
  readonly path: string;
  /** What the tags of signatures and attestations begin with; may be empty. */
  readonly tagPrefix: string;
  /** Names of Secrets with the credentials for it. */
  readonly pullSecrets: readonly string[];
}

/** An authority of which everything is resolved: keys are parsed, trust roots known to be good. It can be sent to another thread. */
export interface CompiledAuthority {
  readonly name: string;
  readonly kind: 'key' | 'keyless' | 'static';
  /** Any of these; empty unless `kind` is `key`. */
  readonly keys: readonly PublicKey[];
  /** Any of these; empty unless `kind` is `keyless`. */
  readonly identities: readonly CompiledIdentity[];
  readonly static?: { readonly action: 'pass' | 'fail'; readonly message: string };
  /** Absent where neither log nor certificate is looked at. */
  readonly trust?: TrustRecipe;
  readonly log: 'Required' | 'Ignored';
  readonly timestamp: 'Required' | 'NotAsked';
  readonly sct: 'Required' | 'Ignored';
  /** Signed annotations that must be there with exactly these values. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly notBefore?: number;
  /** Milliseconds. */
  readonly maxAge?: number;
  readonly requireRepository: boolean;
  /** Each must be there and be satisfied; a plain signature is then not needed. Empty: a plain signature is. */
  readonly attestations: readonly CompiledAttestation[];
  /** Where signatures are looked for; empty: beside the image. */
  readonly sources: readonly CompiledSource[];
  /** Hash of everything above that decides (key bytes, trust root hash, identities …): part of the verdict cache's key. */
  readonly hash: string;
}

/** What one policy says of one image: result and, in one sentence of at most 512 characters, why and what to do. */
export interface PolicyVerdict {
  readonly policy: PolicyKey;
  readonly result: Result;
  readonly reason: Reason;
  readonly message: string;
  readonly authority?: string;
  readonly signer?: Signer;
  /** Milliseconds since the epoch, authenticated. */
  readonly signedAt?: number;
  /** When this was judged; milliseconds since the epoch. */
  readonly verifiedAt: number;
  /** Verified before and past its re-check interval, but asking again fails for reasons of infrastructure. */
  readonly stale?: boolean;
  /** Until when a positive verdict can stand at most (`maxAge`), milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** What all policies that govern one image say of it; `digest` is absent only where a tag could not be resolved, or only static policies govern it. */
export interface ImageVerdict {
  readonly image: ImageReference;
  readonly digest?: Digest;
  readonly policies: readonly PolicyVerdict[];
  /** Milliseconds after which an `Unknown` is worth asking again (`Retry-After`). */
  readonly retryAfter?: number;
}

/** The part of a compiled policy that judges one image. */
export interface JudgingPolicy {
  readonly key: PolicyKey;
  readonly authorities: readonly CompiledAuthority[];
  /** How many authorities, distinct by signer, must pass. */
  readonly threshold: number;
  /** Milliseconds for which a positive verdict is not asked again. */
  readonly recheckInterval: number;
  /** Verdicts and evidence from before are not used; milliseconds since the epoch. Absent: whatever is kept counts. */
  readonly freshSince?: number;
  /** The credentials for a source; absent: those of the request alone. */
  readonly sourceKeychain?: (source: CompiledSource) => Keychain | undefined;
}

/** One image to verify under every policy that governs it. */
export interface VerificationRequest {
  readonly image: ImageReference;
  readonly policies: readonly JudgingPolicy[];
  readonly keychain: Keychain;
  readonly signal?: AbortSignal;
}

/**
 * Resolves once, verifies that digest, returns that digest. Never throws but on abort: whatever goes wrong is a verdict
 * with a reason, `Unknown` where no answer was had.
 */
export interface VerificationEngine {
  verify(request: VerificationRequest): Promise<ImageVerdict>;
}
