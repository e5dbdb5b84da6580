import { Re2Error, compileRe2 } from '../../api/re2.ts';
import type { CertificateClaims } from '../../signatures/types.ts';
import type { Wanted, WantedIdentity } from '../verify-options.ts';
import { Mismatch } from './mismatch.ts';

const LEGACY_CLAIMS: Readonly<Record<string, string>> = {
  githubWorkflowTrigger: 'Trigger',
  githubWorkflowSha: 'SHA',
  githubWorkflowName: 'Name',
  githubWorkflowRepository: 'Repository',
  githubWorkflowRef: 'Ref',
};

/** The identity of a legacy signature: any of its subjects may fit, and a pattern for the issuer takes the place of its text (cosign.md §1.1). Throws {@link Mismatch}. */
export function checkLegacyIdentity({ issuer, subjects, claims }: CertificateClaims, wanted: WantedIdentity): void {
  const wrong = wrongClaim(claims, wanted);
  if (wrong !== undefined) throw new Mismatch(`expected GitHub Workflow ${LEGACY_CLAIMS[wrong] ?? wrong} not found in certificate`);
  const issuerFits = wanted.issuer.pattern === undefined ? issuer === wanted.issuer.exact : search(wanted.issuer.pattern, [issuer], 'issuer');
  const subjectFits = wanted.subject.pattern === undefined ? subjects.includes(wanted.subject.exact ?? '') : search(wanted.subject.pattern, subjects, 'subject');
  if (issuerFits && subjectFits) return;
  throw new Mismatch(`none of the expected identities matched what was in the certificate, got subjects [${subjects.join(', ')}] with issuer ${issuer}`);
}

function search(pattern: string, texts: readonly string[], what: string): boolean {
  try {
    const compiled = compileRe2(pattern);
    return texts.some((text) => compiled.search(text));
  } catch (error) {
    throw new Mismatch(`malformed ${what} in identity: ${pattern} : ${patternError(error)}`, { cause: error });
  }
}

/** The patterns of a wanted identity, which a bundle's verifier compiles before it looks at anything. Throws {@link Mismatch}. */
export function checkPatterns({ subject, issuer }: WantedIdentity): void {
  for (const { pattern } of [subject, issuer]) if (pattern !== undefined) compile(pattern);
}

/** The identity of a bundle: its one subject, the issuer (text and pattern must both fit), then the claims (sigstore-go). Throws {@link Mismatch}. */
export function checkBundleIdentity({ issuer, subjects, claims }: CertificateClaims, wanted: WantedIdentity): void {
  const last = bundleMismatch('SAN', wanted.subject, subjects[0] ?? '') ?? bundleMismatch('issuer', wanted.issuer, issuer) ?? claimMismatch(claims, wanted);
  if (last === undefined) return;
  throw new Mismatch(`failed to verify certificate identity: no matching CertificateIdentity found, last error: ${last}`);
}

/** Go puts these between quotes as they are. */
function bundleMismatch(what: string, { exact, pattern }: Wanted, found: string): string | undefined {
  if (exact !== undefined && exact !== found) return `expected ${what} value "${exact}", got "${found}"`;
  if (pattern === undefined || compile(pattern).search(found)) return undefined;
  return `expected ${what} value to match regex "${pattern}", got "${found}"`;
}

function compile(pattern: string): ReturnType<typeof compileRe2> {
  try {
    return compileRe2(pattern);
  } catch (error) {
    throw new Mismatch(patternError(error), { cause: error });
  }
}

function claimMismatch(claims: CertificateClaims['claims'], wanted: WantedIdentity): string | undefined {
  const wrong = wrongClaim(claims, wanted);
  if (wrong === undefined) return undefined;
  const name = wrong.replace(/^github/, 'Github').replace(/Sha$/, 'SHA');
  return `expected ${name} to be "${wanted.claims[wrong] ?? ''}", got "${claims[wrong] ?? ''}"`;
}

function wrongClaim(claims: CertificateClaims['claims'], wanted: WantedIdentity): string | undefined {
  return Object.keys(wanted.claims).find((name) => !Object.hasOwn(claims, name) || claims[name] !== wanted.claims[name]);
}

/** Go's own sentence about a pattern, where it is the library's too. */
function patternError(error: unknown): string {
  const cause: unknown = error instanceof Re2Error ? error.cause : undefined;
  if (cause instanceof Error) return cause.message.startsWith('error parsing regexp') ? cause.message : `error parsing regexp: ${cause.message}`;
  return error instanceof Error ? error.message : String(error);
}
