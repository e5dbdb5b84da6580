import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { initTUF } from '@sigstore/tuf';
import { messageOf } from '../base/errors.ts';
import type { ProxyVariables } from './environment.ts';
import { embeddedRoot } from './public-good.ts';
import { TrustRefreshError } from './types.ts';
import type { RefreshedTrust, TufRepository, TufVersions } from './types.ts';

export interface DownloadOptions {
  readonly repository: TufRepository;
  /** Of `prepareFolder`; the library's metadata is kept in it. */
  readonly folder: string;
  /** Of one request, milliseconds. */
  readonly timeout: number;
  /** Further attempts of a request that got no answer. */
  readonly retries: number;
  readonly proxy: ProxyVariables;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The only target that is ever asked for. Its name does not come from the metadata, so that no name in there becomes a path. */
const TARGET = 'trusted_root.json';
/** Far above the public-good root, which has 7 KiB. */
const MAX_TARGET_BYTES = 1024 * 1024;
const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;
/** Rounds of redirections and roots are the library's to bound; these words of its errors tell a mirror that cannot be reached. */
const NETWORK = /fetch failed|failed to download|timed? ?out|aborted|ECONN|ENOTFOUND|EAI_AGAIN|terminated/i;

/**
 * Has TUF say what the trusted root is: new root metadata, timestamp, snapshot, targets, and the target, each verified by the library
 * (tuf-js; TUF specification, 5). Requests use the machine's certificate authorities (`NODE_EXTRA_CA_CERTS`) and the given proxy.
 * Throws {@link TrustRefreshError} `Unreachable`, `Rejected` or `Disk`.
 */
export async function downloadTrust(options: DownloadOptions): Promise<Omit<RefreshedTrust, 'refreshedAt'>> {
  const { repository, folder } = options;
  const work = await workFolder(options);
  const direct = useProxy(options.proxy);
  try {
    await fill(work, options);
    const found = await ask(options, join(work, CACHE), join(work, FIRST));
    await keep(join(work, CACHE), join(folder, CACHE));
    return found;
  } catch (error) {
    throw refreshError(error, repository.mirror);
  } finally {
    direct();
    await rm(work, { recursive: true, force: true }).catch(() => undefined);
  }
}

const CACHE = 'tuf';
const FIRST = 'first-root.json';
const WORK = 'refresh-';
/** No refresh takes as long: whoever left such a folder is gone. Milliseconds. */
const ABANDONED = 3_600_000;

/** A folder of this refresh alone, because another process may be refreshing, or may have ended in the middle of it. */
async function workFolder({ folder, now }: DownloadOptions): Promise<string> {
  return onDisk(folder, async () => {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const touched = name.startsWith(WORK) ? await stat(path).catch(() => undefined) : undefined;
      if (touched !== undefined && now - touched.mtimeMs > ABANDONED) await rm(path, { recursive: true, force: true });
    }
    return mkdtemp(join(folder, WORK));
  });
}

/** With what the library kept of the last refresh that succeeded: it writes its files in place. */
async function fill(work: string, { repository, folder }: DownloadOptions): Promise<void> {
  await onDisk(folder, async () => {
    await mkdir(join(work, CACHE));
    await cp(join(folder, CACHE), join(work, CACHE), { recursive: true }).catch(() => undefined);
    await dropBroken(join(work, CACHE));
    await writeFile(join(work, FIRST), repository.firstRoot ?? embeddedRoot(), { mode: 0o600 });
  });
}

async function onDisk<Value>(folder: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw new TrustRefreshError('Disk', `the folder ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** Whoever comes second leaves it at what the first one kept. */
async function keep(cache: string, kept: string): Promise<void> {
  await rm(kept, { recursive: true, force: true }).catch(() => undefined);
  await rename(cache, kept).catch(() => undefined);
}

async function ask({ repository: { mirror }, timeout, retries }: DownloadOptions, cache: string, rootPath: string): Promise<Omit<RefreshedTrust, 'refreshedAt'>> {
  const client = await initTUF({ mirrorURL: mirror, cachePath: cache, rootPath, timeout, retry: { retries } });
  const metadata = await readMetadata(cache);
  const { [TARGET]: { length } = { length: undefined } } = metadata.targets.targets ?? {};
  // What a role names is asked for under that name, and kept under it: other roles than TUF's own are none of our business.
  if (length === undefined) throw new Error(`its targets name no ${TARGET}; one that they delegate is not looked for`);
  if (length > MAX_TARGET_BYTES) throw new Error(`${TARGET} has ${length} bytes; at most ${MAX_TARGET_BYTES} are read`);
  const text = await client.getTarget(TARGET);
  return { text, versions: versionsOf(metadata), expires: Math.min(...ROLES.map((role) => Date.parse(metadata[role].expires))) };
}

interface RoleMetadata {
  readonly version: number;
  readonly expires: string;
  readonly targets?: Readonly<Record<string, { readonly length: number }>>;
}

type Metadata = Readonly<Record<(typeof ROLES)[number], RoleMetadata>>;

/** What the library has just verified and kept. It has a folder for each mirror, and we have a folder for each cache. */
async function readMetadata(cache: string): Promise<Metadata> {
  const [name = '', ...others] = await readdir(cache);
  if (others.length > 0) throw new TrustRefreshError('Disk', `the folder ${cache} holds more than the metadata of one mirror: remove it`);
  const read = async (role: string): Promise<RoleMetadata> => (JSON.parse(await readFile(join(cache, name, `${role}.json`), 'utf8')) as { signed: RoleMetadata }).signed;
  const [root, timestamp, snapshot, targets] = await Promise.all([read('root'), read('timestamp'), read('snapshot'), read('targets')]);
  return { root, timestamp, snapshot, targets };
}

function versionsOf(metadata: Metadata): TufVersions {
  return { root: metadata.root.version, timestamp: metadata.timestamp.version, snapshot: metadata.snapshot.version, targets: metadata.targets.version };
}

/**
 * Root metadata that cannot be read would stand in the library's way for ever. What has been seen is remembered beside it, so that
 * nothing older is taken when it begins again.
 */
async function dropBroken(cache: string): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    try {
      JSON.parse(await readFile(join(cache, name, 'root.json'), 'utf8'));
    } catch {
      await rm(join(cache, name), { recursive: true, force: true });
    }
  }
}

/** The library's requests go by the proxy of the process, which Node takes from no environment unless told so. */
function useProxy(proxy: ProxyVariables): () => void {
  return Object.keys(proxy).length === 0 ? () => undefined : http.setGlobalProxyFromEnv({ ...proxy });
}

function refreshError(error: unknown, mirror: string): TrustRefreshError {
  if (error instanceof TrustRefreshError) return error;
  const reasons = causesOf(error).map((one) => messageOf(one, 200));
  const why = [...new Set(reasons)].join(': ');
  const unanswered = reasons.some((reason) => NETWORK.test(reason));
  return unanswered
    ? new TrustRefreshError('Unreachable', `the TUF mirror ${mirror} could not be asked: ${why}`, { cause: error })
    : new TrustRefreshError('Rejected', `what the TUF mirror ${mirror} answers is not vouched for: ${why}`, { cause: error });
}

function causesOf(error: unknown, depth = 0): readonly unknown[] {
  if (error === undefined || depth > 4) return [];
  return [error, ...causesOf(error instanceof Error ? error.cause : undefined, depth + 1)];
}
