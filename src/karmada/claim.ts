import { CLUSTER_POLICY_ID_LABEL, CLUSTER_POLICY_NAME_ANNOTATION, POLICY_ID_LABEL, POLICY_NAME_ANNOTATION, POLICY_NAMESPACE_ANNOTATION } from './names.ts';
import { textOf, recordOf } from './json.ts';
import type { Claim } from './types.ts';

/**
 * The policy that a template or a binding says it was claimed by; undefined where none is named in full: by id and name. A claim by a PropagationPolicy goes before one by a
 * ClusterPropagationPolicy (pkg/detector/policy.go, propagateResource).
 * @param labels its `metadata.labels`, any JSON
 * @param annotations its `metadata.annotations`
 */
export function claimOf(labels: unknown, annotations: unknown): Claim | undefined {
  const label = (name: string): string => textOf(recordOf(labels)[name]);
  const annotation = (name: string): string => textOf(recordOf(annotations)[name]);
  const claim: Claim = { kind: 'PropagationPolicy', namespace: annotation(POLICY_NAMESPACE_ANNOTATION), name: annotation(POLICY_NAME_ANNOTATION), id: label(POLICY_ID_LABEL) };
  if (claim.namespace !== '' && claim.name !== '' && claim.id !== '') return claim;
  const ofCluster: Claim = { kind: 'ClusterPropagationPolicy', namespace: '', name: annotation(CLUSTER_POLICY_NAME_ANNOTATION), id: label(CLUSTER_POLICY_ID_LABEL) };
  return ofCluster.name !== '' && ofCluster.id !== '' ? ofCluster : undefined;
}
