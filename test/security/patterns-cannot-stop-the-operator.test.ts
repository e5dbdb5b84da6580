import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRe2, Re2Error } from '../../src/api/re2.ts';
import type { Clock } from '../../src/base/clock.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';
import { Prover } from '../../src/verification/prover.ts';
import { bySubject, candidate, facts, keyless, policy } from '../unit/verification/builders.ts';
import { costOf } from '../support/cost.ts';

/*
 * RE2 is linear in the text, but the factor is the pattern's: one of 4,000 instructions took a quarter of a second for each name that it
 * was held against, outside of the time that a judgement may take (CVE-2023-7279 is of this kind).
 */

/** What `costOf` may say: milliseconds of a fixed machine, whatever else this one does. */
const BOUND = 200;

const text = 'ab'.repeat(8192);

describe('patterns cannot stop the operator', () => {
  for (const pattern of ['^((a?b?){280}[^ab])$', '([ab]*[ab]){390}[^ab]$', '^(([ab]?){490}[^ab])$', '(?:a|b)*a(?:a|b){270}c']) {
    test(`${pattern} is held against 16 KiB at once`, () => {
      const compiled = compileRe2(pattern);
      assert.ok(costOf(() => assert.equal(compiled.search(text), false)) < BOUND);
    });
  }

  test('a pattern that takes longer is not compiled', () => {
    assert.throws(() => compileRe2('^((a?b?){700}[^ab])$'), Re2Error);
  });

  test('a judgement whose proofs are all at hand ends when its time is used up, and lets others run', async () => {
    let now = 0;
    // Each look at the clock takes a while, as holding patterns against names does.
    const clock: Clock = { now: () => (now += 10), setTimeout: () => () => undefined } as unknown as Clock;
    let proofs = 0;
    const prove = (): ReturnType<typeof bySubject> => {
      proofs += 1;
      return bySubject('nobody');
    };
    const prover = new Prover(prove, clock, { ...DEFAULT_LIMITS, judgement: 100 });
    const many = facts(Array.from({ length: 64 }, (_, at) => candidate(`signature ${at}`)));
    const asked = policy([keyless('release')]);
    let last = await prover.judge(asked, many);
    for (let round = 0; round < 10; round += 1) last = await prover.judge(asked, many);
    const before = proofs;
    let turns = 0;
    const other = setImmediate(function again() {
      turns += 1;
      setImmediate(again).unref();
    });
    last = await prover.judge(asked, many);
    clearImmediate(other);
    assert.equal(last.reason, 'LimitExceeded');
    assert.equal(proofs, before, 'nothing was proven anew');
    assert.ok(turns >= 2, `${turns} turns of others`);
  });
});
