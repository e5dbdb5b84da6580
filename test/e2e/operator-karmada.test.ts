import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { untilHolds } from '../support/until-holds.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { karmada, type KarmadaFleet } from '../support/karmada.ts';
import { bindingOf, type KarmadaScene, setImage, setKarmadaScene, worksOf } from '../support/karmada-scene.ts';
import type { Operator } from '../support/operator.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

let fleet: KarmadaFleet;
let scene: KarmadaScene;
let operator: Operator;
let key: ReturnType<KarmadaScene['world']['key']>;
let host: string;
let mirror: string;

before(async () => {
  fleet = await karmada();
  scene = await setKarmadaScene('prop', fleet);
  host = scene.registry.host;
  // The same registry under another name: what a mirror is for Karmada.
  mirror = host.replace('127.0.0.1', 'localhost');
  key = scene.world.key();
  operator = await scene.operate({ registries: [mirror] });
});
after(() => scene?.stop());

/** A signed image, in a repository of its own. */
async function signed(name: string): Promise<PushedImage> {
  const image = await pushImage(host, name);
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  return image;
}

const policy = (name: string, repository: string, spec: object = {}): Promise<void> => apply(fleet, keyedPolicy(scene.namespace, name, `${host}/${repository}`, key.key.pem, spec));
const status = async (name: string): Promise<Any> => (await scene.policy(name)).status;
const create = (name: string, image: string, metadata: object = {}): Promise<void> => apply(fleet, deployment(scene.namespace, name, [image], {}, metadata));
const mirrored = (image: PushedImage): string => image.pinned.replace(host, mirror);
const eventReasons = async (kind: string, name: string): Promise<string[]> => (await scene.events(kind, name)).map(({ reason }) => reason);
const clusterNames = ['member1', 'member2'];
const REGISTRY = (): object => ({ imageOverrider: [{ component: 'Registry', operator: 'replace', value: mirror }] });

test('a tag at the control plane becomes a digest in both members by one patch and one change of the binding', async () => {
  const image = await signed('one/app:1');
  await create('one', image.reference);
  await scene.propagate('one', ['one']);
  await scene.arrived('one', { member1: image.reference, member2: image.reference });
  const before = [(await bindingOf(fleet, scene.namespace, 'one')).metadata.generation, (await get(fleet, scene.namespace, 'deployment', 'one')).metadata.generation];
  const since = Date.now();
  await policy('one', 'one/**');
  await scene.arrived('one', { member1: image.pinned, member2: image.pinned });
  const row = await scene.row('one', 'one/app', 'SignatureValid');
  assert.equal(row.result, 'Verified');
  await untilHolds('both clusters in the status', async () => {
    const { summary, images, propagation, clusters, conditions } = await status('one');
    assert.deepEqual([summary.clusters, summary.propagationPolicies, images.length, images[0].clusters, clusters], [2, 1, 1, 2, undefined]);
    assert.deepEqual(propagation, [{ kind: 'PropagationPolicy', namespace: scene.namespace, name: 'one', templates: 1, verified: 1, failed: 0, unknown: 0, held: 0 }]);
    assert.equal(conditions.find(({ type }: Any) => type === 'Pinned').status, 'True');
  });
  const after_ = [(await bindingOf(fleet, scene.namespace, 'one')).metadata.generation, (await get(fleet, scene.namespace, 'deployment', 'one')).metadata.generation];
  assert.deepEqual(after_, before.map((generation) => generation + 1));
  assert.deepEqual(scene.writes(since).filter((write) => write.includes('deployments')), [`patch deployments ${scene.namespace}/one`]);
});

test('a digest without a tag survives a Registry overrider, and the mirror is not asked about it', async () => {
  const image = await signed('two/app:1');
  // Nobody is there: whoever asked would have no verdict.
  const nowhere = 'mirror.corp.example';
  await scene.override('two', ['two'], 'member2', { imageOverrider: [{ component: 'Registry', operator: 'replace', value: nowhere }] });
  await scene.propagate('two', ['two']);
  await policy('two', 'two/**');
  await create('two', image.reference);
  await scene.arrived('two', { member1: image.pinned, member2: image.pinned.replace(host, nowhere) });
  await untilHolds('the image of the mirror in the status', async () => {
    const { images, conditions } = await status('two');
    assert.deepEqual(images.map((one: Any) => [one.image.startsWith(host), one.result, one.digest, one.clusters]).toSorted(), [[false, 'Verified', image.digest, 1], [true, 'Verified', image.digest, 1]]);
    assert.equal(conditions.find(({ type }: Any) => type === 'Pinned').status, 'True');
  });
  assert.deepEqual((await eventReasons('Deployment', 'two')).filter((reason) => reason === 'DigestDroppedByOverride'), []);
});

