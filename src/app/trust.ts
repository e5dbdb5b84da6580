import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, type Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { OperatorRoot } from '../controllers/policy-compiler.ts';
import type { Component } from '../runtime/manager.ts';
import { describeTrust, type DescribedTrust, embeddedTrustSource, trustSource } from '../signatures/trust-recipe.ts';
import type { TrustDescription, TrustSource } from '../signatures/trust-recipe.ts';
import type { Log } from '../telemetry/log.ts';
import type { TrustObserver } from '../telemetry/trust-series.ts';
import { countsBeforeEmbedded } from '../trust/public-good.ts';
import { TrustStore } from '../trust/refresh.ts';
import { TrustRefresher } from '../trust/refresher.ts';
import { type RefreshedTrust, TrustRefreshError, type TufRepository } from '../trust/types.ts';
import { UsageError } from './options.ts';
import type { TrustOptions, TufOptions } from './trust-options.ts';
import { TrustState } from './trust-state.ts';

/** The operator's own trust root while it runs. */
export interface OperatorTrust {
  /** As it is now; the same object as long as nothing changed. */
  current(): OperatorRoot;
  /** Calls `listener` whenever {@link current} has become another. */
  onChange(listener: () => void): void;
  /** What is to run beside the controllers. */
  readonly components: readonly Component[];
}

/** What the options name, read. */
export type TrustFiles =
  | { readonly root: DescribedTrust; readonly origin: 'embedded' | 'file' }
  | { readonly tuf: TufOptions; readonly repository: TufRepository };

export interface TrustGround {
  readonly files: TrustFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: TrustObserver;
  /** Finds out what is in a source without blocking. */
  readonly describe: (source: TrustSource) => Promise<TrustDescription>;
}

/** Of one request; a mirror is asked for some kilobytes. Milliseconds. */
const REQUEST_TIMEOUT = 10_000;
/** How long a stop waits for an attempt that is under way, milliseconds. */
const PATIENCE = 1000;

/** Reads here and now what the options name: an operator that cannot have what it was told to trust does not start. Throws {@link UsageError}. */
export function readTrustFiles({ file, tuf }: TrustOptions): TrustFiles {
  if (file !== undefined) return { root: readFile(file), origin: 'file' };
  return tuf === undefined ? { root: described(embeddedTrustSource()), origin: 'embedded' } : { tuf, repository: repositoryOf(tuf) };
}

/**
 * The trust root to begin with: the file that was given; else what was last refreshed, or what this build was made with, whichever is
 * newer. An instance of its own that was never reached has none: then policies that need it wait, and nothing else does.
 */
export async function createOperatorTrust(ground: TrustGround): Promise<OperatorTrust> {
  const { files, clock, log, observer } = ground;
  if ('root' in files) {
    observer.origin(files.origin);
    return { current: () => files.root, onChange: () => undefined, components: [] };
  }
  const { tuf, repository } = files;
  const temporary = tuf.cache === undefined ? temporaryFolder() : undefined;
  const describe = describer(ground.describe);
  const store = storeOf(clock, describe, files, tuf.cache ?? temporary ?? tmpdir());
  const embedded = tuf.root === undefined ? described(embeddedTrustSource()) : undefined;
  const state = new TrustState({ clock, observer, mirror: tuf.mirror, maxAge: tuf.maxAge, embedded });
  const last = await lastGood(store, log);
  const take = async (trust: RefreshedTrust): Promise<RefreshedTrust> => {
    const root = await describe(trust.text);
    if (countsBeforeEmbedded(trust, repository) && problemOf(root.description) === undefined) state.refreshed(root, trust);
    return trust;
  };
  if (last !== undefined) await take(last);
  const refresher = refresherOf(ground, tuf, async () => take(await store.refresh()));
  return {
    current: () => state.current(),
    onChange: (listener) => state.onChange(listener),
    components: [{ name: 'trust', start: () => refresher.start(), stop: (grace) => end(refresher, state, temporary, sleep(clock, Math.min(grace, PATIENCE))) }],
  };
}

type Describer = (text: string) => Promise<DescribedTrust>;

/** Remembers the last one: a root seldom changes, and reading it proves all of its certificates. */
function describer(describe: TrustGround['describe']): Describer {
  let last: DescribedTrust | undefined;
  return async (text) => {
    const source = trustSource('TrustedRoot', text);
    if (last?.source.hash !== source.hash) last = { source, description: await describe(source) };
    return last;
  };
}

function storeOf(clock: Clock, describe: Describer, { tuf, repository }: Extract<TrustFiles, { tuf: unknown }>, directory: string): TrustStore {
  return new TrustStore({
    repository,
    directory,
    proxy: tuf.proxy,
    clock,
    timeout: REQUEST_TIMEOUT,
    retries: 2,
    check: async (text) => problemOf((await describe(text)).description),
  });
}

/** An attempt that is under way would make its folder again. */
async function end(refresher: TrustRefresher, state: TrustState, temporary: string | undefined, late: Promise<void>): Promise<void> {
  state.stop();
  await Promise.race([refresher.stop(), late]);
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
}

function readFile(path: string): DescribedTrust {
  try {
    const root = described(trustSource('TrustedRoot', readFileSync(path, 'utf8')));
    const problem = problemOf(root.description);
    if (problem !== undefined) throw new Error(problem);
    return root;
  } catch (error) {
    throw new UsageError(`--trusted-root: ${path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

function repositoryOf({ mirror, root }: TufOptions): TufRepository {
  if (root === undefined) return { mirror };
  try {
    const firstRoot = readFileSync(root);
    const { signed } = JSON.parse(firstRoot.toString('utf8')) as { signed?: { ['_type']?: unknown } };
    if (signed?.['_type'] !== 'root') throw new Error('it is not root metadata of TUF');
    return { mirror, firstRoot };
  } catch (error) {
    throw new UsageError(`--tuf-root: ${root} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** Without one nothing can be refreshed, which the first attempt tells. */
function temporaryFolder(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), 'assay-trust-'));
  } catch {
    return undefined;
  }
}

async function lastGood(store: TrustStore, log: Log): Promise<RefreshedTrust | undefined> {
  try {
    return await store.lastGood();
  } catch (error) {
    log.warn('the trust root that was kept is not used', { error });
    return undefined;
  }
}

function refresherOf({ clock, log, observer }: TrustGround, { mirror }: TufOptions, refresh: () => Promise<RefreshedTrust>): TrustRefresher {
  let failing = false;
  return new TrustRefresher({
    clock,
    refresh,
    onRefreshed: (trust) => {
      observer.attempt('ok');
      log[failing ? 'info' : 'debug']('the trust root was refreshed', { mirror, versions: trust.versions, expires: new Date(trust.expires).toISOString() });
      failing = false;
    },
    onFailed: (error) => {
      observer.attempt(error instanceof TrustRefreshError ? error.code : 'Unusable');
      // Once: a cluster without a way out asks for ever.
      log[failing ? 'debug' : 'warn']('the trust root could not be refreshed; the one at hand goes on being used, and it is tried again quietly', { mirror, error });
      failing = true;
    },
  });
}

function described(source: TrustSource): DescribedTrust {
  return { source, description: describeTrust(source) };
}

function problemOf(description: TrustDescription): string | undefined {
  return 'problem' in description ? description.problem : undefined;
}
