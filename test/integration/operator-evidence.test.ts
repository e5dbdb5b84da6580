import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answering, type FaultyRegistry, startFaulty } from '../support/faulty-registry.ts';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { OWN_CERTIFICATE, ownAuthoritiesPem, ownIssuer } from '../support/own-authorities.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { moveTag, pushBundle, type PushedImage, pushImage, pushLegacyAttestations, pushLegacySignatures } from '../support/sigstore/push.ts';
import type { SignOptions, TestSigner } from '../support/sigstore/sign.ts';
import { createWorld } from '../support/sigstore/world.ts';

const IDENTITY = { issuer: 'https://token.actions.githubusercontent.com', subject: 'https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main' };
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const ROOT = { trustRootRef: { kind: 'ConfigMap', name: 'our-sigstore' } };
const BASIC = `Basic ${Buffer.from('reader:secret').toString('base64')}`;

let scene: Scene;
let faulty: FaultyRegistry;
let operator: Operator;
let release: TestSigner & { kind: 'keyless' };

before(async () => {
  scene = await setScene('evidence');
  faulty = await startFaulty(scene.registry.host);
  release = scene.world.keyless(IDENTITY);
  operator = await scene.start({ registries: [scene.registry.host, faulty.host], args: ['--judgement-timeout=1s'] });
  const { namespace, world } = scene;
  await apply(scene.cluster, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'our-sigstore', namespace }, data: { 'trusted_root.json': world.trustedRootJson } });
});
after(async () => {
  await scene?.stop();
  await faulty?.stop();
});

const push = (name: string): Promise<PushedImage> => pushImage(scene.registry.host, `${name}:1.0`);
const artifact = ({ host, repository, digest }: PushedImage): { digest: string; repository: string } => ({ digest, repository: `${host}/${repository}` });
const workload = (name: string, image: PushedImage): Any => deployment(scene.namespace, name, [image.reference]);
const pinnedTo = async (name: string, image: PushedImage): Promise<void> => assert.equal(await scene.pinned(name), image.pinned);

function policy(name: string, authority: Record<string, unknown>): Any {
  const object = keyedPolicy(scene.namespace, name, `${scene.registry.host}/${name}/**`, '');
  return { ...object, spec: { ...object.spec, authorities: [{ name: 'release', ...authority }] } };
}

async function attest(image: PushedImage, signer: TestSigner, predicate: object, options: SignOptions & { legacy?: true } = {}): Promise<void> {
  const { legacy, ...how } = options;
  const statement = { predicateType: PROVENANCE, predicate, ...how };
  if (legacy === true) await pushLegacyAttestations(image, [scene.world.legacyAttestation(signer, artifact(image), statement)]);
  else await pushBundle(image, scene.world.bundle(signer, artifact(image), statement), { at: scene.world.now(), predicateType: PROVENANCE });
}

