import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { AT, asking, bundle, HOUR, IMAGE, keyOf, legacy, refused, release, trusting, world, YEAR } from '../support/signatures.ts';
import { stockVerify } from '../support/sigstore/stock.ts';

/*
 * The stock library looks at the validity of a log's key for signed entry timestamps only: the leaked key of a Rekor v2 log could not be retired
 * by ending it, as everybody would expect.
 */

const owner = world.key();
const day = (time: number): string => new Date(time).toISOString();
const period = (start: number, end?: number) => ({ periods: { tlogs: { start: day(start), ...(end === undefined ? {} : { end: day(end) }) } } });
const ended = trusting(world.trustedRoot(period(AT - YEAR, AT - HOUR)));
const notYet = trusting(world.trustedRoot(period(AT + HOUR)));
const endedLater = trusting(world.trustedRoot(period(AT - YEAR, AT + HOUR)));

describe('for the operator', () => {
  for (const [sentence, trust] of Object.entries({ 'a key that had ended': ended, 'a key that was not valid yet': notYet })) {
    test(`${sentence} proves no entry of Rekor v2`, () => void refused(bundle(release), asking({ trust }), 'NotLogged', /was not valid at 2026-11-20/));
    test(`${sentence} proves no entry of Rekor v2 of a signature by a key`, () =>
      void refused(bundle(owner, { timestamp: true }), asking({ trust, key: keyOf(owner) }), 'NotLogged', /was not valid at/));
    test(`${sentence} proves no entry of Rekor v1`, () => void refused(bundle(release, { log: 'v1' }), asking({ trust }), 'NotLogged'));
    test(`${sentence} proves no legacy entry`, () => void refused(legacy(release), asking({ trust }), 'NotLogged'));
    test(`${sentence} proves no legacy rekord entry`, () => void refused(legacy(owner, { entryKind: 'rekord' }), asking({ trust, key: keyOf(owner) }), 'NotLogged'));
  }

  test('a key that ended later still proves what was logged before', () => {
    assert.ok(prove(bundle(release), asking({ trust: endedLater })).logged);
    assert.ok(prove(legacy(release), asking({ trust: endedLater })).logged);
  });

  test('without any authenticated time the log’s key must be valid now', () => {
    const request = asking({ key: keyOf(owner), trust: endedLater });
    assert.ok(prove(bundle(owner), { ...request, now: AT }).logged);
    refused(bundle(owner), { ...request, now: AT + 2 * HOUR }, 'NotLogged', /was not valid at/);
  });
});

test('cosign, and the stock library, do not look at it', () => {
  assert.ok(prove(bundle(release), asking({ trust: ended, profile: COSIGN })).logged);
  assert.ok(stockVerify(JSON.stringify(world.trustedRoot(period(AT - YEAR, AT - HOUR))), world.bundle(release, IMAGE)));
});
