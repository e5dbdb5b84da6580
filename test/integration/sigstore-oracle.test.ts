import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ourAnswer, startOracle, type Case, type Oracle } from '../support/oracle.ts';
import { AT, HOUR, IMAGE, ISSUER, MINUTE, release, SUBJECT, world } from '../support/signatures.ts';
import { certificateFaults } from '../support/sigstore/authority.ts';
import { flip } from '../support/sigstore/flip.ts';
import { promiseOf, type LogEntry } from '../support/sigstore/log.ts';
import type { Logged } from '../support/sigstore/log-bodies.ts';
import type { Bundle, LegacySignature, SignOptions, StatementOptions } from '../support/sigstore/sign.ts';
import { createWorld } from '../support/sigstore/world.ts';
import type { TufFaults } from '../support/tuf-mirror.ts';

const stranger = createWorld({ now: AT, name: 'stranger.test' });
/** Has the world's names, and keys of its own. */
const twin = createWorld({ now: AT });
const { intermediate } = world.authority;
/** The trusted authority in everything but the key that it signs with. */
const forged = { ...world.authority, intermediate: { ...intermediate, key: { ...intermediate.key, privateKey: twin.authority.intermediate.key.privateKey } } };
const key = world.key();
const other = world.key();
const long = world.key('P-384');
const person = world.keyless({ subject: 'dev@corp.test', issuer: ISSUER });
const PAST = { start: '2020-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' };
const OTHER_IMAGE = { ...IMAGE, digest: `sha256:${'b2'.repeat(32)}` };
const MANIFEST = Buffer.from('{"schemaVersion":2}');

type Options = SignOptions & StatementOptions;
type Shape = (typeof certificateFaults)[keyof typeof certificateFaults];
const v2 = (options: Options = {}): Bundle => world.bundle(release, IMAGE, options);
const v1 = (options: Options = {}): Bundle => v2({ log: 'v1', ...options });
const legacy = (options: SignOptions = {}): LegacySignature => world.legacySignature(release, IMAGE, options);
const shaped = (shape: Shape): Bundle => v2({ certificate: { shape } });
const retired = (part: 'tlogs' | 'ctlogs' | 'certificateAuthorities' | 'timestampAuthorities') => ({ trustedRoot: world.trustedRoot({ periods: { [part]: PAST } }) });

const bentPromise = (entry: LogEntry): LogEntry => ({ ...entry, promise: flip(entry.promise ?? Buffer.alloc(0)) });
const withoutPromise = ({ promise: _, ...entry }: LogEntry): LogEntry => ({ ...entry, integratedTime: 0 });
const bentProof = (entry: LogEntry): LogEntry => ({ ...entry, proof: { ...entry.proof, hashes: entry.proof.hashes.map((hash) => flip(hash)) } });
const ofAnother = (told: Logged): Logged => ({ ...told, message: Buffer.from('another artifact') });
const bySignature = (told: Logged): Logged => ({ ...told, signature: flip(Buffer.from(told.signature)) });
const byAnother = ({ certificate: _, ...told }: Logged): Logged => ({ ...told, key: other.key });

/** The world's log writes it down a day early, and signs for that. */
function backdated(entry: LogEntry): LogEntry {
  const early = { ...entry, integratedTime: entry.integratedTime - 86_400 };
  return { ...early, promise: promiseOf(world.rekorV1, early) };
}

function withPayload({ dsseEnvelope: envelope, ...rest }: Bundle, edit: (text: string) => string): Bundle {
  assert.ok(envelope);
  const payload = Buffer.from(edit(Buffer.from(envelope.payload, 'base64').toString())).toString('base64');
  return { ...rest, dsseEnvelope: { ...envelope, payload } };
}


