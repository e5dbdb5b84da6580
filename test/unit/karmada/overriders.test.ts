import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { applyOverriders } from '../../../src/karmada/overriders.ts';
import { applyPatch, type PatchOperation } from '../../../src/karmada/json-patch.ts';
import { Budget, OverrideError, type RefusalCode } from '../../../src/karmada/refusal.ts';
import { deployment, digest } from './builders.ts';

const readYaml = (text: string): unknown => parse(text);

const PATCHES: Readonly<Record<string, { on: unknown; do: readonly PatchOperation[]; gives: unknown } | { on: unknown; do: readonly PatchOperation[]; refused: RefusalCode }>> = {
  'adds a field': { on: { a: 1 }, do: [{ op: 'add', path: '/b', value: 2 }], gives: { a: 1, b: 2 } },
  'adds over a field that is there': { on: { a: 1 }, do: [{ op: 'add', path: '/a', value: 2 }], gives: { a: 2 } },
  'adds null where there is no value': { on: {}, do: [{ op: 'add', path: '/a' }], gives: { a: null } },
  'adds before an element': { on: [1, 2], do: [{ op: 'add', path: '/1', value: 9 }], gives: [1, 9, 2] },
  'adds behind the last element by its number': { on: [1], do: [{ op: 'add', path: '/1', value: 9 }], gives: [1, 9] },
  'adds to the end by a dash': { on: { l: [1] }, do: [{ op: 'add', path: '/l/-', value: 9 }], gives: { l: [1, 9] } },
  'counts from the end': { on: [1, 2, 3], do: [{ op: 'replace', path: '/-1', value: 9 }, { op: 'remove', path: '/-3' }], gives: [2, 9] },
  'adds from the end': { on: [1, 2], do: [{ op: 'add', path: '/-1', value: 9 }], gives: [1, 2, 9] },
  'reads an index with a sign and leading zeros': { on: [1, 2], do: [{ op: 'replace', path: '/+01', value: 9 }], gives: [1, 9] },
  'removes a field': { on: { a: { b: 1, c: 2 } }, do: [{ op: 'remove', path: '/a/b' }], gives: { a: { c: 2 } } },
  'replaces a null': { on: { a: null }, do: [{ op: 'replace', path: '/a', value: 2 }], gives: { a: 2 } },
  'reads escapes': { on: { 'a/b': 1, 'c~d': 2, '~1': 3 }, do: [{ op: 'replace', path: '/a~1b', value: 8 }, { op: 'replace', path: '/c~0d', value: 9 }, { op: 'remove', path: '/~01' }], gives: { 'a/b': 8, 'c~d': 9 } },
  'takes a path without a leading slash from its first slash on': { on: { spec: 1, a: 2 }, do: [{ op: 'replace', path: 'spec/a', value: 3 }], gives: { spec: 1, a: 3 } },
  'replaces the whole document': { on: { a: 1 }, do: [{ op: 'replace', path: '', value: { kind: 'Pod' } }], gives: { kind: 'Pod' } },
  'has a field named __proto__ like any other': { on: JSON.parse('{"__proto__":{"a":1}}'), do: [{ op: 'replace', path: '/__proto__/a', value: 2 }], gives: JSON.parse('{"__proto__":{"a":2}}') },
  'makes no path': { on: {}, do: [{ op: 'add', path: '/a/b', value: 1 }], refused: 'PathMissing' },
  'finds no field that every object inherits': { on: {}, do: [{ op: 'replace', path: '/constructor', value: 1 }], refused: 'PathMissing' },
  'replaces no field that is not there': { on: { a: 1 }, do: [{ op: 'replace', path: '/b', value: 1 }], refused: 'PathMissing' },
  'removes no field that is not there': { on: { a: 1 }, do: [{ op: 'remove', path: '/b' }], refused: 'PathMissing' },
  'goes through no text': { on: { a: 'text' }, do: [{ op: 'replace', path: '/a/0', value: 1 }], refused: 'PathMissing' },
  'goes through no null': { on: { a: null }, do: [{ op: 'add', path: '/a/b', value: 1 }], refused: 'PathMissing' },
  'leaves no gap in a list': { on: [1], do: [{ op: 'add', path: '/2', value: 1 }], refused: 'PathMissing' },
  'goes not before a list': { on: [1], do: [{ op: 'replace', path: '/-2', value: 1 }], refused: 'PathMissing' },
  'replaces nothing at a dash': { on: [1], do: [{ op: 'replace', path: '/-', value: 1 }], refused: 'PathMissing' },
  'does not take the document away': { on: {}, do: [{ op: 'remove', path: '' }], refused: 'PathMissing' },
  'puts no text in the place of the document': { on: {}, do: [{ op: 'add', path: '', value: 'x' }], refused: 'TypeMismatch' },
  'knows no test': { on: { a: 1 }, do: [{ op: 'test', path: '/a', value: 1 }], refused: 'OperationUnknown' },
  'says nothing of an empty first segment': { on: { a: { b: 1 } }, do: [{ op: 'replace', path: '//a/b', value: 2 }], refused: 'NotModelled' },
  'fails as a whole': { on: { a: 1 }, do: [{ op: 'replace', path: '/a', value: 2 }, { op: 'remove', path: '/b' }], refused: 'PathMissing' },
};

