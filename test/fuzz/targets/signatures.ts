import assert from 'node:assert/strict';
import { readCertificate, CertificateError } from '../../../src/signatures/certificate.ts';
import { certificateClaims } from '../../../src/signatures/identity.ts';
import { fromBase64, JsonError, parseJson } from '../../../src/signatures/json.ts';
import { PemError, readPem } from '../../../src/signatures/pem.ts';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { parsePublicKeys, PublicKeyError } from '../../../src/signatures/public-key.ts';
import { loadTrustRoot, TrustRootError } from '../../../src/signatures/trust-root.ts';
import { SignatureError } from '../../../src/signatures/types.ts';
import type { Candidate, Requirement } from '../../../src/signatures/types.ts';
import { corpus } from '../../support/signature-corpus.ts';
import { asBundle, asking, found, IMAGE, keyOf } from '../../support/signatures.ts';
import { certificateFaults } from '../../support/sigstore/authority.ts';
import { certificatePem } from '../../support/sigstore/keys.ts';
import type { Bundle, LegacySignature } from '../../support/sigstore/sign.ts';
import { owner, person, release, root, rsa, username, world } from '../../differential/cast.ts';
import { bytesOf, only, type FuzzTarget } from '../target.ts';

const PROFILES = [OPERATOR, COSIGN];
const trust = loadTrustRoot(JSON.stringify(root));

/** Whatever is proven of the candidate, or a coded refusal for people to read, by both profiles. */
function proveAnyhow(candidate: Candidate, asked: Partial<Requirement> = {}): void {
  for (const profile of PROFILES) only([SignatureError], () => prove(candidate, { ...asking({ trust }), ...asked, profile }));
}

const v1 = (): Bundle => world.bundle(release, IMAGE, { log: 'v1', timestamp: true });
const legacy = (): LegacySignature => world.legacySignature(owner, IMAGE);
const template = { bundle: v1(), legacy: legacy(), key: keyOf(owner) };
/** A few genuine ones from outside, where they are at hand. */
const fromCorpus = (): readonly Buffer[] => (['signatures', 'cosign-local'] as const).flatMap((name) => {
  const known = corpus(name);
  const references = [...new Set((known?.cases ?? []).map(({ ref }) => ref))];
  return references.flatMap((ref) => known?.bundles(ref) ?? []).slice(0, 12).flatMap((one) => (one.format === 'bundle' ? [Buffer.from(one.bytes)] : []));
});

type Entry = { canonicalizedBody: string; inclusionProof: { checkpoint: { envelope: string } } };

/** The template with one thing of its log entry in the input's place. */
function withEntry(edit: (entry: Entry) => void): Candidate {
  const bundle = structuredClone(template.bundle);
  for (const entry of (bundle.verificationMaterial.tlogEntries ?? []) as unknown as Entry[]) edit(entry);
  return asBundle(bundle);
}

function withToken(token: Buffer): Candidate {
  const bundle = structuredClone(template.bundle);
  bundle.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: token.toString('base64') }] };
  return asBundle(bundle);
}

const entriesOf = (bundles: readonly Bundle[]): Entry[] => bundles.flatMap(({ verificationMaterial: { tlogEntries = [] } }) => tlogEntries as unknown as Entry[]);
const bodies = (): readonly Buffer[] =>
  entriesOf([v1(), world.bundle(release, IMAGE), ...(['hashedrekord', 'intoto', 'dsse'] as const).map((entryKind) => world.bundle(release, IMAGE, { log: 'v1', entryKind })), world.bundle(owner, IMAGE, { entryKind: 'dsse' })]).map(({ canonicalizedBody }) => Buffer.from(canonicalizedBody, 'base64'));

const leaf = (bundle: Bundle): Buffer => Buffer.from(bundle.verificationMaterial.certificate?.rawBytes ?? '', 'base64');
const certificates = (): readonly Buffer[] => [
  ...[release, person, username].map((signer) => leaf(world.bundle(signer, IMAGE))),
  ...Object.values(certificateFaults).map((shape) => leaf(world.bundle(release, IMAGE, { certificate: { shape } }))),
  world.authority.root.certificate,
  world.timestampAuthority.chain[0],
];

const tokensOf = (bundle: Bundle): Buffer[] => (bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) => Buffer.from(signedTimestamp, 'base64'));
const payloads = (): readonly Buffer[] => bytesOf(legacy().payload, world.legacySignature(owner, IMAGE, { annotations: { env: 'prod', n: 1 } }).payload, { critical: null }, { Critical: { Image: { 'Docker-manifest-digest': `sha256:${'0'.repeat(64)}` } } });

