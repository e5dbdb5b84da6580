import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { certificateClaims, CLAIM_NAMES } from '../../../src/signatures/identity.ts';
import { CertificateError } from '../../../src/signatures/certificate.ts';
import { DerError, derChildren, derOid, encodeDer, OBJECT_IDENTIFIER, readDer, SEQUENCE } from '../../../src/signatures/der.ts';
import { fromBase64, JsonError, JsonLimitError, parseJson } from '../../../src/signatures/json.ts';
import { asLoaded } from '../../../src/signatures/loadable.ts';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { readSimpleSigning } from '../../../src/signatures/simple-signing.ts';
import { asking, IMAGE, ISSUER, keyOf, release, SUBJECT, world } from '../../support/signatures.ts';
import { CLAIMS, issueLeaf } from '../../support/sigstore/authority.ts';
import { oid, sequence } from '../../support/sigstore/der.ts';
import { generateKey } from '../../support/sigstore/keys.ts';

const strict = { strict: true, maxDepth: 32 };
const bytes = (text: string): Buffer => Buffer.from(text);

describe('strict JSON', () => {
  test('is read as JSON.parse reads it', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value, undefined, 1);
      assert.deepEqual(parseJson(bytes(text), { strict: !text.includes('__proto__'), maxDepth: 32 }), JSON.parse(text));
    }));
  });

  const refused: Record<string, string> = {
    'a key twice': '{"a":1,"a":1}',
    'a key twice with white space before the colon': '{"a" \n\t\r:1,"a"    :1}',
    'a key twice, escaped': String.raw`{"a":1,"\u0061":1}`,
    'a key twice after a nested object': '{"a":{"b":[{}]},"a":1}',
    '__proto__': '{"__proto__":1}',
    '__proto__, escaped': String.raw`{"__pro\u0074o__":1}`,
    'an empty text': '',
    'a trailing comma': '{"a":1,}',
  };
  for (const [sentence, text] of Object.entries(refused)) test(`has no ${sentence}`, () => assert.throws(() => parseJson(bytes(text), strict), JsonError));

  const read: Record<string, string> = {
    'one key in two objects': '[{"a":1},{"a":1},{"a":{"a":1}}]',
    'strings that look like keys': String.raw`{"a":"a","b":["a","a","{\"a\":1"],"c":"\\"}`,
    'keys that differ in case': '{"a":1,"A":1}',
  };
  for (const [sentence, text] of Object.entries(read)) test(`may have ${sentence}`, () => assert.deepEqual(parseJson(bytes(text), strict), JSON.parse(text)));

  test('is nested 32 deep at most', () => {
    assert.ok(parseJson(bytes(`${'['.repeat(32)}${']'.repeat(32)}`), strict));
    assert.throws(() => parseJson(bytes(`${'['.repeat(33)}${']'.repeat(33)}`), strict), JsonLimitError);
  });

  test('that is lenient lets the last key win, as Go does', () => assert.deepEqual(parseJson(bytes('{"a":1,"a":2}'), { strict: false, maxDepth: 32 }), { a: 2 }));
});

test('base64 is read only in the one form that encodes the bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (content) => assert.deepEqual(new Uint8Array(fromBase64(Buffer.from(content).toString('base64'), 'x', 64)), content)));
  for (const text of ['AA', 'AAA', 'AA=', 'AB==', 'A-_A', 'AA AA', 'AAAA\n', '=', 7, null]) assert.throws(() => fromBase64(text, 'x', 64), JsonError);
  assert.throws(() => fromBase64('A'.repeat(92), 'x', 64), JsonLimitError);
});

describe('DER', () => {
  test('is read as it is written', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 3 }), (contents) => {
      const whole = encodeDer(SEQUENCE, ...contents.map((content) => encodeDer(4, Buffer.from(content))));
      assert.deepEqual(derChildren(readDer(whole, SEQUENCE)).map(({ content }) => new Uint8Array(content)), contents);
    }));
  });

  test('has object identifiers as they are written', () => {
    for (const dotted of ['1.3.6.1.4.1.57264.1.24', '2.5.29.17', '2.999.3', '0.9', '1.2.840.113549.1.1.11']) {
      const written = dotted === '2.999.3' ? Buffer.from([6, 3, 0x88, 0x37, 3]) : oid(dotted);
      assert.equal(derOid(readDer(written, OBJECT_IDENTIFIER)), dotted);
    }
  });

  const refused: Record<string, number[]> = {
    'nothing': [],
    'a tag alone': [0x30],
    'a length beyond the end': [0x30, 5, 1],
    'an indefinite length': [0x30, 0x80, 0, 0],
    'a long length for a short one': [0x04, 0x81, 0x01, 0],
    'a length with a leading zero': [0x04, 0x82, 0x00, 0x80, ...Array.from({ length: 128 }, () => 0)],
    'a tag of several bytes': [0x1f, 0x81, 0x01, 0],
    'bytes after it': [0x05, 0, 0],
  };
  for (const [sentence, content] of Object.entries(refused)) test(`is not ${sentence}`, () => assert.throws(() => readDer(Buffer.from(content)), DerError));

  test('has no object identifier that is padded, cut off or empty', () => {
    for (const content of [[0x80, 1], [0x2a, 0x86], []]) assert.throws(() => derOid(readDer(encodeDer(6, Buffer.from(content)))), DerError);
  });
});

