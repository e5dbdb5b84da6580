import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { buildDist } from '../../hack/testrunner/dist.ts';
import { eventually } from '../support/operator.ts';
import type { Deeds, OperatorWatch } from '../support/operator-watch.ts';
import { setTrial, type Trial } from '../support/propagated-trial.ts';
import { memoryOf, peakMemoryOf } from '../support/vitals.ts';
import { table } from './support/figures.ts';
import { worksInMemory } from './support/works-in-memory.ts';

export const about =
  'the operator on a large fleet of Karmada: start, memory, idling, edits; the API servers are real, what Karmada writes is written by the benchmark [--templates 2000] [--clusters 20] [--policies 100] [--images 400] [--few 2] [--idle 30] [--cpu-prof DIR]';

/** What is printed: what was looked at, what is aimed at, what was seen. */
type Row = readonly [what: string, goal: string, seen: string];

/** One start, as it was seen. */
interface Started {
  readonly works: number;
  readonly rows: readonly Row[];
}

/** With what an operator is started. */
interface Beginning {
  /** Whose Works are written first, beside those that are there. */
  readonly clusters: readonly string[];
  /** How many are there. */
  readonly before: number;
  /** Since when the fleet is being made. */
  readonly begun: number;
  readonly nodeArgs: readonly string[];
}

const MIB = 1_048_576;
const PATIENCE = 170;

/**
 * Starts the operator on a fleet with few clusters and then with all of them, leaves it alone, edits one policy and rolls out one policy's templates; prints goals
 * and figures. What ends within bounds ends by itself: every wait has a limit.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      templates: { type: 'string', default: '2000' },
      clusters: { type: 'string', default: '20' },
      policies: { type: 'string', default: '100' },
      images: { type: 'string', default: '400' },
      few: { type: 'string', default: '2' },
      idle: { type: 'string', default: '30' },
      'cpu-prof': { type: 'string' },
    },
  });
  const [templates, clusters, policies, images, few, idle] = [values.templates, values.clusters, values.policies, values.images, values.few, values.idle].map(Number) as [number, number, number, number, number, number];
  const profile = values['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values['cpu-prof'])}`];
  buildDist(resolve(import.meta.dirname, '../..'));
  const begun = Date.now();
  const trial = await setTrial({ templates, policies, clusters, images });
  try {
    console.log(`${templates} templates, ${policies} PropagationPolicies, 5 ClusterImageVerifications, ${images} signed images and 10 of sidecars, ${clusters} clusters.`);
    console.log("kube-apiserver, etcd and Karmada's aggregated API server are real. Karmada's controllers do not run: bindings and clusters are written as Karmada writes them, and Works into etcd as the API server stores them.");
    const rows: Row[] = [];
    const first = await start(trial, { clusters: trial.clusters.slice(0, few), begun, before: 0, nodeArgs: profile });
    await first.watch.operator.stop();
    const second = await start(trial, { clusters: trial.clusters.slice(few), begun: Date.now(), before: first.seen.works, nodeArgs: profile });
    rows.push(...first.seen.rows, ...second.seen.rows);
    rows.push(...(await edits(trial, second.watch, idle)));
    await second.watch.operator.stop();
    const cache = await worksInMemory(trial.api.unrecordedKubeconfig);
    rows.push([`the cache of ${cache.works} Works alone: heap for each, with keys and indexes`, '≤ 1024 bytes', `${cache.bytesEach.toFixed(0)} bytes`]);
    rows.push(['to list them: time, longest block of the event loop', '≤ 20 ms', `${cache.seconds.toFixed(1)} s, ${cache.longest.toFixed(0)} ms (${cache.long} of more than 20)`]);
    table([['what', 'goal', 'seen'], ...rows]);
    return 0;
  } finally {
    await trial.stop();
  }
}

async function start(trial: Trial, { clusters, begun, before, nodeArgs }: Beginning): Promise<{ readonly watch: OperatorWatch; readonly seen: Started }> {
  const templates = trial.fleet.templates.length;
  await trial.fleet.writeWorks(clusters);
  const works = before + clusters.length * templates;
  console.log(`${works} Works are there after ${((Date.now() - begun) / 1000).toFixed(0)} s.`);
  const started = Date.now();
  const watch = await trial.start(nodeArgs);
  // What was before the first request could be served is loading.
  await watch.probe();
  const tail = (): string => watch.operator.process.tail(3);
  let seconds = 0;
  const deeds = await watch.during(async () => {
    await eventually('every verdict', async () => (await watch.workloads('pinned')) === templates, tail, PATIENCE);
    seconds = (Date.now() - started) / 1000;
    await eventually('every Work', async () => (await watch.operator.metric('assay_karmada_works{result="Verified"}')) === works, tail, PATIENCE);
    await watch.untilQuiet(3, PATIENCE);
  });
  const { longest, long, heap } = await watch.probe();
  const { pid } = watch.operator.process;
  const of = `${works} Works: `;
  const rows: Row[] = [
    [`${of}first verdict on every template`, '≤ 60 s', `${seconds.toFixed(1)} s`],
    [`${of}longest block of the event loop, in processor time`, '≤ 200 ms', `${longest.toFixed(0)} ms (${long} of more than 20)`],
    [`${of}resident memory, peak and then`, '≤ 512 MiB', `${peakMemoryOf(pid).toFixed(0)} and ${memoryOf(pid).toFixed(0)} MiB`],
    [`${of}heap after a collection`, '', `${(heap / MIB).toFixed(1)} MiB`],
    [`${of}registry requests, looks at workloads, writes`, '', told(deeds)],
  ];
  return { watch, seen: { works, rows } };
}

async function edits(trial: Trial, watch: OperatorWatch, idle: number): Promise<readonly Row[]> {
  const { fleet } = trial;
  await watch.probe();
  const quiet = await watch.during(() => sleep(idle * 1000));
  const settled = (work: () => Promise<void>): Promise<Deeds> => watch.during(async () => {
    await work();
    await sleep(1000);
    await watch.untilQuiet(2, PATIENCE);
  });
  const [first] = fleet.templates;
  const own = fleet.templates.filter(({ policyId }) => policyId === first?.policyId);
  const stirred = await settled(() => fleet.stir(own));
  const policy = await settled(() => trial.editTeam(0));
  const propagation = await settled(() => fleet.editPolicies(own));
  const apps = fleet.shape.apps;
  const rolled = await settled(() => fleet.roll(own, ({ index }) => apps[(index + 4) % apps.length] ?? ''));
  const { longest } = await watch.probe();
  const works = own.length * fleet.shape.clusters.length;
  return [
    [`idle for ${idle} s: registry requests, looks, writes`, '0, 0, 0', told(quiet)],
    [`${works} Works reported and rendered again, nothing else about them: the same`, '0, 0, 0', told(stirred)],
    [`an edit of a ClusterImageVerification over ${trial.ofTeam(0).length} templates: the same`, `0, ${trial.ofTeam(0).length}, few`, told(policy)],
    [`an edit of a PropagationPolicy of ${own.length} templates: the same`, '0, 0, 0', told(propagation)],
    [`another verified image for these, in all clusters (${works} Works): the same`, `0, ≤ ${own.length * 6}, few`, told(rolled)],
    ['longest block of the event loop during all of that', '≤ 200 ms', `${longest.toFixed(0)} ms`],
  ];
}

function told({ requests, judged, writes }: Deeds): string {
  return `${requests}, ${judged}, ${writes.length}`;
}
