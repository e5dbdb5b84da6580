import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sha256 } from '../support/sigstore/keys.ts';
import { createWorld } from '../support/sigstore/world.ts';

const CLIENT = join(import.meta.dirname, '../../hack/conformance-client.sh');
const WHO = ['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', 'https://issuer.test'];
const ARTIFACT = Buffer.from('an artifact');

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'assay-conformance-'));
  const world = createWorld();
  const signer = world.keyless({ subject: 'alice@example.test', issuer: 'https://issuer.test' });
  writeFileSync(join(folder, 'a.txt'), ARTIFACT);
  writeFileSync(join(folder, 'b.txt'), 'another one');
  writeFileSync(join(folder, 'trusted_root.json'), world.trustedRootJson);
  writeFileSync(join(folder, 'bundle.sigstore.json'), JSON.stringify(world.messageBundle(signer, ARTIFACT)));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Asks as the suite does: in the folder of the case, by one program. */
function ask(artifact: string): { code: number | null; stderr: string } {
  const args = ['verify-bundle', '--bundle', 'bundle.sigstore.json', ...WHO, '--trusted-root', 'trusted_root.json', artifact];
  const { status, stderr } = spawnSync(CLIENT, args, { cwd: folder, env: { PATH: process.env['PATH'] }, encoding: 'utf8', timeout: 30_000 });
  return { code: status, stderr };
}

test('the program that the suite calls verifies by file and by digest, and exits 1 for another artifact', () => {
  assert.deepEqual(ask('a.txt'), { code: 0, stderr: 'Verified OK\n' });
  assert.deepEqual(ask(`sha256:${sha256(ARTIFACT).toString('hex')}`), { code: 0, stderr: 'Verified OK\n' });
  assert.deepEqual(ask('b.txt'), { code: 1, stderr: 'Error: the message digest of the bundle is not that of the artifact\n' });
});
