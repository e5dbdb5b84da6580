import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createWorld } from '../support/sigstore/world.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { startRegistry } from '../support/registry.ts';
import { runToEnd } from '../support/run-to-end.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';

/*
 * A call of the command line takes as long as what it loads, so that is what is held here, and no time. `npm run bench -- startup` prints
 * the times.
 */

const DIST = resolve(import.meta.dirname, '../../dist');
const HOOK = `import { registerHooks } from 'node:module';
const loaded = new Set();
registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
const fs = process.getBuiltinModule('fs');
const { readFileSync } = fs;
fs.readFileSync = (path, ...more) => { if (/[.](cjs|code)$/.test(path)) loaded.add('file://' + path); return readFileSync(path, ...more); };
process.on('exit', () => process._rawDebug('LOADED ' + JSON.stringify({ files: [...loaded], builtins: process.moduleLoadList })));`;

interface Loaded {
  readonly code: number;
  readonly files: readonly string[];
  readonly bytes: number;
  /** Of npm. */
  readonly packages: readonly string[];
  readonly builtins: readonly string[];
}

async function load(...args: readonly string[]): Promise<Loaded> {
  const { code, stderr } = await runToEnd(['--import', `data:text/javascript,${encodeURIComponent(HOOK)}`, join(DIST, 'cli.js'), ...args]);
  const told = /^LOADED (.*)$/m.exec(stderr)?.[1];
  assert.ok(told !== undefined, stderr);
  const { files: urls, builtins } = JSON.parse(told) as { files: string[]; builtins: string[] };
  const files = urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
  const sources = files.flatMap((file) => (existsSync(`${file}.map`) ? sourcesOf(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMap) : []));
  return {
    code,
    files: files.map((file) => file.slice(DIST.length + 1)),
    bytes: files.filter((file) => !file.endsWith('.code')).reduce((sum, file) => sum + statSync(file).size, 0),
    packages: [...new Set(sources.flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []))].toSorted(),
    builtins: builtins.filter((name) => name.startsWith('NativeModule ')).map((name) => name.slice('NativeModule '.length)),
  };
}

/** Of one file, or of what was put one after the other into one. */
type SourceMap = { readonly sources: readonly string[] } | { readonly sections: readonly { readonly map: SourceMap }[] };

function sourcesOf(map: SourceMap): readonly string[] {
  return 'sources' in map ? map.sources : map.sections.flatMap((section) => sourcesOf(section.map));
}

const CODE = `verify/all-${process.version}-${process.arch}.code`;
const MEBI = 1024 * 1024;

describe('what is loaded', () => {
  test('for --version: the options, and nothing that verifies or asks', async () => {
    const { code, packages, bytes, builtins } = await load('--version');
    assert.deepEqual({ code, packages }, { code: 0, packages: ['@sigstore/tuf', 'commander'] });
    assert.ok(bytes < MEBI / 4, `${bytes} bytes`);
    assert.deepEqual(['crypto', 'http', 'tls'].filter((name) => builtins.includes(name)), []);
  });

  test('for the verification of an image by an exact identity: hardly a file, and only the packages that it takes', async (t) => {
    const registry = await startRegistry();
    t.after(() => registry.stop());
    const world = createWorld();
    const root = join(temporaryDirectory('startup'), 'trusted_root.json');
    writeFileSync(root, world.trustedRootJson);
    const image = await pushImage(registry.host, 'acme/app:1.0');
    await world.signImage(image, world.keyless({ subject: 'a@acme.example', issuer: 'https://issuer.example' }));
    const identity = ['--certificate-identity=a@acme.example', '--certificate-oidc-issuer=https://issuer.example'];
    const exact = await load('verify', `--trusted-root=${root}`, ...identity, image.reference);
    assert.deepEqual({ code: exact.code, files: exact.files }, { code: 0, files: ['cli.js', 'verify.js', 'verify/all.cjs', CODE] });
    assert.deepEqual(exact.packages, ['@sigstore/bundle', '@sigstore/core', '@sigstore/protobuf-specs', '@sigstore/tuf', 'p-queue']);
    assert.ok(exact.bytes < 0.5 * MEBI, `${exact.bytes} bytes`);
    // All of WebCrypto is loaded by whoever reads every property of node:crypto, as an import statement does.
    assert.deepEqual(exact.builtins.filter((name) => /^(?:internal\/crypto\/webcrypto|http2|worker_threads|sqlite|dns|child_process|fs\/promises|https|tls)$/.test(name)), []);
    // To look a name up in the imports of package.json takes as long as to verify a signature.
    assert.equal(readFileSync(join(DIST, 'cli.js'), 'utf8').includes('"#verify"'), false);
    const pattern = await load('verify', `--trusted-root=${root}`, '--certificate-identity-regexp=.', '--certificate-oidc-issuer-regexp=.', image.reference);
    assert.deepEqual({ code: pattern.code, more: pattern.files.filter((file) => !exact.files.includes(file)) }, { code: 0, more: ['re2js.mjs'] });
  });

  test('is compiled already, by the Node that built it', async () => {
    const read = (name: string): string => `require('fs').readFileSync(${JSON.stringify(join(DIST, name))}`;
    const compile = `new (require('vm').Script)(${read('verify/all.cjs')}, 'latin1'), { cachedData: ${read(CODE)}).subarray(0, -32) })`;
    const { stdout } = await runToEnd(['--print', `${compile}.cachedDataRejected`]);
    assert.equal(stdout.trim(), 'false');
  });

  test('is the script that is there, where it is not the one that was compiled; and any script where nothing was', async () => {
    const dist = join(temporaryDirectory('startup'), 'dist');
    cpSync(DIST, dist, { recursive: true });
    const script = readFileSync(join(dist, 'verify/all.cjs'), 'latin1');
    assert.ok(script.includes('[flags] IMAGE...'));
    // Of the same length, which is all that V8 compares.
    writeFileSync(join(dist, 'verify/all.cjs'), script.replaceAll('[flags] IMAGE...', '[FLAGS] image...'), 'latin1');
    const help = async (): Promise<boolean> => (await runToEnd([join(dist, 'cli.js'), 'verify', '--help'])).stdout.includes('[FLAGS] image...');
    assert.equal(await help(), true, 'changed');
    rmSync(join(dist, CODE));
    assert.equal(await help(), true, 'not compiled');
  });
});
