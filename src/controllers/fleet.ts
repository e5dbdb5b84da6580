import { type UncoverableKind, UNCOVERABLE_KINDS } from '../api/further-kinds.ts';
import type { WorkloadKind } from '../api/workload-kinds.ts';
import type { Clock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import { type KubeObject, type Resource, resourceName } from '../kube/object.ts';
import type { ObjectCache } from '../kube/object-cache.ts';
import { OptionalReflector } from '../kube/optional-reflector.ts';
import type { ReflectorHooks } from '../kube/recovery.ts';
import { Reflector } from '../kube/reflector.ts';
import { type Change, keyOf, type Stored } from '../kube/store.ts';
import { POLICY_RESOURCES, type PolicyObject, projectPolicy, splitPolicyId } from './policy-object.ts';
import { kindNames, projectWorkload, resourceFor, splitWorkloadKey, type WorkloadObject, workloadKey } from './workload-object.ts';

/** What is kept of a namespace. */
export interface NamespaceObject extends Stored {
  readonly labels: Readonly<Record<string, string>>;
}

export interface FleetOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly discovery: Discovery;
  /** The kinds of workloads that are watched, where the API server has them. */
  readonly kinds: readonly WorkloadKind[];
  /** The only namespace that is governed; absent: all. */
  readonly namespace?: string;
  /** Names of namespaces that are left alone; one that ends with `*` means all that begin so. */
  readonly excludedNamespaces: readonly string[];
  readonly hooks: ReflectorHooks;
}

const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const BY_NAMESPACE = 'namespace';
const BY_OWNER = 'owner';

/** Every resource that is watched as a whole, in the versions that are preferred. */
export function watchedResources(kinds: readonly WorkloadKind[]): readonly Resource[] {
  return [NAMESPACES, ...Object.values(POLICY_RESOURCES), ...kinds.map(resourceFor), ...UNCOVERABLE_KINDS.map((kind) => ({ ...kind, version: kind.versions[0] ?? '' }))];
}

/** The groups of what the API server may not have. */
export function optionalGroups(kinds: readonly WorkloadKind[]): ReadonlySet<string> {
  return new Set([...kinds.filter(({ versions }) => versions !== undefined), ...UNCOVERABLE_KINDS].map(({ group }) => group));
}

/** How metrics and logs call a resource: by its plural, with its group where it is of somebody else. */
export function watchLabel(resource: Pick<Resource, 'group' | 'plural'>): string {
  return resource.group.includes('.') && resource.group !== POLICY_RESOURCES.ImageVerification.group ? resourceName(resource) : resource.plural;
}

type Common = Pick<FleetOptions, 'client' | 'clock' | 'hooks' | 'discovery'> & { readonly namespace?: string };

/** Everything that is watched: the caches of workloads, policies and namespaces. */
export class Fleet {
  /** By the name of the kind. */
  readonly workloads: ReadonlyMap<string, ObjectCache<WorkloadObject>>;
  readonly policies: Readonly<Record<PolicyObject['kind'], Reflector<PolicyObject>>>;
  readonly namespaces: Reflector<NamespaceObject>;
  /** Metadata alone of what is counted and not covered, by the name of the kind. */
  readonly uncoverable: ReadonlyMap<string, OptionalReflector<Stored>>;

  constructor(options: FleetOptions) {
    const { client, clock, hooks, discovery, excludedNamespaces, kinds } = options;
    const scope = options.namespace === undefined ? {} : { namespace: options.namespace };
    const common = { client, clock, hooks, discovery };
    const excluded = namespaceMatcher(excludedNamespaces);
    // What has no namespace is not of the one that alone is governed.
    const watched = kinds.filter(({ namespaced }) => namespaced || options.namespace === undefined);
    const nameOf = kindNames(watched);
    const project = (kind: WorkloadKind) => (object: KubeObject, resource: Resource) =>
      (excluded(object.metadata.namespace ?? '') ? undefined : projectWorkload(kind, object, resource, nameOf));
    this.workloads = new Map(watched.map((kind) => [kind.name, workloadCache(kind, { ...common, ...scope }, project(kind))]));
    const policies = (kind: PolicyObject['kind'], selection: object): Reflector<PolicyObject> =>
      new Reflector<PolicyObject>({ ...common, ...selection, resource: POLICY_RESOURCES[kind], project: (object) => projectPolicy(kind, object) });
    this.policies = { ImageVerification: policies('ImageVerification', scope), ClusterImageVerification: policies('ClusterImageVerification', {}) };
    this.namespaces = new Reflector<NamespaceObject>({ ...common, resource: NAMESPACES, project: projectNamespace });
    this.uncoverable = new Map(UNCOVERABLE_KINDS.map((kind) => [kind.name, countingCache(kind, { ...common, ...scope }, excluded)]));
  }

