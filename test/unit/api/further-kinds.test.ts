import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FURTHER_KINDS, SHIPPED_KINDS, UNCOVERABLE_KINDS } from '../../../src/api/further-kinds.ts';
import { imagePartsOf, manifestImages } from '../../../src/api/object-images.ts';
import { type WorkloadKind, workloadKind, WORKLOAD_KINDS } from '../../../src/api/workload-kinds.ts';

const pod = (name: string): object => ({ containers: [{ name, image: `${name}:1` }, { name: 'defaulted' }] });
const whole = (name: string): object => ({ ...pod(name), initContainers: [{ name: 'init', image: `${name}-init:1` }], volumes: [{ name: 'v', image: { reference: `${name}-data:1` } }, { name: 'e', emptyDir: {} }] });
const template = (spec: object): object => ({ metadata: { labels: { app: 'x' } }, spec });
const at = (pointer: string, name: string): Record<string, string> => ({ [`${pointer}/containers/0/image`]: `${name}:1` });
const wholeAt = (pointer: string, name: string): Record<string, string> =>
  ({ ...at(pointer, name), [`${pointer}/initContainers/0/image`]: `${name}-init:1`, [`${pointer}/volumes/0/image/reference`]: `${name}-data:1` });

const rayCluster = { headGroupSpec: { rayStartParams: {}, template: template(whole('head')) }, workerGroupSpecs: [{ groupName: 'cpu', replicas: 2, template: template(pod('cpu')) }, { groupName: 'gpu', template: template(pod('gpu')) }], autoscalerOptions: { image: 'scaler:1' } };
const rayImages = (spec: string): Record<string, string> => ({
  ...wholeAt(`${spec}/headGroupSpec/template/spec`, 'head'),
  ...at(`${spec}/workerGroupSpecs/0/template/spec`, 'cpu'),
  ...at(`${spec}/workerGroupSpecs/1/template/spec`, 'gpu'),
  [`${spec}/autoscalerOptions/image`]: 'scaler:1',
});
const replicas = (field: string): { spec: object; images: Record<string, string> } => ({
  spec: { [field]: { Master: { replicas: 1, template: template(whole('master')) }, Worker: { replicas: 3, template: template(pod('worker')) } } },
  images: { ...wholeAt(`/spec/${field}/Master/template/spec`, 'master'), ...at(`/spec/${field}/Worker/template/spec`, 'worker') },
});
const simple = { spec: { selector: { matchLabels: { app: 'x' } }, template: template(whole('app')) }, images: wholeAt('/spec/template/spec', 'app') };
const subset = (): object => ({ metadata: {}, spec: { template: template(pod('app')) } });
const container = (name: string): object => ({ name, image: `${name}:1` });
const sparkPod = (name: string): object => ({ cores: 1, image: `${name}:1`, initContainers: [container(`${name}-init`)], sidecars: [container(`${name}-side`)], template: template(pod(`${name}-template`)) });
const sparkImages = (part: string): Record<string, string> => ({
  [`/spec/${part}/image`]: `${part}:1`,
  [`/spec/${part}/initContainers/0/image`]: `${part}-init:1`,
  [`/spec/${part}/sidecars/0/image`]: `${part}-side:1`,
  ...at(`/spec/${part}/template/spec`, `${part}-template`),
});

