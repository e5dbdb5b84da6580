import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trustRecipe, trustSource } from '../../../../src/signatures/trust-recipe.ts';
import type { CompileContext } from '../../../../src/verification/policy/compile.ts';
import { referencesOf } from '../../../../src/verification/policy/references.ts';
import { compileSourceKeychains } from '../../../../src/verification/policy/sources.ts';
import { trustTextsOf } from '../../../../src/verification/policy/trust.ts';
import { IDENTITY, keyAuthority, keylessAuthority, policy, type RawPolicy } from '../../../support/builders.ts';
import { compile, compiled, sigstore } from '../../../support/compile.ts';
import { costOf } from '../../../support/cost.ts';
import { ownAuthoritiesPem } from '../../../support/own-authorities.ts';
import { certificatePem } from '../../../support/sigstore/keys.ts';
import { createWorld } from '../../../support/sigstore/world.ts';

const OWN = createWorld({ name: 'acme.test' });
const CA = ownAuthoritiesPem(OWN);
const PULL = JSON.stringify({ auths: { 'sigs.example': { username: 'reader', password: 'secret' } } });
const withoutStamps = JSON.stringify({ ...(JSON.parse(sigstore('other').json) as object), timestampAuthorities: [] });

const byKey = (beside: Record<string, unknown>): RawPolicy => policy({ authorities: [keyAuthority(beside)] });
const keyless = (changes: Record<string, unknown>, beside: Record<string, unknown> = {}): RawPolicy =>
  policy({ authorities: [keylessAuthority({ keyless: { identities: [IDENTITY], ...changes }, ...beside })] });
const attest = (changes: Record<string, unknown>, beside: Record<string, unknown> = {}): RawPolicy => keyless({}, { attestations: [{ name: 'a', predicateType: 'vuln', ...changes }], ...beside });
const source = (changes: Record<string, unknown>): RawPolicy => byKey({ source: [{ oci: 'sigs.example/acme', ...changes }] });
const expression = (cel: string): RawPolicy => attest({ policy: { cel } });
const ref = (name: string): { trustRootRef: Record<string, string> } => ({ trustRootRef: { kind: 'ConfigMap', name } });
const OURS = { 'ConfigMap/ours/trusted_root.json': sigstore('ours').json, 'ConfigMap/stamps/trusted_root.json': sigstore('other').json };

describe('attestations', () => {
  test('are read with their short names resolved', () => {
    const { authorities } = compiled(keyless({}, { attestations: [{ name: 'a', predicateType: 'slsaprovenance1', policy: { cel: 'predicate.ok' }, match: 'All' }, { name: 'b', predicateType: 'https://example.com/x' }] }));
    assert.deepEqual(authorities[0]?.attestations, [
      { name: 'a', predicateType: 'https://slsa.dev/provenance/v1', match: 'All', cel: 'predicate.ok' },
      { name: 'b', predicateType: 'https://example.com/x', match: 'Any' },
    ]);
  });

  test('change what a verdict is kept under', () => {
    const hashes = [attest({}), expression('true'), expression('false'), attest({ match: 'All' }), keyless({})].map((object) => compiled(object).authorities[0]?.hash);
    assert.equal(new Set(hashes).size, hashes.length);
  });

  test('of which the newest counts have a time with a log entry or a timestamp', () => {
    assert.ok(compiled(attest({ match: 'Newest' })));
    assert.ok(compiled(byKey({ attestations: [{ name: 'a', predicateType: 'vuln', match: 'Newest' }], rfc3161timestamp: {} })));
  });
});

