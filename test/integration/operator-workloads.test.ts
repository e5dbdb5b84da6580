import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { auditWrites } from '../support/audit.ts';
import { startGate } from '../support/gate.ts';
import { type Any, apply, deployment, get, keyedPolicy, list, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage, pushIndex } from '../support/sigstore/push.ts';

const USER = 'assay-workloads';
let scene: Scene;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;
let signed: PushedImage;
let second: PushedImage;
let unsigned: PushedImage;

before(async () => {
  scene = await setScene('workloads');
  key = scene.world.key();
  const host = scene.registry.host;
  [signed, second, unsigned] = await Promise.all([pushImage(host, 'acme/app:1.0'), pushIndex(host, 'acme/side:2.0'), pushImage(host, 'acme/unsigned:1.0')]);
  for (const image of [signed, second]) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'all', `${host}/acme/**`, key.key.pem));
  operator = await scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, USER) });
});
after(() => scene?.stop());

const pin = (image: PushedImage): string => `${image.reference.replace(/:[^:/]*$/, '')}@${image.digest}`;
const read = (kind: string, name: string): Promise<Any> => get(scene.cluster, scene.namespace, kind, name);

/** What is left of an object when what a pin may change, and what the server counts by itself, is taken out. */
function rest(object: Any, pointers: readonly string[]): Any {
  const copy = structuredClone(object);
  for (const pointer of pointers) {
    const path = pointer.split('/').slice(1);
    const last = path.pop() ?? '';
    path.reduce((value, part) => value[part], copy)[last] = 'IMAGE';
  }
  delete copy.metadata.annotations['assay.dev/tags'];
  for (const field of ['resourceVersion', 'generation', 'managedFields']) delete copy.metadata[field];
  delete copy.status;
  return copy;
}

test('every kind of image field of a Deployment is pinned by one patch that changes nothing else, with exactly one rollout', async () => {
  const pod = {
    initContainers: [{ name: 'init', image: second.reference }, { name: 'sidecar', image: signed.reference, restartPolicy: 'Always' }],
    volumes: [{ name: 'models', image: { reference: second.reference } }],
  };
  const annotations = { 'example.com/kept': 'yes', 'deployment.kubernetes.io/revision': '1' };
  const manifest = deployment(scene.namespace, 'whole', [signed.reference, second.reference], pod, { annotations });
  manifest.spec.paused = true;
  // As the API server stored it: a look afterwards could find it pinned already.
  const before_ = JSON.parse(await run(scene.cluster, ['create', '-f', '-', '-o', 'json'], JSON.stringify(manifest)));
  await scene.pinned('whole');
  const object = await read('deployment', 'whole');
  const spec = object.spec.template.spec;
  assert.deepEqual(
    [...spec.initContainers, ...spec.containers].map((one: Any) => one.image).concat(spec.volumes[0].image.reference),
    [pin(second), pin(signed), pin(signed), pin(second), pin(second)],
  );
  const tag = (image: PushedImage): object => ({ ref: image.reference, digest: image.digest });
  assert.deepEqual(JSON.parse(object.metadata.annotations['assay.dev/tags']), {
    c0: tag(signed), c1: tag(second), init: tag(second), sidecar: tag(signed), 'volumes/models': tag(second),
  });
  const at = '/spec/template/spec';
  const pointers = [`${at}/containers/0/image`, `${at}/containers/1/image`, `${at}/initContainers/0/image`, `${at}/initContainers/1/image`, `${at}/volumes/0/image/reference`];
  assert.deepEqual(rest(object, pointers), rest(before_, pointers));
  assert.equal(object.metadata.generation, before_.metadata.generation + 1);
  assert.equal(auditWrites(scene.cluster.auditLog, USER).filter((one) => one.resource === 'deployments' && one.name === 'whole').length, 1);
});

