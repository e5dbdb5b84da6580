import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindNames, KINDS, projectWorkload, resourceFor, sameWorkload, splitWorkloadKey, workloadKey, type WorkloadObject } from '../../../src/controllers/workload-object.ts';
import { imageManager, writerOf } from '../../../src/controllers/writers.ts';
import type { KubeObject, ManagedFields, ObjectMeta } from '../../../src/kube/object.ts';

const META: ObjectMeta = { namespace: 'web', name: 'api', uid: 'u1', resourceVersion: '7' };
const POD = { containers: [{ name: 'c0', image: 'app:1', env: [{ name: 'A', value: '1' }] }] };

function project(kind: string, podSpec: unknown, metadata: Partial<ObjectMeta> = {}): WorkloadObject | undefined {
  const found = KINDS.get(kind);
  assert.ok(found?.images.type === 'PodSpec');
  const object = found.images.path.toReversed().reduce<unknown>((inner, part) => ({ [part]: inner }), podSpec);
  return projectWorkload(found, { ...(object as object), metadata: { ...META, ...metadata } } satisfies KubeObject);
}

const deployment = (podSpec: unknown = POD, metadata: Partial<ObjectMeta> = {}): WorkloadObject => {
  const found = project('Deployment', podSpec, metadata);
  assert.ok(found !== undefined);
  return found;
};

test('a workload is known by kind, namespace and name', () => {
  assert.equal(workloadKey(deployment()), 'Deployment/web/api');
  assert.deepEqual(splitWorkloadKey('Deployment/web/api'), { kind: 'Deployment', namespace: 'web', name: 'api' });
});

for (const [kind, pointer] of Object.entries({ Deployment: '/spec/template/spec', CronJob: '/spec/jobTemplate/spec/template/spec', Pod: '/spec' })) {
  test(`the images of a ${kind} are found where it keeps them`, () => {
    assert.deepEqual(project(kind, POD)?.images.map((image) => image.pointer), [`${pointer}/containers/0/image`]);
  });
}

const controller = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'api-1', uid: 'o', controller: true }];
const debugged = { ...POD, ephemeralContainers: [{ name: 'debug', image: 'tools:1' }] };
const owned: Record<string, { kind: string; podSpec?: unknown; owners?: ObjectMeta['ownerReferences']; images: readonly string[] | undefined }> = {
  'an owned Pod is looked at through its owner': { kind: 'Pod', owners: controller, images: undefined },
  'but for its ephemeral containers, which are its own': { kind: 'Pod', podSpec: debugged, owners: controller, images: ['tools:1'] },
  'an owner that is no controller does not answer for it': { kind: 'Pod', owners: controller.map((owner) => ({ ...owner, controller: false })), images: ['app:1'] },
  'a Pod of its own answers for everything': { kind: 'Pod', podSpec: debugged, images: ['app:1', 'tools:1'] },
  'an owned ReplicaSet is looked at through its owner': { kind: 'ReplicaSet', owners: controller, images: undefined },
  'an owned Job is looked at through its owner': { kind: 'Job', owners: controller, images: undefined },
  'a Deployment that something owns is still its own': { kind: 'Deployment', owners: controller, images: ['app:1'] },
};
for (const [sentence, { kind, podSpec = POD, owners = [], images }] of Object.entries(owned)) {
  test(sentence, () => assert.deepEqual(project(kind, podSpec, { ownerReferences: owners })?.images.map(({ image }) => image), images));
}

const projections: Record<string, { object: WorkloadObject; is: Partial<WorkloadObject> }> = {
  'pull secrets and service account are those of its pods': { object: deployment({ ...POD, imagePullSecrets: [{ name: 'a' }, {}, { name: 'b' }], serviceAccountName: 'builder' }), is: { pullSecrets: ['a', 'b'], serviceAccount: 'builder' } },
  'without a service account it is the default one': { object: deployment(), is: { pullSecrets: [], serviceAccount: 'default' } },
  'one that is being deleted is known as such': { object: deployment(POD, { deletionTimestamp: '2026-01-01T00:00:00Z' }), is: { deleting: true } },
  'whether there are annotations at all is known': { object: deployment(POD, { annotations: { x: 'y' } }), is: { hasAnnotations: true } },
  'our own annotation is kept': { object: deployment(POD, { annotations: { 'assay.dev/tags': '{}' } }), is: { tags: '{}' } },
  'a reconciler gives itself away': { object: deployment(POD, { annotations: { 'argocd.argoproj.io/tracking-id': 'app' } }), is: { writer: 'Argo CD' } },
  'a pod spec that is none has no images': { object: deployment('what'), is: { images: [], pullSecrets: [] } },
};
for (const [sentence, { object, is }] of Object.entries(projections)) {
  test(sentence, () => assert.deepEqual({ ...object, ...is }, object));
}

