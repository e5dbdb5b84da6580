import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { TokenBuckets, clip, microTime } from '../../../src/kube/event-limits.ts';

const MINUTE = 60_000;

function take(buckets: TokenBuckets, key: string, times: number, now: number): number {
  return Array.from({ length: times }, () => buckets.take(key, now)).filter(Boolean).length;
}

describe('a token bucket', () => {
  it('gives a burst and then one token in each refill time', () => {
    const buckets = new TokenBuckets({ burst: 25, refill: 5 * MINUTE }, 10);
    assert.equal(take(buckets, 'a', 100, 0), 25);
    assert.equal(take(buckets, 'a', 10, 4 * MINUTE), 0);
    assert.equal(take(buckets, 'a', 10, 5 * MINUTE), 1);
    assert.equal(take(buckets, 'a', 10, 20 * MINUTE), 3);
    assert.equal(take(buckets, 'a', 100, 10_000 * MINUTE), 25, 'never more than the burst');
  });

  it('is one per key', () => {
    const buckets = new TokenBuckets({ burst: 2, refill: MINUTE }, 10);
    assert.deepEqual([take(buckets, 'a', 5, 0), take(buckets, 'b', 5, 0)], [2, 2]);
  });

  it('does not give when the clock goes back', () => {
    const buckets = new TokenBuckets({ burst: 1, refill: MINUTE }, 10);
    buckets.take('a', 10 * MINUTE);
    assert.equal(buckets.take('a', 0), false);
  });

  it('is forgotten when there are too many', () => {
    const buckets = new TokenBuckets({ burst: 1, refill: MINUTE }, 2);
    for (const key of ['a', 'b', 'c']) buckets.take(key, 0);
    assert.equal(buckets.take('c', 0), false);
    assert.equal(buckets.take('a', 0), true);
  });
});

describe('a note', () => {
  it('that fits is left as it is', () => assert.equal(clip('short', 5), 'short'));

  it('is never longer than allowed and never ends within a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 3, max: 40 }), (text, limit) => {
        const clipped = clip(text, limit);
        assert.ok(Buffer.byteLength(clipped) <= limit, clipped);
        if (clipped !== text) assert.ok(text.startsWith(clipped.slice(0, -1)) && clipped.endsWith('…'), clipped);
      }),
    );
  });
});

describe('a time', () => {
  it('has six digits, as MicroTime must', () => assert.equal(microTime(1_700_000_000_001), '2023-11-14T22:13:20.001000Z'));
});
