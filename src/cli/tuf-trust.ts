import { deadline } from '../base/abort.ts';
import { messageOf } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { embeddedTrustText, loadTrustRoot } from '../signatures/trust-root.ts';
import { isOff, mirrorOf, proxyOf } from '../trust/environment.ts';
import { countsBeforeEmbedded, PUBLIC_GOOD_MIRROR } from '../trust/public-good.ts';
import type { RefreshedTrust, TufRepository } from '../trust/types.ts';
import type { CliContext } from './context.ts';

/** A trusted root for a command that was given none. */
export interface CurrentTrust {
  /** `trusted_root.json`. */
  readonly text: string;
  /** Absent: the one that this build was made with. */
  readonly refreshed?: RefreshedTrust;
  /** Absent: refreshing is turned off. */
  readonly mirror?: string;
}

/** Refreshes at each run would cost a request or two each time; sigstore's keys change a few times a year. */
const FRESH = 24 * 3_600_000;
/** After an attempt that failed, the next runs do not wait for another one. */
const PATIENCE = 15 * 60_000;
const REQUEST_TIMEOUT = 5000;
const REFRESH_TIMEOUT = 15_000;

/** Where it is refreshed from and kept, by cosign's variables and the operator's. */
interface Settings {
  readonly repository: TufRepository;
  readonly directory: string;
}

/**
 * The trusted root: what was refreshed last by TUF, refreshed again where that is a day old or is asked for; where the mirror cannot be
 * reached, the last one that was vouched for, else that of this build, and a note says so. Rejects with one sentence where an instance of
 * its own (`TUF_ROOT_JSON`) was never reached, and where refreshing was asked for and failed.
 */
export async function currentTrust(context: CliContext, asked: 'Refresh' | 'AsNeeded' = 'AsNeeded'): Promise<CurrentTrust> {
  const settings = await readSettings(context);
  if (settings === undefined || context.trustStore === undefined) {
    if (asked === 'Refresh') throw new Error('nothing is refreshed: it is turned off, or there is no folder for it (set TUF_ROOT to one)');
    return { text: embeddedTrustText() };
  }
  const { repository, directory } = settings;
  const store = await context.trustStore({
    repository,
    directory,
    proxy: proxyOf(context.env),
    clock: context.clock,
    timeout: REQUEST_TIMEOUT,
    retries: 0,
    check: async (text) => problemOf(text),
  });
  if (asked === 'Refresh') return chosen(repository, await refresh(store, context));
  const last = await store.lastGood().catch((error: unknown) => note(context, messageOf(error)));
  if (last !== undefined && isFresh(last, context.clock.now())) return chosen(repository, last);
  return chosen(repository, await renewed(store, last, context, repository));
}

type Store = Awaited<ReturnType<NonNullable<CliContext['trustStore']>>>;

async function renewed(store: Store, last: RefreshedTrust | undefined, context: CliContext, { firstRoot }: TufRepository): Promise<RefreshedTrust | undefined> {
  const attempt = await store.lastAttempt().catch(() => undefined);
  const bare = last === undefined && firstRoot !== undefined;
  if (attempt !== undefined && Math.abs(context.clock.now() - attempt) < PATIENCE && !bare) return last;
  try {
    return await refresh(store, context);
  } catch (error) {
    if (bare) throw error;
    const used = last === undefined ? 'the one of this version' : `that of ${new Date(last.refreshedAt).toISOString()}`;
    note(context, `the trusted root was not refreshed, ${used} is used: ${messageOf(error)}; TUF_MIRROR=0 asks nobody`);
    return last;
  }
}

async function refresh(store: Store, { clock }: CliContext): Promise<RefreshedTrust> {
  const limit = deadline(clock, REFRESH_TIMEOUT, 'refreshing the trusted root');
  const late = new Promise<never>((_, reject) => limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true }));
  try {
    return await Promise.race([store.refresh(), late]);
  } finally {
    limit.cancel();
  }
}

function isFresh({ refreshedAt, expires }: RefreshedTrust, now: number): boolean {
  return refreshedAt <= now && now - refreshedAt < FRESH && now < expires;
}

function chosen(repository: TufRepository, refreshed: RefreshedTrust | undefined): CurrentTrust {
  const { mirror } = repository;
  if (refreshed === undefined || !countsBeforeEmbedded(refreshed, repository)) return { text: embeddedTrustText(), mirror };
  return { text: refreshed.text, refreshed, mirror };
}

async function readSettings({ env, readFile }: CliContext): Promise<Settings | undefined> {
  const given = env['ASSAY_TUF_MIRROR'] || env['TUF_MIRROR'] || PUBLIC_GOOD_MIRROR;
  const home = env['XDG_CACHE_HOME'] || (env['HOME'] ? `${env['HOME']}/.cache` : undefined);
  const directory = env['ASSAY_TUF_CACHE'] || (env['TUF_ROOT'] ? `${env['TUF_ROOT']}/assay` : home && `${home}/assay/trust`);
  if (isOff(given)) return undefined;
  const mirror = mirrorOf(given);
  if (mirror === undefined) throw new Error(`TUF_MIRROR: ${JSON.stringify(given)} is not the https or http URL of a TUF repository, and not 0`);
  const root = env['ASSAY_TUF_ROOT'] || env['TUF_ROOT_JSON'];
  if (!directory && mirror === PUBLIC_GOOD_MIRROR && !root) return undefined;
  // Whoever names a repository must not be given the keys of another one instead.
  if (!directory) throw new Error(`there is no folder for what the TUF repository ${mirror} says: set TUF_ROOT to one`);
  if (!root) return { repository: { mirror }, directory };
  try {
    return { repository: { mirror, firstRoot: await readFile(root) }, directory };
  } catch (error) {
    throw new Error(`TUF_ROOT_JSON: ${root} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function problemOf(text: string): string | undefined {
  try {
    loadTrustRoot(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function note({ stderr }: CliContext, text: string): undefined {
  stderr(`Note: ${printable(text)}\n`);
}
