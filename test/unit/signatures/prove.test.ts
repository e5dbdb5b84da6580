import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import type { Candidate, Proof, Requirement } from '../../../src/signatures/types.ts';
import { AT, asking, bundle, HOUR, IMAGE, ISSUER, keyOf, legacy, MINUTE, refused, release, SUBJECT, trust, world, YEAR } from '../../support/signatures.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const key = world.key();
const stranger = createWorld({ now: AT, name: 'stranger.test' });
const keyed = (difference: Partial<Requirement> = {}): Requirement => asking({ key: keyOf(key), ...difference });
const unlogged = keyed({ log: 'Ignored' });
const stamped = asking({ log: 'Ignored', timestamp: 'Required' });
const withoutTrust = ({ trust: _, ...rest }: Requirement): Requirement => rest;

const PROVEN: Record<string, [Candidate, Requirement, Partial<Proof>]> = {
  'a keyless legacy signature with a signed entry timestamp': [legacy(release), asking(), { logged: true, signedAt: AT }],
  'a keyless legacy signature with a timestamp instead of a log entry': [legacy(release, { log: 'none', timestamp: true }), stamped, { logged: false, signedAt: AT }],
  'a keyless legacy signature with both': [legacy(release, { timestamp: true }), asking({ timestamp: 'Required' }), { logged: true, signedAt: AT }],
  'a keyless bundle in Rekor v1': [bundle(release, { log: 'v1' }), asking(), { logged: true, signedAt: AT }],
  'a keyless bundle in Rekor v1 as intoto': [bundle(release, { log: 'v1', entryKind: 'intoto' }), asking(), { logged: true }],
  'a keyless bundle in Rekor v2 with a timestamp': [bundle(release), asking(), { logged: true, signedAt: AT }],
  'a keyless bundle in Rekor v2 as dsse': [bundle(release, { entryKind: 'dsse' }), asking(), { logged: true, signedAt: AT }],
  'a keyless bundle with a timestamp alone': [bundle(release, { log: 'none', timestamp: true }), stamped, { logged: false, signedAt: AT }],
  'a legacy signature by a key, without a log': [legacy(key, { log: 'none' }), withoutTrust(unlogged), { logged: false }],
  'a legacy signature by a key, in a log': [legacy(key), keyed(), { logged: true, signedAt: AT }],
  'a legacy signature by a key, logged as rekord': [legacy(key, { entryKind: 'rekord' }), keyed(), { logged: true }],
  'a bundle by a key, without a log': [bundle(key, { log: 'none' }), withoutTrust(unlogged), { logged: false }],
  'a bundle by a key, in Rekor v1': [bundle(key, { log: 'v1' }), keyed(), { logged: true }],
  'a bundle by a key, in Rekor v2 without a time': [bundle(key), keyed(), { logged: true }],
  'a keyless signature with a timestamp that nobody asked for and nobody trusts': [
    bundle(release, { log: 'v1', timestamp: true, services: { timestampAuthority: stranger.timestampAuthority } }),
    asking(),
    { signedAt: AT },
  ],
  'a certificate without an SCT where none is asked for': [legacy(release, { certificate: { ctLogs: [] } }), asking({ sct: 'Ignored' }), { logged: true }],
  'a certificate with an SCT of an unknown log beside one of a known': [
    legacy(release, { certificate: { ctLogs: [stranger.authority.ctLog, world.authority.ctLog] } }),
    asking(),
    { logged: true },
  ],
  'a signature in its certificate’s last second': [legacy(release, { loggedAt: AT + 10 * MINUTE }), asking(), { signedAt: AT + 10 * MINUTE }],
};

function holds(sentence: string, candidate: () => Candidate, requirement: Requirement): void {
  test(sentence, () => assert.deepEqual(prove(candidate(), requirement).digests, [IMAGE.digest]));
}

describe('is proven', () => {
  for (const [sentence, [candidate, requirement, expected]] of Object.entries(PROVEN)) {
    test(sentence, () => {
      const proof = prove(candidate, requirement);
      assert.deepEqual(proof.digests, [IMAGE.digest]);
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((field) => [field, proof[field as keyof Proof]])), expected);
      assert.equal(proof.signer.kind, requirement.key === undefined ? 'certificate' : 'key');
    });
  }

  for (const type of ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const) {
    const owner = world.key(type);
    const hash = type === 'P-384' ? 'sha384' : type === 'P-521' ? 'sha512' : 'sha256';
    holds(`a legacy signature by a ${type} key`, () => legacy(owner, { log: 'none' }), asking({ key: keyOf(owner), log: 'Ignored' }));
    // A log of digests takes no Ed25519 signature, which is over the whole message.
    const [entryKind, log] = type === 'Ed25519' ? (['rekord', 'v1'] as const) : (['hashedrekord', 'v2'] as const);
    holds(`a logged legacy signature by a ${type} key`, () => legacy(owner, { entryKind }), asking({ key: keyOf(owner) }));
    holds(`a bundle by a ${type} key with ${hash}`, () => bundle(owner, { log: 'none' }), asking({ key: keyOf(owner, hash), log: 'Ignored' }));
    holds(`a bundle by a ${type} key in Rekor ${log}`, () => bundle(owner, { log }), asking({ key: keyOf(owner, hash) }));
    const workflow = world.keyless({ subject: SUBJECT, issuer: ISSUER, keyType: type });
    holds(`a keyless legacy signature with a ${type} certificate`, () => legacy(workflow, { entryKind }), asking());
    holds(`a keyless bundle with a ${type} certificate`, () => bundle(workflow, { log }), asking());
  }

  for (const hash of ['sha384', 'sha512'] as const) {
    test(`a legacy signature with ${hash}, where the key says so`, () => {
      prove(legacy(key, { log: 'none', hash }), asking({ key: keyOf(key, hash), log: 'Ignored' }));
      refused(legacy(key, { log: 'none', hash }), unlogged, 'KeyMismatch');
    });
  }
});

