import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { CodedError, messageOf } from '../base/errors.ts';

/** Why no cluster can be reached with this configuration. */
export type KubeConfigErrorCode = 'NoCluster' | 'Unreadable' | 'Malformed' | 'NoContext' | 'Incomplete' | 'Unsupported';

/** A kubeconfig that cannot be used; the message is one sentence that names the file, what is wrong and what to do. */
export class KubeConfigError extends CodedError<KubeConfigErrorCode> {}

/** What a pod knows of its cluster: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and its mounted service account. */
export interface InCluster {
  readonly host: string;
  readonly port: string;
  /** Folder with `token`, `ca.crt` and `namespace`. Default: /var/run/secrets/kubernetes.io/serviceaccount. */
  readonly root?: string;
}

/** Where to find the cluster. A kubeconfig wins over `inCluster`. */
export interface KubeConfigOptions {
  /** A file, or several joined by the platform's path delimiter as in KUBECONFIG: the first that defines a name wins. */
  readonly kubeconfig?: string;
  /** Default: the file's `current-context`. */
  readonly context?: string;
  readonly inCluster?: InCluster;
}

/** One cluster and the user to be there; what `loadKubeConfig` chose and checked. */
export interface ClusterAccess {
  readonly kubeConfig: KubeConfig;
  /** Where it was read from, for messages: `kubeconfig /home/u/.kube/config`, `the pod's service account`. */
  readonly source: string;
  readonly server: URL;
  readonly context: string;
  /** The context's namespace; absent where it names none. */
  readonly namespace?: string;
  readonly proxyUrl?: string;
}

const SERVICE_ACCOUNT_ROOT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Reads the configuration and checks all that can be checked without the network; throws KubeConfigError. */
export function loadKubeConfig(options: KubeConfigOptions): ClusterAccess {
  if (options.kubeconfig !== undefined && options.kubeconfig !== '') {
    const files = options.kubeconfig.split(delimiter).filter((file) => file !== '');
    return accessOf(merge(files), `kubeconfig ${files.join(delimiter)}`, options.context);
  }
  if (options.inCluster !== undefined) return inClusterAccess(options.inCluster);
  throw new KubeConfigError(
    'NoCluster',
    'no cluster is configured: pass --kubeconfig, set KUBECONFIG, or run inside of a cluster with a service account',
  );
}

function merge(files: readonly string[]): KubeConfig {
  const merged = new KubeConfig();
  for (const file of files) {
    const next = readOne(file);
    merged.clusters.push(...next.clusters.filter((item) => merged.getCluster(item.name) === null));
    merged.users.push(...next.users.filter((item) => merged.getUser(item.name) === null));
    merged.contexts.push(...next.contexts.filter((item) => merged.getContextObject(item.name) === null));
    if (!merged.currentContext && next.currentContext) merged.setCurrentContext(next.currentContext);
  }
  return merged;
}

function readOne(file: string): KubeConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new KubeConfigError(
      'Unreadable',
      `kubeconfig ${file} cannot be read (${messageOf(error, 200)}): pass --kubeconfig or set KUBECONFIG to a file that exists`,
      { cause: error },
    );
  }
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
  } catch (error) {
    // The parser's own message quotes the file, which may hold a token: only its reason and line are passed on.
    throw new KubeConfigError('Malformed', `kubeconfig ${file} is not a kubeconfig: ${parseReason(error)}; correct the file or pass another with --kubeconfig`);
  }
  config.makePathsAbsolute(dirname(file));
  return config;
}

function parseReason(error: unknown): string {
  const { reason, mark } = error as { reason?: unknown; mark?: { line?: number } };
  if (typeof reason === 'string') return `${reason}${mark?.line === undefined ? '' : ` in line ${mark.line + 1}`}`;
  return error instanceof TypeError ? 'it does not hold an object with clusters, users and contexts' : messageOf(error, 200);
}

