import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrustRefresher } from '../../../src/trust/refresher.ts';
import type { RefreshedTrust } from '../../../src/trust/types.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TRUST: RefreshedTrust = { text: '{}', versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 }, expires: 0, refreshedAt: 0 };

/** A refresher whose refreshes end as `answers` say, and what was told of them. */
function refresherOf(answers: readonly ('fine' | 'fails' | 'never')[]) {
  const clock = new ManualClock();
  const told: string[] = [];
  let asked = 0;
  const refresher = new TrustRefresher({
    clock,
    refresh: () => {
      const answer = answers[asked] ?? 'fine';
      asked += 1;
      if (answer === 'never') return new Promise(() => undefined);
      return answer === 'fine' ? Promise.resolve(TRUST) : Promise.reject(new Error('away'));
    },
    onRefreshed: () => told.push('refreshed'),
    onFailed: (_, failures) => told.push(`failed ${failures}`),
    random: () => 0.5,
  });
  const pass = async (milliseconds: number): Promise<number> => {
    await settled();
    clock.advance(milliseconds);
    await settled();
    return asked;
  };
  return { refresher, told, pass, clock };
}

test('it asks at once, and after that every six hours or a little earlier', async () => {
  const { refresher, told, pass } = refresherOf([]);
  refresher.start();
  assert.equal(await pass(0), 1);
  assert.equal(await pass(5 * HOUR), 1);
  assert.equal(await pass(HOUR), 2);
  assert.deepEqual(told, ['refreshed', 'refreshed']);
  void refresher.stop();
});

test('a mirror that is away is asked again soon, then less and less often, and never less often than one that is there', async () => {
  const { refresher, told, pass } = refresherOf(Array.from({ length: 20 }, () => 'fails' as const));
  refresher.start();
  assert.equal(await pass(0), 1);
  assert.equal(await pass(2 * MINUTE), 2);
  assert.equal(await pass(2 * MINUTE), 2);
  assert.equal(await pass(2 * MINUTE), 3);
  for (let hours = 0; hours < 48; hours += 1) await pass(HOUR);
  const before = await pass(0);
  assert.equal(await pass(6 * HOUR), before + 1);
  assert.deepEqual(told.slice(0, 3), ['failed 1', 'failed 2', 'failed 3']);
  void refresher.stop();
});

test('failures are counted anew after a success', async () => {
  const { refresher, told, pass } = refresherOf(['fails', 'fine', 'fails']);
  refresher.start();
  await pass(2 * MINUTE);
  await pass(6 * HOUR);
  assert.deepEqual(told, ['failed 1', 'refreshed', 'failed 1']);
  void refresher.stop();
});

test('one that is under way is not joined by a second', async () => {
  const { refresher, pass } = refresherOf(['never']);
  refresher.start();
  refresher.start();
  assert.equal(await pass(48 * HOUR), 1);
  void refresher.stop();
});

test('after a stop nothing is asked or told, and no timer is left', async () => {
  const { refresher, told, pass, clock } = refresherOf([]);
  refresher.start();
  await pass(0);
  await refresher.stop();
  assert.equal(await pass(48 * HOUR), 1);
  assert.deepEqual(told, ['refreshed']);
  assert.equal(clock.timers, 0);
});

test('a stop waits for the attempt that is under way, and nothing is told of it', async () => {
  let finish: (() => void) | undefined;
  const told: string[] = [];
  const refresher = new TrustRefresher({
    clock: new ManualClock(),
    refresh: () => new Promise((resolve) => (finish = () => resolve(TRUST))),
    onRefreshed: () => told.push('refreshed'),
    onFailed: () => told.push('failed'),
  });
  refresher.start();
  let stopped = false;
  const end = refresher.stop().then(() => (stopped = true));
  await settled();
  assert.equal(stopped, false);
  finish?.();
  await end;
  assert.deepEqual(told, []);
});