describe('sources', () => {
  test('are repositories with a prefix and the credentials of their own', async () => {
    const references = { 'Secret/reader/.dockerconfigjson': PULL };
    const { authorities, sourceKeychain } = compiled(source({ tagPrefix: 'prod-', signaturePullSecrets: [{ name: 'reader' }] }), references);
    const [found] = authorities[0]?.sources ?? [];
    assert.deepEqual(found, { host: 'sigs.example', path: 'acme', tagPrefix: 'prod-', pullSecrets: ['reader'] });
    assert.ok(found);
    const keychain = sourceKeychain?.(found);
    assert.deepEqual(await keychain?.lookup({ host: 'sigs.example', path: 'acme' }), { username: 'reader', password: 'secret' });
    assert.equal(await keychain?.lookup({ host: 'other.example', path: 'acme' }), undefined);
    assert.doesNotMatch(JSON.stringify(compiled(source({ signaturePullSecrets: [{ name: 'reader' }] }), references)), /secret"/);
  });

  test('without pull secrets have no credentials of their own', () => assert.equal(compiled(source({})).sourceKeychain, undefined));

  test('have canonical names', () => {
    const [found] = compiled(byKey({ source: [{ oci: 'index.docker.io/acme/signatures' }] })).authorities[0]?.sources ?? [];
    assert.deepEqual([found?.host, found?.path, found?.tagPrefix], ['docker.io', 'acme/signatures', '']);
  });

  test('name their pull secrets as references, as timestamps name their trust root', () => {
    const { spec } = byKey({ source: [{ oci: 'a.example/b', signaturePullSecrets: [{ name: 'x' }, { name: 'y' }] }], rfc3161timestamp: ref('stamps') });
    assert.deepEqual(
      referencesOf(spec).map(({ kind, name, key, field, holds }) => [kind, name, key, field, holds]),
      [
        ['ConfigMap', 'stamps', 'trusted_root.json', 'spec.authorities[0].rfc3161timestamp.trustRootRef', 'TrustRoot'],
        ['Secret', 'x', '.dockerconfigjson', 'spec.authorities[0].source[0].signaturePullSecrets[0]', 'PullSecret'],
        ['Secret', 'y', '.dockerconfigjson', 'spec.authorities[0].source[0].signaturePullSecrets[1]', 'PullSecret'],
      ],
    );
  });

  test('whose pull secret is missing are not read without it', () => {
    const result = compile(source({ signaturePullSecrets: [{ name: 'reader' }] }));
    assert.ok(result.status === 'refused');
    assert.deepEqual([result.reason, result.field], ['ReferenceMissing', 'spec.authorities[0].source[0].signaturePullSecrets[0]']);
  });
});

const MANY = { auths: Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`r${index}.example/${'p'.repeat(300)}`, { username: 'u', password: 'p' }])) };

/** As many sources as a policy can have, each with as many pull secrets. */
function everywhere(name: (index: number) => string): RawPolicy {
  const sources = (at: number): unknown[] => Array.from({ length: 4 }, (_, of) => ({ oci: `sigs.example/a${at}-${of}`, signaturePullSecrets: Array.from({ length: 4 }, (_secret, index) => ({ name: name(16 * at + 4 * of + index) })) }));
  return policy({ authorities: Array.from({ length: 16 }, (_, at) => keylessAuthority({ name: `a${at}`, source: sources(at) })) });
}

describe('pull secrets that are large', () => {
  test('are read once, however often they are named', () => {
    const references = { 'Secret/reader/.dockerconfigjson': JSON.stringify(MANY) };
    const object = everywhere(() => 'reader');
    const cost = costOf(() => compiled(object, references));
    assert.ok(cost < 300, `it took ${cost} ms`);
  });

  test('are kept once for all policies that name them', () => {
    const references = new Map([['Secret/reader/.dockerconfigjson', { status: 'Found', value: PULL } as const]]);
    const [one, other] = ['a', 'b'].map((oci) => {
      const { authorities } = compiled(source({ oci: `sigs.example/${oci}`, signaturePullSecrets: [{ name: 'reader' }] }), { 'Secret/reader/.dockerconfigjson': PULL });
      return authorities[0]?.sources.map((place) => compileSourceKeychains(authorities, references).sourceKeychain?.(place))[0];
    });
    assert.ok(one !== undefined && one === other);
  });

  test('are refused where they are too large together', () => {
    const name = (index: number): string => `reader-${index % 64}`;
    const references = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`Secret/${name(index)}/.dockerconfigjson`, JSON.stringify(MANY)]));
    const result = compile(everywhere(name), references);
    assert.ok(result.status === 'refused');
    assert.deepEqual([result.reason, result.field], ['PolicyInvalid', 'spec.authorities[0].source[0].signaturePullSecrets[3]']);
    assert.match(result.message, /larger than 1048576 characters together; remove/);
  });
});

