import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { pages } from '../../hack/docs/pages.ts';
import { CONDITION_REASONS, REASONS } from '../../src/api/reasons.ts';
import { createProgram } from '../../src/app/program.ts';
import { embeddedTrustSource } from '../../src/signatures/trust-recipe.ts';
import { compilePolicy, type RawPolicyObject } from '../../src/verification/policy/compile.ts';
import { referenceId, referencesOf } from '../../src/verification/policy/references.ts';
import { createWorld } from '../support/sigstore/world.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const DOCS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })].toSorted();
const SOURCES = new Map(globSync('{src,hack}/**/*.ts', { cwd: root }).map((path) => [path, read(path)]));

/** For policies that name one: any trust root will do. */
const TRUSTED_ROOT = createWorld({ name: 'sigstore.docs.example' }).trustedRootJson;

/** The blocks of a page that are not prose. */
function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`]*`/g, '');
}

/** What is written as code in a cell of a table. */
function words(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

/** As GitHub makes anchors of headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

describe('pages that are made from the program', () => {
  for (const [path, text] of Object.entries(pages(root))) {
    test(`${path} is up to date`, () => assert.ok(read(path) === text, `${path} is stale: run node hack/generate-docs.ts`));
  }

  test('name every option that assay run --help prints, and no other', () => {
    const program = createProgram({ env: {}, print: () => undefined, complain: () => undefined, run: () => Promise.resolve() });
    const help = program.commands.find((command) => command.name() === 'run')?.helpInformation() ?? '';
    const printed = [...help.matchAll(/^ +(?:-h, )?(--[a-z-]+)/gm)].map(([, flag]) => flag).filter((flag) => flag !== '--help');
    const [, section = ''] = /## `assay run`([\s\S]*?)\n## /.exec(read('docs/reference/cli.md')) ?? [];
    assert.deepEqual([...section.matchAll(/^\| `(--[a-z-]+) /gm)].map(([, flag]) => flag), printed);
    assert.ok(printed.length > 10);
  });
});

describe('reasons.md', () => {
  const page = read('docs/reference/reasons.md');
  const rows = [...page.matchAll(/^\| `(\w+)` \|(.*)$/gm)].map(([, reason = '', rest = '']) => ({ reason, rest }));

  test('has a row for every reason', () => {
    assert.deepEqual([...REASONS, ...CONDITION_REASONS].filter((reason) => !rows.some((row) => row.reason === reason)), []);
  });

  test('has no row for what is no reason', () => {
    const known = new Set<string>([...REASONS, ...CONDITION_REASONS, 'OtherManager', 'Pinned', 'Verified', 'TagMoved']);
    assert.deepEqual(rows.filter(({ reason }) => !known.has(reason)).map(({ reason }) => reason), []);
  });

  test('says of a reason that this build never gives it exactly where no code gives it', () => {
    // Lists of all reasons, of how severe they are and of labels name each one without giving it.
    const giving = [...SOURCES].filter(([path]) => path.startsWith('src/') && !/reasons\.ts$|series\.ts$|\.gen\.ts$/.test(path)).map(([, text]) => text);
    const given = (reason: string): boolean => giving.some((text) => text.includes(`'${reason}'`));
    for (const { reason, rest } of rows) {
      if (reason === 'PinConflict') continue; // Worth an event when it comes; nothing gives it while one pin mode writes.
      assert.equal(rest.includes('Not given by this build'), !given(reason), reason);
    }
  });
});

describe('install.md', () => {
  interface Role {
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
  }
  const roles = globSync('config/rbac/*.yaml', { cwd: root }).flatMap((path) => parseAllDocuments(read(path)).map((document) => document.toJS() as Role));
  const [, text = ''] = /## What the operator may do([\s\S]*?)\n## /.exec(read('docs/install.md')) ?? [];

  for (const name of ['assay', 'assay-references']) {
    test(`explains each right of the ClusterRole ${name}, and no other`, () => {
      const role = roles.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name);
      const granted = (role?.rules ?? []).flatMap(({ resources, verbs }) => resources.map((resource) => `${resource}: ${verbs.toSorted().join(', ')}`));
      const [, table = ''] = new RegExp(`The ClusterRole \`${name}\`[\\s\\S]*?\\|---\\|---\\|---\\|\\n((?:\\|.*\\n)+)`).exec(text) ?? [];
      const explained = table.trim().split('\n').flatMap((row) => {
        const [, resources, verbs] = row.split('|');
        return words(resources).map((resource) => `${resource}: ${words(verbs).toSorted().join(', ')}`);
      });
      assert.ok(granted.length > 0);
      assert.deepEqual(explained.toSorted(), granted.toSorted());
    });
  }

  test('names the roles for people as they are', () => {
    const people = roles.filter(({ kind, metadata }) => kind === 'ClusterRole' && !['assay', 'assay-references'].includes(metadata.name));
    assert.deepEqual(people.filter(({ metadata }) => !text.includes(`\`${metadata.name}\``)).map(({ metadata }) => metadata.name), []);
  });
});

describe('troubleshooting.md', () => {
  const headings = [...read('docs/troubleshooting.md').matchAll(/^### (.*)$/gm)].flatMap(([, heading = '']) => /^`([^`]+)`$/.exec(heading)?.[1] ?? []);
  /** Words of the API server, not ours. */
  const FOREIGN = new Set(['is forbidden: User', 'cannot list resource', 'is forbidden']);

  for (const heading of headings) {
    test(`quotes what the program says: ${heading}`, () => {
      const parts = heading.split(/…|;/).map((part) => part.replaceAll(/^[\s:,;]+|[\s:,;]+$/g, '')).filter((part) => part.length > 3 && !FOREIGN.has(part));
      const missing = parts.filter((part) => ![...SOURCES.values()].some((text) => text.includes(part)));
      assert.deepEqual(missing, []);
      assert.ok(parts.length > 0);
    });
  }

  test('has headings to check', () => assert.ok(headings.length > 20));
});

