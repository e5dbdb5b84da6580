import type { Clock } from '../base/clock.ts';
import { lastAttempt, noteAttempt, prepareFolder, readLastGood, writeLastGood } from './disk.ts';
import type { ProxyVariables } from './environment.ts';
import { TrustRefreshError } from './types.ts';
import type { RefreshedTrust, TufRepository } from './types.ts';

export interface TrustStoreOptions {
  readonly repository: TufRepository;
  /** Where what was refreshed is kept; made where it is missing. */
  readonly directory: string;
  readonly proxy: ProxyVariables;
  readonly clock: Clock;
  /** Of one request, milliseconds. */
  readonly timeout: number;
  /** Further attempts of a request that got no answer. */
  readonly retries: number;
  /** Why this `trusted_root.json` cannot be used, though it is vouched for; nothing where it can. */
  readonly check: (text: string) => Promise<string | undefined>;
}

/** The trusted root of one repository: what was refreshed last, and refreshing it. Several processes may do so in one folder. */
export class TrustStore {
  readonly #options: TrustStoreOptions;

  constructor(options: TrustStoreOptions) {
    this.#options = options;
  }

  /** What was refreshed last, by this process or one before; nothing where nothing was. Throws {@link TrustRefreshError} `Disk`. */
  async lastGood(): Promise<RefreshedTrust | undefined> {
    const { directory, repository } = this.#options;
    return readLastGood(await prepareFolder(directory, repository), repository);
  }

  /** When it was last tried to refresh it, whatever came of that; milliseconds since the epoch. Throws {@link TrustRefreshError} `Disk`. */
  async lastAttempt(): Promise<number | undefined> {
    return lastAttempt(await prepareFolder(this.#options.directory, this.#options.repository));
  }

  /** Asks the mirror, and keeps the answer unless it is older than what is at hand or cannot be used. Throws {@link TrustRefreshError}. */
  async refresh(): Promise<RefreshedTrust> {
    const { repository, directory, clock, check } = this.#options;
    const folder = await prepareFolder(directory, repository);
    await noteAttempt(folder, clock.now());
    const { downloadTrust } = await import('./download.ts');
    const found = await downloadTrust({ ...this.#options, folder, now: clock.now() });
    const before = await this.#before(folder);
    if (before !== undefined) refuseBackwards(found, before, repository);
    const trust: RefreshedTrust = { ...found, refreshedAt: clock.now() };
    const problem = trust.text === before?.text ? undefined : await check(trust.text);
    if (problem !== undefined) throw new TrustRefreshError('Unusable', `the trusted root of the TUF mirror ${repository.mirror} cannot be used: ${problem}`);
    await writeLastGood(folder, repository, trust);
    return trust;
  }

  /** A file that cannot be read any more does not stand in the way of a better one. */
  async #before(folder: string): Promise<RefreshedTrust | undefined> {
    return readLastGood(folder, this.#options.repository).catch(() => undefined);
  }
}

/**
 * The library compares with the metadata that it has kept; this compares with what was trusted, also where the library's are gone. New
 * root metadata may start the other versions afresh: so an instance recovers from stolen keys (TUF specification, 5.3.11).
 */
function refuseBackwards({ versions, text }: Omit<RefreshedTrust, 'refreshedAt'>, before: RefreshedTrust, { mirror }: TufRepository): void {
  const roles = versions.root > before.versions.root ? [] : (['root', 'timestamp', 'snapshot', 'targets'] as const);
  const older = roles.find((role) => versions[role] < before.versions[role]);
  if (older !== undefined) {
    throw new TrustRefreshError('Backwards', `the TUF mirror ${mirror} answers with ${older} version ${versions[older]}, and version ${before.versions[older]} was seen before`);
  }
  if (roles.length > 0 && versions.targets === before.versions.targets && text !== before.text) {
    throw new TrustRefreshError('Backwards', `the TUF mirror ${mirror} answers with another trusted root under targets version ${versions.targets}, which was seen before`);
  }
}
