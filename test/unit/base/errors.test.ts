import assert from 'node:assert/strict';
import test from 'node:test';
import { messageOf, problemOf } from '../../../src/base/errors.ts';

const PROBLEMS: Record<string, [unknown, string]> = {
  'an error of a parser speaks for itself': [new Error('the tag is 5'), 'the tag is 5'],
  'code that stumbled over its input says nothing to people': [new TypeError("Cannot read properties of undefined (reading 'subs')"), 'it is malformed'],
  'a number that does not fit neither': [new RangeError('Invalid time value'), 'it is malformed'],
  'what is no error is told as text': ['gone', 'gone'],
};

for (const [sentence, [thrown, text]] of Object.entries(PROBLEMS)) test(sentence, () => assert.equal(problemOf(thrown), text));

test('a message is one line of bounded length', () => {
  assert.equal(messageOf(new Error('a\nb')), 'a b');
  assert.equal(problemOf(new Error('x'.repeat(50)), 10).length, 10);
});
