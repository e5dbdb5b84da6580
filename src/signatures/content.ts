import { createHash, timingSafeEqual, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { isSignatureOfDigest } from './digest-signature.ts';
import { SignatureError } from './types.ts';

/** A hash that a signature may be made over. */
export type HashAlgorithm = 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** A `.att` layer: the envelope as it is stored, which is what its log entry is about. */
export interface StoredEnvelope {
  readonly bytes: Buffer;
  /** The signature that an entry which has one must name; absent where only the envelope and the signer are compared. */
  readonly signature?: Buffer;
}

/** What was signed: its bytes or, where no more than that is at hand, their SHA-256. `onlySha256`: no other digest may stand for it. */
export type Signable = { readonly bytes: Buffer; readonly onlySha256?: true } | { readonly sha256: Buffer };

/** What a signature is over, as the library asks for it; digests are always computed here, never taken from what was signed for. */
export class SignedContent {
  /** The raw signature. */
  readonly signature: Buffer;
  /** Set for a `.att` layer. */
  readonly stored: StoredEnvelope | undefined;
  readonly #message: Signable;
  readonly #payload: Signable;

  private constructor(signature: Buffer, message: Signable, payload: Signable, stored?: StoredEnvelope) {
    this.signature = signature;
    this.#message = message;
    this.#payload = payload;
    this.stored = stored;
  }

  /** A signature directly over `message`. */
  static ofMessage(message: Buffer | Signable, signature: Buffer): SignedContent {
    const signable = Buffer.isBuffer(message) ? { bytes: message } : message;
    return new SignedContent(signature, signable, signable);
  }

  /** A signature over a DSSE envelope (secure-systems-lab/dsse, protocol.md). */
  static ofEnvelope(payloadType: string, payload: Buffer, signature: Buffer, stored?: StoredEnvelope): SignedContent {
    return new SignedContent(signature, { bytes: dsse.preAuthEncoding(payloadType, payload) }, { bytes: payload }, stored);
  }

  /** Whether `digest` is that of what was signed (the message, or the DSSE pre-authentication encoding), or of what it carries. */
  hasDigest(digest: Buffer, of: 'message' | 'payload'): boolean {
    return isDigestOf(digest, of === 'message' ? this.#message : this.#payload);
  }

  /** Whether a DSSE envelope was signed. */
  get isEnvelope(): boolean {
    return this.#message !== this.#payload;
  }

  /** The digest of what was signed; `undefined` where no more than another digest of it is at hand. */
  signedDigest(algorithm: HashAlgorithm): Buffer | undefined {
    const message = this.#message;
    if ('bytes' in message) return createHash(algorithm).update(message.bytes).digest();
    return algorithm === 'sha256' ? message.sha256 : undefined;
  }

  /**
   * Whether `key` made the signature with one of `hashes` (Ed25519 has its own; RSA means PKCS#1 v1.5). Where only the SHA-256 of what
   * was signed is at hand, neither another hash nor Ed25519 can be verified: then it throws {@link SignatureError}.
   */
  isSignedBy(key: KeyObject, hashes: readonly HashAlgorithm[]): boolean {
    const message = this.#message;
    const pure = key.asymmetricKeyType === 'ed25519';
    if ('bytes' in message) return (pure ? [null] : hashes).some((algorithm) => verify(algorithm, message.bytes, key, this.signature));
    if (pure || !hashes.includes('sha256')) {
      throw new SignatureError('SignatureInvalid', 'a signature of this kind can be verified with the artifact only, not with its SHA-256 digest');
    }
    return isSignatureOfDigest(key, message.sha256, this.signature);
  }
}

/** Whether both are the same bytes. */
export function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Whether `digest` is the SHA-256, SHA-384 or SHA-512 of what was signed; its length says which. */
export function isDigestOf(digest: Buffer, signed: Buffer | Signable): boolean {
  if ('sha256' in signed) return sameBytes(digest, signed.sha256);
  const algorithm = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[digest.length];
  const { bytes, onlySha256 = false } = Buffer.isBuffer(signed) ? { bytes: signed } : signed;
  if (onlySha256 && algorithm !== 'sha256') return false;
  return algorithm !== undefined && sameBytes(digest, createHash(algorithm).update(bytes).digest());
}
