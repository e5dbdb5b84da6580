import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { binaries } from '../../hack/controlplane/binaries.ts';
import { startRegistry } from '../../hack/demo/registry.ts';
import { parseImageReference } from '../../src/api/image-reference.ts';
import { systemClock } from '../../src/base/clock.ts';
import { digestOf } from '../../src/base/digest.ts';
import { WorkerPool } from '../../src/base/worker-pool.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { trustRecipe, trustSource } from '../../src/signatures/trust-recipe.ts';
import { createEngine } from '../../src/verification/engine.ts';
import type { Facts } from '../../src/verification/judge.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';
import { holdShared } from '../../src/verification/worker/wire.ts';
import { WorkerJudge } from '../../src/verification/worker/worker-judge.ts';
import { AT, bundle, IMAGE, ISSUER, legacy, release, SUBJECT, world, YEAR } from '../support/signatures.ts';
import { evidence, keyless, policy } from '../unit/verification/builders.ts';
import { bindTo, coresOfProcess } from './support/cores.ts';
import { blocksOf } from './support/event-loop.ts';
import { median, spread, table } from './support/figures.ts';
import { type Hostile, hostileImages } from './support/hostile-images.ts';

export const about = 'judging in worker threads: two cores beside one, and the longest block of the event loop by hostile images [--rounds 15] [--images 400]';

const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const wanted = policy([keyless('release', { trust, identities: [{ issuer: { exact: ISSUER }, subject: { exact: SUBJECT }, claims: {} }] })]);

/** Prints both; exits with 1 where a signature was not judged as it should be. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string', default: '15' }, images: { type: 'string', default: '400' } } });
  const [rounds, images] = [Number(values.rounds), Number(values.images)];
  await compareWorkers(rounds, images);
  await measureBlocks();
  return 0;
}

/** Turns of each side before the clock counts. */
const WARM = 6;
/** In a quiet round other programs take less than this of what two cores have, and so hardly anything of the second one from either side. */
const QUIET = 0.08;

/**
 * The same images judged by one core and by two, in turns: keyless, all checks, nothing of a turn before remembered. Beside one worker a second core does
 * what is not judging (messages, collecting garbage, compiling), so one worker is more than one core: "one core" is all threads of this process on one.
 * The workers stay: a new one compiles its code for the first thousand images, each its own, and an operator does that once in its life.
 */
export async function compareWorkers(rounds: number, images: number): Promise<void> {
  const facts = await Promise.all(Array.from({ length: images }, (_, index) => factsOf(index)));
  const before = coresOfProcess();
  const cores = before.slice(0, 2);
  const [one, two] = [workers(1), workers(2)];
  const sides = { core: sideOf(one.judge), worker: sideOf(one.judge), two: sideOf(two.judge) };
  try {
    for (let round = -WARM; round < rounds; round += 1) {
      const names = ['core', 'worker', 'two'] as const;
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const side = sides[name];
        // Each of the two in its turn: whatever else the machine does may keep to one of them.
        bindTo(name === 'core' ? cores.slice(Math.abs(round) % 2).slice(0, 1) : cores);
        const turn = await judgeAll(side.judge, facts);
        if (round >= 0) side.turns.push({ ...turn, rate: images / turn.seconds });
      }
    }
  } finally {
    await Promise.all([one.pool.close(), two.pool.close()]);
    bindTo(before);
  }
  printCores(sides, cores.length);
  console.log(`\nMedian of ${rounds} rounds in turns (least–most), ${images} images in each; whatever else the machine does makes two look worse.`);
}

/** What a side did in one turn: `mine` is the main thread's share of the processor time, `others` that of other programs of what two cores have. */
interface Turn {
  readonly seconds: number;
  readonly rate: number;
  readonly longest: number;
  readonly mine: number;
  readonly others: number;
}

interface WorkerSide {
  readonly judge: WorkerJudge;
  readonly turns: Turn[];
}

function sideOf(judge: WorkerJudge): WorkerSide {
  return { judge, turns: [] };
}

function printCores({ core, worker, two }: Readonly<Record<'core' | 'worker' | 'two', WorkerSide>>, cores: number): void {
  const rates = (side: WorkerSide): number[] => side.turns.map(({ rate }) => rate);
  const beside = (side: WorkerSide): string => `${spread(two.turns.map(({ rate }, round) => rate / (side.turns[round]?.rate ?? Number.NaN)), 2)} times`;
  const all = [...core.turns, ...worker.turns, ...two.turns];
  const quiet = two.turns.flatMap(({ rate, others }, round) => (others < QUIET && (core.turns[round]?.others ?? 1) < QUIET ? [rate / (core.turns[round]?.rate ?? Number.NaN)] : []));
  table([
    ['keyless images judged, all checks', 'per second of the clock'],
    ['one core, one worker', spread(rates(core))],
    ['two cores, one worker', spread(rates(worker))],
    ['two cores, two workers', spread(rates(two))],
    ['two cores beside one, round by round', beside(core)],
    [`of these the ${quiet.length} quiet ones`, quiet.length === 0 ? 'none' : `${spread(quiet, 2)} times`],
    ['two workers beside one on two cores', beside(worker)],
    ['longest block of the event loop meanwhile', `${spread(all.map(({ longest }) => longest), 1)} ms`],
    ['of all processor time, in the main thread', `${spread(two.turns.map(({ mine }) => mine * 100))} %`],
    ['of two cores, taken by other programs', `${spread(all.map(({ others }) => others * 100))} %`],
  ]);
  if (cores < 2) console.log('\nWARNING: there are no two cores here, or no taskset to choose one of them: the sides do not differ as they should.');
}

