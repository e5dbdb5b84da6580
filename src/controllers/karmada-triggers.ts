import type { BindingObject, ClaimingPolicy, OverridePolicyObject, WorkObject } from '../karmada/types.ts';
import { sameValue } from '../kube/patch.ts';
import type { Change, Stored } from '../kube/store.ts';
import { FRESH, RESYNC, type WorkQueue } from '../runtime/work-queue.ts';
import { type Fleet, subjectOf } from './fleet.ts';
import type { KarmadaFleet } from './karmada-fleet.ts';
import { workloadKey } from './workload-object.ts';

export interface KarmadaTriggerDependencies {
  readonly karmada: KarmadaFleet;
  readonly fleet: Pick<Fleet, 'allWorkloads'>;
  readonly workloadQueue: Pick<WorkQueue, 'add'>;
  /** The keys of the workloads of which an override drops a digest: of a namespace, or of all. */
  readonly dropped: (namespace?: string) => readonly string[];
}

/** Karmada tells one cluster after the other: a template is judged when it has told some more, and not for each. Milliseconds. */
export const GATHERING = 500;

/**
 * Has a template judged again when what a cluster is told to run of it changes, or whether it is being left; what changes within half a second is one
 * change. What is there already wakes nobody: its templates are judged at the start anyway. Of Karmada's reports nothing is kept, so that they
 * wake nobody either. With an override policy those are judged of which some override drops a digest: which one is told. Of a policy of Karmada that comes or goes the templates are judged whose bindings say that they are its own, and all of
 * them where Karmada itself comes or goes. Returns how to end that.
 */
export function connectKarmadaTriggers({ karmada, fleet, workloadQueue, dropped }: KarmadaTriggerDependencies): () => void {
  let initial = true;
  const wake = (keys: readonly string[]): void => {
    for (const one of keys) workloadQueue.add(one, { priority: FRESH, after: GATHERING });
  };
  const endings = [
    karmada.works.subscribe((change) => {
      // WARNING: of tens of thousands, and within one turn of the event loop.
      if (initial) return;
      if (!sameBut(change)) wake(karmada.keysOf(subjectOf<WorkObject>(change)));
    }),
    ...karmada.bindings.map((reflector) =>
      reflector.subscribe((change) => {
        if (initial) return;
        const [before, after] = [change.type === 'added' ? [] : change.old.evicting, change.type === 'deleted' ? [] : change.value.evicting];
        const binding = subjectOf<BindingObject>(change);
        const claims = [change.type === 'added' ? undefined : change.old.claim, change.type === 'deleted' ? undefined : change.value.claim];
        // With their binding Works come to another template than the one that they are named after, and without it they go back.
        const others = change.type === 'updated' ? [] : karmada.otherKeysOf(binding);
        if (others.length > 0 || !sameValue(before, after) || !sameValue(claims[0], claims[1])) wake([...karmada.templateKeys(binding.template), ...others]);
      }),
    ),
    ...karmada.policies.map((reflector) =>
      reflector.subscribe((change) => {
        if (initial || (change.type === 'updated' && change.old.id === change.value.id)) return;
        wake(idsOf(change).flatMap((id) => karmada.claimantsOf(id)));
      }),
    ),
    ...karmada.overrides.map((reflector) =>
      reflector.subscribe((change) => {
        if (initial) return;
        const { kind, namespace } = subjectOf<OverridePolicyObject>(change);
        wake(kind === 'OverridePolicy' ? dropped(namespace) : dropped());
      }),
    ),
    // WARNING: also those of which no cluster is told anything, or was told last: their records say whether there is a Karmada.
    karmada.subscribe(() => {
      for (const workload of [...fleet.allWorkloads(), ...karmada.allDisguised()]) workloadQueue.add(workloadKey(workload), { priority: RESYNC, after: GATHERING });
    }),
  ];
  for (const one of karmada.allDisguised()) workloadQueue.add(workloadKey(one), { priority: RESYNC });
  initial = false;
  return () => {
    for (const end of endings) end();
  };
}

function idsOf(change: Change<ClaimingPolicy>): readonly string[] {
  const ids = [change.type === 'added' ? undefined : change.old.id, change.type === 'deleted' ? undefined : change.value.id];
  return ids.filter((id) => id !== undefined);
}

/** Whether an update changed nothing that is kept. */
function sameBut<T extends Stored>(change: Change<T>): boolean {
  return change.type === 'updated' && sameValue({ ...change.old, resourceVersion: '' }, { ...change.value, resourceVersion: '' });
}
