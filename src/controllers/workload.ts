import type { Clock } from '../base/clock.ts';
import { Waiting } from '../base/errors.ts';
import type { AppliedOverride } from '../karmada/predict.ts';
import { SharedValues } from '../karmada/shared-values.ts';
import type { Claim } from '../karmada/types.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import { isOlder } from '../kube/recovery.ts';
import type { Reconcile, ReconcileContext } from '../runtime/controller.ts';
import type { ReconcileResult } from '../runtime/outcome.ts';
import type { PinHistory } from './contention.ts';
import type { GatherDependencies } from './asking.ts';
import { type Effective, effectiveOf, type Rendering } from './effective.ts';
import { gather, gatherEffective, type WorkloadFacts } from './gather.ts';
import { governanceOf, questionsOf } from './governance.ts';
import { recordedImage, type WorkloadRecord } from './ledger.ts';
import type { Pending } from './pending.ts';
import { type PinResult, writePins } from './pin-writer.ts';
import { managedEvent, pinEvent, verdictEvents } from './workload-events.ts';
import { sameWorkload, type WorkloadObject, workloadKey } from './workload-object.ts';
import { isOpen, pinnedRecord, planWorkload, unpinnedRecord, type WorkloadPlan } from './workload-plan.ts';

/** What is asked of Karmada about a workload. */
export interface Propagation {
  /** What clusters are told to run of it; undefined where there is no Karmada. */
  readonly renderings: (key: string) => readonly Rendering[] | undefined;
  /** The override policies that may change its images in a cluster, as they apply one after the other. */
  readonly overriders: (workload: WorkloadObject, cluster: string) => readonly AppliedOverride[];
  /** The policy that propagates it. */
  readonly claim: (workload: WorkloadObject) => Claim | undefined;
  /** It was judged, or (without a record) is gone. */
  readonly onRecord: (key: string, record: WorkloadRecord | undefined) => void;
}

/** What the workload controller works with. */
export interface WorkloadDependencies extends GatherDependencies {
  readonly client: KubeClient;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly clock: Clock;
  /** The workload as the cache has it. */
  readonly workload: (key: string) => WorkloadObject | undefined;
  /** The pictures of these policies may have changed. */
  readonly policiesTouched: (ids: Iterable<string>) => void;
  readonly pending: Pending;
  /** Absent: workloads run where they are. */
  readonly propagation?: Propagation;
  readonly onPin: (result: PinResult['result'] | 'error') => void;
}

/** What is remembered between two looks at one workload; gone with the process, and then found out again. */
interface Memory {
  readonly uid: string;
  readonly history?: PinHistory;
  /** The version that our last patch made; what the cache has before it arrives is the past. */
  readonly written?: string;
  readonly writtenAt?: number;
  /** How often in a row an image did not verify. */
  readonly attempts: number;
  /** How often in a row the patch was not taken: it did not fit the object, or was refused. */
  readonly unwritten: number;
  /** Since when clusters are waited for that do not have these images of the template yet. */
  readonly rendering?: { readonly images: string; readonly since: number } | undefined;
}

// Karmada brings a template to its clusters within a second or two; one that it cannot bring there is judged by what runs.
const RENDERING_LIMIT = 30_000;
/** Different sets of clusters that are remembered, twice over. */
const MAX_SETS = 4096;
const STALE_CACHE_WAIT = 100;
// A write whose event never arrives must not stop the workload from being looked at.
const STALE_CACHE_LIMIT = 30_000;
const POLICY_CHANGED_WAIT = 100;
const CONFLICT_BASE = 200;
const REFUSED_BASE = 1000;
const UNWRITTEN_MAX = 300_000;