test('a pin is exactly one rollout', async () => {
  await apply(scene.cluster, deployment(scene.namespace, 'rollout', [signed.reference, second.reference]));
  await scene.pinned('rollout');
  const sets = await eventually('both ReplicaSets', async () => {
    const found = await list(scene.cluster, scene.namespace, 'replicaset', 'app=rollout');
    return found.length >= 2 ? found : undefined;
  });
  await run(scene.cluster, ['annotate', 'iv', 'all', '-n', scene.namespace, '--overwrite', 'assay.dev/requestedAt=rollout']);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(sets.length, 2);
  assert.equal((await list(scene.cluster, scene.namespace, 'replicaset', 'app=rollout')).length, 2);
});

test('one image that fails keeps its whole workload as it is; an ungoverned one does not', async () => {
  await apply(scene.cluster, deployment(scene.namespace, 'mixed', [signed.reference, unsigned.reference]));
  await apply(scene.cluster, deployment(scene.namespace, 'beside', [signed.reference, 'registry.example/free:1']));
  assert.equal(await scene.pinned('beside'), pin(signed));
  assert.equal(await scene.image('beside', 1), 'registry.example/free:1');
  await scene.row('all', unsigned.reference, 'NoSignature');
  assert.deepEqual([await scene.image('mixed'), await scene.image('mixed', 1)], [signed.reference, unsigned.reference]);
});

