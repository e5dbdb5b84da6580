import { codeOnly } from './code-only.ts';

/** A source file: its path from the repository's root, with slashes, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** What is wrong in one file, with its line where there is one: `src/a.ts:3: …`. */
export type Violations = readonly string[];

/** Looks at one file. */
export type Rule = (source: Source) => Violations;

/** Folders of `src/` by floor: a file imports only lower floors or its own folder. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  api: 1,
  telemetry: 1,
  kube: 2,
  registry: 2,
  signatures: 2,
  trust: 2,
  karmada: 3,
  runtime: 3,
  verification: 3,
  admission: 4,
  controllers: 4,
  app: 5,
  cli: 5,
};

/** Where each package may be imported at run time. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@bufbuild/cel': ['verification'],
  '@kubernetes/client-node': ['kube'],
  '@sigstore/bundle': ['signatures'],
  '@sigstore/core': ['signatures'],
  '@sigstore/protobuf-specs': ['signatures'],
  '@sigstore/tuf': ['signatures', 'trust'],
  commander: ['app', 'cli'],
  'p-queue': ['registry', 'runtime'],
  'prom-client': ['telemetry'],
  re2js: ['api'],
  tldts: ['registry'],
  undici: ['kube'],
  winston: ['telemetry'],
};

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 50;

interface Import {
  readonly from: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

const STATIC = /^\s*(?:import|export)\s+(?<type>type\s)?(?:[\w*{}\s,$]+?\sfrom\s*)?'(?<from>[^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'(?<from>[^']+)'/g;

function importsOf({ text }: Source): readonly Import[] {
  const code = codeOnly(text, { keepStrings: true });
  return [...code.matchAll(STATIC), ...code.matchAll(DYNAMIC)].map((match) => ({
    from: match.groups?.['from'] ?? '',
    line: lineAt(code, match.index + match[0].search(/\S/)),
    typeOnly: match.groups?.['type'] !== undefined,
  }));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** `src/kube/store.ts` → `kube`; nothing for `src/main.ts` and what is not in `src/`. */
function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function resolveFrom(path: string, from: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const part of from.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** A file of `src/` imports lower floors or its own folder; `main.ts` all of them; nothing imports tests or tools. */
const floors: Rule = (source) => {
  if (!source.path.startsWith('src/')) return [];
  const folder = folderOf(source.path);
  const floor = folder === undefined ? Number.POSITIVE_INFINITY : FLOORS[folder];
  if (floor === undefined) return [`${source.path}: src/${folder} stands on no floor`];
  return importsOf(source)
    .filter(({ from, typeOnly }) => from.startsWith('.') && !typeOnly)
    .flatMap(({ from, line }) => {
      const target = resolveFrom(source.path, from);
      if (target === 'package.json' && source.path === 'src/app/version.ts') return [];
      if (!target.startsWith('src/')) return [`${source.path}:${line}: ${target} is not in src/`];
      const other = folderOf(target);
      if (other === folder) return [];
      const its = other === undefined ? Number.POSITIVE_INFINITY : (FLOORS[other] ?? Number.POSITIVE_INFINITY);
      return its < floor ? [] : [`${source.path}:${line}: ${folder} must not import ${target}`];
    });
};

/** `@scope/name/file` → `@scope/name`. */
function packageOf(from: string): string {
  return from.split('/').slice(0, from.startsWith('@') ? 2 : 1).join('/');
}

/** Each npm package is imported in its home only; types may be imported anywhere. Programs of ours (`#…`) are started by `main.ts` alone. */
const homes: Rule = (source) => {
  if (!source.path.startsWith('src/')) return [];
  return importsOf(source)
    .filter(({ from, typeOnly }) => !from.startsWith('.') && !from.startsWith('node:') && !typeOnly)
    .flatMap(({ from, line }) => {
      if (from.startsWith('#') && folderOf(source.path) === undefined) return [];
      const home = HOMES[packageOf(from)];
      if (home === undefined) return [`${source.path}:${line}: ${from} has no home in src/`];
      return home.includes(folderOf(source.path) ?? '') ? [] : [`${source.path}:${line}: ${from} belongs in ${home.join(' and ')}`];
    });
};

/** A rule that a pattern occurs in code (not in comments or strings) of these files only. */
function onlyIn(pattern: RegExp, allowed: (path: string) => boolean, why: string): Rule {
  return ({ path, text }) => {
    if (!path.startsWith('src/') || allowed(path)) return [];
    const code = codeOnly(text);
    return [...code.matchAll(pattern)].map((match) => `${path}:${lineAt(code, match.index)}: ${match[0].trim()}: ${why}`);
  };
}

const environment = onlyIn(/\bprocess\s*\.\s*env\b|\benv\s*\}\s*=\s*process\b/g, (path) => path === 'src/app/options.ts', 'the environment is read in src/app/options.ts');
const exit = onlyIn(/\bprocess\s*\.\s*(?:exit|exitCode|abort|kill)\b/g, (path) => path === 'src/main.ts', 'the process is ended in src/main.ts');
const time = onlyIn(
  /\b(?:Date\s*\.\s*now|new\s+Date\s*\(\s*\)|setTimeout|setInterval|performance\s*\.\s*now|process\s*\.\s*(?:hrtime|uptime))\b|\bnew\s+Date\s*\(\s*\)/g,
  (path) => path === 'src/base/clock.ts',
  'time comes from src/base/clock.ts',
);
const cosign = onlyIn(
  /\bCOSIGN\b/g,
  (path) => path === 'src/signatures/profile.ts' || /^src\/cli\/verify[^/]*\.ts$/.test(path),
  "cosign's tolerances are for assay verify only",
);

