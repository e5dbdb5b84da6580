import { isRecord, listOf, recordOf, textOf, textsOf } from './json.ts';
import { isLabelKey, isLabelValue, labelsMatch, selectorSteps } from './label-matching.ts';
import type { ClusterObject, PropagationPolicyObject } from './types.ts';

/** The parts of a cluster that affinities ask for. */
export type AffineCluster = Pick<ClusterObject, 'name' | 'labels' | 'provider' | 'region' | 'zones'>;

const INTEGER = /^[+-]?\d{1,19}$/;

/** Whether a cluster is meant by a ClusterAffinity as written (pkg/util/selector.go, ClusterMatches): not excluded, and chosen by labels, fields and names alike. */
export function clusterMatches(cluster: AffineCluster, affinity: unknown): boolean {
  const { exclude, labelSelector, fieldSelector, clusterNames } = recordOf(affinity);
  // WARNING: no copies: these lists may have tens of thousands of names, and are held against each of hundreds of clusters.
  if (listOf(exclude).includes(cluster.name)) return false;
  if (isRecord(labelSelector) && !labelsMatch(labelSelector, cluster.labels)) return false;
  if (isRecord(fieldSelector) && !fieldsMatch(cluster, listOf(fieldSelector['matchExpressions']))) return false;
  const names = listOf(clusterNames);
  return names.includes(cluster.name) || !names.some((name) => typeof name === 'string');
}

/** Names that are compared in the time of one step. */
const NAMES = 32;

/** Steps of a `Budget` that it takes to hold one cluster against an affinity. */
export function affinitySteps(affinity: unknown): number {
  const { exclude, labelSelector, fieldSelector, clusterNames } = recordOf(affinity);
  return 1 + Math.floor((listOf(exclude).length + listOf(clusterNames).length) / NAMES) + selectorSteps(labelSelector) + selectorSteps(fieldSelector);
}

/** The clusters that a policy may place something in: the upper bound, as taints, spread and capacity are the scheduler's. */
export function possibleClusters<T extends AffineCluster>(policy: Pick<PropagationPolicyObject, 'affinities'>, clusters: readonly T[]): readonly T[] {
  if (policy.affinities.length === 0) return clusters;
  return clusters.filter((cluster) => policy.affinities.some((affinity) => clusterMatches(cluster, affinity)));
}

/** The fields of a cluster by which it is chosen, other than its zones. */
export function clusterFields({ provider, region }: Pick<AffineCluster, 'provider' | 'region'>): Readonly<Record<string, string>> {
  return { ...(provider === '' ? {} : { provider }), ...(region === '' ? {} : { region }) };
}

/** Whether a cluster's zones are meant by one requirement: `In` by any of them, `NotIn` by none; an unknown operator means no cluster. */
export function zonesMatch(requirement: unknown, zones: readonly string[]): boolean {
  const { operator, values } = recordOf(requirement);
  const wanted = textsOf(values);
  switch (operator) {
    case 'In':
      return zones.some((zone) => wanted.includes(zone));
    case 'NotIn':
      return !zones.some((zone) => wanted.includes(zone));
    case 'Exists':
      return zones.length > 0;
    case 'DoesNotExist':
      return zones.length === 0;
    default:
      return false;
  }
}

function fieldsMatch(cluster: AffineCluster, requirements: readonly unknown[]): boolean {
  const fields = clusterFields(cluster);
  return requirements.every((requirement) => (recordOf(requirement)['key'] === 'zone' ? zonesMatch(requirement, cluster.zones) : fieldMatches(fields, requirement)));
}

/** One requirement of a node selector (component-helpers, NodeSelectorRequirementsAsSelector); an invalid one means no cluster. */
function fieldMatches(fields: Readonly<Record<string, string>>, requirement: unknown): boolean {
  const { key, operator, values } = recordOf(requirement);
  const name = textOf(key);
  const wanted = listOf(values);
  if (!isLabelKey(name) || !wanted.every(isLabelValue)) return false;
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  switch (operator) {
    case 'In':
      return wanted.length > 0 && value !== undefined && wanted.includes(value);
    case 'NotIn':
      return wanted.length > 0 && (value === undefined || !wanted.includes(value));
    case 'Exists':
      return wanted.length === 0 && value !== undefined;
    case 'DoesNotExist':
      return wanted.length === 0 && value === undefined;
    case 'Gt':
    case 'Lt':
      return wanted.length === 1 && isBeyond(operator, value, wanted[0] ?? '');
    default:
      return false;
  }
}

function isBeyond(operator: 'Gt' | 'Lt', value: string | undefined, bound: string): boolean {
  if (value === undefined || !INTEGER.test(value) || !INTEGER.test(bound)) return false;
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}
