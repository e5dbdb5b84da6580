import { type Any, apply, keyedPolicy } from './installation.ts';
import { type KarmadaApi, startKarmadaApi } from './karmada-api.ts';
import { karmadaKubeconfig } from './karmada-scene.ts';
import { startOperator } from './operator.ts';
import { OperatorWatch, PROBED } from './operator-watch.ts';
import { type PropagatedFleet, writeFleet } from './propagated-fleet.ts';
import type { Template } from './propagated-objects.ts';
import { type Registry, startRegistry } from './registry.ts';
import { inParallel } from './bulk.ts';
import { pushImage } from './sigstore/push.ts';
import { createWorld } from './sigstore/world.ts';

/** How large a trial is. */
export interface TrialSize {
  readonly templates: number;
  readonly policies: number;
  readonly clusters: number;
  /** Distinct signed images of the first container; there are some for the second. */
  readonly images: number;
}

/** A fleet on Karmada's API, its images in a real registry, all signed, and the policies that govern them. */
export interface Trial {
  readonly api: KarmadaApi;
  readonly fleet: PropagatedFleet;
  readonly clusters: readonly string[];
  /** Starts the operator, with the rights of config/karmada, over all namespaces; it has a probe in it. `nodeArgs` are for Node itself. */
  start(nodeArgs?: readonly string[]): Promise<OperatorWatch>;
  /** The templates that the ClusterImageVerification of one team governs. */
  ofTeam(team: number): readonly Template[];
  /** Edits that ClusterImageVerification in a way that changes what it is, and no verdict. */
  editTeam(team: number): Promise<void>;
  stop(): Promise<void>;
}

/** ClusterImageVerifications of teams, each over its own repositories; one more is over what is in every pod. */
const TEAMS = 4;
const SIDECARS = 10;
/** Who the operator is for the API server. */
export const USER = 'assay-trial';
const WIDTH = 8;

/** Starts everything but the operator; no Work is written yet. */
export async function setTrial({ templates, policies, clusters: count, images }: TrialSize): Promise<Trial> {
  const [api, registry] = await Promise.all([startKarmadaApi(), startRegistry()]);
  const { host } = registry;
  // The same registry under another name: what a mirror is for Karmada.
  const mirror = host.replace('127.0.0.1', 'localhost');
  let fleet: PropagatedFleet | undefined;
  const stop = async (): Promise<void> => {
    await fleet?.close();
    await Promise.all([registry.stop(), api.stop()]);
  };
  try {
    const clusters = Array.from({ length: count }, (_, index) => `member${String(index + 1).padStart(2, '0')}`);
    // Long before it is used: the API server's own view of RBAC is a moment behind.
    const kubeconfig = await karmadaKubeconfig({ ...api, members: [] }, USER);
    const signed = await pushSigned(registry, images);
    await apply(api, ...signed.policies);
    fleet = await writeFleet(api, { templates, policies, clusters, apps: signed.apps, sidecars: signed.sidecars, registry: host, mirror });
    const written = fleet;
    return {
      api,
      fleet,
      clusters,
      stop,
      start: async (nodeArgs = []) => {
        const operator = await startOperator({ kubeconfig, registries: [host, mirror], ready: false, nodeArgs: [PROBED, ...nodeArgs] });
        return new OperatorWatch(api, USER, operator);
      },
      ofTeam: (team) => written.templates.filter(({ images: [app] }) => app.includes(`/team${team}/`)),
      editTeam: (team) => apply(api, excluding(signed.policies[team], `${host}/team${team}/retired-${Date.now()}`)),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Signed {
  readonly apps: readonly string[];
  readonly sidecars: readonly string[];
  readonly policies: readonly Any[];
}

/** Images signed with one key, half of them by signature manifests and half by bundles, with the policies that want that key. */
async function pushSigned({ host }: Registry, images: number): Promise<Signed> {
  const world = createWorld();
  const key = world.key();
  const names = [...Array.from({ length: images }, (_, index) => `team${index % TEAMS}/app${index}`), ...Array.from({ length: SIDECARS }, (_, index) => `base/log${index}`)];
  const pinned = new Map<string, string>();
  await inParallel(names.entries(), WIDTH, async ([index, name]) => {
    const image = await pushImage(host, `${name}:1.0`);
    await world.signImage(image, key, { format: index % 2 === 0 ? 'legacy' : 'bundle', log: 'none' });
    pinned.set(name, image.pinned);
  });
  const all = names.map((name) => pinned.get(name) ?? '');
  const repositories = [...Array.from({ length: TEAMS }, (_, index) => `team${index}`), 'base'];
  const policies = repositories.map((name): Any => {
    const { metadata: _, ...policy } = keyedPolicy('', name, `${host}/${name}/**`, key.key.pem);
    return { ...policy, kind: 'ClusterImageVerification', metadata: { name } };
  });
  return { apps: all.slice(0, images), sidecars: all.slice(images), policies };
}

function excluding(policy: Any, glob: string): Any {
  return { ...policy, spec: { ...policy.spec, exclude: [{ glob, reason: 'is not run any more' }] } };
}
