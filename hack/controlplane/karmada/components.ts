import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { join } from 'node:path';
import type { Binaries } from '../binaries.ts';
import { KARMADA_GROUP } from '../layout.ts';
import { type OwnedProcess, startOwned } from '../owned-process.ts';
import type { KARMADA_BINARIES } from '../places.ts';
import { answers, ready, SERVER_ENV, ServerFailed } from '../servers.ts';
import type { ControlPlane, Switch } from '../start.ts';

/** Karmada's own processes, by the names of their programs. */
export type ComponentName = (typeof KARMADA_BINARIES)[number];

/** One process of Karmada; `start({ args })` starts it again on its ports, with these flags in addition. */
export interface Component extends Switch<{ readonly args?: readonly string[] }> {
  readonly name: ComponentName;
  /** The process now; undefined while it is off. */
  readonly process: OwnedProcess | undefined;
  readonly ports: ComponentPorts;
}

/** What a component listens on; each takes those that it knows. */
export interface ComponentPorts {
  readonly serving: number;
  readonly metrics: number;
  readonly probe: number;
}

/** What components are started with. */
interface ComponentOptions {
  readonly binaries: Binaries;
  readonly plane: ControlPlane;
  readonly port: () => Promise<number>;
}

type Flags = (ports: ComponentPorts, context: { readonly plane: ControlPlane; readonly kubeconfig: string; readonly pki: string }) => string[];

/** Where those that the API server talks to say that they are ready: on the port that they serve on. */
const READY: Readonly<Partial<Record<ComponentName, string>>> = { 'karmada-aggregated-apiserver': '/readyz', 'karmada-webhook': '/readyz/' };

const ATTEMPTS = 5;

/** Clients of a test bed need not be polite: with Karmada's own limits (40 a second) tests would measure those. */
const IMPATIENT = ['--kube-api-qps=400', '--kube-api-burst=800'];

const addresses = ({ metrics, probe }: ComponentPorts): string[] => [`--metrics-bind-address=127.0.0.1:${metrics}`, `--health-probe-bind-address=127.0.0.1:${probe}`];

const FLAGS: Readonly<Record<ComponentName, Flags>> = {
  'karmada-aggregated-apiserver': ({ serving }, { plane, kubeconfig, pki }) => [
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--etcd-servers=${plane.etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${serving}`,
    `--tls-cert-file=${join(pki, 'tls.crt')}`,
    `--tls-private-key-file=${join(pki, 'tls.key')}`,
  ],
  'karmada-webhook': (ports, { pki }) => ['--bind-address=127.0.0.1', `--secure-port=${ports.serving}`, `--cert-dir=${pki}`, ...addresses(ports)],
  'karmada-controller-manager': (ports) => [
    ...addresses(ports),
    '--leader-elect=false',
    '--cluster-api-qps=400',
    '--cluster-api-burst=800',
    '--cluster-status-update-frequency=2s',
    // Without nodes and pods in the members there is nothing to model.
    '--enable-cluster-resource-modeling=false',
    // Reports about workloads are nothing to propagate, and on the detector's list they would be in the way.
    '--skipped-propagating-apis=assay.dev',
    // Without these three a taint of a cluster does nothing.
    '--enable-no-execute-taint-eviction=true',
    '--feature-gates=Failover=true',
    '--graceful-eviction-timeout=15s',
  ],
  'karmada-scheduler': (ports) => [...addresses(ports), '--leader-elect=false'],
};

/** Starts one component and waits until it says that it is ready; takes other ports when these were taken meanwhile. Throws ServerFailed. */
export async function startComponent(name: ComponentName, options: ComponentOptions): Promise<Component> {
  const { plane } = options;
  const kubeconfig = await plane.userKubeconfig(`system:karmada:${name}`, ['system:masters', KARMADA_GROUP]);
  for (let attempt = 1; ; attempt += 1) {
    const [serving, metrics, probe] = await Promise.all([options.port(), options.port(), options.port()]);
    const component = new Running(name, options.binaries[name], plane, kubeconfig, { serving, metrics, probe });
    try {
      await component.start();
      return component;
    } catch (error) {
      await component.stop();
      if (attempt === ATTEMPTS || !(error instanceof ServerFailed && error.portTaken)) throw error;
    }
  }
}

class Running implements Component {
  readonly name: ComponentName;
  readonly ports: ComponentPorts;
  process: OwnedProcess | undefined;
  readonly #binary: string;
  readonly #kubeconfig: string;
  readonly #plane: ControlPlane;

  constructor(name: ComponentName, binary: string, plane: ControlPlane, kubeconfig: string, ports: ComponentPorts) {
    this.name = name;
    this.ports = ports;
    this.#binary = binary;
    this.#plane = plane;
    this.#kubeconfig = kubeconfig;
  }

  async start({ args = [] }: { readonly args?: readonly string[] } = {}): Promise<void> {
    const { layout } = this.#plane;
    const flags = FLAGS[this.name](this.ports, { plane: this.#plane, kubeconfig: this.#kubeconfig, pki: karmadaPki(this.#plane) });
    const started = await startOwned({
      name: this.name,
      command: this.#binary,
      args: [`--kubeconfig=${this.#kubeconfig}`, ...IMPATIENT, ...flags, ...args],
      log: join(layout.logs, `${this.name}.log`),
      env: SERVER_ENV,
    });
    this.process = started;
    await ready(started, () => this.#answers());
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.process?.stop(signal);
    this.process = undefined;
  }

  #answers(): Promise<boolean> {
    const { serving, probe } = this.ports;
    const path = READY[this.name];
    if (path === undefined) return answers(() => plain({ port: probe, host: '127.0.0.1', path: '/healthz', agent: false }));
    // Certificates are looked at where it matters, by the API server.
    return answers(() => secure({ port: serving, host: '127.0.0.1', path, rejectUnauthorized: false, agent: false }));
  }
}

/** The folder of the certificate that Karmada's servers share. */
export function karmadaPki({ layout }: ControlPlane): string {
  return join(layout.pki, 'karmada');
}
