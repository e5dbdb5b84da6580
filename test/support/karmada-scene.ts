import { auditWrites } from './audit.ts';
import { untilHolds } from './until-holds.ts';
import { type Any, apply, get, list, run } from './installation.ts';
import type { KarmadaFleet } from './karmada.ts';
import type { Operator } from './operator.ts';
import { applyRbac, bindRoles, rendered } from './rbac.ts';
import { type Scene, setScene } from './scene.ts';

/** A Karmada, a registry, a private Sigstore, a namespace that is propagated, and the operator with the rights of config/karmada alone. */
export interface KarmadaScene extends Scene {
  readonly fleet: KarmadaFleet;
  /** The user that the operator is for the API server. */
  readonly user: string;
  /** Starts the operator, restricted to the namespace. */
  operate(options?: { readonly registries?: readonly string[] }): Promise<Operator>;
  /** A PropagationPolicy for the Deployments with these names. */
  propagate(name: string, deployments: readonly string[], clusterNames?: readonly string[], spec?: object): Promise<void>;
  /** Overrides Deployments by name: an OverridePolicy for one cluster. */
  override(name: string, deployments: readonly string[], cluster: string, overriders: object): Promise<void>;
  /** The image of the first container in a member; undefined while there is none. */
  memberImage(member: string, name: string): Promise<string | undefined>;
  /** Waits until the first image of a Deployment is this in each of these members. */
  arrived(name: string, images: Readonly<Record<string, string>>): Promise<void>;
  /** What the operator wrote since then, leases left out: `patch deployments web/api`. */
  writes(since: number): string[];
  /** How many requests to registries the operator has made. */
  registryRequests(operator: Operator): Promise<number>;
}

/** Sets the scene; the operator is not started yet. */
export async function setKarmadaScene(prefix: string, fleet: KarmadaFleet): Promise<KarmadaScene> {
  const scene = await setScene(prefix, fleet);
  const { namespace } = scene;
  const user = `assay-${namespace}`;
  let kubeconfig: Promise<string> | undefined;
  const selectors = (names: readonly string[]): object[] => names.map((name) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name }));
  const memberImage = async (member: string, name: string): Promise<string | undefined> => {
    const cluster = fleet.members.find((one) => one.name === member);
    const deployments = await list(cluster ?? fleet, namespace, 'deployments');
    return deployments.find(({ metadata }) => metadata.name === name)?.spec.template.spec.containers[0].image;
  };
  return {
    ...scene,
    fleet,
    user,
    memberImage,
    operate: async ({ registries = [] } = {}) => scene.start({ kubeconfig: await (kubeconfig ??= karmadaKubeconfig(fleet, user)), registries: [scene.registry.host, ...registries] }),
    propagate: (name, deployments, clusterNames = ['member1', 'member2'], spec = {}) =>
      apply(fleet, { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'PropagationPolicy', metadata: { namespace, name }, spec: { resourceSelectors: selectors(deployments), placement: { clusterAffinity: { clusterNames } }, ...spec } }),
    override: (name, deployments, cluster, overriders) =>
      apply(fleet, { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'OverridePolicy', metadata: { namespace, name }, spec: { resourceSelectors: selectors(deployments), overrideRules: [{ targetCluster: { clusterNames: [cluster] }, overriders }] } }),
    arrived: async (name, images) => {
      for (const [member, image] of Object.entries(images)) {
        await untilHolds(`${image} of ${name} in ${member}`, async () => {
          const found = await memberImage(member, name);
          if (found !== image) throw new Error(`it runs ${found ?? 'nothing'}`);
        });
      }
    },
    writes: (since) => auditWrites(fleet.auditLog, user, since).filter(({ resource }) => resource !== 'leases').map(({ verb, resource, namespace: of, name }) => `${verb} ${resource} ${of}/${name}`),
    registryRequests: async (operator) => {
      const lines = (await operator.metrics()).split('\n').filter((line) => line.startsWith('assay_registry_requests_total{'));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
  };
}

/** A kubeconfig of a user who may do what config/karmada lets the operator do on karmada-apiserver, and nothing else. */
export async function karmadaKubeconfig(fleet: KarmadaFleet, user: string): Promise<string> {
  const objects = await rendered(fleet, 'config/karmada/control-plane');
  const roles = objects.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
  const bindings = objects.filter(({ kind }) => kind === 'ClusterRoleBinding' || kind === 'RoleBinding');
  await applyRbac(fleet, [...objects.filter(({ kind }) => kind === 'Namespace'), ...roles, ...bindings.map((binding) => bindRoles(user, binding))]);
  return fleet.userKubeconfig(user);
}

/** The Works of one Deployment, by cluster. */
export async function worksOf(fleet: KarmadaFleet, namespace: string, name: string): Promise<Map<string, Any>> {
  const found = await Promise.all(fleet.members.map(async (member) => {
    const works = await list(fleet, `karmada-es-${member.name}`, 'works.work.karmada.io');
    return [member.name, works.find(({ spec }) => spec.workload.manifests[0]?.metadata.namespace === namespace && spec.workload.manifests[0].metadata.name === name)] as const;
  }));
  return new Map(found.filter(([, work]) => work !== undefined));
}

/** The binding of a Deployment. */
export function bindingOf(fleet: KarmadaFleet, namespace: string, name: string): Promise<Any> {
  return get(fleet, namespace, 'resourcebindings.work.karmada.io', `${name}-deployment`);
}

/** Sets the first image of a Deployment, as an owner would. */
export async function setImage(fleet: KarmadaFleet, namespace: string, name: string, image: string): Promise<void> {
  await run(fleet, ['set', 'image', `deployment/${name}`, '-n', namespace, `c0=${image}`]);
}
