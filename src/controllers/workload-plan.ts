import type { Reason, WorkloadState } from '../api/reasons.ts';
import { digestOf } from '../base/digest.ts';
import { combinePolicies, type PinDecision } from '../verification/policy/combine.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import { type Contention, contend, type PinHistory } from './contention.ts';
import type { WorkloadFacts } from './gather.ts';
import { policyId, type Unpinned, type WorkloadRecord } from './ledger.ts';
import { blocks, type ImageOutcome, stateOf, summarize, verified } from './outcome.ts';
import { droppedForTag, unpinnedElsewhere } from './unpinned-elsewhere.ts';
import { type Pin, type PinPlan, pinsOf, planPins, reformedPins } from './pin-plan.ts';
import { type WorkloadObject, workloadKey } from './workload-object.ts';

/** What is to be done about one workload: the patch to send, if any, and what is to be recorded when nothing interferes. */
export interface WorkloadPlan {
  readonly pin?: PinPlan;
  /** What is to be remembered when the patch was written, or when there is none. */
  readonly history?: PinHistory;
  readonly record: WorkloadRecord;
  /** Milliseconds until it is to be looked at again; absent: when something changes. */
  readonly requeueAfter?: number;
}

/** What planning knows beside the facts. */
export interface PlanContext {
  readonly history?: PinHistory;
  /** How often in a row the workload had an image that did not verify; spreads out asking again. */
  readonly attempts: number;
}

const MINUTE = 60_000;
const FAILED_BASE = MINUTE;
const FAILED_MAX = 15 * MINUTE;
const UNKNOWN_BASE = 10_000;
const UNKNOWN_MAX = 5 * MINUTE;
const SOONEST = 1000;

/** Decides about one workload. Pure. */
export function planWorkload(facts: WorkloadFacts, { history, attempts }: PlanContext): WorkloadPlan {
  const { workload, images, policies, now } = facts;
  const decision = combinePolicies(policies);
  const pins = pinsUnder(facts, decision);
  const contention = pins.length === 0 ? undefined : contend({ workload, pins, history, basis: basisOf(facts), now });
  const contested = contention?.pin === false;
  const { images: elsewhere = [], overriders = [] } = facts.effective ?? {};
  const unpinned = whyUnpinned(facts, decision, contention) ?? unpinnedElsewhere(workload, elsewhere, overriders);
  const state = stateOf([...images, ...elsewhere], contested);
  const record = recordOf(facts, { state, ...(unpinned === undefined ? {} : { unpinned }) });
  // WARNING: kept where there is nothing to pin, too: our own pin seen in the cache is such a look, and a revert comes after it.
  const remembered = contention?.history ?? history;
  const requeueAfter = nextLook(facts, attempts, contention);
  return {
    record,
    ...(contention?.pin === true ? { pin: planPins(workload, pins, contention.history.reverts) } : {}),
    ...(remembered === undefined ? {} : { history: remembered }),
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  };
}

function pinsUnder({ workload, images, effective }: WorkloadFacts, decision: PinDecision): readonly Pin[] {
  if (!decision.pin) return [];
  const pins = pinsOf(changeable(workload, images), decision.form);
  if (decision.form !== 'Digest' || effective === undefined) return pins;
  return [...pins, ...reformedPins(workload, images.filter((image) => blocks(image) || isChangeable(workload, image)), droppedForTag(effective.images))];
}

function recordOf({ workload, images, effective }: WorkloadFacts, rest: Pick<WorkloadRecord, 'state' | 'unpinned'>): WorkloadRecord {
  const { uid, kind, namespace, name } = workload;
  const record = { key: workloadKey(workload), uid, kind, namespace, name, images, ...rest };
  if (effective === undefined) return record;
  const { clusters, same, claim } = effective;
  return {
    ...record,
    images: images.map((image) => ({ ...image, clusters: same.get(image.field.pointer) ?? clusters })),
    clusters,
    ...(claim === undefined ? {} : { claim }),
    ...(effective.images.length === 0 ? {} : { effective: effective.images }),
  };
}

function basisOf({ workload, governance }: WorkloadFacts): string {
  return digestOf(`${governance} ${workload.specHash}`);
}

/** The images as far as their fields can and may be changed (api.md, Workloads); the others count as done. Nothing is written to what is being deleted. */
function changeable(workload: WorkloadObject, images: readonly ImageOutcome[]): readonly ImageOutcome[] {
  return images.map((image) => (isChangeable(workload, image) ? image : { ...image, pinned: true }));
}

function isChangeable({ deleting }: WorkloadObject, { field }: ImageOutcome): boolean {
  return !deleting && field.fixed !== true;
}

function whyUnpinned({ workload, images }: WorkloadFacts, decision: PinDecision, contention: Contention | undefined): Unpinned | undefined {
  const open = images.filter((image) => verified(image) && !image.pinned);
  if (open.length === 0) return contention?.pin === false ? pinContested(workload) : undefined;
  if (!decision.pin) return { reason: decision.reason, message: decision.message };
  const blocking = images.find((image) => blocks(image));
  if (blocking !== undefined) {
    const reason = summarize(blocking)?.reason ?? 'NotPinned';
    return { reason: 'NotPinned', message: `nothing is pinned before every governed image verified, and ${blocking.field.image} did not: ${reason}` };
  }
  if (contention?.pin === false) return pinContested(workload);
  if (open.every((image) => !isChangeable(workload, image))) return notPatchable(workload);
  return { reason: 'NotPinned', message: 'the patch was not written yet' };
}

