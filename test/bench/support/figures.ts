/** One of several ways to do the same, by the number of the turn. */
export interface Side {
  readonly name: string;
  readonly task: (turn: number) => unknown;
}

/** What one side did in each round: turns per second of processor time, all threads of this process counted. */
export interface Rates {
  readonly name: string;
  readonly perSecond: readonly number[];
}

/** How long one side is at work in one round, in milliseconds of processor time. */
const SLICE = 150;

/**
 * Measures the sides in turn, A B, B A, …, so that whatever else the machine does meets both. The first round warms up and is not
 * counted.
 */
export function inTurns(sides: readonly Side[], rounds: number): readonly Rates[] {
  const rates = sides.map(({ name }) => ({ name, perSecond: [] as number[] }));
  const sizes = sides.map(sliceOf);
  for (let round = 0; round <= rounds; round += 1) {
    const order = sides.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.toReversed()) {
      const size = sizes[index] ?? 1;
      const seconds = processorTime(sides[index]?.task, size, round * size);
      if (round > 0) rates[index]?.perSecond.push(size / seconds);
    }
  }
  return rates;
}

/** So many turns as fill a slice. */
function sliceOf({ task }: Side): number {
  for (let size = 4; ; size *= 2) {
    const milliseconds = processorTime(task, size, 0) * 1000;
    if (milliseconds >= SLICE / 2) return Math.max(1, Math.round((size * SLICE) / milliseconds));
  }
}

/** Seconds. */
function processorTime(task: Side['task'] | undefined, turns: number, first: number): number {
  const before = process.cpuUsage();
  for (let turn = first; turn < first + turns; turn += 1) task?.(turn);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000_000;
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** `432 (398–451)`: the median, the least and the most. */
export function spread(values: readonly number[], digits = 0): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** Round by round, how many times as fast the first is as the second. */
export function ratios(first: Rates, second: Rates): readonly number[] {
  return first.perSecond.map((rate, round) => rate / (second.perSecond[round] ?? Number.NaN));
}

/** Prints rows in columns. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}
