import type { Reason, WorkloadState } from '../api/reasons.ts';
import { type Contention, contend, type PinHistory } from './contention.ts';
import type { WorkloadFacts } from './gather.ts';
import type { WorkloadRecord } from './ledger.ts';
import { blocks, type ImageOutcome, stateOf, summarize, verified } from './outcome.ts';
import { combinePolicies, type PinDecision } from '../verification/policy/combine.ts';
import { type PinPlan, planPins } from './pin-plan.ts';
import { KINDS, workloadKey } from './workload-object.ts';

/** What is to be done about one workload: the patch to send, if any, and what is to be recorded when nothing interferes. */
export interface WorkloadPlan {
  readonly pin?: PinPlan;
  readonly history?: PinHistory;
  readonly record: WorkloadRecord;
  /** Milliseconds until it is to be looked at again; absent: when something changes. */
  readonly requeueAfter?: number;
}

/** What planning knows beside the facts. */
export interface PlanContext {
  readonly history: PinHistory | undefined;
  /** How often in a row the workload had an image that did not verify; spreads out asking again. */
  readonly attempts: number;
}

const MINUTE = 60_000;
const FAILED_BASE = MINUTE;
const FAILED_MAX = 15 * MINUTE;
const UNKNOWN_BASE = 10_000;
const UNKNOWN_MAX = 5 * MINUTE;

/** Decides about one workload. Pure. */
export function planWorkload(facts: WorkloadFacts, context: PlanContext): WorkloadPlan {
  const { workload, images, policies } = facts;
  const decision = combinePolicies(policies);
  const wanted = decision.pin ? patchable(facts, decision) : undefined;
  const contention = wanted === undefined ? undefined : contend(workload, wanted.pins, context.history, facts.now);
  const contested = contention !== undefined && !contention.pin;
  const unpinned = whyUnpinned(facts, decision, contention);
  const record: WorkloadRecord = {
    key: workloadKey(workload),
    kind: workload.kind,
    namespace: workload.namespace,
    name: workload.name,
    state: stateOf(images, contested),
    images,
    ...(unpinned === undefined ? {} : { unpinned }),
  };
  const requeueAfter = nextLook(facts, context.attempts, contention);
  return {
    record,
    ...(wanted !== undefined && !contested ? { pin: wanted } : {}),
    ...(contention === undefined ? {} : { history: contention.history }),
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  };
}

/** The pins of those fields that the API server lets anybody change (api.md, Workloads). */
function patchable({ workload, images }: WorkloadFacts, decision: Extract<PinDecision, { pin: true }>): PinPlan | undefined {
  const holders = KINDS.get(workload.kind)?.patchable ?? [];
  const open = images.map((image): ImageOutcome => (holders.includes(image.field.holder) ? image : { ...image, pinned: true }));
  return planPins(workload, open, decision.form);
}

function whyUnpinned(facts: WorkloadFacts, decision: PinDecision, contention: Contention | undefined): WorkloadRecord['unpinned'] {
  const { workload, images } = facts;
  const open = images.filter((image) => verified(image) && !image.pinned);
  if (open.length === 0) return undefined;
  if (!decision.pin) return { reason: decision.reason, message: decision.message };
  const holders = KINDS.get(workload.kind)?.patchable ?? [];
  const blocking = images.find((image) => blocks(image));
  if (blocking !== undefined) {
    const summary = summarize(blocking);
    return { reason: 'NotPinned', message: `nothing is pinned before every governed image verified, and ${blocking.field.image} did not: ${summary?.reason ?? ''}` };
  }
  if (contention !== undefined && !contention.pin) {
    const who = workload.writer ?? 'another writer';
    return {
      reason: 'PinContested',
      message: `${who} keeps putting back the reference that was pinned, so pinning stops for a while (each round is a rollout); pin in its source with assay pin, or set spec.pin.mode to Never`,
    };
  }
  if (open.every((image) => !holders.includes(image.field.holder))) return notPatchable(workload.kind);
  return { reason: 'NotPinned', message: 'the patch was not written yet' };
}

function notPatchable(kind: string): NonNullable<WorkloadRecord['unpinned']> {
  return { reason: 'NotPatchable', message: `the API server lets nobody change these images of a ${kind}; pin them where it is made` };
}

/** When to look again without being told to: the earliest of what each image asks for. */
function nextLook(facts: WorkloadFacts, attempts: number, contention: Contention | undefined): number | undefined {
  const { images, policies, now } = facts;
  const interval = Math.min(...policies.map((policy) => policy.recheckInterval));
  const looks = images.flatMap((image) => {
    const summary = summarize(image);
    if (summary === undefined) return [];
    if (summary.result === 'Failed') return [Math.min(FAILED_MAX, FAILED_BASE * 2 ** attempts)];
    // A policy that is not valid changes by an edit, which is an event of its own.
    if (summary.result === 'Unknown') return summary.reason === 'PolicyInvalid' ? [] : [Math.max(facts.retryAfter ?? 0, Math.min(UNKNOWN_MAX, UNKNOWN_BASE * 2 ** attempts))];
    const verifiedAt = Math.min(...image.verdicts.map((verdict) => verdict.verifiedAt));
    const stale = image.verdicts.some((verdict) => verdict.stale === true);
    return [stale ? Math.max(facts.retryAfter ?? 0, UNKNOWN_MAX) : Math.max(1000, verifiedAt + interval - now)];
  });
  const ends = policies.flatMap((policy) => policy.nextExpiry(now) ?? []).map((end) => Math.max(1000, end - now));
  const all = [...looks, ...ends, ...(contention !== undefined && !contention.pin ? [contention.retryAfter] : [])];
  return all.length === 0 ? undefined : Math.min(...all);
}

/** Whether a workload in this state is asked about more and more seldom. */
export function isOpen(state: WorkloadState): boolean {
  return state === 'failed' || state === 'unknown';
}

/** The record after an attempt to pin that did not succeed. */
export function unpinnedRecord(record: WorkloadRecord, reason: Reason, message: string): WorkloadRecord {
  return { ...record, unpinned: { reason, message } };
}

/** The record after the pins of a plan were written: what the next look at the object will find. */
export function pinnedRecord(record: WorkloadRecord, plan: PinPlan): WorkloadRecord {
  const images = record.images.map((image): ImageOutcome => {
    const pin = plan.pins.find((one) => one.field.pointer === image.field.pointer);
    return pin === undefined ? image : { ...image, field: { ...image.field, image: pin.to }, pinned: true, tag: pin.from };
  });
  const { unpinned: _, ...rest } = record;
  const open = images.filter((image) => verified(image) && !image.pinned);
  // A plan pins all that can be: what is left is what nobody may change.
  return { ...rest, images, state: stateOf(images), ...(open.length === 0 ? {} : { unpinned: notPatchable(record.kind) }) };
}
