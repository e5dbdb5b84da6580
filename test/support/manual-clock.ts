import type { Clock, Timer } from '../../src/base/clock.ts';

interface Planned {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that stands still until it is moved; timers fire in the order of their time. */
export class ManualClock implements Clock {
  #now: number;
  readonly #planned = new Set<Planned>();

  constructor(start = 1_700_000_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, task: () => void): Timer {
    const planned = { at: this.#now + Math.max(0, milliseconds), task };
    this.#planned.add(planned);
    return { cancel: () => this.#planned.delete(planned) };
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#planned.size;
  }

  /** Moves time on, firing what is due on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = [...this.#planned].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#planned.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
    this.#now = end;
  }
}

/** Lets everything that is already resolved run; no time passes on a {@link ManualClock}. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
}
