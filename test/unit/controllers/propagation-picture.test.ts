import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, policyId, type WorkloadRecord } from '../../../src/controllers/ledger.ts';
import type { EffectiveImage, ImageOutcome } from '../../../src/controllers/outcome.ts';
import { isWorthWriting, type PolicyStatus, policyStatus } from '../../../src/controllers/policy-status.ts';
import type { Claim } from '../../../src/karmada/types.ts';
import { D1, failed, field, fleetInForce, inForce, NOW, OTHER, outcome, POLICY, record, verdict } from './builders.ts';
import { CLAIM, CLUSTER_CLAIM } from './karmada-builders.ts';

const PINNED = `ghcr.io/acme/app@${D1}`;
const BOTH = ['a', 'b'];

/** A template that both clusters have, judged by both policies. */
function propagated(name: string, override: Partial<WorkloadRecord> = {}, image: Partial<ImageOutcome> = {}): WorkloadRecord {
  const verdicts = image.verdicts ?? [verdict(), verdict({ policy: OTHER })];
  return record([outcome(PINNED, { clusters: BOTH, ...image, verdicts })], { name, uid: name, clusters: BOTH, claim: CLAIM, ...override });
}

const elsewhere = (image: string, clusters: readonly string[], override: Partial<EffectiveImage> = {}): EffectiveImage => ({ ...outcome(image), own: PINNED, clusters, ...override, verdicts: override.verdicts ?? [verdict(), verdict({ policy: OTHER })] });
const bad = [failed(), failed({ policy: OTHER })];

function statusOf(records: readonly WorkloadRecord[], wide = true): PolicyStatus {
  const ledger = new Ledger();
  for (const one of records) ledger.record(one);
  const state = wide ? fleetInForce() : inForce();
  return policyStatus({ state, picture: ledger.picture(policyId(wide ? OTHER : POLICY)), pending: 0, conditions: [], now: NOW });
}

const rows = ({ clusters = [] }: PolicyStatus): string[] => clusters.map(({ name, workloads, verified, failed: no, unpinned }) => `${name} ${workloads}/${verified}/${no}/${unpinned}`);
const policies = ({ propagation = [] }: PolicyStatus): string[] =>
  propagation.map(({ kind, namespace, name, templates, verified, failed: no, unknown }) => `${kind} ${namespace ?? '-'}/${name} ${templates}/${verified}/${no}/${unknown}`);

test('each cluster is counted by what it runs', () => {
  const status = statusOf([
    propagated('one'),
    propagated('two', { effective: [elsewhere('evil.example/app:1', ['b'], { verdicts: bad })] }, { clusters: ['a'] }),
    propagated('three', { effective: [elsewhere('mirror.example/app:1', ['a'], { pinned: false, dropped: true })] }, { clusters: ['b'] }),
  ]);
  assert.deepEqual(rows(status), ['a 3/3/0/1', 'b 3/2/1/1']);
  assert.deepEqual([status.summary.clusters, status.summary.propagationPolicies, status.omitted.clusters], [2, 1, 0]);
});

test('each policy of Karmada is counted by what it propagates, what clusters run instead included', () => {
  const unknown = [verdict({ policy: OTHER, result: 'Unknown', reason: 'RegistryUnavailable' })];
  const status = statusOf([
    propagated('one'),
    propagated('two', { effective: [elsewhere('evil.example/app:1', ['b'], { verdicts: bad })] }, { clusters: ['a'] }),
    propagated('three', { claim: CLUSTER_CLAIM }, { verdicts: unknown }),
    propagated('four', { claim: { ...CLAIM, namespace: 'other' } }),
  ]);
  assert.deepEqual(policies(status), ['PropagationPolicy web/web 2/1/1/0', 'ClusterPropagationPolicy -/all 1/0/0/1', 'PropagationPolicy other/web 1/1/0/0']);
});

test('an image says in how many clusters it runs, each counted once', () => {
  const status = statusOf([
    propagated('one'),
    propagated('two', { effective: [elsewhere(`mirror.example/app@${D1}`, ['b'])] }, { clusters: ['a'] }),
    record([outcome(PINNED, { clusters: ['c'], verdicts: [verdict({ policy: OTHER })] })], { name: 'three', clusters: ['c'] }),
  ]);
  assert.deepEqual(status.images.map(({ image, clusters, workloads }) => [image.split('@')[0], clusters, workloads.count]), [['ghcr.io/acme/app', 3, 3], ['mirror.example/app', 1, 1]]);
});

