import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { compileGlob } from '../../src/api/image-glob.ts';
import { clusterPolicy, IDENTITY, keyAuthority, keylessAuthority, policy, type RawPolicy, staticAuthority } from '../support/builders.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { compile } from '../support/compile.ts';
import { applyCrds } from '../support/crds.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const ONE_AUTHORITY = [keyAuthority()];

let api: Cluster;
let namespace: string;

before(async () => {
  api = await cluster();
  await applyCrds(api);
  namespace = await api.namespace('crd');
});

const glob = (text: string): RawPolicy => policy({ images: [{ glob: text }] });
const exclude = (entry: object): RawPolicy => policy({ exclude: [entry] });
const authority = (changes: Record<string, unknown>): RawPolicy => policy({ authorities: [keyAuthority(changes)] });
const key = (value: object): RawPolicy => policy({ authorities: [keyAuthority({ key: value })] });
const keyless = (changes: object, beside: Record<string, unknown> = {}): RawPolicy =>
  policy({ authorities: [keylessAuthority({ keyless: { identities: [IDENTITY], ...changes }, ...beside })] });
const identity = (value: object): RawPolicy => policy({ authorities: [keylessAuthority({ keyless: { identities: [value] } })] });
const attestations = (entry: object, beside: Record<string, unknown> = {}): RawPolicy =>
  policy({ authorities: [keylessAuthority({ attestations: [{ name: 'built', predicateType: 'slsaprovenance1', ...entry }], ...beside })] });

const GOOD: Record<string, RawPolicy> = {
  'one glob and one key': policy(),
  'a cluster policy': clusterPolicy(),
  'a short glob': glob('nginx'),
  'every image': glob('**'),
  'a glob in the middle': glob('ghcr.io/**/web-*'),
  'a glob with a port': glob('localhost:5000/**'),
  'a glob with an IPv6 registry': glob('[2001:db8::1]:5000/**'),
  'a wildcard in the registry': glob('*.gcr.io/**'),
  'an exclusion by repository': exclude({ glob: 'ghcr.io/acme/debug', reason: 'never shipped' }),
  'an exclusion by digest with an end': exclude({ glob: `ghcr.io/acme/web@${DIGEST}`, reason: 'hotfix', until: '2027-01-01T00:00:00Z' }),
  'a namespace selector on a cluster policy': clusterPolicy({ namespaceSelector: { matchLabels: { env: 'prod' } } }),
  'selectors by expressions': policy({ workloads: { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }, { key: 'c', operator: 'Exists' }] } } }),
  'kinds of workloads': policy({ workloads: { kinds: ['Deployment', 'CronJob'] } }),
  'kinds of workloads with their groups': policy({ workloads: { kinds: ['StatefulSet', 'StatefulSet.apps.kruise.io', 'Job.batch.volcano.sh'] } }),
  'a key from a Secret': key({ secretRef: { name: 'release-pub' } }),
  'a KMS key on a cluster policy': clusterPolicy({ authorities: [keyAuthority({ key: { kms: 'awskms:///alias/release' } })] }),
  'a keyless identity': keyless({}),
  'regular expressions and claims': identity({ issuerRegExp: '^https://a$', subjectRegExp: '^https://b/[^/]+$', claims: { runnerEnvironment: 'github-hosted' } }),
  'own certificate authorities': keyless({ caCert: { data: '-----BEGIN CERTIFICATE-----\nx' } }),
  'a trust root of its own': keyless({ trustRootRef: { kind: 'Secret', name: 'our-sigstore' } }),
  'a keyless authority without log but with timestamp': keyless({}, { ctlog: { insecureIgnore: true }, rfc3161timestamp: {} }),
  'a log for a key': authority({ ctlog: {} }),
  'an age with a log': authority({ ctlog: {}, maxAge: '90d', notBefore: '2026-01-01T00:00:00Z' }),
  'a source with a prefix': authority({ source: [{ oci: 'registry.acme.example/signatures', tagPrefix: 'prod-', signaturePullSecrets: [{ name: 'sig-reader' }] }] }),
  'a predicate by URI, newest': attestations({ predicateType: 'https://slsa.dev/provenance/v1', match: 'Newest', policy: { cel: 'true' } }),
  'two authorities, both needed': policy({ authorities: [keyAuthority(), keylessAuthority()], threshold: 2 }),
  'a static answer': policy({ authorities: [staticAuthority()] }),
  'the gate': clusterPolicy({ propagation: { gate: 'Hold' }, pin: { mode: 'Work' } }),
  'following with an interval': policy({ pin: { follow: 'IfVerified', followInterval: '1h' } }),
  'a release': clusterPolicy({ release: [{ kind: 'Deployment', namespace: 'web', name: 'api', reason: 'incident 7', until: '2026-01-01T00:00:00Z' }] }),
  'durations of several units': policy({ recheckInterval: '1d12h' }),
  'an unknown field': policy({ treshold: 2 }),
};

