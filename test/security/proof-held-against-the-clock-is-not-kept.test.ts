import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { prove } from '../../src/signatures/prove.ts';
import { parsePublicKeys } from '../../src/signatures/public-key.ts';
import { trustRecipe, trustSource } from '../../src/signatures/trust-recipe.ts';
import type { Candidate } from '../../src/signatures/types.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';
import { Prover } from '../../src/verification/prover.ts';
import type { CompiledAuthority } from '../../src/verification/types.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { AT, bundle, IMAGE, keyOf, legacy, MINUTE, release, world, YEAR } from '../support/signatures.ts';
import { evidence, IMAGE as NAME, keyed, policy } from '../unit/verification/builders.ts';

/*
 * A Rekor v2 entry says no time, so that the log's key must be valid when it is looked at. Kept for good, such a proof outlived the key:
 * a signature that a retired key logged went on being verified (CVE-2026-54787 is of this kind).
 */

const owner = world.key();
const root = trustSource('TrustedRoot', JSON.stringify({
  ...JSON.parse(world.trustedRootJson),
  tlogs: (JSON.parse(world.trustedRootJson) as { tlogs: { publicKey: { validFor: object } }[] }).tlogs.map((log) => ({
    ...log,
    publicKey: { ...log.publicKey, validFor: { ...log.publicKey.validFor, end: new Date(AT + YEAR).toISOString() } },
  })),
}));
const signature = bundle(owner, { log: 'v2', timestamp: false });
const authority = keyed('release', [], { keys: [keyOf(owner)], trust: trustRecipe({ authorities: root }), log: 'Required' });

function judging(asked: CompiledAuthority, candidate: Candidate): (now: number) => ReturnType<Prover['judge']> {
  const prover = new Prover(prove, new ManualClock(), DEFAULT_LIMITS);
  return (now) => prover.judge(policy([asked]), { image: NAME, digest: IMAGE.digest, evidence: [evidence([candidate], { digest: IMAGE.digest })], now });
}

test('a signature that is only as good as the key of its log is proven anew, and fails when that has ended', async () => {
  const judgedAt = judging(authority, signature);
  assert.equal((await judgedAt(AT + YEAR / 2)).result, 'Verified');
  const later = await judgedAt(AT + 2 * YEAR);
  assert.deepEqual([later.result, later.reason], ['Failed', 'NotLogged']);
  assert.equal((await judgedAt(AT + YEAR / 2)).result, 'Verified', 'nor is the refusal kept');
});

test('a signature by a key, with a certificate that is valid now, fails when that has ended, and the other way round', async () => {
  const beside = legacy(release, { log: 'none' });
  assert.ok(beside.format === 'legacy');
  const keys = parsePublicKeys(new X509Certificate(beside.annotations['dev.sigstore.cosign/certificate'] ?? '').publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'sha256');
  const [early, during, late] = [AT - YEAR, AT + MINUTE, AT + YEAR];
  for (const order of [[during, late, during], [late, during, late], [early, during, late]]) {
    const judgedAt = judging(keyed('owner', [], { keys }), beside);
    for (const now of order) assert.deepEqual([now, (await judgedAt(now)).result], [now, now === during ? 'Verified' : 'Failed']);
  }
});

test('a signature by a key alone is proven once', async () => {
  let proofs = 0;
  const counting: typeof prove = (...asked) => {
    proofs += 1;
    return prove(...asked);
  };
  const prover = new Prover(counting, new ManualClock(), DEFAULT_LIMITS);
  const plain = policy([keyed('owner', [], { keys: [keyOf(owner)] })]);
  const found = [evidence([legacy(owner, { log: 'none' })], { digest: IMAGE.digest })];
  for (const now of [AT, AT + YEAR]) assert.equal((await prover.judge(plain, { image: NAME, digest: IMAGE.digest, evidence: found, now })).result, 'Verified');
  assert.equal(proofs, 1);
});
