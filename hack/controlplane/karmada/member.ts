import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandResult } from '../connection.ts';
import type { ControlPlane } from '../start.ts';
import type { Manifest } from './manifests.ts';

/** A cluster that Karmada puts things into by itself (Push). */
export interface Member {
  readonly name: string;
  readonly plane: ControlPlane;
}

/** The controllers of a member: what is stored there is what counts; a namespace must be able to go, and a rollout shows as a ReplicaSet with a status. */
export const MEMBER_CONTROLLERS = ['namespace-controller', 'garbage-collector-controller', 'deployment-controller', 'replicaset-controller'] as const;

/** Where Karmada's things are, in its own API server and in members (`karmadactl join` makes the same ones). */
const NAMESPACE = 'karmada-cluster';

const PATIENCE = 120_000;

/** Makes the account that Karmada acts with in the member, and returns the objects that register the member at Karmada: Secrets and the Cluster, which comes last. */
export async function joinable({ name, plane }: Member): Promise<Manifest[]> {
  const account = `karmada-${name}`;
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace: NAMESPACE }];
  await make(plane, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: NAMESPACE } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: account },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects,
    },
  ]);
  const [token, id] = await Promise.all([
    text(plane.kubectl(['create', 'token', account, '-n', NAMESPACE, '--duration=48h'])),
    text(plane.kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}'])),
  ]);
  const secret = (of: string, stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: of, namespace: NAMESPACE }, stringData });
  const cluster = {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: {
      id,
      syncMode: 'Push',
      apiEndpoint: plane.url,
      secretRef: { namespace: NAMESPACE, name },
      impersonatorSecretRef: { namespace: NAMESPACE, name: `${name}-impersonator` },
    },
  };
  return [secret(name, { token, caBundle: readFileSync(plane.caFile, 'utf8') }), secret(`${name}-impersonator`, { token }), cluster];
}

/** Creates objects, in their order, as they are: looking them up in the API server's schemas first takes a second. Throws with what kubectl complained about. */
export async function make(plane: ControlPlane, items: readonly Manifest[]): Promise<void> {
  await text(plane.kubectl(['create', '--validate=false', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items })));
}

/** Waits until these objects have a condition. Throws after two minutes. */
export function waitFor(plane: ControlPlane, condition: string, objects: readonly string[]): Promise<void> {
  return until(`${objects.join(' and ')} to be ${condition}`, async () => (await plane.kubectl(['wait', `--for=condition=${condition}`, '--timeout=10s', ...objects])).code === 0);
}

/** Asks until the answer is yes. Throws what was waited for after two minutes. */
export async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE / 1000} s for ${what}`);
    await sleep(50);
  }
}

/** What kubectl printed. Throws with what it complained about. */
export async function text(asked: Promise<CommandResult>): Promise<string> {
  const { code, stdout, stderr } = await asked;
  if (code !== 0) throw new Error(`kubectl failed (${code}): ${stderr.trim()}`);
  return stdout.trim();
}
