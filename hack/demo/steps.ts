import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../controlplane/progress.ts';
import { type Paint, wrap } from './terminal.ts';

/** Where the demo writes, and how. */
export interface Screen {
  readonly print: (line?: string) => void;
  readonly paint: Paint;
  /** For what takes minutes. */
  readonly progress: Progress;
  /** Says what is under way where that can be taken away again: on a terminal. */
  readonly busy: (what: string) => void;
  /** Characters in a line. */
  readonly width: number;
}

/** Thrown when a step of the demo fails; the message is one sentence or the end of a log. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly during: string;

  constructor(during: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.during = during;
  }
}

/**
 * Does `work`, says meanwhile that it is under way, and then in one line what came of it (`work` returns that as `detail`) and how long it
 * took. Throws StepFailed.
 */
export async function step<Result>(screen: Screen, what: string, work: () => Promise<readonly [detail: string, result: Result]>): Promise<Result> {
  const started = performance.now();
  screen.busy(what);
  try {
    const [detail, result] = await work();
    screen.progress.clear();
    const took = screen.paint(`${((performance.now() - started) / 1000).toFixed(1)} s`, 'faint');
    const lines = wrap(detail, screen.width - INDENT - LONGEST_TIME);
    for (const [index, line] of lines.entries()) {
      const head = index === 0 ? `${screen.paint('✔', 'good')} ${what.padEnd(INDENT - 2)}` : ' '.repeat(INDENT);
      screen.print(`${head}${line}${index === lines.length - 1 ? `  ${took}` : ''}`);
    }
    return result;
  } catch (error) {
    screen.progress.clear();
    throw error instanceof StepFailed ? error : new StepFailed(what, error);
  }
}

const INDENT = 18;
/** `  12.3 s` */
const LONGEST_TIME = 8;

/** Asks until the answer is something, and returns it; undefined after `seconds`. */
export async function poll<Result>(seconds: number, ask: () => Promise<Result | undefined>): Promise<Result | undefined> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > deadline) return answer;
    await sleep(150);
  }
}

/** The same, but throws after `seconds`, with `problem()`. */
export async function until<Result>(seconds: number, ask: () => Promise<Result | undefined>, problem: () => string): Promise<Result> {
  const answer = await poll(seconds, ask);
  if (answer === undefined) throw new Error(`waited ${seconds} s: ${problem()}`);
  return answer;
}

/** Copies logs to where they outlive the demo, and returns that folder. */
export function keepLogs(paths: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'assay-demo-logs-'));
  for (const path of paths) {
    try {
      cpSync(path, join(folder, basename(path)), { recursive: true });
    } catch {
      // Not every server got as far as writing one.
    }
  }
  return folder;
}
