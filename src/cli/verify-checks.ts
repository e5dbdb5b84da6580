import { Re2Error, compileRe2 } from '../api/re2.ts';
import type { Digest } from '../base/digest.ts';
import type { CertificateClaims, Proof, Subject } from '../signatures/types.ts';
import type { VerifyOptions, Wanted, WantedIdentity } from './verify-options.ts';

/** Why a proven signature does not count, in cosign's words. */
export class Mismatch extends Error {}

const LEGACY_CLAIMS: Readonly<Record<string, string>> = {
  githubWorkflowTrigger: 'Trigger',
  githubWorkflowSha: 'SHA',
  githubWorkflowName: 'Name',
  githubWorkflowRepository: 'Repository',
  githubWorkflowRef: 'Ref',
};

/** Holds a proven legacy signature against the flags (cosign.md §2.3): identity, then digest, then annotations. Throws {@link Mismatch}. */
export function checkLegacy(proof: Proof, digest: Digest, { identity, checkClaims, annotations }: VerifyOptions): void {
  if (identity !== undefined) checkLegacyIdentity(certificateOf(proof), identity);
  if (!checkClaims) return;
  const [subject] = proof.subjects;
  if (subject === undefined || subject.digest !== digest) throw new Mismatch(`invalid or missing digest in claim: ${subject?.digest ?? ''}`);
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

function checkLegacyIdentity({ issuer, subjects, claims }: CertificateClaims, wanted: WantedIdentity): void {
  const wrong = wrongClaim(claims, wanted);
  if (wrong !== undefined) throw new Mismatch(`expected GitHub Workflow ${LEGACY_CLAIMS[wrong] ?? wrong} not found in certificate`);
  const issuerFits = wanted.issuer.pattern === undefined ? issuer === wanted.issuer.exact : legacySearch(wanted.issuer.pattern, [issuer], 'issuer');
  const subjectFits = wanted.subject.pattern === undefined ? subjects.includes(wanted.subject.exact ?? '') : legacySearch(wanted.subject.pattern, subjects, 'subject');
  if (issuerFits && subjectFits) return;
  throw new Mismatch(`none of the expected identities matched what was in the certificate, got subjects [${subjects.join(', ')}] with issuer ${issuer}`);
}

function legacySearch(pattern: string, texts: readonly string[], what: string): boolean {
  try {
    const compiled = compileRe2(pattern);
    return texts.some((text) => compiled.search(text));
  } catch (error) {
    throw new Mismatch(`malformed ${what} in identity: ${pattern} : ${patternError(error)}`, { cause: error });
  }
}

function checkBundleIdentity({ issuer, subjects, claims }: CertificateClaims, wanted: WantedIdentity): void {
  const last = bundleMismatch('SAN', wanted.subject, subjects[0] ?? '') ?? bundleMismatch('issuer', wanted.issuer, issuer) ?? claimMismatch(claims, wanted);
  if (last === undefined) return;
  throw new Mismatch(`failed to verify certificate identity: no matching CertificateIdentity found, last error: ${last}`);
}

function bundleMismatch(what: string, { exact, pattern }: Wanted, found: string): string | undefined {
  if (exact !== undefined && exact !== found) return `expected ${what} value ${JSON.stringify(exact)}, got ${JSON.stringify(found)}`;
  if (pattern === undefined) return undefined;
  try {
    return compileRe2(pattern).search(found) ? undefined : `expected ${what} value to match regex ${JSON.stringify(pattern)}, got ${JSON.stringify(found)}`;
  } catch (error) {
    throw new Mismatch(patternError(error), { cause: error });
  }
}

function claimMismatch(claims: CertificateClaims['claims'], wanted: WantedIdentity): string | undefined {
  const wrong = wrongClaim(claims, wanted);
  if (wrong === undefined) return undefined;
  const name = wrong.replace(/^github/, 'Github').replace(/Sha$/, 'SHA');
  return `expected ${name} to be ${JSON.stringify(wanted.claims[wrong])}, got ${JSON.stringify(claims[wrong] ?? '')}`;
}

function wrongClaim(claims: CertificateClaims['claims'], wanted: WantedIdentity): string | undefined {
  return Object.keys(wanted.claims).find((name) => !Object.hasOwn(claims, name) || claims[name] !== wanted.claims[name]);
}

function checkAnnotations({ annotations }: Subject, wanted: Readonly<Record<string, string>>): void {
  const wrong = Object.keys(wanted).some((name) => !Object.hasOwn(annotations, name) || annotations[name] !== wanted[name]);
  if (wrong) throw new Mismatch('missing or incorrect annotation');
}

/** Go's own sentence about a pattern, where it is the library's too. */
function patternError(error: unknown): string {
  const cause: unknown = error instanceof Re2Error ? error.cause : undefined;
  if (cause instanceof Error) return cause.message.startsWith('error parsing regexp') ? cause.message : `error parsing regexp: ${cause.message}`;
  return error instanceof Error ? error.message : String(error);
}
