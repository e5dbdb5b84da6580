import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadRecord } from '../../../src/controllers/ledger.ts';
import { PropagationReporter } from '../../../src/controllers/propagation-events.ts';
import type { PropagationPolicyObject } from '../../../src/karmada/types.ts';
import type { EventInput } from '../../../src/kube/events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { D1, failed, NOW, outcome, record } from './builders.ts';
import { CLAIM, CLUSTER_CLAIM } from './karmada-builders.ts';

const PINNED = `ghcr.io/acme/app@${D1}`;
const good = (name: string, override: Partial<WorkloadRecord> = {}): WorkloadRecord => record([outcome(PINNED)], { name, claim: CLAIM, ...override });
const bad = (name: string, override: Partial<WorkloadRecord> = {}): WorkloadRecord => record([outcome('evil:1', { verdicts: [failed()] })], { name, claim: CLAIM, ...override });

class World {
  readonly [Symbol.toStringTag] = 'World';
  readonly clock = new ManualClock(NOW);
  readonly events: EventInput[] = [];
  uid: string | undefined = 'p-uid';
  readonly reporter = new PropagationReporter({
    clock: this.clock,
    events: { record: (event) => this.events.push(event) },
    claimed: ({ kind, namespace, name }) => (this.uid === undefined ? undefined : ({ kind, namespace, name, uid: this.uid } as PropagationPolicyObject)),
  });

  judge(...records: readonly WorkloadRecord[]): void {
    for (const one of records) this.reporter.onRecord(one.key, one);
  }

  /** The notes of what is told within `seconds`. */
  after(seconds: number): string[] {
    this.clock.advance(seconds * 1000);
    return this.events.splice(0).map(({ note }) => note);
  }
}

test('a policy of Karmada is told what it propagates that failed, all of a moment in one event', () => {
  const world = new World();
  world.judge(bad('one'), good('two'), bad('three'));
  world.clock.advance(1000);
  assert.deepEqual(world.events.map(({ regarding, reason, type, note }) => [regarding, reason, type, note]), [[
    { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'PropagationPolicy', namespace: 'web', name: 'web', uid: 'p-uid' },
    'NoSignature',
    'Warning',
    '2 templates that it propagates do not verify: Deployment web/one has evil:1 (NoSignature); Deployment web/three has evil:1 (NoSignature). The events of each say what to do',
  ]]);
});

test('looks that find the same are not told again, and another one is, half a minute later at the soonest', () => {
  const world = new World();
  world.judge(bad('one'));
  assert.equal(world.after(1).length, 1);
  world.judge(bad('one'), bad('one'));
  assert.deepEqual(world.after(100), []);
  world.judge(bad('two'));
  assert.equal(world.after(1).length, 1);
  world.judge(bad('three'));
  assert.deepEqual(world.after(28), []);
  assert.match(world.after(2)[0] ?? '', /^3 templates/);
});

test('what went and came back before it was told is not told again', () => {
  const world = new World();
  world.judge(bad('one'));
  assert.equal(world.after(1).length, 1);
  world.judge(bad('two'), good('one'));
  world.judge(bad('one'), good('two'));
  assert.deepEqual(world.after(60), []);
});

test('what was put right within the moment is not told', () => {
  const world = new World();
  world.judge(bad('one'));
  world.judge(good('one'));
  assert.deepEqual(world.after(60), []);
});

test('a template that another policy claims is told to that one', () => {
  const world = new World();
  world.judge(bad('one', { claim: CLUSTER_CLAIM }));
  world.clock.advance(1000);
  assert.deepEqual(world.events.map(({ regarding }) => regarding), [{ apiVersion: 'policy.karmada.io/v1alpha1', kind: 'ClusterPropagationPolicy', name: 'all', uid: 'p-uid' }]);
});

test('what an override made fail is told with the clusters', () => {
  const world = new World();
  world.judge(good('one', { effective: [{ ...outcome('evil:1', { verdicts: [failed()] }), own: PINNED, clusters: ['a', 'b', 'c', 'd'] }] }));
  assert.match(world.after(1)[0] ?? '', /Deployment web\/one has evil:1 in a, b, c and 1 more \(NoSignature\)/);
});

test('a policy that is gone is told nothing, and one that fails again after it came back is', () => {
  const world = new World();
  world.uid = undefined;
  world.judge(bad('one'));
  assert.deepEqual(world.after(60), []);
  world.uid = 'another';
  world.judge(good('one'));
  world.judge(bad('one'));
  assert.equal(world.after(1).length, 1);
});

test('a template that is gone leaves nothing behind', () => {
  const world = new World();
  world.judge(bad('one'), bad('two'));
  world.after(1);
  world.reporter.onRecord('Deployment/web/one', undefined);
  world.judge(bad('three'));
  assert.match(world.after(60)[0] ?? '', /^2 templates .*web\/three.*web\/two/);
});