describe('the claims of a certificate', () => {
  const leaf = { spki: generateKey().spki, at: world.now(), subject: SUBJECT, issuer: ISSUER };

  test('are all of Fulcio’s, by the names of cosign’s flags', () => {
    const claims = Object.fromEntries(Object.keys(CLAIMS).map((name) => [name, `value of ${name}`]));
    const found = certificateClaims(issueLeaf(world.authority, { ...leaf, claims }));
    assert.deepEqual({ issuer: found.issuer, subjects: found.subjects, claims: found.claims }, { issuer: ISSUER, subjects: [SUBJECT], claims });
    assert.deepEqual(Object.keys(CLAIMS).filter((name) => !CLAIM_NAMES.includes(name)), []);
  });

  test('may be in any script', () => {
    assert.equal(certificateClaims(issueLeaf(world.authority, { ...leaf, claims: { githubWorkflowName: 'Freigabe \u{1f680}' } })).claims['githubWorkflowName'], 'Freigabe \u{1f680}');
  });

  test('are not there for what is no certificate', () => {
    for (const der of [Buffer.alloc(0), Buffer.from('x'), sequence(), Buffer.alloc(20_000)]) assert.throws(() => certificateClaims(der), CertificateError);
  });
});

describe('a legacy payload', () => {
  const payload = (change: object = {}): Buffer =>
    bytes(JSON.stringify({ critical: { identity: { 'docker-reference': 'a/b' }, image: { 'docker-manifest-digest': IMAGE.digest }, type: 'cosign container image signature', ...change }, optional: null }));

  test('names one image, its repository and nothing else', () => {
    assert.deepEqual(readSimpleSigning(payload(), OPERATOR), { type: 'cosign container image signature', subjects: [{ digest: IMAGE.digest, name: 'a/b', annotations: {} }] });
  });

  const refused: Record<string, Buffer> = {
    'no digest': payload({ image: {} }),
    'a digest of another kind': payload({ image: { 'docker-manifest-digest': 'sha512:00' } }),
    'a list of digests': payload({ image: { 'docker-manifest-digest': [IMAGE.digest] } }),
    'no image': payload({ image: null }),
    'no type': payload({ type: undefined }),
    'no name': payload({ identity: {} }),
    'a list for a payload': bytes('[]'),
    'annotations that are no object': bytes(payload().toString().replace('null', '[1]')),
  };
  for (const [sentence, one] of Object.entries(refused)) test(`with ${sentence} is refused`, () => assert.throws(() => readSimpleSigning(one, OPERATOR), JsonError));

  test('without a type or a name is read as cosign does', () => {
    assert.equal(readSimpleSigning(payload({ type: undefined, identity: undefined }), COSIGN).subjects[0]?.digest, IMAGE.digest);
  });
});

