import { CertificateError, readCertificate } from '../../signatures/certificate.ts';
import { Mismatch } from './mismatch.ts';

/** What Go's parser says of a certificate that repeats an extension, which OpenSSL takes. Throws {@link Mismatch}. */
export function refuseRepeatedExtension(der: Buffer, limit: number): void {
  try {
    readCertificate(der, limit);
  } catch (error) {
    const [, oid] = error instanceof CertificateError ? (/^has the extension (\S+) twice$/.exec(error.message) ?? []) : [];
    if (oid !== undefined) throw new Mismatch(`x509: certificate contains duplicate extension with OID "${oid}"`, { cause: error });
  }
}