const BAD: Record<string, [RawPolicy, string, RegExp]> = {
  'no images': [policy({ images: undefined }), 'spec.images', /Required/],
  'an empty list of images': [policy({ images: [] }), 'spec.images', /at least 1/],
  'sixty-five globs': [policy({ images: Array.from({ length: 65 }, (_, i) => ({ glob: `a${i}` })) }), 'spec.images', /at most 64/],
  'one glob twice': [policy({ images: [{ glob: 'a' }, { glob: 'a' }] }), 'spec.images[1]', /Duplicate/],
  'an empty glob': [glob(''), 'spec.images[0].glob', /at least 1/],
  'a glob with a tag': [glob('ghcr.io/acme/web:1.4'), 'spec.images[0].glob', /without a tag/],
  'a short glob with a tag': [glob('nginx:*'), 'spec.images[0].glob', /without a tag/],
  'a glob with a digest': [glob(`ghcr.io/acme/web@${DIGEST}`), 'spec.images[0].glob', /without a digest/],
  'a glob with a scheme': [glob('https://ghcr.io/acme/**'), 'spec.images[0].glob', /scheme such as https/],
  'a glob with upper case': [glob('ghcr.io/Acme/**'), 'spec.images[0].glob', /upper-case/],
  'a glob with ** beside characters': [glob('ghcr.io/acme**'), 'spec.images[0].glob', /whole parts/],
  'a glob with another wildcard': [glob('ghcr.io/acme/we?'), 'spec.images[0].glob', /characters that no repository/],
  'a glob with a registry that is none': [glob('a_b.io/acme'), 'spec.images[0].glob', /no host name or address/],
  'a glob with a port above 65535': [glob('localhost:70000/acme'), 'spec.images[0].glob', /no host name or address/],
  'a glob that ends in a slash': [glob('ghcr.io/acme/'), 'spec.images[0].glob', /empty part/],
  'a glob without end': [glob('a'.repeat(513)), 'spec.images[0].glob', /512/],
  'an exclusion without a reason': [exclude({ glob: 'nginx' }), 'spec.exclude[0].reason', /Required/],
  'an exclusion by tag': [exclude({ glob: 'nginx:1.25', reason: 'x' }), 'spec.exclude[0].glob', /without a tag/],
  'an exclusion by a short digest': [exclude({ glob: 'nginx@sha256:00', reason: 'x' }), 'spec.exclude[0].glob', /64 lower-case hex/],
  'an exclusion by digest and wildcard': [exclude({ glob: `ghcr.io/*@${DIGEST}`, reason: 'x' }), 'spec.exclude[0].glob', /without wildcards/],
  'an exclusion until tomorrow': [exclude({ glob: 'nginx', reason: 'x', until: 'tomorrow' }), 'spec.exclude[0].until', /date-time/],
  'a namespace selector on a namespaced policy': [policy({ namespaceSelector: { matchLabels: { a: 'b' } } }), 'spec.namespaceSelector', /use a ClusterImageVerification/],
  'an empty namespace selector': [clusterPolicy({ namespaceSelector: {} }), 'spec.namespaceSelector', /is empty/],
  'an empty map of labels': [clusterPolicy({ namespaceSelector: { matchLabels: {} } }), 'spec.namespaceSelector.matchLabels', /at least 1/],
  'In without values': [policy({ workloads: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }), 'spec.workloads.selector.matchExpressions[0].values', /at least one value/],
  'Exists with values': [policy({ workloads: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } } }), 'spec.workloads.selector.matchExpressions[0].values', /take no values/],
  'an unknown operator': [clusterPolicy({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }), 'spec.namespaceSelector.matchExpressions[0].operator', /supported values/],
  'an empty choice of workloads': [policy({ workloads: {} }), 'spec.workloads', /is empty/],
  'a kind with a group that is none': [policy({ workloads: { kinds: ['CloneSet.Apps'] } }), 'spec.workloads.kinds[0]', /such as CloneSet\.apps\.kruise\.io/],
  'a kind in lower case': [policy({ workloads: { kinds: ['deployments/apps'] } }), 'spec.workloads.kinds[0]', /such as Deployment/],
  'no authorities': [policy({ authorities: [] }), 'spec.authorities', /at least 1/],
  'seventeen authorities': [policy({ authorities: Array.from({ length: 17 }, (_, i) => keyAuthority({ name: `a${i}` })) }), 'spec.authorities', /at most 16/],
  'one name for two authorities': [policy({ authorities: [keyAuthority(), keyAuthority()] }), 'spec.authorities[1]', /Duplicate/],
  'a name with a blank': [authority({ name: 'our key' }), 'spec.authorities[0].name', /lower-case letters/],
  'an authority with nothing in it': [policy({ authorities: [{ name: 'x' }] }), 'spec.authorities[0]', /exactly one of key, keyless and static/],
  'an authority with key and keyless': [authority({ keyless: { identities: [IDENTITY] } }), 'spec.authorities[0]', /exactly one of key, keyless and static/],
  'a key from nowhere': [key({}), 'spec.authorities[0].key', /exactly one of data, secretRef and kms/],
  'a key from two places': [key({ data: '-----BEGIN PUBLIC KEY-----', secretRef: { name: 'x' } }), 'spec.authorities[0].key', /exactly one of data, secretRef and kms/],
  'a key that is no PEM': [key({ data: 'c2VjcmV0' }), 'spec.authorities[0].key.data', /is no PEM/],
  'a private key': [key({ data: '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----' }), 'spec.authorities[0].key.data', /replace this one/],
  'an unknown hash': [key({ secretRef: { name: 'x' }, hashAlgorithm: 'md5' }), 'spec.authorities[0].key.hashAlgorithm', /supported values/],
  'a Secret of another namespace': [key({ secretRef: { name: 'other/x' } }), 'spec.authorities[0].key.secretRef.name', /no field for another namespace/],
  'a KMS key on a namespaced policy': [key({ kms: 'awskms:///alias/release' }), 'spec.authorities[0].key.kms', /only a ClusterImageVerification/],
  'a KMS key with an endpoint': [clusterPolicy({ authorities: [keyAuthority({ key: { kms: 'awskms://169.254.169.254/x' } })] }), 'spec.authorities[0].key.kms', /without an endpoint/],
  'a keyless authority without identities': [policy({ authorities: [keylessAuthority({ keyless: {} })] }), 'spec.authorities[0].keyless.identities', /Required/],
  'an empty list of identities': [policy({ authorities: [keylessAuthority({ keyless: { identities: [] } })] }), 'spec.authorities[0].keyless.identities', /at least 1/],
  'identities that are null': [policy({ authorities: [keylessAuthority({ keyless: { identities: null } })] }), 'spec.authorities[0].keyless.identities', /Required|null/],
  'an identity without an issuer': [identity({ subject: 'x' }), 'spec.authorities[0].keyless.identities[0].issuer', /anybody could have signed/],
  'an identity without a subject': [identity({ issuer: 'x' }), 'spec.authorities[0].keyless.identities[0].subject', /anybody of that issuer/],
  'an identity with two subjects': [identity({ issuer: 'x', subject: 'y', subjectRegExp: 'z' }), 'spec.authorities[0].keyless.identities[0].subject', /exactly one of subject/],
  'an empty issuer': [identity({ issuer: '', subject: 'y' }), 'spec.authorities[0].keyless.identities[0].issuer', /at least 1/],
  'a subject pattern that does not compile': [identity({ issuer: 'x', subjectRegExp: '(' }), 'spec.authorities[0].keyless.identities[0].subjectRegExp', /no RE2 regular expression/],
  'an issuer pattern with a look-ahead': [identity({ issuerRegExp: '(?=x)', subject: 'y' }), 'spec.authorities[0].keyless.identities[0].issuerRegExp', /no RE2 regular expression/],
  'an unknown claim': [identity({ issuer: 'x', subject: 'y', claims: { githubRef: 'z' } }), 'spec.authorities[0].keyless.identities[0].claims', /claim that is not known/],
  'no claims where some were meant': [identity({ issuer: 'x', subject: 'y', claims: {} }), 'spec.authorities[0].keyless.identities[0].claims', /at least 1/],
  'two roots of certificates': [keyless({ caCert: { data: '-----BEGIN CERTIFICATE-----' }, trustRootRef: { kind: 'Secret', name: 'x' } }), 'spec.authorities[0].keyless.caCert', /not both/],
  'no SCT beside own authorities': [keyless({ caCert: { data: '-----BEGIN CERTIFICATE-----' }, insecureIgnoreSCT: true }), 'spec.authorities[0].keyless.insecureIgnoreSCT', /no effect/],
  'a certificate that is none': [keyless({ caCert: { data: 'x' } }), 'spec.authorities[0].keyless.caCert.data', /no PEM certificate/],
  'a trust root in a Pod': [keyless({ trustRootRef: { kind: 'Pod', name: 'x' } }), 'spec.authorities[0].keyless.trustRootRef.kind', /supported values/],
  'a trust root without a kind': [keyless({ trustRootRef: { name: 'x' } }), 'spec.authorities[0].keyless.trustRootRef.kind', /Required/],
  'a keyless authority without any time': [keyless({}, { ctlog: { insecureIgnore: true } }), 'spec.authorities[0].ctlog.insecureIgnore', /add rfc3161timestamp/],
  'a log that is both asked and ignored': [authority({ ctlog: { insecureIgnore: true, trustRootRef: { kind: 'Secret', name: 'x' } } }), 'spec.authorities[0].ctlog.trustRootRef', /no effect/],
  'an age without any time': [authority({ maxAge: '90d' }), 'spec.authorities[0].ctlog', /somebody vouches for/],
  'an age that is no duration': [authority({ ctlog: {}, maxAge: '3 months' }), 'spec.authorities[0].maxAge', /no duration/],
  'a start that is no time': [authority({ ctlog: {}, notBefore: '2026-13-01' }), 'spec.authorities[0].notBefore', /date-time/],
  'no annotations where some were meant': [authority({ annotations: {} }), 'spec.authorities[0].annotations', /at least 1/],
  'a source with a scheme': [authority({ source: [{ oci: 'https://registry.example/sigs' }] }), 'spec.authorities[0].source[0].oci', /without scheme/],
  'a prefix that starts no tag': [authority({ source: [{ oci: 'a.example/b', tagPrefix: '-x' }] }), 'spec.authorities[0].source[0].tagPrefix', /beginning of a tag/],
  'an unknown predicate': [attestations({ predicateType: 'slsa' }), 'spec.authorities[0].attestations[0].predicateType', /neither a URI/],
  'an attestation policy without CEL': [attestations({ policy: {} }), 'spec.authorities[0].attestations[0].policy.cel', /Required/],
  'the newest without any time': [authority({ attestations: [{ name: 'a', predicateType: 'vuln', match: 'Newest' }] }), 'spec.authorities[0].attestations', /somebody vouches for/],
  'a static answer with annotations': [policy({ authorities: [staticAuthority('pass', { annotations: { a: 'b' } })] }), 'spec.authorities[0].static', /looks at no signature/],
  'a static answer beside a key': [policy({ authorities: [staticAuthority(), keyAuthority()] }), 'spec.authorities', /only one of its policy/],
  'an unknown static answer': [policy({ authorities: [{ name: 'x', static: { action: 'maybe' } }] }), 'spec.authorities[0].static.action', /supported values/],
  'a threshold above the authorities': [policy({ authorities: ONE_AUTHORITY, threshold: 2 }), 'spec.threshold', /more authorities than there are/],
  'a threshold of nought': [policy({ threshold: 0 }), 'spec.threshold', /greater than or equal to 1/],
  'an unknown enforcement': [policy({ enforcement: 'enforce' }), 'spec.enforcement', /supported values/],
  'an unknown way to pin': [policy({ pin: { mode: 'Always' } }), 'spec.pin.mode', /supported values/],
  'an interval without following': [policy({ pin: { followInterval: '1h' } }), 'spec.pin.followInterval', /no effect/],
  'following without pinning': [policy({ pin: { mode: 'Never', follow: 'IfVerified' } }), 'spec.pin.follow', /mode other than Never/],
  'following every second': [policy({ pin: { follow: 'IfVerified', followInterval: '1s' } }), 'spec.pin.followInterval', /at least a minute/],
  'the gate without enforcement': [policy({ propagation: { gate: 'Hold' }, enforcement: 'Warn' }), 'spec.propagation.gate', /needs enforcement: Enforce/],
  'the gate without pins': [policy({ propagation: { gate: 'Hold' }, pin: { mode: 'Never' } }), 'spec.propagation.gate', /other than Never/],
  'a recheck every second': [policy({ recheckInterval: '1s' }), 'spec.recheckInterval', /at least a minute/],
  'a recheck that is a number': [policy({ recheckInterval: '24' }), 'spec.recheckInterval', /at least a minute/],
  'a release without an end': [policy({ release: [{ kind: 'Deployment', namespace: 'a', name: 'b', reason: 'c' }] }), 'spec.release[0].until', /Required/],
  'suspend as a text': [policy({ suspend: 'yes' }), 'spec.suspend', /boolean/],
};

