import { describe, test } from 'node:test';
import type { Candidate, Requirement, SignatureErrorCode } from '../../../src/signatures/types.ts';
import { AT, asking, bundle, found, HOUR, IMAGE, ISSUER, keyOf, legacy, refused, release, SUBJECT, trusting, world } from '../../support/signatures.ts';
import { flip } from '../../support/sigstore/flip.ts';
import { canonicalJson, type Body, type Logged } from '../../support/sigstore/log-bodies.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const key = world.key();
const other = world.key();
const stranger = createWorld({ now: AT, name: 'stranger.test' });
const keyed = (difference: Partial<Requirement> = {}): Requirement => asking({ key: keyOf(key), ...difference });
const unlogged = keyed({ log: 'Ignored' });
const withoutTrust = ({ trust: _, ...rest }: Requirement): Requirement => rest;

const sealed = world.keyless({ subject: SUBJECT, issuer: ISSUER, keyType: 'Ed25519' });
const enveloped = (told: Logged): Logged => ({ ...told, envelope: { payload: Buffer.from(told.message).toString('base64'), payloadType: 'text/plain', signatures: [] } });
const signerTwice = (body: Body): Buffer =>
  Buffer.from(canonicalJson(body).replace(/LS0tLS1CRUdJTi[A-Za-z0-9+/]+={0,2}/, (pem) => Buffer.from(Buffer.from(pem, 'base64').toString().repeat(2)).toString('base64')));

