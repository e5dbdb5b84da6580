import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contend, type Contention, type PinHistory } from '../../../src/controllers/contention.ts';
import type { Pin } from '../../../src/controllers/pin-plan.ts';
import { D1, field, NOW } from './builders.ts';

const HOUR = 3_600_000;
const pin = (from: string): Pin => ({ field: field(from), from, to: `app@${D1}`, digest: D1 });
const unknown = { uid: 'u1' };
const argo = { uid: 'u1', writer: 'Argo CD' };

/** The decisions over a row of looks at which the same reference is back each time. */
function row(who: { uid: string; writer?: string }, looks: readonly { from?: string; at?: number; uid?: string }[]): Contention[] {
  let history: PinHistory | undefined;
  return looks.map(({ from = 'app:1', at = NOW, uid }) => {
    const decision = contend({ ...who, ...(uid === undefined ? {} : { uid }) }, [pin(from)], history, at);
    history = decision.history;
    return decision;
  });
}

const rows: Record<string, { who: typeof argo | typeof unknown; looks: Parameters<typeof row>[1]; pins: boolean[] }> = {
  'the first pin is nobody’s revert': { who: argo, looks: [{}], pins: [true] },
  'a known reconciler stops pinning at its first revert': { who: argo, looks: [{}, {}], pins: [true, false] },
  'an unknown writer stops pinning at the third revert': { who: unknown, looks: [{}, {}, {}, {}], pins: [true, true, true, false] },
  'a new tag is a new intention': { who: argo, looks: [{}, { from: 'app:2' }, { from: 'app:3' }], pins: [true, true, true] },
  'a re-created object starts afresh': { who: argo, looks: [{}, { uid: 'u2' }], pins: [true, true] },
  'after an hour it is tried once, and stops for two': { who: argo, looks: [{}, {}, { at: NOW + HOUR }, { at: NOW + HOUR }, { at: NOW + 2 * HOUR }, { at: NOW + 3 * HOUR }], pins: [true, false, true, false, false, true] },
};
for (const [sentence, { who, looks, pins }] of Object.entries(rows)) {
  test(sentence, () => assert.deepEqual(row(who, looks).map((one) => one.pin), pins));
}

test('waits double up to a day', () => {
  let at = NOW;
  let history: PinHistory | undefined;
  const waits: number[] = [];
  for (let look = 0; look < 16; look += 1) {
    const decision = contend(argo, [pin('app:1')], history, at);
    history = decision.history;
    if (decision.pin) continue;
    waits.push(decision.retryAfter / HOUR);
    at += decision.retryAfter;
  }
  assert.deepEqual(waits.slice(0, 7), [1, 2, 4, 8, 16, 24, 24]);
});