/** The reconcile of one workload: read, gather, judge and plan, apply, record. */
export function createWorkloadReconcile(dependencies: WorkloadDependencies): Reconcile {
  const memories = new Map<string, Memory>();
  const shared = new SharedValues(MAX_SETS);
  return async (key, context) => {
    const { pending, ledger, clock } = dependencies;
    const workload = dependencies.workload(key);
    const forget = (): void => {
      memories.delete(key);
      dependencies.propagation?.onRecord(key, undefined);
      dependencies.policiesTouched(new Set([...ledger.forget(key), ...pending.settle(key)]));
    };
    // One that is being deleted is judged like any other: a finalizer can keep it, and what it runs, for as long as its owner likes (CVE-2023-34091).
    if (workload === undefined) return forget();
    const memory = memoryOf(memories.get(key), workload, ledger.get(key));
    waitForOwnWrite(workload, memory, clock.now());
    // WARNING: before anything is read: a policy that changes from here on is not the one that is judged by.
    const mark = pending.mark();
    const gathered = newest(dependencies, key, await gather(dependencies, workload, context));
    const { facts, waiting } = await withClusters({ ...dependencies, shared }, gathered, memory, context);
    const plan = planWorkload(facts, memory);
    const applied = await apply(dependencies, facts, plan, { ...memory, ...waiting }, context);
    if (applied === undefined) return forget();
    const { record } = applied;
    remember(memories, record, { ...applied.memory, attempts: isOpen(record.state) ? memory.attempts + 1 : 0 });
    tell(dependencies, workload, record, mark);
    const requeueAfter = Math.min(applied.requeueAfter ?? Infinity, renderingEnds(applied.memory, clock.now()));
    return Number.isFinite(requeueAfter) ? { requeueAfter } : undefined;
  };
}

/** What is remembered of this very object; an image that is new is asked for as often as any new one. */
function memoryOf(memory: Memory | undefined, { uid, images }: WorkloadObject, record: WorkloadRecord | undefined): Memory {
  if (memory === undefined || memory.uid !== uid) return { uid, attempts: 0, unwritten: 0 };
  return images.every((field) => recordedImage(record, field) !== undefined) ? memory : { ...memory, attempts: 0 };
}

/**
 * Adds what the clusters of Karmada run. A pin that is about to be written changes what they all run in its place: that is looked at when they
 * have it, unless it could not be written the last time.
 */
async function withClusters(dependencies: WorkloadDependencies & { readonly shared: SharedValues }, facts: WorkloadFacts, memory: Memory, context: ReconcileContext): Promise<{ facts: WorkloadFacts; waiting: Pick<Memory, 'rendering'> }> {
  const { workload, now } = facts;
  const key = workloadKey(workload);
  const { propagation } = dependencies;
  const renderings = propagation?.renderings(key);
  if (propagation === undefined || renderings === undefined) return { facts, waiting: {} };
  const recorded = dependencies.ledger.get(key);
  const images = workload.images.map(({ image }) => image).join(' ');
  const since = memory.rendering?.images === images ? memory.rendering.since : now;
  const found = withShared(dependencies.shared, effectiveOf(workload, renderings, { before: recorded?.uid === workload.uid ? recorded : undefined, patient: now - since < RENDERING_LIMIT }));
  const pins = memory.unwritten === 0 ? (planWorkload(facts, memory).pin?.pins ?? []) : [];
  const changing = new Set(pins.map(({ field }) => field.pointer));
  const effective = { ...found, deviations: found.deviations.filter(({ own }) => own === undefined || !changing.has(own.pointer)) };
  const overriders = (cluster: string): readonly AppliedOverride[] => propagation.overriders(workload, cluster);
  const claim = propagation.claim(workload);
  return { facts: await gatherEffective(dependencies, facts, { ...effective, overriders, claim }, context), waiting: { rendering: found.rendering ? { images, since } : undefined } };
}

/** Most templates run in the same clusters: one list of these in memory, and whoever counts sees at once that it is the same. */
function withShared(shared: SharedValues, { clusters, same, ...rest }: Effective): Effective {
  return { ...rest, clusters: shared.value(clusters), same: new Map([...same].map(([pointer, names]) => [pointer, shared.value(names)])) };
}

/** Milliseconds until clusters that lag are judged by what they run; no time where none does. */
function renderingEnds({ rendering }: Memory, now: number): number {
  return rendering === undefined ? Infinity : Math.max(0, rendering.since + RENDERING_LIMIT - now);
}

/** One small entry a workload, and none for those that nobody governs or of which there is nothing to remember. */
function remember(memories: Map<string, Memory>, { key, state }: WorkloadRecord, memory: Memory): void {
  const empty = memory.history === undefined && memory.written === undefined && memory.attempts === 0 && memory.unwritten === 0 && memory.rendering === undefined;
  if (empty || state === 'unmatched') memories.delete(key);
  else memories.set(key, memory);
}

