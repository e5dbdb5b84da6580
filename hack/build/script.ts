/**
 * A program as one script with V8's code for it beside it, so that nothing of it is compiled when it is started: that took a fifth of
 * the time of `assay verify`. Node's own compile cache has functions only once they are called, and has to be filled by whoever runs it.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { transform } from 'esbuild';
import type { Metafile } from 'esbuild';

/** One module of the script: its code as the body of a function, and where that comes from. */
interface Part {
  readonly name: string;
  readonly code: string;
  readonly map: unknown;
}

/**
 * Turns `folder`, into which `entry` was bundled as ES modules with inline source maps, into scripts: one of all that is loaded at once,
 * and one for each module that is loaded later. Beside the folder it writes `NAME.js`, which runs it and has its `exports`.
 */
export async function toScripts(folder: string, name: string, exports: readonly string[], { outputs }: Metafile): Promise<void> {
  const first = atOnce(Object.keys(outputs).find((path) => outputs[path]?.entryPoint !== undefined) ?? '', outputs);
  const files = globSync('**/*.js', { cwd: folder }).toSorted();
  const parts = await Promise.all(files.map((file) => part(join(folder, file))));
  const early = parts.filter(({ name: one }) => first.has(one));
  const script = write(join(folder, 'all.cjs'), early);
  for (const one of parts) if (!first.has(one.name)) write(join(folder, one.name.replace(/js$/, 'cjs')), [one]);
  rmSync(join(folder, 'chunks'), { recursive: true, force: true });
  rmSync(join(folder, `${name}.js`));
  writeFileSync(join(folder, codeName()), codeOf(script));
  writeFileSync(join(folder, '..', `${name}.js`), starter(name, exports));
}

/** By their names, which are unique, the modules that are loaded with this one. */
function atOnce(path: string, outputs: Metafile['outputs'], found = new Set<string>()): ReadonlySet<string> {
  if (found.has(basename(path))) return found;
  found.add(basename(path));
  for (const { path: next, kind, external } of outputs[path]?.imports ?? []) {
    if (kind === 'import-statement' && external !== true) atOnce(next, outputs, found);
  }
  return found;
}

async function part(path: string): Promise<Part> {
  const plain = await transform(readFileSync(path, 'utf8'), {
    ...COMMON,
    format: 'cjs',
    sourcemap: 'inline',
    // As a script has them: `import()` is the require of the starter, a moment later.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__url' },
    sourcefile: basename(path),
  });
  const { code, map } = await transform(withLaterBuiltins(plain.code), { ...COMMON, sourcemap: 'external', sourcefile: basename(path), minifyWhitespace: true, minifySyntax: true });
  return { name: basename(path), code: inAscii(code), map: JSON.parse(map) };
}

const COMMON = { platform: 'node', target: 'node24', sourcesContent: false, legalComments: 'none' } as const;

/** As esbuild writes `import { createHash } from 'node:crypto'`; what is used of it is `import_node_crypto.createHash`. */
const IMPORTED = /^var (import_\w+) = require\(("node:[\w/]+")\);$/gm;

/** Has each of Node's own modules loaded when something of it is first used: most calls use no child process, no TLS, and no promises of files. */
function withLaterBuiltins(code: string): string {
  const names = [...code.matchAll(IMPORTED)].map(([, name = '']) => name);
  if (names.length === 0) return code;
  const used = code.replaceAll(new RegExp(`\\b(${names.join('|')})\\.`, 'g'), '$1.$.');
  return used.replaceAll(IMPORTED, 'var $1 = require.later($2);');
}

/** So that it can be read without decoding; esbuild leaves regular expressions as they are. */
function inAscii(code: string): string {
  return code.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Writes a script whose value has a function for each part, and its source map. Gives the script. */
function write(path: string, parts: readonly Part[]): string {
  const sections: unknown[] = [];
  let script = '({\n';
  for (const { name, code, map } of parts) {
    script += `${JSON.stringify(name)}(require, module, exports, __url) {\n`;
    sections.push({ offset: { line: script.split('\n').length - 1, column: 0 }, map });
    script += `${code}},\n`;
  }
  script += `})\n//# sourceMappingURL=${basename(path)}.map\n`;
  writeFileSync(path, script);
  writeFileSync(`${path}.map`, JSON.stringify({ version: 3, sections }));
  return script;
}

/** V8's code is of one version on one kind of processor; others compile the script. */
function codeName(): string {
  return `all-${process.version}-${process.arch}.code`;
}

/** V8's code of every function of a script, and the SHA-256 of the script: V8 itself compares no more than its length. */
function codeOf(script: string): Buffer {
  // V8 wants the same flags where the code is used; it looks at them when the code is taken out.
  setFlagsFromString('--no-lazy');
  const compiled = new Script(script, { filename: 'all.cjs' });
  setFlagsFromString('--lazy');
  return Buffer.concat([compiled.createCachedData(), createHash('sha256').update(script).digest()]);
}

function starter(name: string, exports: readonly string[]): string {
  return `const builtin = globalThis.process.getBuiltinModule;
const { readFileSync } = builtin('fs');
const folder = \`\${__dirname}/${name}/\`;
const url = builtin('url').pathToFileURL(__filename).href;
const modules = new Map();
let parts = run('all.cjs', codeOf);
function read(file, encoding) {
  try {
    return readFileSync(folder + file, encoding);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
function codeOf(script) {
  const code = read(\`all-\${process.version}-\${process.arch}.code\`);
  const digest = builtin('crypto').createHash('sha256').update(script, 'latin1').digest();
  return code?.subarray(-32).equals(digest) ? code.subarray(0, -32) : undefined;
}
function run(file, cachedData) {
  const script = readFileSync(folder + file, 'latin1');
  return new (builtin('vm').Script)(script, { filename: folder + file, cachedData: cachedData?.(script) }).runInThisContext();
}
function load(name) {
  if (!/^[.#]/.test(name)) return builtin(name);
  if (name.startsWith('#')) return require(name);
  const base = name.slice(name.lastIndexOf('/') + 1);
  const known = modules.get(base);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(base, module);
  const part = parts[base] ?? run(base.replace(/js$/, 'cjs'))[base];
  part(load, module, module.exports, url);
  return module.exports;
}
load.later = (name) => ({
  get $() {
    const value = builtin(name);
    Object.defineProperty(this, '$', { value });
    return value;
  },
});
Object.assign(exports, (({ ${exports.join(', ')} }) => ({ ${exports.join(', ')} }))(load('./${name}.js')));
`;
}
