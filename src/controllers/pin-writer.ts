import type { Reason } from '../api/reasons.ts';
import { isConflict, isForbidden, isInvalid, isNotFound, isPatchRefused } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { messageOf } from '../base/errors.ts';
import type { PinPlan } from './pin-plan.ts';
import { FIELD_MANAGER, type WorkloadObject } from './workload-object.ts';

/** What became of a patch. `gone`: there is nothing left to pin. */
export type PinResult =
  | { readonly result: 'pinned'; readonly resourceVersion: string }
  | { readonly result: 'gone' }
  | { readonly result: 'conflict' | 'forbidden' | 'rejected'; readonly reason: Reason; readonly message: string };

/**
 * Sends the one patch of a plan. What the API server refuses comes back as a result; an outage rejects, and is tried
 * again: sent twice, the second fails its own `test` and changes nothing.
 */
export async function writePins(client: KubeClient, workload: WorkloadObject, plan: PinPlan, signal: AbortSignal): Promise<PinResult> {
  try {
    const after = await client.patch(
      workload.resource,
      { name: workload.name, ...(workload.resource.namespaced ? { namespace: workload.namespace } : {}) },
      { type: 'json', operations: plan.patch },
      { fieldManager: FIELD_MANAGER, signal },
    );
    return { result: 'pinned', resourceVersion: after.metadata.resourceVersion ?? '' };
  } catch (error) {
    if (isNotFound(error)) return { result: 'gone' };
    if (isForbidden(error)) {
      return { result: 'forbidden', reason: 'PatchForbidden', message: messageOf(`the API server forbids the pin: ${messageOf(error, 360)}; allow the operator to patch ${workload.resource.kind}s, or look for an admission webhook that says no`) };
    }
    if (isConflict(error) || isPatchRefused(error)) {
      return { result: 'conflict', reason: 'PatchConflict', message: 'the workload was changed at the same moment; it is judged again as it is now' };
    }
    if (isInvalid(error)) return { result: 'rejected', reason: 'PatchForbidden', message: messageOf(`the API server rejects the pinned object: ${messageOf(error, 440)}`) };
    throw error;
  }
}
