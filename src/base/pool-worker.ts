import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import type { Clock, Timer } from './clock.ts';
import { CodedError, messageOf } from './errors.ts';
import { milliseconds } from './worker-messages.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/**
 * Why a job has no outcome. `Overrun`: it used up its processor time; `Stuck`: it was not done long after; `OutOfMemory` and
 * `Crashed`: it ended its worker; `Failed`: its handler threw, or what it is given cannot be sent; `Full`, `Unavailable`, `Closed`: it was not begun.
 */
export type WorkerErrorCode = 'Overrun' | 'Stuck' | 'OutOfMemory' | 'Crashed' | 'Failed' | 'Full' | 'Unavailable' | 'Closed';

/** Rejects a job; the message is about the worker, not about the job. */
export class WorkerError extends CodedError<WorkerErrorCode> {}

/** One piece of work. */
export interface Job {
  /** Asked when a worker takes the job; it may remember what this worker (the same object each time) was sent before. Plain data. */
  readonly input: (worker: object) => unknown;
  /** Answers what the worker asks meanwhile. Plain data. */
  readonly answer?: (question: unknown) => unknown;
  /** Jobs with the same one go to the same worker where that is free. */
  readonly affinity?: string;
  /** Milliseconds of processor time of the worker, after which the job is ended with its worker. */
  readonly cpu: number;
  /** Milliseconds after which it is ended whatever it has used: for a worker that waits for something that never comes. */
  readonly wall: number;
}

/** A job with whoever waits for it. */
export interface Task {
  readonly job: Job;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface ThreadOptions {
  readonly entry: URL;
  readonly clock: Clock;
  /** For debuggers and profilers. */
  readonly name: string;
  /** MiB of its JavaScript heap, at least 32. */
  readonly memory: number;
  /** Given to the program as `workerData`. */
  readonly data: unknown;
  /** Milliseconds until it must have loaded its code. */
  readonly startTimeout: number;
  /** It is idle: it has started, or done its job. */
  readonly onIdle: () => void;
  /** It takes no more jobs, and `ended` will resolve; whether it had ever been ready. */
  readonly onEnd: (error: WorkerError, wasReady: boolean) => void;
}

/** The shortest wait between two looks at the processor time of a worker; milliseconds. */
const LOOK_AGAIN = 50;

/** One worker thread with at most one job at a time; watches over its time, and ends it with the job that overran. */
export class PoolWorker {
  readonly #options: ThreadOptions;
  readonly #thread: Worker;
  readonly #exited: Promise<void>;
  #timers: readonly Timer[] = [];
  #state: 'starting' | 'idle' | 'busy' | 'ended' = 'starting';
  #task: Task | undefined;
  #id = 0;
  /** Processor time at the end of the last job. */
  #cpu = 0;
  #failure: unknown;

