import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from '../../test/fuzz/fuzzer.ts';
import { TARGETS } from '../../test/fuzz/targets.ts';

/** Memory that a thread shares with whoever watches it: the number of inputs, the length of the present one, and its bytes. */
export const SHARED_BYTES = 8 + 512 * 1024;

/** What a thread is to do. */
export interface FuzzWork {
  readonly target: string;
  readonly seed: number;
  readonly milliseconds: number;
}

/** What became of it. */
export interface FuzzReport {
  readonly inputs: number;
  readonly failure?: { readonly input: Uint8Array; readonly why: string };
}

async function work({ target: name, seed, milliseconds }: FuzzWork, shared: SharedArrayBuffer): Promise<FuzzReport> {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  const [count, bytes] = [new Int32Array(shared, 0, 2), new Uint8Array(shared, 8)];
  const until = Date.now() + milliseconds;
  const { inputs, failure } = await fuzz(target, {
    seed,
    more: () => Date.now() < until,
    before: (input) => {
      bytes.set(input.subarray(0, bytes.length));
      count[1] = Math.min(input.length, bytes.length);
      count[0] = (count[0] ?? 0) + 1;
    },
  });
  return failure === undefined ? { inputs } : { inputs, failure: { input: failure.input, why: failure.error.stack ?? String(failure.error) } };
}

const { work: own, shared } = (workerData ?? {}) as { work?: FuzzWork; shared?: SharedArrayBuffer };
if (own !== undefined && shared !== undefined) parentPort?.postMessage(await work(own, shared), []);