  /** Every cache of what is always there, those first that others are judged by. */
  get reflectors(): readonly ObjectCache<Stored>[] {
    return this.#caches().filter((cache) => !(cache instanceof OptionalReflector));
  }

  /** Every cache of what the API server may not have. */
  get optional(): readonly OptionalReflector<Stored>[] {
    return this.#caches().filter((cache) => cache instanceof OptionalReflector);
  }

  #caches(): readonly ObjectCache<Stored>[] {
    const all: readonly unknown[] = [this.namespaces, ...Object.values(this.policies), ...this.workloads.values(), ...this.uncoverable.values()];
    return all as readonly ObjectCache<Stored>[];
  }

  /** How many objects there are whose images cannot be seen, by the name of their kind; of a kind that the API server does not have there is no entry. */
  uncoverableCounts(): ReadonlyMap<string, number> {
    const present = [...this.uncoverable].filter(([, { availability, hasSynced }]) => availability === 'present' && hasSynced);
    return new Map(present.map(([name, { store }]) => [name, store.size]));
  }

  /** A workload by its key; undefined for one that another watched workload made and answers for. */
  workload(key: string): WorkloadObject | undefined {
    const found = this.#stored(key);
    return found?.owner !== undefined && this.#stored(found.owner) !== undefined ? undefined : found;
  }

  #stored(key: string): WorkloadObject | undefined {
    const { kind, namespace, name } = splitWorkloadKey(key);
    return this.workloads.get(kind)?.store.get(keyOf({ namespace, name }));
  }

  /** What this workload made, where it is of a kind that other watched ones are made by. */
  *madeBy({ kind, namespace, name }: Pick<WorkloadObject, 'kind' | 'namespace' | 'name'>): IterableIterator<WorkloadObject> {
    if (!(this.workloads.get(kind) instanceof OptionalReflector)) return;
    for (const { store } of this.workloads.values()) yield* store.byIndex(BY_OWNER, workloadKey({ kind, namespace, name }));
  }

  /** A policy by its id. */
  policy(id: string): PolicyObject | undefined {
    const { kind, key } = splitPolicyId(id);
    return kind === 'ImageVerification' || kind === 'ClusterImageVerification' ? this.policies[kind].store.get(key) : undefined;
  }

  *allPolicies(): IterableIterator<PolicyObject> {
    for (const reflector of Object.values(this.policies)) yield* reflector.store.values();
  }

  /** Every workload, or those of one namespace. */
  *allWorkloads(namespace?: string): IterableIterator<WorkloadObject> {
    for (const { store } of this.workloads.values()) {
      yield* namespace === undefined ? store.values() : store.byIndex(BY_NAMESPACE, namespace);
    }
  }

  /** The labels of a namespace; undefined for one that does not exist (any more). What has no namespace has no labels of one. */
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined {
    if (name === '') return {};
    return this.namespaces.store.get(name)?.labels;
  }
}

function workloadCache(kind: WorkloadKind, common: Common, project: (object: KubeObject, resource: Resource) => WorkloadObject | undefined): ObjectCache<WorkloadObject> {
  const { discovery, ...options } = common;
  const indexes = {
    [BY_NAMESPACE]: ({ namespace }: WorkloadObject) => [namespace],
    [BY_OWNER]: ({ owner }: WorkloadObject) => (owner === undefined ? [] : [owner]),
  };
  const resource = resourceFor(kind);
  const { versions } = kind;
  if (versions === undefined) return new Reflector<WorkloadObject>({ ...options, resource, indexes, project: (object) => project(object, resource) });
  const cache: OptionalReflector<WorkloadObject> = new OptionalReflector({ ...options, discovery, resource: { ...resource, versions }, indexes, project: (object) => project(object, cache.resource) });
  return cache;
}

function countingCache(kind: UncoverableKind, common: Common, excluded: (namespace: string) => boolean): OptionalReflector<Stored> {
  return new OptionalReflector<Stored>({
    ...common,
    resource: kind,
    metadataOnly: true,
    project: ({ metadata: { namespace = '', name, resourceVersion = '' } }) => (excluded(namespace) ? undefined : { namespace, name, resourceVersion }),
  });
}

function projectNamespace({ metadata }: KubeObject): NamespaceObject {
  return { namespace: '', name: metadata.name, resourceVersion: metadata.resourceVersion ?? '', labels: metadata.labels ?? {} };
}

/** Whether a namespace is one of these names; `karmada-*` means all that begin with `karmada-`. */
export function namespaceMatcher(patterns: readonly string[]): (namespace: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (namespace) => exact.has(namespace) || prefixes.some((prefix) => namespace.startsWith(prefix));
}

/** The state of an object after a change, or its last one before it was deleted. */
export function subjectOf<T extends Stored>(change: Change<T>): T {
  return change.type === 'deleted' ? change.old : change.value;
}