describe('a JSON patch', () => {
  for (const [sentence, row] of Object.entries(PATCHES)) {
    test(sentence, () => {
      const before = JSON.stringify(row.on);
      if ('refused' in row) assert.throws(() => applyPatch(row.on, row.do), refusedAs(row.refused));
      else assert.deepEqual(applyPatch(row.on, row.do), row.gives);
      assert.equal(JSON.stringify(row.on), before);
    });
  }

  test('stops when it has taken all the work that it may', () => {
    const list = Array.from({ length: 1000 }, (_, index) => index);
    const operations = list.map(() => ({ op: 'replace', path: '/0', value: 1 }));
    assert.throws(() => applyPatch(list, operations, new Budget(500_000)), refusedAs('NotModelled'));
    assert.deepEqual((applyPatch(list, operations, new Budget(1_100_000)) as unknown[])[0], 1);
  });
});

const POD = {
  containers: [
    { name: 'app', image: 'ghcr.io/acme/web:v1', command: ['run', '-v'] },
    { name: 'log', image: `ghcr.io/acme/log@${digest('a')}` },
  ],
  initContainers: [{ name: 'init', image: 'ghcr.io/acme/init:v1' }],
};
const OBJECT = deployment(POD, { annotations: { 'config.example/json': '{"image":"a","list":[1]}', 'config.example/yaml': 'image: a\nlist: [1]\n', empty: '', 'config.example/scalar': 'text' } });
const FIRST = '/spec/template/spec/containers/0';

interface Row {
  readonly with: Readonly<Record<string, unknown>>;
  readonly on?: unknown;
  /** Values by JSON pointer; undefined for what is gone. */
  readonly gives?: Readonly<Record<string, unknown>>;
  readonly refused?: RefusalCode;
}

