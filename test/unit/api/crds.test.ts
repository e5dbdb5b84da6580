import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { staleFiles } from '../../../hack/generate-api.ts';
import { CRD_FILES, readCrd, type Schema } from '../../../hack/generate/crd.ts';
import { RESULTS } from '../../../src/api/reasons.ts';
import { CLAIM_NAMES } from '../../../src/signatures/identity.ts';

const ROOT = join(import.meta.dirname, '../../..');

interface Rule {
  readonly rule: string;
  readonly fieldPath?: string;
}

function schemaOf(file: (typeof CRD_FILES)[number]): Schema {
  return readCrd(ROOT, file).schema;
}

function at(schema: Schema, path: string): Schema {
  return path.split('.').reduce<Schema>((inner, step) => {
    const next = step === '[]' ? inner.items : inner.properties?.[step];
    assert.ok(next !== undefined, `${path} at ${step}`);
    return next;
  }, schema);
}

/** Every schema under a schema, with its path. */
function all(schema: Schema, path: string): readonly (readonly [string, Schema])[] {
  return [
    [path, schema],
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => all(inner, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : all(schema.items, `${path}[]`)),
    ...(schema.additionalProperties === undefined ? [] : all(schema.additionalProperties, `${path}.*`)),
  ];
}

test('the generated files are those of crds/', () => {
  assert.deepEqual(staleFiles(ROOT), [], 'run npm run generate');
});

test('a changed CRD makes the generated files stale', () => {
  const copy = mkdtempSync(join(tmpdir(), 'assay-crds-'));
  try {
    for (const path of ['crds', 'src/api', 'src/cli/doctor', 'src/verification/policy']) cpSync(join(ROOT, path), join(copy, path), { recursive: true });
    assert.deepEqual(staleFiles(copy), []);
    const file = join(copy, 'crds/clusterimageverifications.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('enum: [Enforce, Warn, Audit]', 'enum: [Enforce, Warn]'));
    assert.deepEqual(staleFiles(copy), ['src/api/v1alpha1.gen.ts', 'src/verification/policy/schema.gen.ts', 'src/cli/doctor/definitions.gen.ts']);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test('both kinds are the same but for two rules of the namespaced one', () => {
  const found: Rule[] = [];
  const strip = (_: string, value: unknown): unknown => {
    if (!Array.isArray(value)) return value;
    const own = value.filter((rule: Partial<Rule> | null) => rule?.rule === '!has(self.namespaceSelector)' || rule?.rule === '!has(self.kms)');
    found.push(...(own as Rule[]));
    return value.filter((entry) => !own.includes(entry));
  };
  const cluster = JSON.stringify(schemaOf('clusterimageverifications.yaml'), strip);
  assert.deepEqual(found, []);
  const namespaced = JSON.stringify(schemaOf('imageverifications.yaml'), strip);
  assert.deepEqual(new Set(found.map(({ fieldPath }) => fieldPath)), new Set(['.namespaceSelector', '.kms']));
  assert.equal(found.length, 2);
  assert.deepEqual(JSON.parse(namespaced), JSON.parse(cluster));
});

for (const file of CRD_FILES) {
  const spec = all(at(schemaOf(file), 'spec'), 'spec');
  test(`${file}: every object under spec keeps unknown fields`, () => {
    const pruned = spec.filter(([, schema]) => schema.type === 'object' && schema.additionalProperties === undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true);
    assert.deepEqual(pruned.map(([path]) => path), []);
    assert.ok(spec.length > 80);
  });

  test(`${file}: everything has a bound`, () => {
    const schemas = [...spec, ...all(at(schemaOf(file), 'status'), 'status')];
    const unbounded = schemas.filter(
      ([, schema]) =>
        (schema.type === 'array' && schema['maxItems'] === undefined) ||
        (schema.type === 'string' && schema['maxLength'] === undefined && schema.enum === undefined && schema.format === undefined) ||
        (schema.additionalProperties !== undefined && schema['maxProperties'] === undefined),
    );
    assert.deepEqual(unbounded.map(([path]) => path), []);
  });

  test(`${file}: every list says how it is merged`, () => {
    const silent = spec.filter(([, schema]) => schema.type === 'array' && schema['x-kubernetes-list-type'] === undefined);
    assert.deepEqual(silent.map(([path]) => path), []);
  });

  test(`${file}: claims and results are those of the code`, () => {
    const claims = at(schemaOf(file), 'spec.authorities.[].keyless.identities.[].claims');
    const [rule] = claims['x-kubernetes-validations'] as Rule[];
    assert.deepEqual([...(rule?.rule ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name), CLAIM_NAMES);
    assert.equal(claims['maxProperties'], CLAIM_NAMES.length);
    for (const name of CLAIM_NAMES) assert.ok(claims.description?.includes(name), name);
    assert.deepEqual(at(schemaOf(file), 'status.images.[].result').enum, RESULTS);
  });
}
