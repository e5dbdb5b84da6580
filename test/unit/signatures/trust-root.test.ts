import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf } from '../../../src/base/digest.ts';
import { embeddedTrustRoot, joinTrustRoots, loadTrustRoot, TrustRootError } from '../../../src/signatures/trust-root.ts';
import type { TrustRootErrorCode } from '../../../src/signatures/trust-root.ts';
import { AT, world } from '../../support/signatures.ts';
import { generateKey } from '../../support/sigstore/keys.ts';
import type { TrustedRootJson } from '../../support/sigstore/trusted-root.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const other = createWorld({ now: AT, name: 'other.test' });

test('the embedded root is the public good instance’s, and is read once', () => {
  const root = embeddedTrustRoot();
  assert.deepEqual([root.authorities.length, root.material.tlogs.length, root.material.ctlogs.length, root.material.stampAuthorities.length], [2, 2, 2, 1]);
  assert.equal(embeddedTrustRoot(), root);
});

test('the hash is that of the bytes', () => {
  assert.equal(loadTrustRoot(world.trustedRootJson).hash, digestOf(world.trustedRootJson));
  assert.notEqual(loadTrustRoot(`${world.trustedRootJson}\n`).hash, digestOf(world.trustedRootJson));
});

test('a root of several instances has all of them', () => {
  const [one, two] = [world.trustedRoot(), other.trustedRoot()];
  const both = loadTrustRoot(JSON.stringify({ ...one, tlogs: [...one.tlogs, ...two.tlogs], certificateAuthorities: [...one.certificateAuthorities, ...two.certificateAuthorities] }));
  assert.deepEqual([both.authorities.length, both.material.tlogs.length], [2, 4]);
});

test('a root with a part alone is enough', () => {
  for (const part of ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] as const) {
    assert.ok(loadTrustRoot(JSON.stringify({ ...world.trustedRoot({ without: ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] }), [part]: world.trustedRoot()[part] })));
  }
});

test('the parts of several roots are joined, never united', () => {
  const [mine, theirs] = [loadTrustRoot(world.trustedRootJson), loadTrustRoot(other.trustedRootJson)];
  const joined = joinTrustRoots({ authorities: mine, timestampAuthorities: theirs });
  assert.equal(joined.authorities, mine.authorities);
  assert.equal(joined.material.stampAuthorities, theirs.material.stampAuthorities);
  assert.equal(joined.material.tlogs, mine.material.tlogs);
  assert.notEqual(joined.hash, mine.hash);
  assert.equal(joinTrustRoots({ authorities: mine }), mine);
});

test('an RSA key of a log is read in the form that its details name', () => {
  const { publicKey } = generateKey('RSA-2048');
  const root = world.trustedRoot();
  const forms = { PKIX_RSA_PKCS1V15_2048_SHA256: 'spki', PKCS1_RSA_PKCS1V5: 'pkcs1' } as const;
  for (const [keyDetails, type] of Object.entries(forms)) {
    const rawBytes = publicKey.export({ format: 'der', type }).toString('base64');
    const ctlogs = root.ctlogs.map((one) => ({ ...one, publicKey: { ...one.publicKey, rawBytes, keyDetails } }));
    assert.ok(loadTrustRoot(JSON.stringify({ ...root, ctlogs })).material.ctlogs[0]?.publicKey.equals(publicKey), keyDetails);
    const crossed = type === 'spki' ? 'PKCS1_RSA_PKCS1V5' : 'PKIX_RSA_PKCS1V15_2048_SHA256';
    const wrong = ctlogs.map((one) => ({ ...one, publicKey: { ...one.publicKey, keyDetails: crossed } }));
    assert.throws(() => loadTrustRoot(JSON.stringify({ ...root, ctlogs: wrong })), TrustRootError, crossed);
  }
});

type Edit = (root: TrustedRootJson) => unknown;
const log = (edit: (one: TrustedRootJson['tlogs'][number]) => unknown): Edit => (root) => ({ ...root, tlogs: root.tlogs.map((one, index) => (index === 0 ? edit(one) : one)) });
const authority = (part: 'certificateAuthorities' | 'timestampAuthorities', edit: (one: TrustedRootJson['certificateAuthorities'][number]) => unknown): Edit => (root) => ({ ...root, [part]: root[part].map(edit) });
const chain = (part: 'certificateAuthorities' | 'timestampAuthorities', edit: (certificates: { rawBytes: string }[]) => unknown): Edit =>
  authority(part, (one) => ({ ...one, certChain: { certificates: edit(one.certChain.certificates) } }));
const weak = generateKey('RSA-2048');

