import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { karmada, type KarmadaFleet } from '../support/karmada.ts';
import { type KarmadaScene, setKarmadaScene } from '../support/karmada-scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

/* What a tenant may try who writes templates, PropagationPolicies and OverridePolicies in a namespace, on the real Karmada. */
let fleet: KarmadaFleet;
let scene: KarmadaScene;
let key: ReturnType<KarmadaScene['world']['key']>;
let host: string;
let image: PushedImage;
let evil: PushedImage;

before(async () => {
  fleet = await karmada();
  scene = await setKarmadaScene('hostile', fleet);
  host = scene.registry.host;
  key = scene.world.key();
  image = await pushImage(host, 'acme/app:1');
  evil = await pushImage(host, 'evil/app:1', { content: 'evil' });
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await apply(fleet, keyedPolicy(scene.namespace, 'all', `${host}/**`, key.key.pem));
  await scene.operate();
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
    await eventually('the report of what the override makes run', async () => {
      const found = await row(`evil/app:1-${what}`);
      assert.deepEqual([found?.result, found?.clusters, found?.workloads.examples], ['Failed', 1, [`${scene.namespace}/${name}`]]);
    });
  });
}