async function factsOf(index: number): Promise<Facts> {
  const candidates = await holdShared([index % 2 === 0 ? legacy(release) : bundle(release, { log: 'v1' })]);
  const found = evidence(candidates, { digest: IMAGE.digest, hash: digestOf(String(index)) });
  return { image: parseImageReference(`${IMAGE.repository}:${index}`), digest: IMAGE.digest, evidence: [found], now: AT + YEAR };
}

let turns = 0;

/** By an authority that was not asked before, over evidence that was not sent before, so that every proof is made and every byte is sent again. */
async function judgeAll(judge: WorkerJudge, facts: readonly Facts[]): Promise<Omit<Turn, 'rate'>> {
  turns += 1;
  const asked = { ...wanted, authorities: wanted.authorities.map((one) => ({ ...one, hash: `turn ${turns}` })) };
  const fresh = facts.map((one) => ({ ...one, evidence: one.evidence.map((found) => ({ ...found })) }));
  const [started, all, own, machine] = [performance.now(), process.cpuUsage(), process.threadCpuUsage(), busy()];
  const { longest } = await blocksOf(async () => {
    const verdicts = await Promise.all(fresh.map((one) => judge.judge(asked, one)));
    const wrong = verdicts.find(({ result }) => result !== 'Verified');
    if (wrong !== undefined) throw new Error(`not verified: ${wrong.message}`);
  });
  const seconds = (performance.now() - started) / 1000;
  const [everywhere, here] = [process.cpuUsage(all), process.threadCpuUsage(own)];
  const used = everywhere.user + everywhere.system;
  return { seconds, longest, mine: (here.user + here.system) / used, others: Math.max(0, (busy() - machine) * 1000 - used) / (2e6 * seconds) };
}

/** Milliseconds for which the machine's processors were not idle. */
function busy(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

function workers(size: number): { judge: WorkerJudge; pool: WorkerPool } {
  const pool = new WorkerPool({ entry: new URL(import.meta.resolve('#judge-worker')), data: { limits: DEFAULT_LIMITS }, clock: systemClock, name: 'judge', size, memory: 128, queue: 100_000 });
  return { judge: new WorkerJudge({ pool, clock: systemClock, limits: DEFAULT_LIMITS }), pool };
}

/** Hostile images through the whole engine, look-ups in a real registry included: judged by workers, and as it would be without. */
export async function measureBlocks(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  const host = await startRegistry((await binaries(['registry'])).registry, folder);
  const registry = createRegistryClient({ hosts: { allowHttp: [host] }, userAgent: 'assay-bench', clock: systemClock });
  const { judge, pool } = workers(1);
  try {
    const rows: string[][] = [];
    for (const hostile of await hostileImages(host)) {
      const verify = async (where: WorkerJudge | undefined): Promise<string> => {
        const engine = createEngine({ registry, clock: systemClock, ...(where === undefined ? {} : { judge: where }) });
        return outcomeOf(hostile, engine);
      };
      const blocks: number[] = [];
      let outcome = '';
      for (let round = 0; round < 3; round += 1) blocks.push((await blocksOf(async () => (outcome = await verify(judge)))).longest);
      // Without end it would be, in this thread.
      const here = hostile.name.includes('without end') ? 'for ever' : `${(await blocksOf(() => verify(undefined))).longest.toFixed(1)} ms`;
      rows.push([hostile.name, `${median(blocks).toFixed(1)} ms (at most ${Math.max(...blocks).toFixed(1)})`, here, outcome]);
    }
    console.log();
    table([['longest block of the event loop by', 'judged by a worker', 'in this thread', 'verdict'], ...rows]);
    console.log('\nBlocks are in processor time of the main thread between two ticks of 1 ms. Goal: 20 ms.');
  } finally {
    await Promise.all([pool.close(), registry.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function outcomeOf({ image, authority }: Hostile, engine: ReturnType<typeof createEngine>): Promise<string> {
  const verdict = await engine.verify({ image: parseImageReference(image), policies: [policy([authority])], keychain: anonymousKeychain });
  return verdict.policies.map(({ result, reason }) => `${result}/${reason}`).join();
}
