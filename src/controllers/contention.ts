import type { Pin } from './pin-plan.ts';
import type { WorkloadObject } from './workload-object.ts';

/** What is remembered of our pins of one workload, in memory. */
export interface PinHistory {
  readonly uid: string;
  /** The references that stood there before our last pin, by pointer. */
  readonly replaced: Readonly<Record<string, string>>;
  /** How often exactly these came back. */
  readonly reverts: number;
  /** While contested: when to try again (milliseconds since the epoch), and how long the last wait was. */
  readonly until?: number;
  readonly wait?: number;
}

const HOUR = 3_600_000;
const FIRST_WAIT = HOUR;
const LONGEST_WAIT = 24 * HOUR;
// An unknown writer may be a person who applied the same file again; a reconciler will do it for ever.
const REVERTS_OF_UNKNOWN = 3;

/** Whether to pin now; `contested` says why not, and until when. */
export type Contention =
  | { readonly pin: true; readonly history: PinHistory }
  | { readonly pin: false; readonly history: PinHistory; readonly retryAfter: number };

/**
 * Two managers, one field (api.md): whether these pins may be written, given what came back of earlier ones. The same
 * references put back after a pin are a revert: the first one of a known reconciler, the third of anybody else, stops
 * pinning for 1 h, doubling to 24 h. Another tag or digest is a new intention and starts afresh.
 */
export function contend(
  workload: Pick<WorkloadObject, 'uid' | 'writer'>,
  pins: readonly Pin[],
  history: PinHistory | undefined,
  now: number,
): Contention {
  const replaced = Object.fromEntries(pins.map((pin) => [pin.field.pointer, pin.from]));
  const fresh: PinHistory = { uid: workload.uid, replaced, reverts: 0 };
  if (history === undefined || history.uid !== workload.uid || !sameRefs(history.replaced, replaced)) return { pin: true, history: fresh };
  if (history.until !== undefined && now < history.until) return { pin: false, history, retryAfter: history.until - now };
  if (history.until !== undefined) return { pin: true, history: withoutUntil(history) };
  const reverts = history.reverts + 1;
  const limit = workload.writer === undefined ? REVERTS_OF_UNKNOWN : 1;
  if (reverts < limit) return { pin: true, history: { ...fresh, reverts } };
  const wait = Math.min(LONGEST_WAIT, history.wait === undefined ? FIRST_WAIT : history.wait * 2);
  return { pin: false, history: { ...fresh, reverts, until: now + wait, wait }, retryAfter: wait };
}

// After a wait one pin is tried; the next revert counts at once, and waits twice as long.
function withoutUntil(history: PinHistory): PinHistory {
  const { uid, replaced, reverts, wait } = history;
  return { uid, replaced, reverts, ...(wait === undefined ? {} : { wait }) };
}

function sameRefs(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
