import { parseImageReference } from '../api/image-reference.ts';
import type { PodImage } from '../api/pod-images.ts';
import type { Clock } from '../base/clock.ts';
import { FRESH, RESYNC, type WorkQueue } from '../runtime/work-queue.ts';
import type { PolicyScope } from '../verification/policy/compiled-policy.ts';
import type { Rendering } from './effective.ts';
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
  readonly clock: Clock;
  /** What Karmada tells clusters to run of a workload; undefined where there is no Karmada. */
  readonly renderings?: (key: string) => readonly Rendering[] | undefined;
  /** What overrides make workloads of that are none, in a namespace or in all. */
  readonly disguised?: (namespace: string | undefined) => Iterable<WorkloadObject>;
}

/** Subscribes the queues to the caches. Returns how to end that. */
export function connectTriggers({ fleet, workloadQueue, policyQueue, disguised }: Omit<TriggerDependencies, 'pending' | 'clock' | 'renderings'>): () => void {
  let initial = true;
  const endings = [...fleet.workloads.values()].map((reflector) =>
    reflector.subscribe((change) => {
      // Karmada and kubelets write statuses all day long: what decides nothing costs nothing.
      if (change.type === 'updated' && sameWorkload(change.old, change.value)) return;
      // What was there before us can wait for what somebody is doing now.
      const subject = subjectOf(change);
      const priority = initial ? RESYNC : FRESH;
      workloadQueue.add(workloadKey(subject), { priority });
      // It answers for them from now on, or does not any more.
      if (change.type !== 'updated') for (const made of fleet.madeBy(subject)) workloadQueue.add(workloadKey(made), { priority });
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
      const { name } = subjectOf(change);
      for (const workload of [...fleet.allWorkloads(name), ...(disguised?.(name) ?? [])]) workloadQueue.add(workloadKey(workload), { priority: RESYNC });
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

/** How many workloads are held against a policy before others get a turn: some milliseconds. */
const SLICE = 500;
/** And how many Works of theirs, where these decide. */
const WORKS = 2000;

/**
 * Has every workload judged again that the policy governed or governs. Of a large fleet a slice at a time, so that nothing
 * else waits for long; until all were looked at, it is not known for how many the policy waits.
 */
export function governanceChanged(dependencies: TriggerDependencies, before: PolicyState | undefined, after: PolicyState | undefined): void {
  const { fleet, pending } = dependencies;
  const states = [before, after].filter((state) => state !== undefined);
  const [state] = states;
  if (state === undefined) return;
  // A copy: the store's own iterators are not to be kept over a wait. What comes later is judged by its own event.
  const workloads = [...fleet.allWorkloads(state.key.namespace), ...(dependencies.disguised?.(state.key.namespace) ?? [])];
  const sweep: Sweep = { id: policyId(state.key), states, workloads, stays: after !== undefined };
  if (sweep.stays) pending.look(sweep.id, workloads.length);
  lookAt(dependencies, sweep, 0);
}

interface Sweep {
  readonly id: string;
  readonly states: readonly PolicyState[];
  readonly workloads: readonly WorkloadObject[];
  /** Whether there is still a policy that can wait for its workloads. */
  readonly stays: boolean;
}

function lookAt(dependencies: TriggerDependencies, sweep: Sweep, from: number): void {
  const { fleet, workloadQueue, policyQueue, pending, clock } = dependencies;
  let [next, works] = [from, 0];
  for (const workload of sweep.workloads.slice(from, from + SLICE)) {
    if (works >= WORKS) break;
    next += 1;
    const key = workloadKey(workload);
    const renderings = (): readonly Rendering[] => {
      const found = dependencies.renderings?.(key) ?? [];
      works += found.length;
      return found;
    };
    if (!sweep.states.some((one) => mayGovern(fleet, one, workload, renderings))) continue;
    if (sweep.stays) pending.add(sweep.id, key);
    workloadQueue.add(key, { priority: RESYNC });
  }
  if (sweep.stays) pending.look(sweep.id, from - next);
  if (next < sweep.workloads.length) clock.after(0, () => lookAt(dependencies, sweep, next));
  else if (from > 0) policyQueue.add(sweep.id);
}

/** Governance follows the image: a policy may mean the template, or what some cluster runs of it; that is looked at where it matters. */
function mayGovern(fleet: Fleet, state: PolicyState, { anyKind, kind: ownKind, namespace, labels, images }: WorkloadObject, renderings: () => readonly Rendering[]): boolean {
  const scope = scopeOf(state);
  const kind = anyKind === true ? undefined : ownKind;
  const namespaceLabels = fleet.namespaceLabels(namespace);
  // Whether a namespace that is not known yet is chosen nobody can say: the workload waits for it, and then counts.
  const unsure = namespaceLabels === undefined && state.key.namespace === undefined;
  const chosen = (of: WorkloadObject['labels']): boolean => unsure || scope.governsWorkload({ kind, namespace, labels: of, namespaceLabels: namespaceLabels ?? {} });
  const means = (some: readonly PodImage[]): boolean => some.some(({ image }) => governsText(scope, image));
  const [own, named] = [chosen(labels), means(images)];
  if (own && named) return true;
  const works = renderings().map(({ work }) => work);
  // What most clusters have is one value in memory.
  if (!own && !distinct(works.map((work) => (work.labelsOmitted === true ? undefined : (work.labels ?? NO_LABELS)))).some(chosen)) return false;
  return named || distinct(works.map((work) => work.images)).some(means);
}

const NO_LABELS = {};

function distinct<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)];
}
