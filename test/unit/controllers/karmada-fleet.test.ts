import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { SHIPPED_KINDS } from '../../../src/api/further-kinds.ts';
import type { WorkloadKind } from '../../../src/api/workload-kinds.ts';
import { manifestImages } from '../../../src/api/object-images.ts';
import { KarmadaFleet } from '../../../src/controllers/karmada-fleet.ts';
import { connectKarmadaTriggers, GATHERING } from '../../../src/controllers/karmada-triggers.ts';
import { KINDS, kindNames, projectWorkload, type WorkloadObject } from '../../../src/controllers/workload-object.ts';
import type { Claim } from '../../../src/karmada/types.ts';
import type { KubeClient, ListOptions, ListPage, WatchOptions } from '../../../src/kube/client.ts';
import type { Discovery } from '../../../src/kube/discovery.ts';
import type { KubeObject, Resource } from '../../../src/kube/object.ts';
import type { Availability, OptionalResource } from '../../../src/kube/served.ts';
import type { WatchEvent } from '../../../src/kube/watch-stream.ts';
import { FRESH, WorkQueue } from '../../../src/runtime/work-queue.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';
import { field, workload } from './builders.ts';

const KEY = 'Deployment/web/api';
type Json = Record<string, unknown>;

/** An API server that has Karmada's groups or not, as the test says. */
class Server {
  isThere = true;
  readonly asked: string[] = [];
  readonly limits: Record<string, number> = {};
  readonly objects: Record<string, readonly KubeObject[]> = {};
  readonly #watching = new Map<string, (event: WatchEvent) => void>();
  readonly #handlers = new Set<() => void>();
  readonly known = true;
  readonly problem = undefined;

  find({ versions, ...resource }: OptionalResource): Availability {
    return this.isThere ? { state: 'present', resource: { ...resource, version: versions[0] ?? '' } } : { state: 'absent' };
  }

