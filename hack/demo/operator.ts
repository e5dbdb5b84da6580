import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Connection } from '../controlplane/connection.ts';
import { type OwnedProcess, startOwned } from '../controlplane/owned-process.ts';
import { freePort } from '../controlplane/ports.ts';
import type { Kubectl } from './kubectl.ts';
import { list, type Manifest } from './manifests.ts';
import { until } from './steps.ts';

/** The operator's account in the cluster, as config/default makes it. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** The operator as a process of this machine. */
export interface Operator {
  readonly process: OwnedProcess;
  readonly metricsUrl: string;
  /** The command line that it was started with, for people. */
  readonly commandLine: string;
}

/** What the operator is started with. */
export interface OperatorOptions {
  /** The repository: `dist/cli.js` is in it. */
  readonly root: string;
  readonly kubeconfig: string;
  readonly account: Account;
  /** Registries in plain HTTP: `127.0.0.1:port`. */
  readonly registries: readonly string[];
  /** The folder for its log. */
  readonly logs: string;
}

const ATTEMPTS = 3;

/**
 * Installs what `kubectl apply -k` would of `kustomization` (`config/default`, or `config/karmada/control-plane`), without the Deployment of
 * the operator itself, because there is no node to run it: the definitions of the API, the namespace, the account and its rights. Returns the account.
 */
export async function install(kubectl: Kubectl, root: string, kustomization = 'config/default'): Promise<Account> {
  const rendered = await kubectl.run(['kustomize', join(root, kustomization)]);
  const objects = parseAllDocuments(rendered).map((document) => document.toJS() as Manifest & { kind: string; metadata: { name: string; namespace: string } });
  const account = objects.find(({ kind }) => kind === 'ServiceAccount');
  if (account === undefined) throw new Error(`${kustomization} has no ServiceAccount for the operator`);
  const early = ['CustomResourceDefinition', 'Namespace'];
  const apply = (items: readonly Manifest[]): Promise<string> => kubectl.run(['apply', '--server-side', '-f', '-'], list(items));
  await apply(objects.filter(({ kind }) => early.includes(kind)));
  await apply(objects.filter(({ kind }) => !early.includes(kind) && kind !== 'Deployment'));
  const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition').map(({ metadata }) => `crd/${metadata.name}`);
  await kubectl.run(['wait', '--for=condition=Established', '--timeout=20s', ...definitions]);
  return { namespace: account.metadata.namespace, name: account.metadata.name };
}

/** A kubeconfig with a token of that account, which can do what its roles say and nothing else. Returns its path. */
export async function accountKubeconfig(kubectl: Kubectl, connection: Connection, { namespace, name }: Account): Promise<string> {
  const token = (await kubectl.run(['create', 'token', name, '-n', namespace, '--duration=24h'])).trim();
  const ca = readFileSync(connection.caFile).toString('base64');
  const path = join(connection.directory, 'operator.kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'demo', cluster: { server: connection.url, 'certificate-authority-data': ca } }],
    users: [{ name, user: { token } }],
    contexts: [{ name: 'demo', context: { cluster: 'demo', user: name } }],
    'current-context': 'demo',
  };
  writeFileSync(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  return path;
}

/** Starts `dist/cli.js run` as a user would, and waits until it is ready. Ends with this process. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  for (let attempt = 1; ; attempt += 1) {
    const [metrics, probes] = await Promise.all([freePort(), freePort()]);
    const operator = await launch(options, metrics, probes);
    try {
      await ready(operator.process, `http://127.0.0.1:${probes}/readyz`);
      return operator;
    } catch (error) {
      await operator.process.stop();
      // Somebody else can take a free port before the operator does.
      if (attempt === ATTEMPTS || !operator.process.tail().includes('something else listens there')) throw error;
    }
  }
}

async function launch({ root, kubeconfig, account, registries, logs }: OperatorOptions, metrics: number, probes: number): Promise<Operator> {
  const args = [
    'run',
    `--kubeconfig=${kubeconfig}`,
    `--operator-namespace=${account.namespace}`,
    `--allow-http-registry=${registries.join(',')}`,
    `--metrics-bind-address=127.0.0.1:${metrics}`,
    `--health-probe-bind-address=127.0.0.1:${probes}`,
    // Its Sigstore is one of its own, named by a policy; it asks nothing of the public one.
    '--tuf-mirror=0',
    '--log-format=text',
  ];
  const child = await startOwned({
    name: 'operator',
    command: process.execPath,
    args: [join(root, 'dist', 'cli.js'), ...args],
    log: join(logs, 'operator.log'),
    // What it needs it gets by flags: a variable of this shell (KUBECONFIG, ASSAY_…, a proxy) must not change what is shown.
    env: { PATH: process.env['PATH'] },
  });
  return { process: child, metricsUrl: `http://127.0.0.1:${metrics}/metrics`, commandLine: ['assay', ...args].join(' ') };
}

function ready(operator: OwnedProcess, url: string): Promise<true> {
  return until(
    30,
    async () => {
      if (!operator.running) throw new Error(`the operator ended; the end of its log:\n${operator.tail()}`);
      const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    },
    () => `the operator does not answer at ${url}; the end of its log:\n${operator.tail()}`,
  );
}
