import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { KIND_ENTRIES, UNCOVERABLE_KINDS } from '../../src/api/further-kinds.ts';
import type { KindEntry } from '../../src/api/workload-kinds.ts';
import { auditEvents, auditWrites } from '../support/audit.ts';
import { clusterAt } from '../support/cluster.ts';
import { install } from '../support/further-kinds.ts';
import { type Any, apply, get, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

// A control plane of its own: kinds come and go for everybody.
const USER = 'assay-kinds';
/** Discovery asks twice a minute. */
const APPEARANCE = 45;
const entry = (name: string): KindEntry => KIND_ENTRIES.find(({ kind, group }) => `${kind}.${group}` === name) ?? assert.fail(name);
const [RAY_CLUSTER, RAY_JOB, KRUISE_SET] = [entry('RayCluster.ray.io'), entry('RayJob.ray.io'), entry('StatefulSet.apps.kruise.io')];
/** One that the operator is told of by a file. */
const WIDGET: KindEntry = { group: 'apps.example.com', versions: ['v1'], kind: 'Widget', plural: 'widgets', images: ['spec.parts.*.image'], patch: true };
const folder = mkdtempSync(join(tmpdir(), 'assay-kinds-'));
const HELM_RELEASE = UNCOVERABLE_KINDS[0] ?? assert.fail('nothing is counted');

let plane: ControlPlane;
let scene: Scene;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;
let signed: PushedImage;
let second: PushedImage;
let unsigned: PushedImage;
let started: number;

before(async () => {
  plane = await startControlPlane();
  scene = await setScene('kinds', clusterAt(plane.connection));
  key = scene.world.key();
  const host = scene.registry.host;
  [signed, second, unsigned] = await Promise.all([pushImage(host, 'acme/app:1.0'), pushImage(host, 'acme/side:2.0'), pushImage(host, 'acme/unsigned:1.0')]);
  for (const image of [signed, second]) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await install(scene.cluster, WIDGET);
  await run(scene.cluster, ['create', 'clusterrole', 'widgets', '--verb=list,watch,patch', '--resource=widgets.apps.example.com']);
  await run(scene.cluster, ['create', 'clusterrolebinding', 'widgets', '--clusterrole=widgets', `--user=${USER}`]);
  const file = join(folder, 'kinds.yaml');
  writeFileSync(file, JSON.stringify({ kinds: [WIDGET] }));
  started = Date.now();
  operator = await scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, USER), args: [`--workload-kinds=${file}`] });
});
after(async () => {
  await scene?.stop();
  rmSync(folder, { recursive: true });
  await plane?.stop();
});

const pin = (image: PushedImage): string => `${image.reference.replace(/:[^:/]*$/, '')}@${image.digest}`;
const read = ({ plural, group }: Pick<KindEntry, 'plural' | 'group'>, name: string): Promise<Any> => get(scene.cluster, scene.namespace, `${plural}.${group}`, name);
const tail = (): string => operator.process.tail(10);
const askedOf = (groups: readonly string[], since: number): unknown[] => auditEvents(scene.cluster.auditLog, USER, since).filter(({ group }) => groups.includes(group));
const trouble = (): unknown[] => operator.log().filter(({ level }) => level !== 'info' && level !== 'debug');
const meta = (name: string, more: object = {}): object => ({ namespace: scene.namespace, name, ...more });
const pod = (...images: readonly string[]): object => ({ spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) } });

/** A cluster of a head and two groups of workers, whose containers have the same names. */
const rayCluster = (name: string, images: readonly [string, string, string], metadata: object = {}): object => ({
  apiVersion: 'ray.io/v1',
  kind: 'RayCluster',
  metadata: meta(name, metadata),
  spec: { headGroupSpec: { template: pod(images[0]) }, workerGroupSpecs: images.slice(1).map((image) => ({ groupName: 'workers', replicas: 1, template: pod(image) })) },
});
const rayImages = async (name: string): Promise<string[]> => {
  const { spec } = await read(RAY_CLUSTER, name);
  return [spec.headGroupSpec, ...spec.workerGroupSpecs].map((group: Any) => group.template.spec.containers[0].image);
};

