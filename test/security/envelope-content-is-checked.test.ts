import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prove } from '../../src/signatures/prove.ts';
import type { Candidate, SignatureErrorCode } from '../../src/signatures/types.ts';
import { asBundle, asking, bundle, IMAGE, keyOf, refused, release, world } from '../support/signatures.ts';
import { signWith } from '../support/sigstore/keys.ts';
import { preAuthenticationEncoding } from '../support/sigstore/sign.ts';

/*
 * A verified envelope says nothing by itself (GHSA-w6c6-c85g-mmv6, GHSA-vfp6-jrw2-99g9): what it is and which image it speaks of has to be looked at.
 */

const owner = world.key();
const keyed = asking({ key: keyOf(owner), log: 'Ignored' });
const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: IMAGE.digest.slice(7) } }], predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: {} };

/** A statement with a difference, correctly signed. */
function stating(difference: Record<string, unknown>): Candidate {
  return bundle(owner, { log: 'none', payload: () => JSON.stringify({ ...statement, ...difference }) });
}

/** Correctly signed as something of another payload type. */
function typed(payloadType: string): Candidate {
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = signWith(owner.key, preAuthenticationEncoding(payloadType, payload)).toString('base64');
  return asBundle({ ...world.bundle(owner, IMAGE, { log: 'none' }), dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig }] } });
}

test('the statement as cosign makes it is proven', () => {
  assert.deepEqual(prove(stating({}), keyed).digests, [IMAGE.digest]);
  assert.deepEqual(prove(typed('application/vnd.in-toto+json'), keyed).digests, [IMAGE.digest]);
});

const WRONG: Record<string, [Candidate, SignatureErrorCode, RegExp]> = {
  'a payload of another type': [typed('text/plain'), 'SignatureInvalid', /payload type is "text\/plain"/],
  'a payload of almost the type': [typed('application/vnd.in-toto+json; v=1'), 'SignatureInvalid', /payload type/],
  'a statement of another kind': [stating({ _type: 'https://in-toto.io/Statement/v9' }), 'SignatureInvalid', /_type/],
  'a statement without a kind': [stating({ _type: undefined }), 'SignatureInvalid', /_type/],
  'a statement about nothing': [stating({ subject: [] }), 'SignatureInvalid', /subject is empty/],
  'a statement without subjects': [stating({ subject: undefined }), 'SignatureInvalid', /subject is empty/],
  'a subject without digests': [stating({ subject: [{ name: 'x' }] }), 'SignatureInvalid', /digest/],
  'a digest that is too short': [stating({ subject: [{ digest: { sha256: 'a1' } }] }), 'SignatureInvalid', /64 lower-case/],
  'a digest in capitals': [stating({ subject: [{ digest: { sha256: 'A1'.repeat(32) } }] }), 'SignatureInvalid', /64 lower-case/],
  'a subject with 33 digests': [
    stating({ subject: [{ digest: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`h${index}`, 'x'])) }] }),
    'LimitExceeded',
    /more than 32 digests/,
  ],
  'a provenance': [stating({ predicateType: 'https://slsa.dev/provenance/v1' }), 'NoSignature', /attestation/],
  'a predicate type that begins like a signature’s': [stating({ predicateType: 'https://sigstore.dev/cosign/sign/v1/x' }), 'NoSignature', /attestation/],
  'no predicate type': [stating({ predicateType: undefined }), 'SignatureInvalid', /predicateType/],
};

describe('proves nothing', () => {
  for (const [sentence, [candidate, code, reason]] of Object.entries(WRONG)) {
    test(sentence, () => void refused(candidate, keyed, code, reason));
  }
});

test('a subject with another kind of digest only speaks of no image', () => {
  assert.deepEqual(prove(stating({ subject: [{ digest: { gitCommit: 'abc' } }] }), keyed).digests, []);
});

test('a statement of another image says so', () => {
  const proof = prove(bundle(release, { payload: (text) => text.replace('a1a1', 'b2b2') }), asking());
  assert.deepEqual(proof.digests, [IMAGE.digest.replace('a1a1', 'b2b2')]);
});
