import type { Digest } from '../../../src/base/digest.ts';
import type { Kubectl } from '../kubectl.ts';
import type { DeploymentObject, PolicyObject } from '../outcome.ts';
import type { Sent } from './manifests.ts';
import type { KarmadaStage } from './stage.ts';

/** A ClusterImageVerification as far as the demo on Karmada reads it. */
export interface FleetPolicy extends PolicyObject {
  readonly status?: PolicyObject['status'] & {
    /** `ratio`: verified of all images, such as `2/3`. */
    readonly summary?: { readonly ratio?: string };
    readonly propagation?: readonly { readonly kind: string; readonly namespace?: string; readonly name: string; readonly templates: number; readonly verified: number; readonly failed: number; readonly unknown: number }[];
    readonly clusters?: readonly { readonly name: string; readonly workloads: number; readonly verified: number; readonly failed: number; readonly unpinned: number }[];
  };
}

/** What all API servers have at one moment. */
export interface FleetObserved {
  readonly templates: readonly DeploymentObject[];
  /** By the name of the cluster: what it has itself. */
  readonly members: ReadonlyMap<string, readonly DeploymentObject[]>;
  readonly policies: readonly FleetPolicy[];
}

/** What became of one Deployment: its image as it was applied, at Karmada, and in each member where it is. */
export interface SentOutcome {
  readonly sent: Sent;
  readonly applied: string;
  readonly digest: Digest;
  readonly template: string;
  readonly members: ReadonlyMap<string, string>;
}

/** Reads all of it, what members have from the members themselves. */
export async function observe({ kubectl, members }: Pick<KarmadaStage, 'kubectl' | 'members'>): Promise<FleetObserved> {
  const deployments = (from: Kubectl): Promise<readonly DeploymentObject[]> => from.list<DeploymentObject>('deployments', '-A');
  const [templates, policies, ...there] = await Promise.all([
    deployments(kubectl),
    kubectl.list<FleetPolicy>('clusterimageverifications'),
    ...members.map(async ({ name, kubectl: own }) => [name, await deployments(own)] as const),
  ]);
  return { templates, policies, members: new Map(there) };
}

/** What became of each of `cast`. Pure. */
export function outcomes(cast: readonly Sent[], { images }: KarmadaStage['images'], { templates, members }: FleetObserved): SentOutcome[] {
  return cast.map((sent) => ({
    sent,
    applied: images[sent.part].reference,
    digest: images[sent.part].digest,
    template: imageOf(templates, sent) ?? '',
    members: new Map([...members].flatMap(([name, there]) => {
      const image = imageOf(there, sent);
      return image === undefined ? [] : [[name, image] as const];
    })),
  }));
}

function imageOf(deployments: readonly DeploymentObject[], { namespace, name }: Sent): string | undefined {
  return deployments.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name)?.spec.template.spec.containers[0]?.image;
}

/** The verified digest stands in the template, and in each cluster that the Deployment was sent to, and in no other. */
export function isPinned({ sent, template, members, digest }: SentOutcome): boolean {
  return template.endsWith(`@${digest}`) && isWhereItWasSent({ sent, members }) && [...members.values()].every((image) => image.endsWith(`@${digest}`));
}

/** It is as it was applied, everywhere. */
export function isUntouched({ sent, applied, template, members }: SentOutcome): boolean {
  return template === applied && isWhereItWasSent({ sent, members }) && [...members.values()].every((image) => image === applied);
}

/** The template holds the digest, one cluster has only the tag, and all others have the digest. */
export function isDroppedIn(cluster: string, { sent, template, members, digest }: SentOutcome): boolean {
  const others = [...members].filter(([name]) => name !== cluster);
  const there = members.get(cluster);
  return template.endsWith(`@${digest}`) && isWhereItWasSent({ sent, members }) && there !== undefined && !there.includes('@') && others.every(([, image]) => image.endsWith(`@${digest}`));
}

function isWhereItWasSent({ sent, members }: Pick<SentOutcome, 'sent' | 'members'>): boolean {
  return [...members.keys()].toSorted().join() === sent.to.toSorted().join();
}

/** A policy by its name. */
export function policyOf({ policies }: FleetObserved, name: string): FleetPolicy | undefined {
  return policies.find(({ metadata }) => metadata.name === name);
}

/** Whether a policy has this condition with this status and reason. */
export function hasCondition(policy: FleetPolicy | undefined, type: string, status: string, reason?: string): boolean {
  return (policy?.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === status && (reason === undefined || condition.reason === reason));
}