  subscribe(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  async say(isThere: boolean): Promise<void> {
    this.isThere = isThere;
    for (const handler of this.#handlers) handler();
    await settled();
  }

  refresh(): void {
    throw new Error('nothing is in doubt here');
  }

  async list({ plural }: Resource, { limit = 0 }: ListOptions): Promise<ListPage> {
    this.asked.push(plural);
    this.limits[plural] = limit;
    return { items: this.objects[plural] ?? [], resourceVersion: '10' };
  }

  async watch({ plural }: Resource, { signal, onOpen }: WatchOptions, onEvent: (event: WatchEvent) => void): Promise<void> {
    this.#watching.set(plural, onEvent);
    onOpen?.();
    await new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }

  emit(plural: string, object: KubeObject, type: 'ADDED' | 'MODIFIED' | 'DELETED' = 'MODIFIED'): void {
    this.#watching.get(plural)?.({ type, object });
  }
}

let version = 10;
function work(cluster: string, { image = 'app:1', name = 'api', bindingId = 'b1', namespace = 'web', apiVersion = 'apps/v1', kind = 'Deployment', generation = '1', status = {}, spec = {} }: { image?: string; name?: string; bindingId?: string; namespace?: string; apiVersion?: string; kind?: string; generation?: string; status?: Json; spec?: Json } = {}): KubeObject {
  const manifest = {
    apiVersion,
    kind,
    metadata: { namespace, name, annotations: { 'resourcetemplate.karmada.io/generation': generation } },
    spec: { template: { spec: { containers: [{ name: 'c0', image }] } } },
  };
  const metadata = { namespace: `karmada-es-${cluster}`, name: `${name}-${kind}-${namespace}`.toLowerCase(), resourceVersion: String((version += 1)), labels: { 'resourcebinding.karmada.io/permanent-id': bindingId }, annotations: { 'resourcebinding.karmada.io/namespace': 'web' } };
  return { metadata, spec: { workload: { manifests: [manifest] }, ...spec }, status } as KubeObject;
}

function binding(evicting: readonly string[], status: Json = {}, claim?: Claim): KubeObject {
  const { labels, annotations } = claimMetadata(claim);
  const metadata = { namespace: 'web', name: 'api-deployment', resourceVersion: String((version += 1)), labels: { 'resourcebinding.karmada.io/permanent-id': 'b1', ...labels }, annotations };
  const resource = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'api', uid: 'u1' };
  return { metadata, spec: { resource, clusters: [{ name: 'a' }], gracefulEvictionTasks: evicting.map((fromCluster) => ({ fromCluster })) }, status } as KubeObject;
}

/** As Karmada writes it into the binding, and anybody may into a template. */
function claimMetadata(claim: Claim | undefined): { readonly labels: Record<string, string>; readonly annotations: Record<string, string> } {
  if (claim === undefined) return { labels: {}, annotations: {} };
  const { kind, namespace, name, id } = claim;
  const group = `${kind.toLowerCase()}.karmada.io`;
  return { labels: { [`${group}/permanent-id`]: id }, annotations: { [`${group}/name`]: name, ...(namespace === '' ? {} : { [`${group}/namespace`]: namespace }) } };
}

const running: KarmadaFleet[] = [];
afterEach(async () => {
  for (const fleet of running.splice(0)) for (const cache of fleet.caches) await cache.stop();
});

interface World {
  readonly server: Server;
  readonly karmada: KarmadaFleet;
  /** Keys that were woken since the last look. */
  readonly woken: () => string[];
}

async function begin(objects: Server['objects'] = {}, { isThere = true, namespace, excluded, templates = [] }: { isThere?: boolean; namespace?: string; excluded?: string; templates?: readonly WorkloadObject[] } = {}): Promise<World> {
  const server = new Server();
  Object.assign(server.objects, objects);
  server.isThere = isThere;
  const karmada = new KarmadaFleet({
    client: server as unknown as KubeClient,
    clock: new ManualClock(),
    discovery: server as unknown as Discovery,
    hooks: {},
    nameOfKind: kindNames(SHIPPED_KINDS),
    imagesOfManifest: manifestImages(SHIPPED_KINDS),
    isExcluded: (one) => one === excluded,
    ...(namespace === undefined ? {} : { namespace }),
  });
  running.push(karmada);
  for (const cache of karmada.caches) cache.start();
  await settled();
  const added: string[] = [];
  connectKarmadaTriggers({ karmada, fleet: { allWorkloads: (of) => templates.filter((one) => of === undefined || one.namespace === of).values() }, workloadQueue: { add: (key, options) => added.push(`${key} ${options?.after !== GATHERING ? '?' : options.priority === FRESH ? 'now' : 'later'}`) }, dropped: (of) => [`dropping in ${of ?? 'all'}`] });
  return { server, karmada, woken: () => added.splice(0) };
}

test('without Karmada nothing is asked, and nothing is known of what it would propagate', async () => {
  const { server, karmada, woken } = await begin({}, { isThere: false });
  assert.deepEqual([server.asked, karmada.renderings(KEY), woken()], [[], undefined, []]);
});

test('what clusters are told to run is found by the template, and only by a template of the same group', async () => {
  const { karmada } = await begin({ works: [work('b'), work('a', { image: 'mirror/app:1' }), work('a', { apiVersion: 'apps.kruise.io/v1beta1', kind: 'StatefulSet' }), work('a', { namespace: 'other' })] });
  assert.deepEqual(karmada.renderings(KEY)?.map(({ work: { cluster, images } }) => [cluster, images[0]?.image]), [['b', 'app:1'], ['a', 'mirror/app:1']]);
  assert.deepEqual(karmada.renderings('StatefulSet/web/api'), []);
  assert.equal(karmada.renderings('StatefulSet.apps.kruise.io/web/api')?.length, 1);
});

test('images that clusters are told to run of a template of a kind that has none are those of a workload of its name, whatever a policy chooses by', async () => {
  const resource = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'web', name: 'settings', uid: 'u9' };
  const bound = { ...binding([]), spec: { resource, clusters: [{ name: 'a' }] } } as unknown as KubeObject;
  const { server, karmada, woken } = await begin({ works: [work('a', { name: 'anything' })], resourcebindings: [bound] });
  assert.deepEqual(woken(), ['ConfigMap/web/settings ?']);
  const { kind, anyKind, labels, images, deleting, uid } = karmada.disguised('ConfigMap/web/settings') ?? {};
  assert.deepEqual({ kind, anyKind, labels, images, deleting, uid }, { kind: 'ConfigMap', anyKind: true, labels: undefined, images: [], deleting: true, uid: 'u9' });
  assert.deepEqual(karmada.renderings('ConfigMap/web/settings')?.map((one) => one.work.cluster), ['a']);
  assert.deepEqual([[...karmada.allDisguised('web')].length, [...karmada.allDisguised('other')].length], [1, 0]);
  server.emit('works', work('a', { name: 'anything' }), 'DELETED');
  assert.deepEqual([woken(), karmada.disguised('ConfigMap/web/settings'), [...karmada.allDisguised()]], [['ConfigMap/web/settings now'], undefined, []]);
});

