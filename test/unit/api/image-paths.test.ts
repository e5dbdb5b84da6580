import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldsOf, isPlain, locate, parseImagePath, pointerOf } from '../../../src/api/image-paths.ts';

const OBJECT = { spec: { image: 'a', tasks: [{ spec: 'one' }, {}, { spec: 'two' }], roles: { Master: { spec: 'm' }, 'x/y~z': { spec: 'w' } }, steps: [[{ i: 1 }], [{ i: 2 }, { i: 3 }]] } };

const paths: Record<string, { path: string; pointers: readonly string[] }> = {
  'a field': { path: 'spec.image', pointers: ['/spec/image'] },
  'the elements of a list': { path: 'spec.tasks[*].spec', pointers: ['/spec/tasks/0/spec', '/spec/tasks/2/spec'] },
  'the members of a map, escaped': { path: 'spec.roles.*.spec', pointers: ['/spec/roles/Master/spec', '/spec/roles/x~1y~0z/spec'] },
  'a list of lists': { path: 'spec.steps[*][*].i', pointers: ['/spec/steps/0/0/i', '/spec/steps/1/0/i', '/spec/steps/1/1/i'] },
  'nothing where there is no such field': { path: 'spec.other.image', pointers: [] },
  'nothing where a list is expected and something else stands': { path: 'spec.roles[*].spec', pointers: [] },
  'nothing where a map is expected and a list stands': { path: 'spec.tasks.*.spec', pointers: [] },
  'nothing of what every object inherits': { path: 'spec.constructor.name', pointers: [] },
};
describe('a path leads to', () => {
  for (const [sentence, { path, pointers }] of Object.entries(paths)) {
    test(sentence, () => assert.deepEqual(locate(OBJECT, parseImagePath(path)).map(({ pointer }) => pointer), pointers));
  }

  test('nothing in what is no object', () => {
    for (const odd of [undefined, null, 5, 'spec', []]) assert.deepEqual(locate(odd, parseImagePath('spec.image')), []);
  });
});

for (const text of ['', '.', 'spec.', '.spec', 'spec[0]', 'spec[*', 'spec.a b', '$.spec', 'spec.[*]', 'spec.**', '*[*]x', 'a'.repeat(254), Array(17).fill('a').join('.')]) {
  test(`${JSON.stringify(text.slice(0, 20))} is no path, and it is said how one is written`, () => assert.throws(() => parseImagePath(text), /is no path; write field names.*spec\.tasks\[\*\]/));
}

test('a plain path leads to one place at most', () => {
  assert.ok(isPlain(parseImagePath('spec.template.spec')));
  assert.deepEqual(fieldsOf(parseImagePath('spec.template.spec')), ['spec', 'template', 'spec']);
  assert.ok(!isPlain(parseImagePath('spec.tasks[*].spec')));
  assert.ok(!isPlain(parseImagePath('spec.roles.*.spec')));
});

test('a path of field names becomes a JSON pointer', () => {
  assert.equal(pointerOf(['spec', 'jobTemplate', 'a/b~c']), '/spec/jobTemplate/a~1b~0c');
});