test('a policy of one namespace names the PropagationPolicies of that namespace, and counts all else', () => {
  const dropped = propagated('three', { claim: CLUSTER_CLAIM, effective: [elsewhere('mirror.example/app:1', ['a'], { pinned: false, dropped: true })], unpinned: { reason: 'DigestDroppedByOverride', message: 'dropped in cluster a', discreet: 'dropped in 1 cluster' } }, { clusters: ['b'] });
  const status = statusOf([propagated('one'), dropped], false);
  assert.deepEqual([policies(status), status.clusters, status.summary.clusters, status.summary.propagationPolicies], [['PropagationPolicy web/web 1/1/0/0'], undefined, 2, 2]);
  const pinned = (of: PolicyStatus): string | undefined => of.conditions.find(({ type }) => type === 'Pinned')?.message;
  assert.match(pinned(status) ?? '', /dropped in 1 cluster$/);
  assert.match(pinned(statusOf([dropped])) ?? '', /dropped in cluster a$/);
  assert.doesNotMatch(JSON.stringify(status), /cluster a|ClusterPropagationPolicy/);
});

test('without Karmada a status has none of its fields', () => {
  const status = statusOf([record([outcome(PINNED, { verdicts: [verdict({ policy: OTHER })] })])]);
  const fields = [...Object.keys(status), ...Object.keys(status.summary), ...Object.keys(status.images[0] ?? {})];
  assert.deepEqual(fields.filter((name) => ['propagation', 'clusters', 'propagationPolicies'].includes(name)), []);
});

test('at most a hundred policies and two hundred clusters are named, what failed first, and the rest is counted', () => {
  const many = Array.from({ length: 230 }, (_, at): WorkloadRecord => {
    const name = `m${String(at).padStart(3, '0')}`;
    const claim: Claim = { ...CLAIM, name };
    const verdicts = at === 229 ? bad : [verdict({ policy: OTHER })];
    return record([outcome(PINNED, { clusters: [name], verdicts })], { name, uid: name, clusters: [name], claim });
  });
  const status = statusOf(many);
  assert.deepEqual([status.propagation?.length, status.clusters?.length, status.omitted.propagation, status.omitted.clusters], [100, 200, 130, 30]);
  assert.equal(status.propagation?.[0]?.name, 'm229');
  assert.equal(status.clusters?.at(-1)?.name, 'm229');
});

test('counts come out even when what was judged is judged in another way, or is gone', () => {
  const ledger = new Ledger();
  const all = [propagated('one'), propagated('two', { effective: [elsewhere('evil.example/app:1', ['b'], { verdicts: bad })] }, { clusters: ['a'] }), propagated('three', { claim: CLUSTER_CLAIM })];
  for (const one of all) ledger.record(one);
  for (const one of all) ledger.record({ ...one, clusters: ['b'], images: one.images.map((image) => ({ ...image, clusters: ['b'] })) });
  for (const one of all) ledger.forget(one.key);
  const { isThere, clusters, claims } = ledger.picture(policyId(OTHER)).propagation;
  const { works, templates, dropped } = ledger.propagation();
  assert.deepEqual([isThere, clusters.size, [...claims].length, dropped, [...works.values(), ...templates.values()].filter((count) => count !== 0)], [false, 0, 0, 0, []]);
});

test('what is judged anew while others stay is counted as if it had always been so', () => {
  const [ledger, fresh] = [new Ledger(), new Ledger()];
  ledger.record(propagated('stays'));
  ledger.record(propagated('moves', { effective: [elsewhere('evil.example/app:1', ['b'], { verdicts: bad })] }, { clusters: ['a'] }));
  ledger.record(propagated('goes', { claim: CLUSTER_CLAIM }));
  ledger.record(propagated('moves', { clusters: ['a'] }, { clusters: ['a'] }));
  ledger.forget('Deployment/web/goes');
  fresh.record(propagated('stays'));
  fresh.record(propagated('moves', { clusters: ['a'] }, { clusters: ['a'] }));
  const [one, other] = [ledger, fresh].map((of) => of.picture(policyId(OTHER)).propagation);
  assert.deepEqual([new Map(one?.clusters), [...(one?.claims ?? [])]], [new Map(other?.clusters), [...(other?.claims ?? [])]]);
});

test('an order in which the API server has the clusters is no change', () => {
  const status = statusOf([propagated('one')]);
  assert.equal(isWorthWriting({ ...status, clusters: status.clusters?.toReversed() ?? [] }, status), false);
});

test('the metrics count Works by the worst that they have, and digests that were dropped', () => {
  const ledger = new Ledger();
  ledger.record(propagated('one', { effective: [elsewhere('mirror.example/app:1', ['a'], { pinned: false, dropped: true })] }, { clusters: ['b'] }));
  ledger.record(propagated('two', { effective: [elsewhere('evil.example/app:1', ['b'], { verdicts: bad })] }, { clusters: ['a'] }));
  ledger.record(record([outcome('free:1', { verdicts: [], clusters: BOTH })], { name: 'three', clusters: BOTH }));
  ledger.record(record([outcome('free:1', { verdicts: [] }), outcome('free:2', { verdicts: [], field: field('free:2', 1) })], { name: 'four' }));
  const { works, templates, dropped } = ledger.propagation();
  assert.deepEqual([Object.fromEntries(works), Object.fromEntries(templates), dropped], [{ Verified: 3, Failed: 1, Unmatched: 2 }, { pinned: 2, unmatched: 1 }, 1]);
  assert.equal(ledger.unmatchedImages(), 2);
});
