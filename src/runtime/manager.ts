import { keepAlive, sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../telemetry/log.ts';

/** Something that is started once and stopped once. */
export interface Component {
  /** In logs and errors. */
  readonly name: string;
  /** Resolves when it is up; a rejection ends the start with its message. */
  start(signal: AbortSignal): Promise<void> | void;
  /** Resolves when it has ended; it has `grace` milliseconds to do so in good order. */
  stop(grace: number): Promise<void> | void;
}

/** A component that fills a cache. */
export interface Source extends Component {
  /** Whether the first complete list was read. */
  hasSynced(): boolean;
  /** Resolves once it has; a rejection (the resource does not exist, must not be read) ends the start with its message. */
  synced(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  /** Probes, metrics. */
  readonly servers: readonly Component[];
  /** Reflectors. */
  readonly sources: readonly Source[];
  readonly controllers: readonly Component[];
  readonly log: Log;
  readonly clock: Clock;
  /** Milliseconds that a stop may take in all; at most as long as the pod's `terminationGracePeriodSeconds`. */
  readonly grace: number;
}

/** Starts and stops the parts of the operator in the only order that is safe. */
export interface Manager {
  /**
   * Starts everything, runs until `signal` aborts, stops everything in reverse order, and resolves. Rejects with the
   * first failure of a start, or with what was given to {@link fail}, after stopping what had been started.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Stops everything because of something that cannot be survived. */
  fail(error: unknown): void;
  /** What keeps it from being ready, in a few words, or nothing: a check for `/readyz`. */
  notReady(): string | undefined;
}

/** How long to wait for the first lists before saying which ones are missing; milliseconds. */
const PATIENCE = 30_000;
/** What a component may take beyond its grace to end what it aborted; milliseconds. */
const OVERTIME = 2000;

/** A manager that is not started yet. */
export function createManager(options: ManagerOptions): Manager {
  const failure = new AbortController();
  let phase: 'starting' | 'running' | 'stopping' = 'starting';
  return {
    fail: (error) => failure.abort(error),
    notReady: () => {
      if (phase === 'running') return undefined;
      const missing = unsynced(options.sources);
      if (phase === 'stopping') return 'stopping';
      return missing.length === 0 ? 'starting' : `waiting for the first list of ${missing.join(', ')}`;
    },
    run: async (outer) => {
      const signal = AbortSignal.any([outer, failure.signal]);
      const started: Component[][] = [];
      // Our timers do not keep the process up, and with both endpoints off and the API server away nothing else does.
      const held = keepAlive();
      try {
        await startAll(options, started, signal);
        phase = 'running';
        options.log.info('running');
        await aborted(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        phase = 'stopping';
        await stopAll(options, started);
        held.release();
      }
      if (failure.signal.aborted) throw failure.signal.reason;
    },
  };
}

async function startAll(options: ManagerOptions, started: Component[][], signal: AbortSignal): Promise<void> {
  const start = async (components: readonly Component[]): Promise<void> => {
    const group: Component[] = [];
    started.push(group);
    for (const component of components) {
      signal.throwIfAborted();
      group.push(component);
      await component.start(signal);
    }
  };
  // WARNING: probes first. The kubelet asks them from the beginning, and a first list of a large fleet takes longer
  // than it is patient; without an answer it would kill us again and again.
  await start(options.servers);
  await start(options.sources);
  await allSynced(options, signal);
  // WARNING: controllers last. One that looks into a store that is still half empty takes objects for deleted.
  await start(options.controllers);
}

async function allSynced({ sources, log, clock }: ManagerOptions, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const both = AbortSignal.any([signal, done.signal]);
  void complain(sources, log, clock, both);
  try {
    await Promise.all(sources.map((source) => source.synced(both)));
  } finally {
    done.abort();
  }
}

/** An API server that is away for long is waited for, not crashed on; but somebody must be able to see why. */
async function complain(sources: readonly Source[], log: Log, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await sleep(clock, PATIENCE, signal);
      log.warn('still waiting for the first lists', { sources: unsynced(sources) });
    }
  } catch {
    // Aborted: they have come, or we stop.
  }
}

async function stopAll(options: ManagerOptions, started: readonly (readonly Component[])[]): Promise<void> {
  const end = options.clock.now() + options.grace;
  // In reverse: controllers finish what they are at while caches are still fed and probes still answered.
  for (const group of started.toReversed()) {
    const left = Math.max(0, end - options.clock.now());
    await Promise.all(group.map((component) => stop(component, left, options)));
  }
}

/** A component that does not keep to its grace is left behind: the process is about to end anyway. */
async function stop(component: Component, grace: number, { log, clock }: ManagerOptions): Promise<void> {
  try {
    await Promise.race([component.stop(grace), sleep(clock, grace + OVERTIME)]);
  } catch (error) {
    log.warn('a component did not stop in good order', { component: component.name, error });
  }
}

function unsynced(sources: readonly Source[]): string[] {
  return sources.filter((source) => !source.hasSynced()).map((source) => source.name);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
