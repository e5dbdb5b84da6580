import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before } from 'node:test';
import { parse } from 'yaml';
import { policy } from '../support/builders.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { applyCrds } from '../support/crds.ts';

const CRDS = join(import.meta.dirname, '../../crds');

let api: Cluster;
let namespace: string;

before(async () => {
  api = await cluster();
  await applyCrds(api);
  namespace = await api.namespace('crd');
});

function condition(type: string, status: string, reason: string, message: string): object {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

test('kubectl lists, waits for and finds policies as the documentation says', async () => {
  const object = policy({}, { namespace, name: 'listed' });
  const applied = await api.kubectl(['apply', '-f', '-'], JSON.stringify({ ...object, metadata: { name: 'listed', namespace } }));
  assert.equal(applied.code, 0, applied.stderr);
  const status = {
    observedGeneration: 1,
    summary: { workloads: 3, images: 41, verified: 40, failed: 1, unknown: 0, excluded: 0, pinned: 3, held: 0, ratio: '40/41' },
    conditions: [condition('Ready', 'True', 'Compiled', 'in force'), condition('Verified', 'False', 'SomeFailed', 'one image has no signature'), condition('Pinned', 'True', 'AllVerified', 'all pinned')],
  };
  const patched = await api.kubectl(['patch', 'iv', 'listed', '-n', namespace, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
  assert.equal(patched.code, 0, patched.stderr);
  const [header, row] = (await api.kubectl(['get', 'iv', '-n', namespace])).stdout.split('\n');
  assert.match(header ?? '', /^NAME +READY +VERIFIED +PINNED +ENFORCEMENT +AGE$/);
  assert.match(row ?? '', /^listed +True +40\/41 +True +Enforce +\S+$/);
  const [wideHeader, wideRow] = (await api.kubectl(['get', 'assay', '-n', namespace, '-o', 'wide'])).stdout.split('\n');
  assert.match(wideHeader ?? '', /^NAME +READY +VERIFIED +PINNED +ENFORCEMENT +AGE +REASON +MESSAGE$/);
  assert.match(wideRow ?? '', /SomeFailed +one image has no signature$/);
  const waited = await api.kubectl(['wait', '--for=condition=Ready', 'imageverification/listed', '-n', namespace, '--timeout=5s']);
  assert.equal(waited.code, 0, waited.stderr);
  assert.equal((await api.kubectl(['get', 'civ'])).code, 0);
});

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}

function undescribed(schema: Schema, path: string): readonly string[] {
  return [
    ...((schema.description ?? '').length > 3 || path.endsWith('.metadata') ? [] : [path]),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => undescribed(inner, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : undescribed(schema.items, `${path}[]`)),
    ...(schema.additionalProperties === undefined ? [] : undescribed(schema.additionalProperties, `${path}.*`)),
  ];
}

for (const file of ['imageverifications.yaml', 'clusterimageverifications.yaml']) {
  test(`every field of ${file} has a description`, () => {
    const crd = parse(readFileSync(join(CRDS, file), 'utf8')) as { spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } };
    assert.deepEqual(undescribed(crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}, ''), []);
  });
}

test('kubectl explain shows the descriptions', async () => {
  const { stdout, stderr } = await api.kubectl(['explain', 'iv.spec.authorities.keyless.identities', '--api-version=assay.dev/v1alpha1']);
  assert.match(stdout, /subjectRegExp\s+<string>\s+An RE2 pattern/, stderr);
});