/** One object of each kind, with every image that it is to have, by pointer. */
const OBJECTS: Record<string, { spec: object; images: Record<string, string>; patch: boolean }> = {
  'CloneSet.apps.kruise.io': { ...simple, patch: true },
  'StatefulSet.apps.kruise.io': { ...simple, patch: true },
  'DaemonSet.apps.kruise.io': { ...simple, patch: true },
  'BroadcastJob.apps.kruise.io': { ...simple, patch: false },
  'Notebook.kubeflow.org': { ...simple, patch: true },
  'AdvancedCronJob.apps.kruise.io': {
    spec: { schedule: '0 0 * * *', template: { jobTemplate: { spec: { template: template(pod('job')) } }, broadcastJobTemplate: { spec: { template: template(pod('all')) } }, imageListPullJobTemplate: { spec: { images: ['pulled:1', 'pulled:2'] } } } },
    images: {
      ...at('/spec/template/jobTemplate/spec/template/spec', 'job'),
      ...at('/spec/template/broadcastJobTemplate/spec/template/spec', 'all'),
      '/spec/template/imageListPullJobTemplate/spec/images/0': 'pulled:1',
      '/spec/template/imageListPullJobTemplate/spec/images/1': 'pulled:2',
    },
    patch: true,
  },
  'SidecarSet.apps.kruise.io': {
    spec: { selector: {}, containers: [{ ...container('logs'), upgradeStrategy: { upgradeType: 'HotUpgrade', hotUpgradeEmptyImage: 'empty:1' } }], initContainers: [container('prepare')], volumes: [{ name: 'v', image: { reference: 'data:1' } }] },
    images: { '/spec/containers/0/image': 'logs:1', '/spec/containers/0/upgradeStrategy/hotUpgradeEmptyImage': 'empty:1', '/spec/initContainers/0/image': 'prepare:1', '/spec/volumes/0/image/reference': 'data:1' },
    patch: true,
  },
  'UnitedDeployment.apps.kruise.io': {
    spec: { template: { statefulSetTemplate: subset(), advancedStatefulSetTemplate: subset(), cloneSetTemplate: subset(), deploymentTemplate: subset() }, topology: { subsets: [{ name: 'a', patch: { spec: {} } }] } },
    images: Object.assign({}, ...['statefulSetTemplate', 'advancedStatefulSetTemplate', 'cloneSetTemplate', 'deploymentTemplate'].map((one) => at(`/spec/template/${one}/spec/template/spec`, 'app'))) as Record<string, string>,
    patch: true,
  },
  'Job.batch.volcano.sh': {
    spec: { minAvailable: 2, tasks: [{ name: 'ps', replicas: 1, template: template(whole('ps')) }, { name: 'worker', replicas: 2, template: template(pod('worker')) }] },
    images: { ...wholeAt('/spec/tasks/0/template/spec', 'ps'), ...at('/spec/tasks/1/template/spec', 'worker') },
    patch: false,
  },
  'FlinkDeployment.flink.apache.org': {
    spec: { image: 'flink:1', podTemplate: template(pod('all')), jobManager: { replicas: 1, podTemplate: template(pod('manager')) }, taskManager: { podTemplate: template(pod('task')) } },
    images: { '/spec/image': 'flink:1', ...at('/spec/podTemplate/spec', 'all'), ...at('/spec/jobManager/podTemplate/spec', 'manager'), ...at('/spec/taskManager/podTemplate/spec', 'task') },
    patch: true,
  },
  'SparkApplication.sparkoperator.k8s.io': {
    spec: { type: 'Scala', image: 'spark:1', volumes: [{ name: 'v', image: { reference: 'data:1' } }], driver: sparkPod('driver'), executor: sparkPod('executor'), sparkConf: { 'spark.kubernetes.container.image': 'hidden:1' } },
    images: { '/spec/image': 'spark:1', '/spec/volumes/0/image/reference': 'data:1', ...sparkImages('driver'), ...sparkImages('executor') },
    patch: false,
  },
  'RayCluster.ray.io': { spec: rayCluster, images: rayImages('/spec'), patch: true },
  'RayJob.ray.io': {
    spec: { entrypoint: 'python x.py', rayClusterSpec: rayCluster, submitterPodTemplate: template(pod('submitter')) },
    images: { ...rayImages('/spec/rayClusterSpec'), ...at('/spec/submitterPodTemplate/spec', 'submitter') },
    patch: false,
  },
  'RayService.ray.io': { spec: { serveConfigV2: '', rayClusterConfig: rayCluster }, images: rayImages('/spec/rayClusterConfig'), patch: true },
  'PyTorchJob.kubeflow.org': { ...replicas('pytorchReplicaSpecs'), patch: false },
  'TFJob.kubeflow.org': { ...replicas('tfReplicaSpecs'), patch: false },
  'MPIJob.kubeflow.org': { ...replicas('mpiReplicaSpecs'), patch: false },
  'Workflow.argoproj.io': {
    spec: {
      entrypoint: 'main',
      volumes: [{ name: 'v', image: { reference: 'data:1' } }],
      templateDefaults: { container: { image: 'default:1' } },
      templates: [
        { name: 'main', steps: [[{ name: 'a', template: 'b' }], [{ name: 'c', inline: { container: { image: 'step:1' } } }]] },
        { name: 'b', container: { image: 'container:1' }, initContainers: [container('init')], sidecars: [container('side')], volumes: [{ name: 'w', image: { reference: 'own:1' } }] },
        { name: 'd', script: { image: 'script:1', source: 'echo' } },
        { name: 'e', containerSet: { containers: [container('one'), container('two')] } },
        { name: 'f', dag: { tasks: [{ name: 'g', inline: { script: { image: 'task:1' } } }] } },
      ],
    },
    images: {
      '/spec/volumes/0/image/reference': 'data:1',
      '/spec/templateDefaults/container/image': 'default:1',
      '/spec/templates/0/steps/1/0/inline/container/image': 'step:1',
      '/spec/templates/1/container/image': 'container:1',
      '/spec/templates/1/initContainers/0/image': 'init:1',
      '/spec/templates/1/sidecars/0/image': 'side:1',
      '/spec/templates/1/volumes/0/image/reference': 'own:1',
      '/spec/templates/2/script/image': 'script:1',
      '/spec/templates/3/containerSet/containers/0/image': 'one:1',
      '/spec/templates/3/containerSet/containers/1/image': 'two:1',
      '/spec/templates/4/dag/tasks/0/inline/script/image': 'task:1',
    },
    patch: false,
  },
};

const kindOf = (name: string): WorkloadKind => FURTHER_KINDS.find((kind) => kind.name === name) ?? assert.fail(`${name} is not in the table`);

