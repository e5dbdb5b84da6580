import type { Clock } from '../../base/clock.ts';
import { Lru } from '../../base/lru.ts';

/** How long somebody is remembered; milliseconds. */
const MEMORY = 3_600_000;
const MAX_BYTES = 256 * 1024;
const OVERHEAD = 128;

/**
 * Those of whom a judgement overran: theirs are begun one after the other from then on, so that whoever has many that overrun keeps one
 * worker busy and not all of them.
 */
export class Suspects {
  readonly #clock: Clock;
  readonly #known = new Lru<true>(MAX_BYTES);
  #last: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on, and for an hour. */
  mark(owner: string): void {
    this.#known.set(owner, true, OVERHEAD + 2 * owner.length, this.#clock.now() + MEMORY);
  }

  /** Does it at once, or for a suspect when the suspects before are done. Rejects with the signal's reason for who leaves while waiting. */
  run<Result>(owner: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    if (this.#known.get(owner, this.#clock.now()) === undefined) return work();
    const before = this.#last;
    const turn = (async () => {
      await before;
      signal?.throwIfAborted();
      return work();
    })();
    this.#last = turn.catch(() => undefined);
    return signal === undefined ? turn : leaving(turn, signal);
  }
}

/** As the promise, or rejected as soon as the signal aborts. */
function leaving<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
