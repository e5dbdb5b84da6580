import { fieldOf, listOf, textOf } from '../../karmada/json.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { sampleOf } from './look.ts';
import type { DeploymentFacts, SkippedFacts } from './types.ts';

const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true } as const;
const LIMIT = 16;

/** The Deployments of the operator in a namespace; none where it is not there. Rejects with ApiError. */
export async function operatorFacts(client: KubeClient, namespace: string, signal: AbortSignal, deadline: number): Promise<readonly DeploymentFacts[]> {
  const { items } = await sampleOf(client, DEPLOYMENTS, { namespace, limit: LIMIT, signal, deadline }, (object) => object);
  return items.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === 'assay').map(projectDeployment);
}

function projectDeployment(object: KubeObject): DeploymentFacts {
  return {
    id: `Deployment ${object.metadata.namespace}/${object.metadata.name}`,
    wanted: numberOf(fieldOf(fieldOf(object, 'spec'), 'replicas'), 1),
    available: numberOf(fieldOf(fieldOf(object, 'status'), 'availableReplicas'), 0),
    image: textOf(fieldOf(containersOf(object)[0], 'image')),
  };
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

/** What Karmada's controller manager in the host cluster is told not to propagate. Rejects with ApiError. */
export async function skippedFacts(client: KubeClient, namespace: string, deadline: number): Promise<SkippedFacts> {
  return skippedOf(await client.get(DEPLOYMENTS, { namespace, name: 'karmada-controller-manager' }, { deadline }));
}

/** `--skipped-propagating-apis` of a Deployment, written as one argument or as two; the last one counts. Pure. */
export function skippedOf(deployment: KubeObject): SkippedFacts {
  const words = containersOf(deployment).flatMap((container) => [...listOf(fieldOf(container, 'command')), ...listOf(fieldOf(container, 'args'))].map(textOf));
  const values = words.flatMap((word, index) => {
    const [, value] = /^--?skipped-propagating-apis(?:=(.*))?$/s.exec(word) ?? [];
    if (value !== undefined) return [value];
    return /^--?skipped-propagating-apis$/.test(word) ? [words[index + 1] ?? ''] : [];
  });
  const last = values.at(-1);
  return last === undefined ? {} : { value: last };
}

function containersOf(deployment: KubeObject): readonly unknown[] {
  return listOf(fieldOf(fieldOf(fieldOf(fieldOf(deployment, 'spec'), 'template'), 'spec'), 'containers'));
}