test('an image is pinned when who is wanted states what the expression asks for, in a bundle or a legacy attestation, and else it is told what is wrong', async () => {
  const names = ['bundle', 'legacy', 'laptop', 'silent', 'signed', 'mallory'] as const;
  const images = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await push(`attested/${name}`)] as const))) as Record<(typeof names)[number], PushedImage>;
  await attest(images.bundle, release, { builder: 'release', findings: [] });
  await attest(images.legacy, release, { builder: 'release', findings: [{ severity: 'LOW' }] }, { legacy: true });
  await attest(images.laptop, release, { builder: 'laptop', findings: [] });
  await attest(images.silent, release, { findings: [] });
  await scene.world.signImage(images.signed, release);
  await attest(images.mallory, scene.world.keyless({ ...IDENTITY, subject: 'https://github.com/mallory/web' }), { builder: 'release', findings: [] });
  const cel = "predicate.builder == 'release' && predicate.findings.all(finding, finding.severity == 'LOW')";
  await apply(scene.cluster, policy('attested', { keyless: { ...ROOT, identities: [IDENTITY] }, attestations: [{ name: 'built', predicateType: 'slsaprovenance1', policy: { cel } }] }));
  await scene.condition('attested', 'Ready', 'True', 'Compiled');
  await apply(scene.cluster, ...names.map((name) => workload(`attested-${name}`, images[name])));
  await pinnedTo('attested-bundle', images.bundle);
  await pinnedTo('attested-legacy', images.legacy);
  const told: Record<string, [reason: string, text: RegExp]> = {
    laptop: ['AttestationRejected', /"built" by .*release\.yml.* it is false/],
    silent: ['AttestationRejected', /field not found: builder/],
    signed: ['AttestationMissing', /and only others were found: "https:\/\/sigstore\.dev\/cosign\/sign\/v1"/],
    mallory: ['AttestationMissing', /signed by "https:\/\/github\.com\/mallory\/web"/],
  };
  for (const [name, [reason, text]] of Object.entries(told)) {
    const row = await scene.row('attested', `/attested/${name}:`, reason);
    assert.equal(row.result, 'Failed');
    assert.match(row.message, text);
    assert.equal(await scene.image(`attested-${name}`), images[name as 'laptop'].reference);
  }
});

test('an expression that cannot be read keeps its policy from being in force, by the path of the field', async () => {
  const attestations = [{ name: 'built', predicateType: 'slsaprovenance1', policy: { cel: 'predicates.ok' } }];
  await apply(scene.cluster, policy('unreadable', { keyless: { ...ROOT, identities: [IDENTITY] }, attestations }));
  const { message } = await scene.condition('unreadable', 'Ready', 'False', 'PolicyInvalid');
  assert.match(message, /spec\.authorities\[0\]\.attestations\[0\]\.policy\.cel: uses predicates, which there is not/);
});

test('an expression that takes too long or too much is ended and told, and keeps nobody else waiting', async () => {
  const [slow, huge, quick] = [await push('slow/app'), await push('huge/app'), await push('quick/app')];
  const items = Array.from({ length: 10_000 }, (_, index) => index);
  for (const image of [slow, huge, quick]) await attest(image, release, { items });
  const states = (name: string, cel: string): Any => policy(name, { keyless: { ...ROOT, identities: [IDENTITY] }, attestations: [{ name: 'built', predicateType: PROVENANCE, policy: { cel } }] });
  await apply(
    scene.cluster,
    states('slow', 'predicate.items.all(a, predicate.items.all(b, a + b >= 0))'),
    states('huge', 'predicate.items.map(a, predicate.items.map(b, [a, b, a, b, a, b])).size() > 0'),
    states('quick', 'predicate.items.size() == 10000'),
    workload('slow', slow),
    workload('huge', huge),
  );
  await apply(scene.cluster, workload('quick', quick));
  await pinnedTo('quick', quick);
  for (const [name, image] of [['slow', slow], ['huge', huge]] as const) {
    const row = await scene.row(name, `/${name}/app`, 'LimitExceeded');
    assert.equal(row.result, 'Unknown');
    assert.equal(await scene.image(name), image.reference);
  }
  assert.ok(operator.process.running);
});