function pinContested({ writer, manager }: WorkloadObject): Unpinned {
  const who = writer ?? (manager === undefined ? 'another writer' : `field manager ${manager}`);
  return {
    reason: 'PinContested',
    message: `${who} puts back the reference that was pinned, so pinning stops for a while (each round is a rollout); pin in its source with assay pin, or set spec.pin.mode to Never`,
  };
}

function notPatchable({ kind, deleting = false }: Pick<WorkloadObject, 'kind'> & Partial<Pick<WorkloadObject, 'deleting'>>): Unpinned {
  if (deleting) return { reason: 'NotPatchable', message: 'it is being deleted, so nothing is written to it; what it still runs is told until it is gone' };
  // With a group in its name it is not one of Kubernetes' own, and its controller decides.
  if (kind.includes('.')) return { reason: 'NotPatchable', message: `a patch does not change what a ${kind} runs; pin these images where it is made` };
  return { reason: 'NotPatchable', message: `the API server lets nobody change these images of a ${kind}; pin them where it is made` };
}

/** When to look again without being told to: the earliest of what each image asks for. */
function nextLook(facts: WorkloadFacts, attempts: number, contention: Contention | undefined): number | undefined {
  const { now, effective } = facts;
  const policies = [...facts.policies, ...(effective?.policies ?? [])];
  const looks = [...facts.images, ...(effective?.images ?? [])].flatMap((image) => nextLookAt(image, { ...facts, policies }, attempts));
  const ends = policies.flatMap((policy) => policy.nextExpiry(now) ?? []).map((end) => end - now);
  const all = [...looks, ...ends, ...(contention?.pin === false ? [contention.retryAfter] : [])];
  return all.length === 0 ? undefined : Math.max(SOONEST, Math.min(...all));
}

function nextLookAt(image: ImageOutcome, { policies, now, retryAfter = 0 }: WorkloadFacts, attempts: number): number[] {
  const summary = summarize(image);
  if (summary?.result === 'Failed') return [Math.min(FAILED_MAX, FAILED_BASE * 2 ** attempts)];
  if (summary?.result === 'Unknown') {
    // A policy that is not valid changes by an edit, which is an event of its own.
    return summary.reason === 'PolicyInvalid' ? [] : [Math.max(retryAfter, Math.min(UNKNOWN_MAX, UNKNOWN_BASE * 2 ** attempts))];
  }
  return image.verdicts.flatMap(({ policy, result, stale, verifiedAt, expiresAt = Infinity }) => {
    if (result !== 'Verified') return [];
    if (stale === true) return [Math.min(Math.max(retryAfter, UNKNOWN_MAX), expiresAt - now)];
    // Each policy's own interval: one that asks seldom must not make one that asks often look overdue for ever.
    const interval = recheckOf(policies, policyId(policy));
    return interval === undefined ? [] : [Math.min(verifiedAt + interval, expiresAt) - now];
  });
}

function recheckOf(policies: readonly CompiledPolicy[], id: string): number | undefined {
  return policies.find(({ key }) => policyId(key) === id)?.recheckInterval;
}

/** Whether a workload in this state is asked about more and more seldom. */
export function isOpen(state: WorkloadState): boolean {
  return state === 'failed' || state === 'unknown';
}

/** The record after an attempt to pin that did not succeed. */
export function unpinnedRecord(record: WorkloadRecord, reason: Reason, message: string): WorkloadRecord {
  return { ...record, unpinned: { reason, message } };
}

/** The record after the pins of a plan were written, at `now`: what the next look at the object will find. */
export function pinnedRecord({ workload, effective }: Pick<WorkloadFacts, 'workload' | 'effective'>, record: WorkloadRecord, { pins }: PinPlan, now: number): WorkloadRecord {
  const images = record.images.map((image): ImageOutcome => {
    const pin = pins.find((one) => one.field.pointer === image.field.pointer);
    return pin === undefined ? image : { ...image, field: { ...image.field, image: pin.to }, pinned: true, tag: pin.ref ?? pin.from, tagAskedAt: now, ...(record.clusters === undefined ? {} : { clusters: record.clusters }) };
  });
  // What clusters ran in place of what was pinned is the past; they are looked at when they have this one. What an override adds stays.
  const changed = new Set(pins.map(({ from }) => from));
  const elsewhere = (record.effective ?? []).filter(({ own }) => own === undefined || !changed.has(own));
  const { unpinned: _, effective: __, ...rest } = record;
  const open = images.filter((image) => verified(image) && !image.pinned);
  // A plan pins all that can be: what is left is what nobody may change.
  const unpinned = open.length === 0 ? unpinnedElsewhere(workload, elsewhere, effective?.overriders) : notPatchable(record);
  return { ...rest, images, state: stateOf([...images, ...elsewhere]), ...(elsewhere.length === 0 ? {} : { effective: elsewhere }), ...(unpinned === undefined ? {} : { unpinned }) };
}
