import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDockerConfig } from '../../src/registry/docker-config.ts';
import { dockerConfigKeychain } from '../../src/registry/keychain.ts';
import { costOf } from '../support/cost.ts';

/*
 * A pull secret is written by whoever may write one in a namespace, and read in the operator's one thread: patterns over its keys
 * that take time by the square kept it busy for minutes (CVE-2023-7279 is of this kind).
 */

/** What `costOf` may say: milliseconds of a fixed machine, whatever else this one does. */
const BOUND = 250;
const LENGTH = 100_000;

const login = { auth: Buffer.from('me:secret').toString('base64') };
const bytesOf = (config: unknown): Buffer => Buffer.from(JSON.stringify(config));

const CONFIGS: Readonly<Record<string, unknown>> = {
  'slashes inside of the name of a registry': { auths: { [`a.example/x${'/'.repeat(LENGTH)}x`]: login } },
  'slashes and a line break in the name of a helper': { credHelpers: { [`${'/'.repeat(LENGTH)}\n`]: 'helper' } },
  'many names of the longest kind': { auths: Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`a${at}.example/x${'/'.repeat(1000)}x`, login])) },
  'many helpers of the longest kind': { credHelpers: Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`${at}${'/'.repeat(1000)}\n`, 'helper'])) },
};

describe('a pull secret cannot stop the operator', () => {
  for (const [what, config] of Object.entries(CONFIGS)) {
    test(`${what} is read at once`, () => {
      assert.ok(costOf(() => dockerConfigKeychain(bytesOf(config), 'config.json', 'Secret web/pull')) < BOUND);
    });
  }

  test('a name that is too long for a registry is told, and costs nobody else their credentials', () => {
    const { entries, notes } = parseDockerConfig(bytesOf({ auths: { [`a.example/${'x'.repeat(LENGTH)}`]: login, 'b.example': login } }), 'config.json', 'Secret web/pull');
    assert.deepEqual(entries.map(({ host }) => host), ['b.example']);
    assert.match(notes.join('; '), /is not named after a registry/);
    assert.ok(notes.join('; ').length < 512);
  });
});
