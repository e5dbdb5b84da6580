/**
 * Makes TypeScript from `crds/*.yaml`: the types of the API and the schema that policies are walked with.
 * `node hack/generate-api.ts` writes the files, `--check` only says whether they are stale and then exits with 1.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CRD_FILES, readCrd } from './generate/crd.ts';
import { definitionsOf } from './generate/definitions.ts';
import { typesOf } from './generate/types.ts';
import { walkOf } from './generate/walk.ts';

/** The files that are generated, by their path in the repository, with what they must contain. */
export function generated(root: string): ReadonlyMap<string, string> {
  const crds = CRD_FILES.map((file) => readCrd(root, file));
  return new Map([
    ['src/api/v1alpha1.gen.ts', typesOf(crds)],
    ['src/verification/policy/schema.gen.ts', walkOf(crds)],
    ['src/cli/doctor/definitions.gen.ts', definitionsOf(root)],
  ]);
}

/** The generated files that do not contain what they must. */
export function staleFiles(root: string): readonly string[] {
  return [...generated(root)].filter(([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text).map(([path]) => path);
}

function main(root: string, check: boolean): number {
  const stale = staleFiles(root);
  if (!check) {
    for (const [path, text] of generated(root)) if (stale.includes(path)) writeFileSync(join(root, path), text);
  }
  const verb = check ? 'is stale: run npm run generate' : 'was written';
  for (const path of stale) console.log(`${path} ${verb}`);
  return check && stale.length > 0 ? 1 : 0;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename) {
  process.exitCode = main(resolve(import.meta.dirname, '..'), process.argv.includes('--check'));
}
