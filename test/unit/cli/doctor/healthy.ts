import type { Facts, Finding, KarmadaFacts, PolicyFacts, Seen, TemplateFacts } from '../../../../src/cli/doctor/types.ts';
import { judge } from '../../../../src/cli/doctor/judge.ts';
import type { OverridePolicyObject } from '../../../../src/karmada/types.ts';

/** When everything is looked at. */
export const NOW = Date.UTC(2026, 10, 22, 12);

/** What was seen. */
export function seen<Value>(value: Value): Seen<Value> {
  return { seen: true, value };
}

/** What could not be. */
export const UNSEEN = { seen: false, why: 'the network was away' } as const;

/** A policy of the namespace `web` that is Ready. */
export function policy(change: Partial<PolicyFacts> = {}): PolicyFacts {
  return {
    id: 'ImageVerification web/release',
    namespace: 'web',
    generation: 2,
    observedGeneration: 2,
    ready: { type: 'Ready', status: 'True', reason: 'Compiled', message: 'the policy is being applied', lastTransitionTime: '2026-11-22T11:00:00Z' },
    suspended: false,
    globs: ['ghcr.io/acme/**'],
    enforcement: 'Enforce',
    pinMode: 'Patch',
    pinForm: 'Digest',
    weaknesses: [],
    exceptions: [],
    propagated: false,
    ...change,
  };
}

/** A Deployment `web/api` of one container and one init container. */
export function template(change: Partial<TemplateFacts> = {}): TemplateFacts {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'web',
    name: 'api',
    labels: { app: 'api' },
    images: [{ holder: 'containers', image: 'ghcr.io/acme/api:1.4', pointer: '/spec/template/spec/containers/0/image' }],
    pullSecrets: [],
    ...change,
  };
}

/** An OverridePolicy `web/mirror` for all Deployments, with these overriders. */
export function override(overriders: Readonly<Record<string, unknown>>, change: Partial<OverridePolicyObject> = {}): OverridePolicyObject {
  return {
    kind: 'OverridePolicy',
    namespace: 'web',
    name: 'mirror',
    resourceVersion: '1',
    resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
    rules: [{ overriders }],
    deleting: false,
    ...change,
  };
}

/** A Karmada with nothing to complain about. */
export function karmada(change: Partial<KarmadaFacts> = {}): Seen<KarmadaFacts> {
  return seen({
    groups: ['policy.karmada.io/v1alpha1', 'work.karmada.io/v1alpha2', 'work.karmada.io/v1alpha1', 'cluster.karmada.io/v1alpha1'].map((group) => ({ group, state: 'served' as const })),
    lacks: seen([]),
    lazy: seen({ items: [], more: false }),
    overrides: seen({ items: [], more: false }),
    templates: seen({ items: [template()], more: false }),
    missingSecrets: seen([]),
    hidden: seen([]),
    skipped: seen({ value: 'assay.dev' }),
    ...change,
  });
}

/** An installation on a plain cluster with nothing to complain about. */
export function healthy(change: Partial<Facts> = {}): Facts {
  return {
    now: NOW,
    settings: { operatorNamespace: 'assay-system', karmadaNamespace: 'karmada-system', askRegistries: true },
    access: seen({ source: 'kubeconfig /home/u/.kube/config', server: 'https://api.example:6443', context: 'prod', insecure: false }),
    server: { reached: true, version: 'v1.35.3', milliseconds: 12, skew: 400 },
    caller: seen('admin'),
    rights: seen({ account: 'system:serviceaccount:assay-system:assay', asked: 'account', missing: [], excess: [], askedFor: 38 }),
    definitions: seen(['imageverifications.assay.dev', 'clusterimageverifications.assay.dev'].map((name) => ({ name, state: 'installed' as const, established: true, same: true, lacks: [], adds: [] }))),
    policies: seen({ items: [policy()], more: false }),
    operator: seen([{ id: 'Deployment assay-system/assay', wanted: 1, available: 1, image: 'assay:0.1.0' }]),
    trust: seen({ origin: 'the one of this version', authorities: 2, currentAuthorities: 1 }),
    registries: seen([{ host: 'ghcr.io', answer: 'Answers' as const }]),
    ...change,
  };
}

/** What is said of an installation with these differences that is not `ok`. */
export function complaints(change: Partial<Facts>): readonly Finding[] {
  return judge(healthy(change)).filter(({ result }) => result !== 'ok');
}
