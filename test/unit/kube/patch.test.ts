import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { annotationAt, applyBody, pointer, sameValue, swapAt } from '../../../src/kube/patch.ts';
import type { JsonPatchOperation } from '../../../src/kube/patch.ts';

describe('a JSON pointer', () => {
  it('escapes what would lead elsewhere', () => {
    assert.equal(pointer('metadata', 'annotations', 'assay.dev/tags'), '/metadata/annotations/assay.dev~1tags');
    assert.equal(pointer('a~1b', 0), '/a~01b/0');
    assert.equal(pointer(), '');
  });

  it('is read back as what it was made of', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (segments) => {
        const read = pointer(...segments).split('/').slice(1).map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
        assert.deepEqual(read, segments);
      }),
    );
  });
});

interface Annotation {
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly value: string | undefined;
  readonly operations: readonly JsonPatchOperation[];
}

const PATH = '/metadata/annotations/assay.dev~1tags';
const ANNOTATIONS: Readonly<Record<string, Annotation>> = {
  'that has its value already is left alone': { annotations: { 'assay.dev/tags': 'x' }, value: 'x', operations: [] },
  'that is not there and is not wanted is left alone': { annotations: undefined, value: undefined, operations: [] },
  'is added beside others': { annotations: { other: '' }, value: 'x', operations: [{ op: 'add', path: PATH, value: 'x' }] },
  'is replaced only where it is what we saw': { annotations: { 'assay.dev/tags': 'w' }, value: 'x', operations: swapAt(PATH, 'w', 'x') },
  'is removed only where it is what we saw': { annotations: { 'assay.dev/tags': 'w' }, value: undefined, operations: [{ op: 'test', path: PATH, value: 'w' }, { op: 'remove', path: PATH }] },
  'of an object without any brings the map, unless one appeared meanwhile': {
    annotations: undefined,
    value: 'x',
    operations: [{ op: 'test', path: '/metadata/annotations', value: null }, { op: 'add', path: '/metadata/annotations', value: { 'assay.dev/tags': 'x' } }],
  },
  'named like a property of every object is not taken for present': { annotations: {}, value: undefined, operations: [] },
};

describe('an annotation', () => {
  for (const [name, { annotations, value, operations }] of Object.entries(ANNOTATIONS)) {
    it(name, () => assert.deepEqual(annotationAt(annotations, name.startsWith('named like') ? 'constructor' : 'assay.dev/tags', value), operations));
  }
});

describe('the body of a server-side apply', () => {
  it('names the object and owns only the given fields', () => {
    const policies = { group: 'assay.dev', version: 'v1alpha1', plural: 'imageverifications', kind: 'ImageVerification', namespaced: true };
    assert.deepEqual(applyBody(policies, { namespace: 'web', name: 'p', uid: 'u' }, { status: { observedGeneration: 1 } }), {
      apiVersion: 'assay.dev/v1alpha1',
      kind: 'ImageVerification',
      metadata: { name: 'p', namespace: 'web', uid: 'u' },
      status: { observedGeneration: 1 },
    });
  });
});

const SAME: Readonly<Record<string, readonly [unknown, unknown, boolean]>> = {
  'the order of keys does not count': [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  'an undefined key is absent': [{ a: 1, b: undefined }, { a: 1 }, true],
  'a null key is not absent': [{ a: 1, b: null }, { a: 1 }, false],
  'the order of lists counts': [[1, 2], [2, 1], false],
  'a longer list differs': [[1], [1, 2], false],
  'a list is no object': [[], {}, false],
  'a number is no string': [{ a: 1 }, { a: '1' }, false],
  'depth counts': [{ a: [{ b: { c: 1 } }] }, { a: [{ b: { c: 2 } }] }, false],
  'an own key is not an inherited one': [{ constructor: Object }, { x: 1 }, false],
  'zero has no sign': [{ a: -0 }, { a: 0 }, true],
  'nothing is not null': [undefined, null, false],
};

describe('two values mean the same:', () => {
  for (const [name, [left, right, same]] of Object.entries(SAME)) {
    it(name, () => {
      assert.equal(sameValue(left, right), same);
      assert.equal(sameValue(right, left), same);
    });
  }

  it('every JSON value and its copy through JSON', () => {
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => sameValue(value, JSON.parse(JSON.stringify(value)))));
  });
});
