import assert from 'node:assert/strict';
import test from 'node:test';
import { compileRe2, Re2Error, re2Size, weaknessesOf } from '../../../src/api/re2.ts';
import { costOf } from '../../support/cost.ts';

const SEARCHES: Record<string, [string, string, boolean]> = {
  'a pattern is searched anywhere, as cosign does': ['acme', 'https://github.com/acme/web', true],
  '^ and $ compare all of it': ['^acme$', 'xacme', false],
  '$ does not end before a line break': ['^acme$', 'acme\n', false],
  'flags are understood': ['(?i)^ACME$', 'acme', true],
  'classes are understood': ['^[[:alpha:]]+$', 'acme', true],
  'quotations are understood': ['^\\Qa.b\\E$', 'axb', false],
};

for (const [sentence, [pattern, text, found]] of Object.entries(SEARCHES)) {
  test(sentence, () => assert.equal(compileRe2(pattern).search(text), found));
}

const BAD: Record<string, [string, RegExp]> = {
  'an open group': ['(', /missing closing \)/],
  'a look-ahead': ['(?=a)', /no RE2 regular expression/],
  'a look-behind': ['(?<=a)b', /no RE2 regular expression/],
  'a back-reference': ['(a)\\1', /invalid escape/],
  'a repeat above 1000': ['a{1001}', /invalid repeat count/],
  'nested repeats above 1000': ['(a{60}){20}', /invalid repeat count/],
  'many large repeats': ['x{0,1000}'.repeat(99), /more than 2000 instructions/],
  'a long group that is repeated': [`(${'ab'.repeat(50)}){1000}`, /more than 2000 instructions/],
  'a class that is repeated much': ['(?:[a-z]{10}[0-9]{10}){500}', /more than 2000 instructions/],
  'a pattern without end': ['a'.repeat(1025), /longer than 1024/],
};

for (const [sentence, [pattern, message]] of Object.entries(BAD)) {
  test(`refuses ${sentence}`, () => {
    assert.throws(() => compileRe2(pattern), (error: unknown) => error instanceof Re2Error && message.test(error.message));
  });
}

test('a pattern that compiles to too much is refused before it costs anything', () => {
  const cost = costOf(() => {
    for (let i = 0; i < 20; i += 1) assert.throws(() => compileRe2('x{0,1000}'.repeat(99)), Re2Error);
  });
  // Compiled first, it would be a second each.
  assert.ok(cost < 2000, `${cost} ms`);
});

test('real patterns are not too large', () => {
  assert.ok(compileRe2('^https://github\\.com/[a-z0-9-]{1,39}/[\\w.-]{1,100}/\\.github/workflows/[^/]{1,100}@refs/tags/v\\d{1,3}(\\.\\d{1,3}){2}$'));
});

test('a pattern that blows up elsewhere takes no time here', () => {
  const cost = costOf(() => assert.equal(compileRe2('^(a+a+)+b$').search('a'.repeat(10_000)), false));
  assert.ok(cost < 1000, `${cost} ms`);
});

test('however a pattern repeats, its size is a number, so that the sum over a policy is one', () => {
  const nested = `${'('.repeat(110)}x${'){9999}'.repeat(110)}`;
  for (const pattern of [nested, `${nested}{0}`, `a|${nested}{0}|b`]) assert.ok(re2Size(pattern) > 2000 && re2Size(pattern) < Number.POSITIVE_INFINITY, pattern);
});

const WEAK: Record<string, readonly string[]> = {
  '^https://github\\.com/acme/[^/]+$': [],
  '^(a|b)$': [],
  '(?i)^a$': [],
  '\\Aa\\z': [],
  '^[|]$': [],
  '^[]|]$': [],
  '^[^]|$]$': [],
  '^\\|$': [],
  '^\\Qa|b\\E$': [],
  '^[[:alpha:]|]$': [],
  acme: ['NoStartAnchor', 'NoEndAnchor'],
  '^acme': ['NoEndAnchor'],
  'acme$': ['NoStartAnchor'],
  '^acme\\$': ['NoEndAnchor'],
  '\\^acme$': ['NoStartAnchor'],
  '^a|b$': ['TopLevelAlternation'],
  '^(a)|(b)$': ['TopLevelAlternation'],
  '(?m)^a$': ['NoStartAnchor', 'NoEndAnchor'],
  '': ['NoStartAnchor', 'NoEndAnchor'],
};

for (const [pattern, weaknesses] of Object.entries(WEAK)) {
  test(`of "${pattern}" says: ${weaknesses.join(', ') || 'nothing'}`, () => assert.deepEqual(weaknessesOf(pattern), weaknesses));
}
