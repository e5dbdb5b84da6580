import { UNCOVERABLE_KINDS } from '../../api/further-kinds.ts';
import { messageOf } from '../../base/errors.ts';
import { fieldOf, listOf, textOf } from '../../karmada/json.ts';
import { projectOverridePolicy, projectPropagationPolicy } from '../../karmada/project-policy.ts';
import type { OverridePolicyObject } from '../../karmada/types.ts';
import { ApiError, isForbidden, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Resource } from '../../kube/object.ts';
import { joined, look, lookBy, type Patience, sampleOf } from './look.ts';
import { missingPullSecrets, templateFacts } from './gather-templates.ts';
import type { GroupFacts, HiddenFacts, KarmadaFacts, Sample, Seen, SkippedFacts } from './types.ts';

const POLICY_GROUP = { group: 'policy.karmada.io', version: 'v1alpha1' } as const;
const PROPAGATION: readonly Resource[] = [
  { ...POLICY_GROUP, plural: 'propagationpolicies', kind: 'PropagationPolicy', namespaced: true },
  { ...POLICY_GROUP, plural: 'clusterpropagationpolicies', kind: 'ClusterPropagationPolicy', namespaced: false },
];
const OVERRIDES: readonly Resource[] = [
  { ...POLICY_GROUP, plural: 'overridepolicies', kind: 'OverridePolicy', namespaced: true },
  { ...POLICY_GROUP, plural: 'clusteroverridepolicies', kind: 'ClusterOverridePolicy', namespaced: false },
];
/** Of each kind: each is held against each template that it may reach. */
const LIMIT = 1000;

/** The groups of Karmada that are worked with, each at the version that is read. */
const GROUPS = ['policy.karmada.io/v1alpha1', 'work.karmada.io/v1alpha2', 'work.karmada.io/v1alpha1', 'cluster.karmada.io/v1alpha1'] as const;

/** Whether each group of Karmada is served: 404 means that it is not there, 503 that its server is away. */
export function groupFacts(client: KubeClient, deadline: number): Promise<readonly GroupFacts[]> {
  return Promise.all(GROUPS.map(async (group): Promise<GroupFacts> => {
    try {
      await client.getPath(`/apis/${group}`, { deadline });
      return { group, state: 'served' };
    } catch (error) {
      if (isNotFound(error)) return { group, state: 'absent' };
      const isOutage = error instanceof ApiError && (error.status >= 500 || error.code === 'Timeout');
      return { group, state: isOutage ? 'outage' : 'unreadable', why: messageOf(error) };
    }
  }));
}

/** The names of all groups that are served. Rejects with ApiError. */
export async function groupNames(client: KubeClient, deadline: number): Promise<ReadonlySet<string>> {
  const { groups } = (await client.getPath('/apis', { deadline })) as { readonly groups?: unknown };
  return new Set(listOf(groups).map((group) => textOf(fieldOf(group, 'name'))));
}

/** Whether this is a Karmada API server, or was meant to be one. */
export function isKarmada(groups: readonly GroupFacts[]): boolean {
  return groups.some(({ state }) => state !== 'absent');
}

/** What is seen of Karmada by its API; each part by itself, so that one that fails leaves the others. */
export async function karmadaFacts(client: KubeClient, groups: readonly GroupFacts[], patience: Patience, skipped: Seen<SkippedFacts>): Promise<KarmadaFacts> {
  const { timeout: deadline } = patience;
  const [lacks, lazy, overrides, templates, hidden] = await Promise.all([
    look('reading the schemas of Karmada', patience, () => missingFeatures(client, deadline)),
    look('reading propagation policies', patience, (signal) => lazyPolicies(client, signal, deadline)),
    look('reading override policies', patience, (signal) => overridePolicies(client, signal, deadline)),
    look('reading templates', patience, (signal) => templateFacts(client, signal, deadline)),
    look('counting what hides its images', patience, () => hiddenFacts(client, deadline)),
  ]);
  const missingSecrets = await lookBy(templates, ({ items }) => look('looking for pull secrets', patience, (signal) => missingPullSecrets(client, items, signal, deadline)));
  return { groups, lacks, lazy, overrides, templates, missingSecrets, hidden, skipped };
}

