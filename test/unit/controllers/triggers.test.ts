import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rendering } from '../../../src/controllers/effective.ts';
import type { Fleet, NamespaceObject } from '../../../src/controllers/fleet.ts';
import { namespaceMatcher } from '../../../src/controllers/fleet.ts';
import { policyId } from '../../../src/controllers/ledger.ts';
import { Pending } from '../../../src/controllers/pending.ts';
import type { PolicyObject } from '../../../src/controllers/policy-object.ts';
import { connectTriggers, governanceChanged } from '../../../src/controllers/triggers.ts';
import { type WorkloadObject, workloadKey } from '../../../src/controllers/workload-object.ts';
import { type Change, keyOf, Store, type Stored } from '../../../src/kube/store.ts';
import { FRESH, RESYNC, WorkQueue } from '../../../src/runtime/work-queue.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { field, fleetInForce, inForce, NOW, OTHER, POLICY, refusedState, workload } from './builders.ts';
import { rendering } from './karmada-builders.ts';

/** The contract of a reflector over a store: tells what is there, then what changes. */
class Cache<T extends Stored> {
  readonly store = new Store<T>({ namespace: (value) => [value.namespace] });
  readonly #handlers = new Set<(change: Change<T>) => void>();

  subscribe(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    for (const value of this.store.values()) handler({ type: 'added', key: keyOf(value), value });
    return () => this.#handlers.delete(handler);
  }

  put(value: T): void {
    this.#tell(this.store.put(value));
  }

  remove(value: T): void {
    this.#tell(this.store.remove(keyOf(value)));
  }

  #tell(change: Change<T> | undefined): void {
    if (change !== undefined) for (const handler of this.#handlers) handler(change);
  }
}

let version = 0;
const next = (): string => String((version += 1));
const at = (name: string, override: Partial<WorkloadObject> = {}): WorkloadObject => workload([field('ghcr.io/acme/app:1')], { name, resourceVersion: next(), ...override });
const namespace = (name: string, labels: Record<string, string> = {}): NamespaceObject => ({ namespace: '', name, resourceVersion: next(), labels });
const policy = (override: Partial<PolicyObject> = {}): PolicyObject => ({
  kind: 'ImageVerification', namespace: 'web', name: 'release', resourceVersion: next(), uid: 'u', generation: 1, spec: {}, deleting: false, ...override,
});

/** Queues over caches, with one workload and its namespace in them. */
class World {
  readonly clock = new ManualClock(NOW);
  readonly workloads = new Cache<WorkloadObject>();
  readonly policies = new Cache<PolicyObject>();
  readonly namespaces = new Cache<NamespaceObject>();
  readonly workloadQueue = new WorkQueue({ clock: this.clock });
  readonly policyQueue = new WorkQueue({ clock: this.clock });
  readonly pending = new Pending();
  readonly dependencies = {
    // Only what triggers read of a fleet.
    fleet: {
      workloads: new Map([['Deployment', this.workloads]]),
      policies: { ImageVerification: this.policies, ClusterImageVerification: new Cache<PolicyObject>() },
      namespaces: this.namespaces,
      allWorkloads: (name?: string) => (name === undefined ? this.workloads.store.values() : this.workloads.store.byIndex('namespace', name)),
      madeBy: ({ name }: WorkloadObject) => [...this.workloads.store.values()].filter(({ owner }) => owner === name),
      namespaceLabels: (name: string) => this.namespaces.store.get(name)?.labels,
    } as unknown as Fleet,
    workloadQueue: this.workloadQueue,
    policyQueue: this.policyQueue,
    pending: this.pending,
    clock: this.clock,
  };

  constructor() {
    this.namespaces.put(namespace('web'));
    this.workloads.put(at('api'));
  }

  connect(): () => void {
    return connectTriggers(this.dependencies);
  }
}

/** Takes everything that is ready: keys, with their priority where it is not that of an edit. */
function taken(queue: WorkQueue): string[] {
  const keys: string[] = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) {
    keys.push(one.priority === FRESH ? one.key : `${one.key} ${one.priority === RESYNC ? 'later' : ''}`);
    queue.done(one.key);
  }
  return keys;
}

test('what is there at the start can wait for what somebody does', () => {
  const world = new World();
  world.connect();
  world.workloads.put(at('new'));
  assert.deepEqual(taken(world.workloadQueue), ['Deployment/web/new', 'Deployment/web/api later']);
});

