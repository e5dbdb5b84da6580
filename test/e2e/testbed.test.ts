import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { untilHolds } from '../support/until-holds.ts';
import { apply, deployment, get, keyedPolicy, list, run } from '../support/installation.ts';
import { karmada, type KarmadaFleet, type MemberCluster, propagation } from '../support/karmada.ts';
import { startOperator } from '../support/operator.ts';

let fleet: KarmadaFleet;

before(async () => {
  fleet = await karmada();
});

const DIGEST = (hex: string): string => `sha256:${hex.repeat(64)}`;

/** The images of a Deployment's containers in one cluster. */
async function imagesIn(cluster: MemberCluster, namespace: string, name: string): Promise<string[]> {
  const { spec } = (await get(cluster, namespace, 'deployment', name)).spec.template;
  return [...(spec.initContainers ?? []), ...spec.containers].map(({ image }: { image: string }) => image);
}

describe('the Karmada of the test bed', () => {
  it('is of the version that it is built from, with two clusters that are Ready and whose kinds it knows', async () => {
    const clusters = await list(fleet, '', 'clusters.cluster.karmada.io');
    assert.deepEqual(clusters.map(({ metadata }: { metadata: { name: string } }) => metadata.name), fleet.members.map(({ name }) => name));
    for (const { status } of clusters) {
      assert.equal(status.conditions.find(({ type }: { type: string }) => type === 'Ready').status, 'True');
      assert.ok(status.apiEnablements.some(({ groupVersion }: { groupVersion: string }) => groupVersion === 'apps/v1'));
    }
  });

  it('propagates a Deployment to both clusters, and says in the Work which generation of the template that is', async () => {
    const namespace = await fleet.namespace('reach');
    await apply(fleet, deployment(namespace, 'web', ['nginx:1.25']), propagation(namespace, 'all', 'member1', 'member2'));
    for (const member of fleet.members) {
      await untilHolds(`the Deployment in ${member.name}`, async () => assert.deepEqual(await imagesIn(member, namespace, 'web'), ['nginx:1.25']));
    }
    await run(fleet, ['set', 'image', 'deployment/web', '-n', namespace, 'c0=nginx:1.26']);
    const { generation } = (await get(fleet, namespace, 'deployment', 'web')).metadata;
    for (const member of fleet.members) {
      await untilHolds(`the new image in ${member.name}`, async () => assert.deepEqual(await imagesIn(member, namespace, 'web'), ['nginx:1.26']));
      const [work] = (await list(fleet, `karmada-es-${member.name}`, 'works.work.karmada.io')).filter((one) => one.spec.workload.manifests[0].metadata.namespace === namespace);
      assert.equal(work.spec.workload.manifests[0].metadata.annotations['resourcetemplate.karmada.io/generation'], String(generation));
    }
  });

  it('lets a Registry overrider drop the digest behind a tag, keep one without a tag, and leave init containers alone', async () => {
    const namespace = await fleet.namespace('mirror');
    const images = [`docker.io/library/nginx:1.25@${DIGEST('2')}`, `docker.io/envoyproxy/envoy@${DIGEST('3')}`];
    const init = { initContainers: [{ name: 'init', image: `docker.io/library/busybox:1@${DIGEST('4')}` }] };
    const overriders = { imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror.corp.example' }] };
    await apply(
      fleet,
      {
        apiVersion: 'policy.karmada.io/v1alpha1',
        kind: 'OverridePolicy',
        metadata: { namespace, name: 'mirror' },
        spec: { overrideRules: [{ targetCluster: { clusterNames: ['member2'] }, overriders }] },
      },
      deployment(namespace, 'web', images, init),
      propagation(namespace, 'all', 'member1', 'member2'),
    );
    const [plain, mirrored] = fleet.members;
    assert.ok(plain && mirrored);
    const kept = init.initContainers.map(({ image }) => image);
    await untilHolds('the Deployment as it is', async () => assert.deepEqual(await imagesIn(plain, namespace, 'web'), [...kept, ...images]));
    await untilHolds('the Deployment with the mirror', async () => {
      assert.deepEqual(await imagesIn(mirrored, namespace, 'web'), [...kept, 'mirror.corp.example/library/nginx:1.25', `mirror.corp.example/envoyproxy/envoy@${DIGEST('3')}`]);
    });
  });

  it('reports back what the clusters say of a workload', async () => {
    const namespace = await fleet.namespace('status');
    await apply(fleet, deployment(namespace, 'web', ['nginx:1.25']), propagation(namespace, 'one', 'member1'));
    await untilHolds('the status of the member at Karmada', async () => assert.equal((await get(fleet, namespace, 'deployment', 'web')).status.unavailableReplicas, 1));
  });

  it('takes what the detector leaves alone: nothing of assay.dev is propagated or waited for', async () => {
    const namespace = await fleet.namespace('ours');
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const policy = keyedPolicy(namespace, 'p', '**', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    await apply(fleet, {
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { namespace, name: 'ours' },
      spec: { resourceSelectors: [{ apiVersion: 'assay.dev/v1alpha1', kind: 'ImageVerification' }, { apiVersion: 'apps/v1', kind: 'Deployment' }] },
    });
    await apply(fleet, policy, deployment(namespace, 'web', ['nginx:1.25']));
    await untilHolds('the binding of the Deployment', () => get(fleet, namespace, 'resourcebinding', 'web-deployment'));
    assert.deepEqual((await list(fleet, namespace, 'resourcebindings')).map(({ metadata }) => metadata.name), ['web-deployment']);
  });

  it('is a place where the operator starts', async () => {
    const operator = await startOperator({ kubeconfig: fleet.adminKubeconfig });
    try {
      assert.equal((await fetch(`${operator.probesUrl}/readyz`)).status, 200);
    } finally {
      await operator.stop();
    }
  });
});
