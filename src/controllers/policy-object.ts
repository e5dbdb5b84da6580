import { REQUESTED_AT_ANNOTATION } from '../api/annotations.ts';
import type { KubeObject, Resource } from '../kube/object.ts';
import type { Stored } from '../kube/store.ts';
import { boundedSpec } from '../verification/policy/oversized.ts';
import type { PolicyKey } from '../verification/types.ts';
import { policyId } from './ledger.ts';
import type { KnownStatus } from './policy-status.ts';

/** The two kinds of policy. */
export const POLICY_RESOURCES: Readonly<Record<PolicyKey['kind'], Resource>> = {
  ImageVerification: { group: 'assay.dev', version: 'v1alpha1', plural: 'imageverifications', kind: 'ImageVerification', namespaced: true },
  ClusterImageVerification: { group: 'assay.dev', version: 'v1alpha1', plural: 'clusterimageverifications', kind: 'ClusterImageVerification', namespaced: false },
};

/** What is kept in memory of a policy: all of its spec, unless that is too large, and its status. */
export interface PolicyObject extends Stored {
  readonly kind: PolicyKey['kind'];
  readonly uid: string;
  readonly generation: number;
  readonly spec: unknown;
  readonly status?: KnownStatus;
  /** The annotation `assay.dev/requestedAt`. */
  readonly requestedAt?: string;
  readonly deleting: boolean;
}

/** The projection of a policy for its store. */
export function projectPolicy(kind: PolicyKey['kind'], object: KubeObject): PolicyObject {
  const { metadata, spec, status } = object as KubeObject & { spec?: unknown; status?: PolicyObject['status'] };
  const requestedAt = metadata.annotations?.[REQUESTED_AT_ANNOTATION];
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    resourceVersion: metadata.resourceVersion ?? '',
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    spec: boundedSpec(spec),
    deleting: metadata.deletionTimestamp !== undefined,
    ...(status === undefined ? {} : { status }),
    ...(requestedAt === undefined ? {} : { requestedAt }),
  };
}

/** The key of a policy. */
export function policyKeyOf(object: Pick<PolicyObject, 'kind' | 'namespace' | 'name'>): PolicyKey {
  const { kind, namespace, name } = object;
  return namespace === '' ? { kind, name } : { kind, namespace, name };
}

/** The id of a policy object: its key in queues, ledger and logs. */
export function idOf(object: Pick<PolicyObject, 'kind' | 'namespace' | 'name'>): string {
  return policyId(policyKeyOf(object));
}

/** The parts of an id. */
export function splitPolicyId(id: string): { kind: string; key: string } {
  const slash = id.indexOf('/');
  return { kind: id.slice(0, slash), key: id.slice(slash + 1) };
}

/** The namespace of a policy by its id; empty for one of all namespaces. */
export function namespaceOfPolicy(id: string): string {
  const { key } = splitPolicyId(id);
  return key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
}
