import assert from 'node:assert/strict';
import test from 'node:test';
import { InOrder, goJson } from '../../../src/cli/verify-json.ts';

const cases: Readonly<Record<string, readonly [unknown, string]>> = {
  'map keys are sorted by their bytes': [{ b: 1, a: 2, B: 3, '1': 4, 'é': 5 }, '{"1":4,"B":3,"a":2,"b":1,"é":5}'],
  'members of a struct keep their order': [new InOrder([['b', 1], ['a', { d: 1, c: 2 }]]), '{"b":1,"a":{"c":2,"d":1}}'],
  'what HTML would read is escaped, also in keys': [{ '<': '>&' }, String.raw`{"\u003c":"\u003e\u0026"}`],
  'line separators are escaped': ['a\u2028\u2029', String.raw`"a\u2028\u2029"`],
  'quotes and control characters are escaped': ['"\n\u0001', String.raw`"\"\n\u0001"`],
  'half of a surrogate pair is replaced, as in Go': ['a\ud800b', '"a\ufffdb"'],
  'zero keeps its sign': [[0, -0], '[0,-0]'],
  'null, lists and numbers are as in JSON': [[null, true, 1.5, []], '[null,true,1.5,[]]'],
  'a key __proto__ is a key': [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
};
for (const [sentence, [value, text]] of Object.entries(cases)) {
  test(sentence, () => assert.equal(goJson(value), text));
}
