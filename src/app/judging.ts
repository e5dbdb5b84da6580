import { availableParallelism } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { WorkerPool } from '../base/worker-pool.ts';
import type { DescribeTrust } from '../controllers/policy-trust.ts';
import type { Component } from '../runtime/manager.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Judge } from '../verification/prover.ts';
import type { WorkerSettings } from '../verification/worker/protocol.ts';
import { TrustDescriber } from '../verification/worker/trust-describer.ts';
import { WorkerJudge } from '../verification/worker/worker-judge.ts';
import type { Options } from './options.ts';

/** Everything that is done with what others wrote (signatures, statements, expressions, trust roots) in threads of their own. */
export interface Judging {
  readonly judge: Judge;
  readonly describeTrust: DescribeTrust;
  /** Ends the threads when it is stopped. */
  readonly component: Component;
}

const MAX_WORKERS = 4;
/** Far more than the controllers ever ask for at the same time. */
const MAX_WAITING = 4096;
const MIB = 1024 ** 2;

/** The threads that judge; none is started before there is something to judge. */
export function createJudging({ options, clock, log, metrics }: { readonly options: Options; readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }): Judging {
  const { limits, judgementMemory, judgementWorkers = Math.min(MAX_WORKERS, Math.max(1, availableParallelism() - 1)) } = options;
  const settings: WorkerSettings = { limits };
  const pool = new WorkerPool({
    entry: new URL(import.meta.resolve('#judge-worker')),
    data: settings,
    clock,
    name: 'judge',
    size: judgementWorkers,
    memory: Math.floor(judgementMemory / MIB),
    queue: MAX_WAITING,
    onEnded: ({ code, message }) => log.warn('a thread that judges ended, another one takes its place', { code, why: message }),
  });
  metrics.judging(() => pool.state);
  const judge = new WorkerJudge({
    pool,
    clock,
    limits,
    onOverrun: ({ code, image, policy, why, until }) => {
      metrics.overrun(code);
      log.warn('a judgement was ended, and is set aside for a while', { code, image, policy, why, until: new Date(until).toISOString() });
    },
  });
  const describer = new TrustDescriber(pool, clock);
  return {
    judge,
    describeTrust: (source, signal) => describer.describe(source, signal),
    component: { name: 'judging', start: () => undefined, stop: () => pool.close() },
  };
}
