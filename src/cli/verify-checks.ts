import type { Digest } from '../base/digest.ts';
import type { CertificateClaims, Proof } from '../signatures/types.ts';
import { checkAnnotations } from './refusal/annotations.ts';
import { checkBundleIdentity, checkLegacyIdentity } from './refusal/identity.ts';
import { Mismatch } from './refusal/mismatch.ts';
import type { VerifyOptions } from './verify-options.ts';

/** Holds a proven legacy signature against the flags (cosign.md §2.3): identity, then digest, then annotations. Throws {@link Mismatch}. */
export function checkLegacy(proof: Proof, digest: Digest, { identity, checkClaims, annotations }: VerifyOptions): void {
  if (identity !== undefined) checkLegacyIdentity(certificateOf(proof), identity);
  if (!checkClaims) return;
  const [subject] = proof.subjects;
  if (subject === undefined || subject.digest !== digest) throw new Mismatch(`invalid or missing digest in claim: ${subject?.digest ?? ''}`);
  checkAnnotations(subject, annotations);
}

/** Holds a proven legacy attestation against the flags: identity, then one of its subjects. Throws {@link Mismatch}. */
export function checkAttestation(proof: Proof, digest: Digest, { identity, checkClaims, annotations }: VerifyOptions): void {
  if (identity !== undefined) checkLegacyIdentity(certificateOf(proof), identity);
  if (!checkClaims) return;
  const subject = proof.subjects.find((one) => one.digest === digest);
  if (subject === undefined) throw new Mismatch('no matching subject digest found');
  checkAnnotations(subject, annotations);
}

/** Holds a proven bundle against the flags (cosign.md §2.4); its subject is checked whatever `--check-claims` says. Throws {@link Mismatch}. */
export function checkBundle(proof: Proof, digest: Digest, { identity, checkClaims, annotations }: VerifyOptions): void {
  const subject = proof.subjects.find((one) => one.digest === digest);
  if (subject === undefined) throw new Mismatch('failed to verify signature: provided artifact digest does not match any digest in statement');
  if (identity !== undefined) checkBundleIdentity(certificateOf(proof), identity);
  if (checkClaims) checkAnnotations(subject, annotations);
}

function certificateOf({ certificate }: Proof): CertificateClaims {
  if (certificate === undefined) throw new Mismatch('no certificate found on signature');
  return certificate;
}