/** Both accept. */
const RIGHT: Record<string, Case> = {
  'a bundle in Rekor v2 with a timestamp': { signature: v2() },
  'a bundle in Rekor v2 as dsse': { signature: v2({ entryKind: 'dsse' }) },
  'a bundle in Rekor v1': { signature: v1() },
  'a bundle in Rekor v1 as intoto': { signature: v1({ entryKind: 'intoto' }) },
  'a bundle in Rekor v1 with a timestamp too': { signature: v1({ timestamp: true }) },
  'a bundle in Rekor v1 with a timestamp in place of a promise': { signature: v1({ timestamp: true, entry: withoutPromise }) },
  'a bundle with a timestamp alone, where no log is asked for': { signature: v2({ log: 'none', timestamp: true }), log: 'Ignored' },
  'a legacy signature': { signature: legacy() },
  'a legacy signature with a timestamp too': { signature: legacy({ timestamp: true }) },
  'a legacy signature in its certificate’s last second': { signature: legacy({ loggedAt: AT + 10 * MINUTE }) },
  'a legacy signature by a key': { signature: world.legacySignature(key, IMAGE), key },
  'a legacy signature by a key on P-384': { signature: world.legacySignature(long, IMAGE), key: long },
  'a bundle by a key in Rekor v1': { signature: world.bundle(key, IMAGE, { log: 'v1' }), key },
  'a bundle by a key in Rekor v2 with a timestamp': { signature: world.bundle(key, IMAGE, { timestamp: true }), key },
  'a certificate for an e-mail address': { signature: world.bundle(person, IMAGE), subject: person.subject },
  'a certificate with a key of Ed25519': { signature: world.bundle({ ...release, keyType: 'Ed25519' }, IMAGE, { log: 'v1' }) },
  'a certificate with a key of RSA': { signature: world.bundle({ ...release, keyType: 'RSA-2048' }, IMAGE) },
  'a certificate with an unknown extension that is not critical': { signature: shaped(certificateFaults.unknownNotCritical) },
  'a certificate without an SCT, where none is asked for': { signature: v2({ certificate: { ctLogs: [] } }), sct: 'Ignored' },
  'a root hash that is repeated wrongly beside the signed one': { signature: v2({ entry: (e) => ({ ...e, proof: { ...e.proof, rootHash: flip(e.proof.rootHash) } }) }) },
};

