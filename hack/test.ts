/**
 * Runs the tests: `node hack/test.ts unit integration e2e` (which is `npm test`), or `node hack/test.ts FILE…` for some files only
 * (`npm test -- FILE…`). `-t PATTERN` picks tests by name, `--verbose` shows what passing files print, `--timeout SECONDS` limits a file.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { progress } from './controlplane/progress.ts';
import { type Bed, makeBed } from './testrunner/beds.ts';
import { type Durations, rememberDurations, rememberedDurations } from './testrunner/durations.ts';
import { BadArguments, type Plan, planOf } from './testrunner/plan.ts';
import { runLayer } from './testrunner/run-layer.ts';
import { closing, type FileResult, successful, total } from './testrunner/summary.ts';

const root = resolve(import.meta.dirname, '..');
const tell = progress();
const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Node 24 comes with `npm ci`; a Node that is older, but new enough to read this file, hands over to it. */
function oldNode(): number | undefined {
  if (Number(process.versions.node.split('.')[0]) >= 24) return undefined;
  const own = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(own)) {
    console.error(`The tests need Node 24 and this is ${process.version}: run npm ci, which brings one, or put a Node 24 first in PATH.`);
    return 1;
  }
  console.error(`The tests need Node 24 and this is ${process.version}: going on with ${own}.`);
  return spawnSync(own, process.argv.slice(1), { stdio: 'inherit' }).status ?? 1;
}

async function main(): Promise<number> {
  const plan = planOf(process.argv.slice(2), root);
  const started = Date.now();
  const known = rememberedDurations(process.env);
  const results: FileResult[] = [];
  for (const run of plan.runs) results.push(...(await runOne(run, plan, known)));
  remember(known, results);
  const counts = total(results);
  const failed = results.filter((result) => result.failed > 0);
  if (failed.length > 0) print(`\nFailed:\n${failed.map(({ file }) => `  ${file}`).join('\n')}`);
  if (counts.passed + counts.failed === 0) print('\nNo test ran.');
  print(`\n${closing(counts, (Date.now() - started) / 1000)}`);
  return successful(counts) ? 0 : 1;
}

async function runOne({ layer, files }: Plan['runs'][number], plan: Plan, known: Durations): Promise<FileResult[]> {
  print(`\n${layer.name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}`);
  if (files.length === 0) return [];
  // A test file must not take itself for a part of whatever node:test may have started this runner.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const options = { root, known, progress: tell, verbose: plan.verbose, print, ...(plan.pattern === undefined ? {} : { pattern: plan.pattern }) };
  let bed: Bed;
  try {
    bed = await makeBed(layer, files.length, root, tell);
  } catch (error) {
    const problem = `could not start: ${(error as Error).message}`;
    print(`✖ ${layer.name} ${problem}`);
    return [{ file: layer.name, passed: 0, failed: 1, skipped: 0, took: 0, problems: [problem], skips: [] }];
  }
  try {
    return await runLayer(layer, files, { ...options, env: { ...env, ...bed.env } });
  } finally {
    await bed.stop();
  }
}

function remember(known: Durations, results: readonly FileResult[]): void {
  const kept = Object.entries(known).filter(([file]) => existsSync(join(root, file)));
  const fresh = results.filter(({ took, problems }) => took > 0 && problems.length === 0).map(({ file, took }) => [file, took] as const);
  rememberDurations(process.env, Object.fromEntries([...kept, ...fresh]));
}

try {
  process.exitCode = oldNode() ?? (await main());
} catch (error) {
  console.error(error instanceof BadArguments ? error.message : error);
  process.exitCode = 1;
}
