import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { type Karmada, type KarmadaConnection, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { type Cluster, clusterAt } from './cluster.ts';
import { applyCrds } from './crds.ts';

/** The real Karmada of this test run: its API server, and the clusters that it propagates to. */
export interface KarmadaFleet extends Cluster {
  /** Ready clusters in Push mode: member1, member2. A namespace that is made at Karmada is made in them by Karmada, a moment later. */
  readonly members: readonly MemberCluster[];
}

/** One cluster of the fleet; what Karmada put into it is there to be read. Its own controllers make ReplicaSets of Deployments and pods of those, which no node ever runs. */
export interface MemberCluster extends Cluster {
  readonly name: string;
}

/** Names the file with the KarmadaConnection of the Karmada that the runner (hack/test.ts) started for all files of the layer e2e. */
export const SHARED_KARMADA = 'ASSAY_TEST_KARMADA';

let own: Promise<Karmada> | undefined;
let fleet: Promise<KarmadaFleet> | undefined;

// A test file that is run by hand has a Karmada of its own, which must end for the file to end.
after(async () => {
  if (own !== undefined) await (await own).stop();
});

/**
 * The Karmada of this test run with our CRDs: the runner's, or one that is started at the first call and stopped after the last test of
 * the file. Other files use it at the same time: keep to namespaces of your own, and to placements that a cluster of somebody else's does
 * not match. A test that breaks or adds something starts its own with `startKarmada` and looks at it through `fleetAt`.
 */
export function karmada(): Promise<KarmadaFleet> {
  fleet ??= connect();
  return fleet;
}

async function connect(): Promise<KarmadaFleet> {
  const shared = process.env[SHARED_KARMADA];
  own ??= shared === undefined ? startKarmada() : undefined;
  const connection = own === undefined ? (JSON.parse(readFileSync(shared ?? '', 'utf8')) as KarmadaConnection) : (await own).connection;
  const connected = fleetAt(connection);
  await applyCrds(connected);
  return connected;
}

/** The same view of any Karmada. */
export function fleetAt({ host, members }: KarmadaConnection): KarmadaFleet {
  return { ...clusterAt(host), members: members.map(({ name, connection }) => ({ ...clusterAt(connection), name })) };
}

/** A PropagationPolicy that puts the Deployments of its namespace into these clusters, or into all. */
export function propagation(namespace: string, name: string, ...clusterNames: readonly string[]): object {
  const placement = clusterNames.length === 0 ? {} : { clusterAffinity: { clusterNames } };
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { namespace, name },
    spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], placement },
  };
}