/** Features of Karmada ≥ 1.13 by the field that came with them, and the document of its schema. */
const FEATURES: readonly { readonly document: string; readonly kind: string; readonly field: readonly string[]; readonly text: string }[] = [
  { document: 'policy.karmada.io/v1alpha1', kind: 'PropagationPolicy', field: ['spec', 'suspension'], text: 'PropagationPolicy spec.suspension (Karmada 1.11)' },
  { document: 'work.karmada.io/v1alpha1', kind: 'Work', field: ['spec', 'suspendDispatching'], text: 'Work spec.suspendDispatching (Karmada 1.11)' },
  { document: 'work.karmada.io/v1alpha2', kind: 'ResourceBinding', field: ['spec', 'suspension', 'scheduling'], text: 'ResourceBinding spec.suspension.scheduling (Karmada 1.13)' },
];

async function missingFeatures(client: KubeClient, deadline: number): Promise<readonly string[]> {
  const documents = new Map<string, unknown>();
  for (const { document } of FEATURES) {
    if (!documents.has(document)) documents.set(document, await client.getPath(`/openapi/v3/apis/${document}`, { deadline, maxBytes: 32 * 1024 * 1024 }));
  }
  return FEATURES.filter(({ document, kind, field }) => !hasField(documents.get(document), kind, field)).map(({ text }) => text);
}

/** Whether the schema of a kind in an OpenAPI v3 document has a field. Pure. */
export function hasField(document: unknown, kind: string, path: readonly string[]): boolean {
  const schemas = Object.values(fieldOf(fieldOf(document, 'components'), 'schemas') ?? {});
  const isOfKind = (schema: unknown): boolean => listOf(fieldOf(schema, 'x-kubernetes-group-version-kind')).some((one) => fieldOf(one, 'kind') === kind);
  return path.reduce((schema: unknown, name) => fieldOf(fieldOf(schema, 'properties'), name), schemas.find(isOfKind)) !== undefined;
}

async function lazyPolicies(client: KubeClient, signal: AbortSignal, deadline: number): Promise<Sample<string>> {
  const samples = PROPAGATION.map((resource) => sampleOf(client, resource, { limit: LIMIT, signal, deadline }, (object) => {
    const { lazy, namespace, name } = projectPropagationPolicy({ ...object, kind: resource.kind });
    return lazy ? `${resource.kind} ${namespace === '' ? '' : `${namespace}/`}${name}` : undefined;
  }));
  return joined(await Promise.all(samples));
}

async function overridePolicies(client: KubeClient, signal: AbortSignal, deadline: number): Promise<Sample<OverridePolicyObject>> {
  const samples = OVERRIDES.map((resource) => sampleOf(client, resource, { limit: LIMIT, signal, deadline }, (object) => projectOverridePolicy({ ...object, kind: resource.kind })));
  return joined(await Promise.all(samples));
}

/** Those that are served and of which there are some; where they may not be listed they are left out. */
async function hiddenFacts(client: KubeClient, deadline: number): Promise<readonly HiddenFacts[]> {
  const counts = await Promise.all(UNCOVERABLE_KINDS.map(async ({ group, kind, plural, versions }) => {
    const all = await Promise.all(versions.map((version) => countOf(client, `/apis/${group}/${version}/${plural}`, deadline)));
    // Each version shows the same objects.
    return { resource: `${plural}.${group}`, kind, count: Math.max(...all) };
  }));
  return counts.filter(({ count }) => count > 0);
}

/** By one page of one: the server says how many more there are. */
async function countOf(client: KubeClient, path: string, deadline: number): Promise<number> {
  try {
    const list = await client.getPath(`${path}?limit=1`, { deadline });
    const more = fieldOf(fieldOf(list, 'metadata'), 'remainingItemCount');
    return listOf(fieldOf(list, 'items')).length + (typeof more === 'number' ? more : 0);
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return 0;
    throw error;
  }
}
