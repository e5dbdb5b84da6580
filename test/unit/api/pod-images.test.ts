import assert from 'node:assert/strict';
import test from 'node:test';
import * as k8s from '@kubernetes/client-node';
import { imagesOf } from '../../../src/api/pod-images.ts';
import { IMAGE_FIELDS, podSpecWith, unjudgedFields, unseenFields } from '../../support/pod-spec-fields.ts';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

const MODELS = k8s as unknown as Record<string, { getAttributeTypeMap?: () => Attribute[] } | undefined>;

function attributesOf(model: string): readonly Attribute[] {
  return MODELS[model]?.getAttributeTypeMap?.() ?? [];
}

/** The paths of all string fields of a model of the client library, `[]` for each list. */
function stringFields(model: string, prefix = ''): readonly string[] {
  return attributesOf(model).flatMap(({ baseName, type }) => {
    const list = /^Array<(.*)>$/.exec(type)?.[1];
    const path = `${prefix}${baseName}${list === undefined ? '' : '[]'}`;
    const inner = list ?? type;
    return inner === 'string' || inner.startsWith('{ [key: string]: string') ? [path] : stringFields(inner, `${path}.`);
  });
}

test('every image of a pod spec is found, with the pointer of its field', () => {
  const spec = {
    containers: [{ name: 'app', image: 'nginx:1' }, { name: 'noimage' }],
    initContainers: [{ name: 'sidecar', image: 'envoy', restartPolicy: 'Always' }],
    ephemeralContainers: [{ name: 'debug', image: 'busybox' }],
    volumes: [{ name: 'v', emptyDir: {} }, { name: 'model', image: { reference: 'ghcr.io/acme/model:3' } }],
  };
  assert.deepEqual(imagesOf(spec, '/spec/template/spec'), [
    { holder: 'containers', name: 'app', image: 'nginx:1', pointer: '/spec/template/spec/containers/0/image', namePointer: '/spec/template/spec/containers/0/name' },
    { holder: 'initContainers', name: 'sidecar', image: 'envoy', pointer: '/spec/template/spec/initContainers/0/image', namePointer: '/spec/template/spec/initContainers/0/name' },
    { holder: 'ephemeralContainers', name: 'debug', image: 'busybox', pointer: '/spec/template/spec/ephemeralContainers/0/image', namePointer: '/spec/template/spec/ephemeralContainers/0/name' },
    { holder: 'volumes', name: 'model', image: 'ghcr.io/acme/model:3', pointer: '/spec/template/spec/volumes/1/image/reference', namePointer: '/spec/template/spec/volumes/1/name' },
  ]);
});

test('what is no pod spec has no images', () => {
  for (const value of [undefined, null, 7, 'x', [], { containers: 'x' }, { containers: [null, 7, { name: 1, image: 'x' }] }]) {
    assert.deepEqual(imagesOf(value, ''), []);
  }
});

for (const path of IMAGE_FIELDS) {
  test(`finds ${path}`, () => assert.equal(imagesOf(podSpecWith(path, 'nginx'), '')[0]?.image, 'nginx'));
}

test('the known image fields are fields of PodSpec', () => {
  const fields = stringFields('V1PodSpec');
  assert.ok(fields.length > 300, `${fields.length}`);
  for (const path of IMAGE_FIELDS) assert.ok(fields.includes(path), path);
});

test('no other field of PodSpec has a name that says it may hold an image', () => {
  assert.deepEqual(unjudgedFields(stringFields('V1PodSpec')), []);
  assert.deepEqual(unjudgedFields(['volumes[].oci.artifact', 'sidecarImages[]']), ['volumes[].oci.artifact', 'sidecarImages[]']);
});

for (const kind of ['PodSpec', 'Container', 'EphemeralContainer', 'Volume'] as const) {
  test(`every field of ${kind} has been looked at`, () => {
    const fields = attributesOf(`V1${kind}`).map(({ baseName }) => baseName);
    assert.ok(fields.length > 20);
    assert.deepEqual(unseenFields(kind, fields), [], 'a new field: see whether it brings an image, then add it to pod-spec-fields.ts');
  });
}