/** Parsers of signatures and of what they are held against. */
export const SIGNATURE_TARGETS: readonly FuzzTarget[] = [
  { name: 'bundle', seeds: () => [...bytesOf(v1(), world.bundle(release, IMAGE), world.bundle(person, IMAGE, { timestamp: true }), world.messageBundle(release, Buffer.from('bytes'))), ...fromCorpus()], run: (input) => proveAnyhow(asBundle(input)) },
  { name: 'bundle-by-key', seeds: () => bytesOf(world.bundle(owner, IMAGE, { log: 'v1' }), world.bundle(owner, IMAGE)), run: (input) => proveAnyhow(asBundle(input), { key: template.key }) },
  { name: 'simple-signing-payload', seeds: payloads, tokens: ['critical', 'docker-manifest-digest', 'optional'], run: (input) => proveAnyhow(found({ ...template.legacy, payload: input }), { key: template.key }) },
  {
    name: 'legacy-annotations',
    seeds: () => bytesOf(legacy().annotations, world.legacySignature(release, IMAGE, { timestamp: true }).annotations),
    run: (input) => {
      const annotations = stringsIn(input);
      proveAnyhow(found({ ...template.legacy, annotations }));
      proveAnyhow(found({ ...template.legacy, annotations }), { key: template.key, log: 'Ignored' });
    },
  },
  {
    name: 'envelope-payload',
    seeds: () => [v1(), world.bundle(release, IMAGE, { annotations: { a: '1' } })].map(({ dsseEnvelope }) => Buffer.from(dsseEnvelope?.payload ?? '', 'base64')),
    tokens: ['subject', 'sha256', 'predicateType', '_type'],
    run: (input) => {
      const bundle = structuredClone(template.bundle);
      assert.ok(bundle.dsseEnvelope);
      proveAnyhow(asBundle({ ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: input.toString('base64') } }));
    },
  },
  { name: 'log-entry-body', seeds: bodies, run: (input) => proveAnyhow(withEntry((entry) => void (entry.canonicalizedBody = input.toString('base64')))) },
  {
    name: 'checkpoint',
    seeds: () => bytesOf(...entriesOf([v1(), world.bundle(release, IMAGE)]).map(({ inclusionProof }) => inclusionProof.checkpoint.envelope)),
    tokens: ['\u2014 ', '\n\n', '\n\u2014 a b\n'],
    run: (input) => proveAnyhow(withEntry((entry) => void (entry.inclusionProof = { ...entry.inclusionProof, checkpoint: { envelope: input.toString('utf8') } }))),
  },
  { name: 'timestamp-token', seeds: () => tokensOf(v1()), run: (input) => proveAnyhow(withToken(input), { timestamp: 'Required' }) },
  {
    name: 'certificate',
    seeds: certificates,
    run: (input) => {
      const read = only([CertificateError], () => readCertificate(input, 16 * 1024));
      if (read !== undefined) assert.ok(read.x509.raw.equals(input) && read.der.equals(input), 'what was read is not what was given');
      for (const profile of PROFILES) for (const format of ['legacy', 'bundle'] as const) only([CertificateError], () => certificateClaims(input, format, profile));
    },
  },
  {
    name: 'pem',
    seeds: () => bytesOf(owner.key.pem, rsa.key.pem, certificatePem(world.authority.root.certificate), owner.key.pem + rsa.key.pem, rsa.key.publicKey.export({ type: 'pkcs1', format: 'pem' })),
    tokens: ['-----', '-----BEGIN PUBLIC KEY-----', '-----END PUBLIC KEY-----', '-----BEGIN RSA PUBLIC KEY-----', 'PRIVATE KEY'],
    run: (input) => {
      const text = input.toString('utf8');
      only([PemError], () => readPem(text));
      for (const certificates of [true, false]) {
        for (const { key, keyId } of only([PublicKeyError], () => parsePublicKeys(text, 'sha256', { certificates })) ?? []) {
          assert.equal(parsePublicKeys(key.export({ type: 'spki', format: 'pem' }).toString())[0]?.keyId, keyId);
        }
      }
    },
  },
  { name: 'trusted-root', seeds: () => bytesOf(root, world.trustedRoot({ without: ['ctlogs'] }), world.trustedRootJson), cost: 400, run: (input) => void only([TrustRootError], () => loadTrustRoot(input.toString('utf8'))) },
  {
    name: 'json',
    seeds: () => bytesOf('{"a":[1,{"b":"\\u0041"}],"c":null}', '[[[[]]]]', '"\\ud83d\\ude00"', '{"a":1,"A":2}', ' 1e3 '),
    tokens: ['"a":', '{"a":1,', '\\u0061', '"\\'],
    run: readsAsJson,
  },
  {
    name: 'base64',
    seeds: () => bytesOf('AAAA', 'YQ==', 'YWI=', '+/+/'),
    run: (input) => {
      const text = input.toString('utf8');
      const bytes = only([JsonError], () => fromBase64(text, 'the text', 1024));
      if (bytes !== undefined) assert.ok(bytes.toString('base64') === text && bytes.length <= 1024);
    },
  },
];

function stringsIn(input: Buffer): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(JSON.parse(input.toString('utf8')) as object).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]));
  } catch {
    return { 'dev.cosignproject.cosign/signature': input.toString('latin1') };
  }
}

/** Strict or not, what is read is what `JSON.parse` reads. */
function readsAsJson(input: Buffer): void {
  for (const strict of [true, false]) {
    const value = only([JsonError], () => ({ read: parseJson(input, { strict, maxDepth: 32 }) }));
    if (value === undefined) continue;
    assert.deepEqual(value.read, JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(input)));
  }
}
