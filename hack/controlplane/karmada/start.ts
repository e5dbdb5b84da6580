import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Binaries, binaries } from '../binaries.ts';
import { Authority } from '../certificates.ts';
import type { Connection } from '../connection.ts';
import { freePort } from '../ports.ts';
import { type Progress, progress } from '../progress.ts';
import { type ControlPlane, startControlPlane } from '../start.ts';
import { type Component, type ComponentName, karmadaPki, startComponent } from './components.ts';
import { filled, type Manifest, type Manifests } from './manifests.ts';
import { joinable, make, type Member, MEMBER_CONTROLLERS, text, until, waitFor } from './member.ts';
import { type KarmadaPrograms, karmadaPrograms } from './programs.ts';

/** All that is needed to use a running Karmada, as plain data: it can be passed on to another process as JSON. */
export interface KarmadaConnection {
  readonly host: Connection;
  readonly members: readonly { readonly name: string; readonly connection: Connection }[];
}

/** A running Karmada with its members: real processes on loopback. It ends with this process, however that ends. */
export interface Karmada {
  /** What is known of it now: members that joined later are in it. */
  readonly connection: KarmadaConnection;
  /** Karmada's own API server. */
  readonly plane: ControlPlane;
  readonly members: readonly Member[];
  /** Karmada's own processes, each of which can be turned off and on; `plane` and those of members have switches too. */
  readonly components: Readonly<Record<ComponentName, Component>>;
  /** Starts one more cluster and waits until Karmada calls it Ready. */
  join(name: string): Promise<Member>;
  /** The processes that are running now, those of members included. */
  readonly pids: () => readonly number[];
  /** Ends the processes and removes their data. Can be called twice. */
  stop(): Promise<void>;
}

/** What to start with; by default programs are found or built, and progress goes to stderr. */
export interface KarmadaOptions {
  /** How many clusters (default 2): member1, member2 … */
  readonly members?: number;
  readonly progress?: Progress;
  readonly binaries?: Binaries;
  readonly programs?: KarmadaPrograms;
  /** Where ports come from; by default a free one from the kernel. */
  readonly port?: () => Promise<number>;
}

/** What Karmada's kube-controller-manager runs: Karmada does not run workloads, and has no accounts but those that are made. */
const KARMADA_CONTROLLERS = ['namespace-controller', 'garbage-collector-controller', 'serviceaccount-token-controller', 'clusterrole-aggregation-controller'];

// `kubectl wait` would look at one after the other, a tenth of a second each.
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const SYSTEM = 'karmada-system';

/** Starts Karmada and its members, and waits until each is Ready: about 15 seconds on two cores. Throws ProgramsUnavailable or ServerFailed, and then leaves nothing behind. */
export async function startKarmada(options: KarmadaOptions = {}): Promise<Karmada> {
  const tell = options.progress ?? progress();
  const common = { binaries: options.binaries ?? (await binaries(undefined, { progress: tell })), port: options.port ?? freePort };
  const site = new Site(common, options.programs ?? (await karmadaPrograms(tell)), tell);
  const names = Array.from({ length: options.members ?? 2 }, (_, index) => `member${index + 1}`);
  try {
    const [plane, ...joining] = await settled([site.host(), ...names.map((name) => site.member(name))]);
    await site.register(plane, joining);
    return site.handle(plane);
  } catch (error) {
    await site.stop();
    throw error;
  } finally {
    tell.clear();
  }
}

/** A member that is up, and what registers it at Karmada. */
interface Joining {
  readonly member: Member;
  readonly objects: readonly Manifest[];
}

/** What is up so far, so that a failure in the middle can end it. */
class Site {
  readonly #common: { readonly binaries: Binaries; readonly port: () => Promise<number> };
  readonly #programs: KarmadaPrograms;
  readonly #progress: Progress;
  readonly #planes: ControlPlane[] = [];
  readonly #components: Component[] = [];
  readonly #members: Member[] = [];

  constructor(common: { readonly binaries: Binaries; readonly port: () => Promise<number> }, programs: KarmadaPrograms, tell: Progress) {
    this.#common = common;
    this.#programs = programs;
    this.#progress = tell;
  }

