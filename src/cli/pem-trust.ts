import { createHash, X509Certificate } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import { readPem } from '../signatures/pem.ts';
import { parsePublicKeys } from '../signatures/public-key.ts';
import { loadTrustRoot } from '../signatures/trust-root.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';

/** Which part of a trust root a PEM file is for. */
export type TrustPart = 'authorities' | 'timestampAuthorities' | 'logs' | 'ctLogs';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
/** cosign knows no beginning and no end for what is given in PEM files. */
const ALWAYS = { start: '1970-01-01T00:00:00Z' };

/**
 * A trust root of certificate authorities alone: each root with those intermediates that lead to it. With the same strictness as any
 * other root. Throws an error that says what is wrong.
 */
export function authoritiesFrom(roots: readonly X509Certificate[], intermediates: readonly X509Certificate[]): TrustRoot {
  return trustRoot({
    certificateAuthorities: roots.map((root) => ({ certChain: chainOf(root, intermediates), validFor: ALWAYS, uri: '' })),
  });
}

/** A trust root of one timestamp authority: exactly one certificate that is none of an authority, and at least one root. Throws with cosign's words. */
export function timestampAuthorityFrom(certificates: readonly X509Certificate[]): TrustRoot {
  const [leaf, ...others] = certificates.filter(({ ca }) => !ca);
  if (leaf === undefined || others.length > 0) throw new Error('TSA certificate chain must contain exactly one leaf certificate');
  const authorities = certificates.filter(({ ca }) => ca);
  const roots = authorities.filter((one) => one.subject === one.issuer);
  if (roots.length === 0) throw new Error('TSA certificate chain must contain at least one root certificate');
  const intermediates = authorities.filter((one) => !roots.includes(one));
  return trustRoot({
    timestampAuthorities: roots.map((root) => {
      const { certificates: chain } = chainOf(root, intermediates);
      return { certChain: { certificates: [rawBytes(leaf.raw), ...chain] }, validFor: ALWAYS, uri: '' };
    }),
  });
}

/** A trust root of logs alone, each known by its key (RFC 6962 §3.2). Throws an error that says what is wrong. */
export function logsFrom(pem: string, part: 'logs' | 'ctLogs'): TrustRoot {
  const logs = parsePublicKeys(pem, 'sha256', { certificates: true }).map(({ key }) => {
    const spki = key.export({ type: 'spki', format: 'der' });
    const keyId = createHash('sha256').update(spki).digest().toString('base64');
    return { baseUrl: 'https://localhost', hashAlgorithm: 'SHA2_256', publicKey: { ...rawBytes(spki), keyDetails: detailsOf(key), validFor: ALWAYS }, logId: { keyId } };
  });
  return trustRoot(part === 'logs' ? { tlogs: logs } : { ctlogs: logs });
}

/** All certificates of a PEM text. Throws an error that says what is wrong. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = readPem(pem);
  if (blocks.length === 0) throw new Error('there is no PEM certificate');
  return blocks.map(({ label, der }, index) => {
    if (label !== 'CERTIFICATE') throw new Error(`PEM block ${index + 1} is a ${label} and not a CERTIFICATE`);
    try {
      return new X509Certificate(der);
    } catch (error) {
      throw new Error(`PEM block ${index + 1} is not a certificate: ${messageOf(error)}`, { cause: error });
    }
  });
}

/** From the lowest intermediate up to the root. */
function chainOf(root: X509Certificate, intermediates: readonly X509Certificate[]): { readonly certificates: readonly { readonly rawBytes: string }[] } {
  const chain = [root];
  const left = new Set(intermediates);
  for (let grown = true; grown; ) {
    grown = false;
    for (const candidate of left) {
      if (!chain.some((above) => candidate.checkIssued(above) && candidate.verify(above.publicKey))) continue;
      chain.unshift(candidate);
      left.delete(candidate);
      grown = true;
    }
  }
  return { certificates: chain.map(({ raw }) => rawBytes(raw)) };
}

function rawBytes(der: Buffer): { readonly rawBytes: string } {
  return { rawBytes: der.toString('base64') };
}

function trustRoot(parts: Readonly<Record<string, unknown>>): TrustRoot {
  return loadTrustRoot(JSON.stringify({ mediaType: MEDIA_TYPE, ...parts }));
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'PKIX_ECDSA_P256_SHA_256', secp384r1: 'PKIX_ECDSA_P384_SHA_384', secp521r1: 'PKIX_ECDSA_P521_SHA_512' };

function detailsOf({ asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve = '', modulusLength = 0 } = {} }: X509Certificate['publicKey']): string {
  if (type === 'ed25519') return 'PKIX_ED25519';
  return type === 'rsa' ? `PKIX_RSA_PKCS1V15_${modulusLength}_SHA256` : (CURVES[namedCurve] ?? 'PUBLIC_KEY_DETAILS_UNSPECIFIED');
}