test('a digest behind a tag is dropped by a Registry overrider, and that is told of that cluster alone, until the form is changed', async () => {
  const image = await signed('three/app:1');
  await scene.override('three', ['three'], 'member2', REGISTRY());
  await scene.propagate('three', ['three']);
  await policy('three', '**/three/**', { pin: { form: 'TagAndDigest' } });
  await create('three', image.reference);
  await scene.arrived('three', { member1: `${image.reference}@${image.digest}`, member2: image.reference.replace(host, mirror) });
  const pinned = await scene.condition('three', 'Pinned', 'False', 'DigestDroppedByOverride');
  assert.match(pinned.message, /^1 of 1 workload .*: OverridePolicy .*\/three takes the digest .*Deployment .*\/three away: 1 cluster runs localhost.*set spec\.pin\.form to Digest/);
  await untilHolds('the event', async () => assert.ok((await eventReasons('Deployment', 'three')).includes('DigestDroppedByOverride')));
  const [event] = (await scene.events('Deployment', 'three')).filter(({ reason }) => reason === 'DigestDroppedByOverride');
  assert.match(event.note, /cluster member2 runs/);
  assert.doesNotMatch(event.note, /member1/);
  assert.ok((await operator.metric('assay_karmada_digests_dropped') ?? 0) >= 1);
  await run(fleet, ['patch', 'iv', 'three', '-n', scene.namespace, '--type=merge', '-p', '{"spec":{"pin":{"form":"Digest"}}}']);
  await scene.arrived('three', { member1: image.pinned, member2: mirrored(image) });
  await scene.condition('three', 'Pinned', 'True');
  const { annotations } = (await get(fleet, scene.namespace, 'deployment', 'three')).metadata;
  assert.deepEqual(JSON.parse(annotations['assay.dev/tags']), { c0: { ref: image.reference, digest: image.digest } });
});

test('a Tag overrider that puts an unsigned image in place of a verified digest is found, and told to the policy that propagates it', async () => {
  const image = await signed('four/app:1');
  await pushImage(host, 'four/app:2', { content: 'another' });
  await scene.override('four', ['four'], 'member1', { imageOverrider: [{ component: 'Tag', operator: 'replace', value: '2' }] });
  await scene.propagate('four', ['four']);
  await policy('four', 'four/**');
  await create('four', image.reference);
  await scene.arrived('four', { member1: image.reference.replace(/:1$/, ':2'), member2: image.pinned });
  const row = await scene.row('four', 'four/app:2', 'NoSignature');
  assert.deepEqual([row.result, row.clusters], ['Failed', 1]);
  await untilHolds('the failure of the propagation policy', async () => {
    const { propagation } = await status('four');
    assert.deepEqual([propagation[0].templates, propagation[0].verified, propagation[0].failed], [1, 0, 1]);
  });
  await scene.condition('four', 'Pinned', 'False', 'DigestDroppedByOverride');
  await untilHolds('the event of the propagation policy', async () => {
    const events = await scene.events('PropagationPolicy', 'four');
    assert.match(events.map(({ note }) => note).join('\n'), /1 template that it propagates does not verify: Deployment .*\/four has .*four\/app:2 in member1 \(NoSignature\)/);
  });
});

test('an image that is overridden by another name stays in reach of the policy, by labels that are overridden, too', async () => {
  const image = await signed('five/app:1');
  const evil = await pushImage(host, 'elsewhere/app:1', { content: 'evil' });
  const plaintext = [{ path: '/spec/template/spec/containers/0/image', operator: 'replace', value: evil.pinned }];
  await scene.override('five', ['five'], 'member2', { plaintext, labelsOverrider: [{ operator: 'remove', value: { tier: 'prod' } }] });
  await scene.propagate('five', ['five']);
  await policy('five', 'five/**', { workloads: { selector: { matchLabels: { tier: 'prod' } } } });
  await create('five', image.reference, { labels: { tier: 'prod' } });
  await scene.arrived('five', { member1: image.pinned, member2: evil.pinned });
  assert.equal((await scene.row('five', 'elsewhere/app', 'NoSignature')).clusters, 1);
});

test('templates that are created under a policy in force keep their claim and get their digest, every one', async () => {
  const image = await signed('six/app:1');
  const names = Array.from({ length: 12 }, (_, at) => `six-${at}`);
  await policy('six', 'six/**');
  await scene.propagate('six', names);
  await apply(fleet, ...names.map((name) => deployment(scene.namespace, name, [image.reference])));
  for (const name of names) await scene.arrived(name, { member1: image.pinned, member2: image.pinned });
  for (const name of names) {
    const { metadata } = await get(fleet, scene.namespace, 'deployment', name);
    assert.ok(metadata.labels['propagationpolicy.karmada.io/permanent-id'], name);
    assert.equal(metadata.annotations['propagationpolicy.karmada.io/name'], 'six');
    assert.match(metadata.annotations['assay.dev/tags'], /six\/app:1/);
  }
  await untilHolds('all templates in the status', async () => assert.equal((await status('six')).propagation[0].verified, 12));
});