/** Ways to write the annotations that Go reads alike, and cosign with it (encoding/json, encoding/base64). */
const LENIENT: Readonly<Record<string, (annotations: Record<string, string>) => void>> = {
  'names in another case': (annotations) => (annotations[LOGGED] = (annotations[LOGGED] ?? '').replace('"Payload"', '"payload"').replace('"integratedTime"', '"INTEGRATEDTIME"').replace('"SignedEntry', '"SIGNEDentry')),
  'the log’s id in upper case': (annotations) => (annotations[LOGGED] = (annotations[LOGGED] ?? '').replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase())),
  'lines in base64': (annotations) => (annotations[LOGGED] = (annotations[LOGGED] ?? '').replace(/"body":"(.{20})/, '"body":"$1\\n')),
};
const LOGGED = 'dev.sigstore.cosign/bundle';

for (const [sentence, bend] of Object.entries(LENIENT)) {
  test(`annotations with ${sentence} are read as cosign does, and refused by the operator`, () => {
    const { payload, annotations } = world.legacySignature(release, IMAGE);
    const changed = { ...annotations };
    bend(changed);
    assert.notDeepEqual(changed, annotations);
    const one = { format: 'legacy', location: 'x', payload, annotations: changed } as const;
    assert.equal(prove(one, asking({ profile: COSIGN })).logged, true);
    assert.throws(() => prove(one, asking()));
  });
}

test('text after a certificate is refused, as by cosign', () => {
  const { payload, annotations } = world.legacySignature(release, IMAGE);
  const name = 'dev.sigstore.cosign/certificate';
  for (const profile of [COSIGN, OPERATOR]) {
    const one = { format: 'legacy', location: 'x', payload, annotations: { ...annotations, [name]: `${annotations[name] ?? ''}after\n` } } as const;
    assert.throws(() => prove(one, asking({ profile })), /text after its last block/);
  }
});

test('a payload’s names are folded as Go folds them', () => {
  const { payload } = world.legacySignature(release, IMAGE);
  const text = payload.toString();
  assert.equal(readSimpleSigning(bytes(text.replace('"critical"', '"CRITICAL"').replace('"docker-manifest', '"doc\u212aer-manife\u017ft')), COSIGN).subjects[0]?.digest, IMAGE.digest);
  assert.deepEqual(readSimpleSigning(bytes(text.replace('"critical"', '"cr\u0131tical"')), COSIGN).subjects, []);
});

test('a payload that cannot be read says nothing of any image to cosign, which asks only where claims are checked, and is refused by the operator', () => {
  const { payload } = world.legacySignature(release, IMAGE);
  const odd = [payload.toString().replace('"cosign container image signature"', '5'), 'garbage', '[]'];
  for (const text of odd) {
    assert.deepEqual(readSimpleSigning(bytes(text), COSIGN).subjects, []);
    assert.throws(() => readSimpleSigning(bytes(text), OPERATOR), JsonError);
  }
});

test('bits that are left over at the end of base64 are passed over as cosign does, and not by the operator', () => {
  const signer = world.key();
  const name = 'dev.cosignproject.cosign/signature';
  const padded = Array.from({ length: 50 }, () => world.legacySignature(signer, IMAGE)).find(({ annotations }) => annotations[name]?.endsWith('='));
  if (padded === undefined) throw new Error('fifty signatures without padding');
  const { payload, annotations } = padded;
  // Before padding stands a character whose last bits are zero.
  const loose = (annotations[name] ?? '').replace(/.(?==+$)/, (last) => String.fromCharCode(last.charCodeAt(0) + 1));
  const one = { format: 'legacy', location: 'x', payload, annotations: { ...annotations, [name]: loose } } as const;
  assert.equal(prove(one, asking({ profile: COSIGN, key: keyOf(signer), log: 'Ignored' })).logged, false);
  assert.throws(() => prove(one, asking({ key: keyOf(signer), log: 'Ignored' })), /not base64/);
});

test('a signature whose base64 has lines is read as cosign does, which then finds another text in the log', () => {
  const signer = world.key();
  const { payload, annotations } = world.legacySignature(signer, IMAGE);
  const name = 'dev.cosignproject.cosign/signature';
  const one = { format: 'legacy', location: 'x', payload, annotations: { ...annotations, [name]: `${annotations[name] ?? ''}\n` } } as const;
  assert.equal(prove(one, asking({ profile: COSIGN, key: keyOf(signer), log: 'Ignored' })).logged, false);
  assert.throws(() => prove(one, asking({ profile: COSIGN, key: keyOf(signer) })), /no transparency log entry/);
  assert.throws(() => prove(one, asking({ key: keyOf(signer), log: 'Ignored' })), /not base64/);
});

test('cosign loads a bundle that is whole, whatever it proves, and passes over the rest', () => {
  const json = JSON.stringify(world.messageBundle(world.key(), bytes('x'), { log: 'none' }));
  const candidate = (text: string) => ({ format: 'bundle' as const, location: 'x', bytes: bytes(text) });
  assert.ok(asLoaded(candidate(json), COSIGN) !== undefined);
  for (const text of ['garbage', '{}', json.replace('v0.3', 'v0.2'), json.replace('"messageSignature"', '"other"')]) assert.equal(asLoaded(candidate(text), COSIGN), undefined);
});
