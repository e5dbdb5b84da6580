import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadFacts } from '../../../src/controllers/gather.ts';
import type { ImageOutcome } from '../../../src/controllers/outcome.ts';
import type { CompiledState } from '../../../src/controllers/policy-set.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import { isOpen, pinnedRecord, type PlanContext, planWorkload, type WorkloadPlan } from '../../../src/controllers/workload-plan.ts';
import { D1, D2, failed, field, fleetInForce, inForce, NOW, OTHER, outcome, POLICY, verdict, workload } from './builders.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const unknown = failed({ result: 'Unknown', reason: 'RegistryUnavailable' });
const excluded = verdict({ result: 'Excluded', reason: 'Excluded' });
const fixed = verdict({ result: 'Static', reason: 'StaticPass' });

interface Case extends Partial<PlanContext> {
  readonly images: readonly ImageOutcome[];
  readonly policies?: readonly CompiledState[];
  readonly object?: Partial<WorkloadObject>;
  readonly retryAfter?: number;
  readonly now?: number;
}

function plan({ images, policies = [inForce()], object = {}, history, attempts = 0, retryAfter, now = NOW }: Case): WorkloadPlan {
  const facts: WorkloadFacts = {
    workload: workload(images.map((image) => image.field), object),
    images,
    policies: policies.map((state) => state.policy),
    governance: 'as it is',
    now,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
  return planWorkload(facts, { attempts, ...(history === undefined ? {} : { history }) });
}

const at = (index: number, image: string, override: Partial<ImageOutcome> = {}): ImageOutcome => outcome(image, { field: field(image, index), ...override });
const held = { holder: 'volumes', name: 'models' } as const;
const volume = outcome('models:1', { field: field('models:1', 5, held) });
const unchangeable = (of: ImageOutcome): ImageOutcome => ({ ...of, field: { ...of.field, fixed: true } });

const pins: Record<string, Case & { pins: readonly string[]; unpinned?: [string, RegExp]; state?: string }> = {
  'what is verified is pinned': { images: [outcome('app:1')], pins: ['app:1'], unpinned: ['NotPinned', /not written yet/], state: 'verified' },
  'what is pinned is left alone': { images: [outcome(`app@${D1}`)], pins: [], state: 'pinned' },
  'tag and digest together are left as they are': { images: [outcome(`app:1@${D1}`)], pins: [], state: 'pinned' },
  'one that fails keeps all from being pinned, and is named': { images: [outcome('app:1'), at(1, 'bad:1', { verdicts: [failed()] })], pins: [], unpinned: ['NotPinned', /bad:1 did not: NoSignature/], state: 'failed' },
  'an outage keeps all from being pinned': { images: [outcome('app:1'), at(1, 'away:1', { verdicts: [unknown] })], pins: [], unpinned: ['NotPinned', /RegistryUnavailable/], state: 'unknown' },
  'an excluded neighbour does not': { images: [outcome('app:1'), at(1, 'old:1', { verdicts: [excluded] })], pins: ['app:1'] },
  'an ungoverned neighbour does not': { images: [outcome('app:1'), at(1, 'free:1', { verdicts: [] })], pins: ['app:1'] },
  'an image of which one policy says no is not pinned for another': { images: [outcome('app:1', { verdicts: [verdict(), failed({ policy: OTHER })] })], policies: [inForce(), fleetInForce()], pins: [], state: 'failed' },
  'pin.mode Never pins nothing, and names the policy': { images: [outcome('app:1')], policies: [inForce({ pin: { mode: 'Never' } })], pins: [], unpinned: ['NotPinned', /ImageVerification web\/release is Never/] },
  'Audit pins nothing': { images: [outcome('app:1')], policies: [inForce({ enforcement: 'Audit' })], pins: [], unpinned: ['NotPinned', /Audit/] },
  'Warn pins': { images: [outcome('app:1')], policies: [inForce({ enforcement: 'Warn' })], pins: ['app:1'] },
  'a Job is verified and left as it is': { images: [unchangeable(outcome('app:1'))], object: { kind: 'Job' }, pins: [], unpinned: ['NotPatchable', /of a Job/], state: 'verified' },
  'a kind that a patch does not change is verified and left as it is': { images: [unchangeable(outcome('app:1'))], object: { kind: 'PyTorchJob.kubeflow.org' }, pins: [], unpinned: ['NotPatchable', /does not change what a PyTorchJob.kubeflow.org runs/], state: 'verified' },
  'of a Pod the containers are pinned, its image volumes cannot be': { images: [outcome('app:1'), unchangeable(volume)], object: { kind: 'Pod' }, pins: ['app:1'] },
  'an image volume of a Deployment is pinned': { images: [volume], pins: ['models:1'] },
  'a workload that nobody governs has nothing to say': { images: [outcome('app:1', { verdicts: [] })], policies: [], pins: [], state: 'unmatched' },
};
for (const [sentence, { pins: wanted, unpinned, state, ...facts }] of Object.entries(pins)) {
  test(sentence, () => {
    const { pin, record } = plan(facts);
    assert.deepEqual((pin?.pins ?? []).map(({ from }) => from), wanted);
    if (unpinned !== undefined) {
      assert.equal(record.unpinned?.reason, unpinned[0]);
      assert.match(record.unpinned?.message ?? '', unpinned[1]);
    }
    if (state !== undefined) assert.equal(record.state, state);
  });
}

test('the policies together decide on the form', () => {
  const both = [inForce({ pin: { form: 'TagAndDigest' } }), fleetInForce()];
  assert.equal(plan({ images: [outcome('app:1')], policies: both.slice(0, 1) }).pin?.pins[0]?.to, `docker.io/library/app:1@${D1}`);
  assert.equal(plan({ images: [outcome('app:1')], policies: both }).pin?.pins[0]?.to, `docker.io/library/app@${D1}`);
});

const argo = { writer: 'Argo CD' };
/** What is remembered after a first pin. */
const afterPin = (object: Partial<WorkloadObject> = {}): NonNullable<WorkloadPlan['history']> => {
  const { history } = plan({ images: [outcome('app:1')], object });
  assert.ok(history !== undefined);
  return history;
};

test('what was pinned is remembered over looks at which there is nothing to pin', () => {
  const { history } = plan({ images: [outcome(`app@${D1}`)], object: argo, history: afterPin(argo) });
  assert.deepEqual(history, afterPin(argo));
});

test('a reference that a reconciler put back is left, contested, with who it was and what to do', () => {
  const { pin, record, requeueAfter } = plan({ images: [outcome('app:1')], object: argo, history: afterPin(argo) });
  assert.equal(pin, undefined);
  assert.deepEqual([record.state, record.unpinned?.reason, requeueAfter], ['contested', 'PinContested', HOUR]);
  assert.match(record.unpinned?.message ?? '', /^Argo CD puts back .* assay pin, or set spec\.pin\.mode to Never$/);
});

test('an unknown writer is named by its field manager', () => {
  const contested = { ...afterPin(), reverts: 2 };
  assert.match(plan({ images: [outcome('app:1')], object: { manager: 'deployer' }, history: contested }).record.unpinned?.message ?? '', /^field manager deployer puts back/);
  assert.match(plan({ images: [outcome('app:1')], history: contested }).record.unpinned?.message ?? '', /^another writer puts back/);
});

test('another pod spec is a reason to try again', () => {
  assert.ok(plan({ images: [outcome('app:1')], object: { ...argo, specHash: 'other' }, history: afterPin(argo) }).pin !== undefined);
});

test('how often the reference came back is written with the pin', () => {
  const { pin } = plan({ images: [outcome('app:1')], history: afterPin() });
  assert.match(JSON.stringify(pin?.patch), /\\"reverts\\":1/);
});

const seldom = fleetInForce({ recheckInterval: '24h' });
const often = inForce({ recheckInterval: '1m' });
const since = (policy: typeof POLICY, ago: number): ReturnType<typeof verdict> => verdict({ policy, verifiedAt: NOW - ago });
const until = (end: number): CompiledState => inForce({ exclude: [{ glob: 'ghcr.io/acme/old', reason: 'r', until: new Date(NOW + end).toISOString() }] });
const looks: Record<string, Case & { after: number | undefined }> = {
  'nothing governed is never looked at again': { images: [outcome('app', { verdicts: [] })], policies: [], after: undefined },
  'what is verified is judged again after its interval': { images: [outcome(`app@${D1}`, { verdicts: [since(POLICY, HOUR)] })], after: DAY - HOUR },
  'what maxAge ends before that is judged again when it ends': { images: [outcome(`app@${D1}`, { verdicts: [verdict({ verifiedAt: NOW - HOUR, expiresAt: NOW + 2 * HOUR })] })], after: 2 * HOUR },
  'the earliest of several images counts': { images: [outcome(`app@${D1}`), at(1, `side@${D2}`, { digest: D2, verdicts: [since(POLICY, 3 * HOUR)] })], after: DAY - 3 * HOUR },
  'a policy that asks often does not make one that asks seldom look overdue': { images: [outcome(`app@${D1}`, { verdicts: [since(OTHER, HOUR), since(POLICY, 20 * SECOND)] })], policies: [often, seldom], after: 40 * SECOND },
  'what is overdue is looked at soon, and not at once': { images: [outcome(`app@${D1}`, { verdicts: [since(POLICY, 2 * DAY)] })], after: SECOND },
  'what stands on an old verdict is asked for every few minutes': { images: [outcome(`app@${D1}`, { verdicts: [verdict({ verifiedAt: NOW - 2 * DAY, stale: true })] })], after: 5 * MINUTE },
  'what failed is asked for after a minute': { images: [outcome('app', { verdicts: [failed()] })], after: MINUTE },
  'the second time after two': { images: [outcome('app', { verdicts: [failed()] })], attempts: 1, after: 2 * MINUTE },
  'never more seldom than every quarter of an hour': { images: [outcome('app', { verdicts: [failed()] })], attempts: 5000, after: 15 * MINUTE },
  'an outage is asked about after ten seconds': { images: [outcome('app', { verdicts: [unknown] })], after: 10 * SECOND },
  'and five minutes in the end': { images: [outcome('app', { verdicts: [unknown] })], attempts: 5000, after: 5 * MINUTE },
  'a registry that asks to wait is not asked sooner': { images: [outcome('app', { verdicts: [unknown] })], retryAfter: HOUR, after: HOUR },
  'a policy that is not valid changes by an edit': { images: [outcome('app', { verdicts: [failed({ result: 'Unknown', reason: 'PolicyInvalid' })] })], policies: [], after: undefined },
  'what is excluded waits for the end of that': { images: [outcome('app', { verdicts: [excluded] })], policies: [until(HOUR)], after: HOUR },
  'an exclusion without an end is not looked at again': { images: [outcome('app', { verdicts: [excluded] })], after: undefined },
  'a static answer does not change by itself': { images: [outcome('app', { verdicts: [fixed] })], after: undefined },
};
for (const [sentence, { after, ...facts }] of Object.entries(looks)) {
  test(sentence, () => assert.equal(plan(facts).requeueAfter, after));
}

test('after a pin the record says what the next look will find', () => {
  const images = [outcome('app:1'), at(1, 'free:1', { verdicts: [] })];
  const { pin, record } = plan({ images });
  assert.ok(pin !== undefined);
  const after = pinnedRecord({ workload: workload([]) }, record, pin, NOW + 5);
  assert.deepEqual([after.state, after.unpinned], ['pinned', undefined]);
  assert.deepEqual(after.images[0], { ...images[0], field: field(`docker.io/library/app@${D1}`), pinned: true, tag: 'app:1', tagAskedAt: NOW + 5 });
  assert.equal(after.images[1], images[1]);
});

test('after a pin of what can be pinned the rest is reported', () => {
  const { pin, record } = plan({ images: [outcome('app:1'), unchangeable(volume)], object: { kind: 'Pod' } });
  assert.ok(pin !== undefined);
  const after = pinnedRecord({ workload: workload([]) }, record, pin, NOW);
  assert.deepEqual([after.state, after.unpinned?.reason], ['verified', 'NotPatchable']);
});

test('only what failed or is not known is asked about more and more seldom', () => {
  assert.deepEqual((['pinned', 'verified', 'failed', 'unknown', 'excluded', 'unmatched', 'contested'] as const).filter((state) => isOpen(state)), ['failed', 'unknown']);
});
