import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { cluster } from '../support/cluster.ts';
import { IMAGE_FIELDS, unjudgedFields, unseenFields } from '../support/pod-spec-fields.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly allOf?: readonly Schema[];
}

let schemas: Record<string, Schema>;

before(async () => {
  const { stdout, stderr } = await (await cluster()).kubectl(['get', '--raw', '/openapi/v3/api/v1']);
  assert.notEqual(stdout, '', stderr);
  schemas = (JSON.parse(stdout) as { components: { schemas: Record<string, Schema> } }).components.schemas;
});

function resolved(schema: Schema): Schema {
  const $ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  return $ref === undefined ? schema : (schemas[$ref.replace('#/components/schemas/', '')] ?? {});
}

function stringFields(schema: Schema, path: string): readonly string[] {
  const { type, properties, items, additionalProperties } = resolved(schema);
  if (type === 'string') return [path];
  if (items !== undefined) return stringFields(items, `${path}[]`);
  if (additionalProperties !== undefined) return stringFields(additionalProperties, path);
  return Object.entries(properties ?? {}).flatMap(([name, inner]) => stringFields(inner, path === '' ? name : `${path}.${name}`));
}

test('this API server has every image field that is known, and no other field whose name says image', () => {
  const fields = stringFields({ $ref: '#/components/schemas/io.k8s.api.core.v1.PodSpec' }, '');
  assert.ok(fields.length > 300, `${fields.length}`);
  for (const path of IMAGE_FIELDS) assert.ok(fields.includes(path), path);
  assert.deepEqual(unjudgedFields(fields), []);
});

for (const kind of ['PodSpec', 'Container', 'EphemeralContainer', 'Volume'] as const) {
  test(`every field of this API server's ${kind} has been looked at`, () => {
    const fields = Object.keys(schemas[`io.k8s.api.core.v1.${kind}`]?.properties ?? {});
    assert.ok(fields.length > 20);
    assert.deepEqual(unseenFields(kind, fields), [], 'a new field: see whether it brings an image, then add it to pod-spec-fields.ts');
  });
}