test('what is kept of a workload is less than a kilobyte', () => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(20_000) };
  assert.ok(JSON.stringify(deployment({ ...POD, volumes: [{ name: 'v', configMap: { name: 'x'.repeat(200) } }] }, { annotations })).length < 1024);
});

const container = (change: object): unknown => ({ containers: [{ ...POD.containers[0], ...change }] });
const changes: Record<string, { object: WorkloadObject; same: boolean }> = {
  'another version alone': { object: deployment(POD, { resourceVersion: '8' }), same: true },
  'an annotation of somebody else beside others': { object: deployment(POD, { annotations: { a: '2' } }), same: true },
  'the first annotation of somebody else': { object: deployment(POD, { annotations: { 'deployment.kubernetes.io/revision': '1' } }), same: true },
  'another image': { object: deployment(container({ image: 'app:2' })), same: false },
  'another pod spec': { object: deployment(container({ env: [] })), same: false },
  'another label': { object: deployment(POD, { labels: { a: '1' } }), same: false },
  'another uid': { object: deployment(POD, { uid: 'u2' }), same: false },
  'being deleted': { object: deployment(POD, { deletionTimestamp: '2026-01-01T00:00:00Z' }), same: false },
};
for (const [what, { object, same }] of Object.entries(changes)) {
  test(`${what} ${same ? 'decides nothing' : 'is looked at'}`, () => {
    assert.equal(sameWorkload(deployment(), object), same);
  });
}

test('the order of labels does not matter', () => {
  assert.ok(sameWorkload(deployment(POD, { labels: { a: '1', b: '2' } }), deployment(POD, { labels: { b: '2', a: '1' } })));
});

const volumes = (reference: string): unknown => ({ ...POD, volumes: [{ name: 'm', image: { reference } }, { name: 'c', configMap: { name: 'c' } }] });
test('the pod spec is told apart but for its images', () => {
  const { specHash } = deployment();
  assert.match(specHash, /^[0-9a-f]{17}$/);
  assert.equal(deployment(container({ image: 'app:2' })).specHash, specHash);
  assert.equal(deployment(volumes('a:1')).specHash, deployment(volumes('a:2')).specHash);
  assert.notEqual(deployment(container({ command: ['x'] })).specHash, specHash);
  assert.notEqual(deployment(volumes('a:1')).specHash, specHash);
});

const writers: Record<string, { args: Parameters<typeof writerOf>; writer: string | undefined }> = {
  'Argo CD by its tracking id': { args: [{}, { 'argocd.argoproj.io/tracking-id': 'x' }], writer: 'Argo CD' },
  'Argo CD by its instance label': { args: [{ 'argocd.argoproj.io/instance': 'x' }], writer: 'Argo CD' },
  'Flux by its kustomization': { args: [{ 'kustomize.toolkit.fluxcd.io/name': 'x' }], writer: 'Flux' },
  'Flux by its Helm release, though Helm annotates too': { args: [{ 'helm.toolkit.fluxcd.io/name': 'x' }, { 'meta.helm.sh/release-name': 'x' }], writer: 'Flux' },
  'Helm by its release': { args: [{}, { 'meta.helm.sh/release-name': 'x' }], writer: 'Helm' },
  'Argo CD by its field manager': { args: [{}, {}, 'argocd-controller'], writer: 'Argo CD' },
  'Flux by its field manager': { args: [{}, {}, 'kustomize-controller'], writer: 'Flux' },
  'nobody by another field manager': { args: [{}, {}, 'kubectl-edit'], writer: undefined },
  'nobody by other labels': { args: [{ app: 'x', constructor: 'x' }], writer: undefined },
};
for (const [who, { args, writer }] of Object.entries(writers)) {
  test(`a workload tells of ${who}`, () => assert.equal(writerOf(...args), writer));
}

const owns = (field: object): unknown => ({ 'f:spec': { 'f:template': { 'f:spec': field } } });
const image = owns({ 'f:containers': { 'k:{"name":"c0"}': { '.': {}, 'f:image': {} } } });
const entry = (manager: string, fieldsV1: unknown, override: Partial<ManagedFields> = {}): ManagedFields => ({ manager, operation: 'Update', time: '2026-01-01T00:00:00Z', fieldsV1, ...override });
const managers: Record<string, { fields: readonly ManagedFields[]; manager: string | undefined }> = {
  'who owns an image wrote it': { fields: [entry('kubectl', image)], manager: 'kubectl' },
  'who owns something else did not': { fields: [entry('hpa', owns({ 'f:containers': { 'k:{"name":"c0"}': { 'f:resources': {} } } }))], manager: undefined },
  'an image volume counts': { fields: [entry('kubectl', owns({ 'f:volumes': { 'k:{"name":"m"}': { 'f:image': { 'f:reference': {} } } } }))], manager: 'kubectl' },
  'we ourselves do not': { fields: [entry('assay', image)], manager: undefined },
  'the latest of several is it': { fields: [entry('kubectl', image), entry('argocd-controller', image, { time: '2026-01-02T00:00:00Z' })], manager: 'argocd-controller' },
  'what was written to a status does not count': { fields: [entry('kubelet', image, { subresource: 'status' })], manager: undefined },
  'fields that are none say nothing': { fields: [entry('x', 'what'), entry('y', undefined)], manager: undefined },
};
for (const [sentence, { fields, manager }] of Object.entries(managers)) {
  test(sentence, () => assert.equal(imageManager(fields, ['spec', 'template', 'spec'], 'assay'), manager));
}