test('signatures in another repository, behind a prefix and a password, count; those beside the image do not; an outage there is no refusal', async () => {
  const key = scene.world.key();
  const store = `${faulty.host}/store/signatures`;
  const [kept, beside] = [await push('sourced/kept'), await push('sourced/beside')];
  const signature = scene.world.legacySignature(key, artifact(kept), { log: 'none' });
  const pushed = await pushLegacySignatures({ ...kept, repository: 'store/signatures' }, [signature]);
  await moveTag(pushed, `prod-${kept.digest.replace(':', '-')}.sig`);
  await scene.world.signImage(beside, key, { format: 'legacy', log: 'none' });
  faulty.fault('store/', (asked, response, forward) => {
    if (asked.headers.authorization === BASIC) forward();
    else answering(401, { 'www-authenticate': 'Basic realm="store"' })(asked, response, forward);
  });
  const source = [{ oci: store, tagPrefix: 'prod-', signaturePullSecrets: [{ name: 'sig-reader' }] }];
  await apply(scene.cluster, policy('sourced', { key: { data: key.key.pem }, source }), workload('sourced-kept', kept), workload('sourced-beside', beside));
  const { message } = await scene.condition('sourced', 'Ready', 'False', 'ReferenceMissing');
  assert.match(message, /source\[0\]\.signaturePullSecrets\[0\].*no Secret sig-reader/);
  await apply(scene.cluster, secret('sig-reader', { [faulty.host]: { username: 'reader', password: 'wrong' } }));
  await scene.row('sourced', '/sourced/kept:', 'RegistryUnauthorized');
  await apply(scene.cluster, secret('sig-reader', { [faulty.host]: { username: 'reader', password: 'secret' } }));
  await pinnedTo('sourced-kept', kept);
  const row = await scene.row('sourced', '/sourced/beside:', 'NoSignature');
  assert.equal(row.result, 'Failed');
  assert.equal(await scene.image('sourced-beside'), beside.reference);
  faulty.fault('store/', answering(503));
  const late = await push('sourced/late');
  await apply(scene.cluster, workload('sourced-late', late));
  assert.equal((await scene.row('sourced', '/sourced/late:', 'RegistryUnavailable')).result, 'Unknown');
  assert.doesNotMatch(JSON.stringify([await scene.policy('sourced'), operator.log()]), /reader:secret|cmVhZGVyOnNlY3JldA/);
});

function secret(name: string, auths: object): Any {
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson', metadata: { name, namespace: scene.namespace }, data };
}

test('certificates of a PKI of one’s own count, with the issuing authority as their issuer, and those of another do not', async () => {
  const other = createWorld({ name: 'other.test' });
  const [own, foreign] = [await push('own/own'), await push('own/foreign')];
  await scene.world.signImage(own, release, { format: 'legacy', ...OWN_CERTIFICATE });
  await pushLegacySignatures(foreign, [scene.world.legacySignature(release, artifact(foreign), { ...OWN_CERTIFICATE, services: { authority: other.authority } })]);
  const identities = [{ issuer: ownIssuer(scene.world), subject: IDENTITY.subject }];
  await apply(scene.cluster, policy('own', { keyless: { caCert: { data: ownAuthoritiesPem(scene.world) }, identities }, ctlog: ROOT }), workload('own-own', own), workload('own-foreign', foreign));
  await pinnedTo('own-own', own);
  const row = await scene.row('own', '/own/foreign:', 'CertificateInvalid');
  assert.equal(row.result, 'Failed');
  const { signer } = await scene.row('own', '/own/own', 'SignatureValid');
  assert.deepEqual(signer, { issuer: ownIssuer(scene.world), subject: IDENTITY.subject });
});

test('a required timestamp is the only time where the log is ignored, and a signature without one fails', async () => {
  const [stamped, logged] = [await push('stamped/stamped'), await push('stamped/logged')];
  await scene.world.signImage(stamped, release, { log: 'none', timestamp: true });
  await scene.world.signImage(logged, release, { log: 'v1', timestamp: false });
  const authority = { keyless: { identities: [IDENTITY], ...ROOT }, rfc3161timestamp: {}, ctlog: { insecureIgnore: true } };
  await apply(scene.cluster, policy('stamped', authority), workload('stamped-stamped', stamped), workload('stamped-logged', logged));
  await pinnedTo('stamped-stamped', stamped);
  const row = await scene.row('stamped', '/stamped/logged:', 'TimestampInvalid');
  assert.equal(row.result, 'Failed');
  assert.match(row.message, /has no timestamp/);
  await eventually('no pin of what has no timestamp', async () => (await scene.image('stamped-logged')) === logged.reference);
});
