import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { resourceName } from '../kube/object.ts';
import type { Reflector } from '../kube/reflector.ts';
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

/** What is asked of a reflector here. */
type Watched = Pick<Reflector<Stored>, 'resource' | 'start' | 'stop' | 'hasSynced' | 'whenSynced' | 'problem'>;

/**
 * A reflector as a source of the manager. A start ends with the API server's refusal, in one sentence; an API server that
 * is away is waited for.
 */
export function sourceOf(reflector: Watched, clock: Clock): Source {
  return {
    name: resourceName(reflector.resource),
    start: () => reflector.start(),
    stop: () => reflector.stop(),
    hasSynced: () => reflector.hasSynced,
    synced: async (signal) => {
      const done = new AbortController();
      try {
        await Promise.race([reflector.whenSynced(signal), refusal(reflector, clock, AbortSignal.any([signal, done.signal]))]);
      } finally {
        done.abort();
      }
    },
  };
}

/** Rejects as soon as the reflector is refused for good. */
async function refusal(reflector: Watched, clock: Clock, signal: AbortSignal): Promise<never> {
  for (;;) {
    const { problem } = reflector;
    const doubted = problem === undefined ? undefined : HOPELESS.get(problem.code);
    if (problem !== undefined && doubted !== undefined && clock.now() - problem.since >= doubted) throw new Error(problem.message);
    await sleep(clock, LOOK, signal);
  }
}
