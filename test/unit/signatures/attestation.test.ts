import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { statementOf } from '../../../src/signatures/attestation.ts';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import type { LegacyAttestationCandidate, Proof, Requirement, SignatureErrorCode } from '../../../src/signatures/types.ts';
import { AT, asking, bundle, HOUR, IMAGE, keyOf, refused, release, world, YEAR } from '../../support/signatures.ts';
import { flip } from '../../support/sigstore/flip.ts';
import type { LegacySignature, SignOptions, StatementOptions, TestSigner } from '../../support/sigstore/sign.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const PROVENANCE = 'https://slsa.dev/provenance/v1';
const key = world.key();
const stranger = createWorld({ now: AT, name: 'stranger.test' });
const wants = { wants: 'Attestation' } as const;
const keyless = (difference: Partial<Requirement> = {}): Requirement => asking({ ...wants, ...difference });
const keyed = (difference: Partial<Requirement> = {}): Requirement => keyless({ key: keyOf(key), ...difference });
const unlogged = keyed({ log: 'Ignored' });
const stamped = keyless({ log: 'Ignored', timestamp: 'Required' });

interface Envelope {
  payload: string;
  payloadType: string;
  signatures: { sig: string; keyid?: string }[];
}

function attestation(signer: TestSigner, options: SignOptions & StatementOptions = {}, edit: (layer: LegacySignature) => LegacySignature = (one) => one): LegacyAttestationCandidate {
  const { payload, annotations } = edit(world.legacyAttestation(signer, IMAGE, { predicateType: PROVENANCE, ...options }));
  return { format: 'legacy-attestation', location: 'registry.example/acme/app:sha256-….att, layer 1', envelope: payload, annotations };
}

/** The same layer with another envelope, which its log entry and timestamp were not made for. */
function enveloped(edit: (envelope: Envelope) => unknown): (layer: LegacySignature) => LegacySignature {
  return ({ payload, annotations }) => ({ annotations, payload: Buffer.from(JSON.stringify(edit(JSON.parse(payload.toString()) as Envelope))) });
}

const envelopeOf = (text: Buffer, sig: Buffer): Buffer =>
  Buffer.from(JSON.stringify({ payload: text.toString('base64'), payloadType: 'application/vnd.in-toto+json', signatures: [{ sig: sig.toString('base64') }] }));

/** A token over the envelope, as cosign stores it up to version 2. */
function stampedWhole(): LegacyAttestationCandidate {
  let statement = '';
  return attestation(release, {
    log: 'none',
    timestamp: true,
    payload: (text) => (statement = text),
    stamped: (signature) => envelopeOf(Buffer.from(statement), signature),
  });
}

const PROVEN: Record<string, [LegacyAttestationCandidate | ReturnType<typeof bundle>, Requirement, Partial<Proof>]> = {
  'a keyless attestation, logged as dsse': [attestation(release), keyless(), { logged: true, signedAt: AT, type: PROVENANCE }],
  'a keyless attestation, logged as intoto 0.0.1': [attestation(release, { entryKind: 'intoto001' }), keyless(), { logged: true, signedAt: AT }],
  'a keyless attestation, logged as intoto 0.0.2': [attestation(release, { entryKind: 'intoto' }), keyless(), { logged: true, signedAt: AT }],
  'a keyless attestation with a timestamp of its whole envelope': [stampedWhole(), stamped, { logged: false, signedAt: AT }],
  'a keyless attestation with a timestamp of its signature': [attestation(release, { log: 'none', timestamp: true }), stamped, { signedAt: AT }],
  'an attestation by a key, without a log': [attestation(key, { log: 'none' }), unlogged, { logged: false, type: PROVENANCE }],
  'an attestation by a key, in a log': [attestation(key), keyed(), { logged: true, signedAt: AT }],
  'a bundle of any predicate type': [bundle(release, { predicateType: PROVENANCE }), keyless(), { logged: true, type: PROVENANCE }],
  'a bundle in Rekor v1': [bundle(release, { predicateType: PROVENANCE, log: 'v1' }), keyless(), { logged: true, type: PROVENANCE }],
};