test('of kinds that are not installed nothing is asked and nothing is logged', async () => {
  await sleep(1000);
  const groups = [...new Set([...KIND_ENTRIES, ...UNCOVERABLE_KINDS].map(({ group }) => group))];
  assert.deepEqual(askedOf(groups, started), []);
  assert.deepEqual(trouble(), []);
  const series = await operator.metrics();
  for (const { plural, group } of KIND_ENTRIES.filter(({ scope }) => scope !== 'Cluster')) {
    assert.match(series, new RegExp(`^assay_watch_synced\\{resource="${plural}\\.${group}"\\} 1$`, 'm'));
  }
});

test('a kind that the operator is told of is governed like any other, under its name, at the paths that were given', async () => {
  const image = await pushImage(scene.registry.host, 'widgets/app:1.0');
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const policy = keyedPolicy(scene.namespace, 'widgets', `${scene.registry.host}/widgets/**`, key.key.pem);
  const parts = { left: { image: image.reference }, right: { image: image.reference } };
  await apply(scene.cluster,
    { ...policy, spec: { ...policy.spec, workloads: { kinds: ['Widget.apps.example.com'] } } },
    { apiVersion: 'apps.example.com/v1', kind: 'Widget', metadata: meta('one'), spec: { parts, image: image.reference } });
  await eventually('the pin', async () => (await read(WIDGET, 'one')).spec.parts.right.image === pin(image), tail);
  const { spec } = await read(WIDGET, 'one');
  assert.deepEqual(spec, { parts: { left: { image: pin(image) }, right: { image: pin(image) } }, image: image.reference });
});

test('kinds that are installed later are governed without a restart: each place of an object is pinned by one patch', async () => {
  await install(scene.cluster, RAY_CLUSTER, RAY_JOB, KRUISE_SET, HELM_RELEASE);
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'all', `${scene.registry.host}/acme/**`, key.key.pem), rayCluster('ray', [signed.reference, second.reference, signed.reference]));
  await eventually('the pin', async () => (await rayImages('ray'))[0] === pin(signed), tail, APPEARANCE);
  assert.deepEqual(await rayImages('ray'), [pin(signed), pin(second), pin(signed)]);
  const { metadata, spec } = await read(RAY_CLUSTER, 'ray');
  const head = { ref: signed.reference, digest: signed.digest };
  assert.deepEqual(JSON.parse(metadata.annotations['assay.dev/tags']), {
    '/spec/headGroupSpec/template/spec/containers/0/image': head,
    '/spec/workerGroupSpecs/0/template/spec/containers/0/image': { ref: second.reference, digest: second.digest },
    '/spec/workerGroupSpecs/1/template/spec/containers/0/image': head,
  });
  assert.equal(spec.workerGroupSpecs[0].replicas, 1);
  assert.equal(auditWrites(scene.cluster.auditLog, USER).filter(({ resource, name }) => resource === 'rayclusters' && name === 'ray').length, 1);
  await scene.condition('all', 'Verified', 'True');
});

test('one place that fails keeps all of them as they are', async () => {
  const images = [signed.reference, unsigned.reference, second.reference] as const;
  await apply(scene.cluster, rayCluster('mixed', images));
  const row = await scene.row('all', 'acme/unsigned', 'NoSignature');
  assert.ok(row.workloads.examples.includes(`${scene.namespace}/mixed`));
  assert.deepEqual(await rayImages('mixed'), images);
  await run(scene.cluster, ['delete', 'rayclusters.ray.io', 'mixed', '-n', scene.namespace]);
  await eventually('the end of it in the status', async () => !(await scene.policy('all')).status.images.some((one: Any) => one.image.includes('acme/unsigned')));
});

