import assert from 'node:assert/strict';
import test from 'node:test';
import type { Reason, Result } from '../../../src/api/reasons.ts';
import { RegistryError } from '../../../src/registry/types.ts';
import type { Candidate, Proof, SignatureErrorCode } from '../../../src/signatures/types.ts';
import type { Evidence } from '../../../src/verification/evidence-types.ts';
import { judge } from '../../../src/verification/judge.ts';
import type { JudgingPolicy } from '../../../src/verification/types.ts';
import * as make from './builders.ts';

interface Case {
  readonly policy: JudgingPolicy;
  /** What each signature proves; in this order. */
  readonly signatures?: Readonly<Record<string, Proof | SignatureErrorCode | readonly Proof[]>>;
  readonly bundles?: readonly string[];
  readonly evidence?: Partial<Evidence>;
  readonly result: Result;
  readonly reason: Reason;
  /** What the message has to name. */
  readonly says?: readonly (string | RegExp)[];
  readonly authority?: string;
}

const ci = make.policy([make.keyless('ci')]);
const release = make.policy([make.keyed('release', ['a'])]);
const identity = (difference: object): JudgingPolicy =>
  make.policy([make.keyless('ci', { identities: [{ issuer: { exact: make.ISSUER }, subject: { exact: make.SUBJECT }, claims: {}, ...difference }] })]);
const two = (...authorities: JudgingPolicy['authorities']): JudgingPolicy => make.policy(authorities, { threshold: 2 });
const mallory = make.bySubject('mallory@example.test');
const attestation = make.proof({ type: 'https://slsa.dev/provenance/v1' });

