import type { Clock } from '../base/clock.ts';
import { clusterMatches } from '../karmada/cluster-affinity.ts';
import { type AppliedOverride, overridesInOrder } from '../karmada/predict.ts';
import { projectBinding } from '../karmada/project-binding.ts';
import { projectCluster } from '../karmada/project-cluster.ts';
import { projectClaimingPolicy, projectOverridePolicy } from '../karmada/project-policy.ts';
import { BINDING_NAMESPACE_ANNOTATION } from '../karmada/names.ts';
import { workProjection } from '../karmada/project-work.ts';
import type { BindingObject, Claim, ClaimingPolicy, ClusterObject, ImagesOfManifest, OverridePolicyObject, TemplateRef, WorkObject } from '../karmada/types.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import { apiVersionOf, type KubeObject } from '../kube/object.ts';
import type { ObjectCache } from '../kube/object-cache.ts';
import { OptionalReflector } from '../kube/optional-reflector.ts';
import type { ReflectorHooks } from '../kube/recovery.ts';
import type { OptionalResource } from '../kube/served.ts';
import { keyOf, type Stored } from '../kube/store.ts';
import { disguised, unwatchedName } from './disguised.ts';
import type { Rendering } from './effective.ts';
import { type WorkloadObject, workloadKey } from './workload-object.ts';

export interface KarmadaFleetOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly discovery: Discovery;
  readonly hooks: ReflectorHooks;
  /** The only namespace of which templates are looked at; absent: all. */
  readonly namespace?: string;
  /** How a watched kind is called in the keys of workloads; undefined for a kind that is not watched. */
  readonly nameOfKind: (apiVersion: string, kind: string) => string | undefined;
  /** Whether a namespace is left alone. */
  readonly isExcluded?: (namespace: string) => boolean;
  readonly imagesOfManifest: ImagesOfManifest;
}

const POLICY = { group: 'policy.karmada.io', versions: ['v1alpha1'] } as const;
const BINDING = { group: 'work.karmada.io', versions: ['v1alpha2'] } as const;

const RESOURCES = {
  propagationPolicies: { ...POLICY, plural: 'propagationpolicies', kind: 'PropagationPolicy', namespaced: true },
  clusterPropagationPolicies: { ...POLICY, plural: 'clusterpropagationpolicies', kind: 'ClusterPropagationPolicy', namespaced: false },
  overridePolicies: { ...POLICY, plural: 'overridepolicies', kind: 'OverridePolicy', namespaced: true },
  clusterOverridePolicies: { ...POLICY, plural: 'clusteroverridepolicies', kind: 'ClusterOverridePolicy', namespaced: false },
  resourceBindings: { ...BINDING, plural: 'resourcebindings', kind: 'ResourceBinding', namespaced: true },
  clusterResourceBindings: { ...BINDING, plural: 'clusterresourcebindings', kind: 'ClusterResourceBinding', namespaced: false },
  works: { group: 'work.karmada.io', versions: ['v1alpha1'], plural: 'works', kind: 'Work', namespaced: true },
  clusters: { group: 'cluster.karmada.io', versions: ['v1alpha1'], plural: 'clusters', kind: 'Cluster', namespaced: false },
} as const satisfies Record<string, OptionalResource>;

const BY_TEMPLATE = 'template';
const BY_POLICY = 'policy';
const BY_ID = 'id';
const BY_BINDING = 'binding';
const BY_NAMESPACE = 'namespace';
const UNWATCHED = 'unwatched';
/** The overriders that may change an image. */
const TOUCHING_IMAGES = ['imageOverrider', 'plaintext', 'fieldOverrider'];

/** What is watched of Karmada, as long as the API server has it: policies, overrides, bindings, Works and member clusters. */
export class KarmadaFleet {
  readonly propagationPolicies: OptionalReflector<ClaimingPolicy>;
  readonly clusterPropagationPolicies: OptionalReflector<ClaimingPolicy>;
  readonly overridePolicies: OptionalReflector<OverridePolicyObject>;
  readonly clusterOverridePolicies: OptionalReflector<OverridePolicyObject>;
  readonly resourceBindings: OptionalReflector<BindingObject>;
  readonly clusterResourceBindings: OptionalReflector<BindingObject>;
  readonly works: OptionalReflector<WorkObject>;
  readonly clusters: OptionalReflector<ClusterObject>;
  readonly imagesOfManifest: ImagesOfManifest;
  readonly #nameOfKind: KarmadaFleetOptions['nameOfKind'];
  readonly #isExcluded: (namespace: string) => boolean;
  readonly #discovery: Discovery;
  readonly #keys = new WeakMap<TemplateRef, readonly string[]>();

