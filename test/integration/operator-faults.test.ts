import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { kill } from 'node:process';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { auditWrites } from '../support/audit.ts';
import { type Bulk, connectBulk } from '../support/bulk.ts';
import { clusterAt } from '../support/cluster.ts';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { eventually, type Operator, startOperator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

// The API server and etcd are broken on purpose, so this file has a control plane of its own.
const USER = 'assay-faults';
const IMAGES = 6;
const BATCH = 40;
let plane: ControlPlane;
let scene: Scene;
let bulk: Bulk;
let operator: Operator;
let images: readonly PushedImage[];
let key: ReturnType<Scene['world']['key']>;

before(async () => {
  plane = await startControlPlane();
  scene = await setScene('faults', clusterAt(plane.connection));
  bulk = connectBulk(scene.cluster.adminKubeconfig);
  images = await Promise.all(Array.from({ length: IMAGES }, (_, index) => pushImage(scene.registry.host, `faults/app${index}:1.0`)));
  key = scene.world.key();
  for (const image of images) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'faults', `${scene.registry.host}/faults/**`, key.key.pem));
  operator = await scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, USER), args: ['--log-level=info'] });
});
after(async () => {
  await scene?.stop();
  await bulk?.close();
  await plane?.stop();
});

const batch = (prefix: string): Any[] =>
  Array.from({ length: BATCH }, (_, index) => {
    const one = deployment(scene.namespace, `${prefix}-${index}`, [(images[index % IMAGES] as PushedImage).reference]);
    return { ...one, spec: { ...one.spec, replicas: 0 } };
  });
const imageOf = (one: Any): string => one.spec.template.spec.containers[0].image;
const pinsOf = async (prefix: string): Promise<Any[]> => (await bulk.list(scene.namespace)).filter((one) => one.metadata.name.startsWith(`${prefix}-`) && imageOf(one).includes('@sha256:'));

/** All of a batch is pinned, each by exactly one write, by the operator that was there from the beginning. */
async function convergedOn(prefix: string): Promise<void> {
  const pinned = await eventually(`the pins of ${prefix}`, async () => {
    const found = await pinsOf(prefix);
    return found.length === BATCH ? found : undefined;
  }, () => operator.process.tail(8), 60);
  for (const one of pinned) assert.equal(one.metadata.generation, 2, one.metadata.name);
  assert.ok(operator.process.running);
  assert.ok((await fetch(`${operator.probesUrl}/readyz`)).ok);
  await eventually('a status that counts all', async () => (await scene.policy('faults')).status.summary.pinned === (await operator.metric('assay_workloads{state="pinned"}')), async () => JSON.stringify((await scene.policy('faults')).status.summary));
}

test('an API server that is killed in the middle of the work is taken up again when it is back, with no pin twice and nothing overlooked', async () => {
  await bulk.create(batch('killed'));
  await eventually('the first pins', async () => (await pinsOf('killed')).length > 0);
  await plane.apiServer.stop('SIGKILL');
  await sleep(2500);
  assert.ok((await fetch(`${operator.probesUrl}/healthz`)).ok, 'being without an API server is no reason to be killed');
  await plane.apiServer.start();
  // Nobody watches yet.
  await bulk.create(batch('unseen'));
  await Promise.all([convergedOn('killed'), convergedOn('unseen')]);
});

test('an etcd that answers only now and then delays, and doubles nothing', async () => {
  const [etcd] = plane.pids();
  assert.ok(etcd !== undefined);
  await bulk.create(batch('slow'));
  for (let round = 0; round < 5; round += 1) {
    kill(etcd, 'SIGSTOP');
    await sleep(1200);
    kill(etcd, 'SIGCONT');
    await sleep(300);
  }
  await convergedOn('slow');
});

test('a namespace full of images of a registry that does not answer does not hold up another namespace', async (context) => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const [busy, calm] = [await scene.cluster.namespace('busy'), await scene.cluster.namespace('calm')];
  const all = await startOperator({ kubeconfig: await operatorKubeconfig(scene.cluster, USER), registries: [host, scene.registry.host] });
  try {
    await apply(scene.cluster, keyedPolicy(busy, 'stuck', `${host}/**`, key.key.pem), keyedPolicy(calm, 'calm', `${scene.registry.host}/**`, key.key.pem));
    await bulk.create(Array.from({ length: 2 * BATCH }, (_, index) => deployment(busy, `stuck-${index}`, [`${host}/stuck/app${index}:1`])));
    await eventually('every worker to wait', async () => (await all.metric('controller_runtime_active_workers{controller="workload"}')) === 8);
    const begun = Date.now();
    await bulk.create([deployment(calm, 'calm', [(images[0] as PushedImage).reference])]);
    await eventually('the pin', async () => (await bulk.list(calm)).every((one) => imageOf(one).includes('@sha256:')), () => all.process.tail(4), 60);
    // One answer that does not come is waited for 5 s: the eighty of the neighbour take eight workers most of a minute.
    const given = (await all.metric('assay_workloads{state="unknown"}')) ?? 0;
    context.diagnostic(`pinned after ${Date.now() - begun} ms, when ${given} of the neighbour's were done with`);
    assert.ok(given < BATCH, `${given} of the neighbour's were done with first`);
  } finally {
    await all.stop();
    silent.closeAllConnections();
    silent.close();
  }
});

test('after all of that it follows everything again, and is as quiet as before', async () => {
  const failing = async (): Promise<string[]> => (await operator.metrics()).split('\n').filter((line) => line.startsWith('assay_watch_failing{') && !line.endsWith(' 0'));
  // A watch that failed several times in a row is tried again after 30 s at most.
  await eventually('every watch', async () => (await failing()).length === 0, failing, 40);
  await eventually('quiet', () => auditWrites(scene.cluster.auditLog, USER, Date.now() - 2000).length === 0);
  const since = Date.now();
  await sleep(3000);
  assert.deepEqual(auditWrites(scene.cluster.auditLog, USER, since), []);
});
