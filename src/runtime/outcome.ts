import { DeadlineExceeded } from '../base/abort.ts';
import { Terminal, Waiting } from '../base/errors.ts';

/** What a reconcile may return: look again after so many milliseconds, without that being a failure. */
export interface ReconcileResult {
  readonly requeueAfter?: number | undefined;
}

/**
 * How one reconcile ended. `requeue_after` and `waiting` come back after `after` milliseconds (at least 100); `terminal` comes back
 * when its object changes; `error` after a wait that doubles. `defect`: the code is wrong, not the world.
 */
export type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'requeue_after'; readonly after: number }
  | { readonly kind: 'waiting'; readonly after: number; readonly error: Waiting }
  | { readonly kind: 'terminal'; readonly error: Terminal }
  | { readonly kind: 'error'; readonly error: unknown; readonly defect: boolean; readonly timedOut: boolean };

/** What a controller tells whoever counts; none of these may throw. */
export interface ControllerObserver {
  started(): void;
  finished(outcome: Outcome, seconds: number): void;
  /** It was cut short because the controller stops: neither a success nor a failure. */
  abandoned(): void;
}

const SHORTEST_WAIT = 100;
const DEFAULT_WAIT = 60_000;

/** A wait that was computed wrongly must not turn into a busy loop, nor into never. */
function bounded(after: number): number {
  return Number.isFinite(after) ? Math.max(SHORTEST_WAIT, after) : DEFAULT_WAIT;
}

/** The outcome of a reconcile that returned. */
export function outcomeOfResult(result: ReconcileResult | void): Outcome {
  const after = result?.requeueAfter;
  return after === undefined ? { kind: 'success' } : { kind: 'requeue_after', after: bounded(after) };
}

/** The outcome of a reconcile that threw, under this signal. */
export function outcomeOfError(thrown: unknown, signal: AbortSignal): Outcome {
  if (thrown instanceof Terminal) return { kind: 'terminal', error: thrown };
  if (thrown instanceof Waiting) return { kind: 'waiting', after: bounded(thrown.retryAfter), error: thrown };
  const timedOut = signal.aborted && signal.reason instanceof DeadlineExceeded;
  return { kind: 'error', error: thrown, defect: isDefect(thrown), timedOut };
}

/** What the runtime itself throws at wrong code, and things that are not errors at all; node's own carry a code. */
function isDefect(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return true;
  const fromRuntime =
    thrown instanceof TypeError || thrown instanceof ReferenceError || thrown instanceof RangeError;
  return fromRuntime && !('code' in thrown);
}