test('a template of a watched kind is itself, also where it is not there any more', async () => {
  const { karmada } = await begin({ works: [work('a')], resourcebindings: [binding([])] });
  assert.deepEqual([karmada.disguised(KEY), [...karmada.allDisguised()]], [undefined, []]);
});

test('a namespace that is left alone has nothing disguised', async () => {
  const resource = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'web', name: 'settings', uid: 'u9' };
  const bound = { ...binding([]), spec: { resource, clusters: [{ name: 'a' }] } } as unknown as KubeObject;
  const { karmada } = await begin({ works: [work('a')], resourcebindings: [bound] }, { excluded: 'web' });
  assert.equal(karmada.disguised('ConfigMap/web/settings'), undefined);
});

test('what was there at the start wakes nobody, as its templates are judged then; what comes does', async () => {
  const { server, woken } = await begin({ works: [work('a')], resourcebindings: [binding(['a'])] });
  assert.deepEqual(woken(), []);
  server.emit('works', work('b'), 'ADDED');
  assert.deepEqual(woken(), [`${KEY} now`]);
});

test('of what was there at the start it is not even looked up whose it is', async () => {
  const { karmada } = await begin({ works: [work('a')], resourcebindings: [binding(['a'])] });
  const looked: string[] = [];
  const found = (what: string) => () => (looked.push(what), []);
  connectKarmadaTriggers({ karmada: Object.assign(karmada, { keysOf: found('Work'), otherKeysOf: found('binding') }), fleet: { allWorkloads: () => [].values() }, workloadQueue: { add: () => undefined }, dropped: () => [] });
  assert.deepEqual(looked, []);
});

test('what Karmada tells twenty clusters of a template, one after the other, is one look at it', async () => {
  const { server, karmada } = await begin({ works: Array.from({ length: 20 }, (_, index) => work(`c${index}`)) });
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock });
  const taken: string[] = [];
  queue.onReady(() => {
    for (let next = queue.take(); next !== undefined; next = queue.take()) {
      taken.push(next.key);
      queue.done(next.key);
    }
  });
  connectKarmadaTriggers({ karmada, fleet: { allWorkloads: () => [].values() }, workloadQueue: queue, dropped: () => [] });
  for (let index = 0; index < 20; index += 1) {
    server.emit('works', work(`c${index}`, { image: 'app:2' }));
    clock.advance(10);
  }
  clock.advance(GATHERING);
  assert.deepEqual(taken, [KEY]);
});

test('what Karmada makes is listed in pages that are parsed in some milliseconds', async () => {
  const { server } = await begin({ works: [work('a')] });
  assert.deepEqual(new Set(Object.values(server.limits)), new Set([200]));
});

test('a report of Karmada in a Work or a binding wakes nobody', async () => {
  const { server, woken } = await begin({ works: [work('a')], resourcebindings: [binding([])] });
  woken();
  server.emit('works', work('a', { status: { conditions: [{ type: 'Applied', status: 'True' }] } }));
  server.emit('resourcebindings', binding([], { aggregatedStatus: [{ clusterName: 'a', applied: true }] }));
  assert.deepEqual(woken(), []);
});