/** Flags of Karmada's own programs that pages name. */
const KARMADA_FLAGS = ['--skipped-propagating-apis'];

describe('every page', () => {
  for (const path of DOCS) {
    test(`${path} links to what is there`, () => {
      for (const [, target = ''] of withoutCode(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const page = file === '' ? path : join(dirname(path), file);
        assert.ok(existsSync(join(root, page)), `${path}: ${target}`);
        if (anchor !== undefined) assert.ok(anchors(read(page)).includes(anchor), `${path}: there is no heading for ${target}`);
      }
    });

    test(`${path} names files that are there`, () => {
      const named = [...read(path).matchAll(/(?<![\w./:-])((?:src|hack|test|config|crds|docs|\.ci)\/[\w./*-]*\w)/g)].map(([, name = '']) => name);
      assert.deepEqual(named.filter((name) => globSync(name, { cwd: root }).length === 0), []);
    });

    test(`${path} names npm scripts that are there`, () => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
      const named = [...read(path).matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
      const tests = /npm test\b/.test(read(path)) ? ['test'] : [];
      assert.deepEqual([...named, ...tests].filter((name) => scripts[name] === undefined), []);
    });

    test(`${path} names options and variables of assay that are there`, () => {
      const text = read(path);
      const known = read('docs/reference/cli.md') + SOURCES.get('hack/demo.ts') + SOURCES.get('hack/test.ts') + SOURCES.get('hack/generate-docs.ts');
      const flags = [...text.matchAll(/assay (?:run|verify)\b[^\n`]*|`(--[a-z][\w-]+)/g)].flatMap(([match]) => [...match.matchAll(/--[a-z][\w-]*/g)].map(([flag]) => flag));
      assert.deepEqual(flags.filter((flag) => !known.includes(flag) && !['--help', '--version', ...KARMADA_FLAGS].includes(flag)), []);
      const variables = [...text.matchAll(/\bASSAY_[A-Z_]+[A-Z]/g)].map(([name]) => name);
      assert.deepEqual(variables.filter((name) => ![...SOURCES.values()].some((source) => source.includes(name)) && !known.includes(name)), []);
    });

    for (const [, block = ''] of read(path).matchAll(/```yaml\n([\s\S]*?)```/g)) {
      const object = parse(block) as RawPolicyObject;
      test(`${path} has a policy ${object.metadata.name} that is Ready as it stands`, () => {
        const found = referencesOf(object.spec).map((reference) => [referenceId(reference), { status: 'Found' as const, value: TRUSTED_ROOT }] as const);
        const result = compilePolicy(object, { references: new Map(found), trustRoot: embeddedTrustSource() });
        assert.equal(result.status, 'compiled', JSON.stringify(result));
      });
    }

    test(`${path} names metrics that are there`, () => {
      const known = read('docs/reference/metrics.md');
      const named = [...read(path).matchAll(/\bassay_[a-z_]+[a-z]/g)].map(([name]) => name);
      assert.deepEqual(named.filter((name) => !known.includes(`\`${name}\``)), []);
    });
  }
});
