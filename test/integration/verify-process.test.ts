import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `assay` in a process of its own, as a user's shell would; killed after 30 s. */
function assay(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000, killSignal: 'SIGKILL' });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (chunk: string) => (text[name] += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...text }));
  });
}

/** A registry that answers everything in one way. */
async function answering(listener: RequestListener): Promise<{ server: Server; host: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a registry is asked by way of the proxy that the environment names', { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-verify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const key = join(folder, 'cosign.pub');
  writeFileSync(key, generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }));
  const env = { HTTPS_PROXY: 'http://user:secret@127.0.0.1:1' };
  const { code, stderr } = await assay(['verify', '--key', key, '--insecure-ignore-tlog', 'registry.test/acme/web:v1'], env);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /asked by way of the proxy 127\.0\.0\.1:1$/m);
  assert.doesNotMatch(stderr, /secret/);
});

const BAD_DAYS: Readonly<Record<string, RequestListener>> = {
  'throttles for a second, for ever': (_, response) => response.writeHead(429, { 'retry-after': '1' }).end(),
  'throttles for an hour': (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end(),
  'is out of order': (_, response) => response.writeHead(503).end(),
  'hangs up': (request) => request.socket.destroy(),
};
for (const [what, listener] of Object.entries(BAD_DAYS)) {
  test(`a registry that ${what} never reads as a verified image`, { timeout: 60_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-verify-'));
    const { server, host } = await answering(listener);
    t.after(() => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const key = join(folder, 'cosign.pub');
    writeFileSync(key, generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }));
    const { code, stdout, stderr } = await assay(['verify', '--key', key, '--insecure-ignore-tlog', `${host}/acme/web:v1`]);
    assert.equal(code, 1, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: .+\nerror during command execution: .+$/m);
  });
}

test('a verify without an image exits 1, and help exits 0', async () => {
  assert.equal((await assay(['verify'])).code, 1);
  assert.equal((await assay(['verify', '--help'])).code, 0);
});
