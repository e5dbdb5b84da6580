import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsBeforeEmbedded, embeddedRoot, embeddedRootVersion, PUBLIC_GOOD_MIRROR } from '../../../src/trust/public-good.ts';
import type { RefreshedTrust } from '../../../src/trust/types.ts';

const refreshed = (root: number): RefreshedTrust => ({ text: '{}', versions: { root, timestamp: 1, snapshot: 1, targets: 1 }, expires: 0, refreshedAt: 0 });
const OURS = { mirror: PUBLIC_GOOD_MIRROR };

test('the root of this build is that of the public-good instance', () => {
  const { signed } = JSON.parse(embeddedRoot().toString('utf8')) as { signed: { _type: string; version: number } };
  assert.equal(signed._type, 'root');
  assert.equal(embeddedRootVersion(), signed.version);
  assert.ok(signed.version >= 16);
});

test('of what was refreshed and what was built in, the newer root metadata counts', () => {
  assert.equal(countsBeforeEmbedded(refreshed(17), OURS, 16), true);
  assert.equal(countsBeforeEmbedded(refreshed(16), OURS, 16), true, 'refreshed under the same root is what the mirror said later');
  assert.equal(countsBeforeEmbedded(refreshed(15), OURS, 16), false, 'a folder of years ago does not take a new build backwards');
});

test('a mirror of the public-good instance is held to the same', () => {
  assert.equal(countsBeforeEmbedded(refreshed(15), { mirror: 'https://mirror.corp.example' }, 16), false);
});

test('an instance of its own has nothing to do with what was built in', () => {
  assert.equal(countsBeforeEmbedded(refreshed(1), { mirror: 'https://tuf.corp.example', firstRoot: Buffer.from('{}') }, 16), true);
});
