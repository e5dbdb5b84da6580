import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Cluster, cluster as theCluster } from '../support/cluster.ts';
import { type Any, apply, deployment, get, installCrds, keyedPolicy, list, run } from '../support/installation.ts';
import { eventually, type Operator, startOperator } from '../support/operator.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';

const world = createWorld();
const key = world.key();
const release = world.keyless({ issuer: 'https://token.actions.githubusercontent.com', subject: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1' });
let cluster: Cluster;
let registry: Registry;
let operator: Operator;
let namespace: string;

before(async () => {
  [cluster, registry] = await Promise.all([theCluster(), startRegistry()]);
  await installCrds(cluster);
  namespace = await cluster.namespace('operator');
  operator = await startOperator({ kubeconfig: cluster.adminKubeconfig, registries: [registry.host], args: [`--namespace=${namespace}`, '--log-level=debug'] });
});

after(async () => {
  await operator?.stop();
  await registry?.stop();
});

const image = async (name: string, index = 0): Promise<string> => (await get(cluster, namespace, 'deployment', name)).spec.template.spec.containers[index].image;
const condition = async (policy: string, type: string): Promise<Any> => (await get(cluster, namespace, 'iv', policy)).status?.conditions?.find((one: Any) => one.type === type);

test('a tag that verifies becomes its digest by one patch, one rollout, and the annotation; nothing else changes', async () => {
  const pushed = await pushImage(registry.host, 'one/app:1.0');
  await world.signImage(pushed, key, { format: 'legacy', log: 'none' });
  await apply(cluster, keyedPolicy(namespace, 'one', `${registry.host}/one/**`, key.key.pem), deployment(namespace, 'one', [pushed.reference]));
  await eventually('the pin', async () => (await image('one')).includes('@sha256:'), () => operator.process.tail(20));
  assert.equal(await image('one'), `${registry.host}/one/app@${pushed.digest}`);
  const object = await get(cluster, namespace, 'deployment', 'one');
  assert.deepEqual(JSON.parse(object.metadata.annotations['assay.dev/tags']), { c0: { ref: pushed.reference, digest: pushed.digest } });
  await eventually('both ReplicaSets', async () => (await list(cluster, namespace, 'replicaset', '-l', 'app=one')).length === 2);
  await eventually('Ready', async () => (await condition('one', 'Pinned'))?.status === 'True');
  console.log(await run(cluster, ['get', 'iv', '-n', namespace, '-o', 'wide']));
  console.log(JSON.stringify((await get(cluster, namespace, 'iv', 'one')).status, null, 1));
  console.log(await run(cluster, ['get', 'events', '-n', namespace]));
});

test('keyless: a Deployment signed by the release workflow is pinned', async () => {
  const pushed = await pushImage(registry.host, 'two/app:1.0');
  await world.signImage(pushed, release);
  const trust = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'trust' }, data: { 'trusted_root.json': world.trustedRootJson } };
  const policy = keyedPolicy(namespace, 'two', `${registry.host}/two/**`, key.key.pem, {
    authorities: [{
      name: 'workflow',
      keyless: { trustRootRef: { kind: 'ConfigMap', name: 'trust' }, identities: [{ issuer: 'https://token.actions.githubusercontent.com', subjectRegExp: '^https://github\\.com/acme/app/.*$' }] },
    }],
  });
  await apply(cluster, trust, policy, deployment(namespace, 'two', [pushed.reference]));
  await eventually('the pin', async () => (await image('two')).includes('@sha256:'), () => operator.process.tail(20));
});
