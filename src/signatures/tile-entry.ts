import { createPublicKey } from 'node:crypto';
import type { HashAlgorithm, SignedContent } from './content.ts';
import type { ExpectedSigner } from './log-body.ts';
import { LogBodyError } from './log-body.ts';

/** What Rekor v2 calls a key and the hash that goes with it (protobuf-specs, PublicKeyDetails, HashAlgorithm). */
interface Details {
  readonly keyDetails: string;
  readonly algorithm: string;
  readonly hash: HashAlgorithm;
}

/** What an entry is made of, beside the signer. */
type Digested = Pick<SignedContent, 'signature' | 'signedDigest'>;

const CURVES: Readonly<Record<string, Details>> = {
  prime256v1: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', algorithm: 'SHA2_256', hash: 'sha256' },
  secp384r1: { keyDetails: 'PKIX_ECDSA_P384_SHA_384', algorithm: 'SHA2_384', hash: 'sha384' },
  secp521r1: { keyDetails: 'PKIX_ECDSA_P521_SHA_512', algorithm: 'SHA2_512', hash: 'sha512' },
};
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);

/** What a log of digests takes of an Ed25519 key is Ed25519ph, with which no envelope is signed. */
const ED25519: Details = { keyDetails: 'PKIX_ED25519_PH', algorithm: 'SHA2_512', hash: 'sha512' };

/**
 * The entry of kind hashedrekord 0.0.2 that Rekor v2 makes of a signature of an envelope, byte for byte (rekor-tiles,
 * pkg/types/hashedrekord; RFC 8785): a log that has it has seen this signature, of this content, by this signer, and nothing else. Throws
 * {@link LogBodyError} for a key that such a log takes no entries of.
 */
export function tileEntryOf(content: SignedContent, signer: ExpectedSigner): Buffer {
  const details = detailsOf(signer.key);
  if (details === undefined || details === ED25519) throw new LogBodyError('the key is of a kind with which Rekor v2 takes no entries');
  return entryOf(content, signer, details);
}

/** The same, for whatever key such an entry has a name: what cosign looks for in the log. Undefined for any other. */
export function namedTileEntry(content: Digested, signer: ExpectedSigner): Buffer | undefined {
  const details = detailsOf(signer.key);
  return details === undefined ? undefined : entryOf(content, signer, details);
}

function entryOf(content: Digested, signer: ExpectedSigner, { keyDetails, algorithm, hash }: Details): Buffer {
  const verifier = signer.certificate === undefined
    ? { keyDetails, publicKey: { rawBytes: signer.key.toString('base64') } }
    : { keyDetails, x509Certificate: { rawBytes: signer.certificate.toString('base64') } };
  const data = { algorithm, digest: content.signedDigest(hash)?.toString('base64') ?? '' };
  const hashedRekordV002 = { data, signature: { content: content.signature.toString('base64'), verifier } };
  return Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002 } }));
}

function detailsOf(spki: Buffer): Details | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  if (type === 'ed25519') return ED25519;
  const bits = details.modulusLength ?? 0;
  return RSA_BITS.has(bits) ? { keyDetails: `PKIX_RSA_PKCS1V15_${bits}_SHA256`, algorithm: 'SHA2_256', hash: 'sha256' } : CURVES[details.namedCurve ?? ''];
}
