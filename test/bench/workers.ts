import { loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseImageReference } from '../../src/api/image-reference.ts';
import { systemClock } from '../../src/base/clock.ts';
import { digestOf } from '../../src/base/digest.ts';
import { WorkerPool } from '../../src/base/worker-pool.ts';
import { prove } from '../../src/signatures/prove.ts';
import { trustRecipe, trustSource } from '../../src/signatures/trust-recipe.ts';
import type { Candidate } from '../../src/signatures/types.ts';
import type { Facts } from '../../src/verification/judge.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';
import { Prover } from '../../src/verification/prover.ts';
import type { Judge } from '../../src/verification/prover.ts';
import { WorkerJudge } from '../../src/verification/worker/worker-judge.ts';
import { holdShared } from '../../src/verification/worker/wire.ts';
import { AT, bundle, IMAGE, ISSUER, legacy, release, SUBJECT, world, YEAR } from '../support/signatures.ts';
import { evidence, keyless, policy } from '../unit/verification/builders.ts';
import { median, spread, table } from './support/figures.ts';

export const about = 'judging in worker threads: two against one, and how long the event loop is kept meanwhile [--rounds 7] [--images 300]';

const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const asked = policy([keyless('release', { trust, identities: [{ issuer: { exact: ISSUER }, subject: { exact: SUBJECT }, claims: {} }] })]);
/** As many signatures as are looked at of one image. */
const MANY = DEFAULT_LIMITS.signatures;
/** Images that are judged at the same time, as the operator's own queue does. */
const LANES = 16;

interface Way {
  readonly name: string;
  readonly judge: Judge;
  /** Judgements a second, of each round. */
  readonly rates: number[];
  /** The longest time for which the event loop did not turn, of each round; milliseconds. */
  readonly blocks: number[];
  /** Processor time of this thread for one judgement, of each round; milliseconds. */
  readonly own: number[];
  /** The same of all threads together. */
  readonly all: number[];
}

/** Prints judgements a second with one worker and with two, in turns, and the longest block of the event loop in each way. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string', default: '7' }, images: { type: 'string', default: '300' } } });
  const pools = [1, 2].map((size) => poolOf(size));
  const [one, two] = pools.map((pool, index) => wayOf(`${index + 1} worker${index === 0 ? '' : 's'}`, new WorkerJudge({ pool, clock: systemClock, limits: DEFAULT_LIMITS })));
  const here = wayOf('in the thread itself', new Prover(prove, systemClock, DEFAULT_LIMITS));
  if (one === undefined || two === undefined) return 1;
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const way of round % 2 === 0 ? [one, two, here] : [here, two, one]) await judgeAll(way, Number(values.images), round > 0);
  }
  const idle = await idleBlocks(Number(values.rounds));
  await Promise.all(pools.map((pool) => pool.close()));
  report([one, two, here], idle, values.rounds);
  console.log(`Two workers did ${spread(two.rates.map((rate, round) => rate / (one.rates[round] ?? Number.NaN)), 2)} times what one did, round by round.`);
  return 0;
}

function poolOf(size: number): WorkerPool {
  const entry = new URL(import.meta.resolve('#judge-worker'));
  return new WorkerPool({ entry, data: { limits: DEFAULT_LIMITS }, clock: systemClock, name: 'judge', size, memory: 96, queue: 4096 });
}

function wayOf(name: string, judge: Judge): Way {
  return { name, judge, rates: [], blocks: [], own: [], all: [] };
}

/** Signatures that nobody has seen, because proofs are remembered: one for each image, and for the first as many as are looked at. */
async function judgeAll({ name, judge, rates, blocks, own, all }: Way, images: number, counted: boolean): Promise<void> {
  const facts = await Promise.all(Array.from({ length: images }, (_, index) => factsOf(index, index === 0 ? MANY : 1)));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const [started, mine, ours] = [performance.now(), process.threadCpuUsage(), process.cpuUsage()];
  const waiting = facts.values();
  const lane = async (): Promise<void> => {
    for (const one of waiting) {
      const judgement = await judge.judge(asked, one);
      if (judgement.result !== 'Verified') throw new Error(`${name}: ${JSON.stringify(judgement)}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const seconds = (performance.now() - started) / 1000;
  delay.disable();
  if (!counted) return;
  rates.push(images / seconds);
  blocks.push(delay.max / 1_000_000);
  own.push(milliseconds(process.threadCpuUsage(mine)) / images);
  all.push(milliseconds(process.cpuUsage(ours)) / images);
}

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

async function factsOf(index: number, signatures: number): Promise<Facts> {
  // Of many the last is the right one, so that all of them are looked at.
  const wrong = Array.from({ length: signatures - 1 }, (): Candidate => legacy(world.keyless({ subject: 'b@acme.example', issuer: ISSUER })));
  const candidates = await holdShared([...wrong, index % 2 === 0 ? legacy(release) : bundle(release, { log: 'v1' })]);
  const found = evidence(candidates, { digest: IMAGE.digest, hash: digestOf(candidates.map(({ location }) => location).join() + String(Math.random())) });
  return { image: parseImageReference(`registry.example/acme/app${index}:1`), digest: IMAGE.digest, evidence: [found], now: AT + YEAR };
}

/** What the same measurement says of a loop that has nothing to do: the machine's own part. */
async function idleBlocks(rounds: number): Promise<readonly number[]> {
  const blocks: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await sleep(300);
    delay.disable();
    blocks.push(delay.max / 1_000_000);
  }
  return blocks;
}

function report(ways: readonly Way[], idle: readonly number[], rounds: string): void {
  const rows = ways.map(({ name, rates, blocks, own, all }) => [name, spread(rates), `${spread(all, 2)} ms`, `${spread(own, 2)} ms`, `${spread(blocks, 1)} ms`]);
  table([['judging', 'a second', 'processor time of one', 'of which in this thread', 'longest block of the event loop'], ...rows, ['(nothing to do)', '', '', '', `${spread(idle, 1)} ms`]]);
  const [load = 0] = loadavg();
  console.log(`\nEvery figure is the median of ${rounds} rounds in turns (least–most); one image of each round has ${MANY} signatures.`);
  console.log(`Other programs matter here: the load was ${load.toFixed(1)} at the end, and an idle loop was late by ${median(idle).toFixed(1)} ms.`);
}
