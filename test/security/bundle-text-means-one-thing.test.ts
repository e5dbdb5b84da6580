import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import type { Candidate } from '../../src/signatures/types.ts';
import { asBundle, asking, found, IMAGE, keyOf, refused, release, world } from '../support/signatures.ts';
import type { Bundle } from '../support/sigstore/sign.ts';

/*
 * Two readers of one text must not see two things: the stock library decodes any base64, takes media types by their beginning, and JSON.parse lets the
 * last of two keys win.
 */

const owner = world.key();
const genuine = world.bundle(release, IMAGE);
const text = JSON.stringify(genuine);
const certificate = genuine.verificationMaterial.certificate?.rawBytes ?? '';
const sig = genuine.dsseEnvelope?.signatures[0]?.sig ?? '';

function replaced(from: string, to: string): Candidate {
  assert.ok(text.includes(from));
  return asBundle(text.replace(from, to));
}

const BASE64: Record<string, Candidate> = {
  'white space in it': replaced(certificate, `${certificate.slice(0, 8)} ${certificate.slice(8)}`),
  'a line end after it': replaced(sig, String.raw`${sig}\n`),
  'the alphabet of URLs': replaced(sig, sig.replaceAll('+', '-').replaceAll('/', '_').replace(/^M/, 'M_')),
  'other characters in it': replaced(sig, `${sig.slice(0, 8)}!${sig.slice(8)}`),
  'more padding than there should be': replaced(sig, `${sig}====`),
};

describe('base64 with', () => {
  for (const [sentence, candidate] of Object.entries(BASE64)) {
    for (const profile of [OPERATOR, COSIGN]) {
      test(`${sentence} is refused for the ${profile.name} profile`, () => void refused(candidate, asking({ profile }), 'SignatureInvalid', /is not base64/));
    }
  }
});

const MEDIA_TYPES = [
  'application/vnd.dev.sigstore.bundle+json;version=0.9',
  'application/vnd.dev.sigstore.bundle.v9.9+json',
  'application/vnd.dev.sigstore.bundle.v0.3+jsonXYZ',
  'application/vnd.dev.sigstore.bundle+json;version=0.3.1',
  'application/json',
  '',
];

describe('a bundle of media type', () => {
  for (const mediaType of MEDIA_TYPES) {
    for (const profile of [OPERATOR, COSIGN]) {
      test(`${JSON.stringify(mediaType)} is refused for the ${profile.name} profile`, () => {
        refused(asBundle({ ...genuine, mediaType }), asking({ profile }), 'SignatureInvalid', /media type/);
      });
    }
  }

  for (const mediaType of ['application/vnd.dev.sigstore.bundle.v0.3+json', 'application/vnd.dev.sigstore.bundle+json;version=0.3']) {
    test(`${mediaType} is read`, () => assert.ok(prove(asBundle({ ...genuine, mediaType }), asking())));
  }

  test('version 0.1 is read, with a chain of certificates and an entry with a promise alone', () => {
    const { verificationMaterial: material, ...rest } = world.bundle(release, IMAGE, { log: 'v1' });
    const entries = material.tlogEntries?.map(({ inclusionProof: _, ...entry }) => entry);
    const old = {
      ...rest,
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
      verificationMaterial: { x509CertificateChain: { certificates: [material.certificate] }, tlogEntries: entries },
    };
    assert.ok(prove(asBundle(old), asking()).logged);
    refused(asBundle({ ...old, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }), asking(), 'SignatureInvalid');
  });
});

const JSON_TRICKS: Record<string, [Candidate, RegExp]> = {
  'a key twice': [replaced('"mediaType":', '"mediaType":"x","mediaType":'), /"mediaType" twice/],
  'a key twice, once escaped': [replaced('"mediaType":', String.raw`"\u006dediaType":"x","mediaType":`), /"mediaType" twice/],
  'a key twice, deep inside': [replaced('"rawBytes":', '"rawBytes":"AAAA","rawBytes":'), /"rawBytes" twice/],
  'a key __proto__': [replaced('"mediaType":', '"__proto__":{"x":1},"mediaType":'), /__proto__/],
  'bytes that are not UTF-8': [asBundle(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from(`",${text.slice(1)}`)])), /UTF-8/],
  'a byte order mark': [asBundle(`\uFEFF${text}`), /not valid JSON/],
  'text after its end': [asBundle(`${text}{}`), /not valid JSON/],
  'both a certificate and a key': [asBundle({ ...genuine, verificationMaterial: { ...genuine.verificationMaterial, publicKey: { hint: '' } } }), /exactly one/],
  'both an envelope and a plain signature': [asBundle({ ...genuine, messageSignature: world.messageBundle(release, Buffer.from('x')).messageSignature }), /exactly one/],
};

describe('a bundle is refused for', () => {
  for (const [sentence, [candidate, reason]] of Object.entries(JSON_TRICKS)) {
    test(sentence, () => void refused(candidate, asking(), 'SignatureInvalid', reason));
  }
});

describe('signed JSON is refused for the operator for', () => {
  const keyed = asking({ key: keyOf(owner), log: 'Ignored' });
  const payload = (edit: (text: string) => string): Candidate => found(world.legacySignature(owner, IMAGE, { log: 'none', payload: edit }));
  const tricks: Record<string, Candidate> = {
    'a key twice in a payload': payload((one) => one.replace('{"docker-manifest-digest":', '{"docker-manifest-digest":"sha256:00","docker-manifest-digest":')),
    'keys in another case in a payload': payload((one) => one.replace('critical', 'Critical')),
    'a type of another kind in a payload': payload((one) => one.replace('cosign container image signature', 'atomic container signature')),
    'a key twice in a statement': asBundle(world.bundle(owner, IMAGE, { log: 'none', payload: (one) => one.replace('"subject":', '"subject":[],"subject":') })),
  };
  for (const [sentence, candidate] of Object.entries(tricks)) {
    test(sentence, () => void refused(candidate, keyed, 'SignatureInvalid'));
  }

  test('and cosign reads keys in any case', () => {
    const proof = prove(tricks['keys in another case in a payload'] ?? assert.fail(), { ...keyed, profile: COSIGN });
    assert.deepEqual(proof.digests, [IMAGE.digest]);
  });
});

test('one signature is one signature: an envelope with two, or with none, is refused', () => {
  const signatures = (list: unknown[]): Bundle => ({ ...genuine, dsseEnvelope: { ...genuine.dsseEnvelope, signatures: list } as Bundle['dsseEnvelope'] & object });
  refused(asBundle(signatures([{ sig }, { sig }])), asking(), 'LimitExceeded', /2 signatures/);
  refused(asBundle(signatures([])), asking(), 'SignatureInvalid');
});