interface Answers {
  readonly created: Map<string, RawPolicy>;
  readonly refused: Map<string, string>;
}

/** Asks the API server about all of them in one call; nothing is stored. */
async function ask(objects: readonly (readonly [string, RawPolicy])[]): Promise<Answers> {
  const items = objects.map(([name, object]) => ({
    ...object,
    metadata: { name, ...(object.kind === 'ImageVerification' ? { namespace } : {}) },
  }));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const { stdout, stderr } = await api.kubectl(['create', '--dry-run=server', '-o', 'yaml', '-f', '-'], list);
  const created = parseAllDocuments(stdout).map((document) => document.toJS() as RawPolicy);
  return {
    created: new Map(created.map((object) => [String(object.metadata['name']), object])),
    refused: new Map(
      stderr.split(/^Error from server /m).flatMap((text) => {
        const name = /"(case-\d+)" is invalid/.exec(text)?.[1];
        return name === undefined ? [] : [[name, text] as const];
      }),
    ),
  };
}

test('the table has at least sixty objects', () => assert.ok(Object.keys(GOOD).length + Object.keys(BAD).length >= 60));

test('the API server accepts', async (t) => {
  const cases = Object.entries(GOOD);
  const { created, refused } = await ask(cases.map(([, object], index) => [`case-${index}`, object]));
  for (const [index, [sentence]] of cases.entries()) {
    await t.test(sentence, () => assert.ok(created.has(`case-${index}`), refused.get(`case-${index}`) ?? 'no answer'));
  }
});

