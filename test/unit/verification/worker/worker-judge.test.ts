import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { parseImageReference } from '../../../../src/api/image-reference.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { digestOf } from '../../../../src/base/digest.ts';
import type { Job, WorkerErrorCode } from '../../../../src/base/pool-worker.ts';
import { WorkerError } from '../../../../src/base/pool-worker.ts';
import { WorkerPool } from '../../../../src/base/worker-pool.ts';
import { prove } from '../../../../src/signatures/prove.ts';
import { trustRecipe, trustSource } from '../../../../src/signatures/trust-recipe.ts';
import type { Candidate } from '../../../../src/signatures/types.ts';
import type { Facts } from '../../../../src/verification/judge.ts';
import { DEFAULT_LIMITS } from '../../../../src/verification/limits.ts';
import { Prover } from '../../../../src/verification/prover.ts';
import type { JudgingPolicy } from '../../../../src/verification/types.ts';
import { TrustDescriber } from '../../../../src/verification/worker/trust-describer.ts';
import { type OverrunEvent, WorkerJudge } from '../../../../src/verification/worker/worker-judge.ts';
import { sigstore } from '../../../support/compile.ts';
import { ManualClock, settled } from '../../../support/manual-clock.ts';
import { AT, bundle, IMAGE, ISSUER, keyOf, legacy, release, world, YEAR } from '../../../support/signatures.ts';
import { candidate, evidence, facts, keyed, keyless, policy } from '../builders.ts';

const MINUTE = 60_000;
const owner = world.key();
const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const byRelease = keyless('release', { trust, identities: [{ issuer: { exact: ISSUER }, subject: { pattern: '^https://github\\.com/acme/' }, claims: {} }] });
const byOwner = keyed('owner', [], { keys: [keyOf(owner)], log: 'Required', trust });

function factsOf(candidates: readonly Candidate[], authorities = 1, path = 'acme/app'): Facts {
  const found = evidence(candidates, { digest: IMAGE.digest, hash: digestOf(path) });
  return { image: parseImageReference(`registry.example/${path}:1`), digest: IMAGE.digest, evidence: Array.from({ length: authorities }, () => found), now: AT + YEAR };
}

const pools: WorkerPool[] = [];
after(() => Promise.all(pools.map((pool) => pool.close())));

function poolOf(entry: string, size = 2): WorkerPool {
  const pool = new WorkerPool({ entry: new URL(entry, import.meta.url), data: { limits: DEFAULT_LIMITS }, clock: systemClock, name: 'judge', size, memory: 96, queue: 100 });
  pools.push(pool);
  return pool;
}

const real = new WorkerJudge({ pool: poolOf('../../../../src/verification/worker/entry.ts'), clock: systemClock, limits: DEFAULT_LIMITS });
const here = new Prover(prove, systemClock, DEFAULT_LIMITS);

const cases: Record<string, [JudgingPolicy, Facts]> = {
  'a keyless signature, legacy': [policy([byRelease]), factsOf([legacy(release)])],
  'a keyless signature, bundle': [policy([byRelease]), factsOf([bundle(release)])],
  'a key': [policy([byOwner]), factsOf([legacy(owner)])],
  'two of two, by a key and a certificate': [policy([byRelease, byOwner], { threshold: 2 }), factsOf([legacy(owner), bundle(release)], 2)],
  'one of two': [policy([byRelease, byOwner], { threshold: 2 }), factsOf([legacy(owner)], 2)],
  'a wrong identity': [policy([keyless('other', { trust })]), factsOf([legacy(release)])],
  'nothing at all': [policy([byRelease]), factsOf([])],
  'what is no signature': [policy([byRelease]), factsOf([candidate('nonsense'), candidate('{}', 'bundle')])],
  'an authority that wants annotations': [policy([{ ...byRelease, annotations: { env: 'prod' }, hash: 'annotated' }]), factsOf([legacy(release, { annotations: { env: 'test' } })])],
  'a signature that is too old': [policy([{ ...byRelease, maxAge: MINUTE, hash: 'aged' }]), factsOf([legacy(release)])],
  'an authority without a trust root': [policy([keyless('bare')]), factsOf([legacy(release)])],
};
for (const [what, [asked, seen]] of Object.entries(cases)) {
  test(`${what}: a worker says the same as this thread`, async () => {
    assert.deepEqual(await real.judge(asked, seen), await here.judge(asked, seen));
  });
}

