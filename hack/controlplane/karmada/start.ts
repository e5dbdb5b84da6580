import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Binaries, binaries } from '../binaries.ts';
import { Authority } from '../certificates.ts';
import type { Connection } from '../connection.ts';
import { freePort } from '../ports.ts';
import { type Progress, progress } from '../progress.ts';
import { type ControlPlane, startControlPlane } from '../start.ts';
import { type Component, type ComponentName, type ComponentOptions, karmadaPki, startComponent } from './components.ts';
import { filled, type Manifest, type Manifests } from './manifests.ts';
import { joinable, make, type Member, MEMBER_CONTROLLERS, text } from './member.ts';
import { type KarmadaPrograms, karmadaPrograms } from './programs.ts';

/** All that is needed to use a running Karmada, as plain data: it can be passed on to another process as JSON. */
export interface KarmadaConnection {
  readonly host: Connection;
  readonly members: readonly { readonly name: string; readonly connection: Connection }[];
}

/** A running Karmada with its members: real processes on loopback. It ends with this process, however that ends. */
export interface Karmada {
  readonly connection: KarmadaConnection;
  /** Karmada's own API server. */
  readonly plane: ControlPlane;
  readonly members: readonly Member[];
  readonly components: Readonly<Record<ComponentName, Component>>;
  /** The processes that are running now, those of members included. */
  pids(): readonly number[];
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

const SYSTEM = 'karmada-system';
const WAIT = '--timeout=50s';

/** What is up so far, so that a failure in the middle can end it. */
interface Estate {
  readonly planes: ControlPlane[];
  readonly components: Component[];
}

/** Starts Karmada and its members, and waits until each is Ready: about 20 seconds on two cores. Throws ProgramsUnavailable or ServerFailed, and then leaves nothing behind. */
export async function startKarmada(options: KarmadaOptions = {}): Promise<Karmada> {
  const tell = options.progress ?? progress();
  const common = { binaries: options.binaries ?? (await binaries(undefined, { progress: tell })), progress: tell, port: options.port ?? freePort };
  const programs = options.programs ?? (await karmadaPrograms(tell));
  const up: Estate = { planes: [], components: [] };
  const startPlane = async (controllers: readonly string[]): Promise<ControlPlane> => {
    const plane = await startControlPlane({ ...common, controllers });
    up.planes.push(plane);
    return plane;
  };
  const startMember = async (name: string) => {
    const member = { name, plane: await startPlane(MEMBER_CONTROLLERS) };
    return { member, objects: await joinable(member) };
  };
  try {
    const names = Array.from({ length: options.members ?? 2 }, (_, index) => `member${index + 1}`);
    const [plane, ...joining] = await settled([startPlane(KARMADA_CONTROLLERS), ...names.map((name) => startMember(name))]);
    await install(plane, programs, { plane, binaries: programs.binaries, port: common.port }, up, joining.flatMap(({ objects }) => objects), (what) => tell.step('starting Karmada', what));
    return handle(plane, joining.map(({ member }) => member), up);
  } catch (error) {
    await endAll(up);
    throw error;
  } finally {
    tell.clear();
  }
}

/** Waits for all, also when one fails, so that nothing comes up behind our back; then throws that failure. */
async function settled<const Work extends readonly Promise<unknown>[]>(work: Work): Promise<{ -readonly [Key in keyof Work]: Awaited<Work[Key]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function install(
  plane: ControlPlane,
  { manifests }: KarmadaPrograms,
  options: ComponentOptions,
  up: Estate,
  clusters: readonly Manifest[],
  tell: (what: string) => void,
): Promise<void> {
  const start = async (name: ComponentName): Promise<Component> => {
    const component = await startComponent(name, options);
    up.components.push(component);
    return component;
  };
  await writeServerCertificate(plane);
  tell('aggregated API server, webhook');
  const [aggregated, webhook] = await settled([start('karmada-aggregated-apiserver'), start('karmada-webhook')]);
  tell('definitions');
  await register(plane, manifests, { webhookPort: webhook.ports.serving, aggregatedPort: aggregated.ports.serving });
  tell('controllers, scheduler, clusters');
  await settled([start('karmada-controller-manager'), start('karmada-scheduler'), clusters.length === 0 ? undefined : make(plane, clusters)].map((one) => Promise.resolve(one)));
  if (clusters.length > 0) await text(plane.kubectl(['wait', '--for=condition=Ready', 'clusters.cluster.karmada.io', '--all', WAIT]));
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
async function register(plane: ControlPlane, manifests: Manifests, { webhookPort, aggregatedPort }: Ports): Promise<void> {
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
    text(plane.kubectl(['wait', '--for=condition=Established', 'customresourcedefinitions', '--all', WAIT])),
    text(plane.kubectl(['wait', '--for=condition=Available', `apiservices/${apiService.metadata.name}`, WAIT])),
  ]);
}

function handle(plane: ControlPlane, members: readonly Member[], up: Estate): Karmada {
  return {
    connection: { host: plane.connection, members: members.map(({ name, plane: { connection } }) => ({ name, connection })) },
    plane,
    members,
    components: Object.fromEntries(up.components.map((component) => [component.name, component])) as Record<ComponentName, Component>,
    pids: () => [...up.planes.flatMap((one) => one.pids()), ...up.components.flatMap(({ process: running }) => (running?.running === true ? [running.pid] : []))],
    stop: () => endAll(up),
  };
}

async function endAll({ planes, components }: Estate): Promise<void> {
  await Promise.all(components.map((component) => component.stop()));
  await Promise.all(planes.map((plane) => plane.stop()));
}
