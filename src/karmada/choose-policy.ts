import { recordOf, textOf } from './json.ts';
import { claimOf } from './claim.ts';
import { CLAIMED_BY_LABEL } from './names.ts';
import { skippedBecause, type PropagationRules } from './propagation-rules.ts';
import { highestScore, SCORE, selectedOf, type Selected } from './selectors.ts';
import type { Claim, PropagationPolicyObject } from './types.ts';

/** What is looked at of a template to find its policy. */
export interface Claimable extends Selected {
  readonly claim?: Claim | undefined;
}

/** Where policies are looked up. */
export interface PolicySource {
  /** The policy of this name; the namespace is empty for a ClusterPropagationPolicy. */
  named(kind: PropagationPolicyObject['kind'], namespace: string, name: string): PropagationPolicyObject | undefined;
  /** All PropagationPolicies of a namespace, or all ClusterPropagationPolicies for the empty one. */
  inNamespace(namespace: string): Iterable<PropagationPolicyObject>;
  /** Whether an override policy exists: an OverridePolicy, or a ClusterOverridePolicy for the empty namespace. */
  hasOverride(namespace: string, name: string): boolean;
}

/** Why no policy propagates a template. */
export type Unpropagated =
  | 'NamespaceReserved'
  | 'NamespaceSkipped'
  | 'ApiSkipped'
  /** The template's label names another controller that answers for it. */
  | 'ClaimedByOthers'
  /** The policy that claimed it is on its way out, and the claim stands until it is gone. */
  | 'PolicyDeleting'
  /** The policy that claimed it means it no longer, and the claim was not taken away yet: its binding stays as it is. */
  | 'ClaimStale'
  /** A policy that may mean it is too large to be looked at. */
  | 'PolicyTooLarge'
  | 'NoPolicy';

/** Which policy propagates a template. */
export type Choice =
  | { readonly type: 'None'; readonly because: Unpropagated; readonly policy?: PropagationPolicyObject }
  | {
      readonly type: 'Policy';
      readonly policy: PropagationPolicyObject;
      /** Whether the template says so already. */
      readonly claimed: boolean;
      /** Override policies that it depends on and that are not there: Karmada waits for them. */
      readonly waitsFor: readonly string[];
    };

/** What is looked at of a whole object to find its policy. */
export function claimableOf(object: unknown): Claimable {
  const { labels, annotations } = recordOf(recordOf(object)['metadata']);
  return { ...selectedOf(object), claim: claimOf(labels, annotations) };
}

/**
 * The policy that propagates a template (pkg/detector/policy.go, propagateResource). A claim stands for as long as its policy exists, even where
 * another one has a higher priority by now; without one the best PropagationPolicy of its namespace goes before any ClusterPropagationPolicy. Preemption, an alpha
 * feature that is off by default, is not looked at.
 */
export function choosePolicy(template: Claimable, source: PolicySource, rules: PropagationRules): Choice {
  const skipped = skippedBecause(template, rules);
  if (skipped !== undefined) return { type: 'None', because: skipped };
  if (textOf(template.labels[CLAIMED_BY_LABEL]) !== '') return { type: 'None', because: 'ClaimedByOthers' };
  const { claim } = template;
  const claimed = claim === undefined ? undefined : source.named(claim.kind, claim.namespace, claim.name);
  if (claimed !== undefined) return byClaim(template, claimed, source);
  for (const namespace of template.namespace === '' ? [''] : [template.namespace, '']) {
    const policies = [...source.inNamespace(namespace)];
    const tooLarge = policies.find((policy) => policy.tooLarge === true && !policy.deleting);
    if (tooLarge !== undefined) return { type: 'None', because: 'PolicyTooLarge', policy: tooLarge };
    const policy = highestPolicy(policies, template);
    if (policy !== undefined) return { type: 'Policy', policy, claimed: false, waitsFor: missingOverrides(policy, source) };
  }
  return { type: 'None', because: 'NoPolicy' };
}

function byClaim(template: Claimable, policy: PropagationPolicyObject, source: PolicySource): Choice {
  if (policy.deleting) return { type: 'None', because: 'PolicyDeleting', policy };
  if (policy.tooLarge) return { type: 'None', because: 'PolicyTooLarge', policy };
  if (highestScore(template, policy.resourceSelectors) === SCORE.none) return { type: 'None', because: 'ClaimStale', policy };
  return { type: 'Policy', policy, claimed: true, waitsFor: missingOverrides(policy, source) };
}

function missingOverrides(policy: PropagationPolicyObject, source: PolicySource): readonly string[] {
  return (policy.dependentOverrides ?? []).filter((name) => !source.hasOverride(policy.namespace, name));
}

/** Of the policies that mean a template the one with the highest priority, then the closest selector, then the lowest name (pkg/detector/compare.go). */
export function highestPolicy<T extends Pick<PropagationPolicyObject, 'name' | 'priority' | 'resourceSelectors' | 'deleting'>>(policies: Iterable<T>, template: Selected): T | undefined {
  let best: { readonly policy: T; readonly score: number } | undefined;
  for (const policy of policies) {
    if (policy.deleting) continue;
    const score = highestScore(template, policy.resourceSelectors);
    if (score === SCORE.none) continue;
    if (best === undefined || isHigher({ policy, score }, best)) best = { policy, score };
  }
  return best?.policy;
}

type Ranked = { readonly policy: Pick<PropagationPolicyObject, 'name' | 'priority'>; readonly score: number };

function isHigher(one: Ranked, other: Ranked): boolean {
  if (one.policy.priority !== other.policy.priority) return one.policy.priority > other.policy.priority;
  return one.score === other.score ? one.policy.name < other.policy.name : one.score > other.score;
}

/** Policies and override policies from lists, as a {@link PolicySource}. */
export function policySource(
  policies: Iterable<PropagationPolicyObject>,
  overrides: Iterable<{ readonly namespace: string; readonly name: string }> = [],
): PolicySource {
  const byNamespace = Map.groupBy(policies, (policy) => policy.namespace);
  const byName = new Map([...byNamespace.values()].flat().map((policy) => [`${policy.kind}/${policy.namespace}/${policy.name}`, policy]));
  const existing = new Set(Array.from(overrides, ({ namespace, name }) => `${namespace}/${name}`));
  return {
    named: (kind, namespace, name) => byName.get(`${kind}/${namespace}/${name}`),
    inNamespace: (namespace) => byNamespace.get(namespace) ?? [],
    hasOverride: (namespace, name) => existing.has(`${namespace}/${name}`),
  };
}
