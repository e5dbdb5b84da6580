import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadRecord } from '../../../src/controllers/ledger.ts';
import { managedEvent, pinEvent, verdictEvents } from '../../../src/controllers/workload-events.ts';
import { pinsOf, planPins } from '../../../src/controllers/pin-plan.ts';
import type { ImageOutcome } from '../../../src/controllers/outcome.ts';
import { D1, D2, failed, field, OTHER, outcome, record, verdict, workload } from './builders.ts';

const object = workload([field('app:1')]);
const bad = (override: Parameters<typeof failed>[0] = {}): ImageOutcome => outcome('app:1', { verdicts: [failed(override)] });
const of = (image: ImageOutcome, override: Partial<WorkloadRecord> = {}): WorkloadRecord => record([image], override);
const told = (before: WorkloadRecord | undefined, after: WorkloadRecord): string[] =>
  verdictEvents(object, before, after, (id) => (id === 'ImageVerification/web/release' ? 'p1' : undefined)).map(({ type, reason, regarding }) => `${type} ${reason} ${regarding.kind}`);

const moved = { digest: D2, message: 'app:1 points elsewhere by now' };
const contested = { reason: 'PinContested', message: 'Argo CD puts it back' } as const;
const both = (reason: string): string[] => [`Warning ${reason} Deployment`, `Warning ${reason} ImageVerification`];
const rows: Record<string, { before?: WorkloadRecord; after: WorkloadRecord; events: readonly string[] }> = {
  'what fails is told on workload and policy': { after: of(bad()), events: both('NoSignature') },
  'what fails in the same way is not told again': { before: of(bad()), after: of(bad({ message: 'other words' })), events: [] },
  'what fails in another way is': { before: of(bad()), after: of(bad({ reason: 'KeyMismatch' })), events: both('KeyMismatch') },
  'an outage is told': { before: of(outcome('app:1')), after: of(bad({ result: 'Unknown', reason: 'RegistryUnavailable' })), events: both('RegistryUnavailable') },
  'another image that fails is told': { before: of(bad()), after: of(outcome('app:2', { verdicts: [failed()] })), events: both('NoSignature') },
  'the first verification is told by the pin': { after: of(outcome('app:1')), events: [] },
  'what verifies after it failed is told on the workload': { before: of(bad()), after: of(outcome('app:1')), events: ['Normal Verified Deployment'] },
  'what was excluded and verifies now is told': { before: of(outcome('app:1', { verdicts: [verdict({ result: 'Excluded', reason: 'Excluded' })] })), after: of(outcome('app:1')), events: ['Normal Verified Deployment'] },
  'an exclusion is not told': { before: of(bad()), after: of(outcome('app:1', { verdicts: [verdict({ result: 'Excluded', reason: 'Excluded' })] })), events: [] },
  'a static pass is not told': { after: of(outcome('app:1', { verdicts: [verdict({ result: 'Static', reason: 'StaticPass' })] })), events: [] },
  'a static fail is': { after: of(bad({ reason: 'StaticFail' })), events: both('StaticFail') },
  'that pinning is contested is told': { after: of(outcome('app:1'), { unpinned: contested }), events: ['Warning PinContested Deployment'] },
  'and not again while it is': { before: of(outcome('app:1'), { unpinned: contested }), after: of(outcome('app:1'), { unpinned: contested }), events: [] },
  'that nothing is to be pinned is not told': { after: of(outcome('app:1'), { unpinned: { reason: 'NotPinned', message: 'Audit' } }), events: [] },
  'a conflict is over in a second and is not told': { after: of(outcome('app:1'), { unpinned: { reason: 'PatchConflict', message: 'changed' } }), events: [] },
  'a tag that moved is told': { before: of(outcome('app:1')), after: of(outcome('app:1', { moved })), events: ['Normal TagMoved Deployment'] },
  'and not again for the same digest': { before: of(outcome('app:1', { moved })), after: of(outcome('app:1', { moved })), events: [] },
};
for (const [sentence, { before, after, events }] of Object.entries(rows)) {
  test(sentence, () => assert.deepEqual(told(before, after), events));
}

test('each policy that refuses is told of by itself', () => {
  const image = outcome('app:1', { verdicts: [failed(), failed({ policy: OTHER, reason: 'KeyMismatch' }), verdict({ policy: { kind: 'ClusterImageVerification', name: 'ok' } })] });
  assert.deepEqual(told(undefined, of(image)), [...both('NoSignature'), 'Warning KeyMismatch Deployment', 'Warning KeyMismatch ClusterImageVerification']);
});

test('an event names image, container, policy and what to do; on the policy it names the workload', () => {
  const [onWorkload, onPolicy] = verdictEvents(object, undefined, of(bad()), () => 'p1');
  assert.equal(onWorkload?.note, 'app:1 (c0): no signature; sign it [policy ImageVerification/web/release]');
  assert.deepEqual(onWorkload?.regarding, { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'api', uid: 'u1' });
  assert.equal(onPolicy?.note, 'Deployment web/api: app:1 (c0): no signature; sign it');
  assert.deepEqual(onPolicy?.regarding, { apiVersion: 'assay.dev/v1alpha1', kind: 'ImageVerification', namespace: 'web', name: 'release', uid: 'p1' });
  assert.deepEqual(onPolicy?.related, onWorkload?.regarding);
});

test('an event about a cluster-wide policy has no namespace', () => {
  const [, onPolicy] = verdictEvents(object, undefined, of(bad({ policy: OTHER })), () => undefined);
  assert.deepEqual(onPolicy?.regarding, { apiVersion: 'assay.dev/v1alpha1', kind: 'ClusterImageVerification', name: 'fleet' });
});

test('a pin names the first three references with their digests', () => {
  const images = Array.from({ length: 5 }, (_, at) => outcome(`app:${at}`, { field: field(`app:${at}`, at) }));
  const { note, type, reason } = pinEvent(object, planPins(object, pinsOf(images, 'Digest')));
  assert.deepEqual([type, reason], ['Normal', 'Pinned']);
  assert.equal(note, `pinned app:0 to ${D1}, app:1 to ${D1}, app:2 to ${D1} and 2 more`);
});

test('that a reconciler may put the tag back is told before the pin', () => {
  const { type, reason, note } = managedEvent(object, 'Flux');
  assert.deepEqual([type, reason], ['Normal', 'OtherManager']);
  assert.match(note, /^Flux manages this workload and may put back/);
});
