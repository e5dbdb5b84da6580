import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

/*
 * What this process owns (child processes, temporary files) goes away with it, however it ends: by itself, by process.exit, by an
 * uncaught exception, by Ctrl-C or SIGTERM, and by SIGKILL, which it cannot notice: therefore a guard, which does.
 */

interface Estate {
  readonly root: string;
  readonly guard: Writable;
  /** With what to send the signal to: a pid, or a process group as a negative number. */
  readonly children: Map<ChildProcess, number>;
  readonly tasks: Set<() => void>;
}

// Reads `add PID` and `remove PID`, where a negative one is a process group. The end of its input is the end of the owner, however
// that came about.
const GUARD = `
targets=' '
while read -r verb target; do
  case $verb in
    add) targets="$targets$target " ;;
    remove) targets="\${targets%% $target *} \${targets#* $target }" ;;
  esac
done
for target in $targets; do kill -s KILL -- "$target" 2>/dev/null; done
sleep 0.1
rm -rf -- "$1"
`;

let estate: Estate | undefined;

/** Set up at the first use, so that importing this file has no effect. */
function theEstate(): Estate {
  if (estate !== undefined) return estate;
  const root = mkdtempSync(join(tmpdir(), 'assay-'));
  // Detached: a Ctrl-C in the terminal, which goes to the whole group, must not take the guard away before us.
  const guard = spawn('/bin/sh', ['-c', GUARD, 'assay-guard', root], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    // Nothing of ours in its environment: the test runner looks for what tests leave behind by that, and the guard outlives us for a moment.
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as Writable & { unref(): void }).unref();
  estate = { root, guard: guard.stdin, children: new Map(), tasks: new Set() };
  process.on('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) endOn(signal);
  return estate;
}

function endOn(signal: NodeJS.Signals): void {
  process.once(signal, () => {
    endAll();
    // Die of the signal as if nobody had listened, unless somebody else listens too and decides.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  });
}

/** Synchronous, because it runs while the process exits. */
function endAll(): void {
  if (estate === undefined) return;
  for (const target of estate.children.values()) end(target);
  for (const task of estate.tasks) task();
  rmSync(estate.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/** Makes sure that `child` ends when this process ends; with `group`, which asks for a child that was started detached, all that it started too. */
export function own(child: ChildProcess, group = false): void {
  const { children, guard } = theEstate();
  const { pid } = child;
  if (pid === undefined) return;
  const target = group ? -pid : pid;
  children.set(child, target);
  guard.write(`add ${target}\n`);
  child.once('exit', () => {
    children.delete(child);
    guard.write(`remove ${target}\n`);
  });
}

function end(target: number): void {
  try {
    process.kill(target, 'SIGKILL');
  } catch {
    // It ended by itself, and its exit has not been told to us yet.
  }
}

/** Runs `task`, which must be synchronous, when this process ends other than by SIGKILL. Returns how to take that back. */
export function atEnd(task: () => void): () => void {
  const { tasks } = theEstate();
  tasks.add(task);
  return () => void tasks.delete(task);
}

/** A new empty directory that is removed when this process ends, however it ends. */
export function temporaryDirectory(prefix: string): string {
  const { root } = theEstate();
  mkdirSync(root, { recursive: true });
  return mkdtempSync(join(root, `${prefix}-`));
}

/** The pids of the processes that this one owns and that are still running. */
export function ownedPids(): number[] {
  return [...(estate?.children.keys() ?? [])].flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
}
