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

const CURVES: Readonly<Record<string, Details>> = {
  prime256v1: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', algorithm: 'SHA2_256', hash: 'sha256' },
  secp384r1: { keyDetails: 'PKIX_ECDSA_P384_SHA_384', algorithm: 'SHA2_384', hash: 'sha384' },
  secp521r1: { keyDetails: 'PKIX_ECDSA_P521_SHA_512', algorithm: 'SHA2_512', hash: 'sha512' },
};
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);

/**
 * The entry of kind hashedrekord 0.0.2 that Rekor v2 makes of a signature of an envelope, byte for byte (rekor-tiles,
 * pkg/types/hashedrekord; RFC 8785): a log that has it has seen this signature, of this content, by this signer, and nothing else. Throws
 * {@link LogBodyError} for a key that such a log takes no entries of.
 */
export function tileEntryOf(content: SignedContent, signer: ExpectedSigner): Buffer {
  const { keyDetails, algorithm, hash } = detailsOf(signer.key);
  const verifier = signer.certificate === undefined
    ? { keyDetails, publicKey: { rawBytes: signer.key.toString('base64') } }
    : { keyDetails, x509Certificate: { rawBytes: signer.certificate.toString('base64') } };
  const data = { algorithm, digest: content.signedDigest(hash)?.toString('base64') ?? '' };
  const hashedRekordV002 = { data, signature: { content: content.signature.toString('base64'), verifier } };
  return Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002 } }));
}

/** Ed25519 is not among them: what a log of digests takes is Ed25519ph, with which no envelope is signed. */
function detailsOf(spki: Buffer): Details {
  const { asymmetricKeyDetails: details = {} } = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const curve = CURVES[details.namedCurve ?? ''];
  if (curve !== undefined) return curve;
  const bits = details.modulusLength ?? 0;
  if (RSA_BITS.has(bits)) return { keyDetails: `PKIX_RSA_PKCS1V15_${bits}_SHA256`, algorithm: 'SHA2_256', hash: 'sha256' };
  throw new LogBodyError('the key is of a kind with which Rekor v2 takes no entries');
}
