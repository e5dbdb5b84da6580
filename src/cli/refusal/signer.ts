import { SIGNED_CERTIFICATE_TIMESTAMPS, readCertificate } from '../../signatures/certificate.ts';
import type { Certificate } from '../../signatures/certificate.ts';
import { CODE_SIGNING, verifyChain } from '../../signatures/chain.ts';
import { claimsOf } from '../../signatures/identity.ts';
import { verifySct } from '../../signatures/sct.ts';
import { checkLegacyIdentity } from './identity.ts';
import { Mismatch } from './mismatch.ts';
import type { Question } from './question.ts';
import { trustOf } from './question.ts';

/**
 * The certificate of a legacy signer in cosign's order (pkg/cosign/verify.go, ValidateAndUnpackCert): its chain when it was issued, its
 * claims and names, its certificate transparency. Returns it and its issuer. Throws {@link Mismatch}.
 */
export function checkSigner(der: Buffer, question: Omit<Question, 'digest' | 'warn'>): readonly [Certificate, Certificate] {
  const { requirement, options } = question;
  const { authorities, material } = trustOf(question);
  let [leaf, issuer]: [Certificate | undefined, Certificate | undefined] = [undefined, undefined];
  try {
    leaf = readCertificate(der, requirement.profile.limits.certificateBytes);
    issuer = verifyChain(leaf, authorities, [leaf.notBefore], CODE_SIGNING);
  } catch (error) {
    throw new Mismatch(question.inParts ? UNKNOWN_AUTHORITY : 'leaf certificate verification failed', { cause: error });
  }
  if (options.identity !== undefined) checkLegacyIdentity(claimsOf(leaf, 'legacy', requirement.profile), options.identity);
  if (requirement.sct === 'Ignored') return [leaf, issuer];
  if (!leaf.extensions.has(SIGNED_CERTIFICATE_TIMESTAMPS)) {
    throw new Mismatch('certificate does not include required embedded SCT and no detached SCT was set');
  }
  try {
    verifySct(leaf, issuer, material.ctlogs);
  } catch (error) {
    throw new Mismatch(question.inParts ? 'ctfe public key not found for embedded SCT' : 'only able to verify 0 SCT entries; unable to meet threshold of 1', { cause: error });
  }
  return [leaf, issuer];
}

const UNKNOWN_AUTHORITY =
  'cert verification failed: x509: certificate signed by unknown authority. Check your TUF root (see cosign initialize) or set a custom root with env var SIGSTORE_ROOT_FILE';
