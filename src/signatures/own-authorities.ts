import { digestOf } from '../base/digest.ts';
import { CertificateError, readCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { issued, linkAuthorities } from './chain.ts';
import type { AuthorityChain } from './chain.ts';
import { PemError, readPem } from './pem.ts';
import { TrustRootError } from './trust-root.ts';
import type { TrustRoot } from './trust-root.ts';

const MAX_BYTES = 64 * 1024;
const MAX_CERTIFICATES = 16;
/** Each may have to be tried with each signature. */
const MAX_CHAIN = 8;
const MAX_CERTIFICATE_BYTES = 16 * 1024;

/**
 * Reads certificate authorities of somebody's own, in PEM and in any order: self-signed roots, and intermediates that each lead to one
 * of them. Such a root has neither logs nor timestamp authorities. Throws {@link TrustRootError}.
 */
export function loadOwnAuthorities(pem: string): TrustRoot {
  if (Buffer.byteLength(pem) > MAX_BYTES) throw new TrustRootError('TooLarge', `the certificates are larger than ${MAX_BYTES} bytes`);
  const certificates = readCertificates(pem);
  const roots = certificates.filter((certificate) => issued(certificate, certificate));
  if (roots.length === 0) throw new TrustRootError('Invalid', 'there is no root among the certificates: one that is self-signed, at which trust ends');
  const authorities = roots.map((root) => chainOf(root, certificates));
  const stray = certificates.find((certificate) => !authorities.some((chain) => chain.authorities.some((authority) => authority.certificate === certificate)));
  if (stray !== undefined) throw new TrustRootError('Invalid', `${nameOf(stray)} leads to none of the roots; add what issued it, or remove it`);
  return Object.freeze({ material: { tlogs: [], ctlogs: [], stampAuthorities: [] }, authorities, ownAuthorities: true, hash: digestOf(pem) });
}

function readCertificates(pem: string): readonly Certificate[] {
  try {
    const blocks = readPem(pem);
    if (blocks.length === 0) throw new TrustRootError('Empty', 'there is no certificate; it should begin with -----BEGIN CERTIFICATE-----');
    if (blocks.length > MAX_CERTIFICATES) throw new TrustRootError('TooLarge', `there are ${blocks.length} PEM blocks; at most ${MAX_CERTIFICATES} are read`);
    return blocks.map(({ label, der }, index) => {
      if (label !== 'CERTIFICATE') throw new TrustRootError('Invalid', `PEM block ${index + 1} is a ${label}; give certificates only`);
      return named(`the certificate in PEM block ${index + 1}`, () => readCertificate(der, MAX_CERTIFICATE_BYTES));
    });
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    throw new TrustRootError('Malformed', `the certificates are not PEM: ${error.message}`, { cause: error });
  }
}

/** A root and everything that leads to it, issuers last, as `linkAuthorities` wants them. */
function chainOf(root: Certificate, certificates: readonly Certificate[]): AuthorityChain {
  const chain = [root];
  for (let at = 0; at < chain.length; at += 1) {
    const issuer = chain[at];
    if (issuer === undefined) break;
    chain.push(...certificates.filter((one) => !chain.includes(one) && !issued(one, one) && issued(one, issuer)));
    if (chain.length > MAX_CHAIN) throw new TrustRootError('TooLarge', `more than ${MAX_CHAIN} certificates lead to ${nameOf(root)}`);
  }
  // When each of them is valid it says itself.
  return { authorities: named('the certificates', () => linkAuthorities(chain.toReversed())), start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
}

function named<Value>(what: string, task: () => Value): Value {
  try {
    return task();
  } catch (error) {
    if (error instanceof CertificateError) throw new TrustRootError('Invalid', `${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

function nameOf({ x509 }: Certificate): string {
  return `"${x509.subject.replaceAll('\n', ', ').slice(0, 128)}"`;
}
