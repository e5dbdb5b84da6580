import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { untilHolds } from '../../support/until-holds.ts';

const RUNNER = join(import.meta.dirname, '..', '..', '..', 'hack', 'test.ts');
const directory = mkdtempSync(join(tmpdir(), 'runner-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, source: string): string {
  const path = join(directory, `${name}.test.ts`);
  writeFileSync(path, `import { test, describe, before } from 'node:test';\nimport assert from 'node:assert/strict';\nimport { spawn } from 'node:child_process';\n${source}`);
  return path;
}

/** The source of a process that is started and forgotten; it ends by itself in the end, should the runner fail. */
function leave(options: string): string {
  return `{ const child = spawn('sleep', ['300'], { stdio: 'ignore', ${options} }); child.unref(); pids.push(child.pid); }`;
}

function start(...args: string[]) {
  const child = spawn(process.execPath, [RUNNER, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, XDG_CACHE_HOME: directory }, timeout: 60_000 });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  return { child, ended };
}

async function run(...args: string[]): Promise<{ code: unknown; stdout: string; last: string | undefined }> {
  const { child, ended } = start(...args);
  const [stdout, code] = await Promise.all([text(child.stdout), ended]);
  return { code, stdout, last: stdout.trimEnd().split('\n').at(-1) };
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the test runner', () => {
  it('adds up over all files, and ends with 0 when nothing failed', async () => {
    const one = file('one', "test('a', () => {});\ntest('b', () => {});");
    const two = file('two', "test('c', () => {});\ntest('d', { skip: 'not on this machine' }, () => {});");
    const { code, stdout, last } = await run(one, two);
    assert.equal(last, '3 passed, 0 failed, 1 skipped');
    assert.equal(code, 0);
    assert.match(stdout, /skipped: not on this machine/);
  });

  it('ends with 1 and shows what a failing file printed', async () => {
    const good = file('good', "test('a', () => {});");
    const bad = file('bad', "test('b', () => {});\ntest('c', () => { console.log('a clue'); assert.equal(1, 2); });");
    const { code, stdout, last } = await run(good, bad);
    assert.equal(last, '2 passed, 1 failed, 0 skipped');
    assert.equal(code, 1);
    assert.match(stdout, /a clue/);
    assert.match(stdout, /\nFailed:\n.*bad\.test\.ts\n/);
    assert.doesNotMatch(stdout, /Failed:[^]*good\.test\.ts/);
  });

  it('ends with 1 when a file has no tests, and when only filtered tests are left', async () => {
    const empty = await run(file('empty', ''));
    assert.deepEqual([empty.code, empty.last], [1, '0 passed, 1 failed, 0 skipped']);
    const filtered = await run(file('filtered', "test('a', () => {});"), '-t', 'no such name');
    assert.deepEqual([filtered.code, filtered.last], [1, '0 passed, 0 failed, 0 skipped']);
  });

  it('ends with 1 when a suite cannot be set up', async () => {
    const { code, last } = await run(file('setup', "describe('s', () => { before(() => { throw new Error('no'); }); test('a', () => {}); });"));
    assert.equal(code, 1);
    assert.match(last ?? '', /^0 passed, [1-9]\d* failed, 0 skipped$/);
  });

  it('runs only the tests that are asked for by name', async () => {
    const { code, last } = await run(file('named', "test('wanted', () => {});\ntest('other', () => assert.fail());"), '-t', 'wanted');
    assert.deepEqual([code, last], [0, '1 passed, 0 failed, 0 skipped']);
  });

  it('ends a file that hangs, even in a loop that hears no signal, and says so', async () => {
    const hanging = file('hanging', "test('a', () => new Promise(() => setInterval(() => {}, 1000)));");
    const busy = file('busy', "process.on('SIGTERM', () => {});\ntest('a', () => { for (;;); });");
    const { code, stdout, last } = await run(hanging, busy, '--timeout', '1');
    assert.equal(code, 1);
    assert.match(stdout, /hanging\.test\.ts did not end within 1 s/);
    assert.match(stdout, /busy\.test\.ts did not end within 1 s/);
    assert.match(last ?? '', /^0 passed, [2-9] failed/);
  });

  it('finds and ends processes that a test left, in its session or in one of their own, with or without its environment', async () => {
    const pids = join(directory, 'pids');
    const source = `import { writeFileSync } from 'node:fs';
      test('a', () => { const pids: unknown[] = []; ${leave('')} ${leave('detached: true')} ${leave('env: {}')} writeFileSync(${JSON.stringify(pids)}, JSON.stringify(pids)); });`;
    const { code, stdout, last } = await run(file('leaking', source));
    assert.equal(code, 1);
    assert.equal(last, '1 passed, 3 failed, 0 skipped');
    assert.equal(stdout.match(/leaking\.test\.ts left a process running: sleep 300 \(pid \d+\)/g)?.length, 3);
    const numbers = JSON.parse(readFileSync(pids, 'utf8')) as number[];
    assert.equal(numbers.length, 3);
    await untilHolds('them to be gone', () => assert.deepEqual(numbers.filter(alive), []), 5);
  });

  it('takes the running tests with it when it is interrupted', async () => {
    const note = join(directory, 'running-pid');
    const source = `import { writeFileSync } from 'node:fs';\ntest('a', () => { writeFileSync(${JSON.stringify(note)}, String(process.pid)); return new Promise(() => setInterval(() => {}, 1000)); });`;
    const { child, ended } = start(file('interrupted', source));
    const pid = await untilHolds('the test to run', () => Number(readFileSync(note, 'utf8') || assert.fail('not yet')));
    child.kill('SIGINT');
    assert.equal(await ended, 'SIGINT');
    await untilHolds('the test to be gone', () => assert.equal(alive(pid), false), 5);
  });

  it('refuses arguments that make no sense in one sentence', async () => {
    const { child, ended } = start('test/unit/nothing.test.ts');
    const [stderr, code] = await Promise.all([text(child.stderr), ended]);
    assert.deepEqual([code, stderr], [1, 'There is no test file test/unit/nothing.test.ts.\n']);
  });
});
