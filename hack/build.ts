/**
 * Bundles the product into `dist/`: `cli.js`, the programs that it starts by name (`imports` of package.json), the chunks that they
 * share, and the licences of what is in them.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, transform } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';
import { bundledPackages, licenceText } from './build/licences.ts';
import { objections } from './build/objections.ts';
import { toScripts } from './build/script.ts';

const root = resolve(import.meta.dirname, '..');

/** The program that is started for every image of a pipeline. */
const SCRIPT = { name: 'verify', exports: ['verifying'] } as const;

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
}

async function main(): Promise<number> {
  const out = mkdtempSync(join(root, 'dist-unfinished-'));
  try {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
    const programs = programsOf(manifest);
    const scripts = join(out, SCRIPT.name);
    const script = await bundle(scripts, SCRIPT.name, programs[SCRIPT.name] ?? '', 'inline');
    const others = Object.entries(programs).filter(([name]) => name !== SCRIPT.name);
    const metafile = joined([script, ...(await Promise.all(others.map(([name, source]) => bundle(out, name, source))))]);
    const packages = bundledPackages(Object.keys(metafile.inputs), root);
    const wrong = objections(Object.keys(metafile.inputs), packages, Object.keys(manifest.devDependencies));
    if (wrong.length > 0) {
      console.error(`The bundle is not fit to ship:\n${wrong.map((line) => `  ${line}`).join('\n')}`);
      return 1;
    }
    for (const path of filesOf(metafile).filter((name) => !filesOf(script).includes(name))) rewrite(resolve(root, path), withBuiltins);
    await startAsCommonJs(join(out, 'cli.mjs'), join(out, 'cli.js'));
    await toScripts(scripts, SCRIPT.name, SCRIPT.exports, script);
    writeFileSync(join(out, 'THIRD-PARTY-LICENSES.txt'), licenceText(packages));
    // Files ending in .js are CommonJS wherever dist is copied to, and each program is found whichever chunk asks.
    const imports = Object.fromEntries(Object.keys(manifest.imports ?? {}).map((name) => [name, `./${name.slice(1)}.${name === `#${SCRIPT.name}` ? 'js' : 'mjs'}`]));
    writeFileSync(join(out, 'package.json'), `${JSON.stringify({ type: 'commonjs', imports })}\n`);
    chmodSync(join(out, 'cli.js'), 0o755);
    chmodSync(out, 0o755);
    replace(join(root, 'dist'), out);
    console.log(summary(metafile, packages.length));
    return 0;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The command line, and what package.json gives a name of its own: `"#judge-worker": "./src/….ts"` is that file in sources, and judge-worker.mjs in dist. */
function programsOf({ imports = {} }: Manifest): Readonly<Record<string, string>> {
  return { cli: 'src/main.ts', ...Object.fromEntries(Object.entries(imports).map(([name, source]) => [name.slice(1), source])) };
}

/** One program and the chunks that it alone loads later: what several shared would come in as many files as there are ways to share. */
async function bundle(outdir: string, name: string, source: string, sourcemap: 'linked' | 'inline' = 'linked'): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: source },
    external: ['#*'],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    chunkNames: 'chunks/[name]-[hash]',
    outExtension: { '.js': name === SCRIPT.name ? '.js' : '.mjs' },
    sourcemap,
    sourcesContent: false,
    legalComments: 'none',
    // CommonJS packages call require for node's own modules, which ES modules do not have.
    banner: { js: BANNER },
    plugins: [versionOnly],
    metafile: true,
    logLevel: 'warning',
    logLimit: 20,
  });
  return metafile;
}

function joined(parts: readonly Metafile[]): Metafile {
  return { inputs: Object.assign({}, ...parts.map(({ inputs }) => inputs)), outputs: Object.assign({}, ...parts.map(({ outputs }) => outputs)) };
}

/** Of our own package.json the version is wanted, not scripts and dependencies. */
const versionOnly: Plugin = {
  name: 'version-only',
  setup(builder) {
    builder.onLoad({ filter: /package\.json$/ }, ({ path }) => {
      if (path !== join(root, 'package.json')) return undefined;
      const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

function filesOf({ outputs }: Metafile): readonly string[] {
  return Object.keys(outputs).filter((name) => /\.m?js$/.test(name));
}

const BUILTIN = /^import (?:\* as )?(\{[^}]*\}|\w+) from "(node:[\w/]+)";$/gm;

/**
 * Has Node's own modules as CommonJS has them: an import statement reads every property of the module, and so loads what is behind each
 * of them (all of WebCrypto behind `node:crypto`), which took a tenth of the time of `assay verify`.
 */
function withBuiltins(code: string): string {
  return code.replaceAll(BUILTIN, (_, names: string, name: string) => `const ${names.replaceAll(' as ', ': ')} = globalThis.process.getBuiltinModule("${name}");`);
}

const BANNER = 'const require = globalThis.process.getBuiltinModule;';

/**
 * The file that is started, which loads all else later, as CommonJS: Node's loader of ES modules then stays out of `assay verify`,
 * which is CommonJS to its end.
 */
async function startAsCommonJs(from: string, to: string): Promise<void> {
  const [module, map] = [readFileSync(from, 'utf8'), `${from}.map`];
  const { code } = await transform(module.replace(BANNER, ''), { format: 'cjs', platform: 'node', target: 'node24', legalComments: 'none' });
  writeFileSync(to, code.replaceAll(`import("#${SCRIPT.name}")`, `Promise.resolve(require("./${SCRIPT.name}.js"))`));
  rmSync(from);
  rmSync(map);
}

function rewrite(path: string, edit: (text: string) => string): void {
  writeFileSync(path, edit(readFileSync(path, 'utf8')));
}

/** Whoever starts dist at this moment finds the old one or the new one, whole. */
function replace(target: string, finished: string): void {
  const former = `${finished}-former`;
  if (existsSync(target)) renameSync(target, former);
  renameSync(finished, target);
  rmSync(former, { recursive: true, force: true });
}

function summary({ outputs }: Metafile, packages: number): string {
  const code = Object.entries(outputs).filter(([name]) => /\.m?js$/.test(name));
  const bytes = code.reduce((sum, [, { bytes: size }]) => sum + size, 0);
  return `dist: ${code.length} files, ${(bytes / 1_048_576).toFixed(1)} MiB, ${packages} packages`;
}

process.exitCode = await main();
