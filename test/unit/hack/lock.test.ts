import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from '../../../hack/controlplane/lock.ts';

const directory = mkdtempSync(join(tmpdir(), 'lock-'));
after(() => rmSync(directory, { recursive: true }));

const LOCK = join(import.meta.dirname, '..', '..', '..', 'hack', 'controlplane', 'lock.ts');

/** A process that takes the lock, notes `in` and `out` around 200 ms of work, or dies inside of it without a word. */
function contender(path: string, journal: string, dies = false): Promise<number | null> {
  const work = `async () => { note('in'); ${dies ? "process.kill(process.pid, 'SIGKILL')" : 'await new Promise((r) => setTimeout(r, 200))'}; note('out'); }`;
  const script = `import { appendFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(LOCK)};
    const note = (what) => appendFileSync(${JSON.stringify(journal)}, what + ' ');
    await withLock(${JSON.stringify(path)}, ${work});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'inherit', 'inherit'], timeout: 30_000 });
  return new Promise((resolve) => {
    child.once('close', resolve);
  });
}

describe('the lock against two builders', () => {
  it('lets several processes in one after the other, never two at once', async () => {
    const [path, journal] = [join(directory, 'a'), join(directory, 'a.journal')];
    const codes = await Promise.all([contender(path, journal), contender(path, journal), contender(path, journal)]);
    assert.deepEqual(codes, [0, 0, 0]);
    assert.equal(readFileSync(journal, 'utf8'), 'in out in out in out ');
    assert.equal(existsSync(path), false);
  });

  it('is taken over from an owner that was killed', async () => {
    const [path, journal] = [join(directory, 'b'), join(directory, 'b.journal')];
    await contender(path, journal, true);
    assert.ok(existsSync(path), 'the dead owner left its lock');
    assert.equal(await contender(path, journal), 0);
    assert.equal(readFileSync(journal, 'utf8'), 'in in out ');
  });

  it('is taken over when another process was given the pid of its dead owner', async () => {
    const path = join(directory, 'c');
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: '1' }));
    assert.equal(await withLock(path, async () => 'done', { timeout: 2_000 }), 'done');
  });

  it('is taken over when its file is damaged', async () => {
    const path = join(directory, 'd');
    writeFileSync(path, '{"pid":');
    assert.equal(await withLock(path, async () => 'done', { timeout: 2_000 }), 'done');
  });

  it('tells who is waited for, and gives up in the end with what to do', async () => {
    const path = join(directory, 'e');
    const waitedFor: number[] = [];
    await withLock(path, async () => {
      const second = withLock(path, async () => 'never', { timeout: 600, waiting: (pid) => waitedFor.push(pid) });
      await assert.rejects(second, new RegExp(`process ${process.pid} holds .*/e for too long: end it, or remove the file`));
    });
    assert.ok(waitedFor.length > 0 && waitedFor.every((pid) => pid === process.pid));
  });

  it('is given back when the work throws, and leaves no other file', async () => {
    const path = join(directory, 'f');
    await assert.rejects(withLock(path, () => sleep(1).then(() => Promise.reject(new Error('broken')))), /broken/);
    assert.deepEqual(readdirSync(directory).filter((name) => name.startsWith('f')), []);
  });
});
