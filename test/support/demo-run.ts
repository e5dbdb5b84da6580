import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { type OwnedProcess, startOwned } from '../../hack/controlplane/owned-process.ts';
import { leftovers } from '../../hack/testrunner/leftovers.ts';
import { untilHolds } from './until-holds.ts';

const root = resolve(import.meta.dirname, '../..');

/** A demo that runs, or has run. */
export interface DemoRun {
  readonly demo: OwnedProcess;
  /** What it printed so far. */
  readonly output: () => string;
  /** The folder that it makes temporary files in. */
  readonly temporary: string;
}

/** A folder for the demos of a test file, which goes away with it. */
export function demoScratch(): string {
  const scratch = mkdtempSync(join(tmpdir(), 'demo-test-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));
  return scratch;
}

let runs = 0;

/** Starts the demo in a session of its own, as `npm run demo` does, but not on a terminal. */
export async function startDemo(scratch: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<DemoRun> {
  runs += 1;
  const temporary = join(scratch, `tmp-${runs}`);
  mkdirSync(temporary);
  const log = join(scratch, `demo-${runs}.log`);
  const demo = await startOwned({
    name: 'demo',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', 'hack/demo.ts', ...args],
    cwd: root,
    log,
    env: { ...process.env, TMPDIR: temporary, ...env },
    session: true,
  });
  return { demo, temporary, output: () => readFileSync(log, 'utf8') };
}

/** Waits until the demo prints such a line; fails when it ends before. */
export async function seen({ demo, output }: DemoRun, line: RegExp): Promise<void> {
  await untilHolds(String(line), () => {
    assert.ok(demo.running || line.test(output()), `the demo ended: ${output()}`);
    assert.match(output(), line);
  }, 90);
}

/** Nothing that the demo started is there any more, and none of its files. */
export async function nothingIsLeft({ demo, temporary }: DemoRun): Promise<void> {
  assert.deepEqual(await leftovers('the demo has no mark', demo.pid), []);
  await untilHolds('an empty temporary folder', () => assert.deepEqual(readdirSync(temporary), []), 5);
}
