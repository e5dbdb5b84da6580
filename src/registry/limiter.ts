import PQueue from 'p-queue';

interface Lane {
  readonly queue: PQueue;
  users: number;
}

/** Bounds how many requests are under way at each host, so that one slow registry holds up nobody but its own callers. */
export class HostLimiter {
  readonly #lanes = new Map<string, Lane>();
  readonly #concurrency: number;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** How many hosts have requests waiting or under way. */
  get hosts(): number {
    return this.#lanes.size;
  }

  /** Runs `task` when the host has a free place; rejects with the signal's reason when it aborts before or meanwhile. */
  async run<Value>(host: string, signal: AbortSignal, task: () => Promise<Value>): Promise<Value> {
    const lane = this.#lanes.get(host) ?? { queue: new PQueue({ concurrency: this.#concurrency }), users: 0 };
    this.#lanes.set(host, lane);
    lane.users += 1;
    try {
      return await lane.queue.add(task, { signal });
    } finally {
      lane.users -= 1;
      // Hosts are named by whoever may create a workload: an idle one must not be remembered.
      if (lane.users === 0) this.#lanes.delete(host);
    }
  }
}
