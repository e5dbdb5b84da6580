import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Any, apply, deployment, keyedPolicy, run } from '../support/installation.ts';
import { eventually } from '../support/operator.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { moveTag, type PushedImage, pushImage } from '../support/sigstore/push.ts';

type Key = ReturnType<Scene['world']['key']>;
let scene: Scene;
let key: Key;
let other: Key;

before(async () => {
  scene = await setScene('policies');
  [key, other] = [scene.world.key(), scene.world.key()];
  await scene.start();
});
after(() => scene?.stop());

const glob = (name: string): string => `${scene.registry.host}/${name}/**`;
const push = (name: string, tag = '1.0', content = `${name} ${tag}`): Promise<PushedImage> => pushImage(scene.registry.host, `${name}/app:${tag}`, { content });
const sign = (image: PushedImage, ...keys: readonly Key[]): Promise<unknown> =>
  keys.reduce<Promise<unknown>>((before_, one) => before_.then(() => scene.world.signImage(image, one, { format: 'legacy', log: 'none' })), Promise.resolve());
const policy = (name: string, spec: object = {}): Any => keyedPolicy(scene.namespace, name, glob(name), key.key.pem, spec);
const workload = (name: string, ...images: readonly string[]): Any => deployment(scene.namespace, name, images);
const authority = (name: string, one: Key): object => ({ name, key: { data: one.key.pem } });
const patchPolicy = (name: string, patch: object): Promise<string> =>
  run(scene.cluster, ['patch', 'iv', name, '-n', scene.namespace, '--type=merge', '-p', JSON.stringify(patch)]);

test('an image that nobody signed stays as it is, with a Warning on workload and policy that says why and what to do', async () => {
  const image = await push('unsigned');
  await apply(scene.cluster, policy('unsigned'), workload('unsigned', image.reference));
  const row = await scene.row('unsigned', image.reference, 'NoSignature');
  assert.equal(row.result, 'Failed');
  assert.equal(row.digest, image.digest);
  await scene.condition('unsigned', 'Verified', 'False', 'SomeFailed');
  assert.equal(await scene.image('unsigned'), image.reference);
  for (const [kind, name] of [['Deployment', 'unsigned'], ['ImageVerification', 'unsigned']] as const) {
    const [event] = await eventually(`the event on ${kind}`, async () => {
      const events = (await scene.events(kind, name)).filter((one) => one.reason === 'NoSignature');
      return events.length > 0 ? events : undefined;
    });
    assert.equal(event.type, 'Warning');
    assert.match(event.note, /unsigned\/app:1\.0/);
    assert.match(event.note, /sign it/);
  }
});

test('an image that somebody else signed is not pinned, and both keys are named', async () => {
  const image = await push('foreign');
  await sign(image, other);
  await apply(scene.cluster, policy('foreign'), workload('foreign', image.reference));
  const row = await scene.row('foreign', image.reference, 'KeyMismatch');
  assert.equal(row.result, 'Failed');
  assert.equal(await scene.image('foreign'), image.reference);
});

test('a tag that moved after the pin changes nothing, and is reported when judged afresh', async () => {
  const image = await push('moved', 'stable', 'one');
  await sign(image, key);
  await apply(scene.cluster, policy('moved'), workload('moved', image.reference));
  const pin = await scene.pinned('moved');
  const next = await push('moved', 'next', 'two');
  await moveTag(next, 'stable');
  await run(scene.cluster, ['annotate', 'iv', 'moved', '-n', scene.namespace, 'assay.dev/requestedAt=now']);
  const row = await eventually('the report', async () => (await scene.policy('moved')).status.images.find((one: Any) => one.message.includes(next.digest)));
  assert.equal(row.result, 'Verified');
  assert.match(row.message, /follow is Never/);
  assert.equal(await scene.image('moved'), pin);
});

test('an edited policy is judged at once: what it refused verifies under the new key', async () => {
  const image = await push('edited');
  await sign(image, other);
  await apply(scene.cluster, policy('edited'), workload('edited', image.reference));
  await scene.row('edited', image.reference, 'KeyMismatch');
  await patchPolicy('edited', { spec: { authorities: [authority('release-key', other)] } });
  await scene.pinned('edited');
  const { status, metadata } = await eventually('the status of the new generation', async () => {
    const object = await scene.policy('edited');
    return object.status.observedGeneration === object.metadata.generation && object.status.summary.verified === 1 ? object : undefined;
  });
  assert.equal(status.observedGeneration, metadata.generation);
});