test('what a workload made is looked at when it comes and when it goes, not when it changes', () => {
  const world = new World();
  world.workloads.put(at('made', { owner: 'maker' }));
  world.connect();
  taken(world.workloadQueue);
  world.workloads.put(at('maker'));
  assert.deepEqual(taken(world.workloadQueue), ['Deployment/web/maker', 'Deployment/web/made']);
  world.workloads.put(at('maker', { labels: { a: 'b' } }));
  assert.deepEqual(taken(world.workloadQueue), ['Deployment/web/maker']);
  world.workloads.remove(at('maker'));
  assert.deepEqual(taken(world.workloadQueue), ['Deployment/web/maker', 'Deployment/web/made']);
});

const api = at('api');
const workloadChanges: Record<string, { change: (world: World) => void; woken: readonly string[] }> = {
  'a change of what decides is looked at': { change: ({ workloads }) => workloads.put(at('api', { images: [field('ghcr.io/acme/app:2')] })), woken: ['Deployment/web/api'] },
  'a change of labels too': { change: ({ workloads }) => workloads.put(at('api', { labels: { a: 'b' } })), woken: ['Deployment/web/api'] },
  'a change of nothing that decides is not': { change: ({ workloads }) => workloads.put(at('api')), woken: [] },
  'a deletion is': { change: ({ workloads }) => workloads.remove(api), woken: ['Deployment/web/api'] },
  'other labels of the namespace are': { change: ({ namespaces }) => namespaces.put(namespace('web', { tier: 'prod' })), woken: ['Deployment/web/api later'] },
  'other things of the namespace are not': { change: ({ namespaces }) => namespaces.put(namespace('web')), woken: [] },
  'another namespace is not': { change: ({ namespaces }) => namespaces.put(namespace('other', { tier: 'prod' })), woken: [] },
};
for (const [sentence, { change, woken }] of Object.entries(workloadChanges)) {
  test(sentence, () => {
    const world = new World();
    world.connect();
    taken(world.workloadQueue);
    change(world);
    assert.deepEqual(taken(world.workloadQueue), woken);
  });
}

test('other labels of a namespace have what is disguised there looked at, too', () => {
  const world = new World();
  const disguise = at('settings', { kind: 'ConfigMap', anyKind: true });
  connectTriggers({ ...world.dependencies, disguised: (name) => (name === 'web' ? [disguise] : []) });
  taken(world.workloadQueue);
  world.namespaces.put(namespace('other', { tier: 'prod' }));
  world.namespaces.put(namespace('web', { tier: 'prod' }));
  assert.deepEqual(taken(world.workloadQueue), ['Deployment/web/api later', 'ConfigMap/web/settings later']);
});

const policyChanges: Record<string, { next: Partial<PolicyObject>; woken: boolean }> = {
  'an edited policy is looked at': { next: { generation: 2 }, woken: true },
  'its status alone is not, whoever wrote it': { next: { status: { observedGeneration: 1 } }, woken: false },
  'a request to judge afresh is': { next: { requestedAt: 'now' }, woken: true },
  'another policy of its name is': { next: { uid: 'other' }, woken: true },
};
for (const [sentence, { next: changed, woken }] of Object.entries(policyChanges)) {
  test(sentence, () => {
    const world = new World();
    world.policies.put(policy());
    world.connect();
    assert.deepEqual(taken(world.policyQueue), ['ImageVerification/web/release']);
    world.policies.put(policy(changed));
    assert.deepEqual(taken(world.policyQueue), woken ? ['ImageVerification/web/release'] : []);
  });
}

test('a policy that is deleted is looked at', () => {
  const world = new World();
  const object = policy();
  world.policies.put(object);
  world.connect();
  taken(world.policyQueue);
  world.policies.remove(object);
  assert.deepEqual(taken(world.policyQueue), ['ImageVerification/web/release']);
});

test('after the end of it nothing is told', () => {
  const world = new World();
  world.connect()();
  taken(world.workloadQueue);
  world.workloads.put(at('late'));
  world.policies.put(policy());
  assert.deepEqual([taken(world.workloadQueue), taken(world.policyQueue)], [[], []]);
});

