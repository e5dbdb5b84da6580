import assert from 'node:assert/strict';
import test from 'node:test';
import { messageOf } from '../../../src/base/errors.ts';
import { printable } from '../../../src/base/text.ts';

const CASES: Record<string, readonly [string, string]> = {
  'plain text stays as it is, in any script': ['a "b" \\d ü 漢 😀', 'a "b" \\d ü 漢 😀'],
  'what steers a terminal is spelt out': ['x\u001b[31mred\u0007', 'x\\u{1b}[31mred\\u{7}'],
  'what turns the direction of the text is spelt out': ['a\u202eb', 'a\\u{202e}b'],
  'what is not seen is spelt out': ['a\u200bb\u00ad', 'a\\u{200b}b\\u{ad}'],
  'half a character is spelt out': ['a\ud83d', 'a\\u{d83d}'],
};

for (const [name, [text, shown]] of Object.entries(CASES)) test(name, () => assert.equal(printable(text), shown));

test('an error is told in one line that can be printed', () => assert.equal(messageOf(new Error('a\n  b\u001b[2J')), 'a b\\u{1b}[2J'));