const INVALID: Record<string, [Edit, TrustRootErrorCode, RegExp]> = {
  'an empty object': [() => ({}), 'Malformed', /mediaType/],
  'a list': [() => [], 'Malformed', /not an object/],
  'no parts': [({ mediaType }) => ({ mediaType }), 'Empty', /no certificate authority/],
  'another media type': [(root) => ({ ...root, mediaType: 'application/json' }), 'Invalid', /mediaType "application\/json"/],
  'a log without a validity': [log(({ publicKey: { validFor: _, ...key }, ...one }) => ({ ...one, publicKey: key })), 'Malformed', /tlogs\[0\]\.publicKey\.validFor/],
  'members in another spelling, which nothing counts': [(root) => ({ ...root, certificate_authorities: root.certificateAuthorities }), 'Malformed', /"certificate_authorities", and names in it have no underscore/],
  'a log that hashes with something else': [log((one) => ({ ...one, hashAlgorithm: 'SHA2_512' })), 'Invalid', /tlogs\[0\]\.hashAlgorithm SHA2_512/],
  'a log that does not say how it hashes': [log(({ hashAlgorithm: _, ...one }) => one), 'Malformed', /tlogs\[0\]\.hashAlgorithm/],
  'a log with a key of another kind than it says': [log((one) => ({ ...one, publicKey: { ...one.publicKey, keyDetails: 'PKIX_ED25519' } })), 'Invalid', /keyDetails PKIX_ED25519 is not what the key is/],
  'a log that starts at no time': [log((one) => ({ ...one, publicKey: { ...one.publicKey, validFor: {} } })), 'Malformed', /tlogs\[0\]\.publicKey\.validFor\.start/],
  'a log that starts at something else': [log((one) => ({ ...one, publicKey: { ...one.publicKey, validFor: { start: 'yesterday' } } })), 'Invalid', /start is not a time/],
  'a log without a key': [log(({ publicKey: _, ...one }) => one), 'Malformed', /tlogs\[0\]\.publicKey/],
  'a log with an empty key': [log((one) => ({ ...one, publicKey: { ...one.publicKey, rawBytes: '' } })), 'Invalid', /rawBytes is empty/],
  'a log with a key that is none': [log((one) => ({ ...one, publicKey: { ...one.publicKey, rawBytes: 'AAAA' } })), 'Malformed', /cannot be read/],
  'a log without an id': [log(({ logId: _, ...one }) => one), 'Malformed', /tlogs\[0\]\.logId/],
  'a log with PSS signatures': [log((one) => ({ ...one, publicKey: { ...one.publicKey, keyDetails: 'PKIX_RSA_PSS' } })), 'Invalid', /PKIX_RSA_PSS is not supported/],
  'a log with key details that nobody knows': [log((one) => ({ ...one, publicKey: { ...one.publicKey, rawBytes: weak.spki.toString('base64'), keyDetails: 'X' } })), 'Malformed', /enum/],
  'an authority without a validity': [authority('certificateAuthorities', ({ validFor: _, ...one }) => one), 'Malformed', /certificateAuthorities\[0\]\.validFor/],
  'an authority without certificates': [chain('certificateAuthorities', () => []), 'Invalid', /certChain\.certificates is empty/],
  'an authority without its root': [chain('certificateAuthorities', (list) => list.slice(0, 1)), 'Invalid', /not self-signed/],
  'an authority in the wrong order': [chain('certificateAuthorities', (list) => list.toReversed()), 'Invalid', /not self-signed/],
  'an authority with a foreign intermediate': [
    chain('certificateAuthorities', (list) => [{ rawBytes: other.authority.intermediate.certificate.toString('base64') }, ...list.slice(1)]),
    'Invalid',
    /not issued by a certificate after it/,
  ],
  'an authority that is none': [
    chain('certificateAuthorities', () => [{ rawBytes: world.timestampAuthority.chain[0].toString('base64') }]),
    'Invalid',
    /is not a certificate authority/,
  ],
  'a certificate that is none': [chain('certificateAuthorities', () => [{ rawBytes: 'AAAA' }]), 'Invalid', /certificates\[0\]/],
  'nine certificates in a chain': [chain('certificateAuthorities', ([one = { rawBytes: '' }]) => Array.from({ length: 9 }, () => one)), 'TooLarge', /9 members/],
  'a timestamp authority without its root': [chain('timestampAuthorities', (list) => list.slice(0, 1)), 'Invalid', /does not end in a self-signed root/],
  'a timestamp authority that may not stamp': [chain('timestampAuthorities', (list) => list.slice(1)), 'Invalid', /not for time stamping/],
  'a timestamp authority with a foreign root': [
    chain('timestampAuthorities', (list) => [...list.slice(0, 1), { rawBytes: other.timestampAuthority.chain[1].toString('base64') }]),
    'Invalid',
    /does not lead/,
  ],
  '65 logs': [(root) => ({ ...root, tlogs: Array.from({ length: 65 }, () => root.tlogs[0]) }), 'TooLarge', /65 members/],
};

function throws(json: string, code: TrustRootErrorCode, text: RegExp): void {
  assert.throws(() => loadTrustRoot(json), (error) => {
    assert.ok(error instanceof TrustRootError);
    assert.match(error.message, text);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

describe('a trusted root is refused for', () => {
  for (const [sentence, [edit, code, text]] of Object.entries(INVALID)) {
    test(sentence, () => throws(JSON.stringify(edit(world.trustedRoot())), code, text));
  }

  test('text that is no JSON', () => throws('<html>', 'Malformed', /not valid JSON/));
  test('a key that occurs twice', () => throws(world.trustedRootJson.replace('{', '{"tlogs":[],'), 'Malformed', /"tlogs" twice/));
  test('more than 1 MiB', () => throws(' '.repeat(1024 * 1024 + 1), 'TooLarge', /larger than/));
});

test('a period that ended before it started is read, and never counts', () => {
  assert.ok(loadTrustRoot(JSON.stringify(world.trustedRoot({ periods: { ctlogs: { start: '2026-01-01T00:00:00Z', end: '2020-01-01T00:00:00Z' } } }))));
});
