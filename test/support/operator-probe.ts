/**
 * Looks at the process that it is loaded into (`node --import=…/operator-probe.ts`): at SIGUSR2 it prints one line of JSON with how the event loop was kept from
 * turning since the last time, and the heap after a collection.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What one line says. */
export interface ProbeLine {
  readonly message: 'probe';
  /** The longest stretch without a turn of the event loop, in milliseconds of the thread's own processor time: what the machine does besides does not count. */
  readonly longest: number;
  /** How many stretches were longer than 20 ms. */
  readonly long: number;
  /** Bytes in use after a collection. */
  readonly heap: number;
}

const TICK = 1;
let last = used();
let stretches = { longest: 0, long: 0 };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

setInterval(look, TICK).unref();
process.on('SIGUSR2', () => {
  look();
  collect();
  console.log(JSON.stringify({ message: 'probe', ...stretches, heap: process.memoryUsage().heapUsed } satisfies ProbeLine));
  stretches = { longest: 0, long: 0 };
  last = used();
});

function look(): void {
  const now = used();
  const stretch = now - last;
  last = now;
  stretches = { longest: Math.max(stretches.longest, stretch), long: stretches.long + (stretch > 20 ? 1 : 0) };
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
