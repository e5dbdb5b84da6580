import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './estate.ts';

/** Who holds a lock: `started` tells a process from a later one that was given the same pid. */
interface Owner {
  readonly pid: number;
  readonly started: string;
}

/** How a lock is waited for. */
export interface LockOptions {
  /** Called about twice a second while another process holds it. */
  readonly waiting?: (pid: number) => void;
  /** Longest wait; milliseconds. */
  readonly timeout?: number;
}

const POLL = 500;
const TIMEOUT = 45 * 60_000;

/**
 * Runs `work` while this process holds the lock file at `path`. A lock whose owner is gone (crashed, killed) is taken over.
 * Throws when another process holds it longer than `timeout` (default 45 minutes).
 */
export async function withLock<Result>(path: string, work: () => Promise<Result>, options: LockOptions = {}): Promise<Result> {
  const deadline = Date.now() + (options.timeout ?? TIMEOUT);
  for (;;) {
    const owner = claim(path);
    if (owner === undefined) break;
    if (!alive(owner)) {
      takeAway(path, owner);
      continue;
    }
    if (Date.now() > deadline) throw new Error(`process ${owner.pid} holds ${path} for too long: end it, or remove the file`);
    options.waiting?.(owner.pid);
    await sleep(POLL);
  }
  const release = (): void => rmSync(path, { force: true });
  const forget = atEnd(release);
  try {
    return await work();
  } finally {
    forget();
    release();
  }
}

let claims = 0;

/** Takes the lock, or returns who has it. A hard link appears whole or not at all, so no reader sees half an owner. */
function claim(path: string): Owner | undefined {
  claims += 1;
  const mine = `${path}.${process.pid}.${claims}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Owner));
  try {
    linkSync(mine, path);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return ownerOf(path) ?? claim(path);
  } finally {
    rmSync(mine, { force: true });
  }
}

function ownerOf(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // Not one of ours, or damaged: nobody can be asked to give it back.
    return { pid: 0, started: '' };
  }
}

function alive({ pid, started }: Owner): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return startOf(pid) === started;
}

/** When the kernel started this pid, in its own ticks; empty where /proc is absent, and then only the pid counts. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces: field 22 is counted from behind it (proc_pid_stat(5)).
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/**
 * Removes the lock of an owner that is gone. Two processes may come here at once and the slower one then moves a new, living lock:
 * it looks at what it moved and puts that back.
 */
function takeAway(path: string, dead: Owner): void {
  const moved = `${path}.${process.pid}.old`;
  try {
    renameSync(path, moved);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const owner = ownerOf(moved);
  if (owner !== undefined && (owner.pid !== dead.pid || owner.started !== dead.started)) {
    try {
      linkSync(moved, path);
    } catch {
      // A third one took it meanwhile. Two builders then work at once, which costs time and nothing else: files appear by rename.
    }
  }
  rmSync(moved, { force: true });
}
