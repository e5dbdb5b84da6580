import type { KeyObject } from 'node:crypto';
import type { Digest } from '../base/digest.ts';

/** A public key that may verify signatures, with the hash that it is used with. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly hashAlgorithm: 'sha224' | 'sha256' | 'sha384' | 'sha512';
  /** Digest of the key's DER SubjectPublicKeyInfo: two PEM forms of one key are one key. */
  readonly keyId: Digest;
}
