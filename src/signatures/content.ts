import { createHash, timingSafeEqual, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';

/** A hash that a signature may be made over. */
export type HashAlgorithm = 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** The bytes that a signature is over, as the library asks for them; digests are always computed here, never taken from what was signed for. */
export class SignedContent {
  /** The raw signature. */
  readonly signature: Buffer;
  /** What was signed: the payload itself, or the DSSE pre-authentication encoding. */
  readonly message: Buffer;
  /** What the message carries: the same as `message`, or the DSSE payload. */
  readonly payload: Buffer;

  private constructor(signature: Buffer, message: Buffer, payload: Buffer) {
    this.signature = signature;
    this.message = message;
    this.payload = payload;
  }

  /** A signature directly over `payload`. */
  static ofMessage(payload: Buffer, signature: Buffer): SignedContent {
    return new SignedContent(signature, payload, payload);
  }

  /** A signature over a DSSE envelope (secure-systems-lab/dsse, protocol.md). */
  static ofEnvelope(payloadType: string, payload: Buffer, signature: Buffer): SignedContent {
    return new SignedContent(signature, dsse.preAuthEncoding(payloadType, payload), payload);
  }

  get isEnvelope(): boolean {
    return this.message !== this.payload;
  }

  /** The content as `@sigstore/verify` takes it; `verdict` answers its question whether a key made the signature. */
  forLibrary(verdict: (key: KeyObject) => boolean): SignedEntity['signature'] {
    return {
      signature: this.signature,
      compareSignature: (signature) => sameBytes(signature, this.signature),
      compareDigest: (digest) => isDigestOf(digest, this.payload),
      compareSignedDigest: (digest) => isDigestOf(digest, this.message),
      verifySignature: verdict,
    };
  }

  /** Whether `key` made the signature with one of `hashes` (Ed25519 has its own; RSA means PKCS#1 v1.5). */
  isSignedBy(key: KeyObject, hashes: readonly HashAlgorithm[]): boolean {
    const algorithms = key.asymmetricKeyType === 'ed25519' ? [null] : hashes;
    return algorithms.some((algorithm) => verify(algorithm, this.message, key, this.signature));
  }
}

/** Whether both are the same bytes. */
export function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Whether `digest` is the SHA-256, SHA-384 or SHA-512 of `bytes`; its length says which. */
export function isDigestOf(digest: Buffer, bytes: Buffer): boolean {
  const algorithm = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[digest.length];
  return algorithm !== undefined && sameBytes(digest, createHash(algorithm).update(bytes).digest());
}
