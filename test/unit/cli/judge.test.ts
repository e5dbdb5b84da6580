import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { bundleRefusal } from '../../../src/cli/refusal/bundle.ts';
import { checkStoredChain } from '../../../src/cli/refusal/legacy-parts.ts';
import { checkAttestation, checkBundle, checkLegacy } from '../../../src/cli/verify-checks.ts';
import { readFlags } from '../../../src/cli/verify-flags.ts';
import { benchOf, judge } from '../../../src/cli/verify-judge.ts';
import { readOptions } from '../../../src/cli/verify-options.ts';
import type { Digest } from '../../../src/base/digest.ts';
import { asLoaded } from '../../../src/signatures/loadable.ts';
import { COSIGN } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { BundleCandidate, Candidate, LegacyCandidate } from '../../../src/signatures/types.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const world = createWorld();
const ISSUER = 'https://token.example';
const alice = world.keyless({ subject: 'alice@example.test', issuer: ISSUER });
const DIGEST = `sha256:${'a'.repeat(64)}` satisfies Digest;
const ARTIFACT = { digest: DIGEST, repository: 'registry.example/acme/web' };
const silent = { env: {}, stderr: () => undefined };
const options = readOptions(readFlags(['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', ISSUER, 'acme/web'], silent), silent);
const bench = benchOf({ options, trust: loadTrustRoot(world.trustedRootJson), inParts: false, warn: () => undefined }, world.now());
const question = { requirement: bench.requirement, options, digest: DIGEST, inParts: false, warn: () => undefined };

const { payload, annotations } = world.legacySignature(alice, ARTIFACT);
const LEGACY: LegacyCandidate = { format: 'legacy', location: 'here', payload, annotations };
const BUNDLES: readonly string[] = (['v1', 'v2'] as const).map((log) => JSON.stringify(world.bundle(alice, ARTIFACT, { log })));

function bundleOf(text: string): BundleCandidate {
  return { format: 'bundle', location: 'here', bytes: Buffer.from(text) };
}

/** What decides: the proof, the flags that it is held against, and that a chain beside it is whole. */
function counts(candidate: Candidate): boolean {
  const check = { legacy: checkLegacy, 'legacy-attestation': checkAttestation, bundle: checkBundle }[candidate.format];
  try {
    check(prove(candidate, bench.requirement), DIGEST, options);
    if (candidate.format !== 'bundle') checkStoredChain(candidate);
    return true;
  } catch {
    return false;
  }
}

function assertDecidedByProof(candidate: Candidate): void {
  const { accepted, errors } = judge(bench, DIGEST, [candidate]);
  assert.deepEqual([accepted.length, errors.length], counts(candidate) ? [1, 0] : [0, 1]);
}

/** One character of a text is another, or is not there. */
function changed(text: string, at: number, to: string): string {
  const index = at % text.length;
  return text.slice(0, index) + to + text.slice(index + 1);
}

const change = fc.record({ at: fc.nat(), to: fc.constantFrom('', 'A', 'b', '7', '"', '=', ' ', 'e0') });

test('signatures that are as they should be count', () => {
  for (const candidate of [LEGACY, ...BUNDLES.map(bundleOf)]) assert.equal(judge(bench, DIGEST, [candidate]).accepted.length, 1);
});

test('whatever is changed in a bundle, the proof decides and the sentence does not', () => {
  fc.assert(
    fc.property(fc.constantFrom(...BUNDLES), change, (text, { at, to }) => {
      const loaded = asLoaded(bundleOf(changed(text, at, to)), COSIGN);
      if (loaded !== undefined) assertDecidedByProof(loaded);
    }),
    { numRuns: 200 },
  );
});

test('whatever is changed in a legacy signature, the proof decides and the sentence does not', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(annotations)), change, (name, { at, to }) => {
      assertDecidedByProof({ ...LEGACY, annotations: { ...annotations, [name]: changed(annotations[name] ?? '', at, to) } });
    }),
    { numRuns: 80 },
  );
  fc.assert(fc.property(change, ({ at, to }) => assertDecidedByProof({ ...LEGACY, payload: Buffer.from(changed(Buffer.from(payload).toString(), at, to)) })), { numRuns: 40 });
});

test('a signature that no sentence is found for is refused all the same, in words of our own', () => {
  const candidate = bundleOf(JSON.stringify(world.bundle(alice, ARTIFACT)).replace('"sig":', '"keyid":"somebody","sig":'));
  assert.equal(bundleRefusal(candidate, question), undefined);
  assert.deepEqual(judge(bench, DIGEST, [candidate]), { accepted: [], errors: ['the signature cannot be read: the envelope names the key of its signature'] });
});

test('an entry that says a time which nothing proves is no entry without a time: no timestamp takes its place, as for cosign', () => {
  const bundle = JSON.parse(JSON.stringify(world.bundle(alice, ARTIFACT, { log: 'v1', timestamp: true }))) as { verificationMaterial: { tlogEntries: { inclusionPromise?: unknown }[] } };
  for (const entry of bundle.verificationMaterial.tlogEntries) delete entry.inclusionPromise;
  const { errors } = judge(bench, DIGEST, [bundleOf(JSON.stringify(bundle))]);
  assert.deepEqual(errors, ['failed to verify timestamps: threshold not met for verified log entry integrated timestamps: 0 < 1']);
});

test('a chain beside a keyless signature must be whole, as for cosign', () => {
  const odd = { ...LEGACY, annotations: { ...annotations, 'dev.sigstore.cosign/chain': 'garbage' } };
  assert.deepEqual(judge(bench, DIGEST, [odd]), { accepted: [], errors: ['error during PEM decoding'] });
});