const wide = (spec: Record<string, unknown> = {}): ReturnType<typeof inForce> => fleetInForce(spec);
const labelled = inForce({ workloads: { selector: { matchLabels: { team: 'a' } } } });
const governed: Record<string, { before?: ReturnType<typeof inForce>; after?: Parameters<typeof governanceChanged>[2]; object?: Partial<WorkloadObject>; renderings?: readonly Rendering[]; woken: boolean; waits?: boolean }> = {
  'a policy that governs an image of it': { after: inForce(), woken: true },
  'one of another repository does not matter': { after: inForce({ images: [{ glob: 'quay.io/**' }] }), woken: false },
  'one that chooses other workloads does not matter': { after: labelled, woken: false },
  'one that chose it before does': { before: inForce(), after: labelled, woken: true },
  'one that is gone does, and nobody waits': { before: inForce(), woken: true, waits: false },
  'one that is refused does': { after: refusedState(), woken: true },
  'one of another namespace does not matter': { after: inForce({}, { namespace: 'other' }), woken: false },
  'a cluster-wide one that chooses its namespace does': { after: wide(), woken: true },
  'a cluster-wide one that chooses others does not': { after: wide({ namespaceSelector: { matchLabels: { tier: 'prod' } } }), woken: false },
  'an image text that does not parse may be meant': { after: inForce(), object: { images: [field('https://x')] }, woken: true },
  'one that means what a cluster runs of it does': { after: inForce({ images: [{ glob: 'mirror.example/**' }] }), renderings: [rendering('a', [field('mirror.example/app:1')])], woken: true },
  'one that chooses it by a label that an override adds does': { after: labelled, renderings: [rendering('a', [field('ghcr.io/acme/app:1')], { labels: { team: 'a' } })], woken: true },
  'while its namespace is not known, a cluster-wide one may choose it': { after: wide({ namespaceSelector: { matchLabels: { tier: 'prod' } } }), object: { namespace: 'unseen' }, woken: true },
};
for (const [sentence, { before, after, object = {}, renderings, woken, waits = woken }] of Object.entries(governed)) {
  test(`a workload is judged again for a policy: ${sentence}`, () => {
    const world = new World();
    const only = at('only', object);
    world.workloads.remove(api);
    world.workloads.put(only);
    governanceChanged({ ...world.dependencies, renderings: () => renderings }, before, after);
    const key = workloadKey(only);
    assert.deepEqual(taken(world.workloadQueue), woken ? [`${key} later`] : []);
    assert.equal(world.pending.count(policyId((after ?? before)?.key ?? POLICY)), waits ? 1 : 0);
  });
}

test('what clusters run is looked at only for a workload that the policy does not mean by itself', () => {
  const world = new World();
  world.workloads.remove(api);
  world.workloads.put(at('own'));
  world.workloads.put(at('other', { images: [field('quay.io/free:1')] }));
  const asked: string[] = [];
  governanceChanged({ ...world.dependencies, renderings: (key) => (asked.push(key), []) }, undefined, inForce());
  assert.deepEqual(asked, [workloadKey(at('other'))]);
});

test('where Works decide, a slice is as long as their number allows', () => {
  const world = new World();
  world.workloads.remove(api);
  for (let index = 0; index < 12; index += 1) world.workloads.put(at(`w${index}`, { images: [field('free:1')] }));
  const works = Array.from({ length: 500 }, (_, index) => rendering(`c${index}`, [field('ghcr.io/acme/app:1')]));
  governanceChanged({ ...world.dependencies, renderings: () => works }, undefined, fleetInForce());
  const seen = [taken(world.workloadQueue).length];
  for (const _ of [1, 2]) {
    world.clock.advance(0);
    seen.push(taken(world.workloadQueue).length);
  }
  assert.deepEqual([seen, world.pending.count(policyId(OTHER)), world.pending.isLooking(policyId(OTHER)), taken(world.policyQueue)], [[4, 8, 0], 12, false, [policyId(OTHER)]]);
});

test('a large fleet is looked through a slice at a time, and the policy is looked at when its workloads are found', () => {
  const world = new World();
  world.workloads.remove(api);
  for (let index = 0; index < 1200; index += 1) world.workloads.put(at(`w${index}`, index % 2 === 0 ? {} : { images: [field('free:1')] }));
  governanceChanged(world.dependencies, undefined, fleetInForce());
  const id = policyId(OTHER);
  assert.deepEqual([taken(world.workloadQueue).length, world.pending.isLooking(id), taken(world.policyQueue)], [250, true, []]);
  world.clock.advance(0);
  assert.deepEqual([taken(world.workloadQueue).length, world.pending.isLooking(id), taken(world.policyQueue)], [350, false, [id]]);
  assert.equal(world.pending.count(id), 600);
});

const namespaces: Record<string, { patterns: string[]; namespace: string; excluded: boolean }> = {
  'by name': { patterns: ['kube-system'], namespace: 'kube-system', excluded: true },
  'by name only as a whole': { patterns: ['kube'], namespace: 'kube-system', excluded: false },
  'by how it begins': { patterns: ['karmada-*'], namespace: 'karmada-es-member1', excluded: true },
  'not by how it ends': { patterns: ['karmada-*'], namespace: 'my-karmada-x', excluded: false },
  'by no pattern': { patterns: [], namespace: 'web', excluded: false },
};
for (const [how, { patterns, namespace: name, excluded }] of Object.entries(namespaces)) {
  test(`a namespace is excluded ${how}`, () => assert.equal(namespaceMatcher(patterns)(name), excluded));
}