const REFUSED: Record<string, [Candidate, Requirement, SignatureErrorCode, RegExp]> = {
  'another key': [legacy(key, { log: 'none' }), keyed({ key: keyOf(other), log: 'Ignored' }), 'KeyMismatch', /not by the key sha256:/],
  'another key of another type': [legacy(key, { log: 'none' }), keyed({ key: keyOf(world.key('Ed25519')), log: 'Ignored' }), 'KeyMismatch', /not by the key/],
  'a payload that was changed': [edited((text) => text.replace('acme/app', 'acme/apt')), unlogged, 'KeyMismatch', /over these bytes/],
  'a signature with one bit changed': [legacy(key, { log: 'none', signature: (bytes) => flip(bytes, 20) }), unlogged, 'KeyMismatch', /./],
  'a keyless signature with one bit changed': [legacy(release, { signature: (bytes) => flip(bytes, 20) }), asking(), 'SignatureInvalid', /its certificate/],
  'a key signature where a certificate is asked for': [legacy(key), asking(), 'CertificateInvalid', /made with a key/],
  'a keyless bundle where a key is asked for': [bundle(release), keyed(), 'KeyMismatch', /with a certificate, not with a key/],
  'a keyless legacy signature where a key is asked for': [legacy(release), keyed(), 'KeyMismatch', /another key/],
  'no log entry where one is required': [legacy(key, { log: 'none' }), keyed(), 'NotLogged', /no transparency log entry/],
  'a bundle without a log entry where one is required': [bundle(release, { log: 'none', timestamp: true }), asking(), 'NotLogged', /no transparency log entry/],
  'an entry of a log that the trust root does not have': [legacy(release, { services: { rekorV1: stranger.rekorV1 } }), asking(), 'NotLogged', /none of the 1 log entries/],
  'an entry by a log of the same name with another key': [
    bundle(release, { services: { rekorV2: { ...stranger.rekorV2, logId: world.rekorV2.logId, host: world.rekorV2.host, origin: world.rekorV2.origin } } }),
    asking(),
    'NotLogged',
    /is not signed by the log/,
  ],
  'a signed entry timestamp with one bit changed': [legacy(release, { entry: (entry) => ({ ...entry, promise: flip(entry.promise ?? Buffer.alloc(0)) }) }), asking(), 'NotLogged', /./],
  'an entry of which the time was moved': [legacy(release, { entry: (entry) => ({ ...entry, integratedTime: entry.integratedTime + 1 }) }), asking(), 'NotLogged', /./],
  'an entry of which the index was moved': [legacy(release, { entry: (entry) => ({ ...entry, logIndex: entry.logIndex + 1 }) }), asking(), 'NotLogged', /./],
  'a rekord entry of which the time was moved': [
    legacy(key, { entryKind: 'rekord', entry: (entry) => ({ ...entry, integratedTime: entry.integratedTime + 1 }) }),
    keyed(),
    'NotLogged',
    /signed entry timestamp/,
  ],
  'an inclusion proof with one bit changed': [
    bundle(release, { entry: (entry) => ({ ...entry, proof: { ...entry.proof, hashes: entry.proof.hashes.map((hash) => flip(hash)) } }) }),
    asking(),
    'NotLogged',
    /does not lead to the root/,
  ],
  'a signature of an envelope, logged as one of bytes': [bundle(release, { log: 'v1', entryKind: 'hashedrekord' }), asking(), 'NotLogged', /not about such signatures/],
  'a signature of bytes, logged as one of an envelope': [legacy(release, { entryKind: 'dsse', logged: enveloped }), asking(), 'NotLogged', /not about such signatures/],
  'a digest in Rekor v1 that an Ed25519 certificate is said to have signed': [legacy(sealed), asking(), 'NotLogged', /over which nobody signs/],
  'a digest in Rekor v2 that an Ed25519 certificate is said to have signed': [bundle(sealed), asking(), 'NotLogged', /takes no entries/],
  'a digest by another hash than the signature': [legacy(key, { hash: 'sha512', logged: (told) => ({ ...told, hash: 'sha256' }) }), keyed({ key: keyOf(key, 'sha512') }), 'NotLogged', /another hash/],
  'an entry of Rekor v2 with a member more': [bundle(release, { body: (body) => ({ ...body, more: 1 }) }), asking(), 'NotLogged', /not as Rekor v2 writes it/],
  'an entry of Rekor v2 with a digest by another hash': [bundle(release, { logged: (told) => ({ ...told, hash: 'sha512' }) }), asking(), 'NotLogged', /not as Rekor v2 writes it/],
  'an entry of Rekor v2 that says another index than its proof': [bundle(release, { entry: (entry) => ({ ...entry, logIndex: entry.logIndex + 1 }) }), asking(), 'NotLogged', /another index/],
  'an entry of Rekor v1 with another root beside its proof': [
    bundle(release, { log: 'v1', entry: (entry) => ({ ...entry, proof: { ...entry.proof, rootHash: flip(entry.proof.rootHash) } }) }),
    asking(),
    'NotLogged',
    /another size or root/,
  ],
  'an entry of Rekor v1 with another size beside its proof': [
    bundle(release, { log: 'v1', entry: (entry) => ({ ...entry, proof: { ...entry.proof, treeSize: entry.proof.treeSize + 1 } }) }),
    asking(),
    'NotLogged',
    /another size or root/,
  ],
  'a checkpoint of Rekor v1 that somebody else signed too': [
    bundle(release, { log: 'v1', entry: (entry) => ({ ...entry, proof: { ...entry.proof, checkpoint: `${entry.proof.checkpoint}\u2014 witness.test AAAAAGZvbw==\n` } }) }),
    asking(),
    'NotLogged',
    /is not signed by the log/,
  ],
  'a timestamp that was granted with modifications': [bundle(release, { log: 'none', timestamp: true, token: { status: 1 } }), asking({ log: 'Ignored', timestamp: 'Required' }), 'TimestampInvalid', /status is 1/],
  'an entry with two signers': [legacy(release, { body: signerTwice }), asking(), 'NotLogged', /more than one signer/],
  'a checkpoint with one bit changed': [
    bundle(release, { entry: (entry) => ({ ...entry, proof: { ...entry.proof, checkpoint: entry.proof.checkpoint.replace(/\n(\d+)\n/, '\n1$1\n') } }) }),
    asking(),
    'NotLogged',
    /./,
  ],
  'a log entry of a kind that is not supported': [bundle(key, { log: 'v1', entryKind: 'intoto001' }), keyed(), 'NotLogged', /kind intoto\/0\.0\.1/],
  'no timestamp where one is required': [legacy(release), asking({ timestamp: 'Required' }), 'TimestampInvalid', /has no timestamp/],
  'a timestamp of an authority that is not trusted': [
    legacy(release, { timestamp: true, services: { timestampAuthority: stranger.timestampAuthority } }),
    asking({ timestamp: 'Required' }),
    'TimestampInvalid',
    /timestamp authorities/,
  ],
  'a timestamp of something else': [bundle(release, { stamped: () => Buffer.from('else') }), asking(), 'TimestampInvalid', /attests when/],
  'a timestamp that was refused': [bundle(release, { token: { status: 2 } }), asking({ timestamp: 'Required' }), 'TimestampInvalid', /status is 2/],
  'a timestamp over other content': [bundle(release, { token: { contentDigest: Buffer.alloc(32) } }), asking({ timestamp: 'Required' }), 'TimestampInvalid', /./],
  'a timestamp of an authority that was no longer trusted': [
    bundle(release),
    asking({ trust: trusting(world.trustedRoot({ periods: { timestampAuthorities: { start: '2020-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' } } })) }),
    'TimestampInvalid',
    /./,
  ],
  'a signature without any authenticated time': [legacy(release, { log: 'none', timestamp: false }), asking({ log: 'Ignored' }), 'TimestampInvalid', /attests when/],
  'a signature logged after its certificate ended': [legacy(release, { loggedAt: AT + HOUR }), asking(), 'CertificateInvalid', /is valid from .* not at/],
  'a signature logged before its certificate began': [legacy(release, { loggedAt: AT - HOUR }), asking(), 'CertificateInvalid', /is valid from/],
  'a signature stamped after its certificate ended': [bundle(release, { stampedAt: AT + HOUR }), asking(), 'CertificateInvalid', /is valid from/],
  'a certificate of another authority': [legacy(release, { services: { authority: stranger.authority } }), asking(), 'CertificateInvalid', /not issued by a certificate authority/],
  'a certificate of an authority that was no longer trusted': [
    legacy(release),
    asking({ trust: trusting(world.trustedRoot({ periods: { certificateAuthorities: { start: '2020-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' } } })) }),
    'CertificateInvalid',
    /does not trust at 2026-11-20/,
  ],
  'a signature by a log that was no longer trusted': [
    legacy(release),
    asking({ trust: trusting(world.trustedRoot({ periods: { tlogs: { start: '2020-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' } } })) }),
    'NotLogged',
    /./,
  ],
  'a certificate without an SCT': [legacy(release, { certificate: { ctLogs: [] } }), asking(), 'CertificateInvalid', /no signed certificate timestamp/],
  'a certificate with an SCT of another log': [legacy(release, { certificate: { ctLogs: [stranger.authority.ctLog] } }), asking(), 'CertificateInvalid', /one of the 1 CT logs/],
  'a certificate with an SCT of which one bit was changed': [legacy(release, { certificate: { timestamp: (bytes) => flip(bytes) } }), asking(), 'CertificateInvalid', /CT logs/],
  'a certificate with an SCT by a log that was no longer trusted': [
    legacy(release),
    asking({ trust: trusting(world.trustedRoot({ periods: { ctlogs: { start: '2020-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' } } })) }),
    'CertificateInvalid',
    /CT logs/,
  ],
  'a keyless signature without a trust root': [legacy(release), withoutTrust(asking()), 'TrustRootUnavailable', /no trust root/],
  'a log entry without a trust root': [legacy(key), withoutTrust(keyed()), 'TrustRootUnavailable', /no trust root/],
  'an attestation, which is no signature': [bundle(release, { predicateType: 'https://slsa.dev/provenance/v1' }), asking(), 'NoSignature', /attestation of type "https:\/\/slsa/],
  'a bundle that signs bytes and not a statement': [
    { format: 'bundle', location: 'x', bytes: Buffer.from(JSON.stringify(world.messageBundle(release, Buffer.from('manifest')))) },
    asking(),
    'SignatureInvalid',
    /does not contain a DSSE envelope/,
  ],
  'a legacy layer without a signature': [found({ payload: Buffer.from('{}'), annotations: {} }), asking(), 'SignatureInvalid', /no annotation/],
};

function edited(edit: (text: string) => string): Candidate {
  const signature = world.legacySignature(key, IMAGE, { log: 'none' });
  return found({ ...signature, payload: Buffer.from(edit(signature.payload.toString())) });
}

describe('proves nothing', () => {
  for (const [sentence, [candidate, requirement, code, text]] of Object.entries(REFUSED)) {
    test(sentence, () => {
      refused(candidate, requirement, code, text);
    });
  }
});
