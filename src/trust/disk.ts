import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import { TrustRefreshError } from './types.ts';
import type { RefreshedTrust, TufRepository, TufVersions } from './types.ts';

const FORMAT = 1;
const FILE = 'last-good.json';
/** A trusted root has 1 MiB at most; in JSON it is hardly larger. */
const MAX_BYTES = 2 * 1024 * 1024;
/** Nobody but the owner may write what is trusted. */
const OTHERS_WRITE = 0o022;

/**
 * The folder for one repository inside of `directory`, made where it is missing. Its name says mirror and first root, so that nothing
 * of one repository ever counts for another. Whoever can write there decides what is trusted: a folder that belongs to, or may be
 * written by, somebody else is refused. Throws {@link TrustRefreshError} `Disk`.
 */
export async function prepareFolder(directory: string, { mirror, firstRoot }: TufRepository): Promise<string> {
  const name = createHash('sha256').update(mirror).update('\n').update(firstRoot ?? 'public-good').digest('hex').slice(0, 32);
  const folder = join(directory, name);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await mkdir(folder, { mode: 0o700 }).catch(ignoring('EEXIST'));
    refuseForeign(await lstat(folder), folder, 'directory');
    return folder;
  } catch (error) {
    if (error instanceof TrustRefreshError) throw error;
    throw new TrustRefreshError('Disk', `the folder ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

interface Stats {
  readonly uid: number;
  readonly mode: number;
  isDirectory(): boolean;
  isFile(): boolean;
}

function refuseForeign(stats: Stats, path: string, kind: 'directory' | 'file'): void {
  if (kind === 'directory' ? !stats.isDirectory() : !stats.isFile()) throw new TrustRefreshError('Disk', `${path} is not a ${kind}`);
  const own = process.getuid?.();
  if (own !== undefined && stats.uid !== own && stats.uid !== 0) throw new TrustRefreshError('Disk', `${path} belongs to user ${stats.uid}, and this is user ${own}: it would decide what is trusted`);
  if ((stats.mode & OTHERS_WRITE) !== 0) throw new TrustRefreshError('Disk', `${path} can be written by others, who would decide what is trusted: chmod go-w it`);
}

/**
 * What was refreshed last in a folder of {@link prepareFolder}; nothing where there is none. Throws {@link TrustRefreshError} `Disk` for
 * what is not as {@link writeLastGood} wrote it.
 */
export async function readLastGood(folder: string, { mirror }: TufRepository): Promise<RefreshedTrust | undefined> {
  const path = join(folder, FILE);
  try {
    const stats = await lstat(path);
    refuseForeign(stats, path, 'file');
    if (stats.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return parse(await readFile(path, 'utf8'), mirror);
  } catch (error) {
    if (error instanceof TrustRefreshError) throw error;
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new TrustRefreshError('Disk', `${path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

function parse(text: string, mirror: string): RefreshedTrust {
  const record = JSON.parse(text) as Partial<Record<string, unknown>> | null;
  const { format, mirror: from, sha256, versions, expires, refreshedAt, text: root } = record ?? {};
  if (format !== FORMAT) throw new Error(`its format is not ${FORMAT}`);
  if (from !== mirror) throw new Error('it is of another mirror');
  if (typeof root !== 'string' || digestOf(root) !== sha256) throw new Error('its trusted root is not the one that was written');
  if (!isVersions(versions) || !isTime(expires) || !isTime(refreshedAt)) throw new Error('it is not complete');
  return { text: root, versions, expires, refreshedAt };
}

function isVersions(value: unknown): value is TufVersions {
  if (typeof value !== 'object' || value === null) return false;
  const versions = value as Record<string, unknown>;
  return ['root', 'timestamp', 'snapshot', 'targets'].every((role) => Number.isSafeInteger(versions[role]) && (versions[role] as number) > 0);
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Replaces what was refreshed last, as a whole or not at all. Throws {@link TrustRefreshError} `Disk`. */
export async function writeLastGood(folder: string, { mirror }: TufRepository, trust: RefreshedTrust): Promise<void> {
  const path = join(folder, `${FILE}.${randomUUID()}`);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ format: FORMAT, mirror, sha256: digestOf(trust.text), ...trust })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(path, join(folder, FILE));
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw new TrustRefreshError('Disk', `the trusted root cannot be kept in ${folder}: ${messageOf(error)}`, { cause: error });
  }
}

const ATTEMPT = 'attempted';

/** When somebody last tried to refresh what is in this folder, milliseconds since the epoch; nothing where nobody did. */
export async function lastAttempt(folder: string): Promise<number | undefined> {
  return stat(join(folder, ATTEMPT)).then(({ mtimeMs }) => mtimeMs, () => undefined);
}

/** Notes that it is tried at `now`. A folder that cannot be written is told by whoever writes more than this. */
export async function noteAttempt(folder: string, now: number): Promise<void> {
  const file = await open(join(folder, ATTEMPT), 'w', 0o600).catch(() => undefined);
  await file?.utimes(now / 1000, now / 1000).catch(() => undefined);
  await file?.close();
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function ignoring(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}
