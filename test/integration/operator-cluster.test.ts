import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { type Cluster, clusterAt } from '../support/cluster.ts';
import { applyCrds } from '../support/crds.ts';
import { type Any, apply, deployment, get, run } from '../support/installation.ts';
import { CLI, eventually, type Operator, startOperator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { runToEnd } from '../support/run-to-end.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';

// A control plane of its own: cluster-wide policies reach into every namespace, also those of other test files.
const OPERATOR_NAMESPACE = 'assay-system';
const world = createWorld();
const key = world.key();
let plane: ControlPlane;
let cluster: Cluster;
let registry: Registry;
let operator: Operator;
let image: PushedImage;

before(async () => {
  [plane, registry] = await Promise.all([startControlPlane(), startRegistry()]);
  cluster = clusterAt(plane.connection);
  image = await pushImage(registry.host, 'fleet/app:1.0');
  await world.signImage(image, key, { format: 'legacy', log: 'none' });
});
after(async () => {
  await operator?.stop();
  await registry?.stop();
  await plane?.stop();
});

const policy = (name: string, spec: object = {}): Any => ({
  apiVersion: 'assay.dev/v1alpha1',
  kind: 'ClusterImageVerification',
  metadata: { name },
  spec: { images: [{ glob: `${registry.host}/fleet/**` }], authorities: [{ name: 'release-key', key: { secretRef: { name: 'release' } } }], ...spec },
});
const newNamespace = async (labels: Record<string, string>): Promise<string> => {
  const name = await cluster.namespace('team');
  await run(cluster, ['label', 'namespace', name, ...Object.entries(labels).map(([label, value]) => `${label}=${value}`)]);
  return name;
};
const imageOf = async (namespace: string, name: string): Promise<string> => (await get(cluster, namespace, 'deployment', name)).spec.template.spec.containers[0].image;
const pinned = (namespace: string, name: string): Promise<true> =>
  eventually(`the pin of ${namespace}/${name}`, async () => (await imageOf(namespace, name)).includes('@sha256:') || undefined, () => operator.process.tail(8));

test('without the CRDs the operator ends with one sentence that says what to install', async () => {
  const { code, stderr } = await runToEnd([CLI, 'run', `--kubeconfig=${cluster.adminKubeconfig}`, '--metrics-bind-address=0', '--health-probe-bind-address=0']);
  assert.equal(code, 1);
  const said = stderr.trim().split('\n').filter((line) => line.startsWith('assay: '));
  assert.equal(said.length, 1, stderr);
  assert.match(said[0] ?? '', /imageverifications\.assay\.dev.*(CRD|install)/);
});

test('without permission to list, it ends with one sentence that names the verb and the resource', async () => {
  await applyCrds(cluster);
  const kubeconfig = await cluster.userKubeconfig('nobody-special');
  const { code, stderr } = await runToEnd([CLI, 'run', `--kubeconfig=${kubeconfig}`, '--metrics-bind-address=0', '--health-probe-bind-address=0']);
  assert.equal(code, 1);
  assert.match(stderr, /assay: .*list.*(forbidden|not allowed|RBAC)/i);
});

test('a cluster-wide policy governs the namespaces that its selector chooses, with a key from the operator’s namespace', async () => {
  const [chosen, left] = await Promise.all([newNamespace({ tier: 'prod' }), newNamespace({ tier: 'dev' })]);
  await run(cluster, ['create', 'namespace', OPERATOR_NAMESPACE]);
  await apply(cluster, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: OPERATOR_NAMESPACE, name: 'release' }, stringData: { 'cosign.pub': key.key.pem } });
  await apply(cluster, policy('fleet', { namespaceSelector: { matchLabels: { tier: 'prod' } } }));
  operator = await startOperator({ kubeconfig: await operatorKubeconfig(cluster), registries: [registry.host], args: ['--log-level=debug'] });
  await apply(cluster, deployment(chosen, 'app', [image.reference]), deployment(left, 'app', [image.reference]));
  await pinned(chosen, 'app');
  assert.equal(await imageOf(left, 'app'), image.reference);
  await run(cluster, ['wait', '--for=condition=Ready', '--timeout=20s', 'civ/fleet']);
  await run(cluster, ['label', 'namespace', left, '--overwrite', 'tier=prod']);
  await pinned(left, 'app');
  await eventually('both in the status', async () => (await get(cluster, 'default', 'civ', 'fleet')).status.summary.pinned === 2);
});