  /** Throws what the constructor of a thread throws. */
  constructor(options: ThreadOptions) {
    const { entry, name, memory, data, clock, startTimeout } = options;
    this.#options = options;
    obeyLimits();
    this.#thread = new Worker(entry, { name, resourceLimits: limitsOf(memory), workerData: data, env: {}, execArgv: [], argv: [] });
    this.#thread.on('message', (message: FromWorker) => this.#hear(message));
    this.#thread.on('messageerror', (error) => this.end(new WorkerError('Crashed', `a message of the worker could not be read: ${messageOf(error)}`)));
    this.#thread.on('error', (error) => {
      this.#failure = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#thread.on('exit', (code) => {
        this.end(this.#exitError(code));
        resolve();
      });
    });
    this.#timers = [clock.after(startTimeout, () => this.end(new WorkerError('Unavailable', `the worker did not start within ${startTimeout / 1000} s`)))];
  }

  get state(): 'starting' | 'idle' | 'busy' | 'ended' {
    return this.#state;
  }

  /** Resolves when the thread is gone. */
  get ended(): Promise<void> {
    return this.#exited;
  }

  /** Begins a task; only while idle. */
  run(task: Task): void {
    this.#id += 1;
    try {
      this.#send({ type: 'job', id: this.#id, input: task.job.input(this) });
    } catch (error) {
      task.reject(new WorkerError('Failed', `the job could not be given to a worker: ${messageOf(error)}`, { cause: error }));
      return;
    }
    const { clock } = this.#options;
    const { cpu, wall } = task.job;
    this.#state = 'busy';
    this.#task = task;
    this.#thread.ref();
    const stuck = (): void => this.end(new WorkerError('Stuck', `the worker was not done after ${wall / 1000} s`));
    this.#timers = [clock.after(cpu, () => void this.#look(task)), clock.after(wall, stuck)];
  }

  /** Ends the thread, and rejects the job that it has. */
  end(error: WorkerError): void {
    if (this.#state === 'ended') return;
    const wasReady = this.#state !== 'starting';
    this.#state = 'ended';
    this.#stopWatch();
    const task = this.#task;
    this.#task = undefined;
    void this.#thread.terminate();
    task?.reject(error);
    this.#options.onEnd(error, wasReady);
  }

  #hear(message: FromWorker): void {
    if (this.#state === 'ended') return;
    if (message.type === 'ready') {
      this.#rest(message.cpu);
      return;
    }
    const task = this.#task;
    if (task === undefined || message.id !== this.#id) return;
    if (message.type === 'question') {
      this.#answer(task, message.question);
      return;
    }
    this.#task = undefined;
    if (message.type === 'done') task.resolve(message.output);
    else task.reject(new WorkerError('Failed', message.message));
    this.#rest(message.cpu);
  }

  #rest(cpu: number): void {
    this.#stopWatch();
    this.#cpu = cpu;
    this.#state = 'idle';
    // A process is not kept from ending by workers that have nothing to do.
    this.#thread.unref();
    this.#options.onIdle();
  }

  #answer(task: Task, question: unknown): void {
    try {
      this.#send({ type: 'answer', id: this.#id, value: task.job.answer?.(question) });
    } catch (error) {
      this.end(new WorkerError('Crashed', `a question of the worker could not be answered: ${messageOf(error)}`, { cause: error }));
    }
  }

  #send(message: ToWorker): void {
    this.#thread.postMessage(message, []);
  }

  /** A job that waits for its turn on a busy machine is not condemned: what counts is what its thread has used. */
  async #look(task: Task): Promise<void> {
    const { cpu } = task.job;
    // It may not answer (a long call outside of JavaScript) or be gone: then the other timer, or its exit, decides.
    const usage = await this.#thread.cpuUsage().catch(() => undefined);
    if (this.#task !== task) return;
    const used = usage === undefined ? 0 : milliseconds(usage) - this.#cpu;
    if (used >= cpu) {
      this.end(new WorkerError('Overrun', `the worker had used ${Math.round(used)} ms of processor time`));
      return;
    }
    const next = this.#options.clock.after(Math.max(LOOK_AGAIN, cpu - used), () => void this.#look(task));
    this.#timers = [next, ...this.#timers.slice(1)];
  }

  #stopWatch(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }

  #exitError(code: number): WorkerError {
    const cause = this.#failure === undefined ? undefined : { cause: this.#failure };
    if ((this.#failure as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return new WorkerError('OutOfMemory', `the worker needed more than the ${this.#options.memory} MiB of memory that it may have`, cause);
    }
    const why = this.#failure === undefined ? `it exited with code ${code}` : messageOf(this.#failure);
    return new WorkerError('Crashed', `the worker ended: ${why}`, cause);
  }
}

/** MiB of the part of a heap where objects begin: three times 8, as the engine divides it. */
const YOUNG = 24;

function limitsOf(memory: number): ResourceLimits {
  return { maxYoungGenerationSizeMb: YOUNG, maxOldGenerationSizeMb: memory - YOUNG };
}

/**
 * WARNING: a heap size that was given to the process (`NODE_OPTIONS`) is given to every thread of it too, above what `resourceLimits`
 * says. The main thread has its own by now; without this a worker could take as much again.
 */
function obeyLimits(): void {
  for (const flag of ['max-old-space-size', 'max-semi-space-size', 'min-semi-space-size', 'max-heap-size']) setFlagsFromString(`--${flag}=0`);
}
