import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { RULES } from '../support/architecture.ts';
import type { Source } from '../support/architecture.ts';
import { codeOnly } from '../support/code-only.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const sources: readonly Source[] = globSync('{src,hack,test}/**/*.ts', { cwd: root }).map((path) => ({ path, text: read(path) }));

const body = (lines: number): string => Array.from({ length: lines }, (_, index) => `  step(${index});`).join('\n');

interface Sample {
  readonly path: string;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

/** What each rule must find, and what it must let pass. */
const SAMPLES: Readonly<Record<string, readonly Sample[]>> = {
  'a file imports only lower floors or its own folder': [
    {
      path: 'src/kube/store.ts',
      good: ["import { sleep } from '../base/clock.ts';", "import { one } from './two.ts';", "import type { Policy } from '../controllers/policy.ts';"],
      bad: [
        "import { run } from '../runtime/manager.ts';",
        "import { get } from '../registry/client.ts';",
        "import {\n  get,\n} from '../registry/client.ts';",
        "import '../app/wiring.ts';",
        "import { type Policy } from '../controllers/policy.ts';",
        "export { run } from '../runtime/manager.ts';",
        "export * from '../runtime/manager.ts';",
        "const late = await import('../runtime/manager.ts');",
        "import { cluster } from '../../test/support/cluster.ts';",
        "import { main } from '../main.ts';",
      ],
    },
    { path: 'src/main.ts', good: ["import { run } from './app/wiring.ts';"], bad: ["import { x } from '../hack/build.ts';"] },
    { path: 'src/helpers/x.ts', good: [], bad: ['export const x = 1;'] },
    { path: 'src/app/version.ts', good: ["import manifest from '../../package.json' with { type: 'json' };"], bad: ["import { verify } from '../cli/verify.ts';"] },
  ],
  'each npm package has one home': [
    {
      path: 'src/controllers/workload.ts',
      good: ["import type { V1Pod } from '@kubernetes/client-node';", "import { join } from 'node:path';"],
      bad: [
        "import { KubeConfig } from '@kubernetes/client-node';",
        "import PQueue from 'p-queue';",
        "import { Agent } from 'undici';",
        "import _ from 'lodash';",
        "import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };",
        "const { verify } = await import('sigstore');",
      ],
    },
    { path: 'src/registry/client.ts', good: ["import PQueue from 'p-queue';"], bad: ["import { Agent } from 'undici';", "import winston from 'winston';"] },
  ],
  'the environment is read in one place': [
    {
      path: 'src/kube/x.ts',
      good: ['// process.env is read elsewhere', "const text = 'process.env';"],
      bad: ["const home = process.env['HOME'];", 'const { env } = process;', 'const text = `${process.env.HOME}`;'],
    },
    { path: 'src/app/options.ts', good: ['const home = process.env;'], bad: [] },
  ],
  'the process is ended in one place': [
    { path: 'src/app/wiring.ts', good: ["const why = 'no process.exit here';"], bad: ['process.exit(1);', 'process.exitCode = 1;', 'process\n  .exit(1);'] },
    { path: 'src/main.ts', good: ['process.exit(0);'], bad: [] },
  ],
  'time comes from one place': [
    {
      path: 'src/runtime/x.ts',
      good: ['const then = new Date(clock.now());', '/** Date.now() is not used. */'],
      bad: ['const now = Date.now();', 'const now = new Date();', 'setTimeout(run, 5);', 'setInterval(run, 5);', "import { setTimeout } from 'node:timers/promises';", 'const t = performance.now();'],
    },
    { path: 'src/base/clock.ts', good: ['Date.now(); setTimeout(run, 5);'], bad: [] },
  ],
  "only assay verify knows cosign's profile": [
    { path: 'src/verification/engine.ts', good: ["const prefix = 'COSIGN_PASSWORD';"], bad: ["import { COSIGN } from '../signatures/profile.ts';", 'prove(candidate, COSIGN);'] },
    { path: 'src/cli/verify-run.ts', good: ["import { COSIGN } from '../signatures/profile.ts';"], bad: [] },
  ],
  'there are no default exports': [
    { path: 'src/api/x.ts', good: ['export const x = 1;'], bad: ['export default 1;', 'export { x as default };'] },
    { path: 'test/support/x.ts', good: [], bad: ['export default function x() {}'] },
  ],
  'there are no enums and no namespaces': [
    { path: 'src/api/x.ts', good: ["type Enum = 'a' | 'b';", '// enum X'], bad: ['enum X { a }', 'export const enum X { a }', 'export namespace X {}', 'declare enum X {}'] },
  ],
  'file names are in kebab-case': [
    { path: 'src/api/image-reference.ts', good: [''], bad: [] },
    { path: 'src/api/v1alpha1.gen.ts', good: [''], bad: [] },
    { path: 'test/unit/api/x.test.ts', good: [''], bad: [] },
    { path: 'src/api/imageReference.ts', good: [], bad: [''] },
    { path: 'src/api/image_reference.ts', good: [], bad: [''] },
    { path: 'src/Api/x.ts', good: [], bad: [''] },
  ],
  'files are short': [
    { path: 'src/api/x.ts', good: ['x;\n'.repeat(300)], bad: ['x;\n'.repeat(301)] },
    { path: 'src/api/v1alpha1.gen.ts', good: ['x;\n'.repeat(301)], bad: [] },
  ],
  'functions are short': [
    {
      path: 'src/api/x.ts',
      good: [
        `function a(): void {\n${body(48)}\n}`,
        `const table = {\n${body(80)}\n};`,
        `function a(): void {\n${body(30)}\n}\n\nfunction b(): void {\n${body(30)}\n}`,
        `export interface X {\n${body(80)}\n}`,
      ],
      bad: [
        `function a(): void {\n${body(49)}\n}`,
        `function a(\n  x: number,\n): Promise<{ a: string }> {\n${body(49)}\n}`,
        `const a = async (x: number): Promise<void> => {\n${body(49)}\n};`,
        `class A {\n  #a(x: number): void {\n${body(49)}\n  }\n}`,
        `call('x', () => {\n${body(49)}\n});`,
        `function a(): void {\n  const text = \`}\`;\n  if (x) {\n    y();\n  }\n${body(45)}\n}`,
      ],
    },
  ],
};

for (const [sentence, rule] of Object.entries(RULES)) {
  describe(sentence, () => {
    test('in this repository', () => {
      assert.ok(sources.length > 100);
      assert.deepEqual(sources.flatMap(rule), []);
    });
    for (const { path, good, bad } of SAMPLES[sentence] ?? []) {
      for (const text of bad) test(`is broken by ${path}: ${JSON.stringify(text.slice(0, 60))}`, () => assert.equal(rule({ path, text }).length > 0, true));
      for (const text of good) test(`is kept by ${path}: ${JSON.stringify(text.slice(0, 60))}`, () => assert.deepEqual(rule({ path, text }), []));
    }
    test('has samples that break it', () => assert.ok((SAMPLES[sentence] ?? []).some(({ bad }) => bad.length > 0)));
  });
}

describe('what is code and what is not', () => {
  const CASES: Readonly<Record<string, readonly [string, string]>> = {
    'a comment to the end of the line': ['a; // b', 'a;'],
    'a comment over lines': ['a /* b\n c */ d', 'a     \n      d'],
    'a string': ["a('b')", 'a(   )'],
    'a string with its quote in it': [String.raw`a('b\'c') d`, 'a(      ) d'],
    'a template': ['a`b`c', 'a   c'],
    'an expression in a template is code': ['`a${b({ c })}d` e', '    b({ c })    e'],
    'a regular expression': ["x.replace(/'/g, y)", 'x.replace(   g, y)'],
    'a regular expression with a slash in a class': ['a = /[/]b/; c', 'a =       ; c'],
    'a division': ['a / b / c', 'a / b / c'],
  };
  for (const [sentence, [text, code]] of Object.entries(CASES)) {
    test(sentence, () => assert.equal(codeOnly(text).trimEnd(), code));
  }
});

test('every dependency has its reason in docs/decisions', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const wanted = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  const page = read('docs/decisions/0001-dependencies.md');
  assert.deepEqual(wanted.filter((name) => !page.includes(`\`${name}\``)), []);
});
