import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { describeTrust, trustSource } from '../../src/signatures/trust-recipe.ts';
import { TrustStore } from '../../src/trust/refresh.ts';
import type { TrustStoreOptions } from '../../src/trust/refresh.ts';
import { TrustRefreshError } from '../../src/trust/types.ts';
import type { TrustRefreshCode } from '../../src/trust/types.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { createWorld } from '../support/sigstore/world.ts';
import { startTufMirror } from '../support/tuf-mirror.ts';
import type { TufClientOptions, TufFaults, TufMirror } from '../support/tuf-mirror.ts';

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const [old, newer] = [createWorld({ name: 'old.test' }).trustedRootJson, createWorld({ name: 'newer.test' }).trustedRootJson];

let folder: string;
let mirror: TufMirror;
let count = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assay-trust-'));
  mirror = await startTufMirror(folder);
});

after(async () => {
  await mirror.stop();
  rmSync(folder, { recursive: true, force: true });
});

function newDirectory(): string {
  count += 1;
  return join(folder, `cache-${count}`);
}

function storeOf(client: TufClientOptions, difference: Partial<TrustStoreOptions> = {}): TrustStore {
  return new TrustStore({
    repository: { mirror: client.tufMirrorURL, firstRoot: readFileSync(client.tufRootPath) },
    directory: newDirectory(),
    proxy: {},
    clock: new ManualClock(NOW),
    timeout: 5000,
    retries: 0,
    check: async (text) => {
      const description = describeTrust(trustSource('TrustedRoot', text));
      return 'problem' in description ? description.problem : undefined;
    },
    ...difference,
  });
}

const coded = (code: TrustRefreshCode, message: RegExp) => (error: unknown) => error instanceof TrustRefreshError && error.code === code && message.test(error.message);

/** The one folder of a cache that has one. */
function only(directory: string): string {
  const [name, ...others] = readdirSync(directory);
  assert.ok(name !== undefined && others.length === 0);
  return join(directory, name);
}

