import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quote } from '../../../src/verification/sentences.ts';

const quoted: Record<string, { text: string; said: string }> = {
  'a pattern is told as the policy has it': { text: String.raw`^https://github\.com/acme/.*$`, said: String.raw`"^https://github\.com/acme/.*$"` },
  'a quotation mark does not end the quotation': { text: 'a" is trusted', said: String.raw`"a\u{22} is trusted"` },
  'an escape sequence does not reach a terminal': { text: '\u001b[2Jclean', said: String.raw`"\u{1b}[2Jclean"` },
  'text cannot be made to run backwards': { text: 'a\u202Eb', said: String.raw`"a\u{202e}b"` },
  'line breaks become blanks': { text: 'a\n\nb', said: '"a b"' },
  'it is cut at its limit': { text: 'x'.repeat(200), said: `"${'x'.repeat(119)}…"` },
};
for (const [sentence, { text, said }] of Object.entries(quoted)) {
  test(sentence, () => assert.equal(quote(text), said));
}
