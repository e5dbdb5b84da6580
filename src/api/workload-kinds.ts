import type { ImageHolder } from './pod-images.ts';

/** Where a kind keeps its images. A kind that has no pod spec names each field that holds an image by its JSON path. */
export type ImageLocation =
  | { readonly type: 'PodSpec'; readonly path: readonly string[] }
  | { readonly type: 'Fields'; readonly paths: readonly (readonly string[])[] };

/** A kind of workload that is watched (api.md, Workloads). */
export interface WorkloadKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly images: ImageLocation;
  /** The image fields that the API server lets a patch change; the others are verified and reported as `NotPatchable`. */
  readonly patchable: readonly ImageHolder[];
  /** Whether objects of this kind are usually made by another watched kind; those with a controlling owner are then left to it. */
  readonly mayBeOwned: boolean;
}

const TEMPLATE = { type: 'PodSpec', path: ['spec', 'template', 'spec'] } as const;
/** A template has no ephemeral containers: the API server refuses them there. */
const WHOLE_TEMPLATE: readonly ImageHolder[] = ['containers', 'initContainers', 'volumes'];

/** The kinds that every build watches. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = [
  { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', images: TEMPLATE, patchable: WHOLE_TEMPLATE, mayBeOwned: false },
  { group: 'apps', version: 'v1', kind: 'StatefulSet', plural: 'statefulsets', images: TEMPLATE, patchable: WHOLE_TEMPLATE, mayBeOwned: false },
  { group: 'apps', version: 'v1', kind: 'DaemonSet', plural: 'daemonsets', images: TEMPLATE, patchable: WHOLE_TEMPLATE, mayBeOwned: false },
  {
    group: 'batch',
    version: 'v1',
    kind: 'CronJob',
    plural: 'cronjobs',
    images: { type: 'PodSpec', path: ['spec', 'jobTemplate', 'spec', 'template', 'spec'] },
    patchable: WHOLE_TEMPLATE,
    mayBeOwned: false,
  },
  { group: 'apps', version: 'v1', kind: 'ReplicaSet', plural: 'replicasets', images: TEMPLATE, patchable: WHOLE_TEMPLATE, mayBeOwned: true },
  // A Job's template cannot be changed once the Job exists (batch validation: field is immutable).
  { group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', images: TEMPLATE, patchable: [], mayBeOwned: true },
  {
    group: '',
    version: 'v1',
    kind: 'Pod',
    plural: 'pods',
    images: { type: 'PodSpec', path: ['spec'] },
    // Of a Pod only the image of its containers and init containers may be changed (core validation, ValidatePodUpdate).
    patchable: ['containers', 'initContainers'],
    mayBeOwned: true,
  },
  {
    group: '',
    version: 'v1',
    kind: 'ReplicationController',
    plural: 'replicationcontrollers',
    images: TEMPLATE,
    patchable: WHOLE_TEMPLATE,
    mayBeOwned: true,
  },
];

/** The JSON pointer (RFC 6901) of a path of field names. */
export function pointerOf(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