describe('a timestamp', () => {
  test('is required beside the log, by an authority of the root that is named for it alone', () => {
    const [authority] = compiled(keyless(ref('ours'), { rfc3161timestamp: ref('stamps') }), OURS).authorities;
    assert.deepEqual([authority?.log, authority?.timestamp], ['Required', 'Required']);
    assert.deepEqual(authority?.trust, trustRecipe({ authorities: sigstore('ours').source, timestampAuthorities: sigstore('other').source }));
  });

  test('is else by one of the root of keyless, else of the operator', () => {
    assert.deepEqual(compiled(keyless(ref('ours'), { rfc3161timestamp: {} }), OURS).authorities[0]?.trust, trustRecipe({ authorities: sigstore('ours').source }));
    assert.deepEqual(compiled(byKey({ rfc3161timestamp: {} })).authorities[0]?.trust, trustRecipe({ authorities: sigstore('operator').source }));
  });

  test('is the only time where the log is ignored', () => {
    const [authority] = compiled(keyless({}, { rfc3161timestamp: {}, ctlog: { insecureIgnore: true } })).authorities;
    assert.deepEqual([authority?.log, authority?.timestamp], ['Ignored', 'Required']);
  });

  test('is time enough for ages', () => assert.equal(compiled(byKey({ rfc3161timestamp: {}, maxAge: '1d' })).authorities[0]?.maxAge, 86_400_000));
  test('is not asked for unless it is named', () => assert.equal(compiled(keyless({})).authorities[0]?.timestamp, 'NotAsked'));
});

describe('certificate authorities of one’s own', () => {
  test('are the only ones, with logs and timestamp authorities of the operator, and no SCT', () => {
    const [authority] = compiled(keyless({ caCert: { data: CA } })).authorities;
    const operator = sigstore('operator').source;
    assert.deepEqual([authority?.sct, authority?.log], ['Ignored', 'Required']);
    assert.deepEqual(authority?.trust, trustRecipe({ authorities: trustSource('Certificates', CA), logs: operator, ctLogs: operator, timestampAuthorities: operator }));
  });

  test('are described before they are compiled', () => {
    const { spec } = keyless({ caCert: { data: CA } });
    assert.deepEqual(trustTextsOf(spec, [], new Map()), [{ form: 'Certificates', text: CA }]);
    for (const broken of [undefined, null, { authorities: 1 }, { authorities: [null, { keyless: { caCert: { data: 1 } } }] }]) assert.deepEqual(trustTextsOf(broken, [], new Map()), []);
  });
});

const ROOT = certificatePem(OWN.authority.root.certificate);
const INTERMEDIATE = certificatePem(OWN.authority.intermediate.certificate);

