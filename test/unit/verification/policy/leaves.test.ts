import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import type { Digest } from '../../../../src/base/digest.ts';
import type { CompiledPolicy } from '../../../../src/verification/policy/compiled-policy.ts';
import type { SchemaNode } from '../../../../src/verification/policy/schema.ts';
import { SPEC_SCHEMA } from '../../../../src/verification/policy/schema.gen.ts';
import { IDENTITY, keyAuthority, keylessAuthority, newPublicKey, policy, PUBLIC_KEY, type RawPolicy, staticAuthority } from '../../../support/builders.ts';
import { compile, sigstore } from '../../../support/compile.ts';
import { ownAuthoritiesPem } from '../../../support/own-authorities.ts';
import { createWorld } from '../../../support/sigstore/world.ts';

const DIGEST: Digest = `sha256:${'1'.repeat(64)}`;
const REFERENCES = {
  'Secret/pub/cosign.pub': PUBLIC_KEY,
  'Secret/other/cosign.pub': newPublicKey(),
  'Secret/pub/other.pub': newPublicKey(),
  'ConfigMap/root/trusted_root.json': sigstore('ours').json,
  'Secret/root/trusted_root.json': sigstore('secret').json,
  'ConfigMap/other/trusted_root.json': sigstore('other').json,
  'ConfigMap/root/other.json': sigstore('entry').json,
  'Secret/x/.dockerconfigjson': '{"auths":{}}',
  'Secret/y/.dockerconfigjson': '{"auths":{}}',
};

const OWN_AUTHORITIES = ['one', 'other'].map((name) => ownAuthoritiesPem(createWorld({ name })));

type Spec = Record<string, unknown>;
const authority = (changes: Spec): Spec => ({ authorities: [keyAuthority(changes)] });
const keyless = (changes: Spec, beside: Spec = {}): Spec => ({ authorities: [keylessAuthority({ keyless: { identities: [IDENTITY], ...changes }, ...beside })] });
const identity = (value: Spec): Spec => ({ authorities: [keylessAuthority({ keyless: { identities: [value] } })] });
const selector = (expression: Spec): Spec => ({ matchExpressions: [{ key: 'app', operator: 'In', values: ['api'], ...expression }] });
const exclude = (changes: Spec): Spec => ({ exclude: [{ glob: 'ghcr.io/acme/old', reason: 'old', ...changes }] });
const attest = (changes: Spec): Spec => keyless({}, { attestations: [{ name: 'a', predicateType: 'vuln', ...changes }] });
const source = (changes: Spec): Spec => authority({ source: [{ oci: 'a.example/b', ...changes }] });
const release = (changes: Spec): Spec => ({ release: [{ kind: 'Deployment', namespace: 'web', name: 'a', reason: 'b', until: '2026-01-01T00:00:00Z', ...changes }] });
const stamp = (changes: Spec): Spec => keyless({}, { rfc3161timestamp: { trustRootRef: { kind: 'ConfigMap', name: 'root', ...changes } } });
const root = (changes: Spec = {}): Spec => ({ trustRootRef: { kind: 'ConfigMap', name: 'root', ...changes } });

