import type { PodImage } from '../api/pod-images.ts';
import { isDispatchingSuspended } from './suspension.ts';
import type { BindingObject, PropagationPolicyObject, TemplateRef, WorkObject } from './types.ts';

/** What is kept of a template. */
export interface TemplateImages {
  readonly uid: string;
  /** `metadata.generation`; absent for kinds that have none. */
  readonly generation?: number | undefined;
  readonly images: readonly PodImage[];
}

/**
 * How a cluster stands to a template. `Placed`: it is to run it. `Evicting`: it is being left, and keeps the manifest that it had. `Leaving`: it was
 * chosen before, and its Work is going away.
 */
export type ClusterPhase = 'Placed' | 'Evicting' | 'Leaving';

/** What one cluster is told to run of one template. */
export interface ObservedCluster {
  readonly cluster: string;
  readonly phase: ClusterPhase;
  /** Undefined where Karmada has rendered nothing for it yet. */
  readonly images?: readonly PodImage[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether this is what the template says now: rendered from its present generation, and from this very object. */
  readonly current: boolean;
  /** The cluster is not told (yet), by its binding or by its Work. */
  readonly suspended: boolean;
}

/** One template that a policy propagates. */
export interface ObservedTemplate {
  readonly template: TemplateRef & { readonly uid: string };
  /** Undefined where the template is not known (yet). */
  readonly images?: readonly PodImage[];
  /** By name. */
  readonly clusters: readonly ObservedCluster[];
}

/** Where what Karmada made is looked up; each is one look into an index. */
export interface ObservedSource {
  /** Bindings by the permanent id of their policy. */
  bindings(policyId: string): Iterable<BindingObject>;
  /** Works by the permanent id of their binding. */
  works(bindingId: string): Iterable<WorkObject>;
  template(template: TemplateRef & { readonly uid: string }): TemplateImages | undefined;
}

/**
 * What a policy propagates, as Karmada did it: its bindings, their templates, and the Works of each. Those of a PropagationPolicy are looked for in its own
 * namespace alone: a template elsewhere can name it, but is not its tenant's. By namespace, kind and name.
 */
export function observedImages(policy: Pick<PropagationPolicyObject, 'kind' | 'namespace' | 'id'>, source: ObservedSource): readonly ObservedTemplate[] {
  if (policy.id === undefined) return [];
  return Array.from(source.bindings(policy.id))
    .filter(({ namespace }) => policy.kind === 'ClusterPropagationPolicy' || namespace === policy.namespace)
    .map((binding) => observedTemplate(binding, source))
    .toSorted((one, other) => compare(orderOf(one.template), orderOf(other.template)));
}

/** What Karmada made of one template. */
export function observedTemplate(binding: BindingObject, source: Pick<ObservedSource, 'works' | 'template'>): ObservedTemplate {
  const template = source.template(binding.template);
  const works = new Map(Array.from(binding.id === undefined ? [] : source.works(binding.id), (work) => [work.cluster, work]));
  const names = new Set([...binding.clusters, ...binding.evicting, ...works.keys()]);
  const clusters = [...names].toSorted(compare).map((name) => observedCluster(name, binding, works.get(name), template));
  return { template: binding.template, ...(template === undefined ? {} : { images: template.images }), clusters };
}

function observedCluster(cluster: string, binding: BindingObject, work: WorkObject | undefined, template: TemplateImages | undefined): ObservedCluster {
  const phase = phaseOf(cluster, binding);
  return {
    cluster,
    phase,
    ...(work === undefined ? {} : { images: work.images }),
    ...(work?.labels === undefined ? {} : { labels: work.labels }),
    current: work !== undefined && phase === 'Placed' && !work.deleting && isOf(work, binding, template),
    suspended: work?.suspended === true || isDispatchingSuspended(binding.suspension, cluster),
  };
}

function phaseOf(cluster: string, { clusters, evicting }: BindingObject): ClusterPhase {
  if (clusters.includes(cluster)) return 'Placed';
  return evicting.includes(cluster) ? 'Evicting' : 'Leaving';
}

function isOf(work: WorkObject, binding: BindingObject, template: TemplateImages | undefined): boolean {
  if (template === undefined || template.uid !== binding.template.uid) return false;
  return (work.templateUid === undefined || work.templateUid === template.uid) && (template.generation === undefined || work.generation === template.generation);
}

function orderOf({ namespace, kind, name, apiVersion }: TemplateRef): string {
  return [namespace, kind, name, apiVersion].join('\0');
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
