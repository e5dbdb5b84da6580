import type { PodImage } from '../../../src/api/pod-images.ts';
import type { Rendering } from '../../../src/controllers/effective.ts';
import type { Claim, WorkObject } from '../../../src/karmada/types.ts';

export const CLAIM: Claim = { kind: 'PropagationPolicy', namespace: 'web', name: 'web', id: 'p1' };
export const CLUSTER_CLAIM: Claim = { kind: 'ClusterPropagationPolicy', namespace: '', name: 'all', id: 'p2' };

/** What a cluster is told to run of the Deployment web/api, rendered from its generation 1. */
export function work(cluster: string, images: readonly PodImage[], override: Partial<WorkObject> = {}): WorkObject {
  return {
    namespace: `karmada-es-${cluster}`,
    name: 'api',
    resourceVersion: '5',
    cluster,
    bindingId: 'b1',
    template: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'api' },
    generation: 1,
    templateUid: 'u1',
    images,
    suspended: false,
    deleting: false,
    ...override,
  };
}

export function rendering(cluster: string, images: readonly PodImage[], override: Partial<WorkObject> = {}, leaving = false): Rendering {
  return { work: work(cluster, images, override), leaving };
}
