import { loadTrustRoot } from '../../signatures/trust-root.ts';
import type { CliContext } from '../context.ts';
import { currentTrust } from '../tuf-trust.ts';
import type { TrustFacts } from './types.ts';

const FAR = Date.UTC(9000, 0);

/**
 * The trust root in a file, or the one that `assay verify` uses here: what was refreshed last, or that of this build. Nobody is asked
 * for a newer one. Rejects with one sentence where it cannot be read.
 */
export async function trustFacts(file: string | undefined, context: CliContext): Promise<TrustFacts> {
  const now = context.clock.now();
  if (file !== undefined) return { origin: file, ...authoritiesOf(Buffer.from(await context.readFile(file)).toString('utf8'), now) };
  const { text, refreshed } = await currentTrust(withoutRefreshing(context));
  if (refreshed === undefined) return { origin: 'the one of this version', ...authoritiesOf(text, now) };
  const { refreshedAt, expires } = refreshed;
  return { origin: 'the one that was refreshed last on this machine', refreshedAt, expires, ...authoritiesOf(text, now) };
}

function authoritiesOf(text: string, now: number): Pick<TrustFacts, 'authorities' | 'currentAuthorities' | 'lastEnd'> {
  const { authorities } = loadTrustRoot(text);
  const current = authorities.filter(({ start, end }) => start <= now && now < end);
  const lastEnd = Math.max(...current.map(({ end }) => end));
  return { authorities: authorities.length, currentAuthorities: current.length, ...(current.length > 0 && lastEnd < FAR ? { lastEnd } : {}) };
}

/** The same world, in which an attempt to refresh has just failed: what is at hand is used. */
function withoutRefreshing(context: CliContext): CliContext {
  const { trustStore: open, clock } = context;
  if (open === undefined) return context;
  const trustStore: typeof open = async (options) => {
    const store = await open(options);
    return {
      lastGood: () => store.lastGood(),
      lastAttempt: () => Promise.resolve(clock.now()),
      refresh: () => Promise.reject(new Error('no trust root has been refreshed on this machine yet: assay trust refresh')),
    };
  };
  return { ...context, trustStore, stderr: () => undefined };
}
