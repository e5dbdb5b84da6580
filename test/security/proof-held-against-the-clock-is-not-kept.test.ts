import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prove } from '../../src/signatures/prove.ts';
import { trustRecipe, trustSource } from '../../src/signatures/trust-recipe.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';
import { Prover } from '../../src/verification/prover.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { AT, bundle, IMAGE, keyOf, world, YEAR } from '../support/signatures.ts';
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

test('a signature that is only as good as the key of its log is proven anew, and fails when that has ended', async () => {
  const prover = new Prover(prove, new ManualClock(), DEFAULT_LIMITS);
  const judgedAt = (now: number): ReturnType<Prover['judge']> =>
    prover.judge(policy([authority]), { image: NAME, digest: IMAGE.digest, evidence: [evidence([signature], { digest: IMAGE.digest })], now });
  assert.equal((await judgedAt(AT + YEAR / 2)).result, 'Verified');
  const later = await judgedAt(AT + 2 * YEAR);
  assert.deepEqual([later.result, later.reason], ['Failed', 'NotLogged']);
  assert.equal((await judgedAt(AT + YEAR / 2)).result, 'Verified', 'nor is the refusal kept');
});