const OVERRIDERS: Readonly<Record<string, Row>> = {
  'changes the images of containers, not of init containers': {
    with: { imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror.example' }] },
    gives: { [`${FIRST}/image`]: 'mirror.example/acme/web:v1', '/spec/template/spec/initContainers/0/image': 'ghcr.io/acme/init:v1' },
  },
  'changes an init container that a predicate names': {
    with: { imageOverrider: [{ component: 'Tag', operator: 'replace', value: 'v2', predicate: { path: '/spec/template/spec/initContainers/0/image' } }] },
    gives: { '/spec/template/spec/initContainers/0/image': 'ghcr.io/acme/init:v2', [`${FIRST}/image`]: 'ghcr.io/acme/web:v1' },
  },
  'applies plain text after images, wherever they are written': {
    with: { plaintext: [{ path: `${FIRST}/image`, operator: 'replace', value: 'last:v1' }], imageOverrider: [{ component: 'Tag', operator: 'replace', value: 'v2' }] },
    gives: { [`${FIRST}/image`]: 'last:v1' },
  },
  'adds words to a command, and makes one where there is none': {
    with: { commandOverrider: [{ containerName: 'app', operator: 'add', value: ['-x'] }, { containerName: 'log', operator: 'add', value: ['-y'] }], argsOverrider: [{ containerName: 'app', operator: 'remove', value: ['z'] }] },
    gives: { [`${FIRST}/command`]: ['run', '-v', '-x'], '/spec/template/spec/containers/1/command': ['-y'], [`${FIRST}/args`]: [] },
  },
  'removes words of a command': { with: { commandOverrider: [{ containerName: 'app', operator: 'remove', value: ['-v', '-w'] }] }, gives: { [`${FIRST}/command`]: ['run'] } },
  'panics at a command that is no list': { on: deployment({ containers: [{ name: 'app', command: 'run' }] }), with: { commandOverrider: [{ containerName: 'app', operator: 'add', value: ['x'] }] }, refused: 'Panic' },
  'panics at a container that is no object': { on: deployment({ containers: ['app'] }), with: { argsOverrider: [{ containerName: 'app', operator: 'add', value: ['x'] }] }, refused: 'Panic' },
  'refuses containers that are no list': { on: deployment({ containers: {} }), with: { argsOverrider: [{ containerName: 'app', operator: 'add', value: ['x'] }] }, refused: 'TypeMismatch' },
  'leaves the commands of kinds that it does not know': { on: { ...deployment(POD), kind: 'CloneSet' }, with: { commandOverrider: [{ containerName: 'app', operator: 'add', value: ['-x'] }] }, gives: { [`${FIRST}/command`]: ['run', '-v'] } },
  'adds labels, slashes and all': { with: { labelsOverrider: [{ operator: 'add', value: { 'acme.example/tier': 'gold', app: 'other' } }] }, gives: { '/metadata/labels': { app: 'other', 'acme.example/tier': 'gold' } } },
  'removes and replaces only labels that are there': {
    with: { labelsOverrider: [{ operator: 'remove', value: { none: '' } }, { operator: 'replace', value: { none: 'x', app: 'y' } }] },
    gives: { '/metadata/labels': { app: 'y' } },
  },
  'makes labels where there are none': { on: deployment(POD, { labels: undefined as never }), with: { labelsOverrider: [{ operator: 'add', value: { a: 'b' } }] }, gives: { '/metadata/labels': { a: 'b' } } },
  'changes annotations': { with: { annotationsOverrider: [{ operator: 'replace', value: { empty: 'full' } }] }, gives: { '/metadata/annotations/empty': 'full' } },
  'changes a JSON document in a text': {
    with: { fieldOverrider: [{ fieldPath: '/metadata/annotations/config.example~1json', json: [{ subPath: '/image', operator: 'replace', value: 'b' }, { subPath: '/list/-', operator: 'add', value: 2 }] }] },
    gives: { '/metadata/annotations/config.example~1json': '{"image":"b","list":[1,2]}' },
  },
  'changes a YAML document in a text, which stays YAML': {
    with: { fieldOverrider: [{ fieldPath: '/metadata/annotations/config.example~1yaml', yaml: [{ subPath: '/list/0', operator: 'remove' }] }] },
    gives: { '/metadata/annotations/config.example~1yaml': '{"image":"a","list":[]}' },
  },
  'empties a text in which nothing is to be done': { with: { fieldOverrider: [{ fieldPath: `${FIRST}/image` }] }, gives: { [`${FIRST}/image`]: '' } },
  'leaves an empty text empty': { with: { fieldOverrider: [{ fieldPath: '/metadata/annotations/empty', json: [{ subPath: '/a', operator: 'add', value: 1 }] }] }, gives: { '/metadata/annotations/empty': '' } },
  'refuses an empty text that is to be YAML': { with: { fieldOverrider: [{ fieldPath: '/metadata/annotations/empty', yaml: [{ subPath: '/a', operator: 'add', value: 1 }] }] }, refused: 'TypeMismatch' },
  'refuses a text that holds no document': { with: { fieldOverrider: [{ fieldPath: '/metadata/annotations/config.example~1scalar', json: [{ subPath: '/a', operator: 'add', value: 1 }] }] }, refused: 'TypeMismatch' },
  'refuses a YAML scalar': { with: { fieldOverrider: [{ fieldPath: `${FIRST}/image`, yaml: [{ subPath: '/a', operator: 'add', value: 1 }] }] }, refused: 'TypeMismatch' },
  'refuses a path that is missing in the document': { with: { fieldOverrider: [{ fieldPath: '/metadata/annotations/config.example~1json', json: [{ subPath: '/none', operator: 'remove' }] }] }, refused: 'PathMissing' },
  'refuses a field that is no text': { with: { fieldOverrider: [{ fieldPath: '/metadata/annotations', json: [{ subPath: '/a', operator: 'add', value: 1 }] }] }, refused: 'TypeMismatch' },
  'refuses a field that is not there': { with: { fieldOverrider: [{ fieldPath: '/metadata/none', json: [{ subPath: '/a', operator: 'add', value: 1 }] }] }, refused: 'PathMissing' },
  'adds a container by plain text': { with: { plaintext: [{ path: '/spec/template/spec/containers/-', operator: 'add', value: { name: 'new', image: 'new:v1' } }] }, gives: { '/spec/template/spec/containers/2/image': 'new:v1' } },
  'refuses plain text at a path that is not there': { with: { plaintext: [{ path: '/spec/none/image', operator: 'replace', value: 'x' }] }, refused: 'PathMissing' },
  'refuses what leaves no kind': { with: { plaintext: [{ path: '/kind', operator: 'remove' }] }, refused: 'TypeMismatch' },
  'refuses containers of another type than Karmada converts to': { on: deployment({ containers: [{ name: 'app', image: 7 }] }), with: { imageOverrider: [{ component: 'Tag', operator: 'remove' }] }, refused: 'TypeMismatch' },
};

describe('the overriders of one rule', () => {
  for (const [sentence, { with: overriders, on = OBJECT, gives, refused }] of Object.entries(OVERRIDERS)) {
    test(sentence, () => {
      const before = JSON.stringify(on);
      const apply = (): unknown => applyOverriders(on, overriders, { budget: new Budget(), readYaml });
      if (refused === undefined) for (const [pointer, value] of Object.entries(gives ?? {})) assert.deepEqual(at(apply(), pointer), value, pointer);
      else assert.throws(apply, refusedAs(refused));
      assert.equal(JSON.stringify(on), before);
    });
  }

  test('without a reader of YAML, what becomes of YAML texts is not told', () => {
    const overriders = { fieldOverrider: [{ fieldPath: '/metadata/annotations/config.example~1yaml', yaml: [{ subPath: '/list/0', operator: 'remove' }] }] };
    assert.throws(() => applyOverriders(OBJECT, overriders, { budget: new Budget() }), refusedAs('NotModelled'));
  });

  test('no overriders leave the very same object', () => assert.equal(applyOverriders(OBJECT, {}, { budget: new Budget() }), OBJECT));
});

function refusedAs(code: RefusalCode): (error: unknown) => boolean {
  return (error) => error instanceof OverrideError && error.code === code;
}

function at(object: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step.replaceAll('~1', '/')], object);
}
