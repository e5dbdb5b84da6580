import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Discovery } from '../kube/discovery.ts';
import { resourceName } from '../kube/object.ts';
import type { ObjectCache } from '../kube/object-cache.ts';
import type { ReflectorProblem } from '../kube/recovery.ts';
import type { Stored } from '../kube/store.ts';
import type { Source } from '../runtime/manager.ts';

const LOOK = 250;
/**
 * Refusals that waiting does not cure (the kind is not installed, the operator may not read it), by the milliseconds for which
 * they are doubted: an API server that has just started serves no custom resource yet and knows no role.
 */
const HOPELESS: ReadonlyMap<string, number> = new Map([
  ['NotFound', 5_000],
  ['Forbidden', 5_000],
  ['Unauthorized', 5_000],
  ['NoCredentials', 0],
]);

/**
 * Troubles that may pass by themselves, so that the start waits for as long as they last: what is always there is in the same
 * trouble. Anything else of what may not be there at all is waited for so many milliseconds.
 */
const PASSING: ReadonlySet<string> = new Set(['Unreachable', 'Timeout', 'TooManyRequests', 'NoCredentials']);
const OPTIONAL_PATIENCE = 5_000;

/** What is asked of a reflector here. */
type Watched = Pick<ObjectCache<Stored>, 'resource' | 'start' | 'stop' | 'hasSynced' | 'whenSynced' | 'problem'>;

/**
 * A reflector as a source of the manager. A start ends with the API server's refusal, in one sentence; an API server that
 * is away is waited for.
 */
export function sourceOf(reflector: Watched, clock: Clock): Source {
  return source(reflector, async (signal) => {
    const message = await trouble(reflector, clock, signal, ({ code }) => HOPELESS.get(code));
    throw new Error(message);
  });
}

/** The same of a resource that need not be there: without it, or without the right to read it, the operator starts all the same. */
export function optionalSourceOf(reflector: Watched, clock: Clock): Source {
  return source(reflector, async (signal) => {
    await trouble(reflector, clock, signal, ({ code }) => (PASSING.has(code) ? undefined : OPTIONAL_PATIENCE));
  });
}

/** What discovery says is waited for by whoever asks it. */
export function discoverySource(discovery: Pick<Discovery, 'start' | 'stop'>): Source {
  return { name: 'discovery', start: () => discovery.start(), stop: () => discovery.stop(), hasSynced: () => true, synced: () => Promise.resolve() };
}

function source(reflector: Watched, refused: (signal: AbortSignal) => Promise<void>): Source {
  return {
    name: resourceName(reflector.resource),
    start: () => reflector.start(),
    stop: () => reflector.stop(),
    hasSynced: () => reflector.hasSynced,
    synced: async (signal) => {
      const done = new AbortController();
      try {
        await Promise.race([reflector.whenSynced(signal), refused(AbortSignal.any([signal, done.signal]))]);
      } finally {
        done.abort();
      }
    },
  };
}

/** Resolves with the message of a problem as soon as it has lasted for longer than `doubted` says; undefined: however long. */
async function trouble(reflector: Watched, clock: Clock, signal: AbortSignal, doubted: (problem: ReflectorProblem) => number | undefined): Promise<string> {
  for (;;) {
    const { problem } = reflector;
    const limit = problem === undefined ? undefined : doubted(problem);
    if (problem !== undefined && limit !== undefined && clock.now() - problem.since >= limit) return problem.message;
    await sleep(clock, LOOK, signal);
  }
}
