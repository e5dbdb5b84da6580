import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { BundleParts } from './bundle-parts.ts';
import { signatureOf } from './bundle-parts.ts';
import { Mismatch } from './mismatch.ts';

/** Rekor v2's names for a key and the hash that goes with it (protobuf-specs, PublicKeyDetails). */
interface KeyDetails {
  readonly name: string;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
}

const HASH_NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;
const CURVES: Readonly<Record<string, KeyDetails>> = {
  prime256v1: { name: 'PKIX_ECDSA_P256_SHA_256', hash: 'sha256' },
  secp384r1: { name: 'PKIX_ECDSA_P384_SHA_384', hash: 'sha384' },
  secp521r1: { name: 'PKIX_ECDSA_P521_SHA_512', hash: 'sha512' },
};

/**
 * The `hashedrekord` 0.0.2 entry that Rekor v2 would make of a bundle, in canonical JSON (RFC 8785): members by name, and no
 * text in it has a character that would be escaped. Throws {@link Mismatch} where there is no signer to name.
 */
export function tileBody(parts: BundleParts, key: KeyObject | undefined): Buffer {
  const { certificate, envelope, message } = parts;
  const signer = certificate?.publicKey ?? key;
  if (signer === undefined) throw new Mismatch('public key not found in trusted material: no public key material available');
  const { name, hash } = detailsOf(signer);
  const spki = signer.export({ type: 'spki', format: 'der' });
  const verifier = certificate === undefined ? { publicKey: rawBytes(spki) } : { x509Certificate: rawBytes(certificate.raw) };
  const digest =
    envelope === undefined
      ? (message?.digest ?? Buffer.alloc(0))
      : createHash(hash).update(preAuthEncoding(envelope)).digest();
  const entry = {
    data: { algorithm: HASH_NAMES[hash], digest: digest.toString('base64') },
    signature: { content: signatureOf(parts).toString('base64'), verifier: { keyDetails: name, ...verifier } },
  };
  return Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002: entry } }));
}

/** What the signature of an envelope is over (secure-systems-lab/dsse, protocol.md). */
function preAuthEncoding({ payload, payloadType }: NonNullable<BundleParts['envelope']>): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]);
}

function rawBytes(bytes: Buffer): { readonly rawBytes: string } {
  return { rawBytes: bytes.toString('base64') };
}

function detailsOf(key: KeyObject): KeyDetails {
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve = '', modulusLength = 0 } = {} } = key;
  if (type === 'rsa') return { name: `PKIX_RSA_PKCS1V15_${modulusLength}_SHA256`, hash: 'sha256' };
  if (type === 'ed25519') return { name: 'PKIX_ED25519_PH', hash: 'sha512' };
  const details = CURVES[namedCurve];
  if (details === undefined) throw new Mismatch('getting algorithm details from bundle key: unsupported key');
  return details;
}