/** For each leaf of `spec`, a spec without it (or with another value) and one with it. */
const LEAVES: Record<string, [before: Spec, after: Spec]> = {
  'images[].glob': [{}, { images: [{ glob: 'ghcr.io/acme/web' }] }],
  'exclude[].glob': [exclude({}), exclude({ glob: `ghcr.io/acme/web@${DIGEST}` })],
  'exclude[].reason': [exclude({}), exclude({ reason: 'older' })],
  'exclude[].until': [exclude({}), exclude({ until: '2026-01-01T00:00:00Z' })],
  'namespaceSelector.matchLabels.*': [{}, { namespaceSelector: { matchLabels: { env: 'prod' } } }],
  'namespaceSelector.matchExpressions[].key': [{ namespaceSelector: selector({ key: 'env' }) }, { namespaceSelector: selector({}) }],
  'namespaceSelector.matchExpressions[].operator': [{ namespaceSelector: selector({ key: 'env', values: ['prod'] }) }, { namespaceSelector: selector({ key: 'env', operator: 'NotIn', values: ['prod'] }) }],
  'namespaceSelector.matchExpressions[].values[]': [{ namespaceSelector: selector({ key: 'env', values: ['prod'] }) }, { namespaceSelector: selector({ key: 'env', values: ['dev'] }) }],
  'workloads.kinds[]': [{}, { workloads: { kinds: ['CronJob'] } }],
  'workloads.selector.matchLabels.*': [{}, { workloads: { selector: { matchLabels: { app: 'db' } } } }],
  'workloads.selector.matchExpressions[].key': [{ workloads: { selector: selector({}) } }, { workloads: { selector: selector({ key: 'tier' }) } }],
  'workloads.selector.matchExpressions[].operator': [{ workloads: { selector: selector({}) } }, { workloads: { selector: selector({ operator: 'NotIn' }) } }],
  'workloads.selector.matchExpressions[].values[]': [{ workloads: { selector: selector({}) } }, { workloads: { selector: selector({ values: ['db'] }) } }],
  'authorities[].name': [{}, authority({ name: 'other' })],
  'authorities[].key.data': [{}, authority({ key: { data: REFERENCES['Secret/other/cosign.pub'] } })],
  'authorities[].key.secretRef.name': [authority({ key: { secretRef: { name: 'pub' } } }), authority({ key: { secretRef: { name: 'other' } } })],
  'authorities[].key.secretRef.key': [authority({ key: { secretRef: { name: 'pub' } } }), authority({ key: { secretRef: { name: 'pub', key: 'other.pub' } } })],
  'authorities[].key.kms': [{}, authority({ key: { kms: 'awskms:///alias/x' } })],
  'authorities[].key.hashAlgorithm': [{}, authority({ key: { data: PUBLIC_KEY, hashAlgorithm: 'sha512' } })],
  'authorities[].keyless.identities[].issuer': [identity(IDENTITY), identity({ ...IDENTITY, issuer: 'x' })],
  'authorities[].keyless.identities[].issuerRegExp': [identity(IDENTITY), identity({ issuerRegExp: '^x$', subject: IDENTITY.subject })],
  'authorities[].keyless.identities[].subject': [identity(IDENTITY), identity({ ...IDENTITY, subject: 'x' })],
  'authorities[].keyless.identities[].subjectRegExp': [identity(IDENTITY), identity({ subjectRegExp: '^x$', issuer: IDENTITY.issuer })],
  'authorities[].keyless.identities[].claims.*': [identity(IDENTITY), identity({ ...IDENTITY, claims: { runnerEnvironment: 'x' } })],
  'authorities[].keyless.trustRootRef.kind': [keyless(root()), keyless(root({ kind: 'Secret' }))],
  'authorities[].keyless.trustRootRef.name': [keyless(root()), keyless(root({ name: 'other' }))],
  'authorities[].keyless.trustRootRef.key': [keyless(root()), keyless(root({ key: 'other.json' }))],
  'authorities[].keyless.caCert.data': [keyless({ caCert: { data: OWN_AUTHORITIES[0] } }), keyless({ caCert: { data: OWN_AUTHORITIES[1] } })],
  'authorities[].keyless.insecureIgnoreSCT': [keyless({}), keyless({ insecureIgnoreSCT: true })],
  'authorities[].static.action': [{ authorities: [staticAuthority('pass')] }, { authorities: [staticAuthority('fail')] }],
  'authorities[].static.message': [{ authorities: [staticAuthority()] }, { authorities: [{ name: 'vendor', static: { action: 'pass', message: 'else' } }] }],
  'authorities[].ctlog.trustRootRef.kind': [authority({ ctlog: root() }), authority({ ctlog: root({ kind: 'Secret' }) })],
  'authorities[].ctlog.trustRootRef.name': [authority({ ctlog: root() }), authority({ ctlog: root({ name: 'other' }) })],
  'authorities[].ctlog.trustRootRef.key': [authority({ ctlog: root() }), authority({ ctlog: root({ key: 'other.json' }) })],
  'authorities[].ctlog.insecureIgnore': [authority({ ctlog: {} }), authority({ ctlog: { insecureIgnore: true } })],
  'authorities[].rfc3161timestamp.trustRootRef.kind': [stamp({}), stamp({ kind: 'Secret' })],
  'authorities[].rfc3161timestamp.trustRootRef.name': [stamp({}), stamp({ name: 'other' })],
  'authorities[].rfc3161timestamp.trustRootRef.key': [stamp({}), stamp({ key: 'other.json' })],
  'authorities[].source[].oci': [{}, source({})],
  'authorities[].source[].tagPrefix': [source({}), source({ tagPrefix: 'x-' })],
  'authorities[].source[].signaturePullSecrets[].name': [source({ signaturePullSecrets: [{ name: 'y' }] }), source({ signaturePullSecrets: [{ name: 'x' }] })],
  'authorities[].attestations[].name': [attest({}), attest({ name: 'b' })],
  'authorities[].attestations[].predicateType': [attest({}), attest({ predicateType: 'spdx' })],
  'authorities[].attestations[].policy.cel': [attest({}), attest({ policy: { cel: 'true' } })],
  'authorities[].attestations[].match': [attest({}), attest({ match: 'All' })],
  'authorities[].annotations.*': [{}, authority({ annotations: { env: 'prod' } })],
  'authorities[].notBefore': [authority({ ctlog: {} }), authority({ ctlog: {}, notBefore: '2026-01-01T00:00:00Z' })],
  'authorities[].maxAge': [authority({ ctlog: {} }), authority({ ctlog: {}, maxAge: '90d' })],
  'authorities[].requireRepository': [{}, authority({ requireRepository: true })],
  threshold: [{ authorities: [keyAuthority(), keylessAuthority()] }, { authorities: [keyAuthority(), keylessAuthority()], threshold: 2 }],
  enforcement: [{}, { enforcement: 'Warn' }],
  'pin.mode': [{}, { pin: { mode: 'Never' } }],
  'pin.form': [{}, { pin: { form: 'TagAndDigest' } }],
  'pin.follow': [{}, { pin: { follow: 'IfVerified' } }],
  'pin.followInterval': [{}, { pin: { followInterval: '1h' } }],
  'propagation.gate': [{}, { propagation: { gate: 'Hold' } }],
  recheckInterval: [{}, { recheckInterval: '1h' }],
  'release[].kind': [{}, release({ kind: 'Job' })],
  'release[].namespace': [{}, release({ namespace: 'b' })],
  'release[].name': [{}, release({ name: 'b' })],
  'release[].cluster': [{}, release({ cluster: 'member1' })],
  'release[].reason': [{}, release({ reason: 'c' })],
  'release[].until': [{}, release({ until: '2027-01-01T00:00:00Z' })],
  suspend: [{}, { suspend: true }],
};

