import type { DemoImages } from '../demo-images.ts';
import type { CastContainer, CastMember } from './cast.ts';
import type { Kubectl } from './kubectl.ts';

interface Container {
  readonly name: string;
  readonly image: string;
}

/** A Deployment as far as the demo reads it. */
export interface DeploymentObject {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[]; readonly initContainers?: readonly Container[] } } };
}

/** One row of a policy's `status.images`. */
export interface StatusImage {
  readonly image: string;
  readonly digest?: string;
  readonly result: string;
  readonly reason: string;
  readonly message: string;
  readonly signer?: { readonly issuer?: string; readonly subject?: string; readonly keyId?: string };
  readonly workloads: { readonly examples: readonly string[] };
}

/** An ImageVerification or ClusterImageVerification as far as the demo reads it. */
export interface PolicyObject {
  readonly metadata: { readonly namespace?: string; readonly name: string };
  readonly status?: { readonly images?: readonly StatusImage[]; readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[] };
}

/** What the API server has at one moment. */
export interface Observed {
  readonly deployments: readonly DeploymentObject[];
  readonly replicaSets: readonly { readonly metadata: { readonly namespace: string; readonly ownerReferences?: readonly { readonly uid: string }[] } }[];
  readonly policies: readonly PolicyObject[];
}

/** What became of one container. */
export interface ContainerOutcome {
  readonly container: CastContainer;
  readonly before: string;
  readonly after: string;
  /** The row of its policy's status about it. */
  readonly status: StatusImage | undefined;
}

/** What became of one Deployment. */
export interface MemberOutcome {
  readonly member: CastMember;
  readonly containers: readonly ContainerOutcome[];
  /** How many ReplicaSets it has: one for each pod template that it ever had. */
  readonly replicaSets: number;
  readonly asExpected: boolean;
}

/** Reads everything that outcomes are made from. */
export async function observe(kubectl: Kubectl): Promise<Observed> {
  const [deployments, replicaSets, policies] = await Promise.all([
    kubectl.list<DeploymentObject>('deployments', '-A'),
    kubectl.list<Observed['replicaSets'][number]>('replicasets', '-A'),
    kubectl.list<PolicyObject>('imageverifications,clusterimageverifications', '-A'),
  ]);
  return { deployments, replicaSets, policies };
}

/** What became of each of `cast`. Pure. */
export function outcomes(cast: readonly CastMember[], images: DemoImages['images'], observed: Observed): MemberOutcome[] {
  return cast.map((member) => {
    const object = observed.deployments.find(({ metadata }) => metadata.namespace === member.namespace && metadata.name === member.name);
    const containers = member.containers.map((container) => containerOutcome(member, container, images[container.part].reference, object, observed.policies));
    const replicaSets = observed.replicaSets.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === object?.metadata.uid)).length;
    return { member, containers, replicaSets, asExpected: isAsExpected(member, containers, replicaSets, images) };
  });
}

function containerOutcome(member: CastMember, container: CastContainer, before: string, object: DeploymentObject | undefined, policies: readonly PolicyObject[]): ContainerOutcome {
  const spec = object?.spec.template.spec;
  const after = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find(({ name }) => name === container.name)?.image ?? '';
  const workload = `${member.namespace}/${member.name}`;
  const rows = policies.flatMap(({ status }) => status?.images ?? []);
  const status = rows.find((row) => row.workloads.examples.includes(workload) && (row.image === before || row.image === after));
  return { container, before, after, status };
}

/** Pinned: each container by the digest that was signed, and one rollout beside the first one at most. Else: untouched, for that reason. */
function isAsExpected({ expected }: CastMember, containers: readonly ContainerOutcome[], replicaSets: number, images: DemoImages['images']): boolean {
  if (expected === 'pinned') {
    const digests = containers.every(({ container, after, status }) => after.endsWith(`@${images[container.part].digest}`) && status?.result === 'Verified');
    return digests && replicaSets >= 1 && replicaSets <= 2;
  }
  const untouched = containers.every(({ before, after }) => before === after);
  return untouched && replicaSets === 1 && containers.some(({ status }) => status?.result === 'Failed' && status.reason === expected);
}
