import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Karmada, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { auditWrites } from '../support/audit.ts';
import { applyCrds } from '../support/crds.ts';
import { untilHolds } from '../support/until-holds.ts';
import { type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { fleetAt, type KarmadaFleet } from '../support/karmada.ts';
import { type KarmadaScene, setKarmadaScene, worksOf } from '../support/karmada-scene.ts';
import type { Operator } from '../support/operator.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

// The servers of Karmada are turned off and lied about: a Karmada of this file's own.
const BATCH = 12;
let karmada: Karmada;
let fleet: KarmadaFleet;
let scene: KarmadaScene;
let proxy: FaultProxy;
let operator: Operator;
let image: PushedImage;
let evil: PushedImage;
let started: number;

before(async () => {
  karmada = await startKarmada();
  fleet = fleetAt(karmada.connection);
  await applyCrds(fleet);
  scene = await setKarmadaScene('faults', fleet);
  const key = scene.world.key();
  [image, evil] = await Promise.all([pushImage(scene.registry.host, 'acme/app:1'), pushImage(scene.registry.host, 'evil/app:1', { content: 'evil' })]);
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const all = { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'PropagationPolicy', metadata: { namespace: scene.namespace, name: 'all' }, spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], placement: {} } };
  await apply(fleet, keyedPolicy(scene.namespace, 'all', `${scene.registry.host}/**`, key.key.pem), all);
  proxy = await startFaultProxy(fleet);
  await karmada.components['karmada-aggregated-apiserver'].stop();
  started = Date.now();
  operator = await scene.start({ kubeconfig: proxy.kubeconfig });
});
after(async () => {
  await scene?.stop();
  await proxy?.stop();
  await karmada?.stop();
});

const create = async (prefix: string): Promise<void> => apply(fleet, ...Array.from({ length: BATCH }, (_, index) => deployment(scene.namespace, `${prefix}-${index}`, [image.reference])));
const about = (...parts: readonly string[]) => ({ url }: SeenRequest): boolean => parts.some((part) => url.includes(part));
const WATCHED = ['/works', '/resourcebindings', '/propagationpolicies', '/overridepolicies'];

/** Everything of a batch is pinned in both members, and the status counts it. */
async function converged(prefix: string, total: number): Promise<void> {
  for (const { name } of fleet.members) for (const index of [0, BATCH - 1]) await scene.arrived(`${prefix}-${index}`, { [name]: image.pinned });
  await untilHolds('the status', async () => {
    const { summary, images, propagation } = (await scene.policy('all')).status;
    assert.deepEqual([summary.workloads, summary.clusters, images.map((one: Any) => [one.result, one.clusters, one.workloads.count])], [total, 2, [['Verified', 2, total]]]);
    assert.deepEqual(propagation.map(({ name, templates, verified }: Any) => [name, templates, verified]), [['all', total, total]]);
  });
  assert.ok((await fetch(`${operator.probesUrl}/readyz`)).ok);
}

test('an operator that starts while the server of clusters is away is ready within seconds, says so, and judges and pins', async (context) => {
  context.diagnostic(`ready after ${Date.now() - started} ms`);
  const said = operator.log().filter(({ level, message }) => level === 'warn' && message === 'the watch has a problem, it is tried again');
  assert.ok(said.some(({ resource, code, why }) => resource === 'clusters.cluster.karmada.io' && code === 'Unavailable' && String(why).startsWith('list clusters.cluster.karmada.io: ')), JSON.stringify(said));
  await create('early');
  await converged('early', BATCH);
  await karmada.components['karmada-aggregated-apiserver'].start();
  await untilHolds('the clusters', async () => assert.equal(await operator.metric('assay_watch_objects{resource="clusters.cluster.karmada.io"}'), 2), 60);
});

test('resets, lies and refusals on the watches of Karmada and on discovery overlook nothing and double nothing', { timeout: 300_000 }, async () => {
  const since = Date.now();
  const match = about(...WATCHED);
  const gone = { type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'too old resource version', reason: 'Expired', code: 410 } };
  await create('late');
  proxy.resetWatches(match);
  await sleep(300);
  proxy.inject(JSON.stringify(gone), match);
  await sleep(300);
  proxy.answer((one) => match(one) && one.watch, { status: 429, headers: { 'retry-after': '1' } }, 4);
  proxy.resetWatches(match);
  await sleep(300);
  proxy.inject('{"type":"MODIFIED","object":{"metadata":', match);
  proxy.answer(about('/works'), { status: 200, headers: { 'content-type': 'application/json' }, body: '{"kind":"WorkList","items":[null,"x",{"metadata":null}]}' }, 2);
  proxy.answer(({ url }) => url === '/apis', { status: 200, headers: { 'content-type': 'application/json' }, body: '{"kind":"APIGroupDiscoveryList","items":[]}' });
  proxy.answer(({ url }) => url === '/apis', { status: 503 }, 2);
  proxy.inject('garbage', match);
  await create('later');
  await sleep(300);
  proxy.truncateNext(match);
  await untilHolds('all watches', async () => assert.doesNotMatch(await operator.metrics(), /^assay_watch_failing\{.*\} 1$/m), 60);
  await converged('late', 3 * BATCH);
  await converged('later', 3 * BATCH);
  const pins = auditWrites(fleet.auditLog, 'fault-proxy', since).filter(({ verb, resource }) => verb === 'patch' && resource === 'deployments').map(({ name }) => name);
  assert.equal(new Set(pins).size, pins.length, pins.join(' '));
});

test('a Work that somebody makes flap between two images costs at most one write of a status in a second', async () => {
  const work = (await worksOf(fleet, scene.namespace, 'early-0')).get('member1');
  await karmada.components['karmada-controller-manager'].stop();
  const since = Date.now();
  const flap = async (round: number): Promise<void> => {
    const patch = [{ op: 'replace', path: '/spec/workload/manifests/0/spec/template/spec/containers/0/image', value: round % 2 === 0 ? evil.pinned : image.pinned }];
    await fleet.reader.patch('works.work.karmada.io', work.metadata.namespace, work.metadata.name, { type: 'json', body: patch });
  };
  const said = (...results: readonly string[]): Promise<void> =>
    untilHolds(results.join(' and '), async () => assert.deepEqual((await scene.policy('all')).status.images.map(({ result }: Any) => result).toSorted(), results));
  for (let round = 0; round < 24; round += 1) {
    await flap(round);
    await sleep(100);
  }
  await flap(24);
  await said('Failed', 'Verified');
  await flap(25);
  await said('Verified');
  await sleep(1500);
  const seconds = (Date.now() - since) / 1000;
  const writes = auditWrites(fleet.auditLog, 'fault-proxy', since);
  const statuses = writes.filter(({ resource }) => resource === 'imageverifications/status').length;
  assert.ok(statuses > 1 && statuses <= seconds + 2, `${statuses} in ${seconds} s`);
  assert.deepEqual(writes.filter(({ resource }) => resource === 'deployments'), []);
  const events = writes.filter(({ resource }) => resource === 'events').length;
  assert.ok(events <= 2 * 26 + 4, `${events} events`);
});
