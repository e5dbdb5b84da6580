/** How long the event loop of this thread was kept from turning. */
export interface Blocks {
  /** The longest stretch, in milliseconds of this thread's own processor time: what the machine does besides does not count. */
  readonly longest: number;
  /** Of all stretches those above 20 ms. */
  readonly long: number;
}

/** Runs a task, and says how it kept the event loop from turning: what the thread used between two ticks of a millisecond. */
export async function blocksOf(task: () => Promise<unknown>): Promise<Blocks> {
  const stretches: number[] = [];
  let last = used();
  const tick = (): void => {
    const now = used();
    stretches.push(now - last);
    last = now;
  };
  const timer = setInterval(tick, 1);
  try {
    await task();
  } finally {
    clearInterval(timer);
    tick();
  }
  return { longest: Math.max(...stretches), long: stretches.filter((stretch) => stretch > 20).length };
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
