import { isRecord, recordOf, textsOf } from './json.ts';

/**
 * The suspension of a binding after its policy was applied (pkg/util/binding.go, MergePolicySuspension): what is dispatched is the
 * policy's to say, what is scheduled the binding's. Undefined for none.
 */
export function mergeSuspension(binding: unknown, policy: unknown): Readonly<Record<string, unknown>> | undefined {
  const { scheduling } = recordOf(binding);
  const own = scheduling === undefined || scheduling === null ? {} : { scheduling };
  if (!isRecord(policy)) return Object.keys(own).length === 0 ? undefined : own;
  const { dispatching, dispatchingOnClusters } = policy;
  return {
    ...(dispatching === undefined || dispatching === null ? {} : { dispatching }),
    ...(dispatchingOnClusters === undefined || dispatchingOnClusters === null ? {} : { dispatchingOnClusters }),
    ...own,
  };
}

/** Whether a suspension keeps Works from one cluster (pkg/controllers/binding/common.go, shouldSuspendDispatching). */
export function isDispatchingSuspended(suspension: unknown, cluster: string): boolean {
  const { dispatching, dispatchingOnClusters } = recordOf(suspension);
  return dispatching === true || textsOf(recordOf(dispatchingOnClusters)['clusterNames']).includes(cluster);
}
