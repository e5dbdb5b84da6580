import { execFile } from 'node:child_process';
import { registerHooks } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** A test that a file registers when it is loaded. */
export interface RegisteredTest {
  readonly name: string;
  /** Whether it is skipped here, or marked as not done yet. */
  readonly skipped: boolean;
}

const ROOT = resolve(import.meta.dirname, '../..');
const MARK = '\u0000tests ';

/**
 * The tests that these files (paths from the root of the project) register, by file; none of them is run. What is found so is what `node --test` would
 * run: names that a loop makes are there, a test in a comment is not. Tests inside of tests (`t.test`) are not found. Rejects where a file cannot be loaded.
 */
export async function registeredTests(files: readonly string[]): Promise<ReadonlyMap<string, readonly RegisteredTest[]>> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), ...files], { cwd: ROOT, env, timeout: 100_000, maxBuffer: 32 * 1024 * 1024 });
  const line = stdout.split('\n').find((one) => one.startsWith(MARK));
  if (line === undefined) throw new Error(`no tests were listed: ${stdout.slice(-500)}`);
  return new Map(JSON.parse(line.slice(MARK.length)) as [string, RegisteredTest[]][]);
}

/** Stands for `node:test` while files are loaded: suites are entered, tests noted, hooks left out. */
const RECORDER = `
  const noted = (globalThis.notedTests ??= []);
  const argument = (all, type) => all.find((one) => typeof one === type);
  const skips = (...all) => { const options = argument(all.slice(0, 2), 'object'); return Boolean(options?.skip || options?.todo); };
  let skipping = false;
  const register = (skipped) => (...all) => void noted.push({ name: argument(all.slice(0, 1), 'string') ?? '', skipped: skipping || skipped || skips(...all) });
  const enter = (skipped) => (...all) => {
    const outer = skipping;
    skipping ||= skipped || skips(...all);
    const inside = argument(all, 'function')?.({});
    if (inside instanceof Promise) throw new Error('a suite that waits is not listed');
    skipping = outer;
  };
  const withWays = (make) => Object.assign(make(false), { skip: make(true), todo: make(true), only: make(false) });
  const nothing = () => undefined;
  export const describe = withWays(enter);
  export const suite = describe;
  export const it = withWays(register);
  export const test = Object.assign(withWays(register), { describe, suite, it });
  export const [before, after, beforeEach, afterEach] = [nothing, nothing, nothing, nothing];
  export const mock = {};
  Object.assign(test, { test, before, after, beforeEach, afterEach, mock });
  export { test as default };
`;

async function list(files: readonly string[]): Promise<void> {
  registerHooks({
    resolve: (specifier, context, next) => (specifier === 'node:test' ? { url: 'recorder:test', shortCircuit: true } : next(specifier, context)),
    load: (url, context, next) => (url === 'recorder:test' ? { format: 'module', source: RECORDER, shortCircuit: true } : next(url, context)),
  });
  const holder = globalThis as { notedTests?: RegisteredTest[] };
  const found: [string, RegisteredTest[]][] = [];
  for (const file of files) {
    const before = holder.notedTests?.length ?? 0;
    await import(pathToFileURL(join(ROOT, file)).href);
    found.push([file, (holder.notedTests ?? []).slice(before)]);
  }
  process.stdout.write(`\n${MARK}${JSON.stringify(found)}\n`, () => process.exit(0));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await list(process.argv.slice(2));
