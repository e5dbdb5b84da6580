import { type Pin, readTags, type RememberedTag, tagKey } from './pin-plan.ts';
import type { WorkloadObject } from './workload-object.ts';

/** What is remembered of our pins of one workload, in memory. */
export interface PinHistory {
  readonly uid: string;
  /** What our pins replaced and with which digest, as `assay.dev/tags` has it. */
  readonly replaced: Readonly<Record<string, RememberedTag>>;
  /** How often exactly this came back. */
  readonly reverts: number;
  /** Everything else that decided when this was last looked at; absent: not known. */
  readonly basis?: string;
  /** While contested: when to try again (milliseconds since the epoch). */
  readonly until?: number;
  /** How long the last wait was; milliseconds. */
  readonly wait?: number;
}

const HOUR = 3_600_000;
const FIRST_WAIT = HOUR;
const LONGEST_WAIT = 24 * HOUR;
// An unknown writer may be a person who applied the same file again; a reconciler will do it for ever.
const REVERTS_OF_UNKNOWN = 3;

/** Whether to pin now; where not, when to try again (milliseconds from now). */
export type Contention =
  | { readonly pin: true; readonly history: PinHistory }
  | { readonly pin: false; readonly history: PinHistory; readonly retryAfter: number };

/** What is known of a workload when it comes to pinning it. */
export interface Contest {
  readonly workload: Pick<WorkloadObject, 'uid' | 'writer' | 'tags'>;
  readonly pins: readonly Pin[];
  readonly history: PinHistory | undefined;
  /** Everything else that decides: what comes back together with a change of it is no mere revert. */
  readonly basis: string;
  readonly now: number;
}

/**
 * Two managers, one field (api.md): whether these pins may be written, given what came back of earlier ones. The same
 * references put back after a pin are a revert: the first one of a known reconciler, the third of anybody else, stops
 * pinning for 1 h, doubling to 24 h, or until the policy or the rest of the spec changes. Another tag or digest is a new
 * intention and starts afresh.
 */
export function contend(contest: Contest): Contention {
  const { workload, pins, basis, now } = contest;
  const known = historyOf(contest);
  if (known === undefined || !isRevert(contest, known)) {
    return { pin: true, history: { uid: workload.uid, replaced: replacedBy(pins, known?.replaced), reverts: 0, basis } };
  }
  const { until, ...tried } = { ...known, replaced: replacedBy(pins, known.replaced), basis };
  const changed = known.basis !== undefined && known.basis !== basis;
  if (until !== undefined && now < until && !changed) return { pin: false, history: known, retryAfter: until - now };
  // After a wait or a change one pin is tried; the next revert counts at once, and waits twice as long.
  if (until !== undefined || changed) return { pin: true, history: tried };
  const counted = { ...tried, reverts: known.reverts + 1 };
  if (counted.reverts < (workload.writer === undefined ? REVERTS_OF_UNKNOWN : 1)) return { pin: true, history: counted };
  const wait = known.wait === undefined ? FIRST_WAIT : Math.min(LONGEST_WAIT, known.wait * 2);
  return { pin: false, history: { ...counted, until: now + wait, wait }, retryAfter: wait };
}

/**
 * What is remembered, or after a restart what the workload itself says: the annotation goes with each pin and does not go
 * with a revert, so that a start does not begin the quarrel anew.
 */
function historyOf({ workload, history }: Contest): PinHistory | undefined {
  if (history !== undefined && history.uid === workload.uid) return history;
  const replaced = readTags(workload.tags);
  const reverts = Object.values(replaced).map((tag) => tag.reverts ?? 0);
  return reverts.length === 0 ? undefined : { uid: workload.uid, replaced, reverts: Math.max(...reverts) };
}

/** A reconciler puts its reference back whatever it stands for; of a person who applies a tag that moved, the digest is new. */
function isRevert({ workload, pins }: Contest, { replaced }: PinHistory): boolean {
  return pins.every((pin) => {
    const key = tagKey(pin.field);
    const before = Object.hasOwn(replaced, key) ? replaced[key] : undefined;
    return before !== undefined && before.ref === pin.from && (workload.writer !== undefined || before.digest === pin.digest);
  });
}

function replacedBy(pins: readonly Pin[], before: PinHistory['replaced'] = {}): PinHistory['replaced'] {
  return { ...before, ...Object.fromEntries(pins.map((pin) => [tagKey(pin.field), { ref: pin.from, digest: pin.digest }])) };
}
