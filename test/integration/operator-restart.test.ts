import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Any, apply, deployment, keyedPolicy, list } from '../support/installation.ts';
import { eventually } from '../support/operator.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

const KILLS = 10;
const WORKLOADS = 60;
let scene: Scene;

before(async () => {
  scene = await setScene('restart');
});
after(() => scene?.stop());

/** A generator of the test's own, so that a failing run can be repeated with its seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test(`killed with SIGKILL at ${KILLS} random moments under load, it comes to the same end state with no further rollout`, async (context) => {
  const seed = Date.now() % 100_000;
  context.diagnostic(`seed ${seed}`);
  const random = randomOf(seed);
  const key = scene.world.key();
  const host = scene.registry.host;
  const images = await Promise.all(Array.from({ length: 6 }, (_, index) => pushImage(host, `load/app${index}:1.0`)));
  for (const image of images.slice(0, 5)) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'load', `${host}/load/**`, key.key.pem));
  const pick = (index: number): PushedImage => images[index % images.length] as PushedImage;
  const names = Array.from({ length: WORKLOADS }, (_, index) => `w${index}`);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const operator = await scene.start({ ready: false });
    const batch = names.slice(kill * 6, kill * 6 + 6).map((name, index) => deployment(scene.namespace, name, [pick(kill * 6 + index).reference], { terminationGracePeriodSeconds: 1 }));
    await Promise.all([apply(scene.cluster, ...batch), new Promise((resolve) => setTimeout(resolve, 200 + random() * 1500))]);
    await operator.stop('SIGKILL');
  }
  const last = await scene.start();
  const wanted = names.filter((_, index) => index % images.length !== 5);
  const found = await eventually('every pin', async () => {
    const all = await list(scene.cluster, scene.namespace, 'deployments');
    return all.filter((one) => imageOf(one).includes('@sha256:')).length === wanted.length ? all : undefined;
  }, () => last.process.tail(8), 60);
  for (const [index, name] of names.entries()) {
    const object = found.find((one: Any) => one.metadata.name === name);
    const image = pick(index);
    const signed = index % images.length !== 5;
    assert.equal(imageOf(object), signed ? `${image.reference.replace(/:1\.0$/, '')}@${image.digest}` : image.reference, name);
    // The spec was written once by whoever applied it, and once by the pin: never again.
    assert.equal(object.metadata.generation, signed ? 2 : 1, name);
  }
  await eventually('the rollouts', async () => (await list(scene.cluster, scene.namespace, 'deployments')).every((one) => one.status?.observedGeneration === one.metadata.generation));
  const sets = await list(scene.cluster, scene.namespace, 'replicasets');
  for (const [index, name] of names.entries()) {
    // One for the tag, unless the pin came before the controller looked, and one for the digest.
    const count = sets.filter((one) => one.metadata.labels.app === name).length;
    assert.ok(count <= (index % images.length === 5 ? 1 : 2), `${name} had ${count} rollouts`);
  }
  const { status } = await eventually('the status', async () => {
    const object = await scene.policy('load');
    return object.status?.summary?.pinned === wanted.length ? object : undefined;
  });
  assert.equal(status.summary.workloads, WORKLOADS);
});

function imageOf(object: Any): string {
  return object.spec.template.spec.containers[0].image;
}
