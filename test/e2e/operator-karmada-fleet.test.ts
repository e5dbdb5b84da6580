import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Karmada, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { applyCrds } from '../support/crds.ts';
import { untilHolds } from '../support/until-holds.ts';
import { type Any, apply, deployment, get, keyedPolicy, list, run } from '../support/installation.ts';
import { fleetAt, type KarmadaFleet } from '../support/karmada.ts';
import { karmadaKubeconfig, type KarmadaScene, setKarmadaScene, worksOf } from '../support/karmada-scene.ts';
import { type Operator, startOperator } from '../support/operator.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

/*
 * An operator over all namespaces, with policies of all namespaces. Another one beside it would write the same statuses: this file has a
 * Karmada of its own.
 */
let karmada: Karmada;
let fleet: KarmadaFleet;
let scene: KarmadaScene;
let operator: Operator;
let key: ReturnType<KarmadaScene['world']['key']>;
let host: string;
let mirror: string;
let idle: readonly string[];
let image: PushedImage;

const start = async (): Promise<Operator> => startOperator({ kubeconfig: await karmadaKubeconfig(fleet, scene.user), registries: [host, mirror] });

before(async () => {
  karmada = await startKarmada();
  fleet = fleetAt(karmada.connection);
  await applyCrds(fleet);
  scene = await setKarmadaScene('fleet', fleet);
  host = scene.registry.host;
  mirror = host.replace('127.0.0.1', 'localhost');
  key = scene.world.key();
  image = await signed('base/app:1');
  operator = await start();
});
after(async () => {
  await operator?.stop();
  await scene?.stop();
  await karmada?.stop();
});

async function signed(name: string): Promise<PushedImage> {
  const pushed = await pushImage(host, name);
  await scene.world.signImage(pushed, key, { format: 'legacy', log: 'none' });
  return pushed;
}

async function policy(name: string, glob: string, spec: object = {}): Promise<void> {
  const { metadata: _, ...namespaced } = keyedPolicy(scene.namespace, name, glob, key.key.pem, spec);
  await apply(fleet, { ...namespaced, kind: 'ClusterImageVerification', metadata: { name } });
}

const status = async (name: string): Promise<Any> => (await get(fleet, '', 'civ', name)).status;
const condition = async (name: string, type: string): Promise<Any> => (await status(name)).conditions.find((one: Any) => one.type === type);

/** A ClusterPropagationPolicy for the Deployments of the namespace with this label. */
const propagateEverywhere = (name: string, label: string): Promise<void> =>
  apply(fleet, {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'ClusterPropagationPolicy',
    metadata: { name },
    spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: scene.namespace, labelSelector: { matchLabels: { set: label } } }], placement: { clusterAffinity: { clusterNames: ['member1', 'member2'] } } },
  });

// The first: an image that fails is asked for again from time to time, and would be counted here.
test('fifty propagated workloads that Karmada reports on all the time cost no write and no request to a registry', { timeout: 360_000 }, async () => {
  idle = Array.from({ length: 50 }, (_, at) => `idle-${at}`);
  await propagateEverywhere('idle', 'idle');
  await policy('idle', `${host}/base/**`);
  await apply(fleet, ...idle.map((name) => deployment(scene.namespace, name, [image.reference], {}, { labels: { set: 'idle' } })));
  await untilHolds('all of them pinned in both members', async () => {
    const { clusters, propagation } = await status('idle');
    assert.deepEqual(clusters.map(({ workloads, verified, unpinned }: Any) => [workloads, verified, unpinned]), [[50, 50, 0], [50, 50, 0]]);
    assert.equal(propagation[0].verified, 50);
    for (const member of fleet.members) {
      const found = (await list(member, scene.namespace, 'deployments')).filter(({ metadata }) => metadata.name.startsWith('idle-'));
      assert.deepEqual([found.length, new Set(found.map(({ spec }) => spec.template.spec.containers[0].image))], [50, new Set([image.pinned])]);
    }
  }, 90);
  await sleep(5000);
  const [since, requests, versions] = [Date.now(), await scene.registryRequests(operator), await statusVersions()];
  for (let round = 0; round < 10; round += 1) {
    await churn(idle.slice(round * 5, round * 5 + 5), round);
    await sleep(Math.max(0, since + (round + 1) * 6000 - Date.now()));
  }
  // A timer may be a millisecond early.
  assert.ok(Date.now() - since >= 59_900);
  const changed = (await statusVersions()).filter((version, at) => version !== versions[at]).length;
  assert.ok(changed >= 40, `only ${changed} templates were reported on`);
  assert.deepEqual(scene.writes(since), []);
  assert.equal(await scene.registryRequests(operator), requests);
});

test('an unsigned image is reported by cluster and by the policy that propagates it, and that one gets an event', async () => {
  const unsigned = await pushImage(host, 'bad/app:1', { content: 'unsigned' });
  await propagateEverywhere('bad', 'bad');
  await policy('bad', `${host}/bad/**`);
  await apply(fleet, deployment(scene.namespace, 'bad', [unsigned.reference], {}, { labels: { set: 'bad' } }));
  await untilHolds('the report', async () => {
    const { clusters, propagation, images, summary } = await status('bad');
    const row = { workloads: 1, verified: 0, failed: 1, unpinned: 1, held: 0 };
    assert.deepEqual(clusters, [{ name: 'member1', ...row }, { name: 'member2', ...row }]);
    assert.deepEqual(propagation, [{ kind: 'ClusterPropagationPolicy', name: 'bad', templates: 1, verified: 0, failed: 1, unknown: 0, held: 0 }]);
    assert.deepEqual([images[0].clusters, images[0].reason, summary.clusters], [2, 'NoSignature', 2]);
  });
  await untilHolds('the event', async () => {
    const about = (await list(fleet, 'default', 'events.events.k8s.io')).filter(({ regarding }) => regarding.kind === 'ClusterPropagationPolicy' && regarding.name === 'bad');
    assert.deepEqual(about.map(({ reason, type }) => `${type} ${reason}`), ['Warning NoSignature']);
  });
});