/** Neither accepts: our reason, and its code. */
const WRONG: Record<string, [Case, string, string]> = {
  'another subject': [{ signature: v2(), subject: SUBJECT.replace('v1', 'v2') }, 'IdentityMismatch', 'UNTRUSTED_SIGNER_ERROR'],
  'a subject that has the wanted one in it': [{ signature: v2(), subject: SUBJECT.slice(0, -1) }, 'IdentityMismatch', 'UNTRUSTED_SIGNER_ERROR'],
  'another issuer': [{ signature: v2(), issuer: 'https://accounts.google.com' }, 'IdentityMismatch', 'UNTRUSTED_SIGNER_ERROR'],
  'a certificate without a subject': [{ signature: shaped(certificateFaults.noSubject) }, 'CertificateInvalid', 'UNTRUSTED_SIGNER_ERROR'],
  'a certificate without an issuer': [{ signature: shaped(certificateFaults.noIssuer) }, 'CertificateInvalid', 'UNTRUSTED_SIGNER_ERROR'],
  'a certificate for a name with a NUL in it': [{ signature: shaped(certificateFaults.subjectWithNul), subject: 'admin@corp.test' }, 'CertificateInvalid', 'UNTRUSTED_SIGNER_ERROR'],
  'a statement that was changed': [{ signature: withPayload(v2(), (text) => text.replaceAll('a1', 'b2')) }, 'SignatureInvalid', 'TLOG_BODY_ERROR'],
  'a legacy payload that was changed': [{ signature: changedLegacy() }, 'SignatureInvalid', 'TLOG_BODY_ERROR'],
  'a signature with one bit changed before it was logged': [{ signature: v1({ signature: (b) => flip(b, 20) }) }, 'SignatureInvalid', 'SIGNATURE_ERROR'],
  'a legacy signature by another key': [{ signature: world.legacySignature(key, IMAGE), key: other }, 'KeyMismatch', 'SIGNATURE_ERROR'],
  'a bundle by another key': [{ signature: world.bundle(key, IMAGE, { log: 'v1' }), key: other }, 'KeyMismatch', 'SIGNATURE_ERROR'],
  'a bundle by a key, where a certificate is asked for': [{ signature: world.bundle(key, IMAGE, { log: 'v1' }) }, 'CertificateInvalid', 'PUBLIC_KEY_ERROR'],
  'a Rekor v2 that is not trusted': [{ signature: v2({ services: { rekorV2: stranger.rekorV2 } }) }, 'NotLogged', 'TLOG_INCLUSION_PROOF_ERROR'],
  'a Rekor v1 that is not trusted': [{ signature: v1({ services: { rekorV1: stranger.rekorV1 } }) }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'a Rekor v2 under the trusted one’s name': [{ signature: v2({ services: { rekorV2: { ...twin.rekorV2, logId: world.rekorV2.logId } } }) }, 'NotLogged', 'TLOG_INCLUSION_PROOF_ERROR'],
  'a Rekor v1 under the trusted one’s name': [{ signature: legacy({ services: { rekorV1: { ...twin.rekorV1, logId: world.rekorV1.logId } } }) }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'a Rekor v1 that is no longer trusted': [{ signature: v1(), ...retired('tlogs') }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'no log entry': [{ signature: v2({ log: 'none', timestamp: true }) }, 'NotLogged', 'TLOG_ERROR'],
  'an entry of another artifact': [{ signature: v2({ logged: ofAnother }) }, 'NotLogged', 'TLOG_BODY_ERROR'],
  'a legacy entry of another artifact': [{ signature: legacy({ logged: ofAnother }) }, 'NotLogged', 'TLOG_BODY_ERROR'],
  'an entry of another signature': [{ signature: v1({ logged: bySignature }) }, 'NotLogged', 'TLOG_BODY_ERROR'],
  'a rekord entry of another artifact': [{ signature: world.legacySignature(key, IMAGE, { entryKind: 'rekord', logged: ofAnother }), key }, 'NotLogged', 'TLOG_BODY_ERROR'],
  'a rekord entry of another signature': [{ signature: world.legacySignature(key, IMAGE, { entryKind: 'rekord', logged: bySignature }), key }, 'NotLogged', 'TLOG_BODY_ERROR'],
  'an entry of a kind that does not have the signature': [{ signature: world.bundle(key, IMAGE, { log: 'v1', entryKind: 'intoto001' }), key }, 'NotLogged', 'TLOG_BODY_ERROR'],
  'a bundle’s promise with one bit changed': [{ signature: v1({ entry: bentPromise }) }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'a legacy promise with one bit changed': [{ signature: legacy({ entry: bentPromise }) }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'a promise of another time': [{ signature: legacy({ entry: (e) => ({ ...e, integratedTime: e.integratedTime + 1 }) }) }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'a promise of another index': [{ signature: legacy({ entry: (e) => ({ ...e, logIndex: e.logIndex + 1 }) }) }, 'NotLogged', 'TLOG_INCLUSION_PROMISE_ERROR'],
  'an inclusion proof with one bit changed': [{ signature: v2({ entry: bentProof }) }, 'NotLogged', 'TLOG_INCLUSION_PROOF_ERROR'],
  'an inclusion proof that does not fit beside a promise that does': [{ signature: v1({ entry: bentProof }) }, 'NotLogged', 'TLOG_INCLUSION_PROOF_ERROR'],
  'a checkpoint of another size': [{ signature: v2({ entry: (e) => ({ ...e, proof: { ...e.proof, checkpoint: e.proof.checkpoint.replace(/\n(\d+)\n/, '\n1$1\n') } }) }) }, 'NotLogged', 'TLOG_INCLUSION_PROOF_ERROR'],
  'an authority that is not trusted': [{ signature: v2({ services: { authority: stranger.authority } }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'an authority under the trusted one’s name': [{ signature: v2({ services: { authority: { ...twin.authority, ctLog: world.authority.ctLog } } }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a certificate that the trusted authority’s key did not sign': [{ signature: v2({ services: { authority: forged } }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'an authority that is no longer trusted': [{ signature: v2(), ...retired('certificateAuthorities') }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a certificate that had expired when it was logged': [{ signature: v1({ loggedAt: AT + HOUR }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a certificate that had expired a second before': [{ signature: v1({ loggedAt: AT + 10 * MINUTE + 1000 }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a certificate that was not valid yet': [{ signature: v1({ entry: backdated }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a certificate that had expired when it was stamped': [{ signature: v2({ stampedAt: AT + HOUR }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a timestamp after expiry beside a log entry before it': [{ signature: v1({ timestamp: true, stampedAt: AT + HOUR }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'no SCT': [{ signature: v2({ certificate: { ctLogs: [] } }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'an SCT of a CT log that is not trusted': [{ signature: v2({ certificate: { ctLogs: [stranger.authority.ctLog] } }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'an SCT with one bit changed': [{ signature: v2({ certificate: { timestamp: (b) => flip(b) } }) }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'an SCT of a CT log that is no longer trusted': [{ signature: v2(), ...retired('ctlogs') }, 'CertificateInvalid', 'CERTIFICATE_ERROR'],
  'a timestamp authority that is not trusted': [{ signature: v2({ services: { timestampAuthority: stranger.timestampAuthority } }) }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a timestamp authority under the trusted one’s name': [{ signature: v2({ services: { timestampAuthority: { ...twin.timestampAuthority, template: world.timestampAuthority.template } } }) }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a timestamp authority that is no longer trusted': [{ signature: v2(), ...retired('timestampAuthorities') }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a timestamp of something else': [{ signature: v2({ stamped: () => Buffer.from('else') }) }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a timestamp over other content': [{ signature: v2({ token: { contentDigest: Buffer.alloc(32) } }) }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a Rekor v2 entry without a timestamp': [{ signature: v2({ timestamp: false }) }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a Rekor v2 entry with a time that nobody signed': [{ signature: v2({ timestamp: false, entry: (e) => ({ ...e, integratedTime: AT / 1000 }) }) }, 'TimestampInvalid', 'TIMESTAMP_ERROR'],
  'a trusted root of another world': [{ signature: v1(), trustedRoot: stranger.trustedRoot() }, 'NotLogged', 'CERTIFICATE_ERROR'],
};

/** It accepts, we do not: the rule that it does not have, and how our refusal says so. */
const STRICTER: Record<string, [Case, string, RegExp]> = {
  'an image signature is for one digest': [{ signature: world.bundle(release, OTHER_IMAGE) }, 'DigestMismatch', /was made for sha256:b2b2/],
  'a legacy signature is for one digest': [{ signature: world.legacySignature(release, OTHER_IMAGE) }, 'DigestMismatch', /was made for sha256:b2b2/],
  'only SHA-256 names an image': [{ signature: v2({ payload: (text) => text.replace('sha256', 'sha512') }) }, 'DigestMismatch', /for no image/],
  'a signature says that it is one': [{ signature: v2({ predicateType: 'https://slsa.dev/provenance/v1' }) }, 'NoSignature', /attestation of type/],
  'an image is signed by a statement, not by its bytes': [{ signature: world.messageBundle(release, MANIFEST), data: MANIFEST }, 'SignatureInvalid', /DSSE envelope/],
  'where a key is asked for, a certificate does not do': [{ signature: v2(), key }, 'KeyMismatch', /with a certificate, not with a key/],
  'an entry names the key that signed': [{ signature: world.bundle(key, IMAGE, { log: 'v1', logged: byAnother }), key }, 'NotLogged', /another signer/],
  'a legacy entry names the key that signed': [{ signature: world.legacySignature(key, IMAGE, { logged: byAnother }), key }, 'NotLogged', /another signer/],
  'an entry in Rekor v2 names the certificate that signed': [{ signature: v2({ logged: byAnother }) }, 'NotLogged', /another signer/],
  'an intoto entry names the certificate that signed': [{ signature: v1({ entryKind: 'intoto', logged: byAnother }) }, 'NotLogged', /another signer/],
  'a Rekor v1 knows an envelope as dsse or intoto': [{ signature: v1({ entryKind: 'hashedrekord' }) }, 'NotLogged', /hashedrekord\/0\.0\.1 are not about such signatures/],
  'a Rekor v2 takes no signature by a key of Ed25519 over bytes that it does not have': [{ signature: world.bundle({ ...release, keyType: 'Ed25519' }, IMAGE) }, 'NotLogged', /takes no entries/],
  'a key of Rekor v2 can be retired': [{ signature: v2(), ...retired('tlogs') }, 'NotLogged', /was not valid at/],
  'a log that is not looked at attests no time': [{ signature: v1(), log: 'Ignored' }, 'TimestampInvalid', /attests when/],
  'a timestamp was granted (RFC 3161, 2.4.2)': [{ signature: v2({ token: { status: 2 } }) }, 'TimestampInvalid', /attests when/],
  'a certificate says what it is for (EKU; RFC 5280, 4.2.1.12)': [{ signature: shaped(certificateFaults.noExtendedKeyUsage) }, 'CertificateInvalid', /not for code signing/],
  'a certificate is for code signing': [{ signature: shaped(certificateFaults.serverAuthOnly) }, 'CertificateInvalid', /not for code signing/],
  'an authority does not sign images': [{ signature: shaped(certificateFaults.certificateAuthority) }, 'CertificateInvalid', /certificate authority/],
  'a certificate has one subject': [{ signature: shaped(certificateFaults.twoSubjects), subject: 'first@corp.test' }, 'CertificateInvalid', /2 subjects/],
  'a certificate has its subject once (RFC 5280, 4.2)': [{ signature: shaped(certificateFaults.subjectTwice) }, 'CertificateInvalid', /2\.5\.29\.17 twice/],
  'a certificate has its issuer once': [{ signature: shaped(certificateFaults.issuerTwice) }, 'CertificateInvalid', /57264\.1\.1 twice/],
  'a certificate’s two forms of its issuer agree': [{ signature: shaped(certificateFaults.issuersDiffer) }, 'CertificateInvalid', /two different issuers/],
  'a name is read byte by byte, not in seven bits': [{ signature: shaped(certificateFaults.subjectWithHighBit), subject: 'admin@corp.test' }, 'CertificateInvalid', /not UTF-8/],
  'an unknown critical extension is not passed over (RFC 5280, 4.2)': [{ signature: shaped(certificateFaults.unknownCritical) }, 'CertificateInvalid', /critical extension/],
};

/**
 * We accept, it does not, for it cannot be asked the same: its code, and the case without what it objects to. The closed list of rules by which we
 * accept what the library beneath it refuses is in test/differential/rules.ts, each with a case and cosign's answer.
 */
const WIDER: Record<string, [Case, string, Case]> = {
  'a key in Rekor v2 needs no time': [{ signature: world.bundle(key, IMAGE), key }, 'TIMESTAMP_ERROR', { signature: world.bundle(key, IMAGE, { timestamp: true }), key }],
  'a key without a log needs no time': [
    { signature: world.bundle(key, IMAGE, { log: 'none' }), key, log: 'Ignored' },
    'TIMESTAMP_ERROR',
    { signature: world.bundle(key, IMAGE, { log: 'none', timestamp: true }), key, log: 'Ignored' },
  ],
};

/** What keeps the oracle from reading its trusted root: its code, and the cause. */
const UNTRUSTED: Record<string, [TufFaults, string, RegExp]> = {
  'an expired timestamp': [{ expires: { timestamp: Date.now() - MINUTE } }, 'TUF_REFRESH_METADATA_ERROR', /ExpiredMetadataError: Final timestamp\.json is expired/],
  'an expired snapshot': [{ expires: { snapshot: Date.now() - MINUTE } }, 'TUF_REFRESH_METADATA_ERROR', /snapshot\.json is expired/],
  'an expired root': [{ expires: { root: Date.now() - MINUTE } }, 'TUF_REFRESH_METADATA_ERROR', /ExpiredMetadataError: Final root\.json is expired/],
  'a root signed by another key': [{ forged: 'root' }, 'UnsignedMetadataError', /root was signed by 0\/1 keys/],
  'a second root that the first did not sign': [{ secondRoot: 'Unsigned' }, 'TUF_REFRESH_METADATA_ERROR', /root was signed by 0\/1 keys/],
  'a timestamp signed by another key': [{ forged: 'timestamp' }, 'TUF_REFRESH_METADATA_ERROR', /timestamp was signed by 0\/1 keys/],
  'targets signed by another key': [{ forged: 'targets' }, 'TUF_REFRESH_METADATA_ERROR', /targets was signed by 0\/1 keys/],
  'a repository with nothing in it': [{ empty: true }, 'TUF_REFRESH_METADATA_ERROR', /DownloadHTTPError/],
  'another trusted root than the one that was signed for': [{ served: stranger.trustedRootJson }, 'TUF_DOWNLOAD_TARGET_ERROR', /LengthOrHashMismatch|Max length/],
};

let oracle: Oracle;
before(async () => {
  oracle = await startOracle();
});
after(() => oracle.stop());

async function bothAccept(one: Case): Promise<void> {
  assert.deepEqual({ ours: ourAnswer(one), theirs: await oracle.answer(one) }, { ours: { reason: 'Accepted', text: '' }, theirs: { reason: 'Accepted', text: '' } });
}

describe('both accept', () => {
  for (const [sentence, one] of Object.entries(RIGHT)) test(sentence, () => bothAccept(one));
});

describe('both refuse', () => {
  for (const [sentence, [one, ours, theirs]] of Object.entries(WRONG)) {
    test(sentence, async () => assert.deepEqual([ourAnswer(one).reason, (await oracle.answer(one)).reason], [ours, theirs]));
  }
});

describe('we alone refuse, by a rule of our own', () => {
  for (const [sentence, [one, reason, text]] of Object.entries(STRICTER)) {
    test(sentence, async () => {
      const ours = ourAnswer(one);
      assert.deepEqual([ours.reason, (await oracle.answer(one)).reason], [reason, 'Accepted']);
      assert.match(ours.text, text);
    });
  }
});

describe('we alone accept, and without what it objects to it accepts too', () => {
  for (const [sentence, [one, theirs, rest]] of Object.entries(WIDER)) {
    test(sentence, async () => {
      assert.deepEqual([ourAnswer(one).reason, (await oracle.answer(one)).reason], ['Accepted', theirs]);
      await bothAccept(rest);
    });
  }
});

describe('the oracle’s trusted root comes by TUF alone', () => {
  const one: Case = { signature: v1() };
  const DOWNLOADS = ['/timestamp.json', '/1.snapshot.json', '/1.targets.json', '/targets/….trusted_root.json'];

  test('it reads all of a repository that is as it should be', async () => {
    assert.deepEqual(await oracle.through(one, {}), { reason: 'Accepted', text: '', asked: ['/2.root.json', ...DOWNLOADS] });
  });

  test('it follows the root to new keys that the old one signed for', async () => {
    assert.deepEqual(await oracle.through(one, { secondRoot: 'Signed' }), { reason: 'Accepted', text: '', asked: ['/2.root.json', '/3.root.json', ...DOWNLOADS] });
  });

  for (const [sentence, [faults, reason, text]] of Object.entries(UNTRUSTED)) {
    test(`it refuses ${sentence}`, async () => {
      const answer = await oracle.through(one, faults);
      assert.equal(answer.reason, reason, answer.text);
      assert.match(answer.text, text);
    });
  }
});

function changedLegacy(): LegacySignature {
  const { payload, annotations } = legacy();
  return { payload: Buffer.from(payload.toString().replaceAll('a1', 'b2')), annotations };
}
