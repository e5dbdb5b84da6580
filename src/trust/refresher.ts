import { backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { RefreshedTrust } from './types.ts';

export interface RefresherOptions {
  readonly clock: Clock;
  readonly refresh: () => Promise<RefreshedTrust>;
  readonly onRefreshed: (trust: RefreshedTrust) => void;
  /** `failures` counts those in a row, this one too. */
  readonly onFailed: (error: unknown, failures: number) => void;
  /** Between two refreshes that succeed, milliseconds; a tenth of it is left to chance, so that a fleet does not come at once. */
  readonly interval?: number;
  readonly random?: () => number;
}

const INTERVAL = 6 * 3_600_000;
/** A mirror that does not answer is asked again after a minute, and less and less often. */
const FIRST_RETRY = 120_000;

/** Refreshes at the start and ever again, one at a time, whatever comes of it. Nothing ever waits for it. */
export class TrustRefresher {
  readonly #options: RefresherOptions;
  readonly #stop = new AbortController();
  #started = false;
  #attempt: Promise<unknown> = Promise.resolve();

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Begins. A second call does nothing. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#loop().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  /** Nothing is asked or told any more. Resolves at the end of the attempt that is under way, which cannot be ended. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    await this.#attempt;
  }

  async #loop(): Promise<void> {
    const { clock, interval = INTERVAL, random = Math.random } = this.#options;
    let failures = 0;
    for (;;) {
      const attempt = this.#once(failures);
      this.#attempt = attempt;
      failures = (await attempt) ? 0 : failures + 1;
      const wait = failures === 0 ? interval * (0.9 + 0.1 * random()) : backoff({ base: FIRST_RETRY, factor: 2, max: interval }, failures - 1, random);
      await sleep(clock, wait, this.#stop.signal);
    }
  }

  async #once(failures: number): Promise<boolean> {
    const { refresh, onRefreshed, onFailed } = this.#options;
    try {
      const trust = await refresh();
      if (!this.#stop.signal.aborted) onRefreshed(trust);
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) onFailed(error, failures + 1);
      return false;
    }
  }
}
