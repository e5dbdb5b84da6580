import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
import { blocksOf } from './support/event-loop.ts';
import { median, spread, table } from './support/figures.ts';
import { type Hostile, hostileImages } from './support/hostile-images.ts';

export const about = 'judging in worker threads: two beside one, and the longest block of the event loop by hostile images [--rounds 15] [--images 120]';

const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const wanted = policy([keyless('release', { trust, identities: [{ issuer: { exact: ISSUER }, subject: { exact: SUBJECT }, claims: {} }] })]);

/** Prints both; exits with 1 where a signature was not judged as it should be. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string', default: '15' }, images: { type: 'string', default: '120' } } });
  const [rounds, images] = [Number(values.rounds), Number(values.images)];
  await compareWorkers(rounds, images);
  await measureBlocks();
  return 0;
}

/** The same images judged by one worker and by two, in turns: keyless, all checks, no image twice. */
export async function compareWorkers(rounds: number, images: number): Promise<void> {
  const facts = await Promise.all(Array.from({ length: images }, (_, index) => factsOf(index)));
  const perSecond: Record<1 | 2, number[]> = { 1: [], 2: [] };
  const block: number[] = [];
  const share: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const size of round % 2 === 0 ? ([1, 2] as const) : ([2, 1] as const)) {
      const { seconds, longest, mine } = await judgeAll(size, facts);
      if (round === 0) continue;
      perSecond[size].push(images / seconds);
      block.push(longest);
      share.push(mine * 100);
    }
  }
  const ratio = perSecond[2].map((rate, round) => rate / (perSecond[1][round] ?? Number.NaN));
  table([
    ['keyless images judged, all checks', 'per second of the clock'],
    ['one worker', spread(perSecond[1])],
    ['two workers', spread(perSecond[2])],
    ['two beside one, round by round', `${spread(ratio, 2)} times`],
    ['longest block of the event loop meanwhile', `${spread(block, 1)} ms`],
    ['of all processor time, in the main thread', `${spread(share)} %`],
    ['so that on two free cores two can be', `${(2 * (1 - median(share) / 100)).toFixed(2)} times one`],
  ]);
  console.log(`\nMedian of ${rounds} rounds in turns (least–most), ${images} images in each; whatever else the machine does makes two look worse.`);
}

async function factsOf(index: number): Promise<Facts> {
  const candidates = await holdShared([index % 2 === 0 ? legacy(release) : bundle(release, { log: 'v1' })]);
  const found = evidence(candidates, { digest: IMAGE.digest, hash: digestOf(String(index)) });
  return { image: parseImageReference(`${IMAGE.repository}:${index}`), digest: IMAGE.digest, evidence: [found], now: AT + YEAR };
}

/** With new workers, which remember nothing; these are warm before the clock starts. */
async function judgeAll(size: number, facts: readonly Facts[]): Promise<{ seconds: number; longest: number; mine: number }> {
  const { judge, pool } = workers(size);
  try {
    const [first] = facts;
    if (first === undefined) throw new Error('there is nothing to judge');
    const warm = Array.from({ length: 60 * size }, (_, turn) => ({ ...wanted, authorities: wanted.authorities.map((one) => ({ ...one, hash: `warm ${turn}` })) }));
    await Promise.all(warm.map((one) => judge.judge(one, first)));
    const [started, all, own] = [performance.now(), process.cpuUsage(), process.threadCpuUsage()];
    const { longest } = await blocksOf(async () => {
      const verdicts = await Promise.all(facts.map((one) => judge.judge(wanted, one)));
      const wrong = verdicts.find(({ result }) => result !== 'Verified');
      if (wrong !== undefined) throw new Error(`not verified: ${wrong.message}`);
    });
    const [everywhere, here] = [process.cpuUsage(all), process.threadCpuUsage(own)];
    return { seconds: (performance.now() - started) / 1000, longest, mine: (here.user + here.system) / (everywhere.user + everywhere.system) };
  } finally {
    await pool.close();
  }
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
