import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that a test left running. */
export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** The variable that tells a test file's processes from all others; its value is new for each file. */
export const MARK = 'ASSAY_TEST_FILE';

const PATIENCE = 1_500;

/**
 * The processes that a test file left: those with its mark in their environment, and those in its session, so that neither a cleaned
 * environment nor a session of one's own hides them. They get a moment to end by themselves. Empty where /proc is absent.
 */
export async function leftovers(mark: string, session: number): Promise<Leftover[]> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const left = processes().filter((pid) => belongs(pid, mark, session));
    if (left.length === 0 || Date.now() > deadline) return left.map((pid) => ({ pid, command: commandOf(pid) }));
    await sleep(50);
  }
}

function processes(): number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

function belongs(pid: number, mark: string, session: number): boolean {
  const fields = statOf(pid);
  // A zombie has ended; it waits for whoever adopted it to notice.
  if (fields === undefined || fields[0] === 'Z') return false;
  return Number(fields[3]) === session || read(`/proc/${pid}/environ`).split('\0').includes(`${MARK}=${mark}`);
}

/** The fields of proc_pid_stat(5) from the third one on: state, ppid, pgrp, session … */
function statOf(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function commandOf(pid: number): string {
  return `${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 200)} (pid ${pid})`;
}

/** Empty when the process is gone or not ours to look at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
