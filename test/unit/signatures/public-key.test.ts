import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { digestOf } from '../../../src/base/digest.ts';
import { parsePublicKeys, PublicKeyError } from '../../../src/signatures/public-key.ts';
import type { PublicKeyErrorCode, PublicKeyOptions } from '../../../src/signatures/public-key.ts';
import { release, world, IMAGE } from '../../support/signatures.ts';
import { generateKey } from '../../support/sigstore/keys.ts';

const p256 = generateKey('P-256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const certificate = world.legacySignature(release, IMAGE).annotations['dev.sigstore.cosign/certificate'] ?? '';
const pemOf = (namedCurve: string): string => generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' }).toString();

describe('a key is read from', () => {
  for (const type of ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const) {
    test(`a ${type} public key`, () => {
      const pair = generateKey(type);
      const [key, ...more] = parsePublicKeys(pair.pem, 'sha256');
      assert.equal(more.length, 0);
      assert.equal(key?.keyId, digestOf(pair.spki));
      assert.equal(key.hashAlgorithm, 'sha256');
    });
  }

  test('PKCS#1, with the same id as SPKI', () => {
    const [one] = parsePublicKeys(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString());
    const [other] = parsePublicKeys(rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString());
    assert.equal(one?.keyId, other?.keyId);
  });

  test('several blocks, each key once, with text around them', () => {
    const keys = parsePublicKeys(`release key\n${p256.pem}\nand the old one\n${rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()}${p256.pem}`, 'sha512');
    assert.deepEqual(keys.map(({ key, hashAlgorithm }) => [key.asymmetricKeyType, hashAlgorithm]), [
      ['ec', 'sha512'],
      ['rsa', 'sha512'],
    ]);
  });

  test('lines that end as on Windows', () => assert.equal(parsePublicKeys(p256.pem.replaceAll('\n', '\r\n'))[0]?.keyId, digestOf(p256.spki)));
  test('a certificate, where that is allowed', () => assert.equal(parsePublicKeys(certificate, 'sha256', { certificates: true }).length, 1));
});

const REFUSED: Record<string, [string, PublicKeyErrorCode, RegExp, PublicKeyOptions?]> = {
  'an empty text': ['', 'Empty', /no PEM block/],
  'text that is no PEM': ['MFkwEwYHKoZIzj0CAQ', 'Empty', /-----BEGIN PUBLIC KEY-----/],
  'a private key': [generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'PrivateKey', /is a private key/],
  'an encrypted cosign key': ['-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n', 'PrivateKey', /is a private key/],
  'a certificate': [certificate, 'Certificate', /openssl x509 -pubkey/],
  'a block that is cut off': [p256.pem.slice(0, 60), 'Malformed', /not complete/],
  'a second block that is cut off': [p256.pem + p256.pem.slice(0, 60), 'Malformed', /not complete/],
  'blocks inside of each other': [`-----BEGIN PUBLIC KEY-----\n${p256.pem}-----END PUBLIC KEY-----\n`, 'Malformed', /not complete/],
  'a block that ends as another': [p256.pem.replace('END PUBLIC KEY', 'END CERTIFICATE'), 'Malformed', /ends as CERTIFICATE/],
  'base64 that is none': [p256.pem.replace('MFkw', 'MF*w'), 'Malformed', /not base64/],
  'DER that is none': ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', 'Malformed', /PEM block 1 \(PUBLIC KEY\)/],
  'an RSA key of 1024 bits': [generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'TooWeak', /1024 bits/],
  'a key on another curve': [pemOf('secp256k1'), 'Unsupported', /secp256k1/],
  'a key of another kind': [generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'Unsupported', /x25519/],
  'an RSA-PSS key': [generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'Unsupported', /rsa-pss/],
  'a block of another kind': ['-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n', 'Unsupported', /PGP PUBLIC KEY BLOCK/],
  'a wrong key after a good one': [`${p256.pem}${pemOf('secp256k1')}`, 'Unsupported', /PEM block 2/],
  'more than 32 keys': [p256.pem.repeat(33), 'TooLarge', /33 PEM blocks/],
  'more than 64 KiB': [' '.repeat(65 * 1024), 'TooLarge', /larger than/],
};

describe('refused is', () => {
  for (const [sentence, [pem, code, text, options]] of Object.entries(REFUSED)) {
    test(sentence, () => {
      assert.throws(() => parsePublicKeys(pem, 'sha256', options), (error) => {
        assert.ok(error instanceof PublicKeyError);
        assert.equal(error.code, code, error.message);
        assert.match(error.message, text);
        return true;
      });
    });
  }
});
