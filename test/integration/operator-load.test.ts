import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, auditWrites } from '../support/audit.ts';
import { type Bulk, connectBulk } from '../support/bulk.ts';
import { type Gate, startGate } from '../support/gate.ts';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

const EDITS = 50;
const WORKLOADS = 100;
type Key = ReturnType<Scene['world']['key']>;
let scene: Scene;
let gate: Gate;
let bulk: Bulk;
let key: Key;
let other: Key;
/** Even ones are signed by `key`, odd ones by `other`. */
let images: readonly PushedImage[];

before(async () => {
  scene = await setScene('load');
  [gate, bulk] = [await startGate(scene.registry.host), connectBulk(scene.cluster.adminKubeconfig)];
  [key, other] = [scene.world.key(), scene.world.key()];
  images = await Promise.all(Array.from({ length: 10 }, (_, index) => pushImage(scene.registry.host, `load/app${index}:1.0`)));
  for (const [index, image] of images.entries()) await scene.world.signImage(image, index % 2 === 0 ? key : other, { format: 'legacy', log: 'none' });
});
after(async () => {
  gate?.open();
  await scene?.stop();
  await bulk?.close();
  await gate?.stop();
});

const image = (index: number): PushedImage => images[index % images.length] as PushedImage;
const tag = (index: number): string => image(index).reference.replace(scene.registry.host, gate.host);
const pin = (index: number): string => `${gate.host}/${image(index).repository}@${image(index).digest}`;
const start = async (user: string, ...args: readonly string[]): Promise<Operator> => scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, user), registries: [gate.host], args: ['--log-level=info', ...args] });
const writesOf = (user: string, since = 0): AuditEvent[] => auditWrites(scene.cluster.auditLog, user, since).filter(({ namespace }) => namespace === scene.namespace);
const imagesOf = (object: Any): string[] => object.spec.template.spec.containers.map((one: Any) => one.image);
const batch = (prefix: string, count: number, imagesAt: (index: number) => readonly number[]): Any[] =>
  Array.from({ length: count }, (_, index) => {
    const one = deployment(scene.namespace, `${prefix}-${index}`, imagesAt(index).map(tag));
    return { ...one, spec: { ...one.spec, replicas: 0 } };
  });
const found = async (prefix: string): Promise<Any[]> => (await bulk.list(scene.namespace)).filter(({ metadata }) => metadata.name.startsWith(`${prefix}-`));
const clear = async (): Promise<void> => bulk.remove(scene.namespace, (await bulk.list(scene.namespace)).map(({ metadata }) => metadata.name));
const indexOf = (object: Any): number => Number(object.metadata.name.split('-').at(-1));
const policy = (spec: object = {}): Any => keyedPolicy(scene.namespace, 'load', `${gate.host}/load/**`, key.key.pem, spec);
const authority = (one: Key): object => ({ authorities: [{ name: 'release-key', key: { data: one.key.pem } }] });

test(`a policy that is edited ${EDITS} times while ${WORKLOADS} workloads are judged ends as its last edit says, and nothing was pinned that no edit allowed`, async () => {
  const operator = await start('assay-edits');
  // One edit trusts `key` and pins nothing, the other trusts `other` and pins: an image of `key` may never be pinned.
  const edits = [{ ...authority(key), pin: { mode: 'Never' } }, { ...authority(other), pin: { mode: 'Patch' } }];
  await apply(scene.cluster, policy(edits[0]));
  const editing = (async () => {
    for (let edit = 0; edit < EDITS; edit += 1) {
      await bulk.client.patch({ group: 'assay.dev', version: 'v1alpha1', plural: 'imageverifications', kind: 'ImageVerification', namespaced: true }, { namespace: scene.namespace, name: 'load' }, { type: 'merge', body: { spec: edits[edit % 2] } });
      await sleep((edit * 37) % 90);
    }
  })();
  await Promise.all([bulk.create(batch('edited', WORKLOADS, (index) => [index])), editing]);
  const half = WORKLOADS / 2;
  const { status } = await eventually('the status of the last edit', async () => {
    const object = await scene.policy('load');
    const { summary, observedGeneration, conditions = [] } = object.status ?? {};
    const settled = observedGeneration === object.metadata.generation && conditions.every((one: Any) => one.type !== 'Reconciling');
    return settled && summary.pinned === half ? object : undefined;
  }, async () => JSON.stringify([(await scene.policy('load')).status?.summary, operator.process.tail(4)]));
  for (const object of await found('edited')) {
    const index = indexOf(object);
    assert.deepEqual(imagesOf(object), [index % 2 === 1 ? pin(index) : tag(index)], object.metadata.name);
    assert.equal(object.metadata.generation, index % 2 === 1 ? 2 : 1, object.metadata.name);
  }
  const { workloads, failed, verified, unknown } = status.summary;
  assert.deepEqual({ workloads, failed, verified, unknown }, { workloads: WORKLOADS, failed: 5, verified: 5, unknown: 0 });
  await operator.stop();
  await clear();
});

