import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

/** How a process ended: one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that we started and that never outlives us: not Ctrl-C, not a crash, not even our own SIGKILL. */
export interface OwnedProcess {
  readonly name: string;
  readonly pid: number;
  /** The file that holds what it printed. */
  readonly log: string;
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<Exit>;
  readonly running: boolean;
  /** Sends `signal` (default SIGTERM) and, when it is still there after `grace` milliseconds (default 5,000), SIGKILL; resolves when it is gone. */
  stop(signal?: NodeJS.Signals, grace?: number): Promise<Exit>;
  /** The last `lines` lines that it printed. */
  tail(lines?: number): string;
}

/** What to start. */
export interface OwnedProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The file that gets stdout and stderr, appended. */
  readonly log: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A session of its own, so that everything it starts can be told by the session (default false). */
  readonly session?: boolean;
}

// Reads `add PID` and `remove PID`. The end of its input is the end of the owner, however that came about.
const GUARD = `
pids=' '
while read -r verb pid; do
  case $verb in
    add) pids="$pids$pid " ;;
    remove) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
sleep 0.1
rm -rf -- "$1"
`;

interface Estate {
  readonly root: string;
  readonly guard: Writable;
  readonly children: Set<ChildProcess>;
}

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
    env: { PATH: process.env['PATH'] },
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as Writable & { unref(): void }).unref();
  estate = { root, guard: guard.stdin, children: new Set() };
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

/** Synchronous, because it runs while the process exits. What it ends is throwaway, so nothing is asked to finish first. */
function endAll(): void {
  if (estate === undefined) return;
  for (const child of estate.children) child.kill('SIGKILL');
  rmSync(estate.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/** A new empty directory that is removed when this process ends, however it ends. */
export function temporaryDirectory(prefix: string): string {
  const { root } = theEstate();
  mkdirSync(root, { recursive: true });
  return mkdtempSync(join(root, `${prefix}-`));
}

/** The pids of the processes that this one owns and that are still running. */
export function ownedPids(): number[] {
  return [...(estate?.children ?? [])].flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
}

/** Starts a process that this one owns. Rejects when it cannot be started at all (no such file, not executable). */
export async function startOwned(options: OwnedProcessOptions): Promise<OwnedProcess> {
  const { children, guard } = theEstate();
  const log = openSync(options.log, 'a', 0o600);
  const child = spawn(options.command, options.args, {
    stdio: ['ignore', log, log],
    env: options.env ?? process.env,
    detached: options.session ?? false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw await failureOf(child, options);
  children.add(child);
  guard.write(`add ${pid}\n`);
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      children.delete(child);
      guard.write(`remove ${pid}\n`);
      resolve({ code, signal });
    });
  });
  return handleOf(options, child, pid, exited);
}

function failureOf(child: ChildProcess, { name, command }: OwnedProcessOptions): Promise<Error> {
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve(new Error(`${name} cannot be started from ${command}: ${cause.message}`, { cause })));
  });
}

function handleOf({ name, log }: OwnedProcessOptions, child: ChildProcess, pid: number, exited: Promise<Exit>): OwnedProcess {
  return {
    name,
    pid,
    log,
    exited,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    async stop(signal = 'SIGTERM', grace = 5_000) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), grace);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
    tail: (lines = 15) => tailOf(log, lines),
  };
}

function tailOf(file: string, lines: number): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
