import { imagePartsOf } from '../../api/object-images.ts';
import { WORKLOAD_KINDS, type WorkloadKind } from '../../api/workload-kinds.ts';
import { fieldOf, listOf, textMapOf, textOf } from '../../karmada/json.ts';
import { isReservedNamespace } from '../../karmada/names.ts';
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { apiVersionOf, type KubeObject } from '../../kube/object.ts';
import { joined, sampleOf } from './look.ts';
import type { Sample, TemplateFacts } from './types.ts';

/** Of each kind. */
const LIMIT = 2000;
const MAX_NAMESPACES = 200;
const MAX_SECRETS = 5000;
const SECRETS = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true } as const;

/** Templates in the namespaces that Karmada propagates, of the kinds that every build watches. Rejects with ApiError. */
export async function templateFacts(client: KubeClient, signal: AbortSignal, deadline: number): Promise<Sample<TemplateFacts>> {
  const samples: Sample<TemplateFacts>[] = [];
  for (const kind of WORKLOAD_KINDS) {
    samples.push(await sampleOf(client, kind, { limit: LIMIT, signal, deadline }, (object) => projectTemplate(kind, object)));
  }
  return joined(samples);
}

/** What matters of a template; nothing of one that another object makes, or in a namespace that is never propagated. Pure. */
export function projectTemplate(kind: WorkloadKind, object: KubeObject): TemplateFacts | undefined {
  const { namespace = '', name, labels, ownerReferences = [] } = object.metadata;
  if (isReservedNamespace(namespace) || namespace.startsWith('kube-') || ownerReferences.some(({ controller }) => controller)) return undefined;
  const { images, podSpecs } = imagePartsOf(kind, object);
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    namespace,
    name,
    labels: textMapOf(labels),
    images: images.map(({ holder, image, pointer }) => ({ holder, image, pointer })),
    pullSecrets: podSpecs.flatMap((podSpec) => listOf(fieldOf(podSpec, 'imagePullSecrets'))).map((one) => textOf(fieldOf(one, 'name'))).filter((secret) => secret !== ''),
  };
}

/** `namespace/name` of pull secrets that templates name and that are not there. Names of Secrets are read, never what is in them. Rejects with ApiError. */
export async function missingPullSecrets(client: KubeClient, templates: readonly TemplateFacts[], signal: AbortSignal, deadline: number): Promise<readonly string[]> {
  const wanted = new Map<string, Set<string>>();
  for (const { namespace, pullSecrets } of templates) {
    if (pullSecrets.length > 0) wanted.set(namespace, new Set([...(wanted.get(namespace) ?? []), ...pullSecrets]));
  }
  const missing: string[] = [];
  for (const [namespace, names] of [...wanted].slice(0, MAX_NAMESPACES)) {
    const there = new Set(await secretNames(client, namespace, signal, deadline));
    missing.push(...[...names].filter((name) => !there.has(name)).map((name) => `${namespace}/${name}`));
  }
  return missing.toSorted();
}

async function secretNames(client: KubeClient, namespace: string, signal: AbortSignal, deadline: number): Promise<readonly string[]> {
  try {
    const { items } = await sampleOf(client, SECRETS, { namespace, limit: MAX_SECRETS, signal, deadline, metadataOnly: true }, ({ metadata }) => metadata.name);
    return items;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