const cases: Readonly<Record<string, Case>> = {
  'one good signature verifies, and its signer and time are told': {
    policy: ci,
    signatures: { good: make.proof() },
    result: 'Verified',
    reason: 'SignatureValid',
    says: [make.SUBJECT, make.ISSUER, '"ci"'],
    authority: 'ci',
  },
  'a signature by the key of an authority verifies': {
    policy: release,
    signatures: { good: make.byKey('a') },
    result: 'Verified',
    reason: 'SignatureValid',
    says: [make.key('a').keyId],
  },
  'any key of an authority is enough': { policy: make.policy([make.keyed('release', ['a', 'b'])]), signatures: { good: make.byKey('b') }, result: 'Verified', reason: 'SignatureValid' },
  'any good signature among bad ones is enough': {
    policy: ci,
    signatures: { bad: 'SignatureInvalid', other: mallory, good: make.proof() },
    result: 'Verified',
    reason: 'SignatureValid',
  },
  'any authority is enough when one is asked for': {
    policy: make.policy([make.keyed('release', ['a']), make.keyless('ci')]),
    signatures: { good: make.proof() },
    result: 'Verified',
    reason: 'SignatureValid',
    authority: 'ci',
  },
  'no signature is a refusal that says how to sign': {
    policy: ci,
    result: 'Failed',
    reason: 'NoSignature',
    says: [`cosign sign registry.example/acme/web@${make.DIGEST}`],
  },
  'an attestation bundle is not a signature': { policy: ci, signatures: { bundle: attestation }, bundles: ['bundle'], result: 'Failed', reason: 'NoSignature', says: ['1 attestation'] },
  'attestations that were not even fetched are told': { policy: ci, evidence: { attestations: 3 }, result: 'Failed', reason: 'NoSignature', says: ['3 attestations'] },
  'a legacy payload of another type is not a signature of an image': {
    policy: ci,
    signatures: { odd: make.proof({ type: 'something else' }) },
    result: 'Failed',
    reason: 'NoSignature',
  },
  'a bundle by cosign sign verifies': { policy: ci, signatures: { bundle: make.proof({ type: 'https://sigstore.dev/cosign/sign/v1' }) }, bundles: ['bundle'], result: 'Verified', reason: 'SignatureValid' },
  'the type of a legacy signature does not make a bundle one': { policy: ci, signatures: { bundle: make.proof() }, bundles: ['bundle'], result: 'Failed', reason: 'NoSignature' },
  'a signature of another digest does not count, and both are told': {
    policy: ci,
    signatures: { moved: make.proof({ digest: make.OTHER_DIGEST }) },
    result: 'Failed',
    reason: 'DigestMismatch',
    says: [make.DIGEST, make.OTHER_DIGEST],
  },
  'a signature without any subject does not count': { policy: ci, signatures: { empty: make.proof({ subjects: [], digests: [] }) }, result: 'Failed', reason: 'DigestMismatch' },
  'the wrong signer is told together with the wanted one': {
    policy: ci,
    signatures: { other: mallory },
    result: 'Failed',
    reason: 'IdentityMismatch',
    says: ['mallory@example.test', make.SUBJECT, make.ISSUER, '"ci"'],
  },
  'the right subject of another issuer does not count': { policy: identity({ issuer: { exact: 'https://other.example' } }), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch', says: ['https://other.example'] },
  'an exact subject is not a prefix': { policy: identity({ subject: { exact: make.SUBJECT.slice(0, -1) } }), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch' },
  'an exact subject is not a pattern': { policy: identity({ subject: { exact: '.*' } }), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch' },
  'a pattern is searched anywhere in the subject, as cosign does': { policy: identity({ subject: { pattern: 'acme/web' } }), signatures: { one: make.proof() }, result: 'Verified', reason: 'SignatureValid' },
  'an anchored pattern has to match from the start': { policy: identity({ subject: { pattern: '^acme/web' } }), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch', says: ['^acme/web'] },
  'a pattern for the issuer is a pattern too': { policy: identity({ issuer: { pattern: '^https://token' } }), signatures: { one: make.proof() }, result: 'Verified', reason: 'SignatureValid' },
  'any of several identities is enough': {
    policy: make.policy([make.keyless('ci', { identities: ['x@example.test', make.SUBJECT].map((exact) => ({ issuer: { exact: make.ISSUER }, subject: { exact }, claims: {} })) })]),
    signatures: { one: make.proof() },
    result: 'Verified',
    reason: 'SignatureValid',
  },
  'issuer and subject of two different identities do not make one': {
    policy: make.policy([
      make.keyless('ci', {
        identities: [
          { issuer: { exact: make.ISSUER }, subject: { exact: 'x@example.test' }, claims: {} },
          { issuer: { exact: 'https://other.example' }, subject: { exact: make.SUBJECT }, claims: {} },
        ],
      }),
    ]),
    signatures: { one: make.proof() },
    result: 'Failed',
    reason: 'IdentityMismatch',
    says: ['or 1 other'],
  },
  'every claim has to have exactly the wanted value': {
    policy: identity({ claims: { runnerEnvironment: 'github-hosted' } }),
    signatures: { one: make.bySubject(make.SUBJECT, { runnerEnvironment: 'self-hosted' }) },
    result: 'Failed',
    reason: 'IdentityMismatch',
    says: ['runnerEnvironment', 'self-hosted', 'github-hosted'],
  },
  'a claim that the certificate does not have is a mismatch': { policy: identity({ claims: { runnerEnvironment: 'github-hosted' } }), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch', says: ['no value'] },
  'a claim named like a member of every object is not had by all': { policy: identity({ claims: { toString: 'x' } }), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch' },
  'claims that fit verify': { policy: identity({ claims: { runnerEnvironment: 'github-hosted' } }), signatures: { one: make.bySubject(make.SUBJECT, { runnerEnvironment: 'github-hosted' }) }, result: 'Verified', reason: 'SignatureValid' },
  'a keyless authority without identities accepts nobody': { policy: make.policy([make.keyless('ci', { identities: [] })]), signatures: { one: make.proof() }, result: 'Failed', reason: 'IdentityMismatch' },
  'a key authority without keys accepts nobody': { policy: make.policy([make.keyed('release', [])]), signatures: { one: make.byKey('a') }, result: 'Failed', reason: 'KeyMismatch' },
  'a signature by another key names both': { policy: release, signatures: { one: make.byKey('b') }, result: 'Failed', reason: 'KeyMismatch', says: ['not signed by that key'] },
  'a proof by a key that the authority does not have is not believed': {
    policy: make.policy([make.keyless('ci')]),
    signatures: { one: { ...make.proof(), signer: { kind: 'key', keyId: make.key('a').keyId } } },
    result: 'Failed',
    reason: 'KeyMismatch',
  },
  'an annotation that is not signed is a mismatch': {
    policy: make.policy([make.keyless('ci', { annotations: { env: 'prod' } })]),
    signatures: { one: make.proof() },
    result: 'Failed',
    reason: 'AnnotationMismatch',
    says: ['"env"', '"prod"'],
  },
  'an annotation with another value is a mismatch': {
    policy: make.policy([make.keyless('ci', { annotations: { env: 'prod' } })]),
    signatures: { one: make.proof({ annotations: { env: 'dev' } }) },
    result: 'Failed',
    reason: 'AnnotationMismatch',
    says: [/dev/, '"prod"'],
  },
  'a number is not the string of its digits': { policy: make.policy([make.keyless('ci', { annotations: { n: '1' } })]), signatures: { one: make.proof({ annotations: { n: 1 } }) }, result: 'Failed', reason: 'AnnotationMismatch' },
  'every annotation has to be there': {
    policy: make.policy([make.keyless('ci', { annotations: { env: 'prod', team: 'x' } })]),
    signatures: { one: make.proof({ annotations: { env: 'prod' } }) },
    result: 'Failed',
    reason: 'AnnotationMismatch',
    says: ['"team"'],
  },
  'annotations that fit verify': { policy: make.policy([make.keyless('ci', { annotations: { env: 'prod' } })]), signatures: { one: make.proof({ annotations: { env: 'prod', more: 1 } }) }, result: 'Verified', reason: 'SignatureValid' },
  'annotations of another subject in one statement do not count': {
    policy: make.policy([make.keyless('ci', { annotations: { env: 'prod' } })]),
    signatures: {
      one: make.proof({
        subjects: [
          { digest: make.OTHER_DIGEST, annotations: { env: 'prod' } },
          { digest: make.DIGEST, annotations: {} },
        ],
      }),
    },
    result: 'Failed',
    reason: 'AnnotationMismatch',
  },
  'a signature from before notBefore is too old': {
    policy: make.policy([make.keyless('ci', { notBefore: make.NOW })]),
    signatures: { one: make.proof() },
    result: 'Failed',
    reason: 'SignatureTooOld',
    says: ['2026-11-22T11:00:00.000Z', '2026-11-22T12:00:00.000Z'],
  },
  'a signature older than maxAge is too old': { policy: make.policy([make.keyless('ci', { maxAge: make.HOUR - 1 })]), signatures: { one: make.proof() }, result: 'Failed', reason: 'SignatureTooOld' },
  'a signature as old as maxAge is not': { policy: make.policy([make.keyless('ci', { maxAge: make.HOUR })]), signatures: { one: make.proof() }, result: 'Verified', reason: 'SignatureValid' },
  'without an authenticated time nothing is recent': {
    policy: make.policy([make.keyed('release', ['a'], { maxAge: make.HOUR })]),
    signatures: { one: { ...make.byKey('a'), signedAt: undefined } as unknown as Proof },
    result: 'Failed',
    reason: 'SignatureTooOld',
    says: ['no authenticated time'],
  },
  'requireRepository refuses a signature made for another repository': {
    policy: make.policy([make.keyless('ci', { requireRepository: true })]),
    signatures: { one: make.proof({ name: 'registry.example/acme/other' }) },
    result: 'Failed',
    reason: 'DigestMismatch',
    says: ['registry.example/acme/other', 'registry.example/acme/web', 'requireRepository'],
  },
  'requireRepository refuses a signature that names none': { policy: make.policy([make.keyless('ci', { requireRepository: true })]), signatures: { one: make.proof() }, result: 'Failed', reason: 'DigestMismatch', says: ['names no repository'] },
  'requireRepository refuses a name that is none': { policy: make.policy([make.keyless('ci', { requireRepository: true })]), signatures: { one: make.proof({ name: 'REGISTRY//' }) }, result: 'Failed', reason: 'DigestMismatch' },
  'requireRepository takes any spelling of this repository': { policy: make.policy([make.keyless('ci', { requireRepository: true })]), signatures: { one: make.proof({ name: 'Registry.Example:443/acme/web:1.3' }) }, result: 'Verified', reason: 'SignatureValid' },
  'without requireRepository the name does not matter, as with cosign': { policy: ci, signatures: { one: make.proof({ name: 'registry.example/acme/other' }) }, result: 'Verified', reason: 'SignatureValid' },
  'of several misses the one that got furthest is told': {
    policy: make.policy([make.keyless('ci', { annotations: { env: 'prod' } })]),
    signatures: { a: 'SignatureInvalid', b: mallory, c: make.proof({ annotations: { env: 'dev' } }), d: 'NotLogged' },
    result: 'Failed',
    reason: 'AnnotationMismatch',
    says: ['web, c', 'closest of 4'],
  },
  'a real signature that misses is told before an attestation': { policy: ci, signatures: { a: attestation, b: 'SignatureInvalid' }, result: 'Failed', reason: 'SignatureInvalid', says: ['web, b'] },
  'the closest miss of all authorities is told': {
    policy: make.policy([make.keyed('release', ['a']), make.keyless('ci')]),
    signatures: { one: mallory },
    result: 'Failed',
    reason: 'IdentityMismatch',
    authority: 'ci',
  },
  'what cannot be read is a reason, not nothing': {
    policy: ci,
    evidence: { defects: [{ location: 'here', reason: 'SignatureInvalid', message: 'it has no content' }] },
    result: 'Failed',
    reason: 'SignatureInvalid',
    says: ['here', 'it has no content'],
  },
  'more signatures than are looked at is LimitExceeded, never NoSignature': { policy: ci, signatures: { one: mallory }, evidence: { omitted: 5 }, result: 'Failed', reason: 'LimitExceeded', says: ['5 more'] },
  'more signatures than are looked at do not matter when one counts': { policy: ci, signatures: { one: make.proof() }, evidence: { omitted: 5 }, result: 'Verified', reason: 'SignatureValid' },
  'a failed look-up is never "no signature"': { policy: ci, evidence: { failures: [new RegistryError('Throttled', 'x throttles')] }, result: 'Unknown', reason: 'RegistryThrottled', says: ['x throttles'] },
  'a failed look-up outweighs every miss': { policy: ci, signatures: { one: mallory }, evidence: { failures: [new RegistryError('Unavailable', 'x is down')] }, result: 'Unknown', reason: 'RegistryUnavailable' },
  'a failed look-up does not matter when another place has a good signature': { policy: ci, signatures: { one: make.proof() }, evidence: { failures: [new RegistryError('Unavailable', 'x is down')] }, result: 'Verified', reason: 'SignatureValid' },
  'a missing trust root is an outage, not a refusal': { policy: ci, signatures: { one: 'TrustRootUnavailable', two: mallory }, result: 'Unknown', reason: 'TrustRootUnavailable' },
  'each way in which a signature can fail has its reason': { policy: ci, signatures: { one: 'TimestampInvalid' }, result: 'Failed', reason: 'TimestampInvalid', says: ['the text of TimestampInvalid'] },
  'two authorities by two signers reach a threshold of two': {
    policy: two(make.keyed('release', ['a']), make.keyless('ci')),
    signatures: { one: make.byKey('a'), two: make.proof() },
    result: 'Verified',
    reason: 'SignatureValid',
    authority: 'release, ci',
  },
  'one of two is below the threshold, and who is missing is told': {
    policy: two(make.keyed('release', ['a']), make.keyless('ci')),
    signatures: { one: make.byKey('a'), two: mallory },
    result: 'Failed',
    reason: 'ThresholdNotMet',
    says: ['2 authorities', '"release"', 'mallory@example.test'],
  },
  'none of two is told as the closest miss': { policy: two(make.keyed('release', ['a']), make.keyless('ci')), signatures: { one: mallory }, result: 'Failed', reason: 'IdentityMismatch' },
  'one signer does not count for two authorities': {
    policy: two(make.keyless('ci'), make.keyless('same')),
    signatures: { one: make.proof(), two: make.proof() },
    result: 'Failed',
    reason: 'ThresholdNotMet',
  },
  'one signature does not count for a key and an identity': {
    policy: two(make.keyed('release', ['a']), make.keyless('ci')),
    signatures: { both: [make.byKey('a'), make.proof()] },
    result: 'Failed',
    reason: 'ThresholdNotMet',
  },
  'signers are assigned so that as many authorities as possible pass': {
    policy: two(make.keyed('any', ['a', 'b']), make.keyed('strict', ['a'])),
    signatures: { a: make.byKey('a'), b: make.byKey('b') },
    result: 'Verified',
    reason: 'SignatureValid',
    authority: 'any, strict',
  },
  'a policy without authorities verifies nothing': { policy: make.policy([]), signatures: { one: make.proof() }, result: 'Unknown', reason: 'PolicyInvalid' },
  'a threshold of none verifies nothing': { policy: make.policy([make.keyless('ci')], { threshold: 0 }), signatures: { one: make.proof() }, result: 'Unknown', reason: 'PolicyInvalid' },
  'a threshold above the number of authorities verifies nothing': { policy: make.policy([make.keyless('ci')], { threshold: 2 }), signatures: { one: make.proof() }, result: 'Unknown', reason: 'PolicyInvalid' },
  'a static pass is not a verification': { policy: make.policy([make.fixed('vendor', 'pass', 'checked elsewhere')]), result: 'Static', reason: 'StaticPass', says: ['checked elsewhere'] },
  'a static fail refuses': { policy: make.policy([make.fixed('vendor', 'fail', 'not allowed')]), signatures: { one: make.proof() }, result: 'Failed', reason: 'StaticFail', says: ['not allowed'] },
  'a static authority beside another judges nothing': { policy: make.policy([make.keyless('ci'), make.fixed('vendor', 'pass', 'x')]), signatures: { one: make.proof() }, result: 'Unknown', reason: 'PolicyInvalid' },
};

for (const [sentence, one] of Object.entries(cases)) {
  test(sentence, () => {
    const signatures = one.signatures ?? {};
    const candidates = Object.keys(signatures).map((name): Candidate => make.candidate(name, one.bundles?.includes(name) === true ? 'bundle' : 'legacy'));
    const found = judge(one.policy, make.facts(candidates, one.evidence), make.proves(signatures));
    assert.deepEqual([found.result, found.reason], [one.result, one.reason], found.message);
    if (one.authority !== undefined) assert.equal(found.authority, one.authority);
    for (const part of one.says ?? []) assert.match(found.message, typeof part === 'string' ? new RegExp(part.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')) : part);
    assert.ok(found.message.length > 0 && found.message.length <= 512 && !found.message.includes('\n'), found.message);
  });
}

test('a verified image has signer, time and the end that maxAge sets', () => {
  const found = judge(make.policy([make.keyless('ci', { maxAge: 2 * make.HOUR })]), make.facts([make.candidate('one')]), make.proves({ one: make.proof() }));
  assert.equal(found.signedAt, make.NOW - make.HOUR);
  assert.equal(found.expiresAt, make.NOW + make.HOUR);
  assert.equal(found.signer?.kind, 'certificate');
});

test('no more is proven than the answer needs', () => {
  const asked: string[] = [];
  const table = make.proves({ one: mallory, two: make.proof(), three: make.proof() });
  judge(ci, make.facts(['one', 'two', 'three'].map((name) => make.candidate(name))), (task) => {
    asked.push(task.candidate.location.split(', ')[1] ?? '');
    return table(task);
  });
  assert.deepEqual(asked, ['one', 'two']);
});

test('text that a signer chose can neither break the sentence nor fill it', () => {
  const evil = make.bySubject(`mallory\n"; all is well ${'x'.repeat(5000)}`);
  const { message } = judge(ci, make.facts([make.candidate('one')]), make.proves({ one: evil }));
  assert.ok(message.length <= 512 && !message.includes('\n'), message);
  assert.match(message, /; sign with that identity, or add the one that signed to the authority if it may \(registry\.example\/acme\/web, one\)$/);
});

test('where nothing was found in the sources of every authority, these are named, and how to sign there', () => {
  const source = { host: 'sigs.example', path: 'store', tagPrefix: '', pullSecrets: [] };
  const sourced = make.keyless('ci', { sources: [source] });
  const { message } = judge(make.policy([sourced]), make.facts([]), make.proves({}));
  assert.match(message, /was found in sigs\.example\/store; sign it with: COSIGN_REPOSITORY=sigs\.example\/store cosign sign registry\.example/);
  assert.doesNotMatch(judge(make.policy([sourced, make.keyless('other')]), make.facts([]), make.proves({})).message, /sigs\.example/);
});
