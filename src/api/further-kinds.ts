import { type KindEntry, type WorkloadKind, workloadKind, WORKLOAD_KINDS } from './workload-kinds.ts';

/** The pod specs of a RayCluster's spec (KubeRay, RayClusterSpec). */
const rayPods = (at: string): string[] => [`${at}.headGroupSpec.template.spec`, `${at}.workerGroupSpecs[*].template.spec`];

/** Where an Argo workflow has templates: inline ones stand within the steps and tasks of others. */
const ARGO_TEMPLATES = ['spec.templateDefaults', 'spec.templates[*]', 'spec.templates[*].steps[*][*].inline', 'spec.templates[*].dag.tasks[*].inline'];

const TEMPLATE = ['spec.template.spec'];
const KRUISE = { group: 'apps.kruise.io' } as const;
const KUBEFLOW = { group: 'kubeflow.org' } as const;
const RAY = { group: 'ray.io', versions: ['v1', 'v1alpha1'] } as const;

/**
 * The kinds beside Kubernetes' own that Karmada knows how to propagate (its resource interpreter's third-party customizations)
 * and that have images. What runs once is not patched: by then it runs, and its controllers refuse or ignore a change.
 * Not covered: an image that the kind's controller fills in by itself, one within a string (Spark's `sparkConf`, Argo's
 * `podSpecPatch`, a UnitedDeployment's `patch`), one that a workflow template elsewhere defines.
 */
export const KIND_ENTRIES: readonly KindEntry[] = [
  { ...KRUISE, versions: ['v1alpha1', 'v1beta1'], kind: 'CloneSet', plural: 'clonesets', podSpecs: TEMPLATE, patch: true },
  { ...KRUISE, versions: ['v1beta1', 'v1alpha1'], kind: 'StatefulSet', plural: 'statefulsets', podSpecs: TEMPLATE, patch: true },
  { ...KRUISE, versions: ['v1alpha1', 'v1beta1'], kind: 'DaemonSet', plural: 'daemonsets', podSpecs: TEMPLATE, patch: true },
  { ...KRUISE, versions: ['v1alpha1', 'v1beta1'], kind: 'BroadcastJob', plural: 'broadcastjobs', podSpecs: TEMPLATE },
  {
    ...KRUISE,
    versions: ['v1alpha1', 'v1beta1'],
    kind: 'AdvancedCronJob',
    plural: 'advancedcronjobs',
    podSpecs: ['spec.template.jobTemplate.spec.template.spec', 'spec.template.broadcastJobTemplate.spec.template.spec'],
    images: ['spec.template.imageListPullJobTemplate.spec.images[*]'],
    patch: true,
  },
  {
    ...KRUISE,
    versions: ['v1alpha1', 'v1beta1'],
    kind: 'SidecarSet',
    plural: 'sidecarsets',
    scope: 'Cluster',
    podSpecs: ['spec'],
    images: ['spec.containers[*].upgradeStrategy.hotUpgradeEmptyImage'],
    patch: true,
  },
  {
    ...KRUISE,
    versions: ['v1alpha1'],
    kind: 'UnitedDeployment',
    plural: 'uniteddeployments',
    podSpecs: ['statefulSetTemplate', 'advancedStatefulSetTemplate', 'cloneSetTemplate', 'deploymentTemplate'].map((one) => `spec.template.${one}.spec.template.spec`),
    patch: true,
  },
  { group: 'batch.volcano.sh', versions: ['v1alpha1'], kind: 'Job', plural: 'jobs', podSpecs: ['spec.tasks[*].template.spec'] },
  {
    group: 'flink.apache.org',
    versions: ['v1beta1'],
    kind: 'FlinkDeployment',
    plural: 'flinkdeployments',
    podSpecs: ['spec.podTemplate.spec', 'spec.jobManager.podTemplate.spec', 'spec.taskManager.podTemplate.spec'],
    images: ['spec.image'],
    patch: true,
  },
  {
    group: 'sparkoperator.k8s.io',
    versions: ['v1beta2'],
    kind: 'SparkApplication',
    plural: 'sparkapplications',
    podSpecs: ['spec', 'spec.driver', 'spec.driver.template.spec', 'spec.executor', 'spec.executor.template.spec'],
    images: ['spec.image', 'spec.driver.image', 'spec.driver.sidecars[*].image', 'spec.executor.image', 'spec.executor.sidecars[*].image'],
  },
  { ...RAY, kind: 'RayCluster', plural: 'rayclusters', podSpecs: rayPods('spec'), images: ['spec.autoscalerOptions.image'], patch: true },
  {
    ...RAY,
    kind: 'RayJob',
    plural: 'rayjobs',
    podSpecs: [...rayPods('spec.rayClusterSpec'), 'spec.submitterPodTemplate.spec'],
    images: ['spec.rayClusterSpec.autoscalerOptions.image'],
  },
  { ...RAY, kind: 'RayService', plural: 'rayservices', podSpecs: rayPods('spec.rayClusterConfig'), images: ['spec.rayClusterConfig.autoscalerOptions.image'], patch: true },
  { ...KUBEFLOW, versions: ['v1'], kind: 'PyTorchJob', plural: 'pytorchjobs', podSpecs: ['spec.pytorchReplicaSpecs.*.template.spec'] },
  { ...KUBEFLOW, versions: ['v1'], kind: 'TFJob', plural: 'tfjobs', podSpecs: ['spec.tfReplicaSpecs.*.template.spec'] },
  { ...KUBEFLOW, versions: ['v2beta1', 'v1'], kind: 'MPIJob', plural: 'mpijobs', podSpecs: ['spec.mpiReplicaSpecs.*.template.spec'] },
  { ...KUBEFLOW, versions: ['v1', 'v1beta1'], kind: 'Notebook', plural: 'notebooks', podSpecs: TEMPLATE, patch: true },
  {
    group: 'argoproj.io',
    versions: ['v1alpha1'],
    kind: 'Workflow',
    plural: 'workflows',
    podSpecs: ['spec', ...ARGO_TEMPLATES.flatMap((at) => [at, `${at}.containerSet`])],
    images: ARGO_TEMPLATES.flatMap((at) => [`${at}.container.image`, `${at}.script.image`, `${at}.sidecars[*].image`]),
  },
];

/** The kinds of {@link KIND_ENTRIES}, as they are watched where the API server has them. */
export const FURTHER_KINDS: readonly WorkloadKind[] = KIND_ENTRIES.map(workloadKind);

/** Every kind that this build knows without being told. */
export const SHIPPED_KINDS: readonly WorkloadKind[] = [...WORKLOAD_KINDS, ...FURTHER_KINDS];

/** A kind that makes workloads of a source elsewhere, so that its objects do not show their images: they are counted, not covered. */
export type UncoverableKind = Pick<WorkloadKind, 'name' | 'group' | 'kind' | 'plural' | 'namespaced'> & { readonly versions: readonly string[] };

const uncoverable = (group: string, kind: string, plural: string, versions: readonly string[]): UncoverableKind =>
  ({ name: `${kind}.${group}`, group, kind, plural, versions, namespaced: true });

/** What these make is seen where it is made: in the member clusters. */
export const UNCOVERABLE_KINDS: readonly UncoverableKind[] = [
  uncoverable('helm.toolkit.fluxcd.io', 'HelmRelease', 'helmreleases', ['v2', 'v2beta2', 'v2beta1']),
  uncoverable('kustomize.toolkit.fluxcd.io', 'Kustomization', 'kustomizations', ['v1', 'v1beta2', 'v1beta1']),
  uncoverable('argoproj.io', 'Application', 'applications', ['v1alpha1']),
];
