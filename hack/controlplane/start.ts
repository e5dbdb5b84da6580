import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Binaries, binaries } from './binaries.ts';
import { type CommandResult, type Connection, kubectl, userKubeconfig, writeKubeconfig } from './connection.ts';
import { type Layout, newLayout, removeLayout } from './layout.ts';
import type { OwnedProcess } from './owned-process.ts';
import { freePort } from './ports.ts';
import { type Progress, progress } from './progress.ts';
import { CONTROLLERS, ready, ServerFailed, startApiServer, startControllerManager, startEtcd } from './servers.ts';

/** A running control plane: real etcd, kube-apiserver and kube-controller-manager on loopback. It ends with this process, however that ends. */
export interface ControlPlane extends Connection {
  /** The plain data of it, for other processes. */
  readonly connection: Connection;
  /** The files of it: keys and certificates, and the logs. */
  readonly layout: Layout;
  /** Where its etcd is, without encryption or a password. */
  readonly etcdUrl: string;
  /** The directory with one log file for each server. */
  readonly logs: string;
  /** The processes that are running now. */
  pids(): readonly number[];
  /** As the admin. A failure is a result with its code. */
  kubectl(args: readonly string[], input?: string): Promise<CommandResult>;
  /** A kubeconfig with a new client certificate of that user. */
  userKubeconfig(name: string, groups?: readonly string[]): Promise<string>;
  /** For tests of faults: ends the API server (SIGKILL unless told otherwise) and starts it again on its port with its data. */
  readonly apiServer: Switch;
  /** The same for etcd; `start({ empty: true })` forgets all that was stored, so that resource versions start again from 1. */
  readonly etcd: Switch<{ readonly empty?: boolean }>;
  /** Ends the processes and removes their data. Can be called twice. */
  stop(): Promise<void>;
}

/** Turns one server off and on; each call resolves when that has happened. */
export interface Switch<Options = object> {
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(options?: Options): Promise<void>;
}

/** What to start with; by default programs are found or built, and progress goes to stderr. */
export interface StartOptions {
  readonly binaries?: Binaries;
  readonly progress?: Progress;
  /** The controllers of kube-controller-manager; by default those whose effects a user of a cluster sees. */
  readonly controllers?: readonly string[];
  /** Where ports come from; by default a free one from the kernel. */
  readonly port?: () => Promise<number>;
}

interface Ports {
  readonly secure: number;
  readonly client: number;
  readonly peer: number;
}

type Server = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';
type Servers = Map<Server, OwnedProcess>;

const ATTEMPTS = 5;

/** Starts a control plane and waits until it is ready: about five seconds. Throws ProgramsUnavailable or ServerFailed, and then leaves nothing behind. */
export async function startControlPlane(options: StartOptions = {}): Promise<ControlPlane> {
  const tell = options.progress ?? progress();
  const programs = options.binaries ?? (await binaries(undefined, { progress: tell }));
  const { layout, admin, controllers } = await newLayout();
  const servers: Servers = new Map();
  try {
    for (let attempt = 1; ; attempt += 1) {
      const ports = await choosePorts(options.port ?? freePort);
      const connection = connectionOf(layout, ports, programs);
      writeKubeconfig(layout.adminKubeconfig, connection, 'admin', admin);
      writeKubeconfig(join(layout.pki, 'controllers.kubeconfig'), connection, 'controllers', controllers);
      try {
        await startServers(programs, layout, ports, servers, options.controllers ?? CONTROLLERS, (what) => tell.step('starting the control plane', what));
        return handle(connection, programs, layout, ports, servers);
      } catch (error) {
        await endAll(servers);
        if (attempt === ATTEMPTS || !(error instanceof ServerFailed && error.portTaken)) throw error;
      }
    }
  } catch (error) {
    removeLayout(layout);
    throw error;
  } finally {
    tell.clear();
  }
}

async function choosePorts(port: () => Promise<number>): Promise<Ports> {
  const [secure, client, peer] = await Promise.all([port(), port(), port()]);
  return { secure, client, peer };
}

function connectionOf(layout: Layout, ports: Ports, programs: Binaries): Connection {
  return {
    url: `https://127.0.0.1:${ports.secure}`,
    caFile: join(layout.pki, 'ca.crt'),
    caKeyFile: join(layout.pki, 'ca.key'),
    adminKubeconfig: layout.adminKubeconfig,
    kubectlProgram: programs.kubectl,
    auditLog: layout.auditLog,
    directory: layout.directory,
  };
}

async function startServers(
  programs: Binaries,
  layout: Layout,
  ports: Ports,
  servers: Servers,
  controllers: readonly string[],
  tell: (what: string) => void,
): Promise<void> {
  tell('etcd');
  await startEtcd(programs.etcd, layout, ports, (server) => servers.set('etcd', server));
  tell('kube-apiserver');
  await startApiServer(programs['kube-apiserver'], layout, ports, (server) => servers.set('kube-apiserver', server));
  tell('kube-controller-manager');
  const manager = await startControllerManager(programs['kube-controller-manager'], layout, controllers);
  servers.set('kube-controller-manager', manager);
  if (!controllers.includes('serviceaccount-controller')) return;
  // It has no port to ask; the account of the first namespace is the first thing that it makes.
  const connection = connectionOf(layout, ports, programs);
  await ready(manager, async () => (await kubectl(connection, ['get', 'serviceaccount', 'default', '-n', 'default'])).code === 0);
}

function handle(connection: Connection, programs: Binaries, layout: Layout, ports: Ports, servers: Servers): ControlPlane {
  const end = async (name: Server, signal: NodeJS.Signals): Promise<void> => {
    await servers.get(name)?.stop(signal);
    servers.delete(name);
  };
  return {
    ...connection,
    connection,
    layout,
    etcdUrl: `http://127.0.0.1:${ports.client}`,
    logs: layout.logs,
    pids: () => [...servers.values()].filter(({ running }) => running).map(({ pid }) => pid),
    kubectl: (args, input) => kubectl(connection, args, input),
    userKubeconfig: (name, groups) => userKubeconfig(connection, name, groups),
    apiServer: {
      stop: (signal = 'SIGKILL') => end('kube-apiserver', signal),
      start: () => startApiServer(programs['kube-apiserver'], layout, ports, (server) => servers.set('kube-apiserver', server)),
    },
    etcd: {
      stop: (signal = 'SIGKILL') => end('etcd', signal),
      async start(options) {
        if (options?.empty === true) rmSync(join(layout.directory, 'etcd'), { recursive: true, force: true });
        await startEtcd(programs.etcd, layout, ports, (server) => servers.set('etcd', server));
      },
    },
    async stop() {
      await endAll(servers);
      removeLayout(layout);
    },
  };
}

/** Nothing here is worth a graceful end: the data goes away with the processes. */
async function endAll(servers: Servers): Promise<void> {
  await Promise.all([...servers.values()].map((server) => server.stop('SIGKILL')));
  servers.clear();
}
