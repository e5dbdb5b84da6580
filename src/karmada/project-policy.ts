import type { KubeObject } from '../kube/object.ts';
import type { Stored } from '../kube/store.ts';
import { isRecord, listOf, recordOf, textOf, textsOf } from './json.ts';
import { CLUSTER_POLICY_ID_LABEL, POLICY_ID_LABEL } from './names.ts';
import type { ClaimingPolicy, OverridePolicyObject, OverrideRule, PropagationPolicyObject, ResourceSelector } from './types.ts';

/**
 * Characters of JSON that are kept of one policy: some hundred selectors or rules. WARNING: each takes two to three bytes, and tenants write as many policies as they
 * like into their namespaces; with four times of this, 500 of them would take 300 MB.
 */
export const MAX_SPEC = 65_536;

/** Who a PropagationPolicy is, or a ClusterPropagationPolicy where there is no namespace. Of its selectors, which may be a MiB of anything, nothing is kept. */
export function projectClaimingPolicy(object: KubeObject): ClaimingPolicy {
  const stored = storedOf(object);
  const namespaced = stored.namespace !== '';
  const id = textOf(recordOf(recordOf(object.metadata)['labels'])[namespaced ? POLICY_ID_LABEL : CLUSTER_POLICY_ID_LABEL]);
  return {
    ...stored,
    kind: namespaced ? 'PropagationPolicy' : 'ClusterPropagationPolicy',
    uid: textOf(recordOf(object.metadata)['uid']),
    ...(id === '' ? {} : { id }),
  };
}

/** What is looked at of a PropagationPolicy, or of a ClusterPropagationPolicy where there is no namespace. */
export function projectPropagationPolicy(object: KubeObject): PropagationPolicyObject {
  const spec = recordOf(recordOf(object)['spec']);
  const placement = recordOf(spec['placement']);
  const content = { selectors: listOf(spec['resourceSelectors']), affinities: affinitiesOf(placement), dependents: textsOf(spec['dependentOverrides']) };
  const tooLarge = isTooLarge(content);
  const dependentOverrides = tooLarge ? [] : content.dependents;
  return {
    ...projectClaimingPolicy(object),
    resourceSelectors: tooLarge ? [] : content.selectors.map(selectorOf),
    priority: typeof spec['priority'] === 'number' ? spec['priority'] : 0,
    lazy: spec['activationPreference'] === 'Lazy',
    affinities: tooLarge ? [] : content.affinities,
    ...(dependentOverrides.length === 0 ? {} : { dependentOverrides }),
    deleting: isDeleting(object),
    ...(tooLarge ? { tooLarge } : {}),
  };
}

/** What is kept of an OverridePolicy, or of a ClusterOverridePolicy where there is no namespace. The older `targetCluster` and `overriders` are read as one rule. */
export function projectOverridePolicy(object: KubeObject): OverridePolicyObject {
  const spec = recordOf(recordOf(object)['spec']);
  const stored = storedOf(object);
  const content = { selectors: listOf(spec['resourceSelectors']), rules: rulesOf(spec) };
  const tooLarge = isTooLarge(content);
  return {
    ...stored,
    kind: stored.namespace === '' ? 'ClusterOverridePolicy' : 'OverridePolicy',
    resourceSelectors: tooLarge ? [] : content.selectors.map(selectorOf),
    rules: tooLarge ? [] : content.rules,
    deleting: isDeleting(object),
    ...(tooLarge ? { tooLarge } : {}),
  };
}

/** Name, namespace and version of any object. */
export function storedOf({ metadata }: KubeObject): Stored {
  const { namespace, name, resourceVersion } = recordOf(metadata);
  return { namespace: textOf(namespace), name: textOf(name), resourceVersion: textOf(resourceVersion) };
}

/** Whether an object is on its way out. */
export function isDeleting({ metadata }: KubeObject): boolean {
  return textOf(recordOf(metadata)['deletionTimestamp']) !== '';
}

/** One selector, any JSON. Empty texts count as absent, as Go reads them. */
export function selectorOf(value: unknown): ResourceSelector {
  const { apiVersion, kind, namespace, name, labelSelector } = recordOf(value);
  return {
    apiVersion: textOf(apiVersion),
    kind: textOf(kind),
    ...(textOf(namespace) === '' ? {} : { namespace: textOf(namespace) }),
    ...(textOf(name) === '' ? {} : { name: textOf(name) }),
    ...(labelSelector === undefined || labelSelector === null ? {} : { labelSelector }),
  };
}

function affinitiesOf(placement: Readonly<Record<string, unknown>>): readonly unknown[] {
  return isRecord(placement['clusterAffinity']) ? [placement['clusterAffinity']] : listOf(placement['clusterAffinities']);
}

function rulesOf(spec: Readonly<Record<string, unknown>>): readonly OverrideRule[] {
  const rules = listOf(spec['overrideRules']);
  return (rules.length === 0 ? [spec] : rules).map((rule) => {
    const { targetCluster, overriders } = recordOf(rule);
    return { ...(targetCluster === undefined || targetCluster === null ? {} : { targetCluster }), overriders: recordOf(overriders) };
  });
}

function isTooLarge(content: unknown): boolean {
  try {
    return JSON.stringify(content).length > MAX_SPEC;
  } catch {
    // Nested deeper than the stack is high.
    return true;
  }
}
