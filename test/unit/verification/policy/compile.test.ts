import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import test from 'node:test';
import { keyIdOf } from '../../../../src/signatures/public-key.ts';
import { trustRecipe } from '../../../../src/signatures/trust-recipe.ts';
import { clusterPolicy, IDENTITY, keyAuthority, keylessAuthority, newPublicKey, policy, PUBLIC_KEY, type RawPolicy, staticAuthority } from '../../../support/builders.ts';
import { compile, compiled, sigstore } from '../../../support/compile.ts';

const keyless = (changes: object, beside: Record<string, unknown> = {}): RawPolicy =>
  policy({ authorities: [keylessAuthority({ keyless: { identities: [IDENTITY], ...changes }, ...beside })] });
const identity = (value: object): RawPolicy => policy({ authorities: [keylessAuthority({ keyless: { identities: [value] } })] });
const byKey = (changes: Record<string, unknown>): RawPolicy => policy({ authorities: [keyAuthority(changes)] });
const OUR_ROOT = { trustRootRef: { kind: 'ConfigMap', name: 'our-sigstore' } };
const OUR_ID = 'ConfigMap/our-sigstore/trusted_root.json';

type Case = [RawPolicy, string, RegExp, Record<string, string>?];

const REFUSED: Record<string, Case> = {
  'a misspelt field, with what was meant': [policy({ treshold: 2 }), 'spec.treshold', /did you mean threshold\?/],
  'a field in other case': [byKey({ requirerepository: true }), 'spec.authorities[0].requirerepository', /did you mean requireRepository\?/],
  "policy-controller's name of a field": [keyless({ 'ca-cert': { data: 'x' } }), 'spec.authorities[0].keyless.ca-cert', /did you mean caCert\?/],
  'a field of another product, with what is known': [byKey({ ctlog: { url: 'https://rekor.example' } }), 'spec.authorities[0].ctlog.url', /known here are trustRootRef, insecureIgnore/],
  'an unknown field in a list': [policy({ images: [{ glob: 'a' }, { glob: 'b', tag: 'c' }] }), 'spec.images[1].tag', /not known to this version/],
  'a demand out of a later version': [byKey({ transparency: 'strict' }), 'spec.authorities[0].transparency', /cannot act on it/],
  'a key in a KMS': [clusterPolicy({ authorities: [keyAuthority({ key: { kms: 'awskms:///alias/x' } })] }), 'spec.authorities[0].key.kms', /does not act on it yet; export the public key/],
  'a KMS key of a tenant': [byKey({ key: { kms: 'awskms:///alias/x' } }), 'spec.authorities[0].key.kms', /only a ClusterImageVerification/],
  'pinning at admission': [policy({ pin: { mode: 'Admission' } }), 'spec.pin.mode', /yet; use Patch/],
  'pinning in Works': [policy({ pin: { mode: 'Work' } }), 'spec.pin.mode', /yet; use Patch/],
  'following': [policy({ pin: { follow: 'IfVerified' } }), 'spec.pin.follow', /yet; use Never/],
  'an interval of following': [policy({ pin: { followInterval: '1h' } }), 'spec.pin.followInterval', /yet; remove it/],
  'the gate': [policy({ propagation: { gate: 'Hold' } }), 'spec.propagation.gate', /yet; use None/],
  'a release': [policy({ release: [{ kind: 'Deployment', namespace: 'web', name: 'a', reason: 'b', until: '2026-01-01T00:00:00Z' }] }), 'spec.release', /yet; remove it/],
  'no spec at all': [{ ...policy(), spec: undefined as never }, 'spec.images', /is required/],
  'images that are null': [policy({ images: null }), 'spec.images', /must be a list/],
  'a threshold that is a text': [policy({ threshold: '2' }), 'spec.threshold', /whole number/],
  'a threshold above the authorities': [policy({ threshold: 2 }), 'spec.threshold', /2 of 1 authorities/],
  'an enforcement in lower case': [policy({ enforcement: 'enforce' }), 'spec.enforcement', /none of Enforce, Warn, Audit/],
  'a glob with a tag': [policy({ images: [{ glob: 'nginx:1' }] }), 'spec.images[0].glob', /without :1/],
  'an exclusion with a tag': [policy({ exclude: [{ glob: 'nginx:1', reason: 'x' }] }), 'spec.exclude[0].glob', /has a tag/],
  'an exclusion until no time': [policy({ exclude: [{ glob: 'nginx', reason: 'x', until: '2026-02-30T00:00:00Z' }] }), 'spec.exclude[0].until', /is no time/],
  'a namespace selector of a tenant': [policy({ namespaceSelector: { matchLabels: { a: 'b' } } }), 'spec.namespaceSelector', /ClusterImageVerification/],
  'an empty namespace selector': [clusterPolicy({ namespaceSelector: {} }), 'spec.namespaceSelector', /is empty/],
  'an empty choice of workloads': [policy({ workloads: {} }), 'spec.workloads', /is empty/],
  'a kind without its group': [policy({ workloads: { kinds: ['CloneSet'] } }), 'spec.workloads.kinds[0]', /write CloneSet\.apps\.kruise\.io/],
  'a kind of Kubernetes with its group': [policy({ workloads: { kinds: ['Deployment.apps'] } }), 'spec.workloads.kinds[0]', /write Deployment$/],
  'a kind that two groups have, with another group': [policy({ workloads: { kinds: ['StatefulSet.example.com'] } }), 'spec.workloads.kinds[0]', /write StatefulSet or StatefulSet\.apps\.kruise\.io/],
  'a kind that is not watched': [policy({ workloads: { kinds: ['Deployment', 'Deploymnet'] } }), 'spec.workloads.kinds[1]', /watched are Deployment/],
  'a selector that cannot be': [policy({ workloads: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }), 'spec.workloads.selector.matchExpressions[0].values', /at least one value/],
  'an authority with nothing in it': [policy({ authorities: [{ name: 'x' }] }), 'spec.authorities[0]', /exactly one of/],
  'an authority with two things in it': [byKey({ keyless: { identities: [IDENTITY] } }), 'spec.authorities[0]', /exactly one of/],
  'two authorities of one name': [policy({ authorities: [keyAuthority(), keylessAuthority({ name: 'release' })] }), 'spec.authorities[1].name', /another authority/],
  'one key in two authorities': [policy({ authorities: [keyAuthority(), keyAuthority({ name: 'again', key: { data: `${newPublicKey()}${PUBLIC_KEY.replace('\n', '\r\n')}` } })] }), 'spec.authorities[1].key', /authority "release" too/],
  'a key that is none': [byKey({ key: { data: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' } }), 'spec.authorities[0].key.data', /PEM block 1/],
  'a private key': [byKey({ key: { data: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' } }), 'spec.authorities[0].key.data', /private key/],
  'a key from two places': [byKey({ key: { data: PUBLIC_KEY, secretRef: { name: 'x' } } }), 'spec.authorities[0].key', /exactly one of data, secretRef/],
  'a key that a Secret does not hold': [byKey({ key: { secretRef: { name: 'pub' } } }), 'spec.authorities[0].key.secretRef', /PEM/, { 'Secret/pub/cosign.pub': 'hello' }],
  'no identities': [policy({ authorities: [keylessAuthority({ keyless: { identities: [] } })] }), 'spec.authorities[0].keyless.identities', /at least 1 entry/],
  'an identity without an issuer': [identity({ subject: 'x' }), 'spec.authorities[0].keyless.identities[0].issuer', /anybody/],
  'an identity with an empty subject': [identity({ issuer: 'x', subject: '' }), 'spec.authorities[0].keyless.identities[0].subject', /not be empty/],
  'a pattern that does not compile': [identity({ issuer: 'x', subjectRegExp: '(' }), 'spec.authorities[0].keyless.identities[0].subjectRegExp', /missing closing \)/],
  'a pattern that compiles to too much': [identity({ issuer: 'x', subjectRegExp: 'x{0,1000}'.repeat(20) }), 'spec.authorities[0].keyless.identities[0].subjectRegExp', /instructions/],
  'patterns that compile to too much together': [keyless({ identities: Array.from({ length: 16 }, (_, index) => ({ issuer: 'x', subjectRegExp: `^(?:${'x{950}'.repeat(2)}|${index})$` })) }), 'spec.authorities', /together compile to about 3\d{4} instructions/],
  'Unicode classes by the hundred': [identity({ issuer: 'x', subjectRegExp: String.raw`^${String.raw`\pL[\PN]`.repeat(60)}$` }), 'spec.authorities[0].keyless.identities[0].subjectRegExp', /more than 2000 instructions/],
  'an unknown claim': [identity({ issuer: 'x', subject: 'y', claims: { githubWorkflowref: 'z' } }), 'spec.authorities[0].keyless.identities[0].claims[githubWorkflowref]', /did you mean githubWorkflowRef\?/],
  'a keyless authority without any time': [keyless({}, { ctlog: { insecureIgnore: true } }), 'spec.authorities[0].ctlog.insecureIgnore', /nothing says when/],
  'a log that is both asked and ignored': [byKey({ ctlog: { insecureIgnore: true, ...OUR_ROOT } }), 'spec.authorities[0].ctlog.trustRootRef', /has no effect/],
  'an age without any time': [byKey({ maxAge: '90d' }), 'spec.authorities[0].maxAge', /ctlog: \{\}/],
  'an age of nothing': [byKey({ ctlog: {}, maxAge: '0s' }), 'spec.authorities[0].maxAge', /such as/],
  'a trust root that is none': [keyless(OUR_ROOT), 'spec.authorities[0].keyless.trustRootRef', /trusted root/, { [OUR_ID]: '{}' }],
  'a trust root without what is needed': [byKey({ ctlog: OUR_ROOT }), 'spec.authorities[0].ctlog.trustRootRef', /no transparency log/, { [OUR_ID]: withoutLogs() }],
  'a static answer with annotations': [policy({ authorities: [staticAuthority('pass', { annotations: { a: 'b' } })] }), 'spec.authorities[0].annotations', /no effect beside static/],
  'a static answer beside a key': [policy({ authorities: [keyAuthority(), staticAuthority()] }), 'spec.authorities[1].static', /only authority/],
  'a recheck of a second': [policy({ recheckInterval: '1s' }), 'spec.recheckInterval', /at least a minute/],
};

function withoutLogs(): string {
  return JSON.stringify({ ...(JSON.parse(sigstore('other').json) as object), tlogs: [] });
}

for (const [sentence, [object, field, message, references]] of Object.entries(REFUSED)) {
  test(`refuses ${sentence}`, () => {
    const result = compile(object, references);
    assert.ok(result.status === 'refused', 'it was compiled');
    assert.equal(result.field, field, result.message);
    assert.match(result.message, message);
    assert.equal(result.reason, 'PolicyInvalid');
    assert.ok(result.message.length <= 512);
  });
}

test('a missing reference is a reason of its own', () => {
  const object = byKey({ key: { secretRef: { name: 'pub' } } });
  const missing = compile(object);
  assert.ok(missing.status === 'refused');
  assert.deepEqual([missing.reason, missing.field], ['ReferenceMissing', 'spec.authorities[0].key.secretRef']);
  assert.match(missing.message, /there is no Secret pub; create it, with an entry cosign\.pub/);
  const noKey = compile(object, { 'Secret/pub/cosign.pub': { status: 'KeyMissing', keys: ['key.pem'] } });
  assert.ok(noKey.status === 'refused');
  assert.match(noKey.message, /has no entry cosign\.pub \(it has key\.pem\)/);
});

test('defaults that the API server writes are no wish', () => {
  const written = { threshold: 1, enforcement: 'Enforce', pin: { mode: 'Patch', form: 'Digest', follow: 'Never', followInterval: '10m' }, propagation: { gate: 'None' }, recheckInterval: '24h', suspend: false };
  const authorities = [keyAuthority({ requireRepository: false, key: { data: PUBLIC_KEY, hashAlgorithm: 'sha256' } })];
  assert.equal(compiled(policy({ ...written, authorities })).hash, compiled(policy()).hash);
  assert.ok(compiled(policy({ release: [], exclude: [], pin: { followInterval: '600s' } })));
});

test('a key authority asks for no log unless told to', () => {
  const [plain] = compiled(policy()).authorities;
  assert.deepEqual([plain?.kind, plain?.log, plain?.sct, plain?.timestamp, plain?.trust], ['key', 'Ignored', 'Ignored', 'NotAsked', undefined]);
  assert.deepEqual(plain?.keys.map(({ keyId }) => keyId), [keyIdOf(createPublicKey(PUBLIC_KEY))]);
  const [logged] = compiled(byKey({ ctlog: {} })).authorities;
  assert.deepEqual([logged?.log, logged?.trust], ['Required', trustRecipe({ authorities: sigstore('operator').source })]);
});

test('a keyless authority asks for log and SCT unless told otherwise', () => {
  const [authority] = compiled(keyless({})).authorities;
  assert.deepEqual([authority?.kind, authority?.log, authority?.sct, authority?.keys.length], ['keyless', 'Required', 'Required', 0]);
  assert.deepEqual(authority?.identities, [{ issuer: { exact: IDENTITY.issuer }, subject: { exact: IDENTITY.subject }, claims: {} }]);
  assert.equal(compiled(keyless({ insecureIgnoreSCT: true })).authorities[0]?.sct, 'Ignored');
});

test('a trust root of its own replaces that of the operator', () => {
  const [authority] = compiled(keyless(OUR_ROOT), { [OUR_ID]: sigstore('ours').json }).authorities;
  assert.deepEqual(authority?.trust, trustRecipe({ authorities: sigstore('ours').source }));
});

test('the log of ctlog.trustRootRef replaces that of keyless.trustRootRef, and is not added to it', () => {
  const object = keyless(OUR_ROOT, { ctlog: { trustRootRef: { kind: 'Secret', name: 'logs' } } });
  const [authority] = compiled(object, { [OUR_ID]: sigstore('ours').json, 'Secret/logs/trusted_root.json': sigstore('other').json }).authorities;
  assert.deepEqual(authority?.trust, trustRecipe({ authorities: sigstore('ours').source, logs: sigstore('other').source }));
});

test('patterns that may match more than was meant are named', () => {
  const { warnings } = compiled(identity({ issuerRegExp: '^https://a$|^https://b$', subjectRegExp: 'acme' }));
  assert.equal(warnings.length, 3);
  assert.match(warnings[0] ?? '', /identities\[0\]\.issuerRegExp has an alternation/);
  assert.match(warnings[1] ?? '', /subjectRegExp does not start with \^/);
  assert.match(warnings[2] ?? '', /subjectRegExp does not end with \$/);
  assert.deepEqual(compiled(identity({ issuerRegExp: '^https://(a|b)$', subject: 'acme' })).warnings, []);
});

test('the hash changes with what the references hold', () => {
  const object = byKey({ key: { secretRef: { name: 'pub' } } });
  const before = compiled(object, { 'Secret/pub/cosign.pub': PUBLIC_KEY });
  const after = compiled(object, { 'Secret/pub/cosign.pub': newPublicKey() });
  assert.notEqual(before.hash, after.hash);
  assert.notEqual(before.authorities[0]?.hash, after.authorities[0]?.hash);
  assert.equal(compiled(object, { 'Secret/pub/cosign.pub': `${PUBLIC_KEY}\n` }).hash, before.hash);
});

test('a refused policy still says what it is about', () => {
  const result = compile(policy({ treshold: 2, workloads: { kinds: ['Deployment'], selector: { matchLabels: { app: 'x' } } } }));
  assert.ok(result.status === 'refused');
  const workload = { kind: 'Deployment', namespace: 'web', labels: { app: 'x' }, namespaceLabels: {} };
  assert.ok(result.scope.governsImage('ghcr.io/acme/web'));
  assert.ok(!result.scope.governsImage('ghcr.io/other/web'));
  assert.ok(result.scope.governsWorkload(workload));
  assert.ok(!result.scope.governsWorkload({ ...workload, namespace: 'other' }));
  assert.ok(!result.scope.governsWorkload({ ...workload, labels: {} }));
});

test('what of a refused policy cannot be read is taken to choose all workloads and no images', () => {
  const broken = { images: [{ glob: 'nginx:1' }, 7, { glob: 'ghcr.io/acme/**' }], workloads: { kinds: 'Deployment', selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } } };
  const result = compile(policy(broken));
  assert.ok(result.status === 'refused');
  assert.ok(result.scope.governsWorkload({ kind: 'Job', namespace: 'web', labels: {}, namespaceLabels: {} }));
  assert.ok(result.scope.governsImage('ghcr.io/acme/web'));
  assert.ok(!result.scope.governsImage('docker.io/library/nginx'));
});
