import type { Clock } from '../../base/clock.ts';
import { Lru } from '../../base/lru.ts';
import { WorkerError } from '../../base/pool-worker.ts';
import type { WorkerPool } from '../../base/worker-pool.ts';
import type { TrustDescription, TrustSource } from '../../signatures/trust-recipe.ts';
import type { DescribeInput } from './protocol.ts';

/** Processor time for one trust root; milliseconds. The largest that is accepted takes some tenths of a second. */
const CPU = 5_000;
const WALL = 60_000;
const MAX_BYTES = 2 * 1024 * 1024;
const OVERHEAD = 512;
/** How long it stands that a root ended its worker; milliseconds. */
const PROBLEM = 10 * 60_000;

/** Finds out in a worker what is in trust roots: one at a time, so that whoever writes many does not take the workers away from judgements. */
export class TrustDescriber {
  readonly #pool: Pick<WorkerPool, 'run'>;
  readonly #clock: Clock;
  readonly #known = new Lru<TrustDescription>(MAX_BYTES);
  #last: Promise<unknown> = Promise.resolve();

  constructor(pool: Pick<WorkerPool, 'run'>, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** What is in the source; rejects with the signal's reason, or with WorkerError where no worker can be had now. */
  describe(source: TrustSource, signal?: AbortSignal): Promise<TrustDescription> {
    const description = this.#after(this.#last, source, signal);
    this.#last = description.catch(() => undefined);
    return description;
  }

  async #after(last: Promise<unknown>, source: TrustSource, signal: AbortSignal | undefined): Promise<TrustDescription> {
    await last;
    signal?.throwIfAborted();
    const known = this.#known.get(source.hash, this.#clock.now());
    if (known !== undefined) return known;
    const input: DescribeInput = { kind: 'describe', source };
    try {
      const description = await this.#pool.run<TrustDescription>({ input: () => input, affinity: source.hash, cpu: CPU, wall: WALL }, signal);
      return this.#keep(source, description, Number.POSITIVE_INFINITY);
    } catch (error) {
      if (!(error instanceof WorkerError) || ['Full', 'Unavailable', 'Closed'].includes(error.code)) throw error;
      return this.#keep(source, { problem: `the trusted root cannot be read within its limits: ${error.message}` }, this.#clock.now() + PROBLEM);
    }
  }

  #keep(source: TrustSource, description: TrustDescription, expires: number): TrustDescription {
    this.#known.set(source.hash, description, OVERHEAD + 2 * JSON.stringify(description).length, expires);
    return description;
  }
}
