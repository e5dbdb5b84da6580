import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judged } from '../support/judged.ts';
import { bundle, found, IMAGE, legacy, world } from '../support/signatures.ts';

/*
 * A signer may sign anything with their own key. CVE-2026-39395: what cannot be read was told as verified. CVE-2026-44309: the bytes were put into a
 * normal form before they were verified, so that other bytes than the signed ones passed. CVE-2026-44310: what broke the verifier ended it with success.
 */

const owner = world.key();
const spec = { authorities: [{ name: 'release', key: { data: owner.key.pem } }] };
const OTHER = `sha256:${'b2'.repeat(32)}`;
const TYPE = 'cosign container image signature';
const critical = { identity: { 'docker-reference': IMAGE.repository }, image: { 'docker-manifest-digest': IMAGE.digest }, type: TYPE };

/** Payloads that the owner really signed; what counts is what they say of the image. */
const PAYLOADS: Readonly<Record<string, string>> = {
  'nothing': '',
  'no JSON': 'verified',
  'null': 'null',
  'a text': '"verified"',
  'a number': '1',
  'an empty object': '{}',
  'a list of payloads': JSON.stringify([{ critical }]),
  'two payloads one after the other': JSON.stringify({ critical }).repeat(2),
  'a payload inside of another': JSON.stringify({ payload: { critical } }),
  'critical that is null': '{"critical":null}',
  'critical that is a list': JSON.stringify({ critical: [critical] }),
  'critical that is text': JSON.stringify({ critical: JSON.stringify(critical) }),
  'an image that is null': JSON.stringify({ critical: { ...critical, image: null } }),
  'an image that is the digest': JSON.stringify({ critical: { ...critical, image: IMAGE.digest } }),
  'a digest without its algorithm': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': IMAGE.digest.slice(7) } } }),
  'a digest in capitals': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': `sha256:${IMAGE.digest.slice(7).toUpperCase()}` } } }),
  'a digest of SHA-512': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': `sha512:${'a1'.repeat(64)}` } } }),
  'a digest of SHA-512 that begins like ours': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': `sha512:${IMAGE.digest.slice(7)}${'0'.repeat(64)}` } } }),
  'a digest with blanks': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': ` ${IMAGE.digest}` } } }),
  'a digest with a NUL': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': `${IMAGE.digest}\0` } } }),
  'two digests in a list': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': [OTHER, IMAGE.digest] } } }),
  'another digest': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': OTHER } } }),
  'another digest, and ours after it': `{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"${OTHER}","docker-manifest-digest":"${IMAGE.digest}"},"type":"${TYPE}"}}`,
  'ours, and another critical after it': `{"critical":${JSON.stringify(critical)},"critical":{}}`,
  'ours under __proto__': `{"__proto__":{"critical":${JSON.stringify(critical)}}}`,
  'ours in a field of another case': JSON.stringify({ Critical: critical }),
  'ours, and another in another case': JSON.stringify({ critical, CRITICAL: { ...critical, image: { 'docker-manifest-digest': OTHER } } }),
  'ours, and another with a long s': JSON.stringify({ critical: { ...critical, image: { ...critical.image, 'docker-manife\u017ft-digest': OTHER } } }),
  'ours beside another in another case': JSON.stringify({ CRITICAL: critical, critical: { ...critical, image: { 'docker-manifest-digest': OTHER } } }),
  'ours in the annotations': JSON.stringify({ critical: { ...critical, image: { 'docker-manifest-digest': OTHER } }, optional: { critical } }),
  'a type that is none': JSON.stringify({ critical: { ...critical, type: null } }),
  'an attestation’s type': JSON.stringify({ critical: { ...critical, type: 'cosign container image attestation' } }),
  'an atomic signature': JSON.stringify({ critical: { ...critical, type: 'atomic container signature' } }),
};

describe('CVE-2026-39395: signed by the wanted key, in the place of a payload', () => {
  test('the payload itself verifies', () => assert.equal(judged(spec, [legacy(owner, { log: 'none', payload: () => JSON.stringify({ critical }) })]).result, 'Verified'));
  for (const [what, text] of Object.entries(PAYLOADS)) {
    test(`${what} verifies nothing`, () => assert.equal(judged(spec, [legacy(owner, { log: 'none', payload: () => text })]).result, 'Failed'));
  }
});

const statement = (subject: unknown, more: object = {}): string =>
  JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: {}, ...more });
const ours = { digest: { sha256: IMAGE.digest.slice(7) } };

const STATEMENTS: Readonly<Record<string, string>> = {
  'nothing': '',
  'null': 'null',
  'a list of statements': `[${statement([ours])}]`,
  'no subjects': statement([]),
  'subjects that are an object': statement({ 0: ours, length: 1 }),
  'a subject that is null': statement([null]),
  'a digest under another algorithm': statement([{ digest: { sha512: IMAGE.digest.slice(7) } }]),
  'a digest of SHA-512 that begins like ours': statement([{ digest: { sha512: `${IMAGE.digest.slice(7)}${'0'.repeat(64)}` } }]),
  'a digest under a name in capitals': statement([{ digest: { SHA256: IMAGE.digest.slice(7) } }]),
  'a digest with its algorithm in it': statement([{ digest: { sha256: IMAGE.digest } }]),
  'a digest as the name': statement([{ name: IMAGE.digest, digest: { sha256: 'b2'.repeat(32) } }]),
  'another digest': statement([{ digest: { sha256: 'b2'.repeat(32) } }]),
  'another type': statement([ours], { _type: 'https://in-toto.io/Statement/v9' }),
  'a predicate type that begins like a signature’s': statement([ours], { predicateType: 'https://sigstore.dev/cosign/sign/v1/../v2' }),
};

describe('CVE-2026-39395: signed by the wanted key, in the place of a statement', () => {
  test('the statement itself verifies', () => assert.equal(judged(spec, [bundle(owner, { log: 'none', payload: () => statement([ours]) })]).result, 'Verified'));
  for (const [what, text] of Object.entries(STATEMENTS)) {
    test(`${what} verifies nothing`, () => assert.equal(judged(spec, [bundle(owner, { log: 'none', payload: () => text })]).result, 'Failed'));
  }
});

/** Other bytes that say the same. */
const SAME: Readonly<Record<string, (text: string) => string>> = {
  'a line end after it': (text) => `${text}\n`,
  'a line end as on Windows': (text) => `${text}\r\n`,
  'blanks in it': (text) => text.replaceAll(':', ': '),
  'its members in another order': (text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed())),
  'a character spelt out': (text) => text.replace('cosign', '\\u0063osign'),
  'a byte order mark': (text) => `\ufeff${text}`,
};

describe('CVE-2026-44309: a signature is over the bytes as they came, not over', () => {
  const signature = world.legacySignature(owner, IMAGE, { log: 'none' });
  const envelope = world.bundle(owner, IMAGE, { log: 'none' });
  for (const [what, bend] of Object.entries(SAME)) {
    test(`${what}, legacy`, () => assert.equal(judged(spec, [found({ ...signature, payload: Buffer.from(bend(signature.payload.toString())) })]).result, 'Failed'));
    test(`${what}, bundle`, () => {
      const { dsseEnvelope } = envelope;
      assert.ok(dsseEnvelope);
      const payload = Buffer.from(bend(Buffer.from(dsseEnvelope.payload, 'base64').toString())).toString('base64');
      assert.equal(judged(spec, [{ format: 'bundle', location: '', bytes: Buffer.from(JSON.stringify({ ...envelope, dsseEnvelope: { ...dsseEnvelope, payload } })) }]).result, 'Failed');
    });
  }
});
