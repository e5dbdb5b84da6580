import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Tries `check` until it does not throw, and returns what it returned. After `timeout` milliseconds (default 30,000) it throws the last
 * error, with what was waited for.
 */
export async function eventually<Result>(what: string, check: () => Promise<Result> | Result, timeout = 30_000): Promise<Result> {
  const deadline = Date.now() + timeout;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`waited ${timeout / 1000} s for ${what}: ${(error as Error).message}`, { cause: error });
    }
    await sleep(100);
  }
}
