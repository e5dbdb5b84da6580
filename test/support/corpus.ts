import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder with shared vectors beside the repository; absent in a fresh clone. */
const SHARED = join(import.meta.dirname, '../../../shared');

/** The sentence to skip with where the shared vectors are absent, else `false`. */
export function skipWithoutCorpus(path: string): string | false {
  return existsSync(join(SHARED, path)) ? false : `there is no ../shared/${path} beside the repository`;
}

/** The rows of a JSON-lines file under `../shared`; none where it is absent. */
export function corpusRows(path: string): readonly Record<string, unknown>[] {
  if (skipWithoutCorpus(path) !== false) return [];
  return readFileSync(join(SHARED, path), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
