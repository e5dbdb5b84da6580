import { existsSync, globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** A group of test files that need the same things. */
export interface Layer {
  readonly name: string;
  readonly folders: readonly string[];
  /** What its files share: a built dist and a plain control plane, or a Karmada with two members; undefined: nothing. */
  readonly bed?: 'plain' | 'karmada';
  /** Files at once; undefined: as many as there are processors. */
  readonly concurrency?: number;
  /** Longest time for one file; seconds. */
  readonly timeout: number;
}

/** All layers, in the order in which they run. */
export const LAYERS: readonly Layer[] = [
  { name: 'unit', folders: ['test/unit', 'test/security', 'test/differential', 'test/fuzz'], timeout: 300 },
  { name: 'integration', folders: ['test/integration'], bed: 'plain', concurrency: 2, timeout: 600 },
  { name: 'e2e', folders: ['test/e2e'], bed: 'karmada', concurrency: 4, timeout: 600 },
];

/** What one call of the runner was asked to do. */
export interface Plan {
  readonly runs: readonly { readonly layer: Layer; readonly files: readonly string[] }[];
  /** Only tests whose name matches. */
  readonly pattern?: string;
  /** Prints what each file printed, also when it passed. */
  readonly verbose: boolean;
}

/** Thrown for arguments that make no sense; the message is one sentence. */
export class BadArguments extends Error {
  override readonly name = 'BadArguments';
}

/** Reads the arguments: names of layers, or files, which take the place of the layers; `-t`, `--verbose`, `--timeout SECONDS`. Throws BadArguments. */
export function planOf(argv: readonly string[], root: string): Plan {
  const { values, positionals } = parse(argv);
  const files = positionals.filter((argument) => !LAYERS.some(({ name }) => name === argument));
  const layers = LAYERS.filter(({ name }) => positionals.includes(name)).map((layer) => limited(layer, values.timeout));
  const common = {
    verbose: values.verbose || files.length === 1,
    ...(values['test-name-pattern'] === undefined ? {} : { pattern: values['test-name-pattern'] }),
  };
  if (files.length > 0) return { ...common, runs: byLayer(files, root).map(({ layer, files: own }) => ({ layer: limited(layer, values.timeout), files: own })) };
  if (layers.length === 0) throw new BadArguments(`Say what to run: ${LAYERS.map(({ name }) => name).join(', ')}, or test files.`);
  return { ...common, runs: layers.map((layer) => ({ layer, files: filesOf(layer, root) })) };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        'test-name-pattern': { type: 'string', short: 't' },
        verbose: { type: 'boolean', short: 'v', default: false },
        timeout: { type: 'string' },
      },
    });
  } catch (error) {
    throw new BadArguments((error as Error).message, { cause: error });
  }
}

function limited(layer: Layer, timeout: string | undefined): Layer {
  if (timeout === undefined) return layer;
  const count = Number(timeout);
  if (!(count > 0)) throw new BadArguments(`--timeout ${timeout} is not a number of seconds above 0.`);
  return { ...layer, timeout: count };
}

function filesOf({ folders }: Layer, root: string): string[] {
  return folders.flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root })).toSorted();
}

/** A file outside of all folders runs like a unit test: it gets no servers that it did not ask for. */
function byLayer(files: readonly string[], root: string): { layer: Layer; files: string[] }[] {
  const paths = files.map((file) => {
    const path = resolve(file);
    if (!existsSync(path)) throw new BadArguments(`There is no test file ${file}.`);
    return relative(root, path);
  });
  const layerOf = (path: string): Layer | undefined => LAYERS.find(({ folders }) => folders.some((folder) => path.startsWith(`${folder}/`))) ?? LAYERS[0];
  return LAYERS.map((layer) => ({ layer, files: paths.filter((path) => layerOf(path) === layer) })).filter(({ files: own }) => own.length > 0);
}