function forbid(pattern: RegExp, why: string): Rule {
  return ({ path, text }) => {
    const code = codeOnly(text);
    return [...code.matchAll(pattern)].map((match) => `${path}:${lineAt(code, match.index + match[0].search(/\S/))}: ${why}`);
  };
}

const defaultExports = forbid(/^\s*export\s+default\b|\bas\s+default\b/gm, 'no default exports');
const enums = forbid(/^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?(?:enum|namespace)\s+[\w.]+\s*\{/gm, 'no enum, no namespace');

const names: Rule = ({ path }) =>
  path.split('/').every((part) => /^(?:[a-z0-9]+(?:-[a-z0-9]+)*|v\d+[a-z0-9]*)(?:\.(?:test|gen))?(?:\.ts)?$/.test(part)) ? [] : [`${path}: names are in kebab-case`];

/** Generated files are as long as what they are generated from. */
const fileLength: Rule = ({ path, text }) => {
  if (!/^(?:src|hack)\//.test(path) || path.endsWith('.gen.ts')) return [];
  const lines = text.trimEnd().split('\n').length;
  return lines <= MAX_FILE_LINES ? [] : [`${path}: ${lines} lines; split it before ${MAX_FILE_LINES}`];
};

/** A line that opens the body of a function, method or arrow function: it ends with a brace, and a parameter list or an arrow is before it. */
const OPENS = /(?:=>|\)(?:\s*:\s*[^;]*?)?)\s*\{$/;
const NO_FUNCTION = /^\s*(?:\}\s*)?(?:if|else|for|while|switch|catch|with|do|try|return\s+\{)\b/;

/** From the line that opens a body to the line with the closing brace at the same indentation. */
const functionLength: Rule = ({ path, text }) => {
  if (!/^(?:src|hack)\//.test(path) || path.endsWith('.gen.ts')) return [];
  const lines = codeOnly(text).split('\n').map((line) => line.trimEnd());
  return lines.flatMap((line, start) => {
    if (!OPENS.test(line) || NO_FUNCTION.test(line)) return [];
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const length = lines.slice(start + 1).findIndex((next) => next.startsWith(`${indent}}`)) + 2;
    return length <= MAX_FUNCTION_LINES ? [] : [`${path}:${start + 1}: a function of ${length} lines; split it before ${MAX_FUNCTION_LINES}`];
  });
};

/** Every rule of the house, by the sentence that it enforces. */
export const RULES: Readonly<Record<string, Rule>> = {
  'a file imports only lower floors or its own folder': floors,
  'each npm package has one home': homes,
  'the environment is read in one place': environment,
  'the process is ended in one place': exit,
  'time comes from one place': time,
  "only assay verify knows cosign's profile": cosign,
  'there are no default exports': defaultExports,
  'there are no enums and no namespaces': enums,
  'file names are in kebab-case': names,
  'files are short': fileLength,
  'functions are short': functionLength,
};
