import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { askHelper, helperKeychain, HelperError, type HelperErrorCode } from '../../../src/registry/credential-helper.ts';
import { parseDockerConfig } from '../../../src/registry/docker-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'helpers-'));
after(() => rmSync(directory, { recursive: true, force: true }));

let count = 0;
function program(script: string): string {
  count += 1;
  const path = join(directory, `docker-credential-${count}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o700);
  return path;
}

const config = (text: unknown) => parseDockerConfig(Buffer.from(JSON.stringify(text)), 'config.json', 'config.json');

const HUB = 'https://index.docker.io/v1/';

describe('a credential helper', () => {
  it('is asked "get" with the server on its standard input', async () => {
    const path = program('read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"$1\\",\\"Secret\\":\\"$server\\"}"');
    assert.deepEqual(await askHelper(path, HUB, { allowed: {} }), { username: 'get', password: HUB });
  });
  it('that answers with the user <token> gives an identity token', async () => {
    const path = program('echo \'{"Username":"<token>","Secret":"refresh"}\'');
    assert.deepEqual(await askHelper(path, HUB, { allowed: {} }), { identityToken: 'refresh' });
  });
  it('that has nothing for this server is no failure', async () => {
    const path = program('echo "credentials not found in native keychain"; exit 1');
    assert.equal(await askHelper(path, HUB, { allowed: {} }), undefined);
  });
  it('sees no environment but the given one', async () => {
    const path = program('echo "{\\"Username\\":\\"$HOME.$ASSAY_TEST_VISIBLE\\",\\"Secret\\":\\"x\\"}"');
    process.env['HOME'] ??= '/root';
    assert.deepEqual(await askHelper(path, HUB, { allowed: {}, environment: { ASSAY_TEST_VISIBLE: 'yes' } }), { username: '.yes', password: 'x' });
  });

  const FAILURES: Record<string, readonly [string, HelperErrorCode]> = {
    'fails': ['echo "secret of somebody"; exit 3', 'Failed'],
    'prints something else': ['echo "secret of somebody"', 'Malformed'],
    'prints JSON without a secret': ['echo \'{"Username":"ann"}\'', 'Malformed'],
    'prints without end': ['while :; do echo "secret of somebody secret of somebody secret of somebody"; done', 'Failed'],
  };
  for (const [sentence, [script, code]] of Object.entries(FAILURES)) {
    it(`that ${sentence} is told as ${code}, without what it printed`, async () => {
      await assert.rejects(askHelper(program(script), HUB, { allowed: {} }), (thrown) => thrown instanceof HelperError && thrown.code === code && !thrown.message.includes('somebody'));
    });
  }
  it('that hangs is killed at the time-out', async () => {
    const pidFile = join(directory, 'pid');
    const path = program(`echo $$ > ${pidFile}; exec sleep 60`);
    await assert.rejects(askHelper(path, HUB, { allowed: {}, timeout: 300 }), { code: 'Timeout' });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
  it('that does not exist is told as CannotRun', async () => {
    await assert.rejects(askHelper(join(directory, 'absent'), HUB, { allowed: {} }), { code: 'CannotRun' });
  });
  it('that is not an absolute path is not run', async () => {
    await assert.rejects(askHelper('docker-credential-x', HUB, { allowed: {} }), { code: 'NotAbsolute' });
  });
});

describe('helpers of a Docker config', () => {
  it('are run only if allowed by name; the others are named', async () => {
    const marker = join(directory, 'ran');
    const evil = program(`touch ${marker}`);
    const { keychain, notes } = helperKeychain(config({ credsStore: evil, credHelpers: { 'reg.example': '../../x', 'gcr.io': 'constructor' } }), { allowed: {} });
    assert.equal(await keychain.lookup({ host: 'reg.example', path: 'app' }), undefined);
    assert.equal(notes.length, 3);
    assert.throws(() => readFileSync(marker));
  });
  it('are chosen by host, else credsStore, and asked once', async () => {
    const calls = join(directory, 'calls');
    const answer = (user: string): string => program(`echo x >> ${calls}; echo '{"Username":"${user}","Secret":"s"}'`);
    const allowed = { store: answer('store'), gcloud: answer('gcloud') };
    const { keychain } = helperKeychain(config({ credsStore: 'store', credHelpers: { 'gcr.io': 'gcloud' } }), { allowed });
    assert.equal((await keychain.lookup({ host: 'gcr.io', path: 'a' }))?.username, 'gcloud');
    assert.equal((await keychain.lookup({ host: 'gcr.io', path: 'b' }))?.username, 'gcloud');
    assert.equal((await keychain.lookup({ host: 'docker.io', path: 'a' }))?.username, 'store');
    assert.equal(readFileSync(calls, 'utf8').length, 4);
  });
});
