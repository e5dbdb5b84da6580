import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditWrites } from '../support/audit.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

// Two managers, one field: somebody else puts the tag back.
const USER = 'assay-contention';
const QUIET = 2500;
let scene: Scene;
let operator: Operator;
let one: PushedImage;
let two: PushedImage;

before(async () => {
  scene = await setScene('contention');
  const key = scene.world.key();
  [one, two] = await Promise.all([pushImage(scene.registry.host, 'acme/app:1.0'), pushImage(scene.registry.host, 'acme/app:2.0')]);
  for (const image of [one, two]) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'all', `${scene.registry.host}/acme/**`, key.key.pem));
  operator = await start();
});
after(() => scene?.stop());

const start = async (): Promise<Operator> => scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, USER) });
const read = (name: string): Promise<Any> => get(scene.cluster, scene.namespace, 'deployment', name);
const generation = async (name: string): Promise<number> => (await read(name)).metadata.generation;
const app = (name: string, image: PushedImage, annotations: Record<string, string> = {}): Any => deployment(scene.namespace, name, [image.reference], {}, { annotations });
const argo = (name: string, image: PushedImage): Any => app(name, image, { 'argocd.argoproj.io/tracking-id': `apps:apps/Deployment:${scene.namespace}/${name}` });
const pin = ({ repository, digest }: PushedImage): string => `${scene.registry.host}/${repository}@${digest}`;
/** Patches that were taken; one may lose against what the API server's own controllers write to a new Deployment. */
const pinsOf = (name: string): number => auditWrites(scene.cluster.auditLog, USER).filter((write) => write.resource === 'deployments' && write.name === name && write.code === 200).length;

/** As a reconciler does it: the whole object, by server-side apply, whoever else wrote it. */
async function reconcileBack(object: Any, manager: string): Promise<void> {
  await run(scene.cluster, ['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], JSON.stringify(object));
}

async function contested(name: string, says: RegExp): Promise<void> {
  const event = await eventually(`the event about ${name}`, async () => (await scene.events('Deployment', name)).find((found) => found.reason === 'PinContested'), () => operator.process.tail(8));
  assert.equal(event.type, 'Warning');
  assert.match(event.note, says);
  await sleep(QUIET);
}

test('a reconciler that puts the tag back is told of before the pin, and given way to at its first revert', async () => {
  const object = argo('argo', one);
  await reconcileBack(object, 'argocd-controller');
  await scene.pinned('argo');
  await reconcileBack(object, 'argocd-controller');
  await contested('argo', /^Argo CD puts back .*assay pin/);
  // Created, pinned, put back: there is no third rollout.
  assert.deepEqual([await scene.image('argo'), await generation('argo'), pinsOf('argo')], [one.reference, 3, 1]);
  const reasons = (await scene.events('Deployment', 'argo')).map((event) => event.reason);
  assert.ok(reasons.includes('OtherManager'), String(reasons));
  const condition = await scene.condition('all', 'Pinned', 'False', 'PinContested');
  assert.match(condition.message, /Deployment .*\/argo: Argo CD puts back/);
  assert.equal(await operator.metric('assay_workloads{state="contested"}'), 1);
});

test('an operator that starts into the quarrel does not begin it anew, and writes no status', async () => {
  await operator.stop();
  const { metadata } = await scene.policy('all');
  operator = await start();
  await eventually('the workload to be judged', async () => (await operator.metric('assay_workloads{state="contested"}')) === 1);
  await sleep(QUIET);
  assert.deepEqual([await scene.image('argo'), await generation('argo'), pinsOf('argo')], [one.reference, 3, 1]);
  assert.equal((await scene.policy('all')).metadata.resourceVersion, metadata.resourceVersion);
});

test('a new tag is a new intention', async () => {
  await reconcileBack(argo('argo', two), 'argocd-controller');
  assert.equal(await scene.pinned('argo'), pin(two));
  await eventually('the quarrel to be over', async () => (await operator.metric('assay_workloads{state="contested"}')) === 0);
  await scene.condition('all', 'Pinned', 'True');
});

test('a reconciler that only its field manager gives away is given way to at its first revert as well', async () => {
  const object = app('flux', one);
  await reconcileBack(object, 'kustomize-controller');
  await scene.pinned('flux');
  await reconcileBack(object, 'kustomize-controller');
  await contested('flux', /^Flux puts back/);
  assert.deepEqual([await generation('flux'), pinsOf('flux')], [3, 1]);
});

test('whoever applies the same file again is given way to at the third time, by the name of the field manager', async () => {
  const object = app('person', one);
  await apply(scene.cluster, object);
  for (let time = 0; time < 3; time += 1) {
    await scene.pinned('person');
    await apply(scene.cluster, object);
  }
  await contested('person', /^field manager kubectl-client-side-apply puts back/);
  // Created, then three times pinned and put back.
  assert.deepEqual([await scene.image('person'), await generation('person'), pinsOf('person')], [one.reference, 7, 3]);
});

test('another edit of the pod beside the tag that is put back is a rollout anyway, and no revert', async () => {
  const object = app('edited', one);
  for (let time = 0; time < 5; time += 1) {
    object.spec.template.spec.terminationGracePeriodSeconds = 10 + time;
    await apply(scene.cluster, object);
    await eventually('the pin', async () => (await generation('edited')) === 2 * (time + 1));
  }
  assert.equal(await scene.image('edited'), pin(one));
});

test('a workload that leaves the scope of a policy leaves its status, and comes back with its label', async () => {
  const { spec } = await scene.policy('all');
  const labelled = { ...keyedPolicy(scene.namespace, 'labelled', '', ''), spec: { ...spec, workloads: { selector: { matchLabels: { team: 'a' } } } } };
  await apply(scene.cluster, labelled, { ...app('labelled', one), metadata: { ...app('labelled', one).metadata, labels: { team: 'a' } } });
  const workloads = (count: number): Promise<true> => eventually(`${count} in the status`, async () => (await scene.policy('labelled')).status?.summary?.workloads === count || undefined);
  await scene.pinned('labelled');
  await workloads(1);
  await run(scene.cluster, ['label', 'deployment/labelled', 'team=b', '--overwrite', '-n', scene.namespace]);
  await workloads(0);
  await scene.condition('labelled', 'Verified', 'Unknown', 'NoImages');
  await run(scene.cluster, ['label', 'deployment/labelled', 'team=a', '--overwrite', '-n', scene.namespace]);
  await workloads(1);
});
