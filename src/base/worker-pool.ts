import type { BackoffOptions } from './backoff.ts';
import { backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Job, Task } from './pool-worker.ts';
import { PoolWorker, WorkerError } from './pool-worker.ts';

export interface WorkerPoolOptions {
  /** The program of the workers; it calls `serveJobs`. */
  readonly entry: URL;
  /** Given to it as `workerData`. Plain data. */
  readonly data?: unknown;
  readonly clock: Clock;
  /** For debuggers and profilers. */
  readonly name: string;
  /** Threads at the same time; each is started when it is first needed. */
  readonly size: number;
  /** MiB of the JavaScript heap of each, at least 32; buffers are beside it. */
  readonly memory: number;
  /** Jobs that may wait for a worker. */
  readonly queue: number;
  /** A worker ended that nobody had closed. Its job, if it had one, is rejected with the same error. */
  readonly onEnded?: (error: WorkerError) => void;
  /** How long to wait before starting workers again that did not come up. */
  readonly backoff?: BackoffOptions;
  /** Milliseconds that a worker may take to load its code. */
  readonly startTimeout?: number;
}

const START_BACKOFF: BackoffOptions = { base: 1000, factor: 2, max: 60_000 };
const START_TIMEOUT = 60_000;
const NOT_YET = 'no worker could be started, it is tried again soon';

/**
 * A bounded pool of worker threads: each does one job at a time, first come, first served. A job that overruns its time or
 * memory is rejected and its worker replaced; all others go on.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Set<PoolWorker>();
  readonly #ending = new Set<PoolWorker>();
  #queue: Task[] = [];
  #failures = 0;
  #notBefore = 0;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Threads that are there, how many of them have a job, and the jobs that wait for one. */
  get state(): { readonly workers: number; readonly busy: number; readonly waiting: number } {
    const busy = [...this.#workers].filter(({ state }) => state === 'busy').length;
    return { workers: this.#workers.size, busy, waiting: this.#queue.length };
  }

  /**
   * Does a job in a worker. Rejects with {@link WorkerError}, or with the signal's reason: a job that has begun is then not
   * broken off, but goes on for nobody until it is done or overruns.
   */
  run<Output>(job: Job, signal?: AbortSignal): Promise<Output> {
    if (this.#closed) return Promise.reject(new WorkerError('Closed', 'the workers are shut down'));
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#workers.size === 0 && this.#options.clock.now() < this.#notBefore) {
      return Promise.reject(new WorkerError('Unavailable', NOT_YET));
    }
    if (this.#queue.length >= this.#options.queue) {
      return Promise.reject(new WorkerError('Full', `${this.#queue.length} jobs are waiting for a worker already`));
    }
    return new Promise<Output>((resolve, reject) => {
      const leave = (): void => {
        this.#queue = this.#queue.filter((waiting) => waiting !== task);
        reject(signal?.reason as Error);
      };
      const settle = <Value>(then: (value: Value) => void): ((value: Value) => void) => (value) => {
        signal?.removeEventListener('abort', leave);
        then(value);
      };
      const task: Task = {
        job,
        resolve: settle((output: unknown) => resolve(output as Output)),
        reject: settle(reject),
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#queue.push(task);
      this.#dispatch();
    });
  }

  /** Rejects every job, begun or not, ends every worker, and resolves when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new WorkerError('Closed', 'the workers are shut down');
    this.#rejectQueue(error);
    for (const worker of this.#workers) worker.end(error);
    await Promise.all([...this.#ending].map(({ ended }) => ended));
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && !this.#closed) {
      const [task] = this.#queue;
      const worker = task === undefined ? undefined : this.#idleFor(task.job);
      if (task === undefined || worker === undefined) break;
      this.#queue.shift();
      worker.run(task);
    }
    const starting = [...this.#workers].filter(({ state }) => state === 'starting').length;
    if (this.#queue.length > starting && !this.#closed) this.#start();
  }

  /** The worker that the job's like went to before, if that is idle; else any that is. */
  #idleFor({ affinity = '' }: Job): PoolWorker | undefined {
    const workers = [...this.#workers];
    const home = workers[placeOf(affinity, workers.length)];
    return home?.state === 'idle' ? home : workers.find(({ state }) => state === 'idle');
  }

  #start(): void {
    const { entry, data, clock, name, size, memory, startTimeout = START_TIMEOUT } = this.#options;
    // Threads that are slow to end count too: they hold memory.
    if (this.#workers.size >= size || this.#workers.size + this.#ending.size >= 2 * size) return;
    if (clock.now() < this.#notBefore) {
      if (this.#workers.size === 0) this.#rejectQueue(new WorkerError('Unavailable', NOT_YET));
      return;
    }
    try {
      const worker: PoolWorker = new PoolWorker({
        entry,
        clock,
        name,
        data,
        memory,
        startTimeout,
        onIdle: () => {
          this.#failures = 0;
          this.#dispatch();
        },
        onEnd: (error, wasReady) => this.#ended(worker, error, wasReady),
      });
      this.#workers.add(worker);
    } catch (error) {
      this.#startFailed(new WorkerError('Unavailable', `no worker could be started: ${messageOf(error)}`, { cause: error }));
    }
  }

  #ended(worker: PoolWorker, error: WorkerError, wasReady: boolean): void {
    this.#workers.delete(worker);
    this.#ending.add(worker);
    void this.#gone(worker);
    if (this.#closed) return;
    this.#options.onEnded?.(error);
    if (wasReady) this.#dispatch();
    else this.#startFailed(new WorkerError('Unavailable', `no worker could be started: ${error.message}`, { cause: error }));
  }

  async #gone(worker: PoolWorker): Promise<void> {
    await worker.ended;
    this.#ending.delete(worker);
    this.#dispatch();
  }

  /** Whoever waits is told at once: a verdict that nobody can give now is asked for again later. */
  #startFailed(error: WorkerError): void {
    const { clock, backoff: options = START_BACKOFF } = this.#options;
    this.#notBefore = clock.now() + backoff(options, this.#failures);
    this.#failures += 1;
    if (this.#workers.size === 0) this.#rejectQueue(error);
  }

  #rejectQueue(error: WorkerError): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const task of queue) task.reject(error);
  }
}

function placeOf(text: string, places: number): number {
  let hash = 0;
  for (const character of text.slice(-16)) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return places === 0 ? 0 : hash % places;
}