for (const [sentence, change] of Object.entries({
  'another image': { image: 'app:2' },
  'another generation': { generation: '2' },
  'a suspension': { spec: { suspendDispatching: true } },
})) {
  test(`${sentence} in a Work has its template judged`, async () => {
    const { server, woken } = await begin({ works: [work('a')] });
    woken();
    server.emit('works', work('a', change));
    assert.deepEqual(woken(), [`${KEY} now`]);
  });
}

test('a Work that goes has its template judged', async () => {
  const { server, karmada, woken } = await begin({ works: [work('a')] });
  woken();
  server.emit('works', work('a'), 'DELETED');
  assert.deepEqual([woken(), karmada.renderings(KEY)], [[`${KEY} now`], []]);
});

test('a cluster that begins to be left has the template judged, with that said', async () => {
  const { server, karmada, woken } = await begin({ works: [work('a')], resourcebindings: [binding([])] });
  woken();
  assert.equal(karmada.renderings(KEY)?.[0]?.leaving, false);
  server.emit('resourcebindings', binding(['a']));
  assert.deepEqual([woken(), karmada.renderings(KEY)?.[0]?.leaving], [[`${KEY} now`], true]);
});

test('an operator of one namespace keeps nothing of the Works of others', async () => {
  const { metadata, ...others } = work('a', { namespace: 'other' });
  const { karmada } = await begin({ works: [work('a'), { ...others, metadata: { ...metadata, annotations: { 'resourcebinding.karmada.io/namespace': 'other' } } }] }, { namespace: 'web' });
  assert.deepEqual([karmada.works.store.size, karmada.renderings(KEY)?.length], [1, 1]);
});

for (const [sentence, called, wronged] of [
  ['another name', { name: 'innocent' }, 'Deployment/web/innocent'],
  ['another namespace', { namespace: 'other' }, 'Deployment/other/api'],
  ['another kind', { kind: 'StatefulSet' }, 'StatefulSet/web/api'],
] as const) {
  test(`a Work whose manifest was given ${sentence} by an override is what runs of the template of its binding, and of no other`, async () => {
    for (const scope of [{}, { namespace: 'web' }]) {
      const { server, karmada, woken } = await begin({ works: [work('a', { ...called, image: 'evil:1' })], resourcebindings: [binding([])] }, scope);
      assert.deepEqual(karmada.renderings(KEY)?.map(({ work: { images } }) => images[0]?.image), ['evil:1']);
      assert.deepEqual(karmada.renderings(wronged), []);
      server.emit('works', work('a', { ...called, image: 'evil:2' }));
      assert.deepEqual(woken(), [`${KEY} now`]);
    }
  });
}

test('a Work is taken by the name in its manifest until its binding is known, and when that is gone', async () => {
  const { server, karmada, woken } = await begin({ works: [work('a', { name: 'old' })] });
  const found = (): unknown[] => [karmada.renderings(KEY)?.length, karmada.renderings('Deployment/web/old')?.length];
  assert.deepEqual(found(), [0, 1]);
  server.emit('resourcebindings', binding([]), 'ADDED');
  assert.deepEqual([found(), woken().toSorted()], [[1, 0], [`${KEY} now`, 'Deployment/web/old now']]);
  server.emit('resourcebindings', binding([]), 'DELETED');
  assert.deepEqual([found(), woken().toSorted()], [[0, 1], [`${KEY} now`, 'Deployment/web/old now']]);
});

const claimed = (kind: Claim['kind'], namespace: string, name: string, id: string): Claim => ({ kind, namespace, name, id });
const propagating = (id: string, namespace?: string): KubeObject => {
  const label = namespace === undefined ? 'clusterpropagationpolicy.karmada.io/permanent-id' : 'propagationpolicy.karmada.io/permanent-id';
  return { metadata: { name: 'p', resourceVersion: String((version += 1)), labels: { [label]: id }, ...(namespace === undefined ? {} : { namespace }) }, spec: {} } as KubeObject;
};