test('a policy that is deleted leaves its workloads as they are', async () => {
  const image = await push('deleted');
  await sign(image, key);
  await apply(scene.cluster, policy('deleted'), workload('deleted', image.reference));
  const pin = await scene.pinned('deleted');
  await run(scene.cluster, ['delete', 'iv', 'deleted', '-n', scene.namespace]);
  const late = await push('deleted', '2.0');
  await sign(late, key);
  await run(scene.cluster, ['set', 'image', 'deployment/deleted', `c0=${late.reference}`, '-n', scene.namespace]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.notEqual(pin, late.reference);
  assert.equal(await scene.image('deleted'), late.reference);
});

test('a key in a Secret that is rotated counts at once; while the Secret is missing the images are Unknown', async () => {
  const image = await push('rotated');
  await sign(image, other);
  const secret = (one: Key): Any => ({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: scene.namespace, name: 'rotated' }, stringData: { 'cosign.pub': one.key.pem } });
  await apply(scene.cluster, policy('rotated', { authorities: [{ name: 'release-key', key: { secretRef: { name: 'rotated' } } }] }), workload('rotated', image.reference));
  await scene.condition('rotated', 'Ready', 'False', 'ReferenceMissing');
  const missing = await scene.row('rotated', image.reference, 'PolicyInvalid');
  assert.equal(missing.result, 'Unknown');
  await apply(scene.cluster, secret(key));
  await scene.row('rotated', image.reference, 'KeyMismatch');
  await apply(scene.cluster, secret(other));
  await scene.pinned('rotated');
  await scene.condition('rotated', 'Ready', 'True', 'Compiled');
});

test('two policies govern one image: both must pass, and one that fails keeps it from being pinned', async () => {
  const image = await push('both');
  await sign(image, key);
  const second = { ...policy('both-other'), spec: { images: [{ glob: glob('both') }], authorities: [authority('other', other)] } };
  await apply(scene.cluster, policy('both'), second, workload('both', image.reference));
  await scene.row('both', image.reference, 'SignatureValid');
  await scene.row('both-other', image.reference, 'KeyMismatch');
  assert.equal(await scene.image('both'), image.reference);
  await sign(image, other);
  await run(scene.cluster, ['annotate', 'iv', 'both-other', '-n', scene.namespace, 'assay.dev/requestedAt=1']);
  await scene.pinned('both');
});

test('an exclusion counts until its end, is never called verified, and then the image is judged', async () => {
  const image = await push('excluded');
  await sign(image, key);
  const until = new Date(Date.now() + 4000).toISOString().replace(/\.\d+Z/, 'Z');
  const exclude = [{ glob: `${scene.registry.host}/excluded/app`, reason: 'being migrated', until }];
  await apply(scene.cluster, policy('excluded', { exclude }), workload('excluded', image.reference));
  const row = await scene.row('excluded', image.reference, 'Excluded');
  assert.equal(row.result, 'Excluded');
  assert.match(row.message, /being migrated/);
  assert.equal(await scene.image('excluded'), image.reference);
  await scene.pinned('excluded');
});

test('a threshold of 2 needs two signers', async () => {
  const image = await push('two');
  await sign(image, key);
  await apply(scene.cluster, policy('two', { threshold: 2, authorities: [authority('one', key), authority('two', other)] }), workload('two', image.reference));
  await scene.row('two', image.reference, 'ThresholdNotMet');
  await sign(image, other);
  await run(scene.cluster, ['annotate', 'iv', 'two', '-n', scene.namespace, 'assay.dev/requestedAt=1']);
  await scene.pinned('two');
});

test('a field that this build does not act on makes the policy invalid with its path, its images Unknown, and nothing is pinned', async () => {
  const image = await push('later');
  await sign(image, key);
  await apply(scene.cluster, policy('later', { treshold: 2 }), workload('later', image.reference));
  const ready = await scene.condition('later', 'Ready', 'False', 'PolicyInvalid');
  assert.match(ready.message, /^spec\.treshold: /);
  await scene.condition('later', 'Stalled', 'True', 'PolicyInvalid');
  assert.equal((await scene.row('later', image.reference, 'PolicyInvalid')).result, 'Unknown');
  assert.equal(await scene.image('later'), image.reference);
});

const unpinned: Record<string, { spec: object; reason: string }> = {
  'pin.mode Never verifies and writes nothing': { spec: { pin: { mode: 'Never' } }, reason: 'NotPinned' },
  'enforcement Audit verifies and writes nothing': { spec: { enforcement: 'Audit' }, reason: 'NotPinned' },
};
for (const [index, [sentence, { spec, reason }]] of Object.entries(unpinned).entries()) {
  test(sentence, async () => {
    const name = `unpinned-${index}`;
    const image = await push(name);
    await sign(image, key);
    await apply(scene.cluster, policy(name, spec), workload(name, image.reference));
    await scene.condition(name, 'Verified', 'True', 'AllVerified');
    await scene.condition(name, 'Pinned', 'False', reason);
    assert.equal(await scene.image(name), image.reference);
  });
}

test('a suspended policy does nothing and says so; taken up again, it pins', async () => {
  const image = await push('suspended');
  await sign(image, key);
  await apply(scene.cluster, policy('suspended', { suspend: true }), workload('suspended', image.reference));
  await scene.condition('suspended', 'Ready', 'False', 'Suspended');
  assert.equal(await scene.image('suspended'), image.reference);
  await patchPolicy('suspended', { spec: { suspend: false } });
  await scene.pinned('suspended');
});