test('a worker is sent neither an authority nor evidence twice, and still knows them', async () => {
  const pool = poolOf('../../../../src/verification/worker/entry.ts', 1);
  const sent: { contents: number; answers: number } = { contents: 0, answers: 0 };
  const counting = {
    run: <Output>(job: Job, signal?: AbortSignal) =>
      pool.run<Output>({
        ...job,
        input: (worker) => {
          const input = job.input(worker) as { contents: ReadonlyMap<string, unknown> };
          sent.contents += input.contents.size;
          return input;
        },
        answer: (question) => {
          sent.answers += 1;
          return job.answer?.(question);
        },
      }, signal),
  };
  const judge = new WorkerJudge({ pool: counting, clock: systemClock, limits: DEFAULT_LIMITS });
  const seen = factsOf([legacy(release)]);
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await judge.judge(policy([byRelease]), seen)).result, 'Verified');
  assert.deepEqual(sent, { contents: 1, answers: 1 });
});

const poisons: Record<string, WorkerErrorCode> = { loop: 'Overrun', eat: 'OutOfMemory', exit: 'Crashed', throw: 'Failed' };
for (const [path, code] of Object.entries(poisons)) {
  test(`a judgement that ends as ${code} is Unknown and set aside, and takes no other image down`, async () => {
    const events: OverrunEvent[] = [];
    const limits = { ...DEFAULT_LIMITS, judgement: 100 };
    const judge = new WorkerJudge({ pool: poolOf('../../../support/poison-worker.ts', 1), clock: systemClock, limits, onOverrun: (event) => events.push(event) });
    const poisonous = factsOf([legacy(release)], 1, `${path}/app`);
    const good = (): ReturnType<WorkerJudge['judge']> => judge.judge(policy([byRelease]), factsOf([bundle(release)], 1));
    const [before, poisoned, after_] = await Promise.all([good(), judge.judge(policy([byRelease]), poisonous), good()]);
    assert.deepEqual([before.result, after_.result], ['Verified', 'Verified']);
    assert.deepEqual([poisoned.result, poisoned.reason], ['Unknown', 'LimitExceeded']);
    assert.ok(poisoned.message.includes(`registry.example/${path}/app@${IMAGE.digest}`), poisoned.message);
    assert.match(poisoned.message, /it is set aside until \d{4}-\d\d-\d\dT[\d:]+Z; remove signatures that are not needed, make the expressions of the policy simpler, or raise --judgement-timeout or --judgement-memory$/);
    assert.ok(poisoned.message.length <= 512);
    const again = await judge.judge(policy([byRelease]), poisonous);
    assert.equal(again.reason, 'LimitExceeded');
    assert.deepEqual(events.map((event) => [event.code, event.image]), [[code, `registry.example/${path}/app@${IMAGE.digest}`]], 'it was not tried again');
    assert.equal((await good()).result, 'Verified');
  });
}

/** A judge whose pool fails as told. */
function failing(code: WorkerErrorCode | undefined, clock = new ManualClock()): { judge: WorkerJudge; runs: () => number; heal: () => void; fail: () => void } {
  let runs = 0;
  let failure = code;
  const run = <Output>(): Promise<Output> => {
    runs += 1;
    if (failure !== undefined) return Promise.reject(new WorkerError(failure, 'told to'));
    return Promise.resolve({ result: 'Verified', reason: 'SignatureValid', message: 'm' } as Output);
  };
  return { judge: new WorkerJudge({ pool: { run }, clock, limits: DEFAULT_LIMITS, random: () => 1 }), runs: () => runs, heal: () => (failure = undefined), fail: () => (failure = code) };
}

