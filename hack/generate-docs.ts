/** Writes the reference pages of `docs/` that are made from the program; with `--check` it only says which of them are stale, and exits with 1. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pages } from './docs/pages.ts';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

for (const [name, text] of Object.entries(pages(root))) {
  const path = join(root, name);
  if (!values.check) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } else if (present(path) !== text) {
    console.error(`${name} is stale: run node hack/generate-docs.ts`);
    process.exitCode = 1;
  }
}

function present(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
