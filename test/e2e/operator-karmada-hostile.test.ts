import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { untilHolds } from '../support/until-holds.ts';
import { type Any, apply, deployment, keyedPolicy, run } from '../support/installation.ts';
import { karmada, type KarmadaFleet } from '../support/karmada.ts';
import { type KarmadaScene, setKarmadaScene } from '../support/karmada-scene.ts';
import type { Operator } from '../support/operator.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

/* What a tenant may try who writes templates, PropagationPolicies and OverridePolicies in a namespace, on the real Karmada. */
let fleet: KarmadaFleet;
let scene: KarmadaScene;
let key: ReturnType<KarmadaScene['world']['key']>;
let host: string;
let image: PushedImage;
let evil: PushedImage;
let operator: Operator;

before(async () => {
  fleet = await karmada();
  scene = await setKarmadaScene('hostile', fleet);
  host = scene.registry.host;
  key = scene.world.key();
  image = await pushImage(host, 'acme/app:1');
  evil = await pushImage(host, 'evil/app:1', { content: 'evil' });
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await apply(fleet, keyedPolicy(scene.namespace, 'all', `${host}/**`, key.key.pem));
  operator = await scene.operate();
});
after(() => scene?.stop());

const status = async (): Promise<Any> => (await scene.policy('all')).status;
const row = async (part: string): Promise<Any> => (await status()).images.find((one: Any) => one.image.includes(part));
const create = (name: string, metadata: object = {}): Promise<void> => apply(fleet, deployment(scene.namespace, name, [image.reference], {}, metadata));
const INJECT = { path: '/spec/template/spec/containers/0/image', operator: 'replace', value: '' };

for (const [what, path, value] of [
  ['name', '/metadata/name', 'innocent'],
  ['namespace', '/metadata/namespace', 'elsewhere'],
] as const) {
  test(`an override that gives a template another ${what} in a cluster takes what runs there out of nobody's reach`, async () => {
    const name = `renamed-${what}`;
    await scene.override(name, [name], 'member2', { plaintext: [{ path, operator: 'replace', value }, { ...INJECT, value: `${evil.reference}-${what}` }] });
    await scene.propagate(name, [name]);
    await create(name);
    await untilHolds('the report of what the override makes run', async () => {
      const found = await row(`evil/app:1-${what}`);
      assert.deepEqual([found?.result, found?.clusters, found?.workloads.examples], ['Failed', 1, [`${scene.namespace}/${name}`]]);
    });
  });
}

test('an override that makes a workload of what is none has it judged all the same, whatever kinds a policy is about', async () => {
  const spec = deployment(scene.namespace, 'disguised', [`${evil.reference}-disguised`]).spec;
  const apart = keyedPolicy(scene.namespace, 'kinds', `${host}/**`, key.key.pem, { workloads: { kinds: ['StatefulSet'] } });
  await apply(fleet, apart);
  const plaintext = [
    { path: '/apiVersion', operator: 'replace', value: 'apps/v1' },
    { path: '/kind', operator: 'replace', value: 'Deployment' },
    { path: '/spec', operator: 'add', value: spec },
    { path: '/data', operator: 'remove' },
  ];
  const metadata = { namespace: scene.namespace, name: 'disguised' };
  const resourceSelectors = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'disguised' }];
  await apply(fleet, { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'OverridePolicy', metadata, spec: { resourceSelectors, overrideRules: [{ targetCluster: { clusterNames: ['member1'] }, overriders: { plaintext } }] } });
  await apply(fleet, { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'PropagationPolicy', metadata, spec: { resourceSelectors, placement: { clusterAffinity: { clusterNames: ['member1', 'member2'] } } } });
  await apply(fleet, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } });
  const reported = async (name: string): Promise<void> => untilHolds(`the report of what nobody signed, by ${name}`, async () => {
    const found = (await scene.policy(name)).status.images.find((one: Any) => one.image.includes('evil/app:1-disguised'));
    assert.deepEqual([found?.result, found?.clusters, found?.workloads.examples], ['Failed', 1, [`${scene.namespace}/disguised`]]);
  });
  await reported('all');
  await reported('kinds');
  // Also by a policy that comes later, and no longer when it is gone.
  await apply(fleet, keyedPolicy(scene.namespace, 'later', `${host}/**`, key.key.pem));
  await reported('later');
  await run(fleet, ['delete', 'configmap', 'disguised', '-n', scene.namespace]);
  await untilHolds('nothing of it in any status', async () => assert.equal(await row('evil/app:1-disguised'), undefined));
});

test('Works of any form are judged for what they are: without manifests, with two, of a thousand containers, with images that are none', async (context) => {
  const space = `karmada-es-odd-${scene.namespace}`;
  await apply(fleet, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: space } });
  context.after(() => run(fleet, ['delete', 'namespace', space, '--wait=false']));
  const manifest = (name: string, images: readonly string[], container: object = {}): object => {
    const { apiVersion, kind, spec } = deployment(scene.namespace, name, images);
    const containers = spec.template.spec.containers.map((one: Any) => ({ ...one, ...container }));
    return { apiVersion, kind, metadata: { namespace: scene.namespace, name }, spec: { ...spec, template: { ...spec.template, spec: { containers } } } };
  };
  const odd: Record<string, readonly unknown[]> = {
    none: [],
    two: [manifest('two', [image.pinned]), manifest('two', [`${evil.reference}-second`])],
    huge: [manifest('huge', Array.from({ length: 1000 }, () => image.pinned), { env: [{ name: 'X', value: 'x'.repeat(700) }] })],
    texts: [manifest('texts', [`${evil.reference}\u0000nul`, `☃${'ü'.repeat(5000)}`, '', '../..'])],
  };
  for (const [name, manifests] of Object.entries(odd)) {
    await create(name);
    await run(fleet, ['create', '-f', '-'], JSON.stringify({ apiVersion: 'work.karmada.io/v1alpha1', kind: 'Work', metadata: { namespace: space, name }, spec: { workload: { manifests } } }));
  }
  await untilHolds('each of them in the status', async () => {
    const images: Any[] = (await status()).images;
    for (const [name, part] of [['two', 'evil/app:1-second'], ['huge', '(744 more)'], ['texts', 'nul'], ['texts', '☃'], ['texts', '../..']] as const) {
      const found = images.find((one) => one.image.includes(part));
      assert.ok(found !== undefined && found.result !== 'Verified' && found.workloads.examples[0] === `${scene.namespace}/${name}`, `${part}: ${JSON.stringify(images.map((one) => one.image.slice(0, 80)))}`);
    }
  });
  assert.deepEqual(operator.log().filter(({ level }) => level === 'error'), []);
});
