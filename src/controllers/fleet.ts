import { WORKLOAD_KINDS } from '../api/workload-kinds.ts';
import type { Clock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, Resource } from '../kube/object.ts';
import type { ReflectorHooks } from '../kube/recovery.ts';
import { Reflector } from '../kube/reflector.ts';
import type { Change, Stored } from '../kube/store.ts';
import { resourceOf } from './pin-writer.ts';
import { POLICY_RESOURCES, type PolicyObject, projectPolicy, splitPolicyId } from './policy-object.ts';
import { projectWorkload, splitWorkloadKey, type WorkloadObject } from './workload-object.ts';

/** What is kept of a namespace. */
export interface NamespaceObject extends Stored {
  readonly labels: Readonly<Record<string, string>>;
}

export interface FleetOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** The only namespace that is governed; absent: all. */
  readonly namespace?: string;
  /** Names of namespaces that are left alone; one that ends with `*` means all that begin so. */
  readonly excludedNamespaces: readonly string[];
  readonly hooks: ReflectorHooks;
}

const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const BY_NAMESPACE = 'namespace';

/** Everything that is watched: the caches of workloads, policies and namespaces. */
export class Fleet {
  readonly workloads: ReadonlyMap<string, Reflector<WorkloadObject>>;
  readonly policies: Readonly<Record<PolicyObject['kind'], Reflector<PolicyObject>>>;
  readonly namespaces: Reflector<NamespaceObject>;

  constructor(options: FleetOptions) {
    const { client, clock, hooks, excludedNamespaces } = options;
    const scope = options.namespace === undefined ? {} : { namespace: options.namespace };
    const common = { client, clock, hooks };
    const excluded = namespaceMatcher(excludedNamespaces);
    this.workloads = new Map(
      WORKLOAD_KINDS.map((kind) => [
        kind.kind,
        new Reflector<WorkloadObject>({
          ...common,
          ...scope,
          resource: resourceOf(kind.kind),
          project: (object) => (excluded(object.metadata.namespace ?? '') ? undefined : projectWorkload(kind, object)),
          indexes: { [BY_NAMESPACE]: (workload) => [workload.namespace] },
        }),
      ]),
    );
    const policies = (kind: PolicyObject['kind'], selection: object): Reflector<PolicyObject> =>
      new Reflector<PolicyObject>({ ...common, ...selection, resource: POLICY_RESOURCES[kind], project: (object) => projectPolicy(kind, object) });
    this.policies = { ImageVerification: policies('ImageVerification', scope), ClusterImageVerification: policies('ClusterImageVerification', {}) };
    this.namespaces = new Reflector<NamespaceObject>({ ...common, resource: NAMESPACES, project: projectNamespace });
  }

  /** Every resource that is watched as a whole. */
  static readonly resources: readonly Resource[] = [NAMESPACES, ...Object.values(POLICY_RESOURCES), ...WORKLOAD_KINDS.map(({ kind }) => resourceOf(kind))];

  /** Every reflector, those first that others are judged by. */
  get reflectors(): readonly Reflector<Stored>[] {
    const all: readonly unknown[] = [this.namespaces, ...Object.values(this.policies), ...this.workloads.values()];
    return all as readonly Reflector<Stored>[];
  }

  /** A workload by its key. */
  workload(key: string): WorkloadObject | undefined {
    const { kind, namespace, name } = splitWorkloadKey(key);
    return this.workloads.get(kind)?.store.get(`${namespace}/${name}`);
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

  /** The labels of a namespace; undefined for one that does not exist (any more). */
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined {
    return this.namespaces.store.get(name)?.labels;
  }
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