test('a namespace that no longer has the label is let go', async () => {
  const namespace = await newNamespace({ tier: 'prod' });
  await apply(cluster, deployment(namespace, 'app', [image.reference]));
  await pinned(namespace, 'app');
  await eventually('three', async () => (await get(cluster, 'default', 'civ', 'fleet')).status.summary.workloads === 3);
  await run(cluster, ['label', 'namespace', namespace, '--overwrite', 'tier=dev']);
  await eventually('two again', async () => (await get(cluster, 'default', 'civ', 'fleet')).status.summary.workloads === 2);
});

test('excluded namespaces, the operator’s own among them, are left alone', async () => {
  await apply(cluster, deployment('kube-public', 'app', [image.reference]), deployment(OPERATOR_NAMESPACE, 'app', [image.reference]));
  const witness = await newNamespace({ tier: 'prod' });
  for (const name of ['kube-public', OPERATOR_NAMESPACE]) await run(cluster, ['label', 'namespace', name, 'tier=prod']);
  await apply(cluster, deployment(witness, 'app', [image.reference]));
  await pinned(witness, 'app');
  assert.equal(await imageOf('kube-public', 'app'), image.reference);
  assert.equal(await imageOf(OPERATOR_NAMESPACE, 'app'), image.reference);
});

test('a registry that cannot be reached is Unknown with its own reason, and nothing crashes', async () => {
  const namespace = await newNamespace({ tier: 'prod' });
  await apply(cluster, policy('away', { images: [{ glob: '127.0.0.1:1/fleet/**' }, { glob: 'registry.invalid/fleet/**' }] }));
  await apply(cluster, deployment(namespace, 'away', ['registry.invalid/fleet/app:1']), deployment(namespace, 'loopback', ['127.0.0.1:1/fleet/app:1']));
  const rows = await eventually('both rows', async () => {
    const { status } = await get(cluster, 'default', 'civ', 'away');
    return status?.images?.length === 2 ? status.images : undefined;
  });
  for (const row of rows) assert.equal(row.result, 'Unknown');
  const ready = (await fetch(`${operator.probesUrl}/readyz`)).status;
  assert.equal(ready, 200);
  assert.ok(operator.process.running);
});

test('a CRD that vanishes and comes back is survived', async () => {
  await run(cluster, ['delete', 'crd', 'clusterimageverifications.assay.dev']);
  await applyCrds(cluster);
  await apply(cluster, policy('again'));
  await eventually('Ready', async () => (await get(cluster, 'default', 'civ', 'again')).status?.conditions?.find((one: Any) => one.type === 'Ready')?.status === 'True', () => operator.process.tail(8), 60);
});

test('SIGTERM ends it in good order with code 0', async () => {
  operator.process.stop('SIGTERM', 15_000).catch(() => undefined);
  const exit = await operator.process.exited;
  assert.deepEqual(exit, { code: 0, signal: null });
});

const refusals: Record<string, { args: string[]; code: number; says: RegExp }> = {
  'an unknown option': { args: ['run', '--no-such-option'], code: 2, says: /unknown option '--no-such-option'/ },
  'a bad value': { args: ['run', '--workers=many'], code: 2, says: /--workers: "many" is not a whole number/ },
  'a kubeconfig that is not there': { args: ['run', '--kubeconfig=/nowhere/config'], code: 1, says: /kubeconfig \/nowhere\/config/ },
  'a trust root that is not there': { args: ['run', '--trusted-root=/nowhere/root.json'], code: 2, says: /--trusted-root: \/nowhere\/root\.json/ },
  'a trust root that is none': { args: ['run', `--trusted-root=${CLI}`], code: 2, says: /--trusted-root: .*cli\.js cannot be used/ },
  'a docker config that is not there': { args: ['run', '--docker-config=/nowhere'], code: 2, says: /--docker-config: \/nowhere\/config\.json/ },
};
for (const [what, { args, code, says }] of Object.entries(refusals)) {
  test(`${what} is one sentence and exit code ${code}`, async () => {
    const result = await runToEnd([CLI, ...args]);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
    assert.equal(result.stderr.trim().split('\n').filter((line) => line.startsWith('assay: ')).length, 1, result.stderr);
    assert.doesNotMatch(result.stderr, /\n\s+at /);
  });
}
