import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { filled, type Manifest } from '../../hack/controlplane/karmada/manifests.ts';
import { karmadaPrograms } from '../../hack/controlplane/karmada/programs.ts';
import { progress } from '../../hack/controlplane/progress.ts';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { auditEvents } from '../support/audit.ts';
import { clusterAt } from '../support/cluster.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { karmadaKubeconfig } from '../support/karmada-scene.ts';
import { eventually, type Operator, startOperator } from '../support/operator.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

/*
 * Karmada's own definitions on a plain Kubernetes, which come and go for everybody: a control plane of its own. None of Karmada's programs runs, so
 * what these would write is written here.
 */
const USER = 'assay-groups';
/** Discovery asks twice a minute. */
const APPEARANCE = 45;
const ID = '6f1c5f1e-0000-4000-8000-000000000001';
const CLAIM_LABELS = { 'propagationpolicy.karmada.io/permanent-id': ID };
const BINDING_ID = '6f1c5f1e-0000-4000-8000-000000000002';
const UNPLACED_BINDING_ID = '6f1c5f1e-0000-4000-8000-000000000003';

let plane: ControlPlane;
let scene: Scene;
let operator: Operator;
let crds: readonly Manifest[];
let image: PushedImage;
let started: number;

before(async () => {
  plane = await startControlPlane();
  const { manifests } = await karmadaPrograms(progress());
  crds = filled(manifests.crds, { authority: readFileSync(plane.caFile, 'utf8'), webhookPort: 1 }).filter(({ spec }) => ['policy.karmada.io', 'work.karmada.io'].includes(String(spec?.['group'])));
  scene = await setScene('groups', clusterAt(plane.connection));
  const key = scene.world.key();
  image = await pushImage(scene.registry.host, 'acme/app:1');
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const { metadata: _, ...policy } = keyedPolicy(scene.namespace, 'all', `${scene.registry.host}/acme/**`, key.key.pem);
  await apply(scene.cluster,
    { ...policy, kind: 'ClusterImageVerification', metadata: { name: 'all' } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-es-member1' } },
    ...['placed', 'unplaced'].map((name) => deployment(scene.namespace, name, [image.pinned])));
  started = Date.now();
  operator = await startOperator({ kubeconfig: await karmadaKubeconfig({ ...scene.cluster, members: [] }, USER), registries: [scene.registry.host] });
});
after(async () => {
  await operator?.stop();
  await scene?.stop();
  await plane?.stop();
});

const tail = (): string => operator.process.tail(10);
const asked = (since: number): unknown[] => auditEvents(scene.cluster.auditLog, USER, since).filter(({ group }) => group.endsWith('karmada.io'));
const trouble = (): unknown[] => operator.log().filter(({ level }) => level !== 'info' && level !== 'debug');
const status = async (): Promise<Any> => (await get(scene.cluster, '', 'civ', 'all')).status;

/** What Karmada would have: a policy, its bindings of two templates, and what one cluster is told of one. */
async function propagate(): Promise<void> {
  const template: Any = await get(scene.cluster, scene.namespace, 'deployment', 'placed');
  const unplaced: Any = await get(scene.cluster, scene.namespace, 'deployment', 'unplaced');
  const { namespace } = scene;
  const binding = (name: string, id: string, spec: object): object => ({
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: { namespace, name: `${name}-deployment`, labels: { ...CLAIM_LABELS, 'resourcebinding.karmada.io/permanent-id': id }, annotations: { 'propagationpolicy.karmada.io/namespace': namespace, 'propagationpolicy.karmada.io/name': 'web' } },
    spec,
  });
  const resource = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'placed', uid: template.metadata.uid };
  const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: 'placed', annotations: { 'resourcetemplate.karmada.io/generation': String(template.metadata.generation) } }, spec: template.spec };
  await apply(scene.cluster,
    { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'PropagationPolicy', metadata: { namespace, name: 'web', labels: { 'propagationpolicy.karmada.io/permanent-id': ID } }, spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], placement: {} } },
    binding('placed', BINDING_ID, { resource, clusters: [{ name: 'member1' }] }),
    binding('unplaced', UNPLACED_BINDING_ID, { resource: { ...resource, name: 'unplaced', uid: unplaced.metadata.uid } }),
    { apiVersion: 'work.karmada.io/v1alpha1', kind: 'Work', metadata: { namespace: 'karmada-es-member1', name: 'placed', labels: { 'resourcebinding.karmada.io/permanent-id': BINDING_ID } }, spec: { workload: { manifests: [manifest] } } });
}