describe('the images of a', () => {
  for (const [name, { spec, images, patch }] of Object.entries(OBJECTS)) {
    test(`${name} are all found${patch ? '' : ', and none of them is patched'}`, () => {
      const found = imagePartsOf(kindOf(name), { metadata: { name: 'x' }, spec }).images;
      assert.deepEqual(Object.fromEntries(found.map(({ pointer, image }) => [pointer, image])), images);
      assert.equal(found.length, Object.keys(images).length);
      assert.deepEqual(found.map(({ fixed }) => fixed ?? false), found.map(() => !patch));
    });
  }

  for (const { name } of FURTHER_KINDS) {
    test(`${name} are none where it has another form`, () => {
      for (const spec of [undefined, 'what', [], { template: [], tasks: {}, templates: 'x', containers: {} }]) assert.deepEqual(imagePartsOf(kindOf(name), { metadata: {}, spec }).images, []);
    });
  }
});

describe('the table', () => {
  test('has an object of each kind in this test', () => {
    assert.deepEqual(FURTHER_KINDS.map(({ name }) => name).toSorted(), Object.keys(OBJECTS).toSorted());
  });

  test('has those that Karmada knows how to propagate', () => {
    assert.equal(FURTHER_KINDS.length, 18);
    assert.deepEqual(UNCOVERABLE_KINDS.map(({ name }) => name), ['HelmRelease.helm.toolkit.fluxcd.io', 'Kustomization.kustomize.toolkit.fluxcd.io', 'Application.argoproj.io']);
  });

  test('gives each kind a name of its own, with its group where it is not one of Kubernetes', () => {
    const names = [...SHIPPED_KINDS, ...UNCOVERABLE_KINDS].map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(WORKLOAD_KINDS.map(({ name }) => name), WORKLOAD_KINDS.map(({ kind }) => kind));
    for (const { name, kind, group } of FURTHER_KINDS) assert.equal(name, `${kind}.${group}`);
    for (const name of names) assert.match(name, /^[A-Z][A-Za-z0-9]*(?:\.[a-z0-9.-]+)?$/);
  });

  test('knows that a SidecarSet has no namespace', () => {
    assert.deepEqual(FURTHER_KINDS.filter(({ namespaced }) => !namespaced).map(({ kind }) => kind), ['SidecarSet']);
  });

  test('keys the fields of several pod specs by their place, those of one by the container', () => {
    const tasks = imagePartsOf(kindOf('Job.batch.volcano.sh'), { spec: { tasks: [{ template: template(pod('same')) }, { template: template(pod('same')) }] } }).images;
    assert.deepEqual(tasks.map(({ key }) => key), ['/spec/tasks/0/template/spec/containers/0/image', '/spec/tasks/1/template/spec/containers/0/image']);
    assert.deepEqual(imagePartsOf(kindOf('CloneSet.apps.kruise.io'), { spec: { template: template(pod('app')) } }).images.map(({ key, name }) => [key, name]), [[undefined, 'app']]);
  });
});

describe('the images of a manifest', () => {
  const images = manifestImages(SHIPPED_KINDS);
  const manifest = { spec: { template: template(pod('app')), tasks: [{ template: template(pod('task')) }] } };
  const cases: Record<string, { of: [string, string]; is: readonly string[] | undefined }> = {
    'are those of its kind': { of: ['apps/v1', 'Deployment'], is: ['app:1'] },
    'of two kinds of one name are those of its group': { of: ['batch.volcano.sh/v1alpha1', 'Job'], is: ['task:1'] },
    'are the same in another version': { of: ['apps.kruise.io/v9', 'CloneSet'], is: ['app:1'] },
    'of a kind that is not known are not known': { of: ['v1', 'ConfigMap'], is: undefined },
    'of a kind of another group are not known': { of: ['example.com/v1', 'Deployment'], is: undefined },
  };
  for (const [sentence, { of: [apiVersion, kind], is }] of Object.entries(cases)) {
    test(sentence, () => assert.deepEqual(images(apiVersion, kind, manifest)?.map(({ image }) => image), is));
  }

  test('say nothing of patches', () => {
    const [image] = images('batch/v1', 'Job', { spec: { template: template(pod('job')) } }) ?? [];
    assert.deepEqual(Object.keys(image ?? {}).toSorted(), ['holder', 'image', 'name', 'namePointer', 'pointer']);
  });
});

test('what several paths lead to is one image, with the name that stands beside it', () => {
  const kind = workloadKind({ group: 'example.com', versions: ['v1'], kind: 'X', plural: 'xs', podSpecs: ['spec'], images: ['spec.containers[*].image', 'spec.image'] });
  const { images } = imagePartsOf(kind, { spec: { ...pod('app'), image: 'other:1' } });
  assert.deepEqual(images.map(({ name, pointer }) => [name, pointer]), [['app', '/spec/containers/0/image'], ['/spec/image', '/spec/image']]);
});

test('an entry with a path that is none is refused', () => {
  assert.throws(() => workloadKind({ group: 'example.com', versions: ['v1'], kind: 'X', plural: 'xs', podSpecs: ['spec[0]'] }), RangeError);
});