for (const [sentence, claim, stands] of [
  ['of the policy of its namespace, by its id', claimed('PropagationPolicy', 'web', 'p', 'id1'), true],
  ['of the policy of all namespaces, by its id', claimed('ClusterPropagationPolicy', '', 'p', 'id3'), true],
  ['of the policy of another namespace', claimed('PropagationPolicy', 'victim', 'p', 'id2'), false],
  ['of a policy by another id', claimed('PropagationPolicy', 'web', 'p', 'id9'), false],
  ['of a policy of all namespaces by another id', claimed('ClusterPropagationPolicy', '', 'p', 'id9'), false],
  ['of a policy that nobody has', claimed('ClusterPropagationPolicy', '', 'invented', 'id3'), false],
] as const) {
  test(`what a binding says is ${stands ? 'believed' : 'not believed'}: that it is ${sentence}`, async () => {
    const { karmada } = await begin({ propagationpolicies: [propagating('id1', 'web'), propagating('id2', 'victim')], clusterpropagationpolicies: [propagating('id3')], resourcebindings: [binding([], {}, claim)] });
    assert.deepEqual(karmada.claimOf(workload([field('app:1')])), stands ? claim : undefined);
  });
}

test('of what a policy of Karmada selects nothing is kept, however much it is', async () => {
  const selectors = [{ apiVersion: 'apps/v1', kind: 'Deployment', labelSelector: { matchExpressions: [{ key: 'k', operator: 'In', values: ['v'.repeat(100_000)] }] } }];
  const { karmada } = await begin({ propagationpolicies: [{ ...propagating('id1', 'web'), spec: { resourceSelectors: selectors } } as KubeObject] });
  assert.ok(JSON.stringify([...karmada.propagationPolicies.store.values()]).length < 1000);
  assert.equal(karmada.propagationPolicies.store.size, 1);
});

test('what a template itself says of who propagates it is nothing, as anybody may write that there', async () => {
  const forged = claimMetadata(claimed('ClusterPropagationPolicy', '', 'p', 'id3'));
  const template = projectWorkload(KINDS.get('Deployment') as WorkloadKind, { ...work('a'), metadata: { namespace: 'web', name: 'api', ...forged } });
  const { karmada } = await begin({ propagationpolicies: [propagating('id1', 'web')], clusterpropagationpolicies: [propagating('id3')], resourcebindings: [binding([], {}, claimed('PropagationPolicy', 'web', 'p', 'id1'))] });
  assert.deepEqual(karmada.claimOf(template as WorkloadObject)?.id, 'id1');
  assert.equal(karmada.claimOf({ ...template, name: 'unbound' } as WorkloadObject), undefined);
});

test('a template whose binding comes to another policy of Karmada is judged', async () => {
  const { server, woken } = await begin({ resourcebindings: [binding([])] });
  const [one, other] = [claimed('PropagationPolicy', 'web', 'p', 'id1'), claimed('PropagationPolicy', 'web', 'q', 'id2')];
  for (const [claim, keys] of [[one, [`${KEY} now`]], [one, []], [other, [`${KEY} now`]], [undefined, [`${KEY} now`]]] as const) {
    server.emit('resourcebindings', binding([], {}, claim));
    assert.deepEqual(woken(), keys);
  }
});

test('a policy of Karmada that comes, goes or has another id has its templates judged, and those of no other', async () => {
  const { server, woken } = await begin({ resourcebindings: [binding([], {}, claimed('PropagationPolicy', 'web', 'p', 'id1'))] });
  server.emit('propagationpolicies', propagating('id1', 'web'), 'ADDED');
  assert.deepEqual(woken(), [`${KEY} now`]);
  server.emit('propagationpolicies', propagating('id1', 'web'));
  assert.deepEqual(woken(), []);
  server.emit('propagationpolicies', propagating('id2', 'web'));
  assert.deepEqual(woken(), [`${KEY} now`]);
  server.emit('propagationpolicies', propagating('id2', 'web'), 'DELETED');
  assert.deepEqual(woken(), []);
  server.emit('propagationpolicies', propagating('id1', 'web'), 'ADDED');
  assert.deepEqual(woken(), [`${KEY} now`]);
  server.emit('propagationpolicies', propagating('id1', 'web'), 'DELETED');
  assert.deepEqual(woken(), [`${KEY} now`]);
});

