import { backoff } from '../base/backoff.ts';
import type { BackoffOptions } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { DelayHeap } from './delay-heap.ts';
import { FairFifo } from './fair-fifo.ts';

/** Priorities, highest first: {@link FRESH} for what somebody just edited, {@link RESYNC} for the rest. */
export const PRIORITIES = [0, -100] as const;
export type Priority = (typeof PRIORITIES)[number];
export const FRESH: Priority = 0;
export const RESYNC: Priority = -100;

/** 5 ms doubling to 1000 s, as client-go's per-item limiter waits. */
export const RETRY_BACKOFF: BackoffOptions = { base: 5, factor: 2, max: 1_000_000 };

/** What a queue can be asked at any time; seconds. */
export interface QueueView {
  depth(priority: Priority): number;
  unfinishedSeconds(): number;
  longestRunningSeconds(): number;
}

/** What a queue tells whoever counts; none of these may throw. */
export interface QueueObserver {
  attached(view: QueueView): void;
  added(): void;
  retried(): void;
  started(queuedSeconds: number): void;
  finished(workedSeconds: number): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly observer?: QueueObserver;
  /** Wait after failures of one key; default {@link RETRY_BACKOFF}. */
  readonly backoff?: BackoffOptions;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
  /** Keys of different groups (tenants) take turns, however many each has. Default: all keys are one group. */
  readonly groupOf?: (key: string) => string;
}

/** How to add a key. */
export interface AddOptions {
  /** Default {@link FRESH}. */
  readonly priority?: Priority;
  /** Milliseconds to wait first; default 0. */
  readonly after?: number;
}

/** A key that was taken; {@link WorkQueue.done} gives it back. */
export interface Taken {
  readonly key: string;
  readonly priority: Priority;
}

interface Entry {
  priority: Priority;
  readyAt: number;
}

/**
 * client-go's work queue: a key is in it at most once; one that is added while it is worked on is worked on once more
 * afterwards, never twice at the same time. Added again with another priority or delay it gets the higher priority and
 * the earlier time. Within a priority groups take turns, and within a group it is first in, first out. It holds one small
 * entry a key, so the number of objects is its bound.
 */
export class WorkQueue implements QueueView {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #ready: ReadonlyMap<Priority, FairFifo>;
  readonly #delays = new DelayHeap();
  readonly #processing = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  #wakeUp: { readonly timer: Timer; readonly at: number } | undefined;
  #listener: () => void = () => undefined;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const { groupOf = () => '' } = options;
    this.#ready = new Map(PRIORITIES.map((priority) => [priority, new FairFifo(groupOf)]));
    options.observer?.attached(this);
  }

  /** Calls `listener` whenever a key becomes ready; there is one listener, the controller. */
  onReady(listener: () => void): void {
    this.#listener = listener;
  }

  /** Puts a key in; nothing happens after {@link shutdown}. */
  add(key: string, options: AddOptions = {}): void {
    if (this.#closed) return;
    const wanted = {
      priority: options.priority ?? FRESH,
      readyAt: this.#clock.now() + Math.max(0, options.after ?? 0),
    };
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, wanted);
      this.#file(key, wanted);
    } else {
      this.#merge(key, entry, wanted);
    }
  }

  /** Puts a key in after `milliseconds`. */
  addAfter(key: string, milliseconds: number, priority: Priority = FRESH): void {
    this.add(key, { priority, after: milliseconds });
  }

  /** Puts a key in after a wait that doubles with each call until {@link forget}. */
  addRateLimited(key: string, priority: Priority = FRESH): void {
    if (this.#closed) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#options.observer?.retried();
    const after = backoff(this.#options.backoff ?? RETRY_BACKOFF, failures, this.#options.random);
    this.add(key, { priority, after });
  }

  /** How often {@link addRateLimited} was called since the last {@link forget}. */
  retries(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next failure of this key waits the shortest time again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The key whose turn it is, locked until {@link done}; nothing when none is ready. */
  take(): Taken | undefined {
    if (this.#closed) return undefined;
    for (const priority of PRIORITIES) {
      const first = this.#readyAt(priority).shift();
      if (first === undefined) continue;
      const [key, since] = first;
      const now = this.#clock.now();
      this.#entries.delete(key);
      this.#processing.set(key, now);
      this.#options.observer?.started((now - since) / 1000);
      return { key, priority };
    }
    return undefined;
  }

  /** Unlocks a key that was taken; if it was added meanwhile, it is ready again. */
  done(key: string): void {
    const startedAt = this.#processing.get(key);
    if (startedAt === undefined) return;
    const now = this.#clock.now();
    this.#processing.delete(key);
    this.#options.observer?.finished((now - startedAt) / 1000);
    const entry = this.#entries.get(key);
    if (entry !== undefined && !this.#delays.has(key)) this.#makeReady(key, entry.priority);
  }

  /** Drops everything that waits and takes nothing more in; keys being worked on are still to be {@link done}. */
  shutdown(): void {
    this.#closed = true;
    this.#wakeUp?.timer.cancel();
    this.#wakeUp = undefined;
    this.#entries.clear();
    this.#delays.clear();
    this.#failures.clear();
    for (const ready of this.#ready.values()) ready.clear();
  }

  /** How many keys are in it: ready, delayed, or to be done again. */
  get size(): number {
    return this.#entries.size;
  }

  depth(priority: Priority): number {
    return this.#readyAt(priority).size;
  }

  unfinishedSeconds(): number {
    const now = this.#clock.now();
    let total = 0;
    for (const startedAt of this.#processing.values()) total += now - startedAt;
    return total / 1000;
  }

  longestRunningSeconds(): number {
    const now = this.#clock.now();
    let longest = 0;
    for (const startedAt of this.#processing.values()) longest = Math.max(longest, now - startedAt);
    return longest / 1000;
  }

  #readyAt(priority: Priority): FairFifo {
    return this.#ready.get(priority) as FairFifo;
  }

  #merge(key: string, entry: Entry, wanted: Entry): void {
    const former = entry.priority;
    entry.priority = wanted.priority > former ? wanted.priority : former;
    entry.readyAt = Math.min(entry.readyAt, wanted.readyAt);
    if (this.#delays.has(key)) {
      this.#delays.delete(key);
      this.#file(key, entry);
      return;
    }
    const since = this.#readyAt(former).since(key);
    if (since === undefined || entry.priority === former) return;
    this.#readyAt(former).delete(key);
    this.#readyAt(entry.priority).push(key, since);
  }

  #file(key: string, entry: Entry): void {
    const now = this.#clock.now();
    if (entry.readyAt > now) {
      this.#delays.set(key, entry.readyAt);
      this.#schedule();
      return;
    }
    this.#options.observer?.added();
    if (!this.#processing.has(key)) this.#makeReady(key, entry.priority);
  }

  #makeReady(key: string, priority: Priority): void {
    this.#readyAt(priority).push(key, this.#clock.now());
    this.#listener();
  }

  #schedule(): void {
    const at = this.#delays.earliest;
    if (at === undefined || (this.#wakeUp !== undefined && this.#wakeUp.at <= at)) return;
    this.#wakeUp?.timer.cancel();
    const timer = this.#clock.after(at - this.#clock.now(), () => {
      this.#wakeUp = undefined;
      this.#promote();
    });
    this.#wakeUp = { timer, at };
  }

  #promote(): void {
    const now = this.#clock.now();
    for (let key = this.#delays.popDue(now); key !== undefined; key = this.#delays.popDue(now)) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#file(key, entry);
    }
    this.#schedule();
  }
}
