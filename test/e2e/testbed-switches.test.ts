import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Karmada, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { untilHolds } from '../support/until-holds.ts';
import { apply, deployment, get, run } from '../support/installation.ts';
import { fleetAt, type KarmadaFleet, propagation } from '../support/karmada.ts';

let karmada: Karmada;

before(async () => {
  karmada = await startKarmada({ members: 1 });
});

after(() => karmada?.stop());

const fleet = (): KarmadaFleet => fleetAt(karmada.connection);

async function imageIn(member: number, namespace: string): Promise<string> {
  const cluster = fleet().members[member];
  assert.ok(cluster);
  return (await get(cluster, namespace, 'deployment', 'web')).spec.template.spec.containers[0].image;
}

describe('a Karmada of a test\'s own can be broken, and can grow', () => {
  it('answers 503 for clusters while the aggregated API server is off, serves everything else, and finds the same clusters afterwards', async () => {
    const component = karmada.components['karmada-aggregated-apiserver'];
    await component.stop();
    const asked = await fleet().kubectl(['get', '--raw', '/apis/cluster.karmada.io/v1alpha1/clusters']);
    assert.match(asked.stderr, /ServiceUnavailable|service unavailable/);
    await run(fleet(), ['get', 'propagationpolicies', '-A']);
    await component.start();
    await untilHolds('the cluster', async () => assert.equal((await get(fleet(), '', 'clusters.cluster.karmada.io', 'member1')).spec.syncMode, 'Push'));
  });

  it('propagates nothing while its controllers are off, and catches up when they are on', async () => {
    const controllers = karmada.components['karmada-controller-manager'];
    const namespace = await fleet().namespace('held');
    await apply(fleet(), deployment(namespace, 'web', ['nginx:1.25']), propagation(namespace, 'all'));
    await untilHolds('the Deployment', async () => assert.equal(await imageIn(0, namespace), 'nginx:1.25'));
    await controllers.stop();
    assert.equal(controllers.process, undefined);
    await run(fleet(), ['set', 'image', 'deployment/web', '-n', namespace, 'c0=nginx:1.26']);
    assert.equal(await imageIn(0, namespace), 'nginx:1.25');
    await controllers.start({ args: ['--concurrent-work-syncs=7'] });
    await untilHolds('the new image', async () => assert.equal(await imageIn(0, namespace), 'nginx:1.26'));
  });

  it('takes another cluster, which gets what is meant for all, and notices when one is gone', async () => {
    const namespace = await fleet().namespace('grown');
    await apply(fleet(), deployment(namespace, 'web', ['nginx:1.25']), propagation(namespace, 'all'));
    await untilHolds('the Deployment in the first', async () => assert.equal(await imageIn(0, namespace), 'nginx:1.25'));
    const joined = await karmada.join('late');
    await untilHolds('the Deployment in the second', async () => assert.equal(await imageIn(1, namespace), 'nginx:1.25'));
    const pids = karmada.pids().length;
    await joined.plane.apiServer.stop();
    assert.equal(karmada.pids().length, pids - 1);
    await joined.plane.apiServer.start();
    assert.equal(await imageIn(1, namespace), 'nginx:1.25');
  });
});