test('the API server refuses, with the path of the field and a sentence', async (t) => {
  const cases = Object.entries(BAD);
  const { created, refused } = await ask(cases.map(([, [object]], index) => [`case-${index}`, object]));
  for (const [index, [sentence, [, path, message]]] of cases.entries()) {
    await t.test(sentence, () => {
      const answer = refused.get(`case-${index}`);
      assert.ok(answer !== undefined && !created.has(`case-${index}`), 'it was accepted');
      const line = answer.split('\n').find((text) => text.includes(`${path}: `) && message.test(text));
      assert.ok(line !== undefined, `no line with ${path} and ${message.source} in:\n${answer}`);
    });
  }
});

/** Changes nothing about who must have signed what. */
const HARMLESS = ['one glob twice', 'a name with a blank'];

test('what the API server refuses does not compile either, should an older CRD let it in', async (t) => {
  for (const [sentence, [object]] of Object.entries(BAD).filter(([name]) => !HARMLESS.includes(name))) {
    await t.test(sentence, () => assert.equal(compile(object).status, 'refused'));
  }
});

test('defaults are written, and unknown fields kept at every level', async () => {
  const object = policy({
    treshold: 2,
    images: [{ glob: 'nginx', tag: 'x' }],
    authorities: [keylessAuthority({ rekor: {}, keyless: { url: 'x', identities: [{ ...IDENTITY, email: 'y' }], trustRootRef: { kind: 'Secret', name: 'x', namespace: 'z' } }, ctlog: { url: 'x' } })],
    pin: { always: true },
  });
  const { created, refused } = await ask([['case-0', object]]);
  const spec = created.get('case-0')?.spec;
  assert.deepEqual(
    spec,
    {
      treshold: 2,
      images: [{ glob: 'nginx', tag: 'x' }],
      authorities: [
        {
          name: 'ci',
          rekor: {},
          keyless: { url: 'x', insecureIgnoreSCT: false, identities: [{ ...IDENTITY, email: 'y' }], trustRootRef: { kind: 'Secret', name: 'x', key: 'trusted_root.json', namespace: 'z' } },
          ctlog: { url: 'x' },
          requireRepository: false,
        },
      ],
      threshold: 1,
      enforcement: 'Enforce',
      pin: { mode: 'Patch', form: 'Digest', follow: 'Never', followInterval: '10m', always: true },
      propagation: { gate: 'None' },
      recheckInterval: '24h',
      suspend: false,
    },
    refused.get('case-0'),
  );
});

test('a glob is accepted by the API server where it can be read, and nowhere else', async (t) => {
  const segment = fc.constantFrom('a', 'b-c', 'A', '*', '**', 'a*', 'a**', '', 'x.io', 'X.io', 'x.io:5000', '*.x.io', '[2001:db8::1]:5000', 'a:1', 'a_b', 'a b', 'a@b', 'é', 'a_b.io', 'x.io:0', 'x.io:0443', 'x.io:65536', '**.io', 'a.b', '.');
  const globs = fc.sample(fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')), { numRuns: 300, seed: 7 });
  const { created } = await ask([...new Set(globs)].map((text, index) => [`case-${index}`, glob(text)]));
  const differ = [...new Set(globs)].filter((text, index) => created.has(`case-${index}`) !== reads(text));
  t.diagnostic(`${created.size} of ${new Set(globs).size} accepted`);
  assert.ok(created.size > 20);
  assert.deepEqual(differ, []);
});

function reads(text: string): boolean {
  try {
    return compileGlob(text).segments.length > 0;
  } catch {
    return false;
  }
}
