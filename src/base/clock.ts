/** A timer that can be taken back; it never keeps the process alive by itself. */
export interface Timer {
  cancel(): void;
}

/** The only source of time in `src/`: tests inject one that they move by hand. Milliseconds since the epoch. */
export interface Clock {
  now(): number;
  /** Runs `task` once after `milliseconds`; a task that throws is a bug of the caller's and ends the process. */
  after(milliseconds: number, task: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, task) {
    // Node fires a timer above 2^31-1 ms at once; the longest wait that we ever ask for is days.
    const handle = setTimeout(task, Math.min(Math.max(0, milliseconds), 2_147_483_647));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/**
 * Keeps the process from ending until `release`: our timers do not, and a process that waits for nothing else than one of
 * them (between two tries, say) would end in the middle of its work, with whatever exit code is set.
 */
export function keepAlive(): { readonly release: () => void } {
  const handle = setInterval(() => undefined, 2_147_483_647);
  return { release: () => clearInterval(handle) };
}

/** Resolves after `milliseconds`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(milliseconds, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
