import { parseImageReference } from '../api/image-reference.ts';
import { FRESH, RESYNC, type WorkQueue } from '../runtime/work-queue.ts';
import type { PolicyScope } from '../verification/policy/compiled-policy.ts';
import { type Fleet, subjectOf } from './fleet.ts';
import type { Pending } from './pending.ts';
import { idOf } from './policy-object.ts';
import { policyId } from './ledger.ts';
import { type PolicyState, scopeOf } from './policy-set.ts';
import { sameWorkload, type WorkloadObject, workloadKey } from './workload-object.ts';

/** What wakes whom: changes of the caches to keys in the queues. Handlers only enqueue. */
export interface TriggerDependencies {
  readonly fleet: Fleet;
  readonly workloadQueue: WorkQueue;
  readonly policyQueue: WorkQueue;
  readonly pending: Pending;
}

/** Subscribes the queues to the caches. Returns how to end that. */
export function connectTriggers({ fleet, workloadQueue, policyQueue }: TriggerDependencies): () => void {
  let initial = true;
  const endings = [...fleet.workloads.values()].map((reflector) =>
    reflector.subscribe((change) => {
      // Karmada and kubelets write statuses all day long: what decides nothing costs nothing.
      if (change.type === 'updated' && sameWorkload(change.old, change.value)) return;
      // What was there before us can wait for what somebody is doing now.
      workloadQueue.add(workloadKey(subjectOf(change)), { priority: initial ? RESYNC : FRESH });
    }),
  );
  for (const reflector of Object.values(fleet.policies)) {
    endings.push(
      reflector.subscribe((change) => {
        const statusOnly = change.type === 'updated' && change.old.generation === change.value.generation
          && change.old.uid === change.value.uid && change.old.requestedAt === change.value.requestedAt;
        if (!statusOnly) policyQueue.add(idOf(subjectOf(change)));
      }),
    );
  }
  endings.push(
    fleet.namespaces.subscribe((change) => {
      if (change.type === 'updated' && JSON.stringify(change.old.labels) === JSON.stringify(change.value.labels)) return;
      if (initial) return;
      for (const workload of fleet.allWorkloads(subjectOf(change).name)) workloadQueue.add(workloadKey(workload), { priority: RESYNC });
    }),
  );
  initial = false;
  return () => {
    for (const end of endings) end();
  };
}

/** An image text that does not parse may be meant by every policy: it is judged, and refused, under all of them. */
function governsText(scope: PolicyScope, image: string): boolean {
  try {
    return scope.governsImage(parseImageReference(image).name);
  } catch {
    return true;
  }
}

/** Has every workload judged again that the policy governed or governs. */
export function governanceChanged({ fleet, workloadQueue, pending }: TriggerDependencies, before: PolicyState | undefined, after: PolicyState | undefined): void {
  const states = [before, after].filter((state) => state !== undefined);
  const [state] = states;
  if (state === undefined) return;
  const id = policyId(state.key);
  for (const workload of fleet.allWorkloads(state.key.namespace)) {
    if (!states.some((one) => mayGovern(fleet, one, workload))) continue;
    const key = workloadKey(workload);
    if (after !== undefined) pending.add(id, key);
    workloadQueue.add(key, { priority: RESYNC });
  }
}

function mayGovern(fleet: Fleet, state: PolicyState, workload: WorkloadObject): boolean {
  const namespaceLabels = fleet.namespaceLabels(workload.namespace) ?? {};
  const scope = scopeOf(state);
  return scope.governsWorkload({ ...workload, namespaceLabels }) && workload.images.some((image) => governsText(scope, image.image));
}

