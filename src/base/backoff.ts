/** How long to wait before trying again; milliseconds. */
export interface BackoffOptions {
  readonly base: number;
  readonly factor: number;
  readonly max: number;
}

/** 0.8 s doubling to 30 s, as client-go's reflector waits. */
export const RELIST_BACKOFF: BackoffOptions = { base: 800, factor: 2, max: 30_000 };

/**
 * The wait before attempt number `attempt` (0 for the first retry), with full jitter over its upper half,
 * so that many clients of one server that failed do not come back together.
 */
export function backoff(options: BackoffOptions, attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(options.max, options.base * options.factor ** Math.min(attempt, 64));
  return ceiling / 2 + (ceiling / 2) * random();
}
