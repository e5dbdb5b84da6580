import * as fc from 'fast-check';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { costOf } from '../support/cost.ts';
import { anyRecipe, bend } from './bend.ts';
import type { FuzzTarget } from './target.ts';

/** An input for which a property does not hold. */
export interface FuzzFailure {
  readonly target: string;
  readonly input: Buffer;
  readonly error: Error;
}

/** How long a target is fuzzed: `more` is asked before each batch with the number of inputs so far. */
export interface FuzzOptions {
  readonly seed: number;
  readonly more: (inputs: number) => boolean;
  /** Inputs between two questions whether there is more. Default: 250. */
  readonly batch?: number;
  /** Called with each input before it is read. */
  readonly before?: (input: Buffer) => void;
}

/** What one run of a target came to. */
export interface FuzzResult {
  readonly inputs: number;
  readonly failure?: FuzzFailure;
}

const MAX_COST = 150;
/** What is measured for each input, milliseconds of processor time, before it is measured again with more care. */
const SUSPICIOUS = 40;
/** What an input cost too much; it is not made smaller, for then it costs less. */
class CostError extends Error {}

/** Bytes that the heap may have grown by at the end of a run: caches of the parsers, and what the tools keep. */
const MAX_GROWTH = 48 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Reads inputs made of the target's seeds until there are no more, or one fails; that one is made smaller while it still fails. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzResult> {
  const seeds = target.seeds();
  let inputs = 0;
  for (const seed of seeds) {
    const error = await objectionTo(target, seed);
    if (error !== undefined) return { inputs, failure: { target: target.name, input: seed, error } };
  }
  const heap = heapUsed();
  for (let batch = 0; options.more(inputs); batch += 1) {
    for (const recipe of fc.sample(anyRecipe, { numRuns: options.batch ?? 250, seed: options.seed + batch })) {
      const input = bend(target, seeds, recipe);
      options.before?.(input);
      inputs += 1;
      const error = await objectionTo(target, input);
      if (error !== undefined) return { inputs, failure: await smaller(target, input, error) };
    }
  }
  const grown = heapUsed() - heap;
  if (grown <= MAX_GROWTH) return { inputs };
  const error = new Error(`after ${inputs} inputs the heap has ${Math.round(grown / 2 ** 20)} MiB more`);
  return { inputs, failure: { target: target.name, input: Buffer.alloc(0), error } };
}

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** What is wrong with how the target reads this input; nothing where all properties hold. */
export async function objectionTo(target: FuzzTarget, input: Buffer): Promise<Error | undefined> {
  const before = process.cpuUsage();
  try {
    await target.run(Buffer.from(input));
  } catch (error) {
    return error instanceof Error ? error : new Error(`threw ${String(error)}`);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 < SUSPICIOUS ? undefined : costly(target, input);
}

/** A pause of the garbage collector is nobody's fault: the least of several measurements counts. */
function costly(target: FuzzTarget, input: Buffer): Error | undefined {
  const limit = target.cost ?? MAX_COST;
  const costs = Array.from({ length: 3 }, () => costOf(() => void target.run(Buffer.from(input))));
  const cost = Math.min(...costs);
  return cost <= limit ? undefined : new CostError(`costs ${Math.round(cost)} where ${limit} is allowed, for ${input.length} bytes`);
}

/** Takes out piece after piece while the same kind of failure stays; bounded by the number of tries. */
async function smaller(target: FuzzTarget, input: Buffer, error: Error): Promise<FuzzFailure> {
  let best = { target: target.name, input, error };
  if (error instanceof CostError) return best;
  let tries = 0;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.input.length && tries < 600; ) {
      tries += 1;
      const candidate = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      const again = await objectionTo(target, candidate);
      if (again?.constructor === best.error.constructor) best = { ...best, input: candidate, error: again };
      else at += size;
    }
  }
  return best;
}
