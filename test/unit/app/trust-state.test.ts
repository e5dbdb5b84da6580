import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrustState } from '../../../src/app/trust-state.ts';
import type { TrustStateOptions } from '../../../src/app/trust-state.ts';
import type { OperatorRoot } from '../../../src/controllers/policy-compiler.ts';
import { type DescribedTrust, trustSource } from '../../../src/signatures/trust-recipe.ts';
import type { RefreshedTrust } from '../../../src/trust/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HOUR = 3_600_000;
const START = 1_800_000_000_000;
const MEMBERS = { certificateAuthorities: 1, tlogs: 1, ctlogs: 1, timestampAuthorities: 1 };
const root = (text: string): DescribedTrust => ({ source: trustSource('TrustedRoot', text), description: { members: MEMBERS } });
const EMBEDDED = root('embedded');

function stateOf(difference: Partial<TrustStateOptions> = {}) {
  const clock = new ManualClock(START);
  const origins: string[] = [];
  const seen: { refreshedAt: number; expires: number }[] = [];
  const state = new TrustState({
    clock,
    observer: { attempt: () => undefined, origin: (origin) => origins.push(origin), refreshed: (trust) => seen.push(trust) },
    mirror: 'https://tuf.test',
    maxAge: undefined,
    embedded: EMBEDDED,
    ...difference,
  });
  let changes = 0;
  state.onChange(() => {
    changes += 1;
  });
  const refresh = (text: string, times: Partial<RefreshedTrust> = {}): void =>
    state.refreshed(root(text), { text, versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 }, expires: clock.now() + 7 * 24 * HOUR, refreshedAt: clock.now(), ...times });
  return { clock, state, refresh, origins, seen, changes: () => changes };
}

const problem = ({ description }: OperatorRoot): string => ('problem' in description ? `${description.reason}: ${description.problem}` : '');

test('until something was refreshed, what the build has counts', () => {
  const { state, origins } = stateOf();
  assert.equal(state.current(), EMBEDDED);
  assert.equal(origins.at(-1), 'embedded');
});

test('what was refreshed counts from then on, and that is told', () => {
  const { state, refresh, origins, seen, changes } = stateOf();
  refresh('one');
  assert.equal(state.current().source.text, 'one');
  assert.deepEqual([changes(), origins.at(-1), seen.length], [1, 'refreshed', 1]);
  refresh('two');
  assert.equal(changes(), 2);
});

test('one that did not change is no change', () => {
  const { state, refresh, clock, changes } = stateOf();
  refresh('one');
  const before = state.current();
  clock.advance(HOUR);
  refresh('one');
  assert.equal(changes(), 1);
  assert.equal(state.current(), before);
});

test('an instance of its own that was never reached has none, and says so', () => {
  const { state, refresh, origins, changes } = stateOf({ embedded: undefined });
  assert.match(problem(state.current()), /^TrustRootUnavailable: the trust root of the TUF mirror https:\/\/tuf\.test was never refreshed/);
  assert.equal(origins.at(-1), 'none');
  refresh('one');
  assert.deepEqual([problem(state.current()), changes()], ['', 1]);
});

test('past the end of what vouches for it, it goes on counting with a note, until it is refreshed', () => {
  const { state, refresh, clock, changes } = stateOf();
  refresh('one');
  clock.advance(7 * 24 * HOUR);
  assert.deepEqual([state.current().note, changes()], [undefined, 1]);
  clock.advance(1);
  assert.match(state.current().note ?? '', /last refreshed at 2027-.* and what vouches for it ended at 2027-.*: it may be outdated/);
  assert.deepEqual([state.current().source.text, changes()], ['one', 2]);
  refresh('one');
  assert.deepEqual([state.current().note, changes()], [undefined, 3]);
});

test('past the age that is allowed nothing counts, until it is refreshed', () => {
  const { state, refresh, clock, changes } = stateOf({ maxAge: 48 * HOUR });
  assert.match(problem(state.current()), /^TrustRootExpired: the operator's trust root was never refreshed, and --max-trust-age allows no more than 48 h/);
  refresh('one');
  assert.equal(problem(state.current()), '');
  clock.advance(48 * HOUR);
  assert.equal(problem(state.current()), '');
  clock.advance(1);
  assert.match(problem(state.current()), /^TrustRootExpired: the operator's trust root was last refreshed at 2027-/);
  assert.equal(changes(), 2);
  refresh('one');
  assert.deepEqual([problem(state.current()), changes()], ['', 3]);
});

test('one that a process before had refreshed long ago is as old as it is', () => {
  const { state, refresh } = stateOf({ maxAge: 48 * HOUR });
  refresh('one', { refreshedAt: START - 49 * HOUR });
  assert.match(problem(state.current()), /^TrustRootExpired/);
});

test('after a stop no timer is left, and nobody is told', () => {
  const { state, refresh, clock, changes } = stateOf();
  refresh('one');
  state.stop();
  assert.equal(clock.timers, 0);
  clock.advance(365 * 24 * HOUR);
  assert.equal(changes(), 1);
});
