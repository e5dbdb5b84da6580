import { availableParallelism } from 'node:os';
import { type Progress, seconds } from '../controlplane/progress.ts';
import { type Durations, estimate, longestFirst } from './durations.ts';
import type { Layer } from './plan.ts';
import { runFile } from './run-file.ts';
import type { FileResult } from './summary.ts';

/** How a layer is run. */
export interface LayerOptions {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly known: Durations;
  readonly progress: Progress;
  readonly verbose: boolean;
  readonly pattern?: string;
  /** Where results go: stdout. */
  readonly print: (text: string) => void;
}

/** More than this of one file's output is cut in the middle; characters. */
const OUTPUT_LIMIT = 60_000;

/** Runs the files of a layer, several at a time, and prints each as soon as it is done. */
export async function runLayer(layer: Layer, files: readonly string[], options: LayerOptions): Promise<FileResult[]> {
  const concurrency = Math.min(files.length, layer.concurrency ?? availableParallelism());
  const waiting = longestFirst(files, options.known);
  const running = new Set<string>();
  const results: FileResult[] = [];
  const started = Date.now();
  const expected = estimate(files, options.known, concurrency);
  const tell = (): void => options.progress.step(layer.name, describe(results.length, files.length, running, (Date.now() - started) / 1000, expected));
  const timer = setInterval(tell, 1_000);
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      running.add(file);
      const { result, output } = await runFile(file, { ...options, timeout: layer.timeout });
      running.delete(file);
      results.push(result);
      options.progress.clear();
      options.print(report(result, output, options.verbose));
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
  } finally {
    clearInterval(timer);
    options.progress.clear();
  }
  return results;
}

function describe(done: number, all: number, running: ReadonlySet<string>, elapsed: number, expected: number | undefined): string {
  const left = expected === undefined ? '' : `, about ${seconds(Math.max(1, expected - elapsed))} left`;
  return `${done} of ${all} files, ${seconds(elapsed)}${left}; running ${[...running].join(' ')}`;
}

/** One line for a file that passed; a file that failed shows all that it printed. */
export function report(result: FileResult, output: string, verbose: boolean): string {
  const failed = result.failed > 0;
  const counts = [`${result.passed} passed`, failed ? `${result.failed} failed` : '', result.skipped > 0 ? `${result.skipped} skipped` : ''];
  const head = `${failed ? '✖' : '✔'} ${result.file} (${counts.filter((part) => part !== '').join(', ')}; ${result.took.toFixed(1)} s)`;
  const lines = [head, ...result.skips.map((reason) => `    skipped: ${reason}`), ...result.problems.map((problem) => `  ✖ ${result.file} ${problem}`)];
  if (failed || verbose) lines.push(shortened(output.trimEnd()).replaceAll(/^/gm, '    '));
  return lines.join('\n');
}

function shortened(text: string): string {
  if (text.length <= OUTPUT_LIMIT) return text;
  const half = OUTPUT_LIMIT / 2;
  return `${text.slice(0, half)}\n… ${text.length - OUTPUT_LIMIT} characters left out …\n${text.slice(-half)}`;
}
