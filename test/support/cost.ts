import { createHash } from 'node:crypto';

const BYTES = Buffer.alloc(4 * 1024 * 1024, 7);
/** What the yardstick took on the machine that the bounds of the tests were chosen on; milliseconds of processor time. */
const REFERENCE = 6;

function processorTime(task: () => unknown): number {
  const before = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** A fixed piece of work: half of it in JavaScript, half outside. */
function yardstick(): number {
  return processorTime(() => {
    let state = 1;
    for (let round = 0; round < 3_000_000; round += 1) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return createHash('sha256').update(BYTES).digest('hex') + String(state);
  });
}

/**
 * What a synchronous task costs, in milliseconds of a fixed machine: its processor time, measured against a yardstick that
 * is taken right before and right after it. A slow or a busy machine slows both, so a bound on this holds anywhere.
 */
export function costOf(task: () => unknown): number {
  const before = yardstick();
  const time = processorTime(task);
  const after = yardstick();
  return (time * REFERENCE) / Math.max(before, after);
}
