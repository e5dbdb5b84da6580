import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startRegistry, type Registry } from '../support/registry.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';
import { startTufMirror, type TufClientOptions, type TufMirror } from '../support/tuf-mirror.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const world = createWorld();
const WHO = ['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', 'https://issuer.test'];

let folder: string;
let mirror: TufMirror;
let registry: Registry;
let image: PushedImage;
let client: TufClientOptions;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assay-verify-trust-'));
  [mirror, registry] = await Promise.all([startTufMirror(folder), startRegistry()]);
  image = await pushImage(registry.host, 'acme/app:1.0');
  await world.signImage(image, world.keyless({ subject: 'alice@example.test', issuer: 'https://issuer.test' }));
  client = mirror.publish(world.trustedRootJson);
});

after(async () => {
  await Promise.all([mirror.stop(), registry.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function assay(args: readonly string[], cache: string, env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const variables = { PATH: process.env['PATH'], TUF_MIRROR: client.tufMirrorURL, TUF_ROOT_JSON: client.tufRootPath, TUF_ROOT: join(folder, cache), ...env };
    const child = spawn(process.execPath, [MAIN, ...args], { env: variables, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000, killSignal: 'SIGKILL' });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (chunk: string) => (text[name] += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...text }));
  });
}

test('an image is verified by the trusted root that TUF vouches for, and the next run asks nobody', async () => {
  const first = await assay(['verify', ...WHO, image.reference], 'one');
  assert.equal(first.code, 0, first.stderr);
  const asked = mirror.asked.length;
  assert.ok(asked > 0);
  const second = await assay(['verify', ...WHO, image.reference], 'one');
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.stdout, first.stdout);
  assert.equal(mirror.asked.length, asked);
});

test('nobody is asked where nothing needs it', async () => {
  const asked = mirror.asked.length;
  const root = join(folder, 'trusted_root.json');
  writeFileSync(root, world.trustedRootJson);
  assert.equal((await assay(['verify', ...WHO, '--trusted-root', root, image.reference], 'two')).code, 0);
  const key = world.key();
  writeFileSync(join(folder, 'cosign.pub'), key.key.pem);
  const keyed = await pushImage(registry.host, 'acme/keyed:1.0', { content: 'keyed' });
  await world.signImage(keyed, key, { log: 'none' });
  assert.equal((await assay(['verify', '--key', join(folder, 'cosign.pub'), '--insecure-ignore-tlog', keyed.reference], 'two')).code, 0);
  assert.equal(mirror.asked.length, asked);
});

test('an instance that cannot be reached and never was verifies nothing', async () => {
  const { code, stdout, stderr } = await assay(['verify', ...WHO, image.reference], 'three', { TUF_MIRROR: mirror.publish('{}', { empty: true }).tufMirrorURL });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^Error: setting trusted material: getting trusted root from TUF for new bundle verification: the TUF mirror .* could not be asked/m);
});

test('trust refresh asks, and trust show says what is there', async () => {
  const refreshed = await assay(['trust', 'refresh'], 'four');
  assert.equal(refreshed.code, 0, refreshed.stderr);
  assert.match(refreshed.stdout, /^Trusted root refreshed .* \(targets version 1\), vouched for until /);
  const asked = mirror.asked.length;
  assert.equal((await assay(['trust', 'show'], 'four')).stdout, refreshed.stdout);
  assert.equal((await assay(['trust', 'show', '--json'], 'four')).stdout, `${world.trustedRootJson}\n`);
  assert.equal(mirror.asked.length, asked);
  const off = await assay(['trust', 'refresh'], 'four', { TUF_MIRROR: '0' });
  assert.equal(off.code, 1);
  assert.match(off.stderr, /^Error: nothing is refreshed/);
});
