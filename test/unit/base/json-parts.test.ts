import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasMoreParts } from '../../../src/base/json-parts.ts';

/** Each text with the members and elements that are counted: a comma, a bracket or a brace before each. */
const cases: Readonly<Record<string, readonly [string, number]>> = {
  'a text without punctuation has none': ['12', 0],
  'elements are counted': ['[1,2,3]', 3],
  'members are counted': ['{"a":1,"b":2}', 2],
  'brackets and braces inside of others are counted': ['[[],{},[{}]]', 7],
  'punctuation inside of strings is counted': ['"a,b,[c{"', 4],
  'closing punctuation is not counted': [']}]}', 0],
};

describe('hasMoreParts', () => {
  for (const [sentence, [text, parts]] of Object.entries(cases)) {
    it(sentence, () => {
      const bytes = new TextEncoder().encode(text);
      assert.equal(hasMoreParts(bytes, parts), false);
      assert.equal(hasMoreParts(bytes, parts - 1), parts > 0);
    });
  }

  it('counts in the view that it is given and not in what is around it', () => {
    const bytes = new TextEncoder().encode(',,,[1,2],,,');
    assert.equal(hasMoreParts(bytes.subarray(3, 8), 2), false);
    assert.equal(hasMoreParts(bytes.subarray(3, 8), 1), true);
  });
});
