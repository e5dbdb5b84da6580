import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, auditWrites } from '../support/audit.ts';
import { type Bulk, connectBulk } from '../support/bulk.ts';
import { type Gate, startGate } from '../support/gate.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

// Others who write at the same time: people, controllers, admission, policies, a second operator, a signal.
const USER = 'assay-rivals';
let scene: Scene;
let gate: Gate;
let bulk: Bulk;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;
let one: PushedImage;
let two: PushedImage;

before(async () => {
  scene = await setScene('rivals');
  [gate, bulk] = [await startGate(scene.registry.host), connectBulk(scene.cluster.adminKubeconfig)];
  key = scene.world.key();
  [one, two] = await Promise.all([pushSigned('rivals/one'), pushSigned('rivals/two')]);
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'rivals', `${gate.host}/rivals/**`, key.key.pem));
  operator = await start(USER);
});
after(async () => {
  gate?.open();
  await scene?.stop();
  await bulk?.close();
  await gate?.stop();
});

async function pushSigned(name: string): Promise<PushedImage> {
  const image = await pushImage(scene.registry.host, `${name}:1.0`);
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  return image;
}
const start = async (user: string): Promise<Operator> => scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, user), registries: [gate.host], args: ['--log-level=info'] });
/** The image by the gate's name, and how it is pinned. */
const tag = ({ reference }: PushedImage): string => reference.replace(scene.registry.host, gate.host);
const pin = ({ repository, digest }: PushedImage): string => `${gate.host}/${repository}@${digest}`;
const patchesOf = (user: string, name: string): AuditEvent[] => auditWrites(scene.cluster.auditLog, user).filter((write) => write.resource === 'deployments' && write.name === name);
const codesOf = (name: string): number[] => patchesOf(USER, name).map(({ code }) => code);
const read = (name: string): Promise<Any> => get(scene.cluster, scene.namespace, 'deployment', name);
const imagesOf = (object: Any): string[] => object.spec.template.spec.containers.map((container: Any) => container.image);

// With annotations from the beginning, so that no annotation that comes later is what keeps a patch from fitting.
const ANNOTATED = { annotations: { 'example.com/a': 'b' } };

/** Has somebody do something while the operator waits for the registry's answer about a Deployment, and waits for the pin of its first container. */
async function meanwhile(name: string, images: readonly string[], act: () => Promise<unknown>, pinned: string, metadata: object = ANNOTATED): Promise<Any> {
  gate.close();
  try {
    await bulk.create([deployment(scene.namespace, name, images, {}, metadata)]);
    await eventually('the judgement to wait for the registry', () => gate.waiting() > 0);
    await act();
  } finally {
    gate.open();
  }
  return eventually(`${pinned} in ${name}`, async () => {
    const object = await read(name);
    return imagesOf(object)[0] === pinned ? object : undefined;
  }, async () => JSON.stringify([imagesOf(await read(name)), operator.process.tail(4)]));
}

test('what a controller writes beside the images while they are judged does not get in the way: one patch, taken at once', async () => {
  const revision = (): Promise<unknown> => eventually('the revision', async () => (await read('beside')).metadata.annotations?.['deployment.kubernetes.io/revision']);
  await meanwhile('beside', [tag(one)], revision, pin(one), {});
  assert.deepEqual(codesOf('beside'), [200]);
});

test("an image that a user changes at the moment of the pin: the user's edit wins, and is judged afresh", async () => {
  const object = await meanwhile('edited', [tag(one)], () => run(scene.cluster, ['set', 'image', 'deployment/edited', `c0=${tag(two)}`, '-n', scene.namespace]), pin(two));
  // Created, edited, pinned: what was judged first was never written.
  assert.equal(object.metadata.generation, 3);
  assert.deepEqual(codesOf('edited').filter((code) => code === 200), [200]);
});

test('containers that change places at the moment of the pin do not get their neighbour’s digest', async () => {
  const swap = async (): Promise<unknown> => {
    const containers = [{ name: 'c1', image: tag(two) }, { name: 'c0', image: tag(one) }];
    return run(scene.cluster, ['patch', 'deployment', 'swapped', '-n', scene.namespace, '--type=json', '-p', JSON.stringify([{ op: 'replace', path: '/spec/template/spec/containers', value: containers }])]);
  };
  const object = await meanwhile('swapped', [tag(one), tag(two)], swap, pin(two));
  assert.deepEqual(object.spec.template.spec.containers.map(({ name, image }: Any) => [name, image]), [['c1', pin(two)], ['c0', pin(one)]]);
});

