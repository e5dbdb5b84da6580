import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
  /** Of `prepareFolder`; the library keeps its metadata in it. */
  readonly folder: string;
  /** Of one request, milliseconds. */
  readonly timeout: number;
  /** Further attempts of a request that got no answer. */
  readonly retries: number;
  readonly proxy: ProxyVariables;
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
  const cache = join(folder, 'tuf');
  const first = join(folder, 'first-root.json');
  try {
    await writeFile(first, repository.firstRoot ?? embeddedRoot(), { mode: 0o600 });
    await dropBroken(cache);
  } catch (error) {
    throw new TrustRefreshError('Disk', `the folder ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
  }
  const direct = useProxy(options.proxy);
  try {
    return await ask(options, cache, first);
  } catch (error) {
    throw refreshError(error, repository.mirror);
  } finally {
    direct();
  }
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
 * The library writes its files in place: one that was being written when the machine went down would stand in its way for ever. What
 * has been seen is remembered beside it, so that nothing older is taken when it begins again.
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