/** WARNING: without this, a look at the cache before our own patch arrived there would be taken for a revert by somebody else. */
function waitForOwnWrite(workload: WorkloadObject, { written, writtenAt = 0 }: Memory, now: number): void {
  if (written === undefined || now - writtenAt > STALE_CACHE_LIMIT) return;
  if (isOlder(workload.resourceVersion, written)) throw new Waiting('the cache has not seen the last patch yet', STALE_CACHE_WAIT);
}

interface Applied extends ReconcileResult {
  readonly record: WorkloadRecord;
  readonly memory: Memory;
}

/** Does what is planned; undefined when the workload turned out to be gone. */
async function apply(dependencies: WorkloadDependencies, facts: WorkloadFacts, plan: WorkloadPlan, memory: Memory, { signal, log }: ReconcileContext): Promise<Applied | undefined> {
  const { workload } = facts;
  const { record, pin, requeueAfter } = plan;
  const history = plan.history === undefined ? {} : { history: plan.history };
  if (pin === undefined) return { record, memory: { ...memory, ...history, unwritten: 0 }, requeueAfter };
  stillGoverned(dependencies, facts);
  if (memory.history === undefined && workload.tags === undefined && workload.writer !== undefined) dependencies.events.record(managedEvent(workload, workload.writer));
  const result = await write(dependencies, workload, pin, signal);
  if (result.result === 'gone') return undefined;
  const now = dependencies.clock.now();
  if (result.result === 'pinned') {
    log.info('pinned', { images: pin.pins.map(({ from, to }) => ({ from, to })) });
    dependencies.events.record(pinEvent(workload, pin));
    return { record: pinnedRecord(facts, record, pin, now), memory: { ...memory, ...history, written: result.resourceVersion, writtenAt: now, unwritten: 0 }, requeueAfter };
  }
  log.warn('not pinned', { reason: result.reason, why: result.message });
  // A conflict is over as soon as the cache has what won. A refusal stays until somebody changes something, but an API server
  // that has just started refuses everybody for a moment. What was remembered stays as it was: nothing was pinned that could
  // come back.
  const base = result.result === 'conflict' ? CONFLICT_BASE : REFUSED_BASE;
  const wait = Math.min(UNWRITTEN_MAX, base * 2 ** memory.unwritten);
  const after = { ...memory, unwritten: memory.unwritten + 1 };
  return { record: unpinnedRecord(record, result.reason, result.message), memory: after, requeueAfter: Math.min(requeueAfter ?? Infinity, wait) };
}

/** The facts with the workload as the cache has it by now, where nothing that decides changed meanwhile: a patch must fit what is there. */
function newest(dependencies: WorkloadDependencies, key: string, facts: WorkloadFacts): WorkloadFacts {
  const workload = dependencies.workload(key);
  return workload !== undefined && sameWorkload(workload, facts.workload) ? { ...facts, workload } : facts;
}

/** Judging takes time. WARNING: without this a digest could be written under policies that do not stand any more. */
function stillGoverned(dependencies: WorkloadDependencies, { workload, governance }: WorkloadFacts): void {
  if (governanceOf(questionsOf(dependencies, workload)) === governance) return;
  throw new Waiting('a policy changed while the workload was judged', POLICY_CHANGED_WAIT);
}

async function write({ client, onPin }: WorkloadDependencies, workload: WorkloadObject, plan: NonNullable<WorkloadPlan['pin']>, signal: AbortSignal): Promise<PinResult> {
  try {
    const result = await writePins(client, workload, plan, signal);
    onPin(result.result);
    return result;
  } catch (error) {
    onPin('error');
    throw error;
  }
}

function tell({ ledger, events, policies, pending, policiesTouched, propagation }: WorkloadDependencies, workload: WorkloadObject, record: WorkloadRecord, mark: number): void {
  const before = ledger.get(record.key);
  policiesTouched(new Set([...ledger.record(record), ...pending.settle(record.key, mark)]));
  propagation?.onRecord(record.key, record);
  const known = before?.uid === record.uid ? before : undefined;
  for (const event of verdictEvents(workload, known, record, (id) => policies.get(id)?.uid)) events.record(event);
}