test('when Karmada goes, every template is judged without it', async () => {
  const { server, karmada, woken } = await begin({ works: [work('a'), work('b')] });
  woken();
  await server.say(false);
  assert.deepEqual([woken(), karmada.renderings(KEY), karmada.works.store.size], [[`${KEY} now`, `${KEY} now`], undefined, 0]);
});

test('so is what no cluster was told of, and again when Karmada is known, by the next answer of discovery', async () => {
  const { server, woken } = await begin({}, { templates: [workload([field('app:1')])] });
  await server.say(true);
  assert.deepEqual(woken(), []);
  await server.say(false);
  assert.deepEqual(woken(), [`${KEY} later`]);
  await server.say(true);
  await server.say(true);
  assert.deepEqual(woken(), [`${KEY} later`]);
});

function overridePolicy(kind: 'OverridePolicy' | 'ClusterOverridePolicy', name: string, rule: Json, resourceSelectors: readonly Json[] = []): KubeObject {
  const metadata = { name, resourceVersion: String((version += 1)), ...(kind === 'OverridePolicy' ? { namespace: 'web' } : {}) };
  return { metadata, spec: { resourceSelectors, overrideRules: [rule] } } as KubeObject;
}

const TAG = { imageOverrider: [{ component: 'Tag', operator: 'replace', value: '2' }] };

test('with every override policy are judged of which a digest is dropped: another one may be to blame from now on', async () => {
  const { server, woken } = await begin({ overridepolicies: [overridePolicy('OverridePolicy', 'tags', { overriders: TAG })] });
  assert.deepEqual(woken(), []);
  server.emit('overridepolicies', overridePolicy('OverridePolicy', 'tags', {}), 'DELETED');
  server.emit('clusteroverridepolicies', overridePolicy('ClusterOverridePolicy', 'tags', { overriders: TAG }), 'ADDED');
  assert.deepEqual(woken(), ['dropping in web now', 'dropping in all now']);
});
const member = (name: string): KubeObject => ({ metadata: { name, resourceVersion: '2', labels: { region: name } } });

test('the overrides that may change an image in a cluster are those that mean the template and the cluster, in their order', async () => {
  const { karmada } = await begin({
    clusters: [member('a'), member('b')],
    clusteroverridepolicies: [overridePolicy('ClusterOverridePolicy', 'all', { overriders: TAG })],
    overridepolicies: [
      overridePolicy('OverridePolicy', 'z-any', { overriders: TAG }),
      overridePolicy('OverridePolicy', 'by-name', { overriders: TAG }, [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' }]),
      overridePolicy('OverridePolicy', 'others', { overriders: TAG }, [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' }]),
      overridePolicy('OverridePolicy', 'only-b', { targetCluster: { clusterNames: ['b'] }, overriders: TAG }),
      overridePolicy('OverridePolicy', 'arguments', { overriders: { argsOverrider: [{ containerName: 'c0', operator: 'add', value: ['-v'] }] } }),
    ],
  });
  const found = (cluster: string): string[] => karmada.overriders(workload([field('app:1')]), cluster).map(({ kind, name }) => `${kind} ${name}`);
  assert.deepEqual(found('a'), ['ClusterOverridePolicy all', 'OverridePolicy z-any', 'OverridePolicy by-name']);
  assert.deepEqual(found('b'), ['ClusterOverridePolicy all', 'OverridePolicy only-b', 'OverridePolicy z-any', 'OverridePolicy by-name']);
  assert.deepEqual(found('unknown'), []);
});