  constructor({ namespace, nameOfKind, isExcluded, imagesOfManifest, ...options }: KarmadaFleetOptions) {
    this.imagesOfManifest = imagesOfManifest;
    this.#nameOfKind = nameOfKind;
    this.#isExcluded = isExcluded ?? ((): boolean => false);
    this.#discovery = options.discovery;
    const scope = namespace === undefined ? {} : { namespace };
    const work = workProjection(imagesOfManifest);
    const byId = {
      indexes: {
        [BY_ID]: ({ id }: BindingObject) => (id === undefined ? [] : [id]),
        [BY_TEMPLATE]: ({ template }: BindingObject) => this.templateKeys(template),
        [BY_POLICY]: ({ claim }: BindingObject) => (claim === undefined ? [] : [claim.id]),
        [UNWATCHED]: ({ template }: BindingObject) => (this.#isWatched(template) ? [] : ['']),
      },
    };
    const { propagationPolicies, clusterPropagationPolicies, overridePolicies, clusterOverridePolicies, resourceBindings, clusterResourceBindings, works, clusters } = RESOURCES;
    this.propagationPolicies = new OptionalReflector({ ...options, ...scope, resource: propagationPolicies, project: projectClaimingPolicy });
    this.clusterPropagationPolicies = new OptionalReflector({ ...options, resource: clusterPropagationPolicies, project: projectClaimingPolicy });
    this.overridePolicies = new OptionalReflector({
      ...options,
      ...scope,
      resource: overridePolicies,
      project: projectOverridePolicy,
      indexes: { [BY_NAMESPACE]: (policy: OverridePolicyObject) => [policy.namespace] },
    });
    this.clusterOverridePolicies = new OptionalReflector({ ...options, resource: clusterOverridePolicies, project: projectOverridePolicy });
    this.resourceBindings = new OptionalReflector({ ...options, ...byId, ...scope, resource: resourceBindings, project: projectBinding });
    this.clusterResourceBindings = new OptionalReflector({ ...options, ...byId, resource: clusterResourceBindings, project: projectBinding });
    this.works = new OptionalReflector({
      ...options,
      resource: works,
      project: (object) => {
        const found = work(object);
        return namespace === undefined || found?.template.namespace === namespace || bindingNamespaceOf(object) === namespace ? found : undefined;
      },
      indexes: { [BY_TEMPLATE]: ({ template }: WorkObject) => this.templateKeys(template), [BY_BINDING]: ({ bindingId }: WorkObject) => (bindingId === undefined ? [] : [bindingId]) },
    });
    this.clusters = new OptionalReflector({ ...options, resource: clusters, project: projectCluster });
  }

  /** Every resource that is watched where it is served. */
  static readonly resources: readonly OptionalResource[] = Object.values(RESOURCES);

  /** Every cache, Works last: they are judged by the others. */
  get caches(): readonly ObjectCache<Stored>[] {
    const policies: readonly unknown[] = [this.propagationPolicies, this.clusterPropagationPolicies, this.overridePolicies, this.clusterOverridePolicies];
    return [...policies, this.clusters, this.resourceBindings, this.clusterResourceBindings, this.works] as readonly ObjectCache<Stored>[];
  }

  /** The bindings, of namespaced templates and of others. */
  get bindings(): readonly OptionalReflector<BindingObject>[] {
    return [this.resourceBindings, this.clusterResourceBindings];
  }

  /** The policies that propagate, of a namespace and of all. */
  get policies(): readonly OptionalReflector<ClaimingPolicy>[] {
    return [this.propagationPolicies, this.clusterPropagationPolicies];
  }

  /** The policies that override, of a namespace and of all. */
  get overrides(): readonly OptionalReflector<OverridePolicyObject>[] {
    return [this.overridePolicies, this.clusterOverridePolicies];
  }

  /** Whether there is a Karmada, and its Works are known. */
  get isKnown(): boolean {
    return this.works.availability === 'present' && this.works.hasSynced;
  }

  /** Why it is not known what clusters run: there is a Karmada, or may be one, and its Works were never read. Undefined where they were, and where there is no Karmada. */
  get blind(): string | undefined {
    return this.works.hasSynced ? undefined : (this.works.problem?.message ?? 'its Works are still being read');
  }

  /** Calls `handler` when {@link isKnown} is no longer what it was, as soon as the API server has said again what it serves. Returns how to end that. */
  subscribe(handler: () => void): () => void {
    let before = this.isKnown;
    return this.#discovery.subscribe(() => {
      if (this.isKnown === before) return;
      before = this.isKnown;
      handler();
    });
  }

  /** What clusters are told to run of a workload, by its key; undefined where there is no Karmada, or while its Works are not known. */
  renderings(key: string): readonly Rendering[] | undefined {
    if (!this.isKnown) return undefined;
    const works = this.#worksOf(key);
    // In most templates there is one binding, and it leaves no cluster.
    const left = new Map([...new Set(works.map(({ bindingId }) => bindingId))].map((id) => [id, this.#left(id)]));
    return works.map((work) => ({ work, leaving: left.get(work.bindingId)?.has(work.cluster) === true }));
  }

  /**
   * The keys of the workloads that a Work was made of. WARNING: its binding says so. What its manifest is called is what overrides made of it, and they may
   * give it another name or namespace: taken by that, what runs would be nobody's, or another tenant's. Only where the binding is gone is there nothing else to go by.
   */
  keysOf({ bindingId, template }: Pick<WorkObject, 'bindingId' | 'template'>): readonly string[] {
    const bindings = this.#bindingsOf(bindingId);
    return bindings.length === 0 ? this.templateKeys(template) : [...new Set(bindings.flatMap((binding) => this.templateKeys(binding.template)))];
  }

  /** The keys that the Works of a binding are taken for where it is not known, or not any more, other than its own. */
  otherKeysOf({ id, template }: Pick<BindingObject, 'id' | 'template'>): readonly string[] {
    if (id === undefined) return [];
    const own = new Set(this.templateKeys(template));
    const named = [...this.works.store.byIndex(BY_BINDING, id)].flatMap((work) => this.templateKeys(work.template));
    return [...new Set(named)].filter((key) => !own.has(key));
  }

  /**
   * The policy that propagates a template, as its binding says. WARNING: the template says it too, and whoever may write that may write any claim into it, with the
   * right id: by that anybody could have the policies of others told of his images, and take his own out of what is told of them. A policy counts where it may claim there.
   */
  claimOf(workload: Pick<WorkloadObject, 'kind' | 'namespace' | 'name'>): Claim | undefined {
    const bindings = this.bindings.flatMap(({ store }) => [...store.byIndex(BY_TEMPLATE, workloadKey(workload))]);
    return bindings.map(({ claim }) => claim).find((claim) => claim !== undefined && mayClaim(claim, workload) && this.claimed(claim)?.id === claim.id);
  }

  /** The keys of the templates whose bindings name a policy by an id. */
  claimantsOf(id: string): readonly string[] {
    return this.bindings.flatMap(({ store }) => [...store.byIndex(BY_POLICY, id)].flatMap(({ template }) => this.templateKeys(template)));
  }

  /** The policy that a claim names, if it exists. */
  claimed({ kind, namespace, name }: Claim): ClaimingPolicy | undefined {
    return kind === 'PropagationPolicy' ? this.propagationPolicies.store.get(keyOf({ namespace, name })) : this.clusterPropagationPolicies.store.get(name);
  }

  /** What clusters are told to run of a template of a kind that is not watched, by its key; undefined where that is nothing with images. */
  disguised(key: string): WorkloadObject | undefined {
    if (!this.isKnown) return undefined;
    const found = this.bindings.flatMap(({ store }) => [...store.byIndex(BY_TEMPLATE, key)]).find((binding) => this.#isDisguise(binding));
    return found === undefined ? undefined : disguised(found);
  }

  /** All of these, or those of one namespace. */
  *allDisguised(namespace?: string): IterableIterator<WorkloadObject> {
    if (!this.isKnown) return;
    for (const { store } of this.bindings) {
      for (const binding of store.byIndex(UNWATCHED, '')) {
        if ((namespace === undefined || binding.template.namespace === namespace) && this.#isDisguise(binding)) yield disguised(binding);
      }
    }
  }

  #isDisguise({ id, template }: BindingObject): boolean {
    if (id === undefined || this.#isWatched(template) || this.#isExcluded(template.namespace)) return false;
    return [...this.works.store.byIndex(BY_BINDING, id)].some(({ deleting, images }) => !deleting && images.length > 0);
  }

  #isWatched({ apiVersion, kind }: TemplateRef): boolean {
    return this.#nameOfKind(apiVersion, kind) !== undefined;
  }

  /** The key of the workload that a template is, in a list. */
  templateKeys(template: TemplateRef): readonly string[] {
    const known = this.#keys.get(template);
    if (known !== undefined) return known;
    const kind = this.#nameOfKind(template.apiVersion, template.kind) ?? unwatchedName(template);
    const keys = [workloadKey({ kind, namespace: template.namespace, name: template.name })];
    this.#keys.set(template, keys);
    return keys;
  }

  /** The override policies that may change images of a template in a cluster, as they apply one after the other. */
  overriders(workload: Pick<WorkloadObject, 'resource' | 'namespace' | 'name' | 'labels'>, clusterName: string): readonly AppliedOverride[] {
    const cluster = this.clusters.store.get(clusterName);
    if (cluster === undefined) return [];
    return this.overridesOf(workload).filter(({ rules, tooLarge }) =>
      tooLarge === true || rules.some(({ targetCluster, overriders }) => (targetCluster === undefined || clusterMatches(cluster, targetCluster)) && TOUCHING_IMAGES.some((name) => isGiven(overriders[name]))));
  }

  /** The override policies that mean a template, as they apply one after the other. */
  overridesOf({ resource, namespace, name, labels = {} }: Pick<WorkloadObject, 'resource' | 'namespace' | 'name' | 'labels'>): readonly OverridePolicyObject[] {
    const selected = { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, labels };
    const namespaced = namespace === '' ? [] : [...this.overridePolicies.store.byIndex(BY_NAMESPACE, namespace)];
    return [...overridesInOrder([...this.clusterOverridePolicies.store.values()], selected), ...overridesInOrder(namespaced, selected)];
  }

  #worksOf(key: string): readonly WorkObject[] {
    const ids = new Set(this.bindings.flatMap(({ store }) => [...store.byIndex(BY_TEMPLATE, key)].flatMap(({ id }) => id ?? [])));
    const bound = [...ids].flatMap((id) => [...this.works.store.byIndex(BY_BINDING, id)]);
    const named = [...this.works.store.byIndex(BY_TEMPLATE, key)].filter(({ bindingId }) => bindingId === undefined || (!ids.has(bindingId) && this.#bindingsOf(bindingId).length === 0));
    return [...bound, ...named];
  }

  #bindingsOf(id: string | undefined): readonly BindingObject[] {
    return id === undefined ? [] : this.bindings.flatMap(({ store }) => [...store.byIndex(BY_ID, id)]);
  }

  /** The clusters that are being left by a binding. */
  #left(bindingId: string | undefined): ReadonlySet<string> {
    return new Set(this.#bindingsOf(bindingId).flatMap(({ evicting }) => evicting));
  }
}

/** The namespace of the binding that a Work was made for, as Karmada notes it beside what overrides may write. */
function bindingNamespaceOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[BINDING_NAMESPACE_ANNOTATION];
}

function mayClaim({ kind, namespace }: Claim, template: Pick<WorkloadObject, 'namespace'>): boolean {
  return kind === 'ClusterPropagationPolicy' || namespace === template.namespace;
}

function isGiven(overrider: unknown): boolean {
  return Array.isArray(overrider) && overrider.length > 0;
}
