import { pushImage, pushIndex } from '../../../test/support/sigstore/push.ts';
import { binaries } from '../../controlplane/binaries.ts';
import { temporaryDirectory } from '../../controlplane/estate.ts';
import { karmadaPrograms } from '../../controlplane/karmada/programs.ts';
import { type Karmada, startKarmada } from '../../controlplane/karmada/start.ts';
import { type DemoImages, demoImages } from '../../demo-images.ts';
import { buildDist, stale } from '../../testrunner/dist.ts';
import { type Kubectl, kubectlFor } from '../kubectl.ts';
import { list } from '../manifests.ts';
import { accountKubeconfig, install, type Operator, startOperator } from '../operator.ts';
import { startRegistry } from '../registry.ts';
import type { Logs } from '../stage.ts';
import { type Screen, step } from '../steps.ts';
import { policies, POLICIES } from './manifests.ts';

/** Everything that runs while the demo on Karmada plays; it all ends with this process. */
export interface KarmadaStage {
  readonly karmada: Karmada;
  /** At Karmada's own API server. */
  readonly kubectl: Kubectl;
  /** At the API server of each member, in their order. */
  readonly members: readonly { readonly name: string; readonly kubectl: Kubectl }[];
  readonly images: DemoImages;
  /** The registry that one member pulls from, with images and without signatures: `127.0.0.1:port`. */
  readonly mirror: string;
  readonly operator: Operator;
}

const CONFIG = 'config/karmada/control-plane';
/** What it takes on two cores, when all is built; seconds. */
const USUAL = 15;

/** Starts Karmada with two members, registries and the operator, step by step. Throws StepFailed. */
export async function setKarmadaStage(screen: Screen, root: string, logs: Logs): Promise<KarmadaStage> {
  const own = temporaryDirectory('demo');
  logs.push(own);
  const programs = await step(screen, 'programs', async () => {
    const kubernetes = await binaries(undefined, { progress: screen.progress });
    return ["etcd, Kubernetes' and Karmada's servers, kubectl and a registry are there", { kubernetes, karmada: await karmadaPrograms(screen.progress) }] as const;
  });
  await step(screen, 'assay', async () => {
    const old = stale(root);
    if (old) buildDist(root);
    return [old ? 'built dist/cli.js' : 'dist/cli.js is up to date', undefined];
  });
  const karmada = await step(screen, 'Karmada', () => startFleet(screen, programs, logs));
  const kubectl = kubectlFor(karmada.plane);
  const members = karmada.members.map(({ name, plane }) => ({ name, kubectl: kubectlFor(plane) }));
  const { images, host, mirror } = await step(screen, 'images', () => pushAll(programs.kubernetes.registry, own));
  const account = await step(screen, 'install', async () => {
    const made = await install(kubectl, root, CONFIG);
    return [`${CONFIG} at Karmada: definitions, the account ${made.namespace}/${made.name}, its rights`, made];
  });
  await step(screen, 'policies', async () => {
    await kubectl.run(['apply', '-f', '-'], list(policies(account.namespace, images)));
    return [`civ ${POLICIES.shop}: signed by the release workflow. civ ${POLICIES.billing}: signed with the release key, pins keep the tag`, undefined];
  });
  const operator = await step(screen, 'operator', async () => {
    const kubeconfig = await accountKubeconfig(kubectl, karmada.plane, account);
    const started = await startOperator({ root, kubeconfig, account, registries: [host, mirror], logs: own });
    return [`node dist/cli.js run, process ${started.process.pid}, with a token of that account for Karmada alone; ready`, started];
  });
  return { karmada, kubectl, members, images, mirror, operator };
}

interface Programs {
  readonly kubernetes: Awaited<ReturnType<typeof binaries>>;
  readonly karmada: Awaited<ReturnType<typeof karmadaPrograms>>;
}

async function startFleet(screen: Screen, { kubernetes, karmada: programs }: Programs, logs: Logs): Promise<[string, Karmada]> {
  const started = performance.now();
  let doing = '';
  const tell = (): void => screen.busy(`Karmada and two clusters: ${Math.round((performance.now() - started) / 1000)} s of about ${USUAL} s${doing}`);
  const ticking = setInterval(tell, 1000);
  const progress = {
    ...screen.progress,
    step(_: string, detail = ''): void {
      doing = detail === '' ? '' : `, ${detail}`;
      tell();
    },
    clear: () => undefined,
  };
  screen.progress.step('starting Karmada and two clusters', `about ${USUAL} s`);
  try {
    const karmada = await startKarmada({ binaries: kubernetes, programs, progress });
    logs.push(karmada.plane.logs, ...karmada.members.map(({ plane }) => plane.logs));
    const names = karmada.members.map(({ name }) => name);
    return [`its API server at ${karmada.plane.url}, and the clusters ${names.join(' and ')}, each with an API server of its own`, karmada];
  } finally {
    clearInterval(ticking);
  }
}

interface Pushed {
  readonly host: string;
  readonly mirror: string;
  readonly images: DemoImages;
}

async function pushAll(command: string, logs: string): Promise<[string, Pushed]> {
  const [host, mirror] = await Promise.all([startRegistry(command, logs), startRegistry(command, logs, 'mirror')]);
  const images = await demoImages(host);
  await copyTo(mirror, images);
  return [`${Object.keys(images.images).length} images pushed to ${host}, signed on the spot; some of them, without signatures, to the mirror ${mirror}`, { host, mirror, images }];
}

/** Images of equal content are one image: what is pushed here has the digests that were signed there. The ledger is one build behind. */
async function copyTo(mirror: string, { images }: DemoImages): Promise<void> {
  const [web, api] = await Promise.all([pushIndex(mirror, 'shop/web:1.4'), pushImage(mirror, 'shop/api:2.1'), pushImage(mirror, 'shop/report:0.9'), pushImage(mirror, 'billing/ledger:7', { content: 'an earlier build' })]);
  if (web.digest !== images.web.digest || api.digest !== images.api.digest) throw new Error(`the mirror ${mirror} has other images than the registry`);
}
