import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, policyId, recordedImage, type Unpinned } from '../../../src/controllers/ledger.ts';
import type { ImageOutcome } from '../../../src/controllers/outcome.ts';
import { D1, D2, failed, field, OTHER, outcome, POLICY, record, verdict } from './builders.ts';

const both = (image: string, index = 0): ImageOutcome => outcome(image, { field: field(image, index), verdicts: [verdict(), verdict({ policy: OTHER })] });
const [own, wide] = [policyId(POLICY), policyId(OTHER)];

test('a policy is named with its namespace, a cluster-wide one without', () => {
  assert.deepEqual([own, wide], ['ImageVerification/web/release', 'ClusterImageVerification/fleet']);
});

test('recording touches the policies that governed the workload and those that govern it', () => {
  const ledger = new Ledger();
  assert.deepEqual(ledger.record(record([outcome('app')])), new Set([own]));
  assert.deepEqual(ledger.record(record([outcome('app', { verdicts: [verdict({ policy: OTHER })] })])), new Set([own, wide]));
  assert.equal(ledger.picture(own).workloads, 0);
  assert.equal(ledger.picture(wide).workloads, 1);
});

test('a look that found nothing new touches nobody', () => {
  const ledger = new Ledger();
  ledger.record(record([both('app')]));
  assert.deepEqual(ledger.record(record([both('app')])), new Set());
});

test('a workload that nobody governs any more leaves every picture', () => {
  const ledger = new Ledger();
  ledger.record(record([both('app')]));
  ledger.record(record([outcome('app', { verdicts: [] })]));
  assert.deepEqual([ledger.picture(own).workloads, ledger.picture(wide).workloads], [0, 0]);
  assert.deepEqual(Object.fromEntries(ledger.workloadsByState()), { unmatched: 1 });
  assert.deepEqual(ledger.imagesByResult(), []);
});

test('forgetting a workload touches its policies once, and leaves nothing behind', () => {
  const ledger = new Ledger();
  ledger.record(record([both('app'), both('app', 1), outcome('bad', { field: field('bad', 2), verdicts: [failed(), verdict({ policy: OTHER, stale: true })] })]));
  assert.deepEqual(ledger.forget('Deployment/web/api'), new Set([own, wide]));
  assert.deepEqual(ledger.forget('Deployment/web/api'), new Set());
  for (const id of [own, wide]) {
    const { workloads, pinned, rows, open, stale } = ledger.picture(id);
    assert.deepEqual([workloads, pinned, [...rows].length, open.size, stale.size], [0, 0, 0, 0, 0]);
  }
  assert.deepEqual([[...ledger.workloadsByState()], ledger.imagesByResult()], [[], []]);
});

test('of which an override drops a digest is known while it does, by namespace, too', () => {
  const ledger = new Ledger();
  const unpinned: Unpinned = { reason: 'DigestDroppedByOverride', message: 'dropped' };
  const [one, other] = [record([outcome('app:1')], { key: 'one', namespace: 'web', unpinned }), record([outcome('app:1')], { key: 'other', namespace: 'shop', unpinned })];
  for (const judged of [one, other, record([outcome('app:1')], { key: 'pinned' })]) ledger.record(judged);
  assert.deepEqual([ledger.dropped(), ledger.dropped('shop')], [['one', 'other'], ['other']]);
  ledger.record({ ...one, unpinned: { ...unpinned, reason: 'NotPinned' } });
  ledger.forget('other');
  assert.deepEqual(ledger.dropped(), []);
});

test('whatever comes and goes, the pictures are those of what is there', () => {
  const [kept, again] = [new Ledger(), new Ledger()];
  const images = [`ghcr.io/acme/a@${D1}`, 'ghcr.io/acme/b:1', 'ghcr.io/acme/c:1'];
  const make = (name: string, turn: number): ReturnType<typeof record> =>
    record([both(images[turn % 3] ?? ''), outcome('side', { field: field('side', 1), verdicts: turn % 2 === 0 ? [failed()] : [] })], { name, uid: `u${turn}` });
  for (let turn = 0; turn < 60; turn += 1) {
    if (turn % 5 === 4) kept.forget(`Deployment/web/w${turn % 7}`);
    else kept.record(make(`w${turn % 7}`, turn));
  }
  for (let at = 0; at < 7; at += 1) {
    const found = kept.get(`Deployment/web/w${at}`);
    if (found !== undefined) again.record(found);
  }
  for (const id of [own, wide]) assert.deepEqual(picture(kept, id), picture(again, id));
  assert.deepEqual(sorted(kept.imagesByResult()), sorted(again.imagesByResult()));
  assert.deepEqual(new Map([...kept.workloadsByState()].toSorted()), new Map([...again.workloadsByState()].toSorted()));
});

function picture(ledger: Ledger, id: string): unknown {
  const { workloads, pinned, open, rows } = ledger.picture(id);
  return { workloads, pinned, open: [...open.keys()].toSorted(), rows: sorted([...rows].map(({ key, members }) => [key, [...members.keys()].toSorted()])) };
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).toSorted();
}

test('an image counts once in the metric, by its worst verdict, however many workloads run it pinned or not', () => {
  const ledger = new Ledger();
  ledger.record(record([outcome('ghcr.io/acme/app:1')], { name: 'a' }));
  ledger.record(record([outcome(`ghcr.io/acme/app@${D1}`, { tag: 'ghcr.io/acme/app:1' })], { name: 'b' }));
  assert.deepEqual(ledger.imagesByResult(), [{ result: 'Verified', reason: 'SignatureValid', count: 1 }]);
  ledger.record(record([outcome('ghcr.io/acme/app:1', { verdicts: [failed()] })], { name: 'c' }));
  ledger.record(record([outcome('ghcr.io/acme/app:1', { digest: D2 })], { name: 'd' }));
  assert.deepEqual(ledger.imagesByResult(), [{ result: 'Failed', reason: 'NoSignature', count: 1 }, { result: 'Verified', reason: 'SignatureValid', count: 1 }]);
  ledger.forget('Deployment/web/c');
  assert.deepEqual(ledger.imagesByResult(), [{ result: 'Verified', reason: 'SignatureValid', count: 2 }]);
});

test('what was known of a field counts for the same text in the same place', () => {
  const known = record([outcome('app:1')]);
  assert.equal(recordedImage(known, field('app:1')), known.images[0]);
  assert.equal(recordedImage(known, field('app:2')), undefined);
  assert.equal(recordedImage(known, field('app:1', 1)), undefined);
  assert.equal(recordedImage(undefined, field('app:1')), undefined);
});