const ours = policy([byRelease]);

for (const code of ['Full', 'Unavailable', 'Closed'] as const) {
  test(`where no worker can be had (${code}) the image is Unknown, and is asked for again at once`, async () => {
    const { judge, runs, heal } = failing(code);
    const { result, message } = await judge.judge(ours, facts([]));
    assert.equal(result, 'Unknown');
    assert.match(message, /could not be judged now: told to; it is tried again$/);
    heal();
    assert.equal((await judge.judge(ours, facts([]))).result, 'Verified');
    assert.equal(runs(), 2);
  });
}

test('what is set aside is tried again after a while, and then for longer; other signatures and other policies are tried at once', async () => {
  const clock = new ManualClock();
  const { judge, runs, heal, fail } = failing('Overrun', clock);
  const ask = (asked = ours, seen = facts([])): Promise<string> => judge.judge(asked, seen).then(({ result }) => result);
  await ask();
  await ask();
  assert.equal(runs(), 1);
  await ask(policy([byOwner]));
  await ask(ours, facts([], { hash: `sha256:${'1'.repeat(64)}` }));
  assert.equal(runs(), 3);
  clock.advance(MINUTE);
  await ask();
  clock.advance(MINUTE);
  await ask();
  assert.equal(runs(), 4);
  heal();
  clock.advance(4 * MINUTE);
  assert.equal(await ask(), 'Verified');
  assert.equal(runs(), 5);
  fail();
  await ask();
  clock.advance(MINUTE);
  await ask();
  assert.equal(runs(), 7, 'what was judged in between begins anew');
});

test('whoever has many judgements that overrun keeps one worker busy, and not all of them', async () => {
  const ends: (() => void)[] = [];
  let first = true;
  const run = <Output>(): Promise<Output> => {
    if (first) {
      first = false;
      return Promise.reject(new WorkerError('Overrun', 'told to'));
    }
    return new Promise((_, reject) => ends.push(() => reject(new WorkerError('Overrun', 'told to'))));
  };
  const judge = new WorkerJudge({ pool: { run }, clock: new ManualClock(), limits: DEFAULT_LIMITS });
  const of = (namespace: string, name: string): JudgingPolicy => policy([keyless(`${namespace} ${name}`, { trust })], { key: { kind: 'ImageVerification', namespace, name } });
  await judge.judge(of('mallory', 'first'), facts([]));
  const all = [of('mallory', 'a'), of('mallory', 'b'), of('mallory', 'c'), of('alice', 'a'), of('alice', 'b')].map((one) => judge.judge(one, facts([])));
  await settled();
  assert.equal(ends.length, 3, 'one of the three, and those of others');
  while (ends.length > 0) {
    ends.pop()?.();
    await settled();
  }
  assert.deepEqual(new Set((await Promise.all(all)).map(({ reason }) => reason)), new Set(['LimitExceeded']));
});

test('so does who has many that use up their time, but a policy for all namespaces is not slowed down by whoever signs', async () => {
  let ended = false;
  let waiting = 0;
  const run = <Output>(): Promise<Output> => {
    if (!ended) return Promise.resolve({ result: 'Unknown', reason: 'LimitExceeded', message: 'proving took too long' } as Output);
    waiting += 1;
    return new Promise(() => undefined);
  };
  for (const [key, begun] of [[{ kind: 'ImageVerification', namespace: 'mallory', name: 'p' }, 1], [{ kind: 'ClusterImageVerification', name: 'p' }, 3]] as const) {
    [ended, waiting] = [false, 0];
    const judge = new WorkerJudge({ pool: { run }, clock: new ManualClock(), limits: DEFAULT_LIMITS });
    await judge.judge(policy([byRelease], { key }), facts([]));
    ended = true;
    for (let count = 0; count < 3; count += 1) void judge.judge(policy([byRelease], { key }), facts([]));
    await settled();
    assert.equal(waiting, begun, key.kind);
  }
});

