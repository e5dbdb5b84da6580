import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test, { after } from 'node:test';
import { findProgram } from '../../../src/cli/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'assay-programs-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = (name: string, mode = 0o755): string => {
  const path = join(folder, name);
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, mode);
  return path;
};
mkdirSync(join(folder, 'bin'));
mkdirSync(join(folder, 'folder'));
const helper = program('helper');
const other = program('bin/helper');
program('plain', 0o644);

const cases: Readonly<Record<string, readonly [string, string, string | undefined]>> = {
  'the first folder that has it is taken': ['helper', `${folder}/bin:${folder}`, other],
  'folders without it are passed over': ['helper', `/nowhere:${folder}`, helper],
  'what is not executable is none': ['plain', folder, undefined],
  'a folder is none': ['folder', folder, undefined],
  'a name is no path': ['bin/helper', folder, undefined],
  'a relative folder is not looked in': ['helper', relative(process.cwd(), folder), undefined],
  'without PATH there is none': ['helper', '', undefined],
};
for (const [sentence, [name, path, found]] of Object.entries(cases)) {
  test(sentence, async () => assert.equal(await findProgram(name, { PATH: path }), found));
}
