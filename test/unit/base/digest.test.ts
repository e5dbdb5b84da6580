import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestInTurns, digestOf } from '../../../src/base/digest.ts';

test('a digest that is made in turns is the digest', async () => {
  for (const size of [0, 1, 2 * 1024 * 1024, 2 * 1024 * 1024 + 1, 5_000_000]) {
    const bytes = Buffer.alloc(size, 7);
    assert.equal(await digestInTurns(bytes), digestOf(bytes));
  }
});

test('hashing many bytes gives others their turn', async () => {
  let turns = 0;
  let done = false;
  const tick = (): void => {
    turns += 1;
    if (!done) setImmediate(tick);
  };
  setImmediate(tick);
  await digestInTurns(Buffer.alloc(10 * 1024 * 1024));
  done = true;
  assert.ok(turns >= 4, `${turns} turns`);
});
