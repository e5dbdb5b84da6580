import { CertificateError, mayServe } from './certificate.ts';
import type { Certificate } from './certificate.ts';

/** Extended key usage of certificates that sign code (RFC 5280 §4.2.1.12). */
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** Extended key usage of timestamp authorities. */
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/** Issuers of the same name and key identifier that are tried for one certificate. */
const MAX_NAMESAKES = 2;

/** A certificate of an authority, and its own issuer; a self-signed one ends the chain. */
export interface Authority {
  readonly certificate: Certificate;
  readonly issuer?: Authority;
}

/** When an authority may be trusted, in milliseconds since the epoch; the last one counts. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

/** An authority's certificates, of which each was proven to lead to the self-signed last one. */
export interface AuthorityChain extends Period {
  readonly authorities: readonly Authority[];
}

/** A timestamp authority: the certificate that signs for it, and those that were proven to have issued that one. */
export interface StampAuthority extends Period {
  readonly signer: Certificate;
  readonly issuers: readonly Authority[];
}

/**
 * Orders and proves the certificates of an authority once, so that later only the leaf's own signature is left to check.
 * The last one must be self-signed and each other one issued by one after it. Throws {@link CertificateError}.
 */
export function linkAuthorities(certificates: readonly Certificate[]): readonly Authority[] {
  const linked: Authority[] = [];
  for (const certificate of certificates.toReversed()) {
    if (!certificate.isAuthority) throw new CertificateError(`${nameOf(certificate)} is not a certificate authority`);
    if (linked.length === 0) {
      if (!issued(certificate, certificate)) {
        throw new CertificateError(`${nameOf(certificate)}, the last of the chain, is not self-signed`);
      }
      linked.push({ certificate });
      continue;
    }
    // The last first, as chains are in order. More of one name and key identifier than these only take time.
    const named = linked.filter((authority) => certificate.x509.checkIssued(authority.certificate.x509)).slice(-MAX_NAMESAKES);
    const issuer = named.findLast((authority) => certificate.x509.verify(authority.certificate.key));
    if (issuer === undefined) throw new CertificateError(`${nameOf(certificate)} is not issued by a certificate after it`);
    linked.push({ certificate, issuer });
  }
  return linked.toReversed();
}

/**
 * The authority that issued `leaf`, if its whole chain was valid at every one of `times` (milliseconds since the epoch) and may
 * serve `purpose` (RFC 5280 §6.1). Throws {@link CertificateError} with the reason of the chain that came furthest.
 */
export function verifyChain(leaf: Certificate, chains: readonly AuthorityChain[], times: readonly number[], purpose: string): Certificate {
  let reason = 'is not issued by a certificate authority of the trust root';
  for (const chain of chains) {
    for (const authority of chain.authorities) {
      if (!wasIssued(leaf, authority.certificate)) continue;
      const objection = objectionTo(leaf, authority, chain, times, purpose);
      if (objection === undefined) return authority.certificate;
      reason = objection;
    }
  }
  throw new CertificateError(reason);
}

/** By certificate, who was seen to have issued it. Both never change; an entry lives as long as the certificate does. */
const issuers = new WeakMap<Certificate, WeakSet<Certificate>>();

/** {@link issued}, proven once: half of a proof is this signature, and a candidate may be proven by the rules of two profiles. */
function wasIssued(certificate: Certificate, issuer: Certificate): boolean {
  const known = issuers.get(certificate);
  if (known?.has(issuer) === true) return true;
  if (!issued(certificate, issuer)) return false;
  if (known === undefined) issuers.set(certificate, new WeakSet([issuer]));
  else known.add(issuer);
  return true;
}

/** Names and key identifiers fit (RFC 5280 §6.1.3, §4.2.1.1), the issuer may sign certificates, and the signature is right. */
export function issued(certificate: Certificate, issuer: Certificate): boolean {
  return isNamedAfter(certificate, issuer) && certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.key);
}

/** OpenSSL compares names in spirit: letters of either case, strings of any type. Here, as for cosign, they are the same bytes (fields 3 and 5 of a TBSCertificate). */
function isNamedAfter(certificate: Certificate, issuer: Certificate): boolean {
  const [named, subject] = [certificate.tbs[3]?.whole, issuer.tbs[5]?.whole];
  return named !== undefined && subject !== undefined && named.equals(subject);
}

/** Why `issuer`, which did sign `leaf`, does not vouch for it at `times` and for `purpose`; its whole chain is looked at. */
export function objectionTo(leaf: Certificate, issuer: Authority, trusted: Period, times: readonly number[], purpose: string): string | undefined {
  const path = pathFrom(issuer);
  for (const time of times) {
    const when = new Date(time).toISOString();
    if (time < trusted.start || time > trusted.end) return `is issued by an authority that the trust root does not trust at ${when}`;
    if (!validAt(leaf, time)) {
      return `is valid from ${new Date(leaf.notBefore).toISOString()} to ${new Date(leaf.notAfter).toISOString()}, not at ${when}`;
    }
    const lapsed = path.find((certificate) => !validAt(certificate, time));
    if (lapsed !== undefined) return `is issued under ${nameOf(lapsed)}, which is not valid at ${when}`;
  }
  const unfit = path.find((certificate, below) => !mayServe(certificate, purpose) || below > (certificate.pathLength ?? below));
  return unfit === undefined ? undefined : `is issued under ${nameOf(unfit)}, which may not issue such certificates`;
}

function pathFrom(authority: Authority): readonly Certificate[] {
  const path: Certificate[] = [];
  for (let at: Authority | undefined = authority; at !== undefined; at = at.issuer) path.push(at.certificate);
  return path;
}

/** A certificate is valid at its last second (RFC 5280 §4.1.2.5), and as for cosign not in fractions after it. */
function validAt(certificate: Certificate, time: number): boolean {
  return certificate.notBefore <= time && time <= certificate.notAfter;
}

function nameOf(certificate: Certificate): string {
  return `"${certificate.x509.subject.replaceAll('\n', ', ').slice(0, 128)}"`;
}
