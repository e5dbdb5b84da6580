import type { TrustMaterial } from '@sigstore/verify';

/** A validated trusted root: certificate authorities, logs, CT logs, timestamp authorities (protobuf-specs, sigstore_trustroot.proto). */
export interface TrustRoot {
  readonly material: TrustMaterial;
  /** Digest of the bytes that it was read from. */
  readonly hash: string;
}
