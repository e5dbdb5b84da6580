import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { untilHolds } from './until-holds.ts';

/** A process that starts a control plane, and is there to be ended. */
export interface Owner {
  readonly child: ChildProcess;
  /** Where it keeps its files. */
  readonly directory: string;
  /** Resolves with the pids of what it started, once there are so many of them. */
  readonly until: (count: number) => Promise<number[]>;
  /** How it ended: the signal, or `code N`. */
  readonly ended: Promise<string>;
}

const OWNER = join(import.meta.dirname, 'control-plane-owner.ts');
const PATIENCE = 120_000;

/** Starts control-plane-owner.ts. Its environment lacks nothing but the shared control plane of this run. */
export async function owner(...args: string[]): Promise<Owner> {
  const child = spawn(process.execPath, [OWNER, ...args], { stdio: ['ignore', 'pipe', 'ignore'], timeout: PATIENCE, killSignal: 'SIGKILL' });
  const lines = createInterface({ input: child.stdout });
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`));
  });
  let pids: number[] = [];
  const directory = await new Promise<string>((resolve) => {
    lines.once('line', (line) => {
      resolve(dirname(JSON.parse(line) as string));
      lines.on('line', (more) => {
        pids = JSON.parse(more) as number[];
      });
    });
  });
  const until = (count: number): Promise<number[]> =>
    untilHolds(`${count} processes`, () => {
      assert.ok(pids.length >= count, `${pids.length} processes so far`);
      return pids;
    }, PATIENCE);
  return { child, directory, until, ended };
}

/** Waits until none of these processes is there any more, nor the directory. */
export async function gone(pids: readonly number[], directory: string): Promise<void> {
  await untilHolds('the processes to be gone', () => assert.deepEqual(pids.filter((pid) => alive(pid)), []), 10);
  await untilHolds('the files to be gone', () => assert.equal(existsSync(directory), false), 10);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
