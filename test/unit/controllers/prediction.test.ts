import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHIPPED_KINDS } from '../../../src/api/further-kinds.ts';
import { manifestImages } from '../../../src/api/object-images.ts';
import type { Rendering } from '../../../src/controllers/effective.ts';
import { createPredictionReconcile } from '../../../src/controllers/prediction.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import type { ClusterObject, OverridePolicyObject } from '../../../src/karmada/types.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { parseYaml } from '../../../src/kube/yaml.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';
import { D1, field, NOW, workload } from './builders.ts';
import { rendering } from './karmada-builders.ts';
import { context } from './stand-ins.ts';

const KEY = 'Deployment/web/api';
const APP = `ghcr.io/acme/app:1@${D1}`;
const MIRRORED = 'mirror.example/acme/app:1';
const mirror: OverridePolicyObject = {
  kind: 'OverridePolicy',
  namespace: 'web',
  name: 'mirror',
  resourceVersion: '1',
  resourceSelectors: [],
  rules: [{ targetCluster: { clusterNames: ['a'] }, overriders: { imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror.example' }] } }],
  deleting: false,
};

/** A reconcile over one template, its override policies and what Karmada made of it. */
class World {
  readonly [Symbol.toStringTag] = 'World';
  readonly clock = new ManualClock(NOW);
  readonly context = context();
  object: WorkloadObject | undefined = workload([field(APP)], { generation: 1 });
  overrides: readonly OverridePolicyObject[] = [mirror];
  renderings: readonly Rendering[] = [rendering('a', [field(MIRRORED)]), rendering('b', [field(APP)])];
  uid = 'u1';
  lists = 0;
  differences = 0;
  readonly #reconcile = createPredictionReconcile({
    client: { list: () => Promise.resolve({ items: [this.#whole()], resourceVersion: '1' }) } as unknown as Pick<KubeClient, 'list'>,
    clock: this.clock,
    workload: () => this.object,
    renderings: () => this.renderings,
    overridesOf: () => this.overrides,
    cluster: (name): ClusterObject => ({ namespace: '', name, resourceVersion: '1', labels: {}, provider: '', region: '', zones: [] }),
    imagesOfManifest: manifestImages(SHIPPED_KINDS),
    readYaml: parseYaml,
    onDifference: () => {
      this.differences += 1;
    },
  });

  /** One look; returns milliseconds until the next, or undefined. */
  async look(): Promise<number | undefined> {
    const looking = this.#reconcile(KEY, this.context);
    await settled();
    this.clock.advance(1000);
    return (await looking)?.requeueAfter;
  }

  get told(): number {
    return this.context.log.lines.length;
  }

  #whole(): KubeObject {
    this.lists += 1;
    const containers = (this.object?.images ?? []).map(({ name, image }) => ({ name, image }));
    return { metadata: { namespace: 'web', name: 'api', uid: this.uid, generation: this.object?.generation ?? 0 }, spec: { template: { spec: { containers } } } } as KubeObject;
  }
}

test('what overrides say is what clusters are told: nothing is said, and nothing is asked again', async () => {
  const world = new World();
  assert.equal(await world.look(), undefined);
  assert.equal(await world.look(), undefined);
  assert.deepEqual([world.lists, world.told, world.differences], [1, 0, 0]);
});

test('a difference that stays is told once, and counted', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field('elsewhere.example/app:1')]), rendering('b', [field(APP)])];
  assert.equal(await world.look(), 30_000);
  assert.deepEqual([world.told, world.differences], [0, 0]);
  assert.equal(await world.look(), undefined);
  await world.look();
  assert.deepEqual([world.told, world.differences], [1, 1]);
  assert.match(JSON.stringify(world.context.log.lines), /a: mirror\.example\/acme\/app:1 was expected at \/spec\/template\/spec\/containers\/0\/image, and there is elsewhere\.example\/app:1/);
});

test('the same difference is not told again after a scaling', async () => {
  const world = new World();
  world.overrides = [];
  for (const generation of [1, 2]) {
    world.object = workload([field(APP)], { generation });
    world.renderings = [rendering('b', [field('elsewhere.example/app:1')], { generation })];
    await world.look();
    await world.look();
  }
  assert.deepEqual([world.told, world.differences], [1, 1]);
});

test('one that passes while Karmada follows an edit is not', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field(APP)]), rendering('b', [field(APP)])];
  assert.equal(await world.look(), 30_000);
  world.renderings = [rendering('a', [field(MIRRORED)]), rendering('b', [field(APP)])];
  assert.equal(await world.look(), undefined);
  assert.deepEqual([world.told, world.differences], [0, 0]);
});

test('without an override policy the template is what is to run, and it is not asked for', async () => {
  const world = new World();
  world.overrides = [];
  world.renderings = [rendering('b', [field(APP)])];
  await world.look();
  world.renderings = [rendering('b', [field('elsewhere.example/app:1')])];
  await world.look();
  await world.look();
  assert.deepEqual([world.lists, world.differences], [0, 1]);
});

const waits: Record<string, (world: World) => void> = {
  'a template that Karmada has not brought everywhere': (world) => {
    world.renderings = [rendering('a', [field(MIRRORED)], { generation: 0 }), rendering('b', [field(APP)])];
  },
  'a Work that is being deleted': (world) => {
    world.renderings = [rendering('a', [field('x:1')], { deleting: true })];
  },
  'a template that is being deleted': (world) => {
    world.object = workload([field(APP)], { generation: 1, deleting: true });
  },
};
for (const [what, prepare] of Object.entries(waits)) {
  test(`${what} is not compared`, async () => {
    const world = new World();
    prepare(world);
    assert.deepEqual([await world.look(), world.lists], [undefined, 0]);
  });
}

test('a template that the cache has not as it is by now is compared later', async () => {
  const world = new World();
  world.uid = 'another';
  world.renderings = [rendering('a', [field('elsewhere.example/app:1')])];
  assert.deepEqual([await world.look(), world.differences], [undefined, 0]);
});

test('a cluster that is being left is told what it was told, and is no difference', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field('old.example/app:1')], {}, true), rendering('b', [field(APP)])];
  assert.deepEqual([await world.look(), world.differences], [undefined, 0]);
});

for (const [what, path] of Object.entries({ 'an override that Karmada refuses': '/spec/nowhere/at/all', 'one at which it panics': '/spec/template/spec/containers/7/image' })) {
  test(`${what} leaves what was rendered before, which is no difference`, async () => {
    const world = new World();
    const overriders = path.endsWith('image') ? { imageOverrider: [{ predicate: { path }, component: 'Tag', operator: 'replace', value: '2' }] } : { plaintext: [{ path, operator: 'replace', value: 'x' }] };
    world.overrides = [{ ...mirror, rules: [{ targetCluster: { clusterNames: ['a'] }, overriders }] }];
    world.renderings = [rendering('a', [field('earlier:1')]), rendering('b', [field(path.endsWith('image') ? 'earlier:1' : APP)])];
    await world.look();
    await world.look();
    assert.deepEqual([world.lists, world.differences], [1, 0]);
  });
}
