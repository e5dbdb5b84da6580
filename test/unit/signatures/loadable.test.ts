import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asLoaded } from '../../../src/signatures/loadable.ts';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { readStatement } from '../../../src/signatures/statement.ts';
import type { BundleCandidate } from '../../../src/signatures/types.ts';
import { IMAGE, asking, release, world } from '../../support/signatures.ts';

const made = JSON.stringify(world.bundle(release, IMAGE, { log: 'v1' }));
const candidate = (text: string): BundleCandidate => ({ format: 'bundle', location: 'x', bytes: Buffer.from(text) });
const load = (text: string): BundleCandidate | undefined => asLoaded(candidate(text), COSIGN);
const field = (name: string): RegExp => new RegExp(`("${name}":")([^"]+)"`);

/** Other ways to write the same bundle, which protobuf reads alike (protobuf.dev, ProtoJSON Format). */
const SAME: Readonly<Record<string, string>> = {
  'with names in snake case': made.replaceAll(/"(mediaType|verificationMaterial|tlogEntries|canonicalizedBody|dsseEnvelope|rawBytes|signedEntryTimestamp|inclusionProof)"/g, (name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
  'with base64 of the other alphabet': made.replace(field('rawBytes'), (_, name: string, text: string) => `${name}${text.replaceAll('+', '-').replaceAll('/', '_')}"`),
  'with base64 without padding': made.replace(field('keyId'), (_, name: string, text: string) => `${name}${text.replaceAll('=', '')}"`),
  'with null for what is not there': made.replace('"verificationMaterial":{', '"messageSignature":null,"verificationMaterial":{"timestampVerificationData":null,'),
  'with numbers that are no strings': made.replace(/"integratedTime":"(\d+)"/, '"integratedTime":$1'),
  'of version 0.3 with a patch': made.replace('bundle.v0.3+json', 'bundle.v0.3.1+json'),
  'of version 0.3 as a parameter': made.replace('bundle.v0.3+json', 'bundle+json;version=0.3'),
  'that says another kind of entry than it has': made.replace('"kind":"dsse"', '"kind":"rekord"'),
};

/** What cosign passes over without a word. */
const UNLOADABLE: Readonly<Record<string, string>> = {
  'with a member that is not known': made.replace('{', '{"more":1,'),
  'with such a member further inside': made.replace('"logId":{', '"logId":{"more":1,'),
  'with a member in two spellings': made.replace('"mediaType"', '"media_type":"x","mediaType"'),
  'with a member in a spelling that its message does not have': made.replace('"payloadType"', '"payload_type"'),
  'with a digest by a hash that has no name': JSON.stringify(world.bundle(release, IMAGE, { hash: 'sha224' })),
  'with an entry without a signature': JSON.stringify(world.bundle(release, IMAGE, { log: 'v1', signature: () => Buffer.alloc(0) })),
  'with a member twice': made.replace('"payloadType"', '"payloadType":"x","payloadType"'),
  'with a member in another case': made.replace('"dsseEnvelope"', '"DsseEnvelope"'),
  'with a key __proto__': made.replace('{', '{"__proto__":{},'),
  'with half of a surrogate pair': made.replace('"kind":"dsse"', '"kind":"\\ud800"'),
  'with base64 of both alphabets': made.replace(field('payload'), '$1-/==" '),
  'with base64 of an impossible length': made.replace(field('keyId'), '$1AAAAA"'),
  'with a text for an integer': made.replace(/"integratedTime":"(\d+)"/, '"integratedTime":" $1"'),
  'of version 0.2': made.replace('bundle.v0.3+json', 'bundle+json;version=0.2'),
  'of version 0.4': made.replace('bundle.v0.3+json', 'bundle.v0.4+json'),
  'of a version before 0.3.0': made.replace('bundle.v0.3+json', 'bundle.v0.3.0-rc.1+json'),
  'without a certificate and a key': made.replace('"certificate":', '"certificate":null,"publicKey":null,"x509CertificateChain":'),
  'with a certificate and a key': made.replace('"certificate":', '"publicKey":{},"certificate":'),
  'with an envelope and a signature over bytes': made.replace('"dsseEnvelope":', '"messageSignature":{},"dsseEnvelope":'),
  'without an inclusion proof': made.replace('"inclusionProof":', '"inclusionProof":null,"x":'),
  'with an empty checkpoint': made.replace(/"envelope":"[^"]*"/, '"envelope":""'),
  'with an entry without a body': made.replace('"canonicalizedBody":', '"canonicalizedBody":null,"x":'),
  'with a digest that an Ed25519 key is said to have signed': JSON.stringify(world.bundle(world.key('Ed25519'), IMAGE, { log: 'v1', entryKind: 'hashedrekord' })),
  'with an entry of Rekor v2 that has a member more': JSON.stringify(world.bundle(release, IMAGE, { body: (body) => ({ ...body, more: 1 }) })),
  'with an entry of a kind that is not known': made.replace(field('canonicalizedBody'), `$1${Buffer.from('{"kind":"alpine","apiVersion":"0.0.1"}').toString('base64')}"`),
};

describe('a bundle is loaded as cosign loads it', () => {
  for (const [sentence, text] of Object.entries(SAME)) {
    test(sentence, () => {
      assert.notEqual(text, made);
      const loaded = load(text);
      assert.ok(loaded !== undefined);
      assert.equal(prove(loaded, asking({ profile: COSIGN })).logged, true);
    });
  }

  for (const [sentence, text] of Object.entries(UNLOADABLE)) {
    test(`but not ${sentence}`, () => {
      assert.notEqual(text, made);
      assert.equal(load(text), undefined);
    });
  }

  test('with an entry of Rekor v2 that calls itself something else', () => {
    const text = JSON.stringify(world.bundle(release, IMAGE, { entry: (entry) => ({ ...entry, body: Buffer.from(entry.body.toString().replace('"hashedrekord"', '"other"')) }) }));
    const loaded = load(text);
    assert.ok(loaded !== undefined);
    assert.equal(prove(loaded, asking({ profile: COSIGN })).logged, true);
    assert.throws(() => prove(candidate(text), asking()), /is of kind other|other/);
  });

  test('an empty signature or promise is loaded, and proves nothing', () => {
    for (const text of [made.replace(field('sig'), '$1"'), made.replace(/"inclusionPromise":\{[^}]*\}/, '"inclusionPromise":{}')]) {
      const loaded = load(text);
      assert.ok(loaded !== undefined);
      assert.throws(() => prove(loaded, asking({ profile: COSIGN })));
    }
  });
});

test('the operator reads one spelling only, so that its limits cannot be got round', () => {
  const entries = JSON.stringify(Array.from({ length: 100 }, () => ({ logId: { keyId: 'AAAA' } })));
  for (const text of [made.replace('"tlogEntries"', '"tlog_entries"'), made.replace('"tlogEntries":', `"tlog_entries":${entries},"tlogEntries":`), made.replace('"logIndex"', '"log_index"')]) {
    assert.notEqual(text, made);
    assert.throws(() => prove(candidate(text), asking()), /names in it have no underscore/);
  }
});

test('the name that an envelope gives to its key is a hint to the operator, and refused as by cosign', () => {
  const text = made.replace('"sig":', '"keyid":"me","sig":');
  assert.equal(prove(candidate(text), asking()).logged, true);
  assert.throws(() => prove(candidate(text), asking({ profile: COSIGN })), /names the key of its signature/);
});

const HEX = IMAGE.digest.slice('sha256:'.length);
const statement = (members: object): Buffer => Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', predicateType: 'x', subject: [{ digest: { sha256: HEX } }], ...members }));

describe('a statement is read as cosign reads it', () => {
  test('whatever its type, and without a predicate type', () => {
    for (const members of [{ _type: 'https://example.com' }, { _type: undefined }, { _type: undefined, type: 'x' }, { predicateType: undefined, predicate_type: 'y' }, { predicateType: undefined }]) {
      assert.equal(readStatement(statement(members), COSIGN, undefined).subjects[0]?.digest, IMAGE.digest);
      assert.throws(() => readStatement(statement(members), { ...OPERATOR, predicateTypes: ['x', 'y', ''] }, undefined));
    }
  });

  test('but not with a member that is not known, a predicate that is no object, or half of a surrogate pair', () => {
    for (const members of [{ more: 1 }, { subject: [{ digest: { sha256: HEX }, more: 1 }] }, { predicate: 'x' }, { predicate: { a: ['\ud800'] } }, { subject: [{ digest: { sha256: 5 } }] }]) {
      assert.throws(() => readStatement(statement(members), COSIGN, undefined), JSON.stringify(members));
    }
  });
});
