import { createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import { readPem } from './pem.ts';
import type { PemBlock } from './pem.ts';

/** A public key that may verify signatures, with the hash that it is used with. */
export interface PublicKey {
  readonly key: KeyObject;
  /** Ed25519 hashes by itself; for it this says nothing. */
  readonly hashAlgorithm: 'sha224' | 'sha256' | 'sha384' | 'sha512';
  /** Digest of the key's DER SubjectPublicKeyInfo: two PEM forms of one key are one key. */
  readonly keyId: Digest;
}

/** Why a PEM text holds no key that can be used. */
export type PublicKeyErrorCode = 'TooLarge' | 'Empty' | 'Malformed' | 'PrivateKey' | 'Certificate' | 'Unsupported' | 'TooWeak';

/** Thrown by {@link parsePublicKeys}; the message says which block and what to do. */
export class PublicKeyError extends CodedError<PublicKeyErrorCode> {}

/** 64 KiB and 32 keys: far above any real key file. */
const MAX_CHARACTERS = 64 * 1024;
const MAX_KEYS = 32;

/** `certificates: true` also takes the key of a certificate, without judging the certificate. */
export interface PublicKeyOptions {
  readonly certificates?: boolean;
}

/**
 * The public keys of a PEM text, each once: `PUBLIC KEY` (RFC 5280 SPKI) and `RSA PUBLIC KEY` (RFC 8017 PKCS#1) blocks;
 * ECDSA on P-256, P-384, P-521, RSA of at least 2048 bits, Ed25519. Throws {@link PublicKeyError}.
 */
export function parsePublicKeys(pem: string, hashAlgorithm: PublicKey['hashAlgorithm'] = 'sha256', options: PublicKeyOptions = {}): PublicKey[] {
  if (pem.length > MAX_CHARACTERS) throw new PublicKeyError('TooLarge', `the key text is larger than ${MAX_CHARACTERS} characters`);
  const blocks = readBlocks(pem);
  if (blocks.length === 0) {
    throw new PublicKeyError('Empty', 'there is no PEM block in the key text; it should begin with -----BEGIN PUBLIC KEY-----');
  }
  if (blocks.length > MAX_KEYS) {
    throw new PublicKeyError('TooLarge', `there are ${blocks.length} PEM blocks in the key text; at most ${MAX_KEYS} are read`);
  }
  const keys = new Map<Digest, PublicKey>();
  for (const [index, block] of blocks.entries()) {
    const key = readKey(block, `PEM block ${index + 1}`, options.certificates === true);
    const keyId = keyIdOf(key);
    keys.set(keyId, Object.freeze({ key, hashAlgorithm, keyId }));
  }
  return [...keys.values()];
}

/** Digest of the key's DER SubjectPublicKeyInfo. */
export function keyIdOf(key: KeyObject): Digest {
  return digestOf(spkiOf(key));
}

/** An entry lives as long as its key does. */
const encoded = new WeakMap<KeyObject, Buffer>();

/** The key's DER SubjectPublicKeyInfo; encoded once, which takes half as long as to verify a signature. Not to be written to. */
export function spkiOf(key: KeyObject): Buffer {
  const known = encoded.get(key);
  if (known !== undefined) return known;
  const spki = key.export({ type: 'spki', format: 'der' });
  encoded.set(key, spki);
  return spki;
}

/** Why signatures by this key are not verified, in words; undefined for a key that is fine. */
export function weaknessOf(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails ?? {};
  const { asymmetricKeyType: type = 'unknown' } = key;
  if (type === 'ed25519') return undefined;
  if (type === 'ec') return weaknessOnCurve(key, details.namedCurve ?? 'unknown');
  if (type === 'rsa') {
    return (details.modulusLength ?? 0) >= 2048 ? undefined : `has ${details.modulusLength ?? 0} bits; RSA keys need at least 2048`;
  }
  return `is of type ${type}; ECDSA, RSA and Ed25519 are supported`;
}

/** Bytes of an uncompressed point: 0x04 and two coordinates. */
const POINT_BYTES: ReadonlyMap<string, number> = new Map([['prime256v1', 65], ['secp384r1', 97], ['secp521r1', 133]]);
/** Bytes of a SubjectPublicKeyInfo before the point, where the curve is given by name. */
const HEAD_BYTES: ReadonlyMap<string, number> = new Map([['prime256v1', 26], ['secp384r1', 23], ['secp521r1', 25]]);

/**
 * WARNING: OpenSSL keeps the form in which it read a point or a curve, so that one key had several ids and its holder could stand for several
 * signers. Only the form that RFC 5480 §2 asks of everybody is read: curve by name, point uncompressed.
 */
function weaknessOnCurve(key: KeyObject, curve: string): string | undefined {
  const point = POINT_BYTES.get(curve);
  if (point === undefined) return `is on curve ${curve}; P-256, P-384 and P-521 are supported`;
  const spki = spkiOf(key);
  const usual = spki.length === point + (HEAD_BYTES.get(curve) ?? 0) && spki.at(-point) === 0x04;
  return usual ? undefined : 'is not written with its curve by name and its point uncompressed (RFC 5480); convert it: openssl ec -pubin -conv_form uncompressed -param_enc named_curve';
}

function readBlocks(pem: string): readonly PemBlock[] {
  try {
    return readPem(pem);
  } catch (error) {
    throw new PublicKeyError('Malformed', `the key text is not PEM: ${messageOf(error)}`, { cause: error });
  }
}

function readKey(block: PemBlock, where: string, certificates: boolean): KeyObject {
  if (block.label.endsWith('PRIVATE KEY')) {
    throw new PublicKeyError('PrivateKey', `${where} is a private key; give the public one (cosign public-key) and rotate this one if it was shared`);
  }
  if (block.label === 'CERTIFICATE' && !certificates) {
    throw new PublicKeyError('Certificate', `${where} is a certificate; give its public key (openssl x509 -pubkey -noout)`);
  }
  const key = decodeKey(block, where);
  const weakness = weaknessOf(key);
  if (weakness !== undefined) {
    throw new PublicKeyError(key.asymmetricKeyType === 'rsa' ? 'TooWeak' : 'Unsupported', `the key in ${where} ${weakness}`);
  }
  return key;
}

function decodeKey(block: PemBlock, where: string): KeyObject {
  try {
    switch (block.label) {
      case 'PUBLIC KEY':
        return createPublicKey({ key: block.der, format: 'der', type: 'spki' });
      case 'RSA PUBLIC KEY':
        return createPublicKey({ key: block.der, format: 'der', type: 'pkcs1' });
      case 'CERTIFICATE':
        return new X509Certificate(block.der).publicKey;
      default:
    }
  } catch (error) {
    throw new PublicKeyError('Malformed', `${where} (${block.label}) cannot be decoded: ${messageOf(error)}`, { cause: error });
  }
  throw new PublicKeyError('Unsupported', `${where} is a ${block.label}; PUBLIC KEY and RSA PUBLIC KEY are read`);
}
