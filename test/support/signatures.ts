import assert from 'node:assert/strict';
import { OPERATOR } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { parsePublicKeys } from '../../src/signatures/public-key.ts';
import type { PublicKey } from '../../src/signatures/public-key.ts';
import { loadTrustRoot } from '../../src/signatures/trust-root.ts';
import type { TrustRoot } from '../../src/signatures/trust-root.ts';
import { SignatureError } from '../../src/signatures/types.ts';
import type { Candidate, Proof, Requirement, SignatureErrorCode } from '../../src/signatures/types.ts';
import type { Bundle, LegacySignature, SignOptions, StatementOptions, TestSigner } from './sigstore/sign.ts';
import type { TrustedRootJson } from './sigstore/trusted-root.ts';
import { createWorld, publicKeyPem } from './sigstore/world.ts';
import type { World } from './sigstore/world.ts';

/** The moment at which everything is signed unless a test says otherwise. */
export const AT = Date.parse('2026-11-20T12:00:00Z');
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const YEAR = 365 * 24 * HOUR;

export const IMAGE = { digest: `sha256:${'a1'.repeat(32)}`, repository: 'registry.example/acme/app' } as const;
export const ISSUER = 'https://token.actions.githubusercontent.com';
export const SUBJECT = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1';

/** A private Sigstore, its trust root and a release workflow that signs there. */
export const world: World = createWorld({ now: AT });
export const release = world.keyless({ subject: SUBJECT, issuer: ISSUER, claims: { githubWorkflowRef: 'refs/tags/v1', runnerEnvironment: 'github-hosted' } });
export const trust: TrustRoot = loadTrustRoot(world.trustedRootJson);

/** A trust root after an edit of its JSON. */
export function trusting(root: TrustedRootJson): TrustRoot {
  return loadTrustRoot(JSON.stringify(root));
}

/** What the operator asks of a keyless signature, but for the difference. */
export function asking(difference: Partial<Requirement> = {}): Requirement {
  return { trust, log: 'Required', timestamp: 'NotAsked', sct: 'Required', profile: OPERATOR, now: AT + YEAR, ...difference };
}

/** The key of a test signer, as a policy has it. */
export function keyOf(signer: TestSigner & { kind: 'key' }, hashAlgorithm: PublicKey['hashAlgorithm'] = 'sha256'): PublicKey {
  const [key] = parsePublicKeys(publicKeyPem(signer), hashAlgorithm);
  assert.ok(key);
  return key;
}

/** A legacy signature as it is found beside an image. */
export function legacy(signer: TestSigner, options: SignOptions = {}): Candidate {
  return found(world.legacySignature(signer, IMAGE, options));
}

/** The same of one that was made, and perhaps edited, before. */
export function found(signature: LegacySignature): Candidate {
  return { format: 'legacy', location: 'registry.example/acme/app:sha256-….sig, layer 1', ...signature };
}

/** A bundle as it is found beside an image. */
export function bundle(signer: TestSigner, options: SignOptions & StatementOptions = {}, edit: (bundle: Bundle) => unknown = (one) => one): Candidate {
  return asBundle(edit(world.bundle(signer, IMAGE, options)));
}

/** Any JSON, or any bytes, found in the place of a bundle. */
export function asBundle(json: unknown): Candidate {
  const bytes = Buffer.isBuffer(json) ? json : Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return { format: 'bundle', location: 'registry.example/acme/app@sha256:…', bytes };
}

/** Asserts that the candidate proves nothing, for this reason, and gives the error. */
export function refused(candidate: Candidate, requirement: Requirement, code: SignatureErrorCode, text: RegExp = /./): SignatureError {
  const error = outcome(candidate, requirement);
  assert.ok(error instanceof SignatureError, `proven: ${JSON.stringify(error)}`);
  assert.deepEqual({ code: error.code, text: text.test(error.message) }, { code, text: true }, error.message);
  return error;
}

/** The proof, or the reason why there is none; whatever else is thrown is a failure of the test. */
export function outcome(candidate: Candidate, requirement: Requirement): Proof | SignatureError {
  try {
    return prove(candidate, requirement);
  } catch (error) {
    assert.ok(error instanceof SignatureError, `not a SignatureError: ${String(error)}`);
    return error;
  }
}