const REFUSED: Record<string, [RawPolicy, string, RegExp, Record<string, string>?]> = {
  'a predicate type that is neither URI nor name': [attest({ predicateType: 'provenance' }), 'spec.authorities[0].attestations[0].predicateType', /neither a URI nor a short name/],
  'two attestations of one name': [keyless({}, { attestations: [{ name: 'a', predicateType: 'vuln' }, { name: 'a', predicateType: 'spdx' }] }), 'spec.authorities[0].attestations[1].name', /another attestation too/],
  'an expression that is no CEL': [expression('predicate.'), 'spec.authorities[0].attestations[0].policy.cel', /no CEL expression/],
  'an expression over what there is not': [expression('predicates.ok'), 'spec.authorities[0].attestations[0].policy.cel', /uses predicates, which there is not/],
  'an expression that nests too deeply': [expression('predicate.a.all(x, x.all(y, y.all(z, z)))'), 'spec.authorities[0].attestations[0].policy.cel', /at most 2/],
  'an expression with a pattern that is none': [expression('predicate.a.matches("(")'), 'spec.authorities[0].attestations[0].policy.cel', /RE2/],
  'expressions that are too long together': [
    keyless({}, { attestations: Array.from({ length: 3 }, (_, index) => ({ name: `a${index}`, predicateType: 'vuln', policy: { cel: `"${'x'.repeat(4000)}" == predicate` } })) }),
    'spec.authorities',
    /at most 8192/,
  ],
  'expressions with too many brackets together': [
    keyless({}, { attestations: Array.from({ length: 5 }, (_, index) => ({ name: `a${index}`, predicateType: 'vuln', policy: { cel: `predicate == [${'[],'.repeat(110)}[]]` } })) }),
    'spec.authorities',
    /opening brackets together, and at most 512/,
  ],
  'patterns in expressions that compile to too much together': [
    keyless({}, { attestations: Array.from({ length: 4 }, (_, index) => ({ name: `a${index}`, predicateType: 'vuln', policy: { cel: Array.from({ length: 5 }, () => `predicate.matches("${'x{950}'.repeat(2)}")`).join(' && ') } })) }),
    'spec.authorities',
    /together compile to about 3\d{4}/,
  ],
  'the newest of statements without a time': [byKey({ attestations: [{ name: 'a', predicateType: 'vuln', match: 'Newest' }] }), 'spec.authorities[0].attestations[0].match', /rfc3161timestamp/],
  'a source with a tag': [source({ oci: 'sigs.example/acme:v1' }), 'spec.authorities[0].source[0].oci', /tag or digest/],
  'a source with a digest': [source({ oci: `sigs.example/acme@sha256:${'1'.repeat(64)}` }), 'spec.authorities[0].source[0].oci', /tag or digest/],
  'a source that is a registry alone': [source({ oci: 'sigs.example:5000' }), 'spec.authorities[0].source[0].oci', /tag or digest/],
  'a source that is no repository': [source({ oci: 'https://sigs.example/acme' }), 'spec.authorities[0].source[0].oci', /./],
  'a prefix that no tag begins with': [source({ tagPrefix: '-a' }), 'spec.authorities[0].source[0].tagPrefix', /beginning of a tag/],
  'a pull secret that is no configuration': [source({ signaturePullSecrets: [{ name: 'reader' }] }), 'spec.authorities[0].source[0].signaturePullSecrets[0]', /Secret reader/, { 'Secret/reader/.dockerconfigjson': '{' }],
  'a timestamp of a root without timestamp authorities': [byKey({ rfc3161timestamp: ref('none') }), 'spec.authorities[0].rfc3161timestamp.trustRootRef', /no timestamp authority/, { 'ConfigMap/none/trusted_root.json': withoutStamps }],
  'a timestamp of a root that is none': [byKey({ rfc3161timestamp: ref('none') }), 'spec.authorities[0].rfc3161timestamp.trustRootRef', /trusted root/, { 'ConfigMap/none/trusted_root.json': '{}' }],
  'certificate authorities beside a trust root': [keyless({ caCert: { data: CA }, ...ref('ours') }), 'spec.authorities[0].keyless.caCert', /not by both/, OURS],
  'SCTs that are ignored where none is asked for': [keyless({ caCert: { data: CA }, insecureIgnoreSCT: true }), 'spec.authorities[0].keyless.insecureIgnoreSCT', /no effect beside caCert/],
  'certificate authorities that are no PEM': [keyless({ caCert: { data: 'x' } }), 'spec.authorities[0].keyless.caCert.data', /no certificate/],
  'an intermediate authority without its root': [keyless({ caCert: { data: INTERMEDIATE } }), 'spec.authorities[0].keyless.caCert.data', /no root among/],
  'an intermediate authority of another root': [
    keyless({ caCert: { data: ROOT + certificatePem(createWorld({ name: 'else.test' }).authority.intermediate.certificate) } }),
    'spec.authorities[0].keyless.caCert.data',
    /leads to none of the roots/,
  ],
  'a key beside the certificate authorities': [keyless({ caCert: { data: `${CA}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n` } }), 'spec.authorities[0].keyless.caCert.data', /is a PUBLIC KEY/],
  'a static answer with a source': [policy({ authorities: [{ name: 'a', static: { action: 'pass' }, source: [{ oci: 'a.example/b' }] }] }), 'spec.authorities[0].source', /no effect beside static/],
  'a static answer with attestations': [policy({ authorities: [{ name: 'a', static: { action: 'pass' }, attestations: [{ name: 'a', predicateType: 'vuln' }] }] }), 'spec.authorities[0].attestations', /no effect beside static/],
  'a static answer with a timestamp': [policy({ authorities: [{ name: 'a', static: { action: 'pass' }, rfc3161timestamp: {} }] }), 'spec.authorities[0].rfc3161timestamp', /no effect beside static/],
};

describe('refuses', () => {
  for (const [sentence, [object, field, message, references]] of Object.entries(REFUSED)) {
    test(sentence, () => {
      const result = compile(object, references);
      assert.ok(result.status === 'refused', 'it was compiled');
      assert.equal(result.field, field, result.message);
      assert.match(result.message, message);
      assert.equal(result.reason, 'PolicyInvalid');
    });
  }
});

test('what is not needed of a trust root that cannot be had keeps nothing from its work', () => {
  const operator = sigstore('operator').source;
  const members = { certificateAuthorities: 1, tlogs: 1, ctlogs: 1, timestampAuthorities: 1 };
  const described: NonNullable<CompileContext['describe']> = (form, text) => ({ source: trustSource(form, text), description: text === operator.text ? { problem: 'it has ended' } : { members } });
  const result = compile(byKey({ ctlog: ref('ours') }), OURS, { describe: described });
  assert.ok(result.status === 'compiled');
  assert.deepEqual(result.policy.authorities[0]?.trust, trustRecipe({ authorities: sigstore('ours').source }));
  assert.equal(compile(keyless({}), OURS, { describe: described }).status, 'refused');
});
