import { connect } from '../kube/connect.ts';
import type { InCluster } from '../kube/kubeconfig.ts';
import type { CliContext } from './context.ts';

/** Where a Secret is. */
export interface SecretPlace {
  readonly namespace: string;
  readonly name: string;
}

const SECRETS = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true } as const;

/**
 * The data of a Secret, base64 as it is stored, read with the caller's own kubeconfig. One that has none has an empty record. Throws
 * KubeConfigError where no cluster is configured, and ApiError for its answer.
 */
export async function secretData({ namespace, name }: SecretPlace, { env, clock }: Pick<CliContext, 'env' | 'clock'>): Promise<Readonly<Record<string, string>>> {
  const { client } = connect({ ...placeOf(env), clock });
  try {
    const secret = await client.get(SECRETS, { namespace, name });
    const { data } = secret as { readonly data?: Readonly<Record<string, string>> };
    return data ?? {};
  } finally {
    await client.close();
  }
}

/** As kubectl: KUBECONFIG, inside of a pod its service account, else the file in the home directory. */
function placeOf(env: CliContext['env']): { readonly kubeconfig?: string; readonly inCluster?: InCluster } {
  const { KUBECONFIG: kubeconfig, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, HOME: home } = env;
  if (kubeconfig) return { kubeconfig };
  if (host && port) return { inCluster: { host, port } };
  return home ? { kubeconfig: `${home}/.kube/config` } : {};
}
