import type { ClaimCounts, PropagationPicture } from './propagation-picture.ts';

/** `status.propagation[]` (api.md, status). */
export interface PropagationRow {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly templates: number;
  readonly verified: number;
  readonly failed: number;
  readonly unknown: number;
  readonly held: number;
}

/** `status.clusters[]`. */
export interface ClusterRow {
  readonly name: string;
  readonly workloads: number;
  readonly verified: number;
  readonly failed: number;
  readonly unpinned: number;
  readonly held: number;
}

/** What a status says of Karmada; nothing where there is none. */
export interface PropagationStatus {
  readonly propagation?: readonly PropagationRow[];
  readonly clusters?: readonly ClusterRow[];
}

/** How many entries did not fit. */
export interface PropagationOmitted {
  readonly propagation: number;
  readonly clusters: number;
}

const MAX_PROPAGATION = 100;
const MAX_CLUSTERS = 200;

/**
 * The policies of Karmada and the clusters by name, as far as the reader may know them: the status of a policy of one namespace names
 * only the PropagationPolicies of that namespace, and counts all else in its summary (api.md, status). What failed comes first, so that it is not among what did not fit.
 * @param namespace of the policy; absent: it is of all namespaces
 */
export function propagationStatus(picture: PropagationPicture, namespace: string | undefined): { readonly status: PropagationStatus; readonly omitted: PropagationOmitted } {
  const claims = [...picture.claims].filter(({ claim }) => namespace === undefined || (claim.kind === 'PropagationPolicy' && claim.namespace === namespace));
  const propagation = claims.map(rowOf).toSorted((one, other) => other.failed - one.failed || byText(idOf(one), idOf(other)));
  const clusters = namespace === undefined ? clusterRows(picture) : [];
  const shown = byName(clusters.slice(0, MAX_CLUSTERS));
  return {
    status: {
      ...(propagation.length === 0 ? {} : { propagation: propagation.slice(0, MAX_PROPAGATION) }),
      ...(shown.length === 0 ? {} : { clusters: shown }),
    },
    omitted: { propagation: Math.max(0, propagation.length - MAX_PROPAGATION), clusters: Math.max(0, clusters.length - MAX_CLUSTERS) },
  };
}

/** The counts of both, which everybody may know. */
export function propagationSummary(picture: PropagationPicture): { readonly clusters?: number; readonly propagationPolicies?: number } {
  if (!picture.isThere) return {};
  return { clusters: picture.clusters.size, propagationPolicies: [...picture.claims].length };
}

function rowOf({ claim, templates, verified, failed, unknown }: ClaimCounts): PropagationRow {
  const { kind, namespace, name } = claim;
  return { kind, ...(namespace === '' ? {} : { namespace }), name, templates, verified, failed, unknown, held: 0 };
}

function clusterRows(picture: PropagationPicture): readonly ClusterRow[] {
  const rows = [...picture.clusters].map(([name, { workloads, verified, failed, unpinned }]): ClusterRow => ({ name, workloads, verified, failed, unpinned, held: 0 }));
  return rows.toSorted((one, other) => other.failed - one.failed || other.unpinned - one.unpinned || byText(one.name, other.name));
}

/** The API server keeps these by name, and in an order of its own. */
export function byName<T extends { readonly name: string }>(rows: readonly T[]): readonly T[] {
  return rows.toSorted((one, other) => byText(one.name, other.name));
}

function idOf({ kind, namespace = '', name }: PropagationRow): string {
  return `${kind}/${namespace}/${name}`;
}

function byText(one: string, other: string): number {
  return one < other ? -1 : 1;
}
