import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { own } from './estate.ts';

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

/** Starts a process that this one owns. Rejects when it cannot be started at all (no such file, not executable). */
export async function startOwned(options: OwnedProcessOptions): Promise<OwnedProcess> {
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
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  own(child);
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