test('a workload that is deleted and made again under its name at the moment of the pin is judged as the new one that it is', async () => {
  const governed = { 'example.com/governed': 'yes' };
  const { metadata, spec, ...rest } = keyedPolicy(scene.namespace, 'renewed', `${gate.host}/renewed/**`, key.key.pem);
  await apply(scene.cluster, { ...rest, metadata, spec: { ...spec, workloads: { selector: { matchLabels: governed } } } });
  const image = await pushSigned('renewed/app');
  gate.close();
  try {
    await bulk.create([deployment(scene.namespace, 'renewed', [tag(image)], {}, { ...ANNOTATED, labels: governed })]);
    await eventually('the judgement to wait for the registry', () => gate.waiting() > 0);
    await bulk.remove(scene.namespace, ['renewed']);
    await eventually('it to be gone', async () => (await scene.cluster.kubectl(['get', 'deployment', 'renewed', '-n', scene.namespace])).code !== 0);
    await bulk.create([deployment(scene.namespace, 'renewed', [tag(image)], {}, ANNOTATED)]);
  } finally {
    gate.open();
  }
  await eventually('the patch of the old one to be refused', () => codesOf('renewed').length > 0);
  await scene.condition('renewed', 'Verified', 'Unknown', 'NoImages');
  assert.deepEqual([codesOf('renewed'), imagesOf(await read('renewed'))], [[422], [tag(image)]]);
});

const revised: Record<string, (name: string) => Promise<unknown>> = {
  'edited so that it trusts somebody else': (name) => run(scene.cluster, ['patch', 'iv', name, '-n', scene.namespace, '--type=merge', '-p', JSON.stringify({ spec: { authorities: [{ name: 'release-key', key: { data: scene.world.key().key.pem } }] } })]),
  'told to pin nothing': (name) => run(scene.cluster, ['patch', 'iv', name, '-n', scene.namespace, '--type=merge', '-p', '{"spec":{"pin":{"mode":"Never"}}}']),
  'deleted': (name) => run(scene.cluster, ['delete', 'iv', name, '-n', scene.namespace]),
};
for (const [index, [how, revise]] of Object.entries(revised).entries()) {
  test(`a policy that is ${how} while an image is judged under it: nothing is written that it does not allow any more`, async () => {
    const name = `revised-${index}`;
    const image = await pushSigned(`${name}/app`);
    await apply(scene.cluster, keyedPolicy(scene.namespace, name, `${gate.host}/${name}/**`, key.key.pem));
    const looks = async (): Promise<number> => (await operator.metric('controller_runtime_reconcile_total{controller="policy",result="success"}')) ?? 0;
    gate.close();
    try {
      await bulk.create([deployment(scene.namespace, name, [tag(image)], {}, ANNOTATED)]);
      await eventually('the judgement to wait for the registry', () => gate.waiting() > 0);
      const before_ = await looks();
      await revise(name);
      await eventually('the operator to know', async () => (await looks()) > before_);
    } finally {
      gate.open();
    }
    await eventually('quiet', () => auditWrites(scene.cluster.auditLog, USER, Date.now() - 1500).length === 0);
    assert.deepEqual([codesOf(name), imagesOf(await read(name))], [[], [tag(image)]]);
  });
}

test('admission that refuses the pin is told once as PatchForbidden, on the workload and in the status, and not asked in a tight loop', async () => {
  const name = `no-digests-${scene.namespace}`;
  const admission = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name } };
  await apply(
    scene.cluster,
    {
      ...admission,
      kind: 'ValidatingAdmissionPolicy',
      spec: {
        matchConstraints: { resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }] },
        validations: [{ expression: "object.spec.template.spec.containers.all(c, !c.image.contains('@'))", message: 'digests are not readable to us' }],
      },
    },
    { ...admission, kind: 'ValidatingAdmissionPolicyBinding', spec: { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': scene.namespace } } } } },
  );
  try {
    await eventually('the admission policy to be in force', async () => {
      const probe = deployment(scene.namespace, 'probe', [pin(one)]);
      return (await scene.cluster.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(probe))).code !== 0;
    });
    await bulk.create([deployment(scene.namespace, 'denied', [tag(one)])]);
    const event = await eventually('the event', async () => (await scene.events('Deployment', 'denied')).find(({ reason }) => reason === 'PatchForbidden'));
    assert.equal(event.type, 'Warning');
    assert.match(event.note, /digests are not readable to us/);
    await scene.condition('rivals', 'Pinned', 'False', 'PatchForbidden');
    await sleep(10_000);
    const patches = codesOf('denied').length;
    assert.ok(patches >= 2 && patches <= 5, `${patches} patches in 10 s`);
    assert.equal((await scene.events('Deployment', 'denied')).filter(({ reason }) => reason === 'PatchForbidden').length, 1);
    assert.deepEqual(imagesOf(await read('denied')), [tag(one)]);
  } finally {
    await run(scene.cluster, ['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', name]);
  }
  // Nothing in the workload changes: the pin must come by itself.
  await eventually('the pin once it is allowed', async () => imagesOf(await read('denied'))[0] === pin(one), () => operator.process.tail(4), 60);
});