function accessOf(config: KubeConfig, source: string, context?: string): ClusterAccess {
  const name = context ?? config.currentContext;
  if (!name) throw new KubeConfigError('NoContext', `${source} has no current-context: choose one with --context (${known(config.contexts)})`);
  const chosen = config.getContextObject(name);
  if (chosen === null) throw new KubeConfigError('NoContext', `${source} has no context "${name}": choose one with --context (${known(config.contexts)})`);
  config.setCurrentContext(name);
  const cluster = config.getCluster(chosen.cluster);
  if (cluster === null) throw incomplete(source, `context "${name}" names the cluster "${chosen.cluster}", which it does not define`);
  if (!chosen.user) throw incomplete(source, `context "${name}" names no user`);
  if (config.getUser(chosen.user) === null) throw incomplete(source, `context "${name}" names the user "${chosen.user}", which it does not define`);
  passExecInfo(config, chosen.user);
  return {
    kubeConfig: config,
    source,
    server: serverOf(source, cluster.name, cluster.server, cluster.skipTLSVerify),
    context: name,
    ...(chosen.namespace === undefined ? {} : { namespace: chosen.namespace }),
    ...(cluster.proxyUrl === undefined ? {} : { proxyUrl: proxyOf(source, cluster.name, cluster.proxyUrl) }),
  };
}

function known(contexts: readonly { readonly name: string }[]): string {
  const names = contexts.slice(0, 8).map((item) => item.name);
  return names.length === 0 ? 'it defines none' : `it defines ${names.join(', ')}${contexts.length > 8 ? ', …' : ''}`;
}

function incomplete(source: string, what: string): KubeConfigError {
  return new KubeConfigError('Incomplete', `${source}: ${what}; add it or choose another context with --context`);
}

function serverOf(source: string, cluster: string, server: string, insecure: boolean): URL {
  if (!URL.canParse(server)) throw incomplete(source, `the server "${server}" of the cluster "${cluster}" is not a URL`);
  const url = new URL(server);
  // Plain HTTP would send the user's token to whoever listens on the way.
  if (url.protocol === 'https:' || (url.protocol === 'http:' && insecure)) return url;
  throw new KubeConfigError(
    'Unsupported',
    `${source}: the server "${server}" of the cluster "${cluster}" is not https; use an https URL (http needs insecure-skip-tls-verify: true)`,
  );
}

function proxyOf(source: string, cluster: string, proxyUrl: string): string {
  const protocol = URL.canParse(proxyUrl) ? new URL(proxyUrl).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return proxyUrl;
  throw new KubeConfigError('Unsupported', `${source}: the proxy-url of the cluster "${cluster}" is not an http or https URL; only those proxies are supported`);
}

/** Credential plugins are promised KUBERNETES_EXEC_INFO (client-go credential plugins, "Input and output formats"). */
function passExecInfo(config: KubeConfig, userName: string): void {
  const exec = config.getUser(userName)?.exec as { apiVersion?: string; env?: { name: string; value: string }[] | null } | undefined;
  if (!exec) return;
  const info = { apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1', kind: 'ExecCredential', spec: { interactive: false } };
  exec.env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }];
}

function inClusterAccess(inCluster: InCluster): ClusterAccess {
  const root = inCluster.root ?? SERVICE_ACCOUNT_ROOT;
  const source = "the pod's service account";
  const host = inCluster.host.includes(':') ? `[${inCluster.host}]` : inCluster.host;
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'in-cluster', server: `https://${host}:${inCluster.port}`, caFile: join(root, 'ca.crt'), skipTLSVerify: false }],
    users: [{ name: 'service-account', authProvider: { name: 'tokenFile', config: { tokenFile: join(root, 'token') } } }],
    contexts: [{ name: 'in-cluster', cluster: 'in-cluster', user: 'service-account', namespace: namespaceOf(root) }],
    currentContext: 'in-cluster',
  });
  return accessOf(config, source);
}

function namespaceOf(root: string): string | undefined {
  try {
    return readFileSync(join(root, 'namespace'), 'utf8').trim();
  } catch (error) {
    throw new KubeConfigError(
      'Unreadable',
      `the pod's service account cannot be read (${messageOf(error, 200)}): set automountServiceAccountToken, or pass --kubeconfig`,
      { cause: error },
    );
  }
}
