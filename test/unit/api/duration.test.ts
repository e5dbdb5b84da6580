import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../src/api/duration.ts';

const READS: Record<string, number | undefined> = {
  '24h': 86_400_000,
  '10m': 600_000,
  '7d': 604_800_000,
  '1h30m': 5_400_000,
  '1d2h3m4s': 93_784_000,
  '0s': 0,
  '': undefined,
  '10': undefined,
  '-1h': undefined,
  '1.5h': undefined,
  '1m1h': undefined,
  '1h1h': undefined,
  '1H': undefined,
  '1h ': undefined,
  '1ms': undefined,
  '100000d': undefined,
};

for (const [text, milliseconds] of Object.entries(READS)) {
  test(`"${text}" is ${milliseconds === undefined ? 'no duration' : `${milliseconds} ms`}`, () => {
    assert.equal(parseDuration(text), milliseconds);
  });
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 90_000 * 86_400 }), (seconds) => {
      assert.equal(parseDuration(formatDuration(seconds * 1000)), seconds * 1000);
    }),
  );
});
