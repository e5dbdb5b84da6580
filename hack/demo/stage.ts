import { binaries } from '../controlplane/binaries.ts';
import { temporaryDirectory } from '../controlplane/estate.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/start.ts';
import { type DemoImages, demoImages } from '../demo-images.ts';
import { buildDist, stale } from '../testrunner/dist.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';
import { list, type Manifest, policies, POLICIES } from './manifests.ts';
import { type Account, accountKubeconfig, install, type Operator, startOperator } from './operator.ts';
import { PUBLIC, type PublicImages, publicImages } from './public-images.ts';
import { startRegistry } from './registry.ts';
import { type Screen, step } from './steps.ts';

/** Everything that runs while the demo plays; it all ends with this process. */
export interface Stage {
  readonly plane: ControlPlane;
  readonly kubectl: Kubectl;
  readonly images: DemoImages;
  /** Absent where there are no genuine images beside the repository. */
  readonly publicImages: PublicImages | undefined;
  readonly operator: Operator;
}

/** Where logs are; grows while the stage is being set, so that a failure in the middle can show them. */
export type Logs = string[];

/** Starts a control plane, a registry with signed images and the operator, step by step. Throws StepFailed. */
export async function setStage(screen: Screen, root: string, logs: Logs): Promise<Stage> {
  const own = temporaryDirectory('demo');
  logs.push(own);
  const programs = await step(screen, 'programs', async () => {
    const found = await binaries(undefined, { progress: screen.progress });
    return ['etcd, kube-apiserver, kube-controller-manager, kubectl and a registry are there', found];
  });
  await step(screen, 'assay', async () => {
    const old = stale(root);
    if (old) buildDist(root);
    return [old ? 'built dist/cli.js' : 'dist/cli.js is up to date', undefined];
  });
  const plane = await step(screen, 'control plane', async () => {
    const tell = { ...screen.progress, step: (what: string, detail = '') => screen.busy(`${what}: ${detail}`) };
    const started = await startControlPlane({ binaries: programs, progress: tell });
    logs.push(started.logs);
    return [`etcd, kube-apiserver and kube-controller-manager at ${started.url}`, started];
  });
  const kubectl = kubectlFor(plane);
  const { images, host, shown } = await step(screen, 'images', () => pushImages(programs.registry, own, root));
  const account = await step(screen, 'install', async () => {
    const made = await install(kubectl, root);
    return [`config/default without its Deployment: definitions, the account ${made.namespace}/${made.name}, its rights`, made];
  });
  await step(screen, 'policies', () => applyPolicies(kubectl, policies(root, images), shown));
  const operator = await step(screen, 'operator', () => startAs(account, { plane, kubectl, root, logs: own, registries: [host, ...(shown === undefined ? [] : [shown.host])] }));
  return { plane, kubectl, images, publicImages: shown, operator };
}

interface Pushed {
  readonly host: string;
  readonly images: DemoImages;
  readonly shown: PublicImages | undefined;
}

async function pushImages(command: string, logs: string, root: string): Promise<[string, Pushed]> {
  const host = await startRegistry(command, logs);
  const [images, shown] = await Promise.all([demoImages(host), publicImages(root)]);
  const made = `${Object.keys(images.images).length} images pushed to ${host}, signed on the spot by a private Sigstore and by a key`;
  const genuine = shown === undefined ? '' : `; ${shown.images.length} genuine public ones at ${shown.host}`;
  return [`${made}${genuine}`, { host, images, shown }];
}

async function applyPolicies(kubectl: Kubectl, own: readonly Manifest[], shown: PublicImages | undefined): Promise<[string, undefined]> {
  const cluster = shown === undefined ? [] : [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: PUBLIC.namespace } }, shown.policy];
  await kubectl.run(['apply', '-f', '-'], list([...own, ...cluster]));
  const names = Object.entries(POLICIES).map(([namespace, name]) => `iv ${namespace}/${name}`);
  return [`${[...names, ...(shown === undefined ? [] : [`civ ${PUBLIC.policy}`])].join(', ')}; from config/samples`, undefined];
}

interface StartAs {
  readonly plane: ControlPlane;
  readonly kubectl: Kubectl;
  readonly root: string;
  readonly logs: string;
  readonly registries: readonly string[];
}

async function startAs(account: Account, { plane, kubectl, root, logs, registries }: StartAs): Promise<[string, Operator]> {
  const kubeconfig = await accountKubeconfig(kubectl, plane, account);
  const operator = await startOperator({ root, kubeconfig, account, registries, logs });
  return [`node dist/cli.js run, process ${operator.process.pid}, with a token of that account; ready`, operator];
}