describe('a trusted root is refreshed by TUF', () => {
  test('and what was refreshed is there for the next process', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    const store = storeOf(client, { directory });
    assert.equal(await store.lastGood(), undefined);
    const trust = await store.refresh();
    assert.equal(trust.text, old);
    assert.deepEqual(trust.versions, { root: 1, timestamp: 1, snapshot: 1, targets: 1 });
    assert.equal(trust.refreshedAt, NOW);
    assert.ok(trust.expires > Date.now());
    assert.deepEqual(await storeOf(client, { directory }).lastGood(), trust);
  });

  test('a newer one replaces it', async () => {
    const client = mirror.publish(old);
    const store = storeOf(client);
    await store.refresh();
    mirror.republish(client, newer, { version: 2 });
    assert.equal((await store.refresh()).text, newer);
    assert.equal((await store.lastGood())?.versions.targets, 2);
  });

  test('one that did not change costs two requests', async () => {
    const client = mirror.publish(old);
    const store = storeOf(client);
    await store.refresh();
    const asked = mirror.asked.length;
    await store.refresh();
    assert.deepEqual(mirror.asked.slice(asked).map((path) => path.split('/').at(-1)), ['2.root.json', 'timestamp.json']);
  });

  test('the time of its first metadata to expire is that of its own', async () => {
    const soon = Math.floor(Date.now() / 1000) * 1000 + HOUR;
    assert.equal((await storeOf(mirror.publish(old, { expires: { snapshot: soon } })).refresh()).expires, soon);
  });

  test('keys may be replaced, and versions then begin afresh', async () => {
    const client = mirror.publish(old, { version: 7 });
    const store = storeOf(client);
    await store.refresh();
    mirror.republish(client, newer, { secondRoot: 'Signed', version: 8 });
    assert.deepEqual((await store.refresh()).versions, { root: 2, timestamp: 8, snapshot: 8, targets: 8 });
  });

  test('nothing that was refreshed of one mirror counts for another, nor under another first root', async () => {
    const [one, other] = [mirror.publish(old), mirror.publish(newer)];
    const directory = newDirectory();
    await storeOf(one, { directory }).refresh();
    assert.equal(await storeOf(other, { directory }).lastGood(), undefined);
    assert.equal(await storeOf({ ...one, tufRootPath: other.tufRootPath }, { directory }).lastGood(), undefined);
  });

  test('it is asked for through the proxy of the environment, and nothing else is afterwards', async () => {
    const client = mirror.publish(old);
    const { port } = new URL(client.tufMirrorURL);
    const proxied: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (incoming, socket) => {
      proxied.push(incoming.url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
    try {
      const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      await assert.rejects(storeOf(client, { proxy: { http_proxy: address } }).refresh(), coded('Unreachable', /could not be asked/));
      assert.deepEqual([...new Set(proxied)], [`127.0.0.1:${port}`]);
      assert.equal((await storeOf(client, { proxy: { http_proxy: address, no_proxy: '127.0.0.1' } }).refresh()).text, old);
      assert.equal((await storeOf(client).refresh()).text, old);
    } finally {
      proxy.close();
    }
  });
});

const REFUSED: Record<string, [TufFaults, TrustRefreshCode, RegExp]> = {
  'with metadata that has expired': [{ expires: { timestamp: Date.now() - HOUR } }, 'Rejected', /timestamp\.json is expired/],
  'with a snapshot that has expired': [{ expires: { snapshot: Date.now() - HOUR } }, 'Rejected', /expired/],
  'with a timestamp by a stranger': [{ forged: 'timestamp' }, 'Rejected', /timestamp was signed by 0\/1 keys/],
  'with targets by a stranger': [{ forged: 'targets' }, 'Rejected', /targets was signed by 0\/1 keys/],
  'with a new root that the old one did not sign': [{ secondRoot: 'Unsigned' }, 'Rejected', /root was signed by 0\/1 keys/],
  'with another file than the one that was signed for': [{ served: old }, 'Rejected', /not vouched for/],
  'that says that the file has gigabytes': [{ length: 1024 ** 3 }, 'Rejected', /at most 1048576 are read/],
  'that delegates the file to a role whose name is a path': [{ delegated: '../../../evil' }, 'Rejected', /its targets name no trusted_root\.json/],
  'that has nothing': [{ empty: true }, 'Unreachable', /could not be asked/],
};

describe('a mirror is not believed', () => {
  for (const [sentence, [faults, code, message]] of Object.entries(REFUSED)) {
    test(`${sentence}, and what was good stays`, async () => {
      const client = mirror.publish(old);
      const store = storeOf(client);
      const good = await store.refresh();
      mirror.republish(client, newer, { version: 2, ...faults });
      await assert.rejects(store.refresh(), coded(code, message));
      assert.deepEqual(await store.lastGood(), good);
    });
  }

  test('that does not answer', async () => {
    const gone = await startTufMirror(mkdtempSync(join(folder, 'gone-')));
    const client = gone.publish(old);
    await gone.stop();
    await assert.rejects(storeOf(client).refresh(), coded('Unreachable', new RegExp(`the TUF mirror ${client.tufMirrorURL} could not be asked`)));
  });

  test('that never ends its answer', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const tufMirrorURL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    try {
      await assert.rejects(storeOf({ ...mirror.publish(old), tufMirrorURL }, { timeout: 200 }).refresh(), coded('Unreachable', /time/i));
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  test('with metadata that is no metadata', async () => {
    const odd = createServer((_, response) => void response.end('{"signed":{"_type":"timestamp","__proto__":[]},"signatures":7}'));
    await new Promise<void>((resolve) => void odd.listen(0, '127.0.0.1', resolve));
    const tufMirrorURL = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
    try {
      await assert.rejects(storeOf({ ...mirror.publish(old), tufMirrorURL }).refresh(), coded('Rejected', /not vouched for/));
    } finally {
      odd.closeAllConnections();
      odd.close();
    }
  });

  test('with a trusted root that is vouched for and useless', async () => {
    const client = mirror.publish(old);
    const store = storeOf(client);
    const good = await store.refresh();
    mirror.republish(client, '{}', { version: 2 });
    await assert.rejects(store.refresh(), coded('Unusable', /cannot be used: .*mediaType/));
    assert.deepEqual(await store.lastGood(), good);
  });
});

describe('nothing older is taken', () => {
  for (const [sentence, forget] of [
    ['from the metadata that the library has kept', false],
    ['also when that is gone', true],
  ] as const) {
    test(sentence, async () => {
      const client = mirror.publish(newer, { version: 2 });
      const directory = newDirectory();
      const store = storeOf(client, { directory });
      const good = await store.refresh();
      mirror.republish(client, old, { version: 1 });
      if (forget) rmSync(join(only(directory), 'tuf'), { recursive: true });
      await assert.rejects(store.refresh(), forget ? coded('Backwards', /timestamp version 1, and version 2 was seen/) : coded('Rejected', /less than current version/));
      assert.deepEqual(await store.lastGood(), good);
    });
  }

  test('nor another trusted root under the same version', async () => {
    const client = mirror.publish(newer);
    const directory = newDirectory();
    const store = storeOf(client, { directory });
    await store.refresh();
    mirror.republish(client, old);
    rmSync(join(only(directory), 'tuf'), { recursive: true });
    await assert.rejects(store.refresh(), coded('Backwards', /another trusted root under targets version 1/));
  });
});

describe('on disk', () => {
  test('names are those of this program: none comes from what a mirror says', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    await storeOf(client, { directory }).refresh();
    assert.match(only(directory), /\/[0-9a-f]{32}$/);
    assert.deepEqual(readdirSync(only(directory)).toSorted(), ['attempted', 'last-good.json', 'tuf']);
    const library = only(join(only(directory), 'tuf'));
    assert.deepEqual(readdirSync(library).toSorted(), ['root.json', 'snapshot.json', 'targets', 'targets.json', 'timestamp.json']);
    assert.deepEqual(readdirSync(join(library, 'targets')), ['trusted_root.json']);
    assert.equal(statSync(only(directory)).mode & 0o777, 0o700);
    assert.equal(statSync(join(only(directory), 'last-good.json')).mode & 0o777, 0o600);
  });

  test('what a crash left of the library’s files does not stand in the way', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    const store = storeOf(client, { directory });
    await store.refresh();
    writeFileSync(join(only(join(only(directory), 'tuf')), 'root.json'), '{"signed":');
    assert.equal((await store.refresh()).text, old);
  });

  test('several processes may refresh at the same time', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    for (const text of [old, newer]) {
      mirror.republish(client, text, { version: text === old ? 1 : 2 });
      const all = await Promise.all(Array.from({ length: 6 }, () => storeOf(client, { directory, clock: new ManualClock(Date.now()) }).refresh()));
      assert.deepEqual(all.map((trust) => trust.text), Array.from({ length: 6 }, () => text));
      assert.equal((await storeOf(client, { directory }).lastGood())?.text, text);
    }
    assert.deepEqual(readdirSync(only(directory)).toSorted(), ['attempted', 'last-good.json', 'tuf']);
  });

  test('what a process left that ended in the middle is removed, once it is old', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    await storeOf(client, { directory }).refresh();
    const [left, fresh] = [join(only(directory), 'refresh-left'), join(only(directory), 'refresh-fresh')];
    for (const path of [left, fresh]) mkdirSync(path);
    utimesSync(left, (NOW - 2 * HOUR) / 1000, (NOW - 2 * HOUR) / 1000);
    utimesSync(fresh, NOW / 1000, NOW / 1000);
    await storeOf(client, { directory }).refresh();
    assert.deepEqual([existsSync(left), existsSync(fresh)], [false, true]);
  });

  const BROKEN: Record<string, (path: string) => void> = {
    'that ends early': (path) => writeFileSync(path, readFileSync(path, 'utf8').slice(0, -20)),
    'with another trusted root in it': (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('old.test', 'bad.test')),
    'of another mirror': (path) => writeFileSync(path, readFileSync(path, 'utf8').replace(/"mirror":"[^"]*"/, '"mirror":"https://other"')),
    'without its versions': (path) => writeFileSync(path, readFileSync(path, 'utf8').replace(/"versions":\{[^}]*\}/, '"versions":{}')),
    'that is not a record': (path) => writeFileSync(path, 'null'),
    'that is larger than it can be': (path) => writeFileSync(path, readFileSync(path, 'utf8').padEnd(3 * 1024 * 1024)),
    'that others can write': (path) => chmodSync(path, 0o666),
  };
  for (const [sentence, spoil] of Object.entries(BROKEN)) {
    test(`a record ${sentence} is told, never believed, and replaced by the next refresh`, async () => {
      const client = mirror.publish(old);
      const directory = newDirectory();
      const store = storeOf(client, { directory });
      await store.refresh();
      spoil(join(only(directory), 'last-good.json'));
      await assert.rejects(store.lastGood(), coded('Disk', /last-good\.json/));
      await store.refresh();
      assert.equal((await store.lastGood())?.text, old);
    });
  }

  test('a folder that others can write is refused: they would decide what is trusted', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    const store = storeOf(client, { directory });
    await store.refresh();
    chmodSync(only(directory), 0o777);
    await assert.rejects(store.lastGood(), coded('Disk', /chmod go-w/));
    await assert.rejects(store.refresh(), coded('Disk', /chmod go-w/));
  });

  test('a link in place of the folder is refused', async () => {
    const client = mirror.publish(old);
    const directory = newDirectory();
    await storeOf(client, { directory }).refresh();
    const own = only(directory);
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    rmSync(own, { recursive: true });
    symlinkSync(elsewhere, own);
    await assert.rejects(storeOf(client, { directory }).refresh(), coded('Disk', /not a directory/));
    assert.deepEqual(readdirSync(elsewhere), []);
  });

  test('a folder that cannot be made is told', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await assert.rejects(storeOf(mirror.publish(old), { directory: join(file, 'cache') }).refresh(), coded('Disk', /cannot be used/));
    assert.ok(existsSync(file));
  });
});
