import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRONT_PROXY, type Layout } from './layout.ts';
import { type OwnedProcess, startOwned } from './owned-process.ts';

/** Gets a server's process as soon as it runs, long before it is ready, so that a failure in between can end it. */
export type Started = (server: OwnedProcess) => void;

/** Thrown when a server ended instead of getting ready, with the end of its log. */
export class ServerFailed extends Error {
  override readonly name = 'ServerFailed';
  /** Whether another process had taken the port. */
  readonly portTaken: boolean;

  constructor(server: OwnedProcess, what: string) {
    const tail = server.tail();
    super(`${server.name} ${what}; the end of ${server.log}:\n${tail}`);
    this.portTaken = /address already in use/.test(server.tail(200));
  }
}

const READY_TIMEOUT = 90_000;

/** For servers written in Go. Collecting garbage is a sixth of what a server with little in it does; memory is what these have enough of. */
export const SERVER_ENV: NodeJS.ProcessEnv = { ...process.env, GOGC: '400' };

/** Starts etcd with its data in `directory`/etcd. Nothing is synced to disk: no data here outlives the machine's next minute. */
export async function startEtcd(
  binary: string,
  { directory, logs }: Layout,
  ports: { readonly client: number; readonly peer: number },
  started: Started,
): Promise<void> {
  const client = `http://127.0.0.1:${ports.client}`;
  const name = basename(directory);
  const peer = `http://127.0.0.1:${ports.peer}`;
  const server = await startOwned({
    name: 'etcd',
    command: binary,
    log: join(logs, 'etcd.log'),
    env: SERVER_ENV,
    args: [
      `--name=${name}`,
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${name}=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
  });
  started(server);
  await ready(server, () => isMember(client, name));
}

/** Starts kube-apiserver with RBAC, certificates from `layout.pki` and an audit log, and waits for /readyz. */
export async function startApiServer(
  binary: string,
  { logs, pki, auditLog }: Layout,
  ports: { readonly secure: number; readonly client: number },
  started: Started,
): Promise<void> {
  const server = await startOwned({
    name: 'kube-apiserver',
    command: binary,
    log: join(logs, 'kube-apiserver.log'),
    env: SERVER_ENV,
    args: [
      `--etcd-servers=http://127.0.0.1:${ports.client}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${ports.secure}`,
      `--tls-cert-file=${join(pki, 'apiserver.crt')}`,
      `--tls-private-key-file=${join(pki, 'apiserver.key')}`,
      `--client-ca-file=${join(pki, 'ca.crt')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(pki, 'service-accounts.pub')}`,
      `--service-account-signing-key-file=${join(pki, 'service-accounts.key')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection',
      `--proxy-client-cert-file=${join(pki, 'front-proxy.crt')}`,
      `--proxy-client-key-file=${join(pki, 'front-proxy.key')}`,
      `--requestheader-client-ca-file=${join(pki, 'ca.crt')}`,
      `--requestheader-allowed-names=${FRONT_PROXY}`,
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-username-headers=X-Remote-User',
      `--audit-policy-file=${join(pki, 'audit-policy.json')}`,
      `--audit-log-path=${auditLog}`,
      '--audit-log-maxsize=200',
      '--audit-log-maxbackup=1',
    ],
  });
  started(server);
  const file = (name: string): Buffer => readFileSync(join(pki, name));
  const tls = { ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key'), agent: false as const };
  await ready(server, () => answers(() => request(`https://127.0.0.1:${ports.secure}/readyz`, tls)));
}

/** Controllers whose effects a user of a cluster sees; those about nodes, volumes and clouds would have nothing to do. */
export const CONTROLLERS = [
  'cronjob-controller',
  'daemonset-controller',
  'deployment-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'replicaset-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'statefulset-controller',
  'clusterrole-aggregation-controller',
] as const;

/** Starts kube-controller-manager, which has no port; the caller waits for what it does. */
export function startControllerManager(binary: string, { logs, pki }: Layout, controllers: readonly string[]): Promise<OwnedProcess> {
  return startOwned({
    name: 'kube-controller-manager',
    command: binary,
    log: join(logs, 'kube-controller-manager.log'),
    env: SERVER_ENV,
    args: [
      `--kubeconfig=${join(pki, 'controllers.kubeconfig')}`,
      `--controllers=${controllers.join(',')}`,
      `--service-account-private-key-file=${join(pki, 'service-accounts.key')}`,
      `--root-ca-file=${join(pki, 'ca.crt')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=300',
      '--kube-api-burst=600',
    ],
  });
}

/** Asks `question` until it says yes. Throws ServerFailed when the server ends first or is not ready in 90 s. */
export async function ready(server: OwnedProcess, question: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT;
  while (!(await question())) {
    if (!server.running) throw new ServerFailed(server, 'ended before it was ready');
    if (Date.now() > deadline) throw new ServerFailed(server, `was not ready after ${READY_TIMEOUT / 1000} s`);
    await sleep(50);
  }
}

/** Asks for the name, because an etcd of somebody else's may answer on a port that ours could not bind. */
async function isMember(client: string, name: string): Promise<boolean> {
  try {
    const response = await fetch(`${client}/v3/cluster/member/list`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(2_000) });
    const { members = [] } = (await response.json()) as { members?: { name?: string }[] };
    return members.some((member) => member.name === name);
  } catch {
    return false;
  }
}

/** Whether a GET is answered with 200. */
export function answers(open: () => ReturnType<typeof request>): Promise<boolean> {
  return new Promise((resolve) => {
    const call = open();
    call.setTimeout(2_000, () => call.destroy());
    call.once('error', () => resolve(false));
    call.once('response', (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode === 200));
    });
    call.end();
  });
}
