/**
 * Fuzzes every parser of bytes from outside: `npm run fuzz -- --minutes 10 [--target NAME] [--seed N]`, the minutes shared out evenly. A failing input
 * is made smaller and saved under fuzz-failures/; `npm run fuzz -- --target NAME --replay FILE` reads it once more. Each target runs in a thread
 * of its own, which is ended, and its last input saved, when one input takes longer than any should.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { objectionTo } from '../test/fuzz/fuzzer.ts';
import { TARGETS } from '../test/fuzz/targets.ts';
import { argumentsOf, refuse } from './arguments.ts';
import { progress } from './controlplane/progress.ts';
import { type FuzzReport, type FuzzWork, SHARED_BYTES } from './fuzz/worker.ts';

const FOLDER = resolve(import.meta.dirname, '..', 'fuzz-failures');
/** One input that takes longer than this hangs; milliseconds. */
const HANG = 30_000;
const LOOK = 1000;

const values = argumentsOf('npm run fuzz -- [--minutes 1] [--target NAME] [--seed N], or --target NAME --replay FILE', {
  minutes: { type: 'string', default: '1' },
  target: { type: 'string' },
  seed: { type: 'string' },
  replay: { type: 'string' },
});
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const tell = progress();

function save(target: string, input: Uint8Array): string {
  const file = join(FOLDER, `${target}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(file, input);
  return file;
}

function failed(target: string, input: Uint8Array, why: string): void {
  tell.clear();
  print(`✖ ${target}: ${why}\n  ${input.length} bytes; again with: npm run fuzz -- --target ${target} --replay ${save(target, input)}`);
}

/** Runs one target in its thread, and looks whether it goes on. */
async function run(work: FuzzWork, where: string): Promise<FuzzReport | 'failed'> {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const [count, bytes] = [new Int32Array(shared, 0, 2), new Uint8Array(shared, 8)];
  const worker = new Worker(new URL('fuzz/worker.ts', import.meta.url), { workerData: { work, shared } });
  let [last, since] = [-1, Date.now()];
  const hung = Promise.withResolvers<'hung'>();
  const look = setInterval(() => {
    const now = count[0] ?? 0;
    tell.step(where, `${work.target}: ${now} inputs`);
    if (now !== last) [last, since] = [now, Date.now()];
    else if (Date.now() - since > HANG) hung.resolve('hung');
  }, LOOK);
  const report = Promise.withResolvers<FuzzReport>();
  worker.once('message', report.resolve);
  worker.once('error', report.reject);
  const ending = await Promise.race([report.promise, hung.promise]).catch((error: unknown) => ({ inputs: count[0] ?? 0, failure: { input: new Uint8Array(), why: `the thread ended: ${String(error)}` } }));
  clearInterval(look);
  await worker.terminate();
  const input = Uint8Array.from(bytes.subarray(0, count[1] ?? 0));
  if (ending === 'hung') failed(work.target, input, `one input takes longer than ${HANG / 1000} s`);
  else if (ending.failure === undefined) return ending;
  else failed(work.target, ending.failure.input.length > 0 ? ending.failure.input : input, ending.failure.why);
  return 'failed';
}

async function main(): Promise<number> {
  const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
  if (targets.length === 0) return refuse(`there is no target ${values.target}; there are ${TARGETS.map(({ name }) => name).join(', ')}`);
  if (values.replay !== undefined) return replay(values.replay);
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const milliseconds = (Number(values.minutes) * 60_000) / targets.length;
  if (!(milliseconds > 0)) return refuse(`--minutes ${values.minutes} is not a number above 0`);
  let [failures, inputs] = [0, 0];
  for (const [index, { name }] of targets.entries()) {
    const report = await run({ target: name, seed, milliseconds }, `${index + 1} of ${targets.length} targets`);
    if (report === 'failed') failures += 1;
    else {
      inputs += report.inputs;
      tell.clear();
      print(`✔ ${name}: ${report.inputs} inputs`);
    }
  }
  print(`${inputs} inputs of seed ${seed} read as they should be; ${failures} of ${targets.length} targets failed`);
  return failures;
}

async function replay(file: string): Promise<number> {
  const target = TARGETS.find(({ name }) => name === values.target);
  if (target === undefined) return refuse('--replay needs the --target that the input is for');
  const error = await objectionTo(target, readFileSync(file));
  print(error === undefined ? `✔ ${target.name} reads it as it should` : `✖ ${error.stack ?? String(error)}`);
  return error === undefined ? 0 : 1;
}

process.exitCode = (await main()) === 0 ? 0 : 1;
