import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { temporaryDirectory } from '../controlplane/estate.ts';
import { startOwned } from '../controlplane/owned-process.ts';
import { cacheRoot } from '../controlplane/places.ts';
import { leftovers, MARK } from './leftovers.ts';
import { type FileResult, resultOf } from './summary.ts';

/** How a file is run. */
export interface FileOptions {
  readonly root: string;
  /** Seconds. */
  readonly timeout: number;
  readonly pattern?: string;
  readonly env: NodeJS.ProcessEnv;
}

/** How long a file that is out of time gets to end its own servers; milliseconds. */
const GRACE = 2_000;

/** Runs one test file in a process and a session of its own, and looks at what it left. `output` is what it printed. */
export async function runFile(file: string, options: FileOptions): Promise<{ result: FileResult; output: string }> {
  const directory = temporaryDirectory('test');
  const log = join(directory, `${basename(file)}.log`);
  const tap = join(directory, 'report.tap');
  const mark = randomUUID();
  const started = Date.now();
  const child = await startOwned({
    name: file,
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${tap}`,
      ...(options.pattern === undefined ? [] : [`--test-name-pattern=${options.pattern}`]),
      file,
    ],
    cwd: options.root,
    log,
    // Each file is a process that reads the same hundreds of modules: they are compiled once.
    env: { NODE_COMPILE_CACHE: join(cacheRoot(process.env), 'compiled'), ...options.env, [MARK]: mark },
    session: true,
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void child.stop('SIGTERM', GRACE);
  }, options.timeout * 1000);
  const exit = await child.exited;
  clearTimeout(timer);
  const left = await leftovers(mark, child.pid);
  for (const { pid } of left) end(pid);
  const took = (Date.now() - started) / 1000;
  const ending = { ...exit, timedOut, leaked: left.map(({ command }) => command) };
  const result = resultOf(file, took, textOf(tap), ending, { timeout: options.timeout, filtered: options.pattern !== undefined });
  return { result, output: textOf(log) };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself after all.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