test('the manager is kept with the workload, and makes it a reconciler’s where it is one', () => {
  const of = (manager: string): WorkloadObject => deployment(POD, { managedFields: [entry(manager, image)] });
  assert.deepEqual([of('deployer').manager, of('deployer').writer], ['deployer', undefined]);
  assert.deepEqual([of('helm').manager, of('helm').writer], ['helm', 'Helm']);
});

const template = (image: string, more: object = {}): object => ({ template: { spec: { containers: [{ name: 'main', image }], ...more } } });
const volcano = (tasks: readonly object[], metadata: Partial<ObjectMeta> = {}, more: object = {}): WorkloadObject => {
  const kind = KINDS.get('Job.batch.volcano.sh');
  assert.ok(kind !== undefined);
  const object = { metadata: { ...META, ...metadata }, spec: { tasks, ...more } };
  return projectWorkload(kind, object, { ...resourceFor(kind), version: 'v1beta1' }, kindNames([...KINDS.values()])) ?? assert.fail('nothing is kept');
};

test('a kind of another group is known by its group too, and in the version that is served', () => {
  const { kind, resource } = volcano([template('app:1')]);
  assert.equal(workloadKey({ kind, namespace: 'web', name: 'api' }), 'Job.batch.volcano.sh/web/api');
  assert.deepEqual(splitWorkloadKey('Job.batch.volcano.sh/web/api'), { kind: 'Job.batch.volcano.sh', namespace: 'web', name: 'api' });
  assert.deepEqual(resource, { group: 'batch.volcano.sh', version: 'v1beta1', plural: 'jobs', kind: 'Job', namespaced: true });
});

test('what has no namespace has a key of its own form', () => {
  const key = workloadKey({ kind: 'SidecarSet.apps.kruise.io', namespace: '', name: 'logs' });
  assert.deepEqual(splitWorkloadKey(key), { kind: 'SidecarSet.apps.kruise.io', namespace: '', name: 'logs' });
});

test('the settings of several pod specs are those of all, or of what is around them', () => {
  const several = volcano([template('a:1', { imagePullSecrets: [{ name: 'one' }] }), template('b:1', { imagePullSecrets: [{ name: 'two' }, { name: 'one' }], serviceAccountName: 'runner' })]);
  assert.deepEqual([several.pullSecrets, several.serviceAccount], [['one', 'two'], 'runner']);
  const around = volcano([template('a:1')], {}, { imagePullSecrets: ['plain'], serviceAccount: 'outer' });
  assert.deepEqual([around.pullSecrets, around.serviceAccount], [['plain'], 'outer']);
});

test('a pin changes nothing but images of an object of several pod specs; anything else does', () => {
  const before = volcano([template('a:1'), template('b:1')]);
  assert.equal(volcano([template('a@sha256:1'), template('b@sha256:2')]).specHash, before.specHash);
  assert.notEqual(volcano([template('a:1'), template('b:1', { hostNetwork: true })]).specHash, before.specHash);
  assert.ok(sameWorkload(before, { ...before, resource: { ...before.resource, version: 'v1' } }));
});

const owners: Record<string, { owner: Partial<NonNullable<ObjectMeta['ownerReferences']>[number]>; is: string | undefined }> = {
  'the controlling owner of a watched kind answers': { owner: {}, is: 'AdvancedCronJob.apps.kruise.io/web/cron' },
  'in whichever version it is named': { owner: { apiVersion: 'apps.kruise.io/v1' }, is: 'AdvancedCronJob.apps.kruise.io/web/cron' },
  'one that does not control does not': { owner: { controller: false }, is: undefined },
  'one of another group does not': { owner: { apiVersion: 'example.com/v1' }, is: undefined },
};
for (const [sentence, { owner, is }] of Object.entries(owners)) {
  test(sentence, () => {
    const reference = { apiVersion: 'apps.kruise.io/v1alpha1', kind: 'AdvancedCronJob', name: 'cron', uid: 'o', controller: true, ...owner };
    assert.equal(volcano([template('a:1')], { ownerReferences: [reference] }).owner, is);
  });
}
