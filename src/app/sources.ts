import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { resourceName } from '../kube/object.ts';
import type { Reflector } from '../kube/reflector.ts';
import type { Stored } from '../kube/store.ts';
import type { Source } from '../runtime/manager.ts';

const LOOK = 250;
/** Refusals that waiting does not cure: the kind is not installed, the operator may not read it. */
const HOPELESS: ReadonlySet<string> = new Set(['NotFound', 'Forbidden', 'Unauthorized', 'NoCredentials']);

/**
 * A reflector as a source of the manager. A start ends with the API server's refusal, in one sentence; an API server that
 * is away is waited for.
 */
export function sourceOf(reflector: Reflector<Stored>, clock: Clock): Source {
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
async function refusal(reflector: Reflector<Stored>, clock: Clock, signal: AbortSignal): Promise<never> {
  for (;;) {
    const { problem } = reflector;
    if (problem !== undefined && HOPELESS.has(problem.code)) throw new Error(problem.message);
    await sleep(clock, LOOK, signal);
  }
}