test('of a policy of all namespaces the status names the cluster where an override drops the digest, and no other', async () => {
  const pushed = await signed('drop/app:1');
  await scene.override('drop', ['drop'], 'member2', { imageOverrider: [{ component: 'Registry', operator: 'replace', value: mirror }] });
  await propagateEverywhere('drop', 'drop');
  await policy('drop', '**/drop/**', { pin: { form: 'TagAndDigest' } });
  await apply(fleet, deployment(scene.namespace, 'drop', [pushed.reference], {}, { labels: { set: 'drop' } }));
  await untilHolds('the drop', async () => {
    const { clusters } = await status('drop');
    assert.deepEqual(clusters.map(({ name, unpinned, verified, failed }: Any) => [name, unpinned, verified, failed]), [['member1', 0, 1, 0], ['member2', 1, 1, 0]]);
    const { reason, message } = await condition('drop', 'Pinned');
    assert.equal(reason, 'DigestDroppedByOverride');
    assert.match(message, new RegExp(`Deployment ${scene.namespace}/drop away: cluster member2 runs`));
  });
});

test('what somebody writes into a Work is judged as what that cluster runs', async () => {
  const [pushed, evil] = [await signed('work/app:1'), await pushImage(host, 'evil/app:1', { content: 'evil' })];
  await propagateEverywhere('work', 'work');
  await policy('work', `${host}/work/**`);
  await apply(fleet, deployment(scene.namespace, 'work', [pushed.reference], {}, { labels: { set: 'work' } }));
  await scene.arrived('work', { member1: pushed.pinned, member2: pushed.pinned });
  const work = (await worksOf(fleet, scene.namespace, 'work')).get('member1');
  const patch = [{ op: 'replace', path: '/spec/workload/manifests/0/spec/template/spec/containers/0/image', value: evil.pinned }];
  await run(fleet, ['patch', 'works.work.karmada.io', work.metadata.name, '-n', work.metadata.namespace, '--type=json', '-p', JSON.stringify(patch)]);
  await untilHolds('the report', async () => {
    const { clusters } = await status('work');
    assert.deepEqual(clusters.map(({ name, failed }: Any) => [name, failed]), [['member1', 1], ['member2', 0]]);
  });
});

test('what overrides say is what clusters are told, but for the Work that somebody wrote into, and that is told', async () => {
  await untilHolds('the difference', async () => assert.equal(await operator.metric('assay_karmada_prediction_differences_total'), 1), 60);
  assert.ok((await operator.metric('controller_runtime_reconcile_total{controller="prediction",result="success"}') ?? 0) >= 52);
  const told = operator.log().filter(({ message }) => String(message).startsWith('clusters are told to run something else'));
  assert.deepEqual(told.map(({ template }) => template), [`Deployment/${scene.namespace}/work`]);
});

/** What a member's controllers would write: Karmada brings it into the Work, the binding and the template. */
async function churn(names: readonly string[], round: number): Promise<void> {
  const [member] = fleet.members;
  assert.ok(member !== undefined);
  for (const name of names) {
    const body = { status: { conditions: [{ type: 'Progressing', status: 'True', reason: `Round${round}`, message: `round ${round}` }], observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 } };
    await member.reader.patch('deployments', scene.namespace, name, { type: 'merge', body, subresource: 'status' });
  }
}

async function statusVersions(): Promise<string[]> {
  return (await list(fleet, scene.namespace, 'deployments')).filter(({ metadata }) => metadata.name.startsWith('idle-')).map(({ metadata }) => metadata.resourceVersion);
}

test('an operator that starts again finds everything as it was, and writes nothing but events', async () => {
  await operator.stop();
  const since = Date.now();
  const before_ = await status('drop');
  operator = await start();
  await sleep(8000);
  assert.deepEqual(scene.writes(since).filter((write) => !write.includes(' events ')), []);
  assert.deepEqual(await status('drop'), before_);
  assert.equal((await get(fleet, scene.namespace, 'deployment', idle[0] ?? '')).spec.template.spec.containers[0].image, image.pinned);
});

test('an outage of the server of clusters takes nothing back, and templates are judged and pinned all the same', async () => {
  const component = karmada.components['karmada-aggregated-apiserver'];
  const before_ = await status('drop');
  await component.stop();
  try {
    await untilHolds('the trouble', async () => assert.equal(await operator.metric('assay_watch_failing{resource="clusters.cluster.karmada.io"}'), 1));
    const pushed = await signed('base/late:1');
    await apply(fleet, deployment(scene.namespace, 'late', [pushed.reference], {}, { labels: { set: 'idle' } }));
    await scene.arrived('late', { member1: pushed.pinned, member2: pushed.pinned });
    await untilHolds('the new one among the others', async () => assert.deepEqual((await status('idle')).clusters.map(({ workloads, verified }: Any) => [workloads, verified]), [[51, 51], [51, 51]]));
    assert.deepEqual(await status('drop'), before_);
    assert.equal((await fetch(`${operator.probesUrl}/readyz`)).status, 200);
  } finally {
    await component.start();
  }
  await untilHolds('the end of it', async () => assert.equal(await operator.metric('assay_watch_failing{resource="clusters.cluster.karmada.io"}'), 0), 90);
});