function withSecondSubject(text: string): string {
  const statement = JSON.parse(text) as { subject: unknown[] };
  return JSON.stringify({ ...statement, subject: [...statement.subject, { name: 'b', digest: { sha256: 'b2'.repeat(32) }, annotations: { env: 'dev' } }] });
}

describe('what a proof says', () => {
  test('the signer, by issuer, subject and the claims of its certificate', () => {
    const { signer, certificate } = prove(legacy(release), asking());
    assert.equal(signer.kind, 'certificate');
    assert.deepEqual({ issuer: signer.issuer, subject: signer.subject, claims: signer.claims }, {
      issuer: ISSUER,
      subject: SUBJECT,
      claims: { githubWorkflowRef: 'refs/tags/v1', runnerEnvironment: 'github-hosted' },
    });
    assert.equal(certificate?.extensions['1.3.6.1.4.1.57264.1.6'], 'refs/tags/v1');
  });

  test('the key, by its id', () => {
    assert.deepEqual(prove(legacy(key), keyed()).signer, { kind: 'key', keyId: keyOf(key).keyId });
  });

  test('the repository, the type and the annotations of a legacy payload', () => {
    const { repository, type, annotations } = prove(legacy(key, { log: 'none', annotations: { env: 'prod' } }), unlogged);
    assert.deepEqual({ repository, type, annotations }, { repository: IMAGE.repository, type: 'cosign container image signature', annotations: { env: 'prod' } });
  });

  test('the annotations of a bundle’s only subject', () => {
    const { annotations, type } = prove(bundle(key, { log: 'none', annotations: { env: 'prod' } }), unlogged);
    assert.deepEqual({ type, annotations }, { type: 'https://sigstore.dev/cosign/sign/v1', annotations: { env: 'prod' } });
  });

  test('each of several subjects with its own annotations, and none for all', () => {
    const proof = prove(bundle(key, { log: 'none', annotations: { env: 'prod' }, payload: withSecondSubject }), unlogged);
    assert.deepEqual(proof.annotations, {});
    assert.equal(proof.repository, undefined);
    assert.deepEqual(proof.subjects.map(({ digest, annotations }) => [digest, annotations]), [
      [IMAGE.digest, { env: 'prod' }],
      [`sha256:${'b2'.repeat(32)}`, { env: 'dev' }],
    ]);
  });
});

function cosign(difference: Partial<Requirement> = {}): Requirement {
  return asking({ profile: COSIGN, ...difference });
}

describe('the cosign profile', () => {
  test('judges a certificate by the clock where no time is had', () => {
    const candidate = legacy(release, { log: 'none' });
    prove(candidate, cosign({ log: 'Ignored', now: AT + MINUTE }));
    refused(candidate, cosign({ log: 'Ignored', now: AT + HOUR }), 'CertificateInvalid', /is valid from/);
  });

  test('does not look at timestamps that nobody asked for', () => {
    refused(bundle(release, { log: 'none', timestamp: true }), cosign({ log: 'Ignored', now: AT + YEAR }), 'CertificateInvalid', /is valid from/);
  });

  test('lets a legacy signature pass without the timestamp that was asked for, and a bundle not', () => {
    prove(legacy(release), cosign({ timestamp: 'Required' }));
    refused(bundle(release, { log: 'v1' }), cosign({ timestamp: 'Required' }), 'TimestampInvalid', /no timestamp/);
  });

  test('takes an attestation for a signature', () => {
    assert.equal(prove(bundle(release, { predicateType: 'https://slsa.dev/provenance/v1' }), cosign()).type, 'https://slsa.dev/provenance/v1');
  });

  test('does not know bundles older than v0.3', () => {
    const old = bundle(release, { log: 'v1' }, (one) => ({ ...one, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }));
    prove(old, asking());
    refused(old, cosign(), 'SignatureInvalid', /media type/);
  });

  test('lists every name of a certificate for a legacy signature', () => {
    assert.equal(trust.authorities.length, 1);
    const { certificate } = prove(legacy(release), cosign());
    assert.deepEqual(certificate?.subjects, [SUBJECT]);
  });
});
