import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { choosePolicy, claimableOf, policySource } from '../../../src/karmada/choose-policy.ts';
import { possibleClusters } from '../../../src/karmada/cluster-affinity.ts';
import { propagationRules } from '../../../src/karmada/propagation-rules.ts';
import type { PropagationPolicyObject } from '../../../src/karmada/types.ts';
import { cluster, deployment, DEPLOYMENTS, policy, running } from './builders.ts';

const RULES = propagationRules('assay.dev;batch/v1/Job,CronJob;acme.example/v2;v1/Secret,ConfigMap');

interface Row {
  readonly template?: unknown;
  readonly policies?: readonly PropagationPolicyObject[];
  readonly overrides?: readonly { readonly namespace: string; readonly name: string }[];
  /** `kind/namespace/name` with `(claimed)`, or why there is none. */
  readonly gives: string;
}

const POD = running('app:v1');
const claimedBy = (name: string, namespace = 'team'): unknown =>
  deployment(POD, { labels: { 'propagationpolicy.karmada.io/permanent-id': `id-${name}` }, annotations: { 'propagationpolicy.karmada.io/namespace': namespace, 'propagationpolicy.karmada.io/name': name } });
const claimedByCluster = (name: string): unknown => deployment(POD, { labels: { 'clusterpropagationpolicy.karmada.io/permanent-id': `id-${name}` }, annotations: { 'clusterpropagationpolicy.karmada.io/name': name } });
const by = (selector: object): object => ({ resourceSelectors: [{ ...DEPLOYMENTS, ...selector }] });
const object = (apiVersion: string, kind: string): unknown => ({ apiVersion, kind, metadata: { namespace: 'team', name: 'web' } });
const forAll = (apiVersion: string, kind: string): PropagationPolicyObject => policy('team', 'p', { resourceSelectors: [{ apiVersion, kind }] });

