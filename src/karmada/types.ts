import type { PodImage } from '../api/pod-images.ts';
import type { Stored } from '../kube/store.ts';

/** One selector of a Karmada policy (policy.karmada.io/v1alpha1 ResourceSelector); fields as they stand in the object. */
export interface ResourceSelector {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name?: string;
  /** As written: `{}` selects everything and yet counts as a selection by label; an invalid one selects nothing. */
  readonly labelSelector?: unknown;
}

/** Who a PropagationPolicy or ClusterPropagationPolicy is: what there is to know of it once Karmada acts by it. */
export interface ClaimingPolicy extends Stored {
  readonly kind: 'PropagationPolicy' | 'ClusterPropagationPolicy';
  readonly uid: string;
  /** Karmada's permanent id: by it templates and bindings name the policy that claimed them. */
  readonly id?: string;
}

/** What is looked at of a PropagationPolicy or ClusterPropagationPolicy to say what it will propagate. */
export interface PropagationPolicyObject extends ClaimingPolicy {
  readonly resourceSelectors: readonly ResourceSelector[];
  readonly priority: number;
  /** `activationPreference: Lazy`: a change of the policy waits for the next change of the template. */
  readonly lazy: boolean;
  /** Cluster affinities as written (`placement.clusterAffinity` or all of `placement.clusterAffinities`); none: all clusters. */
  readonly affinities: readonly unknown[];
  /** Override policies that must exist before Karmada applies this one: OverridePolicies of its namespace, or ClusterOverridePolicies. Absent where there are none. */
  readonly dependentOverrides?: readonly string[];
  readonly deleting: boolean;
  /** Set where its spec is too large to be kept: there are no selectors and no affinities then, and nothing can be predicted by it. */
  readonly tooLarge?: true;
}

/** One rule of an override policy, as written. */
export interface OverrideRule {
  /** Absent: all clusters. */
  readonly targetCluster?: unknown;
  readonly overriders: Readonly<Record<string, unknown>>;
}

/** What is kept of an OverridePolicy or ClusterOverridePolicy. */
export interface OverridePolicyObject extends Stored {
  readonly kind: 'OverridePolicy' | 'ClusterOverridePolicy';
  /** None: every resource. */
  readonly resourceSelectors: readonly ResourceSelector[];
  readonly rules: readonly OverrideRule[];
  readonly deleting: boolean;
  /** Set where its spec is too large to be kept: there are no selectors and no rules then, and nothing can be predicted where it may apply. */
  readonly tooLarge?: true;
}

/** What is kept of a member cluster. */
export interface ClusterObject extends Stored {
  readonly labels: Readonly<Record<string, string>>;
  readonly provider: string;
  readonly region: string;
  readonly zones: readonly string[];
}

/** The template that a binding or a Work was made of. */
export interface TemplateRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What is kept of a ResourceBinding or ClusterResourceBinding. */
export interface BindingObject extends Stored {
  readonly kind: 'ResourceBinding' | 'ClusterResourceBinding';
  /** The binding's own permanent id: its Works carry it. */
  readonly id?: string;
  /** The policy that it was made for, as Karmada notes it there: whoever may write a template writes nothing into its binding. */
  readonly claim?: Claim;
  readonly template: TemplateRef & { readonly uid: string };
  /** Names of the clusters that were chosen, and of those that something that depends on it asks for. */
  readonly clusters: readonly string[];
  /** Clusters that are being left: their Works keep the manifest that they had. */
  readonly evicting: readonly string[];
  /** `spec.suspension` as written. */
  readonly suspension?: unknown;
}

/** What is kept of a Work: what one cluster is told to run. At most 1 KB (issue of the store's size, README *What done looks like*). */
export interface WorkObject extends Stored {
  /** Name of the member cluster: the Work's namespace without `karmada-es-`. */
  readonly cluster: string;
  /** The permanent id of the binding that it was made for; a Work without one is nobody's template (multi-cluster services). */
  readonly bindingId?: string;
  readonly template: TemplateRef;
  /** `metadata.generation` of the template that this was rendered from, as Karmada notes it in the manifest. */
  readonly generation?: number;
  /** UID of the template that this was rendered from: another one of the same name may have taken its place. */
  readonly templateUid?: string;
  /** Labels of the manifest but for Karmada's own: a labels overrider may have changed them. Absent where there are none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Set where there are too many labels to be kept: then every choice by labels chooses it. */
  readonly labelsOmitted?: true;
  /** Every image of the manifest, overrides applied. */
  readonly images: readonly PodImage[];
  /** `spec.suspendDispatching`. */
  readonly suspended: boolean;
  readonly deleting: boolean;
}

/**
 * Every image of an object of this kind; undefined for a kind that is not known to hold images.
 * @param object the whole object, any JSON; pointers start at its root
 */
export type ImagesOfManifest = (apiVersion: string, kind: string, object: unknown) => readonly PodImage[] | undefined;

/** The policy that a template or a binding says it was claimed by. */
export interface Claim {
  readonly kind: 'PropagationPolicy' | 'ClusterPropagationPolicy';
  /** Empty for a ClusterPropagationPolicy. */
  readonly namespace: string;
  readonly name: string;
  readonly id: string;
}
