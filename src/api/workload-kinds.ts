import { fieldsOf, type ImagePath, isPlain, parseImagePath } from './image-paths.ts';
import type { ImageHolder } from './pod-images.ts';

/**
 * Where a kind keeps its images: in one pod spec; or in any number of places, in pod specs (or whatever has lists of containers and
 * volumes as a pod spec has them) and in fields that are an image by themselves.
 */
export type ImageLocation =
  | { readonly type: 'PodSpec'; readonly path: readonly string[] }
  | { readonly type: 'Paths'; readonly podSpecs: readonly ImagePath[]; readonly images: readonly ImagePath[] };

/** A kind of workload that is watched (api.md, Workloads). */
export interface WorkloadKind {
  /**
   * What policies, logs and statuses call it: the kind alone where it is one of Kubernetes' own (`StatefulSet`), otherwise with
   * its group as kubectl writes it (`StatefulSet.apps.kruise.io`). No two kinds share one.
   */
  readonly name: string;
  /** Empty for the core group. */
  readonly group: string;
  /** The preferred one. */
  readonly version: string;
  /** Present for a kind that the API server may not have: the versions that are understood, the preferred one first. */
  readonly versions?: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly images: ImageLocation;
  /** The image fields that a patch may change; the others are verified and reported as `NotPatchable`. */
  readonly patchable: readonly ImageHolder[];
  /** Whether objects of this kind are usually made by another watched kind; those with a controlling owner are then left to it. */
  readonly mayBeOwned: boolean;
}

/** A template has no ephemeral containers: the API server refuses them there. */
export const WHOLE_TEMPLATE: readonly ImageHolder[] = ['containers', 'initContainers', 'volumes'];
const TEMPLATE = ['spec', 'template', 'spec'];

type BuiltIn = Pick<WorkloadKind, 'group' | 'kind' | 'plural'> & Partial<Pick<WorkloadKind, 'patchable' | 'mayBeOwned'>> & { readonly path?: readonly string[] };

function builtIn({ path = TEMPLATE, ...kind }: BuiltIn): WorkloadKind {
  return { patchable: WHOLE_TEMPLATE, mayBeOwned: false, ...kind, name: kind.kind, version: 'v1', namespaced: true, images: { type: 'PodSpec', path } };
}

/** The kinds of Kubernetes itself, which every API server has. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = [
  builtIn({ group: 'apps', kind: 'Deployment', plural: 'deployments' }),
  builtIn({ group: 'apps', kind: 'StatefulSet', plural: 'statefulsets' }),
  builtIn({ group: 'apps', kind: 'DaemonSet', plural: 'daemonsets' }),
  builtIn({ group: 'batch', kind: 'CronJob', plural: 'cronjobs', path: ['spec', 'jobTemplate', 'spec', 'template', 'spec'] }),
  builtIn({ group: 'apps', kind: 'ReplicaSet', plural: 'replicasets', mayBeOwned: true }),
  // A Job's template cannot be changed once the Job exists (batch validation: field is immutable).
  builtIn({ group: 'batch', kind: 'Job', plural: 'jobs', patchable: [], mayBeOwned: true }),
  // Of a Pod only the image of its containers and init containers may be changed (core validation, ValidatePodUpdate).
  builtIn({ group: '', kind: 'Pod', plural: 'pods', path: ['spec'], patchable: ['containers', 'initContainers'], mayBeOwned: true }),
  builtIn({ group: '', kind: 'ReplicationController', plural: 'replicationcontrollers', mayBeOwned: true }),
];

/** A kind that is defined by a CustomResourceDefinition, as it is written down in the shipped table and in the operator's configuration. */
export interface KindEntry {
  readonly group: string;
  /** Those whose objects have their images at these paths, the preferred one first. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  /** Default: Namespaced. */
  readonly scope?: 'Namespaced' | 'Cluster';
  /** Paths of pod specs, or of whatever has lists of containers and volumes as a pod spec has them. */
  readonly podSpecs?: readonly string[];
  /** Paths of fields that are an image. */
  readonly images?: readonly string[];
  /** Whether a patch of these fields changes what runs. Default: no, and images are verified and reported. */
  readonly patch?: boolean;
}

/** The kind that an entry describes. Throws RangeError for a path that is none. */
export function workloadKind({ group, versions, kind, plural, scope, podSpecs = [], images = [], patch = false }: KindEntry): WorkloadKind {
  return {
    name: `${kind}.${group}`,
    group,
    version: versions[0] ?? '',
    versions,
    kind,
    plural,
    namespaced: scope !== 'Cluster',
    images: locationOf(podSpecs.map(parseImagePath), images.map(parseImagePath)),
    patchable: patch ? WHOLE_TEMPLATE : [],
    mayBeOwned: false,
  };
}

function locationOf(podSpecs: readonly ImagePath[], images: readonly ImagePath[]): ImageLocation {
  const [only] = podSpecs;
  const isOne = only !== undefined && podSpecs.length === 1 && images.length === 0 && isPlain(only);
  return isOne ? { type: 'PodSpec', path: fieldsOf(only) } : { type: 'Paths', podSpecs, images };
}