test('two operators on one cluster: no workload is pinned twice or rolled out once more, and their statuses do not fight', async () => {
  const users = ['assay-left', 'assay-right'];
  await apply(scene.cluster, policy({ ...authority(key), pin: { mode: 'Patch' } }));
  const since = Date.now();
  const operators = await Promise.all(users.map((user) => start(user)));
  await bulk.create(batch('both', 60, (index) => [index * 2]));
  await eventually('every pin', async () => (await found('both')).every((object) => imagesOf(object)[0] === pin(indexOf(object) * 2)), () => operators.map((one) => one.process.tail(4)).join('\n'));
  await eventually('quiet', () => users.every((user) => writesOf(user, Date.now() - 2000).length === 0));
  const seconds = (Date.now() - since) / 1000;
  for (const object of await found('both')) assert.equal(object.metadata.generation, 2, object.metadata.name);
  const writes = users.map((user) => writesOf(user, since));
  const taken = writes.flat().filter(({ resource, code }) => resource === 'deployments' && code === 200).map(({ name }) => name);
  assert.deepEqual(taken.toSorted(), Array.from({ length: 60 }, (_, index) => `both-${index}`).toSorted());
  for (const [index, own] of writes.entries()) {
    const statuses = own.filter(({ resource }) => resource === 'imageverifications/status').length;
    assert.ok(statuses <= seconds + 2, `${users[index]} wrote the status ${statuses} times in ${seconds} s`);
  }
  const [quietSince, judged] = [Date.now(), (await scene.policy('load')).status.summary];
  await sleep(4000);
  assert.deepEqual(users.flatMap((user) => writesOf(user, quietSince)), []);
  assert.deepEqual({ workloads: judged.workloads, pinned: judged.pinned }, { workloads: 60, pinned: 60 });
  await Promise.all(operators.map((one) => one.stop()));
  await clear();
});

test('SIGTERM in the middle of the work ends it with 0 within the grace period, and leaves nothing half done', async () => {
  const operator = await start('assay-ended');
  await bulk.create(batch('ended', 60, (index) => [index * 2, index * 2 + 4]));
  await eventually('the first pins', async () => (await found('ended')).some((object) => imagesOf(object)[0]?.includes('@')));
  const exit = await operator.process.stop('SIGTERM', 30_000);
  assert.deepEqual(exit, { code: 0, signal: null });
  const after_ = await found('ended');
  for (const object of after_) {
    const index = indexOf(object);
    const [both, neither] = [[pin(index * 2), pin(index * 2 + 4)], [tag(index * 2), tag(index * 2 + 4)]];
    const pinned = imagesOf(object)[0]?.includes('@') === true;
    assert.deepEqual(imagesOf(object), pinned ? both : neither, object.metadata.name);
    assert.equal(object.metadata.annotations?.['assay.dev/tags'] !== undefined, pinned, object.metadata.name);
  }
  const next = await start('assay-ended');
  await eventually('the rest', async () => (await found('ended')).every((object) => imagesOf(object).every((one) => one.includes('@'))));
  for (const object of await found('ended')) assert.equal(object.metadata.generation, 2, object.metadata.name);
  await next.stop();
  await clear();
});

test('SIGTERM while a registry does not answer ends it with 0 as soon as the grace period is over', async () => {
  const operator = await start('assay-stuck', '--shutdown-grace-period=2s');
  gate.close();
  const asked = gate.waiting();
  await bulk.create(batch('stuck', 20, (index) => [index * 2]));
  await eventually('work to wait for the registry', () => gate.waiting() > asked);
  const started = Date.now();
  const exit = await operator.process.stop('SIGTERM', 30_000);
  const seconds = (Date.now() - started) / 1000;
  gate.open();
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(seconds < 6, `${seconds} s`);
  assert.deepEqual((await found('stuck')).filter(({ metadata }) => metadata.generation !== 1), []);
});