test('two kinds of one name are two kinds: for a policy, as objects and in events', async () => {
  const other = `${scene.registry.host}/other/app:1.0`;
  const image = await pushImage(scene.registry.host, 'other/app:1.0');
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const labels = { app: 'same' };
  const spec = { selector: { matchLabels: labels }, serviceName: 'same', template: { metadata: { labels }, ...pod(other) } };
  const policy = keyedPolicy(scene.namespace, 'kruise', `${scene.registry.host}/other/**`, key.key.pem);
  await apply(scene.cluster,
    { ...policy, spec: { ...policy.spec, workloads: { kinds: ['StatefulSet.apps.kruise.io'] } } },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta('same'), spec },
    { apiVersion: 'apps.kruise.io/v1beta1', kind: 'StatefulSet', metadata: meta('same'), spec });
  await eventually('the pin', async () => (await read(KRUISE_SET, 'same')).spec.template.spec.containers[0].image === pin(image), tail, APPEARANCE);
  const event = await eventually('its event', async () => (await scene.events('StatefulSet', 'same')).find(({ reason }) => reason === 'Pinned'));
  assert.equal(event.regarding.apiVersion, 'apps.kruise.io/v1beta1');
  await eventually('the status', async () => (await scene.policy('kruise')).status?.summary?.workloads === 1);
  assert.equal((await read({ plural: 'statefulsets', group: 'apps' }, 'same')).spec.template.spec.containers[0].image, other);
});

test('a kind that is written without its group is refused, with what to write', async () => {
  const policy = keyedPolicy(scene.namespace, 'bare', 'ghcr.io/nobody/**', key.key.pem);
  await apply(scene.cluster, { ...policy, spec: { ...policy.spec, workloads: { kinds: ['RayCluster'] } } });
  const { message } = await scene.condition('bare', 'Ready', 'False', 'PolicyInvalid');
  assert.match(message, /"RayCluster" is not watched.*write RayCluster\.ray\.io/);
});

test('what runs once is verified and reported; what it makes is left to it, until it is gone', async () => {
  const images = [signed.reference, second.reference, second.reference] as const;
  const { spec } = rayCluster('x', images) as Any;
  await apply(scene.cluster, { apiVersion: 'ray.io/v1', kind: 'RayJob', metadata: meta('job'), spec: { rayClusterSpec: spec } });
  const event = await eventually('the event', async () => (await scene.events('RayJob', 'job')).find(({ reason }) => reason === 'NotPatchable'), tail);
  assert.match(event.note, /a patch does not change what a RayJob\.ray\.io runs/);
  const { uid } = (await read(RAY_JOB, 'job')).metadata;
  // Kept from the garbage collector, which is quicker than any look at it.
  const owner = { apiVersion: 'ray.io/v1', kind: 'RayJob', name: 'job', uid, controller: true };
  await apply(scene.cluster, rayCluster('job-made', images, { ownerReferences: [owner], finalizers: ['example.com/keep'] }));
  await sleep(1500);
  assert.deepEqual(await rayImages('job-made'), images);
  assert.deepEqual(await scene.events('RayCluster', 'job-made'), []);
  await run(scene.cluster, ['patch', 'rayclusters.ray.io', 'job-made', '-n', scene.namespace, '--type=json', '-p', '[{"op":"remove","path":"/metadata/ownerReferences"}]']);
  await eventually('the pin of what nobody answers for', async () => (await rayImages('job-made'))[0] === pin(signed), tail);
  await run(scene.cluster, ['patch', 'rayclusters.ray.io', 'job-made', '-n', scene.namespace, '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']);
});

test('what hides its images is counted, and nothing of it but metadata is read', async () => {
  await apply(scene.cluster, { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: meta('release'), spec: { chart: {} } });
  await eventually('the count', async () => (await operator.metric('assay_watch_objects{resource="helmreleases.helm.toolkit.fluxcd.io"}')) === 1, tail);
});

test('kinds that are deleted are let go of: the status forgets them, nothing is asked any more, nothing is an error', async () => {
  await eventually('the status', async () => (await scene.policy('all')).status.summary.workloads >= 2);
  await run(scene.cluster, ['delete', 'crd', ...[RAY_CLUSTER, RAY_JOB].map(({ plural, group }) => `${plural}.${group}`)]);
  await eventually('the end of them in the status', async () => (await scene.policy('all')).status.summary.workloads === 0, async () => JSON.stringify((await scene.policy('all')).status.summary));
  await eventually('the end of them in memory', async () => (await operator.metric('assay_watch_objects{resource="rayclusters.ray.io"}')) === 0);
  await sleep(3000);
  const since = Date.now();
  await sleep(2000);
  assert.deepEqual(askedOf(['ray.io'], since), []);
  assert.deepEqual(trouble(), []);
  assert.equal(await operator.metric('assay_watch_failing{resource="rayclusters.ray.io"}'), 0);
});