  /** Karmada itself, as far as it gets without clusters. */
  async host(): Promise<ControlPlane> {
    const plane = await this.#plane(KARMADA_CONTROLLERS);
    await writeServerCertificate(plane);
    this.#tell('aggregated API server and webhook');
    const [aggregated, webhook] = await settled([this.#component('karmada-aggregated-apiserver', plane), this.#component('karmada-webhook', plane)]);
    this.#tell('definitions');
    await define(plane, this.#programs.manifests, { webhookPort: webhook.ports.serving, aggregatedPort: aggregated.ports.serving });
    this.#tell('controllers and scheduler');
    await settled([this.#component('karmada-controller-manager', plane), this.#component('karmada-scheduler', plane)]);
    return plane;
  }

  async member(name: string): Promise<Joining> {
    const member = { name, plane: await this.#plane(MEMBER_CONTROLLERS) };
    return { member, objects: await joinable(member) };
  }

  /** Has Karmada take the clusters, and waits until it calls them Ready. */
  async register(plane: ControlPlane, joining: readonly Joining[]): Promise<void> {
    if (joining.length === 0) return;
    this.#tell('clusters');
    await make(plane, joining.flatMap(({ objects }) => objects));
    await waitFor(plane, 'Ready', joining.map(({ member: { name } }) => `clusters.cluster.karmada.io/${name}`));
    this.#members.push(...joining.map(({ member }) => member));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#components.map((component) => component.stop()));
    await Promise.all(this.#planes.map((plane) => plane.stop()));
  }

  handle(plane: ControlPlane): Karmada {
    const members = this.#members;
    const running = (): number[] => this.#components.flatMap(({ process: { running = false, pid = 0 } = {} }) => (running ? [pid] : []));
    return {
      get connection() {
        return { host: plane.connection, members: members.map(({ name, plane: { connection } }) => ({ name, connection })) };
      },
      plane,
      members,
      components: Object.fromEntries(this.#components.map((component) => [component.name, component])) as Record<ComponentName, Component>,
      join: async (name) => {
        const joining = await this.member(name);
        await this.register(plane, [joining]);
        return joining.member;
      },
      pids: () => [...this.#planes.flatMap((one) => one.pids()), ...running()],
      stop: () => this.stop(),
    };
  }

  async #plane(controllers: readonly string[]): Promise<ControlPlane> {
    const plane = await startControlPlane({ ...this.#common, progress: this.#progress, controllers });
    this.#planes.push(plane);
    return plane;
  }

  async #component(name: ComponentName, plane: ControlPlane): Promise<Component> {
    const component = await startComponent(name, { plane, port: this.#common.port, binaries: this.#programs.binaries });
    this.#components.push(component);
    return component;
  }

  #tell(what: string): void {
    this.#progress.step('starting Karmada', what);
  }
}

/** Waits for all, also when one fails, so that nothing comes up behind our back; then throws that failure. */
async function settled<const Work extends readonly Promise<unknown>[]>(work: Work): Promise<{ -readonly [Key in keyof Work]: Awaited<Work[Key]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** One certificate for both of Karmada's servers. */
async function writeServerCertificate(plane: ControlPlane): Promise<void> {
  const { layout } = plane;
  const file = (name: string): string => readFileSync(join(layout.pki, name), 'utf8');
  const authority = await Authority.from({ certificate: file('ca.crt'), key: file('ca.key') });
  const { certificate, key } = await authority.server('karmada', [`karmada-aggregated-apiserver.${SYSTEM}.svc`, `karmada-webhook.${SYSTEM}.svc`]);
  mkdirSync(karmadaPki(plane), { recursive: true });
  writeFileSync(join(karmadaPki(plane), 'tls.crt'), certificate, { mode: 0o600 });
  writeFileSync(join(karmadaPki(plane), 'tls.key'), key, { mode: 0o600 });
}

interface Ports {
  readonly webhookPort: number;
  readonly aggregatedPort: number;
}

/** Tells the API server what Karmada's kinds are, and which of its servers to ask about them. */
async function define(plane: ControlPlane, manifests: Manifests, { webhookPort, aggregatedPort }: Ports): Promise<void> {
  const { crds, webhooks, roles, apiService } = filled(manifests, { authority: readFileSync(plane.caFile, 'utf8'), webhookPort });
  const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'karmada.io/system': 'true' } } });
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'karmada-aggregated-apiserver', namespace: SYSTEM },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  const port = { ...apiService, spec: { ...apiService.spec, service: { ...(apiService.spec?.['service'] as object), port: aggregatedPort } } };
  await make(plane, [namespace(SYSTEM), namespace('karmada-cluster'), service, port, ...crds, ...roles, ...webhooks]);
  await settled([
    until('all kinds of Karmada to be served', async () => established(await text(plane.kubectl(['get', '--raw', CRDS]))) >= crds.length),
    waitFor(plane, 'Available', [`apiservices/${apiService.metadata.name}`]),
  ]);
}

/** How many of the listed CustomResourceDefinitions are served. */
function established(list: string): number {
  const { items } = JSON.parse(list) as { items: { status?: { conditions?: { type: string; status: string }[] } }[] };
  return items.filter(({ status }) => status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True')).length;
}
