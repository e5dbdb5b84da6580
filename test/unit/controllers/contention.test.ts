import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digest } from '../../../src/base/digest.ts';
import { contend, type Contention, type PinHistory } from '../../../src/controllers/contention.ts';
import type { Pin } from '../../../src/controllers/pin-plan.ts';
import { D1, D2, field, NOW } from './builders.ts';

const HOUR = 3_600_000;
const pin = (from: string, digest: Digest = D1, index = 0): Pin => ({ field: field(from, index), from, to: `app@${digest}`, digest });
const unknown = { uid: 'u1' };
const argo = { uid: 'u1', writer: 'Argo CD' };

interface Look {
  readonly from?: string;
  readonly digest?: Digest;
  readonly pins?: readonly Pin[];
  readonly at?: number;
  readonly uid?: string;
  readonly basis?: string;
}

/** The decisions over a row of looks, in each of which the reference is back; what a look does not say is as ever. */
function row(who: typeof argo | typeof unknown, looks: readonly Look[], tags?: string): Contention[] {
  let history: PinHistory | undefined;
  return looks.map(({ from = 'app:1', digest = D1, pins = [pin(from, digest)], at = NOW, uid = who.uid, basis = 'policy and spec' }) => {
    const decision = contend({ workload: { ...who, uid, ...(tags === undefined ? {} : { tags }) }, pins, history, basis, now: at });
    history = decision.history;
    return decision;
  });
}

const both = [pin('app:1'), pin('side:1', D2, 1)];
const rows: Record<string, { who: typeof argo | typeof unknown; looks: readonly Look[]; pins: boolean[] }> = {
  'the first pin is nobody’s revert': { who: argo, looks: [{}], pins: [true] },
  'a known reconciler stops pinning at its first revert': { who: argo, looks: [{}, {}], pins: [true, false] },
  'an unknown writer stops pinning at the third revert': { who: unknown, looks: [{}, {}, {}, {}], pins: [true, true, true, false] },
  'a new tag is a new intention': { who: argo, looks: [{}, { from: 'app:2' }, { from: 'app:3' }], pins: [true, true, true] },
  'a new tag ends a quarrel': { who: argo, looks: [{}, {}, { from: 'app:2' }], pins: [true, false, true] },
  'an unknown writer who applies a tag that moved has a new intention': { who: unknown, looks: [{}, {}, {}, { digest: D2 }], pins: [true, true, true, true] },
  'a reconciler that puts its tag back does not mean what the tag moved to': { who: argo, looks: [{}, { digest: D2 }], pins: [true, false] },
  'a re-created object starts afresh': { who: argo, looks: [{}, { uid: 'u2' }], pins: [true, true] },
  'one of two references that comes back is a revert too': { who: argo, looks: [{ pins: both }, { pins: both.slice(0, 1) }], pins: [true, false] },
  'each of two references that come back in turn counts': { who: argo, looks: [{ pins: both }, { pins: both.slice(1) }], pins: [true, false] },
  'one that comes back with a new one beside it is a new intention': { who: argo, looks: [{ pins: both }, { pins: [pin('app:1'), pin('side:2', D2, 1)] }], pins: [true, true] },
  'a quarrel rests while nothing changes': { who: argo, looks: [{}, {}, { at: NOW + HOUR - 1 }], pins: [true, false, false] },
  'a change of the policy or of the rest of the spec is a reason to try once more': { who: argo, looks: [{}, {}, { basis: 'other' }, { basis: 'other' }], pins: [true, false, true, false] },
  'what comes back with another spec is a new rollout anyway, and no revert': { who: unknown, looks: [{}, { basis: '2' }, { basis: '3' }, { basis: '4' }, { basis: '5' }], pins: [true, true, true, true, true] },
  'after an hour it is tried once, and stops for two': { who: argo, looks: [{}, {}, { at: NOW + HOUR }, { at: NOW + HOUR }, { at: NOW + 2 * HOUR }, { at: NOW + 3 * HOUR }], pins: [true, false, true, false, false, true] },
};
for (const [sentence, { who, looks, pins }] of Object.entries(rows)) {
  test(sentence, () => assert.deepEqual(row(who, looks).map((one) => one.pin), pins));
}

const tag = (ref: string, reverts?: number): string => JSON.stringify({ c0: { ref, digest: D1, ...(reverts === undefined ? {} : { reverts }) } });
const starts: Record<string, { who: typeof argo | typeof unknown; tags?: string; pins: boolean[] }> = {
  'a start finds in the annotation that a reconciler put the reference back, and does not pin': { who: argo, tags: tag('app:1'), pins: [false] },
  'a start finds how often an unknown writer did': { who: unknown, tags: tag('app:1', 2), pins: [false] },
  'a start that finds one revert by an unknown writer pins': { who: unknown, tags: tag('app:1'), pins: [true, true, false] },
  'an annotation about another reference says nothing': { who: argo, tags: tag('app:0'), pins: [true, false] },
  'an annotation that does not parse says nothing': { who: argo, tags: '{', pins: [true, false] },
};
for (const [sentence, { who, tags, pins }] of Object.entries(starts)) {
  test(sentence, () => assert.deepEqual(row(who, pins.map(() => ({})), tags).map((one) => one.pin), pins));
}

test('reverts are counted, to be written with the next pin', () => {
  assert.deepEqual(row(unknown, [{}, {}, {}]).map(({ history }) => history.reverts), [0, 1, 2]);
});

test('waits double up to a day', () => {
  let at = NOW;
  let history: PinHistory | undefined;
  const waits: number[] = [];
  for (let look = 0; look < 16; look += 1) {
    const decision = contend({ workload: argo, pins: [pin('app:1')], history, basis: '', now: at });
    history = decision.history;
    if (decision.pin) continue;
    waits.push(decision.retryAfter / HOUR);
    at += decision.retryAfter;
  }
  assert.deepEqual(waits.slice(0, 7), [1, 2, 4, 8, 16, 24, 24]);
});