test('no more evidence waits than fits into memory; what comes then is asked for again, and one alone is always judged', async () => {
  const ends: (() => void)[] = [];
  const run = <Output>(): Promise<Output> => new Promise((resolve) => ends.push(() => resolve({ result: 'Verified', reason: 'SignatureValid', message: 'm' } as Output)));
  const judge = new WorkerJudge({ pool: { run }, clock: new ManualClock(), limits: DEFAULT_LIMITS });
  const large = { format: 'bundle', location: 'x', bytes: new Uint8Array(60 * 1024 * 1024) } as const;
  const ask = (candidates: readonly Candidate[]): Promise<string> => judge.judge(ours, facts(candidates)).then(({ message }) => message);
  const asked = Array.from({ length: 5 }, () => ask([large]));
  await settled();
  assert.equal(ends.length, 4);
  assert.match((await asked[4]) ?? '', /could not be judged now: too many large signatures and attestations wait to be judged; it is tried again$/);
  for (const end of ends.splice(0)) end();
  await Promise.all(asked);
  const alone = ask(Array.from({ length: 5 }, () => large));
  await settled();
  assert.equal(ends.length, 1);
  ends[0]?.();
  assert.equal(await alone, 'm');
});

test('a caller that leaves is rejected with its own reason', async () => {
  await assert.rejects(real.judge(ours, factsOf([legacy(release)]), AbortSignal.abort(new Error('enough'))), /enough/);
});

test('a judgement has time for reading the trust roots that it names', async () => {
  const limits: Job[] = [];
  const run = <Output>(job: Job): Promise<Output> => {
    limits.push(job);
    return Promise.resolve({ result: 'Verified', reason: 'SignatureValid', message: 'm' } as Output);
  };
  const judge = new WorkerJudge({ pool: { run }, clock: new ManualClock(), limits: DEFAULT_LIMITS });
  const others = trustRecipe({ authorities: sigstore('ours').source, logs: sigstore('other').source });
  await judge.judge(policy([keyed('k', ['k'])]), facts([]));
  await judge.judge(ours, facts([]));
  await judge.judge(policy([keyless('both', { trust: others }), byRelease]), facts([]));
  assert.deepEqual(limits.map(({ cpu }) => cpu), [4000, 4500, 5500]);
  assert.ok(limits.every(({ cpu, wall }) => wall >= cpu + 30_000), 'and a busy machine has time too');
});

test('trust roots are described one at a time, each once', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const pool = poolOf('../../../../src/verification/worker/entry.ts');
  const run = async <Output>(job: Job, signal?: AbortSignal): Promise<Output> => {
    runs += 1;
    running += 1;
    most = Math.max(most, running);
    try {
      return await pool.run<Output>(job, signal);
    } finally {
      running -= 1;
    }
  };
  const describer = new TrustDescriber({ run }, systemClock);
  const sources = [trust.authorities, sigstore('ours').source, trust.authorities, trustSource('TrustedRoot', 'x')];
  const [one, two, again, none] = await Promise.all(sources.map((source) => describer.describe(source)));
  assert.ok(one !== undefined && 'members' in one && two !== undefined && 'members' in two);
  assert.deepEqual(again, one);
  assert.ok(none !== undefined && 'problem' in none);
  assert.deepEqual([most, runs], [1, 3]);
});

test('a trust root that breaks its worker is one that cannot be read; where there is no worker nothing is known', async () => {
  const clock = new ManualClock();
  const failed = (code: WorkerErrorCode): TrustDescriber => new TrustDescriber({ run: () => Promise.reject(new WorkerError(code, 'told to')) }, clock);
  const description = await failed('OutOfMemory').describe(trust.authorities);
  assert.match('problem' in description ? description.problem : '', /cannot be read within its limits: told to/);
  await assert.rejects(failed('Unavailable').describe(trust.authorities), WorkerError);
  const describer = failed('Full');
  await assert.rejects(describer.describe(trust.authorities), WorkerError);
  await assert.rejects(describer.describe(trust.authorities, AbortSignal.abort(new Error('enough'))), /enough/);
});
