import type { Clock } from '../base/clock.ts';
import { Waiting } from '../base/errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Reconcile, ReconcileContext } from '../runtime/controller.ts';
import type { ReconcileResult } from '../runtime/outcome.ts';
import type { PinHistory } from './contention.ts';
import { gather, type GatherDependencies } from './gather.ts';
import type { WorkloadRecord } from './ledger.ts';
import type { Pending } from './pending.ts';
import { type PinResult, writePins } from './pin-writer.ts';
import { pinEvent, verdictEvents } from './workload-events.ts';
import type { WorkloadObject } from './workload-object.ts';
import { isOpen, pinnedRecord, planWorkload, unpinnedRecord, type WorkloadPlan } from './workload-plan.ts';

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
  readonly onPin: (result: PinResult['result'] | 'error') => void;
}

/** What is remembered between two looks at one workload; gone with the process, and then found out again. */
interface Memory {
  readonly history?: PinHistory;
  /** The version that our last patch made; what the cache has before it arrives is the past. */
  readonly written?: string;
  readonly writtenAt?: number;
  readonly attempts: number;
}

const STALE_CACHE_WAIT = 100;
// A write whose event never arrives must not stop the workload from being looked at.
const STALE_CACHE_LIMIT = 30_000;

/** The reconcile of one workload: read, gather, judge and plan, apply, record. */
export function createWorkloadReconcile(dependencies: WorkloadDependencies): Reconcile {
  const memories = new Map<string, Memory>();
  return async (key, context) => {
    const workload = dependencies.workload(key);
    if (workload === undefined || workload.deleting) {
      memories.delete(key);
      touch(dependencies, key, dependencies.ledger.forget(key));
      return undefined;
    }
    const memory = memories.get(key) ?? { attempts: 0 };
    waitForOwnWrite(workload, memory, dependencies.clock.now());
    const facts = await gather(dependencies, workload, context.signal);
    const plan = planWorkload(facts, { history: memory.history, attempts: memory.attempts });
    const { record, memory: after, requeueAfter } = await apply(dependencies, workload, plan, context);
    memories.set(key, { ...after, attempts: isOpen(record.state) ? memory.attempts + 1 : 0 });
    tell(dependencies, workload, record);
    return requeueAfter === undefined ? undefined : { requeueAfter };
  };
}

/** WARNING: without this, a look at the cache before our own patch arrived there would be taken for a revert by somebody else. */
function waitForOwnWrite(workload: WorkloadObject, { written, writtenAt = 0 }: Memory, now: number): void {
  if (written === undefined || now - writtenAt > STALE_CACHE_LIMIT) return;
  if (isOlder(workload.resourceVersion, written)) throw new Waiting('the cache has not seen the last patch yet', STALE_CACHE_WAIT);
}

/** Versions of one object are ordered numbers (KEP-5504); two that are not numbers are not compared. */
function isOlder(version: string, than: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(than) && BigInt(version) < BigInt(than);
}

interface Applied extends ReconcileResult {
  readonly record: WorkloadRecord;
  readonly memory: Omit<Memory, 'attempts'>;
}

async function apply(dependencies: WorkloadDependencies, workload: WorkloadObject, plan: WorkloadPlan, { signal, log }: ReconcileContext): Promise<Applied> {
  const kept = plan.history === undefined ? {} : { history: plan.history };
  if (plan.pin === undefined) return { record: plan.record, memory: kept, requeueAfter: plan.requeueAfter };
  const result = await write(dependencies, workload, plan.pin, signal);
  if (result.result === 'pinned') {
    log.info('pinned', { images: plan.pin.pins.map(({ from, to }) => ({ from, to })) });
    dependencies.events.record(pinEvent(workload, plan.pin));
    const memory = { ...kept, written: result.resourceVersion, writtenAt: dependencies.clock.now() };
    return { record: pinnedRecord(plan.record, plan.pin), memory, requeueAfter: plan.requeueAfter };
  }
  if (result.result === 'gone') return { record: plan.record, memory: {} };
  log.warn('not pinned', { reason: result.reason, why: result.message });
  const record = unpinnedRecord(plan.record, result.reason, result.message);
  // A conflict is over as soon as the cache has what won; a refusal stays until somebody changes something.
  return { record, memory: {}, requeueAfter: result.result === 'conflict' ? 1000 : Math.min(plan.requeueAfter ?? Infinity, 300_000) };
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

function tell(dependencies: WorkloadDependencies, workload: WorkloadObject, record: WorkloadRecord): void {
  const { ledger, events, policies } = dependencies;
  const before = ledger.get(record.key);
  touch(dependencies, record.key, ledger.record(record));
  for (const event of verdictEvents(workload, before, record, (id) => policies.get(id)?.uid)) events.record(event);
}

function touch({ pending, policiesTouched }: WorkloadDependencies, key: string, ids: ReadonlySet<string>): void {
  policiesTouched(new Set([...ids, ...pending.settle(key)]));
}
