import type { Clock } from './clock.ts';

/** A signal that aborts with `parent` or after `milliseconds`, whichever comes first; `cancel` frees its timer. */
export interface Deadline {
  readonly signal: AbortSignal;
  cancel(): void;
}

/** Thrown (as the signal's reason) when a deadline passes. */
export class DeadlineExceeded extends Error {
  constructor(what: string, milliseconds: number) {
    super(`${what} did not finish within ${milliseconds / 1000} s`);
    this.name = 'DeadlineExceeded';
  }
}

/** Starts a deadline for `what` (named in the error). */
export function deadline(clock: Clock, milliseconds: number, what: string, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const timer = clock.after(milliseconds, () => controller.abort(new DeadlineExceeded(what, milliseconds)));
  const signal = parent === undefined ? controller.signal : AbortSignal.any([parent, controller.signal]);
  return { signal, cancel: () => timer.cancel() };
}
