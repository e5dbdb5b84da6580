import { join } from 'node:path';
import { startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { type Cluster, clusterAt } from './cluster.ts';
import { applyCrds } from './crds.ts';
import { run } from './installation.ts';

/** Karmada's API without anything that acts on it: whoever uses it writes what Karmada would have written. */
export interface KarmadaApi extends Cluster {
  /** Of a user whose requests are not in the audit log, so that the log holds only what is looked for in it. */
  readonly unrecordedKubeconfig: string;
  /** Where its etcd is. */
  readonly etcdUrl: string;
  stop(): Promise<void>;
}

const WEBHOOKS = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];

/**
 * Starts the real kube-apiserver with Karmada's CRDs and its real aggregated API server, and our CRDs in it. Karmada's controllers, scheduler and webhooks
 * do not run: they would try to reach clusters that are not there.
 */
export async function startKarmadaApi(): Promise<KarmadaApi> {
  const karmada = await startKarmada({ members: 0 });
  try {
    const cluster = clusterAt(karmada.plane.connection);
    for (const kind of WEBHOOKS) await run(cluster, ['delete', kind, '--all']);
    const { 'karmada-aggregated-apiserver': _, ...others } = karmada.components;
    await Promise.all(Object.values(others).map((component) => component.stop()));
    await applyCrds(cluster);
    return { ...cluster, etcdUrl: karmada.plane.etcdUrl, unrecordedKubeconfig: join(karmada.plane.layout.pki, 'controllers.kubeconfig'), stop: () => karmada.stop() };
  } catch (error) {
    await karmada.stop();
    throw error;
  }
}
