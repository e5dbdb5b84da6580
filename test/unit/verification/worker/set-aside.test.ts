import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgementId, SetAside } from '../../../../src/verification/worker/set-aside.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { candidate, facts, HOUR, keyless, policy } from '../builders.ts';

const MINUTE = 60_000;

test('each time it is set aside for longer, up to an hour', () => {
  const clock = new ManualClock();
  const aside = new SetAside(clock, () => 1);
  const waits = Array.from({ length: 6 }, () => {
    const { until } = aside.put('a', 'it overran');
    const wait = until - clock.now();
    clock.advance(wait);
    return wait / MINUTE;
  });
  assert.deepEqual(waits, [1, 4, 16, 60, 60, 60]);
});

test('until then it is found, with why; then it may be tried', () => {
  const clock = new ManualClock();
  const aside = new SetAside(clock, () => 1);
  aside.put('a', 'it overran');
  clock.advance(MINUTE - 1);
  assert.equal(aside.find('a')?.why, 'it overran');
  assert.equal(aside.find('b'), undefined);
  clock.advance(1);
  assert.equal(aside.find('a'), undefined);
});

test('what was judged after all begins anew', () => {
  const clock = new ManualClock();
  const aside = new SetAside(clock, () => 1);
  aside.put('a', 'x');
  aside.put('a', 'x');
  aside.forget('a');
  assert.equal(aside.find('a'), undefined);
  assert.equal(aside.put('a', 'x').count, 1);
});

test('what is remembered is bounded: the oldest is forgotten', () => {
  const aside = new SetAside(new ManualClock(), () => 1);
  for (let index = 0; index < 20_000; index += 1) aside.put(`judgement ${index}`, 'x'.repeat(100));
  assert.equal(aside.find('judgement 0'), undefined);
  assert.ok(aside.find('judgement 19999'));
});

test('a judgement is the same for the same signatures under the same material of a policy, and for nothing else', () => {
  const [one, two] = [policy([keyless('a')]), policy([keyless('b')])];
  const seen = facts([candidate('x')]);
  assert.equal(judgementId(one, seen), judgementId({ ...one, recheckInterval: HOUR, key: { kind: 'ImageVerification', namespace: 'web', name: 'q' } }, { ...seen, now: seen.now + 1 }));
  const others = [judgementId(two, seen), judgementId({ ...one, threshold: 2 }, seen), judgementId(one, facts([], { hash: `sha256:${'0'.repeat(64)}` }))];
  assert.equal(new Set([judgementId(one, seen), ...others]).size, 4);
});
