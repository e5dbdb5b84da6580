import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageReference } from '../../../../src/api/image-reference.ts';
import { describeTrust, trustRecipe, trustSource } from '../../../../src/signatures/trust-recipe.ts';
import type { Evidence } from '../../../../src/verification/evidence-types.ts';
import type { Judgement } from '../../../../src/verification/judge.ts';
import { DEFAULT_LIMITS } from '../../../../src/verification/limits.ts';
import type { CompiledAuthority } from '../../../../src/verification/types.ts';
import { createJudgeHost } from '../../../../src/verification/worker/judge-host.ts';
import type { JudgeInput, Question, WorkerInput } from '../../../../src/verification/worker/protocol.ts';
import { toWire } from '../../../../src/verification/worker/wire.ts';
import { AT, IMAGE, ISSUER, legacy, release, SUBJECT, world, YEAR } from '../../../support/signatures.ts';
import { evidence, keyless } from '../builders.ts';

const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const authority = keyless('release', { trust, identities: [{ issuer: { exact: ISSUER }, subject: { exact: SUBJECT }, claims: {} }] });
const signed = evidence([legacy(release)], { digest: IMAGE.digest });
const image = parseImageReference(`${IMAGE.repository}:1`);

interface Talk {
  readonly asked: Question[];
  readonly judge: (difference?: Partial<JudgeInput>) => Promise<Judgement>;
}

/** A host that is answered from these authorities and this evidence, by id. */
function talk(authorities: readonly CompiledAuthority[] = [authority], known: Readonly<Record<string, Evidence>> = { e: signed }, limits = DEFAULT_LIMITS): Talk {
  const host = createJudgeHost(limits);
  const asked: Question[] = [];
  const answer = (question: unknown): Promise<unknown> => {
    const which = question as Question;
    asked.push(which);
    if ('authorities' in which) return Promise.resolve(structuredClone(authorities.filter(({ hash }) => which.authorities.includes(hash))));
    return Promise.resolve(new Map(which.evidence.flatMap((id) => (known[id] === undefined ? [] : [[id, structuredClone(toWire(known[id]))] as const]))));
  };
  const input: JudgeInput = {
    kind: 'judge',
    policy: { key: { kind: 'ClusterImageVerification', name: 'p' }, threshold: 1, recheckInterval: 1, authorities: authorities.map(({ hash }) => hash) },
    image,
    digest: IMAGE.digest,
    now: AT + YEAR,
    evidence: authorities.map(() => 'e'),
    contents: new Map(),
  };
  return { asked, judge: async (difference = {}) => (await host({ ...input, ...difference } satisfies WorkerInput, answer)) as Judgement };
}

test('what the worker does not have it asks for, once', async () => {
  const { judge, asked } = talk();
  assert.equal((await judge()).result, 'Verified');
  assert.equal((await judge()).result, 'Verified');
  assert.deepEqual(asked, [{ authorities: [authority.hash] }, { evidence: ['e'] }]);
});

test('evidence that is sent along is not asked for', async () => {
  const { judge, asked } = talk();
  assert.equal((await judge({ contents: new Map([['e', toWire(signed)]]) })).result, 'Verified');
  assert.equal((await judge()).result, 'Verified');
  assert.deepEqual(asked, [{ authorities: [authority.hash] }]);
});

test('what was dropped for lack of room is asked for again', async () => {
  const { judge, asked } = talk([authority], { e: signed, f: signed }, { ...DEFAULT_LIMITS, digestBytes: 30_000, attestationBytes: 0 });
  for (const id of ['e', 'f', 'e']) assert.equal((await judge({ evidence: [id] })).result, 'Verified');
  assert.deepEqual(asked.flatMap((question) => ('evidence' in question ? question.evidence : [])), ['e', 'f', 'e']);
});

test('each authority is judged by the evidence that was found for it', async () => {
  const other = keyless('other', { trust, hash: 'other' });
  const { judge } = talk([other, authority], { e: signed, none: evidence([], { digest: IMAGE.digest }) });
  assert.equal((await judge({ evidence: ['none', 'e'] })).result, 'Verified');
  assert.equal((await judge({ evidence: ['e', 'none'] })).reason, 'IdentityMismatch');
});

test('a worker that is not given what it asked for says so, and judges nothing', async () => {
  await assert.rejects(talk([authority], {}).judge(), /was not given evidence e/);
});

test('a pattern that does not compile is the fault of the policy, in words that survive the way back', async () => {
  const broken = keyless('broken', { trust, identities: [{ issuer: { pattern: '(' }, subject: { exact: SUBJECT }, claims: {} }] });
  const { result, reason } = await talk([broken]).judge();
  assert.deepEqual([result, reason], ['Unknown', 'PolicyInvalid']);
});

test('a trust root is described as this thread would', async () => {
  const host = createJudgeHost(DEFAULT_LIMITS);
  for (const source of [trust.authorities, trustSource('TrustedRoot', '{}')]) {
    assert.deepEqual(await host({ kind: 'describe', source }, () => Promise.reject(new Error('nothing is to be asked'))), describeTrust(source));
  }
});