describe('is proven', () => {
  for (const [sentence, [candidate, requirement, expected]] of Object.entries(PROVEN)) {
    test(sentence, () => {
      const proof = prove(candidate, requirement);
      assert.deepEqual(proof.digests, [IMAGE.digest]);
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((field) => [field, proof[field as keyof Proof]])), expected);
    });
  }

  for (const type of ['P-384', 'RSA-2048', 'Ed25519'] as const) {
    const owner = world.key(type);
    test(`an attestation by a ${type} key`, () => assert.equal(prove(attestation(owner), keyless({ key: keyOf(owner) })).signer.kind, 'key'));
  }

  test('an attestation of 5 MiB with 100,000 values, which is too large for a signature', () => {
    const predicate = { packages: Array.from({ length: 50_000 }, (_, index) => ({ name: `package-${index}`, note: 'x'.repeat(64) })) };
    assert.equal(prove(attestation(key, { log: 'none', predicate }), unlogged).type, PROVENANCE);
    const large = bundle(key, { log: 'none', predicate, predicateType: PROVENANCE });
    assert.equal(prove(large, unlogged).type, PROVENANCE);
    refused(large, { ...unlogged, wants: 'Signature' }, 'LimitExceeded');
  });
});

const REFUSED: Record<string, [LegacyAttestationCandidate | ReturnType<typeof bundle>, Requirement, SignatureErrorCode, RegExp]> = {
  'a signature that does not verify': [attestation(key, { log: 'none', signature: flip }), unlogged, 'KeyMismatch', /not by the key/],
  'another key': [attestation(world.key(), { log: 'none' }), unlogged, 'KeyMismatch', /not by the key/],
  'a certificate of another authority': [attestation(release, { services: { authority: stranger.authority } }), keyless(), 'CertificateInvalid', /not issued by/],
  'no log entry where one is needed': [attestation(release, { log: 'none' }), keyless(), 'NotLogged', /no transparency log entry/],
  'a log entry of an unknown log': [attestation(release, { services: { rekorV1: stranger.rekorV1 } }), keyless(), 'NotLogged', /none of the 1/],
  'a log entry that says a wrong time': [attestation(release, { entry: (entry) => ({ ...entry, integratedTime: 7 }) }), keyless(), 'NotLogged', /signed entry timestamp/],
  'a log entry of another signer': [attestation(key, { logged: (told) => ({ ...told, key: world.key().key }) }), keyed(), 'NotLogged', /another signer/],
  'a log entry of another signature': [attestation(key, { logged: (told) => ({ ...told, signature: flip(Buffer.from(told.signature)) }) }), keyed(), 'NotLogged', /another signature/],
  'a log entry of kind hashedrekord, which is about something else': [attestation(key, { entryKind: 'hashedrekord' }), keyed(), 'NotLogged', /another envelope/],
  'a log entry of another envelope around the same signature': [
    attestation(key, {}, enveloped((envelope) => ({ ...envelope, signatures: envelope.signatures.map((one) => ({ ...one, keyid: 'added' })) }))),
    keyed(),
    'NotLogged',
    /another envelope/,
  ],
  'an intoto 0.0.1 entry of another envelope': [
    attestation(key, { entryKind: 'intoto001' }, enveloped((envelope) => ({ ...envelope, added: 1 }))),
    keyed(),
    'NotLogged',
    /another envelope/,
  ],
  'a timestamp of something else': [attestation(release, { log: 'none', timestamp: true, stamped: () => Buffer.from('other') }), stamped, 'TimestampInvalid', /timestamp/],
  'a timestamp of another authority': [
    attestation(release, { log: 'none', timestamp: true, services: { timestampAuthority: stranger.timestampAuthority } }),
    stamped,
    'TimestampInvalid',
    /timestamp authorities/,
  ],
  'no timestamp where one is needed': [attestation(release), keyless({ timestamp: 'Required' }), 'TimestampInvalid', /no timestamp/],
  'a certificate that had ended': [attestation(release, { loggedAt: AT + HOUR }), keyless(), 'CertificateInvalid', /not at/],
  'another payload type': [attestation(key, { log: 'none' }, enveloped((envelope) => ({ ...envelope, payloadType: 'text/plain' }))), unlogged, 'SignatureInvalid', /payload type/],
  'two signatures': [
    attestation(key, { log: 'none' }, enveloped((envelope) => ({ ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] }))),
    unlogged,
    'SignatureInvalid',
    /2 signatures instead of one/,
  ],
  'no signature': [attestation(key, { log: 'none' }, enveloped((envelope) => ({ ...envelope, signatures: [] }))), unlogged, 'SignatureInvalid', /0 signatures/],
  'a statement without subjects': [attestation(key, { log: 'none', payload: (text) => text.replace(/"subject":\[.*?\],"pred/, '"subject":[],"pred') }), unlogged, 'SignatureInvalid', /subject is empty/],
  'a key twice in the envelope': [
    attestation(key, { log: 'none' }, ({ payload, annotations }) => ({ annotations, payload: Buffer.from(payload.toString().replace('{', '{"payloadType":"x",')) })),
    unlogged,
    'SignatureInvalid',
    /twice/,
  ],
  'an envelope that is no JSON': [{ ...attestation(key, { log: 'none' }), envelope: Buffer.from('{') }, unlogged, 'SignatureInvalid', /cannot be read/],
  'an envelope above the limit': [
    attestation(key, { log: 'none' }),
    { ...unlogged, profile: { ...OPERATOR, limits: { ...OPERATOR.limits, attestationBytes: 100 } } },
    'LimitExceeded',
    /the attestation is larger than 100 bytes/,
  ],
  'a bundle of any predicate type where a signature is wanted': [bundle(key, { log: 'none', predicateType: PROVENANCE }), { ...unlogged, wants: 'Signature' }, 'NoSignature', /attestation of type/],
};

describe('is refused for', () => {
  for (const [sentence, [candidate, requirement, code, text]] of Object.entries(REFUSED)) test(sentence, () => void refused(candidate, requirement, code, text));
});

describe('as cosign does', () => {
  const cosign = keyed({ profile: COSIGN, now: AT + YEAR });
  const twice = enveloped(({ signatures, ...envelope }) => ({ ...envelope, signatures: [{ sig: Buffer.from('other').toString('base64') }, ...signatures] }));

  test('any signature of an envelope counts', () => {
    assert.equal(prove(attestation(key, { log: 'none' }, twice), { ...cosign, log: 'Ignored' }).type, PROVENANCE);
    refused(attestation(world.key(), { log: 'none' }, twice), { ...cosign, log: 'Ignored' }, 'KeyMismatch');
  });

  test('names in an envelope are found in any case', () => {
    const candidate = attestation(key, { log: 'none' }, ({ payload, annotations }) => ({ annotations, payload: Buffer.from(payload.toString().replace('"payloadType"', '"PayloadTYPE"')) }));
    assert.equal(prove(candidate, { ...cosign, log: 'Ignored' }).type, PROVENANCE);
    refused(candidate, unlogged, 'SignatureInvalid', /payloadType is not a string/);
  });

  test('a log entry is held against the envelope and the signer alone', () => {
    const candidate = attestation(key, { logged: (told) => ({ ...told, signature: flip(Buffer.from(told.signature)) }) });
    assert.equal(prove(candidate, cosign).logged, true);
    refused(attestation(key, {}, enveloped((envelope) => ({ ...envelope, added: 1 }))), cosign, 'NotLogged', /another envelope/);
  });

  test('a timestamp is of the envelope', () => {
    const requirement = { ...stamped, profile: COSIGN };
    assert.equal(prove(stampedWhole(), requirement).signedAt, AT);
    refused(attestation(release, { log: 'none', timestamp: true }), requirement, 'TimestampInvalid');
  });
});

describe('the statement', () => {
  test('of a legacy attestation and of a bundle is the JSON that was signed', () => {
    const predicate = { buildDefinition: { buildType: 'https://example.com/build' } };
    for (const candidate of [attestation(key, { predicate }), bundle(key, { predicate, predicateType: PROVENANCE })]) {
      assert.ok(candidate.format !== 'legacy');
      const statement = statementOf(candidate, OPERATOR);
      assert.deepEqual([statement['predicateType'], statement['predicate']], [PROVENANCE, predicate]);
    }
  });
});