const ROWS: Readonly<Record<string, Row>> = {
  'without a policy there is none': { gives: 'NoPolicy' },
  'a policy of another namespace means nothing here': { policies: [policy('other', 'p')], gives: 'NoPolicy' },
  'the policy of the namespace goes before that of the cluster, whatever their priorities': { policies: [policy('', 'c', { priority: 9 }), policy('team', 'p')], gives: 'PropagationPolicy/team/p' },
  'the policy of the cluster is taken where none of the namespace means it': { policies: [policy('', 'c'), policy('team', 'p', by({ name: 'other' }))], gives: 'ClusterPropagationPolicy//c' },
  'a higher priority goes before a closer selector': { policies: [policy('team', 'a', by({ name: 'web' })), policy('team', 'b', { priority: 1 })], gives: 'PropagationPolicy/team/b' },
  'a closer selector goes before a lower name': { policies: [policy('team', 'a'), policy('team', 'b', by({ name: 'web' }))], gives: 'PropagationPolicy/team/b' },
  'of equals the lower name is taken': { policies: [policy('team', 'b'), policy('team', 'a')], gives: 'PropagationPolicy/team/a' },
  'a policy on its way out means nothing': { policies: [policy('team', 'a', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), policy('team', 'b')], gives: 'PropagationPolicy/team/b' },
  'a claim stays, whatever has a higher priority by now': { template: claimedBy('p'), policies: [policy('team', 'p'), policy('team', 'q', { priority: 9 })], gives: 'PropagationPolicy/team/p (claimed)' },
  'a claim by a policy of the cluster stays': { template: claimedByCluster('c'), policies: [policy('team', 'p'), policy('', 'c')], gives: 'ClusterPropagationPolicy//c (claimed)' },
  'a claim by a policy that means it no longer': { template: claimedBy('p'), policies: [policy('team', 'p', by({ name: 'other' })), policy('team', 'q')], gives: 'ClaimStale' },
  'a claim by a policy on its way out': { template: claimedBy('p'), policies: [policy('team', 'p', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), policy('team', 'q')], gives: 'PolicyDeleting' },
  'a claim by a policy that is gone is none': { template: claimedBy('gone'), policies: [policy('team', 'q')], gives: 'PropagationPolicy/team/q' },
  'a claim without the id is none': { template: deployment(POD, { annotations: { 'propagationpolicy.karmada.io/namespace': 'team', 'propagationpolicy.karmada.io/name': 'q' } }), policies: [policy('team', 'q', by({ name: 'other' }))], gives: 'NoPolicy' },
  'a claim may name a policy of another namespace': { template: claimedBy('p', 'other'), policies: [policy('other', 'p'), policy('team', 'q')], gives: 'PropagationPolicy/other/p (claimed)' },
  'what another controller answers for is left to it': { template: deployment(POD, { labels: { 'resourcetemplate.karmada.io/claimed-by': 'multiclusterservice' } }), policies: [policy('team', 'p')], gives: 'ClaimedByOthers' },
  'Karmada waits for overrides that a policy depends on': { policies: [policy('team', 'p', { dependentOverrides: ['there', 'missing'] })], overrides: [{ namespace: 'team', name: 'there' }, { namespace: '', name: 'missing' }], gives: 'PropagationPolicy/team/p waits for missing' },
  'also for what it claimed': { template: claimedBy('p'), policies: [policy('team', 'p', { dependentOverrides: ['missing'] })], gives: 'PropagationPolicy/team/p (claimed) waits for missing' },
  'a policy that is too large says nothing, nor what comes after it': { policies: [policy('team', 'p', { resourceSelectors: Array.from({ length: 5000 }, () => ({ name: 'n'.repeat(100) })) }), policy('', 'c')], gives: 'PolicyTooLarge' },
  'nothing of Karmada itself is propagated': { template: deployment(POD, { namespace: 'karmada-system' }), policies: [policy('', 'c')], gives: 'NamespaceReserved' },
  'nor what is in an execution space': { template: deployment(POD, { namespace: 'karmada-es-member1' }), policies: [policy('', 'c')], gives: 'NamespaceReserved' },
  'nor what is in a namespace that is skipped': { template: deployment(POD, { namespace: 'kube-system' }), policies: [policy('', 'c')], gives: 'NamespaceSkipped' },
  'a pattern is for the whole name': { template: deployment(POD, { namespace: 'my-kube-system' }), policies: [policy('', 'c')], gives: 'ClusterPropagationPolicy//c' },
  'a group that is skipped': { template: object('assay.dev/v1alpha1', 'ImagePolicy'), policies: [forAll('assay.dev/v1alpha1', 'ImagePolicy')], gives: 'ApiSkipped' },
  'kinds that are skipped': { template: object('batch/v1', 'CronJob'), policies: [forAll('batch/v1', 'CronJob')], gives: 'ApiSkipped' },
  'a version that is skipped': { template: object('acme.example/v2', 'App'), policies: [forAll('acme.example/v2', 'App')], gives: 'ApiSkipped' },
  'another version is not': { template: object('acme.example/v1', 'App'), policies: [forAll('acme.example/v1', 'App')], gives: 'PropagationPolicy/team/p' },
  'kinds of the core group that are skipped': { template: object('v1', 'ConfigMap'), policies: [forAll('v1', 'ConfigMap')], gives: 'ApiSkipped' },
  'what Karmada skips by itself': { template: object('work.karmada.io/v1alpha1', 'Work'), policies: [forAll('work.karmada.io/v1alpha1', 'Work')], gives: 'ApiSkipped' },
};

describe('the policy of a template', () => {
  for (const [sentence, { template = deployment(POD), policies = [], overrides = [], gives }] of Object.entries(ROWS)) {
    test(sentence, () => {
      for (const order of [policies, policies.toReversed()]) {
        const choice = choosePolicy(claimableOf(template), policySource(order, overrides), RULES);
        assert.equal(choice.type === 'None' ? choice.because : shown(choice), gives);
      }
    });
  }
});

function shown({ policy: { kind, namespace, name }, claimed, waitsFor }: { policy: PropagationPolicyObject; claimed: boolean; waitsFor: readonly string[] }): string {
  return `${kind}/${namespace}/${name}${claimed ? ' (claimed)' : ''}${waitsFor.length === 0 ? '' : ` waits for ${waitsFor.join(', ')}`}`;
}

const AFFINITIES: Readonly<Record<string, { readonly placement: object; readonly gives: readonly string[] }>> = {
  'none: every cluster': { placement: {}, gives: ['member1', 'member2', 'member3'] },
  'one: those that it means': { placement: { clusterAffinity: { clusterNames: ['member2'] } }, gives: ['member2'] },
  'several: those that any of them means': { placement: { clusterAffinities: [{ affinityName: 'a', clusterNames: ['member3'] }, { affinityName: 'b', labelSelector: { matchLabels: { tier: 'gold' } } }] }, gives: ['member1', 'member3'] },
};

describe('the clusters that a policy may choose, by its affinities', () => {
  for (const [sentence, { placement, gives }] of Object.entries(AFFINITIES)) {
    test(sentence, () => {
      const clusters = [cluster('member1', {}, { tier: 'gold' }), cluster('member2'), cluster('member3')];
      assert.deepEqual(possibleClusters(policy('team', 'p', { placement }), clusters).map(({ name }) => name), gives);
    });
  }
});
