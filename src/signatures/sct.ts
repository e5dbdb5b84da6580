import { createHash } from 'node:crypto';
import { ASN1Obj, ByteStream, X509SCTExtension } from '@sigstore/core';
import { CertificateError, SIGNED_CERTIFICATE_TIMESTAMPS } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { derChildren, derOid, encodeDer, readDer, SEQUENCE } from './der.ts';
import type { Log } from './trust-root.ts';

const EXTENSIONS = 0xa3;

/**
 * Proves that a trusted CT log has seen the certificate: at least one embedded SCT by a known log, inside of the validity of
 * its key (RFC 6962 §3.2). SCTs of unknown logs are skipped. Throws {@link CertificateError}.
 */
export function verifySct(leaf: Certificate, issuer: Certificate, logs: readonly Log[]): void {
  const extension = leaf.extensions.get(SIGNED_CERTIFICATE_TIMESTAMPS);
  if (extension === undefined) throw new CertificateError('has no signed certificate timestamp (SCT)');
  const timestamps = new X509SCTExtension(ASN1Obj.parseBuffer(Buffer.from(extension.der))).signedCertificateTimestamps;
  const precertificate = precertificateOf(leaf, issuer);
  for (const timestamp of timestamps) {
    const time = timestamp.datetime;
    const known = logs.filter(({ logID, validFor: { start, end } }) => logID.equals(timestamp.logID) && start <= time && time <= end);
    if (known.some(({ publicKey }) => timestamp.verify(precertificate, publicKey))) return;
  }
  throw new CertificateError(`has no signed certificate timestamp (SCT) by one of the ${logs.length} CT logs of the trust root`);
}

/** What the log signed: the issuer's key and the certificate as it was before the SCTs were put in (RFC 6962 §3.2, PreCert). */
function precertificateOf(leaf: Certificate, issuer: Certificate): Buffer {
  const fields = leaf.tbs.map((field) => (field.tag === EXTENSIONS ? withoutTimestamps(field.content) : field.whole));
  const tbs = encodeDer(SEQUENCE, ...fields);
  const stream = new ByteStream();
  stream.appendView(createHash('sha256').update(issuer.spki).digest());
  stream.appendUint24(tbs.length);
  stream.appendView(tbs);
  return stream.buffer;
}

function withoutTimestamps(list: Buffer): Buffer {
  const kept = derChildren(readDer(list, SEQUENCE)).filter((extension) => derOid(derChildren(extension)[0]) !== SIGNED_CERTIFICATE_TIMESTAMPS);
  return encodeDer(EXTENSIONS, encodeDer(SEQUENCE, ...kept.map(({ whole }) => whole)));
}
