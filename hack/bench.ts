/** Runs a benchmark: `npm run bench -- NAME [OPTIONS]`; without a name it lists them. Nothing here is a test: figures are printed, not judged. */
import { globSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A file of test/bench. */
interface Bench {
  /** One line for the list: what is measured, and the options. */
  readonly about: string;
  /** Resolves to the exit code: 0 unless what was measured is not what it should be, such as different answers of two sides. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const folder = resolve(import.meta.dirname, '../test/bench');

async function main([name, ...args]: readonly string[]): Promise<number> {
  const names = globSync('*.ts', { cwd: folder }).map((file) => basename(file, '.ts')).toSorted();
  if (name !== undefined && names.includes(name)) return (await load(name)).run(args);
  if (name !== undefined) console.error(`There is no benchmark ${JSON.stringify(name)}.`);
  console.log('npm run bench -- NAME [OPTIONS]');
  for (const one of names) console.log(`  ${one.padEnd(12)}${(await load(one)).about}`);
  return name === undefined ? 0 : 2;
}

async function load(name: string): Promise<Bench> {
  return (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as Bench;
}

// What a benchmark has started and not stopped ends with this process.
process.exit(await main(process.argv.slice(2)));
