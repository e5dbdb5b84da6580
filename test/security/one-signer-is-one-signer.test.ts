import assert from 'node:assert/strict';
import { ECDH, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { parsePublicKeys, type PublicKeyError } from '../../src/signatures/public-key.ts';
import type { Candidate } from '../../src/signatures/types.ts';
import type { Judgement } from '../../src/verification/judge.ts';
import { policy } from '../support/builders.ts';
import { compile } from '../support/compile.ts';
import { judged } from '../support/judged.ts';
import { asking, bundle, found, IMAGE, ISSUER, legacy, refused, world } from '../support/signatures.ts';
import type { TestSigner } from '../support/sigstore/sign.ts';

/*
 * CVE-2026-49834 and its class: a threshold counts signers. Whoever has one key must not be two of them: not with a certificate for that key
 * beside it, not with two certificates for it, and not because a key can be written in several ways.
 */

const [owner, other] = [world.key(), world.key()];
const [ALICE, BOB] = ['alice@corp.test', 'bob@corp.test'];
const byKey = { name: 'release', key: { data: owner.key.pem } };
const by = (subject: string): Record<string, unknown> => ({ name: subject.slice(0, 3), keyless: { identities: [{ issuer: ISSUER, subject }] } });

/** Somebody of this name with a certificate for this very key. */
const holding = (subject: string, { key } = owner): TestSigner => ({ kind: 'keyless', subject, issuer: ISSUER, claims: {}, keyType: 'P-256', key });

/** What two of these authorities say of what these signers signed. */
function both(authorities: readonly Record<string, unknown>[], ...signers: readonly TestSigner[]): Judgement {
  return judged({ authorities, threshold: 2 }, signers.map((signer) => (signer.kind === 'key' ? legacy(signer, { log: 'none' }) : bundle(signer))));
}

describe('CVE-2026-49834: a threshold of two', () => {
  test('is met by two signers, one with a key and one with an identity', () => assert.equal(both([byKey, by(ALICE)], owner, holding(ALICE, other)).result, 'Verified'));
  test('is not met by one key that signs as itself and with a certificate', () => assert.equal(both([byKey, by(ALICE)], owner, holding(ALICE)).reason, 'ThresholdNotMet'));
  test('is not met by one key with the certificates of two identities', () => assert.equal(both([by(ALICE), by(BOB)], holding(ALICE), holding(BOB)).reason, 'ThresholdNotMet'));
  test('is met by the same two identities with a key each', () => assert.equal(both([by(ALICE), by(BOB)], holding(ALICE), holding(BOB, other)).result, 'Verified'));
  test('is not met by one identity with two certificates', () => assert.equal(both([by(ALICE), { ...by(ALICE), name: 'again' }], holding(ALICE), holding(ALICE, other)).reason, 'ThresholdNotMet'));
});

const [SLSA, VULN] = ['https://slsa.dev/provenance/v1', 'https://cosign.sigstore.dev/attestation/vuln/v1'];
const states = (type: string, signer: TestSigner): Candidate => bundle(signer, { predicateType: type });
const ofTypes = (...types: readonly string[]): Record<string, unknown> => ({
  name: 'attested',
  keyless: { identities: [ALICE, BOB].map((subject) => ({ issuer: ISSUER, subject })) },
  attestations: types.map((predicateType, at) => ({ name: `demand-${at}`, predicateType })),
});

describe('CVE-2026-49834: a threshold of two, where one authority wants attestations,', () => {
  const [alice, bob] = [holding(ALICE, world.key()), holding(BOB, world.key())];
  const cases: Readonly<Record<string, readonly [readonly string[], readonly Candidate[], string]>> = {
    'is met by one who signs and another who attests': [[SLSA], [bundle(alice), states(SLSA, bob)], 'SignatureValid'],
    'is not met by one who does both': [[SLSA], [bundle(alice), states(SLSA, alice)], 'ThresholdNotMet'],
    'is not met by one who signs and attests half, with another who attests the other half': [[SLSA, VULN], [bundle(alice), states(SLSA, alice), states(VULN, bob)], 'ThresholdNotMet'],
    'is not met by the same in the other order': [[SLSA, VULN], [bundle(alice), states(SLSA, bob), states(VULN, alice)], 'ThresholdNotMet'],
    'is met where the other attests all of it as well': [[SLSA, VULN], [bundle(alice), states(SLSA, alice), states(VULN, bob), states(SLSA, bob)], 'SignatureValid'],
    'is not met by one who attests with the key that signed': [[SLSA], [bundle(holding(ALICE)), states(SLSA, holding(BOB))], 'ThresholdNotMet'],
  };
  for (const [sentence, [types, candidates, reason]] of Object.entries(cases)) {
    test(sentence, () => assert.equal(judged({ authorities: [by(ALICE), ofTypes(...types)], threshold: 2 }, candidates).reason, reason));
  }
});

const spki = owner.key.spki;
const point = spki.subarray(-65);

/** The owner's key with its point in this form: the same key to whoever verifies with it. */
function written(form: 'compressed' | 'hybrid'): Buffer {
  const bytes = Buffer.from(ECDH.convertKey(point, 'prime256v1', undefined, undefined, form) as Buffer);
  const content = Buffer.concat([spki.subarray(2, -68), Buffer.from([0x03, bytes.length + 1, 0x00]), bytes]);
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

const pemOf = (der: Buffer): string => `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
const explicit = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey.export({ type: 'spki', format: 'der' });

describe('a key is read in one form only', () => {
  for (const [form, der] of Object.entries({ compressed: written('compressed'), hybrid: written('hybrid'), 'with its curve spelt out': explicit })) {
    test(`and not ${form}`, () => {
      assert.throws(() => parsePublicKeys(pemOf(der)), (error: PublicKeyError) => error.code === 'Unsupported' && /RFC 5480/.test(error.message));
    });
    test(`so that a policy with one ${form} is refused by name`, () => {
      const result = compile(policy({ authorities: [byKey, { name: 'again', key: { data: pemOf(der) } }], threshold: 2 }));
      assert.ok(result.status === 'refused' && result.field === 'spec.authorities[1].key.data', JSON.stringify(result));
    });
    test(`nor in a certificate ${form}`, () => {
      refused(found(world.legacySignature(holding(ALICE), IMAGE, { certificate: { spki: der } })), asking(), 'CertificateInvalid', /RFC 5480/);
    });
  }
});

test('an RSA key has one id, with and without parameters, as SPKI and as PKCS#1', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const full = publicKey.export({ type: 'spki', format: 'der' });
  const at = full.indexOf(Buffer.from([0x05, 0x00]));
  const short = Buffer.concat([full.subarray(0, at), full.subarray(at + 2)]);
  short.writeUInt16BE(short.readUInt16BE(2) - 2, 2);
  short.writeUInt8((short[5] ?? 0) - 2, 5);
  const texts = [pemOf(full), pemOf(short), publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()];
  assert.equal(new Set(texts.flatMap((text) => parsePublicKeys(text).map(({ keyId }) => keyId))).size, 1);
});
