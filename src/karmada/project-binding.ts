import type { KubeObject } from '../kube/object.ts';
import { claimOf } from './claim.ts';
import { isRecord, listOf, recordOf, textOf, textsOf } from './json.ts';
import { BINDING_ID_LABEL, CLUSTER_BINDING_ID_LABEL } from './names.ts';
import { storedOf } from './project-policy.ts';
import type { BindingObject } from './types.ts';

/** Member clusters of one binding that are kept: many times what Karmada was ever shown to hold. */
const MAX_CLUSTERS = 4096;

/** What is kept of a ResourceBinding, or of a ClusterResourceBinding where there is no namespace (work.karmada.io/v1alpha2). */
export function projectBinding(object: KubeObject): BindingObject {
  const stored = storedOf(object);
  const namespaced = stored.namespace !== '';
  const labels = recordOf(recordOf(object.metadata)['labels']);
  const id = textOf(labels[namespaced ? BINDING_ID_LABEL : CLUSTER_BINDING_ID_LABEL]);
  const claim = claimOf(labels, object.metadata.annotations);
  const spec = recordOf(recordOf(object)['spec']);
  const resource = recordOf(spec['resource']);
  return {
    ...stored,
    kind: namespaced ? 'ResourceBinding' : 'ClusterResourceBinding',
    ...(id === '' ? {} : { id }),
    ...(claim === undefined ? {} : { claim }),
    template: {
      apiVersion: textOf(resource['apiVersion']),
      kind: textOf(resource['kind']),
      namespace: textOf(resource['namespace']),
      name: textOf(resource['name']),
      uid: textOf(resource['uid']),
    },
    clusters: namesOf([spec['clusters'], ...listOf(spec['requiredBy']).map((one) => recordOf(one)['clusters'])], 'name'),
    evicting: namesOf([spec['gracefulEvictionTasks']], 'fromCluster'),
    ...suspensionOf(spec['suspension']),
  };
}

function namesOf(lists: readonly unknown[], field: string): readonly string[] {
  return textsOf(lists.flatMap((list) => listOf(list).map((one) => recordOf(one)[field]))).filter((name) => name !== '').slice(0, MAX_CLUSTERS);
}

function suspensionOf(suspension: unknown): { readonly suspension?: unknown } {
  if (!isRecord(suspension)) return {};
  const onClusters = recordOf(suspension['dispatchingOnClusters']);
  const names = textsOf(onClusters['clusterNames']).slice(0, MAX_CLUSTERS);
  return {
    suspension: {
      ...(typeof suspension['dispatching'] === 'boolean' ? { dispatching: suspension['dispatching'] } : {}),
      ...(names.length === 0 ? {} : { dispatchingOnClusters: { clusterNames: names } }),
      ...(typeof suspension['scheduling'] === 'boolean' ? { scheduling: suspension['scheduling'] } : {}),
    },
  };
}
