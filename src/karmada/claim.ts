import { CLUSTER_POLICY_ID_LABEL, CLUSTER_POLICY_NAME_ANNOTATION, POLICY_ID_LABEL, POLICY_NAME_ANNOTATION, POLICY_NAMESPACE_ANNOTATION } from './names.ts';
import { textOf, recordOf } from './json.ts';
import type { Claim } from './types.ts';

/**
 * The policy that a template says it was claimed by; undefined where none is named. A claim by a PropagationPolicy goes before one by a
 * ClusterPropagationPolicy (pkg/detector/detector.go: LookForMatchedPolicy of claimed templates asks for it first). The id is empty where only names stand there.
 * @param labels `metadata.labels` of the template, any JSON
 * @param annotations its `metadata.annotations`
 */
export function claimOf(labels: unknown, annotations: unknown): Claim | undefined {
  const label = (name: string): string => textOf(recordOf(labels)[name]);
  const annotation = (name: string): string => textOf(recordOf(annotations)[name]);
  const [namespace, name] = [annotation(POLICY_NAMESPACE_ANNOTATION), annotation(POLICY_NAME_ANNOTATION)];
  if (namespace !== '' && name !== '') return { kind: 'PropagationPolicy', namespace, name, id: label(POLICY_ID_LABEL) };
  const clusterName = annotation(CLUSTER_POLICY_NAME_ANNOTATION);
  return clusterName === '' ? undefined : { kind: 'ClusterPropagationPolicy', namespace: '', name: clusterName, id: label(CLUSTER_POLICY_ID_LABEL) };
}
