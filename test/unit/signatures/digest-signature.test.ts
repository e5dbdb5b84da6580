import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { SignedContent } from '../../../src/signatures/content.ts';
import { derChildren, readDer } from '../../../src/signatures/der.ts';
import { isSignatureOfDigest } from '../../../src/signatures/digest-signature.ts';
import { SignatureError } from '../../../src/signatures/types.ts';
import { der, integer, sequence } from '../../support/sigstore/der.ts';
import { flip } from '../../support/sigstore/flip.ts';
import { generateKey, sha256, signWith, type KeyType } from '../../support/sigstore/keys.ts';

const MESSAGE = Buffer.from('what was signed');
const DIGEST = sha256(MESSAGE);
/** Order of P-256 (FIPS 186-5). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

describe('a signature is verified by the digest alone', () => {
  for (const type of ['P-256', 'P-384', 'P-521', 'RSA-2048'] satisfies readonly KeyType[]) {
    test(`as node:crypto does by the message: ${type}`, () => {
      const [key, other] = [generateKey(type), generateKey(type)];
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), (message, at) => {
          const signature = signWith(key, message, 'sha256');
          const digest = sha256(message);
          assert.equal(isSignatureOfDigest(key.publicKey, digest, signature), true);
          assert.equal(isSignatureOfDigest(other.publicKey, digest, signature), false);
          assert.equal(isSignatureOfDigest(key.publicKey, flip(digest, at % digest.length), signature), false);
        }),
        { numRuns: 4 },
      );
    });
  }

  test('also where the message and thereby the key is an edge case of the arithmetic', () => {
    const key = generateKey('P-256');
    for (let count = 0; count < 8; count += 1) {
      const message = Buffer.alloc(count);
      assert.equal(isSignatureOfDigest(key.publicKey, sha256(message), signWith(key, message, 'sha256')), true);
    }
  });
});

const key = generateKey('P-256');
const good = signWith(key, MESSAGE, 'sha256');
const bytesOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(66, '0'), 'hex');
const numbers = (...members: readonly bigint[]): Buffer => sequence(...members.map((member) => integer(bytesOf(member))));

const [r = 0n, s = 0n] = derChildren(readDer(good)).map(({ content }) => BigInt(`0x${content.toString('hex')}`));
assert.equal(isSignatureOfDigest(key.publicKey, DIGEST, numbers(r, s)), true);

const REFUSED: Record<string, Buffer> = {
  'the same one with a number that is out of range and means the same': numbers(r, s + ORDER),
  'zeros, which every key would have made': numbers(0n, 0n),
  'the order of the curve, which is zero': numbers(ORDER, ORDER),
  'one number': numbers(1n),
  'three numbers': numbers(1n, 1n, 1n),
  'a negative number': sequence(der(0x02, Buffer.from([0xff])), der(0x02, Buffer.from([1]))),
  'something else than numbers': sequence(der(0x04, Buffer.from([1])), der(0x04, Buffer.from([1]))),
  'a bit changed': flip(good),
};

describe('no signature is', () => {
  for (const [sentence, signature] of Object.entries(REFUSED)) {
    test(sentence, () => assert.equal(isSignatureOfDigest(key.publicKey, DIGEST, signature), false));
  }

  test('what is not DER at all', () => assert.throws(() => isSignatureOfDigest(key.publicKey, DIGEST, Buffer.from('no'))));

  test('one by RSA over another digest, or over none', () => {
    const rsa = generateKey('RSA-2048');
    assert.equal(isSignatureOfDigest(rsa.publicKey, DIGEST, signWith(rsa, Buffer.from('other'), 'sha256')), false);
    assert.equal(isSignatureOfDigest(rsa.publicKey, DIGEST, Buffer.alloc(256, 1)), false);
    assert.equal(isSignatureOfDigest(rsa.publicKey, DIGEST, signWith(rsa, MESSAGE, 'sha512')), false);
  });
});

describe('with a digest alone it is said that the artifact is needed', () => {
  const content = SignedContent.ofMessage({ sha256: DIGEST }, good);
  const needed = (error: unknown): boolean => error instanceof SignatureError && /with the artifact only/.test(error.message);

  test('for Ed25519, which signs messages', () => {
    assert.throws(() => content.isSignedBy(generateKey('Ed25519').publicKey, ['sha256']), needed);
  });

  test('for another hash', () => assert.throws(() => content.isSignedBy(key.publicKey, ['sha384']), needed));

  test('and only then', () => assert.equal(content.isSignedBy(key.publicKey, ['sha384', 'sha256']), true));
});
