import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Tries `check` until it does not throw, and returns what it returned: often at first, and the longer it takes the more seldom. After `limit` seconds (a minute: a machine may have other things to do) it throws the
 * last error, with what was waited for. An answer of true or false would say nothing here, and is no answer to the compiler; see `eventually` of operator.ts.
 */
export async function untilHolds<Result extends object | string | number | void>(what: string, check: () => Promise<Result> | Result, limit = 60): Promise<Result> {
  const started = Date.now();
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() - started > limit * 1000) throw new Error(`waited ${limit} s for ${what}: ${(error as Error).message}`, { cause: error });
    }
    await sleep(Math.min(1000, 100 + (Date.now() - started) / 10));
  }
}
