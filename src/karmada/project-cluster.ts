import { boundedLabels } from '../api/object-limits.ts';
import type { KubeObject } from '../kube/object.ts';
import { recordOf, textMapOf, textOf, textsOf } from './json.ts';
import { storedOf } from './project-policy.ts';
import type { ClusterObject } from './types.ts';

/** What is kept of a member cluster: what affinities ask for. */
export function projectCluster(object: KubeObject): ClusterObject {
  const spec = recordOf(recordOf(object)['spec']);
  return {
    ...storedOf(object),
    labels: boundedLabels(textMapOf(recordOf(object.metadata)['labels'])) ?? {},
    provider: textOf(spec['provider']),
    region: textOf(spec['region']),
    zones: textsOf(spec['zones']),
  };
}
