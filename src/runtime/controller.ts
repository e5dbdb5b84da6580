import { randomUUID } from 'node:crypto';
import PQueue from 'p-queue';
import { deadline } from '../base/abort.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { outcomeOfError, outcomeOfResult } from './outcome.ts';
import type { ControllerObserver, Outcome, ReconcileResult } from './outcome.ts';
import type { Taken, WorkQueue } from './work-queue.ts';

/** What a reconcile is given beside its key. */
export interface ReconcileContext {
  /** Aborts when the reconcile takes too long and when the operator stops. */
  readonly signal: AbortSignal;
  /** Has the fields `controller`, `object` and `reconcileId`. */
  readonly log: Log;
}

/**
 * Brings the world in line with one object. It may be called at any time and any number of times for one key, never
 * twice at once; it looks at what is, not at what changed. Returning is success; `requeueAfter` asks for another look.
 * Thrown: `Terminal` is not tried again until the object changes, `Waiting` after the time it names, anything else
 * after a wait that doubles from 5 ms to 1000 s.
 */
export type Reconcile = (key: string, context: ReconcileContext) => Promise<ReconcileResult | void>;

export interface ControllerOptions {
  /** In logs and metrics. */
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** How many keys are worked on at the same time. */
  readonly concurrency: number;
  /** Milliseconds after which a reconcile is aborted. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: ControllerObserver;
}

/** Takes keys from its queue and reconciles them. */
export interface Controller {
  readonly name: string;
  /** Begins to take keys. */
  start(): void;
  /**
   * Takes no more keys, gives those under way `grace` milliseconds, then aborts them; resolves when they have ended or
   * a second later.
   */
  stop(grace: number): Promise<void>;
}

/** Thrown (as the signal's reason) into reconciles that outlast the grace period of a stop. */
export class Stopping extends Error {
  constructor() {
    super('the operator is stopping');
    this.name = 'Stopping';
  }
}

const AFTER_ABORT = 1000;

/** A controller that is not started yet. */
export function createController(options: ControllerOptions): Controller {
  const { name, queue, clock } = options;
  // p-queue bounds how many run; which one runs next is the work queue's to say, so nothing ever waits in p-queue.
  const workers = new PQueue({ concurrency: options.concurrency });
  const stopping = new AbortController();
  const pump = (): void => {
    while (workers.pending + workers.size < options.concurrency) {
      const taken = queue.take();
      if (taken === undefined) return;
      void workers.add(() => workOn(options, taken, stopping.signal)).then(goOn);
    }
  };
  // WARNING: keys of which nothing is to be asked are worked off without ever waiting. Taken one right after the other, ten
  // thousand of them would keep out probes, watches and timers for a second.
  let waiting = false;
  const goOn = (): void => {
    if (waiting) return;
    waiting = true;
    setImmediate(() => {
      waiting = false;
      pump();
    });
  };
  return {
    name,
    start: () => {
      queue.onReady(pump);
      pump();
    },
    stop: async (grace) => {
      queue.shutdown();
      await Promise.race([workers.onIdle(), sleep(clock, grace)]);
      stopping.abort(new Stopping());
      await Promise.race([workers.onIdle(), sleep(clock, AFTER_ABORT)]);
    },
  };
}

/** Never rejects: whatever a reconcile throws ends here. */
async function workOn(options: ControllerOptions, taken: Taken, stopping: AbortSignal): Promise<void> {
  const { queue, clock, observer } = options;
  const log = options.log.child({ controller: options.name, object: taken.key, reconcileId: randomUUID() });
  const startedAt = clock.now();
  observer?.started();
  const outcome = await run(options, taken.key, log, stopping);
  const seconds = (clock.now() - startedAt) / 1000;
  if (outcome === undefined) {
    observer?.abandoned();
  } else {
    observer?.finished(outcome, seconds);
    report(outcome, seconds, log);
    settle(outcome, taken, queue);
  }
  // WARNING: last, or the key could be taken again while its outcome is still being filed.
  queue.done(taken.key);
}

/** The outcome, or nothing when the operator's stop cut it short. */
async function run(
  options: ControllerOptions,
  key: string,
  log: Log,
  stopping: AbortSignal,
): Promise<Outcome | undefined> {
  const limit = deadline(options.clock, options.timeout, `${options.name} ${key}`, stopping);
  try {
    return outcomeOfResult(await options.reconcile(key, { signal: limit.signal, log }));
  } catch (thrown) {
    return stopping.aborted ? undefined : outcomeOfError(thrown, limit.signal);
  } finally {
    limit.cancel();
  }
}

function settle(outcome: Outcome, { key, priority }: Taken, queue: WorkQueue): void {
  switch (outcome.kind) {
    case 'success':
    case 'terminal':
      queue.forget(key);
      return;
    case 'requeue_after':
    case 'waiting':
      queue.forget(key);
      queue.addAfter(key, outcome.after, priority);
      return;
    case 'error':
      queue.addRateLimited(key, priority);
  }
}

function report(outcome: Outcome, seconds: number, log: Log): void {
  switch (outcome.kind) {
    case 'success':
      log.debug('reconciled', { seconds });
      return;
    case 'requeue_after':
      log.debug('reconciled, to be looked at again', { seconds, afterSeconds: outcome.after / 1000 });
      return;
    case 'waiting':
      // Where it was thrown from tells nobody anything, and this is written for each pin.
      log.info('reconcile waits', { why: outcome.error.message, afterSeconds: outcome.after / 1000 });
      return;
    case 'terminal':
      log.error('reconcile failed, not tried again until the object changes', { error: outcome.error });
      return;
    case 'error':
      log.error('reconcile failed', { error: outcome.error, timedOut: outcome.timedOut, defect: outcome.defect });
  }
}
