import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves as soon as `condition` holds, asked every 10 ms; after `timeout` milliseconds (default 15,000) it throws what was waited for. */
export async function until(condition: () => boolean, what: string, timeout = 15_000): Promise<void> {
  const deadline = performance.now() + timeout;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeout / 1000} s for: ${what}`);
    await sleep(10);
  }
}