test('what the template says reaches clusters under a Lazy policy with the pin, and a change of the policy waits for it', async () => {
  const image = await signed('seven/app:1');
  const lazy = { activationPreference: 'Lazy' };
  await scene.propagate('seven', ['seven'], ['member1'], lazy);
  await create('seven', image.reference);
  await scene.arrived('seven', { member1: image.reference });
  await scene.propagate('seven', ['seven'], clusterNames, lazy);
  await policy('seven', 'seven/**');
  // The pin is a change of the template as any other: it activates what waits.
  await scene.arrived('seven', { member1: image.pinned, member2: image.pinned });
  await untilHolds('both clusters', async () => assert.equal((await status('seven')).summary.clusters, 2));
});

test('a cluster that is being left is told of with what it goes on running', async () => {
  const [first, second] = [await signed('eight/app:1'), await pushImage(host, 'eight/app:2', { content: 'unsigned' })];
  await pushImage(host, 'eight/app:3', { content: 'third' });
  await scene.propagate('eight', ['eight']);
  await create('eight', second.reference);
  await policy('eight', 'eight/**');
  await scene.row('eight', 'eight/app:2', 'NoSignature');
  const eviction = [{ fromCluster: 'member2', reason: 'Test', producer: 'test', suppressDeletion: true }];
  await run(fleet, ['patch', 'resourcebindings.work.karmada.io', 'eight-deployment', '-n', scene.namespace, '--type=merge', '-p', JSON.stringify({ spec: { clusters: [{ name: 'member1' }], gracefulEvictionTasks: eviction } })]);
  await setImage(fleet, scene.namespace, 'eight', first.reference);
  await scene.arrived('eight', { member1: first.pinned });
  assert.equal(await scene.memberImage('member2', 'eight'), second.reference);
  await untilHolds('both images, each with its cluster', async () => {
    const { images } = await status('eight');
    assert.deepEqual(images.map((one: Any) => [one.image.split('/').at(-1).split('@')[0], one.result, one.clusters]), [['app:2', 'Failed', 1], ['app:1', 'Verified', 1]]);
  });
});

test('clusters that are added and removed come and go in the status', async () => {
  const image = await signed('nine/app:1');
  const summary = async (): Promise<number> => (await status('nine')).summary.clusters;
  await scene.propagate('nine', ['nine'], ['member1']);
  await policy('nine', 'nine/**');
  await create('nine', image.reference);
  await scene.arrived('nine', { member1: image.pinned });
  await untilHolds('one cluster', async () => assert.equal(await summary(), 1));
  await scene.propagate('nine', ['nine']);
  await untilHolds('two clusters', async () => assert.equal(await summary(), 2));
  await scene.propagate('nine', ['nine'], ['member2']);
  await untilHolds('one cluster again', async () => assert.equal(await summary(), 1));
});

test('a propagation policy that is deleted leaves the status, and its clusters keep what they run', async () => {
  const image = await signed('ten/app:1');
  await scene.propagate('ten', ['ten']);
  await policy('ten', 'ten/**');
  await create('ten', image.reference);
  await scene.arrived('ten', { member1: image.pinned, member2: image.pinned });
  await untilHolds('the propagation policy in the status', async () => assert.equal((await status('ten')).propagation.length, 1));
  await run(fleet, ['delete', 'propagationpolicies.policy.karmada.io', 'ten', '-n', scene.namespace]);
  await untilHolds('its absence', async () => {
    const { propagation, summary } = await status('ten');
    assert.deepEqual([propagation, summary.propagationPolicies, summary.clusters], [undefined, 0, 2]);
  });
});

test('a template that is made anew under its name is another one, and what clusters still run of the old one is no drop', async () => {
  const [first, second] = [await signed('eleven/app:1'), await signed('eleven/app:2')];
  await scene.propagate('eleven', ['eleven']);
  await policy('eleven', 'eleven/**');
  await create('eleven', first.reference);
  await scene.arrived('eleven', { member1: first.pinned, member2: first.pinned });
  await run(fleet, ['delete', 'deployment', 'eleven', '-n', scene.namespace]);
  await create('eleven', second.reference);
  await scene.arrived('eleven', { member1: second.pinned, member2: second.pinned });
  await untilHolds('the new image alone', async () => {
    const { images } = await status('eleven');
    assert.deepEqual(images.map((one: Any) => [one.digest, one.clusters]), [[second.digest, 2]]);
  });
  assert.equal((await eventReasons('Deployment', 'eleven')).includes('DigestDroppedByOverride'), false);
  assert.equal((await worksOf(fleet, scene.namespace, 'eleven')).size, 2);
});