const labels = { app: 'kinds' };
const template = (name: string): Any => ({ metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c0', image: signed.reference }] } });
const selector = (name: string): Any => ({ selector: { matchLabels: { app: name } } });
const job = (): Any => ({ ...template('kinds'), spec: { ...template('kinds').spec, restartPolicy: 'Never' } });
const kinds: Record<string, { apiVersion: string; spec: () => Any; image: (object: Any) => string; pinned: boolean }> = {
  StatefulSet: { apiVersion: 'apps/v1', spec: () => ({ ...selector('sts'), serviceName: 'x', template: template('sts') }), image: (one) => one.spec.template.spec.containers[0].image, pinned: true },
  DaemonSet: { apiVersion: 'apps/v1', spec: () => ({ ...selector('ds'), template: template('ds') }), image: (one) => one.spec.template.spec.containers[0].image, pinned: true },
  CronJob: { apiVersion: 'batch/v1', spec: () => ({ schedule: '0 0 1 1 *', jobTemplate: { spec: { template: job() } } }), image: (one) => one.spec.jobTemplate.spec.template.spec.containers[0].image, pinned: true },
  ReplicaSet: { apiVersion: 'apps/v1', spec: () => ({ ...selector('rs'), template: template('rs') }), image: (one) => one.spec.template.spec.containers[0].image, pinned: true },
  ReplicationController: { apiVersion: 'v1', spec: () => ({ selector: labels, template: template('kinds') }), image: (one) => one.spec.template.spec.containers[0].image, pinned: true },
  Pod: { apiVersion: 'v1', spec: () => template('pod').spec, image: (one) => one.spec.containers[0].image, pinned: true },
  Job: { apiVersion: 'batch/v1', spec: () => ({ template: job() }), image: (one) => one.spec.template.spec.containers[0].image, pinned: false },
};
for (const [kind, { apiVersion, spec, image, pinned }] of Object.entries(kinds)) {
  test(`a ${kind} of its own is ${pinned ? 'pinned' : 'verified, and reported as NotPatchable'}`, async () => {
    const name = `kind-${kind.toLowerCase()}`;
    await apply(scene.cluster, { apiVersion, kind, metadata: { namespace: scene.namespace, name }, spec: spec() });
    if (pinned) {
      await eventually(`the pin of ${kind}`, async () => image(await read(kind, name)) === pin(signed), () => operator.process.tail(8));
      return;
    }
    const event = await eventually('the event', async () => (await scene.events(kind, name)).find((one) => one.reason === 'NotPatchable'));
    assert.match(event.note, /lets nobody change/);
    assert.equal(image(await read(kind, name)), signed.reference);
  });
}

test('what a Deployment owns is left to it, but an ephemeral container of its Pod is verified', async () => {
  await apply(scene.cluster, deployment(scene.namespace, 'owner', ['registry.example/free:1']));
  const pod = await eventually('its Pod', async () => (await list(scene.cluster, scene.namespace, 'pods', 'app=owner'))[0]);
  const patch = JSON.stringify({ spec: { ephemeralContainers: [{ name: 'debug', image: unsigned.reference }] } });
  await run(scene.cluster, ['patch', 'pod', pod.metadata.name, '-n', scene.namespace, '--subresource=ephemeralcontainers', '--type=strategic', '-p', patch]);
  const event = await eventually('the event', async () => (await scene.events('Pod', pod.metadata.name)).find((one) => one.reason === 'NoSignature'));
  assert.match(event.note, /\(debug\)/);
  const touched = auditWrites(scene.cluster.auditLog, USER).filter((one) => one.resource === 'pods' && one.name === pod.metadata.name);
  assert.deepEqual(touched, []);
});

test('a workload that is deleted while it is judged is not written to, and leaves no trace in the status', async () => {
  const own = await setScene('gated');
  const gate = await startGate(scene.registry.host);
  try {
    await own.start({ registries: [gate.host] });
    gate.close();
    const image = signed.reference.replace(scene.registry.host, gate.host);
    await apply(own.cluster, keyedPolicy(own.namespace, 'gated', `${gate.host}/acme/**`, key.key.pem), deployment(own.namespace, 'gated', [image]));
    await eventually('the judgement to wait for the registry', () => gate.waiting() > 0);
    await run(own.cluster, ['delete', 'deployment', 'gated', '-n', own.namespace]);
    gate.open();
    await own.condition('gated', 'Verified', 'Unknown', 'NoImages');
    assert.equal((await own.policy('gated')).status.summary.workloads, 0);
  } finally {
    gate.open();
    await own.stop();
    await gate.stop();
  }
});

test('CVE-2023-34091: a Deployment that is deleted, and kept by a finalizer, is told of with what it is changed to, and is not written to', async () => {
  const name = 'lingering';
  const bad = await pushImage(scene.registry.host, 'acme/lingering:1.0');
  await apply(scene.cluster, deployment(scene.namespace, name, [signed.reference], {}, { finalizers: ['example.com/keep'] }));
  await scene.pinned(name);
  await run(scene.cluster, ['delete', 'deployment', name, '-n', scene.namespace, '--wait=false']);
  await run(scene.cluster, ['set', 'image', `deployment/${name}`, `c0=${bad.reference}`, '-n', scene.namespace]);
  const row = await scene.row('all', 'acme/lingering', 'NoSignature');
  assert.ok(row.workloads.examples.includes(`${scene.namespace}/${name}`), JSON.stringify(row));
  await run(scene.cluster, ['set', 'image', `deployment/${name}`, `c0=${signed.reference}`, '-n', scene.namespace]);
  await eventually('the judgement of the signed image', async () => !(await scene.policy('all')).status.images.some((one: Any) => one.image.includes('acme/lingering')));
  assert.equal((await read('deployment', name)).spec.template.spec.containers[0].image, signed.reference);
  await run(scene.cluster, ['patch', 'deployment', name, '-n', scene.namespace, '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']);
  const shown = async (): Promise<boolean> => (await scene.policy('all')).status.images.some((one: Any) => one.workloads.examples.includes(`${scene.namespace}/${name}`));
  await eventually('the end of it in the status', async () => !(await shown()));
});

test('a second look writes nothing: not the operator that runs, not one that starts afresh', async () => {
  await eventually('quiet', async () => {
    const since = Date.now() - 3000;
    return auditWrites(scene.cluster.auditLog, USER, since).length === 0;
  });
  await operator.stop();
  const restarted = Date.now();
  operator = await scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, USER) });
  await eventually('every workload judged', async () => ((await operator.metric('assay_workloads{state="pinned"}')) ?? 0) >= 8);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const writes = auditWrites(scene.cluster.auditLog, USER, restarted).filter((one) => one.resource !== 'events');
  const objects = writes.filter((one) => !one.resource.endsWith('/status'));
  assert.deepEqual(objects, []);
});
