import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import type { Pass } from '../../../src/verification/matching.ts';
import { distinctPasses } from '../../../src/verification/matching.ts';

const pass = (authority: number, candidate: string, signer: string): Pass<undefined> => ({ authority, candidate, signer, value: undefined });

const cases: Readonly<Record<string, readonly [readonly Pass<undefined>[], number]>> = {
  'no pass is none': [[], 0],
  'one signature counts for one authority': [[pass(0, 'a', 'x'), pass(1, 'a', 'x')], 1],
  'one signer counts once, however often it signed': [[pass(0, 'a', 'x'), pass(1, 'b', 'x')], 1],
  'two signers count twice': [[pass(0, 'a', 'x'), pass(1, 'b', 'y')], 2],
  'taking the first that fits would find one where two exist': [[pass(0, 'a', 'x'), pass(0, 'b', 'y'), pass(1, 'a', 'x')], 2],
  'a chain of three is found': [[pass(0, 'a', 'x'), pass(0, 'b', 'y'), pass(1, 'b', 'y'), pass(1, 'c', 'z'), pass(2, 'a', 'x')], 3],
  'two signers of one signature are one party': [[pass(0, 'a', 'x'), pass(1, 'a', 'y'), pass(1, 'b', 'y')], 1],
  'two authorities of one signer and one of another are two': [[pass(0, 'a', 'x'), pass(1, 'a', 'x'), pass(2, 'b', 'y')], 2],
};
for (const [sentence, [passes, count]] of Object.entries(cases)) {
  test(sentence, () => assert.equal(distinctPasses(passes).length, count));
}

/** Every choice of passes in which authorities and parties occur once; the size of the largest. */
function exhaustive(passes: readonly Pass<undefined>[], partyOf: (pass: Pass<undefined>) => string, authorities = new Set<number>(), parties = new Set<string>()): number {
  const [first, ...rest] = passes;
  if (first === undefined) return 0;
  const without = exhaustive(rest, partyOf, authorities, parties);
  const party = partyOf(first);
  if (authorities.has(first.authority) || parties.has(party)) return without;
  return Math.max(without, 1 + exhaustive(rest, partyOf, new Set([...authorities, first.authority]), new Set([...parties, party])));
}

test('as many authorities pass as in the best of all choices, and nobody counts twice', () => {
  // Each signer has signatures of its own here, so that a party is a signer.
  const arbitrary = fc.array(fc.record({ authority: fc.nat(4), signer: fc.constantFrom('v', 'w', 'x', 'y', 'z'), copy: fc.nat(1) }), { maxLength: 12 });
  fc.assert(
    fc.property(arbitrary, (rows) => {
      const passes = rows.map(({ authority, signer, copy }) => pass(authority, `${signer}${copy}`, signer));
      const found = distinctPasses(passes);
      assert.equal(found.length, exhaustive(passes, ({ signer }) => signer));
      for (const member of ['authority', 'candidate', 'signer'] as const) assert.equal(new Set(found.map((one) => one[member])).size, found.length, member);
      assert.deepEqual(found.map(({ authority }) => authority), found.map(({ authority }) => authority).toSorted((a, b) => a - b));
    }),
    { numRuns: 500, seed: 7 },
  );
});