function leavesOf(node: SchemaNode, path: string): readonly string[] {
  switch (node.type) {
    case 'object':
      return Object.entries(node.fields).flatMap(([name, inner]) => leavesOf(inner, path === '' ? name : `${path}.${name}`));
    case 'list':
      return leavesOf(node.items, `${path}[]`);
    case 'map':
      return leavesOf(node.values, `${path}.*`);
    case 'string':
    case 'integer':
    case 'boolean':
      return [path];
    default:
      return node satisfies never;
  }
}

function policyWith(leaf: string, spec: Spec): RawPolicy {
  return policy(spec, { kind: leaf.startsWith('namespaceSelector') || leaf.includes('.kms') ? 'ClusterImageVerification' : 'ImageVerification' });
}

const NAMES = ['ghcr.io/acme/web', 'ghcr.io/acme/old', 'ghcr.io/other/web'];
const TIMES = [0, Date.parse('2027-01-01T00:00:00Z')];

/** What a policy does, apart from its hashes: those change with any text. */
function behaviour(policyCompiled: CompiledPolicy): unknown {
  const { hash: _, authorities, governsImage, governsWorkload, exclusion, nextExpiry, key: __, uid: ___, sourceKeychain: _____, ...plain } = policyCompiled;
  const labels = [{}, { app: 'api' }, { app: 'db' }, { tier: 'api' }];
  const namespaces = [{}, { env: 'prod' }, { app: 'api' }];
  return {
    ...plain,
    authorities: authorities.map(({ hash: ____, keys, trust, ...rest }) => ({ ...rest, trust: trust?.hash, keys: keys.map(({ keyId, hashAlgorithm }) => [keyId, hashAlgorithm]) })),
    images: NAMES.map((name) => governsImage(name)),
    workloads: labels.flatMap((one) => namespaces.map((namespaceLabels) => governsWorkload({ kind: 'Deployment', namespace: 'web', labels: one, namespaceLabels }))),
    exclusions: NAMES.flatMap((name) => TIMES.flatMap((now) => [exclusion({ name }, now), exclusion({ name, digest: DIGEST }, now)])),
    expiry: TIMES.map((now) => nextExpiry(now)),
  };
}

