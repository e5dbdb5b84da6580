import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/**
 * The kinds of keys that cosign knows, and P-224 and RSA-1024, which are too weak. RSA takes tenths of a second to generate, the
 * others less than a millisecond.
 */
export type KeyType = 'P-224' | 'P-256' | 'P-384' | 'P-521' | 'RSA-1024' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'Ed25519';

/** Hash functions that signatures are made with. */
export type HashName = 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** A key pair and the forms of its public half that signatures carry. */
export interface KeyPair {
  readonly type: KeyType;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** The same in PEM: what a policy's `key.data` or cosign's `--key` takes. */
  readonly pem: string;
}

const GENERATE: Readonly<Record<KeyType, () => { privateKey: KeyObject; publicKey: KeyObject }>> = {
  'P-224': () => generateKeyPairSync('ec', { namedCurve: 'secp224r1' }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'secp521r1' }),
  'RSA-1024': () => generateKeyPairSync('rsa', { modulusLength: 1024 }),
  'RSA-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'RSA-3072': () => generateKeyPairSync('rsa', { modulusLength: 3072 }),
  'RSA-4096': () => generateKeyPairSync('rsa', { modulusLength: 4096 }),
  Ed25519: () => generateKeyPairSync('ed25519'),
};

/** A new key pair. */
export function generateKey(type: KeyType = 'P-256'): KeyPair {
  const { privateKey, publicKey } = GENERATE[type]();
  return {
    type,
    privateKey,
    publicKey,
    spki: publicKey.export({ format: 'der', type: 'spki' }),
    pem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** A signature over `data`: DER for elliptic curves, PKCS #1 v1.5 for RSA, pure Ed25519 (no hash of its own). */
export function signWith(pair: KeyPair, data: Uint8Array, hash: HashName = 'sha256'): Buffer {
  return sign(pair.type === 'Ed25519' ? null : hash, data, pair.privateKey);
}

/** The hash that goes with a key where nothing else was agreed: as long as the curve (protobuf-specs, PublicKeyDetails). */
export function hashOf(type: KeyType): HashName {
  if (type === 'P-384') return 'sha384';
  return type === 'P-521' ? 'sha512' : 'sha256';
}

/** The name of key and hash in trusted roots and Rekor v2 entries (protobuf-specs, PublicKeyDetails, which has none for weak keys). */
export const KEY_DETAILS: Readonly<Record<KeyType, string>> = {
  'P-224': 'PUBLIC_KEY_DETAILS_UNSPECIFIED',
  'P-256': 'PKIX_ECDSA_P256_SHA_256',
  'P-384': 'PKIX_ECDSA_P384_SHA_384',
  'P-521': 'PKIX_ECDSA_P521_SHA_512',
  'RSA-1024': 'PUBLIC_KEY_DETAILS_UNSPECIFIED',
  'RSA-2048': 'PKIX_RSA_PKCS1V15_2048_SHA256',
  'RSA-3072': 'PKIX_RSA_PKCS1V15_3072_SHA256',
  'RSA-4096': 'PKIX_RSA_PKCS1V15_4096_SHA256',
  Ed25519: 'PKIX_ED25519',
};

/** A hash of these pieces, one after the other. */
export function hashed(hash: HashName, ...pieces: readonly Uint8Array[]): Buffer {
  const state = createHash(hash);
  for (const piece of pieces) state.update(piece);
  return state.digest();
}

/** SHA-256 of these pieces, one after the other. */
export const sha256 = (...pieces: readonly Uint8Array[]): Buffer => hashed('sha256', ...pieces);

/** PEM of a certificate, as cosign writes it: 64 characters a line, a line end after the last. */
export function certificatePem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