async function install(): Promise<void> {
  await apply(scene.cluster, ...crds);
  await run(scene.cluster, ['wait', '--for=condition=Established', '--timeout=30s', ...crds.map(({ metadata }) => `crd/${metadata.name}`)]);
  await propagate();
}

async function reported(): Promise<void> {
  await eventually('the cluster and the policy in the status', async () => {
    const { clusters, propagation, summary } = await status();
    assert.deepEqual(clusters, [{ name: 'member1', workloads: 1, verified: 1, failed: 0, unpinned: 0, held: 0 }]);
    assert.deepEqual(propagation, [{ kind: 'PropagationPolicy', namespace: scene.namespace, name: 'web', templates: 2, verified: 2, failed: 0, unknown: 0, held: 0 }]);
    assert.deepEqual([summary.workloads, summary.clusters, summary.propagationPolicies], [2, 1, 1]);
    return true;
  }, async () => `${JSON.stringify(await status())} ${tail()}`, APPEARANCE);
}

test('on plain Kubernetes nothing of Karmada is asked, told or amiss', async () => {
  await eventually('the status', async () => (await status())?.summary.verified === 1, tail);
  const { clusters, propagation, summary } = await status();
  assert.deepEqual([clusters, propagation, summary.clusters, summary.propagationPolicies, asked(started), trouble()], [undefined, undefined, undefined, undefined, [], []]);
});

test('Karmada that is installed while the operator runs is watched and told of', async () => {
  await install();
  await reported();
  assert.deepEqual(trouble(), []);
});

test('Karmada that goes is let go of: the status forgets its clusters, nothing is asked any more, nothing is an error', async () => {
  await run(scene.cluster, ['delete', ...crds.map(({ metadata }) => `crd/${metadata.name}`)]);
  await eventually('the end of it in the status', async () => {
    const { clusters, propagation, summary } = await status();
    assert.deepEqual([clusters, propagation, summary.clusters, summary.propagationPolicies, summary.workloads], [undefined, undefined, undefined, undefined, 2]);
    return true;
  }, async () => `${JSON.stringify(await status())} ${tail()}`, APPEARANCE);
  await sleep(2000);
  const since = Date.now();
  await sleep(2000);
  assert.deepEqual([asked(since), trouble()], [[], []]);
});

test('and Karmada that comes back is watched again', async () => {
  await install();
  await reported();
  assert.deepEqual(trouble(), []);
});

test('while nobody can say what clusters run since a start, nothing is called verified, and a status that says more stands', async () => {
  await operator.stop();
  const proxy = await startFaultProxy(scene.cluster);
  try {
    let away = true;
    proxy.answer(({ url }) => away && url.includes('/work.karmada.io/v1alpha1/works'), { status: 503 }, Infinity);
    const { spec } = await get(scene.cluster, '', 'civ', 'all');
    await apply(scene.cluster, { apiVersion: 'assay.dev/v1alpha1', kind: 'ClusterImageVerification', metadata: { name: 'late' }, spec });
    operator = await startOperator({ kubeconfig: proxy.kubeconfig, registries: [scene.registry.host] });
    const verified = async (name: string): Promise<Any> => (await get(scene.cluster, '', 'civ', name)).status?.conditions.find(({ type }: Any) => type === 'Verified');
    const { message } = await eventually('what is not known', async () => {
      const found = await verified('late');
      return found?.reason === 'ClustersUnknown' && found.message.includes('1 of 1') ? found : undefined;
    }, async () => JSON.stringify(await verified('late')));
    assert.match(message, /^what clusters run is not known \(list works\.work\.karmada\.io: .*503.*\); at the control plane: 1 of 1 images verified/);
    assert.equal((await status()).clusters.length, 1);
    away = false;
    await eventually('the clusters', async () => (await verified('late')).status === 'True' && (await get(scene.cluster, '', 'civ', 'late')).status.clusters?.length === 1, tail, APPEARANCE);
  } finally {
    await operator.stop();
    await proxy.stop();
  }
});