test('the table has every leaf of the schema and no other', () => {
  assert.deepEqual(new Set(leavesOf(SPEC_SCHEMA, '')), new Set(Object.keys(LEAVES)));
});

for (const [leaf, [before, after]] of Object.entries(LEAVES)) {
  test(`${leaf} acts or is refused by name`, () => {
    const base = compile(policyWith(leaf, before), REFERENCES);
    assert.ok(base.status === 'compiled', base.status === 'refused' ? `${base.field}: ${base.message}` : '');
    const changed = compile(policyWith(leaf, after), REFERENCES);
    if (changed.status === 'compiled') {
      assert.notDeepEqual(behaviour(changed.policy), behaviour(base.policy), 'the field was accepted and does nothing');
      return;
    }
    const path = `spec.${leaf.replaceAll('[]', '[0]')}`;
    assert.ok(path === changed.field || path.startsWith(`${changed.field}.`) || path.startsWith(`${changed.field}[`), `refused by ${changed.field} instead of ${path}`);
    assert.match(changed.message, /does not act on it yet; /);
  });
}

/** The paths of all objects in a value, `` for the value itself. */
function objectsIn(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectsIn(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => objectsIn(inner, [...path, name]))];
}

const RICH = {
  ...exclude({}),
  workloads: { kinds: ['Deployment'], selector: { matchLabels: { app: 'api' }, matchExpressions: [{ key: 'app', operator: 'Exists' }] } },
  authorities: [
    keyAuthority({ ctlog: root(), annotations: { env: 'prod' }, key: { secretRef: { name: 'pub' } } }),
    keylessAuthority({ keyless: { ...root(), identities: [{ ...IDENTITY, claims: { runnerEnvironment: 'x' } }] } }),
  ],
  pin: { mode: 'Patch' },
  propagation: { gate: 'None' },
};

test('an unknown field is refused with its path, wherever it is', () => {
  const { spec } = policy(RICH);
  assert.equal(compile(policy(RICH), REFERENCES).status, 'compiled');
  // Maps of labels, annotations and claims have keys of the user's own.
  const places = objectsIn(spec).filter((path) => !['matchLabels', 'annotations', 'claims'].includes(String(path.at(-1))));
  assert.ok(places.length > 15);
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,20}$/);
  fc.assert(
    fc.property(fc.constantFrom(...places), name, fc.jsonValue(), (place, field, value) => {
      const copy = structuredClone(spec);
      const holder = place.reduce<Record<string | number, unknown>>((inner, step) => inner[step] as Record<string | number, unknown>, copy);
      fc.pre(!knownFields(place).includes(field));
      holder[field] = value;
      const result = compile({ ...policy(), spec: copy }, REFERENCES);
      const path = ['spec', ...place].map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('').slice(1);
      assert.ok(result.status === 'refused');
      assert.equal(result.field, `${path}.${field}`);
      assert.equal(result.reason, 'PolicyInvalid');
    }),
    { numRuns: 300 },
  );
});

function knownFields(place: readonly (string | number)[]): readonly string[] {
  const node = place.reduce<SchemaNode>((inner, step) => {
    if (inner.type === 'list') return inner.items;
    const next = inner.type === 'object' ? inner.fields[String(step)] : undefined;
    assert.ok(next !== undefined);
    return next;
  }, SPEC_SCHEMA);
  return node.type === 'object' ? Object.keys(node.fields) : [];
}

test('whatever the JSON, compilation answers', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (spec) => {
      assert.equal(compile({ ...policy(), spec: spec as Record<string, unknown> }, REFERENCES).status, 'refused');
    }),
  );
});
