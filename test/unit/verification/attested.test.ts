import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RegistryError } from '../../../src/registry/types.ts';
import type { Proof, SignatureErrorCode } from '../../../src/signatures/types.ts';
import type { Evidence } from '../../../src/verification/evidence-types.ts';
import type { Judgement, PredicateTask } from '../../../src/verification/judge.ts';
import { judge } from '../../../src/verification/judge.ts';
import type { PredicateAnswer } from '../../../src/verification/predicate.ts';
import type { CompiledAttestation, CompiledAuthority } from '../../../src/verification/types.ts';
import { bySubject, byKey, candidate, facts, HOUR, keyed, keyless, NOW, OTHER_DIGEST, policy, proof, proves, SUBJECT } from './builders.ts';

const SLSA = 'https://slsa.dev/provenance/v1';
const SBOM = 'https://spdx.dev/Document';
const provenance: CompiledAttestation = { name: 'provenance', predicateType: SLSA, match: 'Any', cel: 'predicate.good' };
const sbom: CompiledAttestation = { name: 'sbom', predicateType: SBOM, match: 'Any' };
const wanting = (...attestations: CompiledAttestation[]): CompiledAuthority => keyless('ci', { attestations });
const states = (type: string, difference: Parameters<typeof proof>[0] = {}): Proof => proof({ ...difference, type });
const at = (signedAt: number): Proof => states(SLSA, { signedAt });
const OUTAGE = new RegistryError('Unavailable', 'registry.example does not answer');

interface Case {
  /** What each statement, by name, proves; those whose name begins with `good` satisfy every expression. */
  readonly statements: Record<string, Proof | SignatureErrorCode>;
  readonly authorities?: readonly CompiledAuthority[];
  readonly threshold?: number;
  readonly beside?: Partial<Evidence>;
  readonly format?: 'bundle' | 'legacy-attestation' | 'legacy';
}

const asked: string[] = [];

function satisfies({ candidate: { location } }: PredicateTask): PredicateAnswer {
  asked.push(location);
  return location.includes(', good') ? { satisfied: true } : { satisfied: false, why: 'it is false' };
}

function judged({ statements, authorities = [wanting(provenance)], threshold = 1, beside = {}, format = 'bundle' }: Case): Judgement {
  asked.length = 0;
  const candidates = Object.keys(statements).map((name) => candidate(name, format));
  return judge(policy(authorities, { threshold }), facts(candidates, beside), proves(statements), satisfies);
}

const VERIFIED: Record<string, Case> = {
  'a statement that satisfies its expression': { statements: { good: states(SLSA) } },
  'a legacy attestation': { statements: { good: states(SLSA) }, format: 'legacy-attestation' },
  'a statement, where none is asked for more than to be there': { statements: { plain: states(SBOM) }, authorities: [wanting(sbom)] },
  'Any: one of two': { statements: { bad: states(SLSA), good: states(SLSA) } },
  'Any: one, while a look-up failed': { statements: { good: states(SLSA) }, beside: { failures: [OUTAGE] } },
  'Any: one, beside statements of somebody else': { statements: { bad: states(SLSA, bySubject('mallory')), good: states(SLSA) } },
  'All: all of two': { statements: { good: states(SLSA), good2: states(SLSA) }, authorities: [wanting({ ...provenance, match: 'All' })] },
  'All: beside what is no signature': {
    statements: { good: states(SLSA) },
    authorities: [wanting({ ...provenance, match: 'All' })],
    beside: { defects: [{ location: 'x', reason: 'SignatureInvalid', message: 'it has no signature' }] },
  },
  'All: whatever somebody else states': { statements: { good: states(SLSA), bad: states(SLSA, bySubject('mallory')) }, authorities: [wanting({ ...provenance, match: 'All' })] },
  'All: of this type': { statements: { good: states(SLSA), other: states(SBOM) }, authorities: [wanting({ ...provenance, match: 'All' })] },
  'Newest: the newest, though an older one says otherwise': { statements: { bad: at(NOW - 2 * HOUR), good: at(NOW - HOUR) }, authorities: [wanting({ ...provenance, match: 'Newest' })] },
  'each of two demands': { statements: { good: states(SLSA), plain: states(SBOM) }, authorities: [wanting(provenance, sbom)] },
  'an authority of keys': { statements: { good: byKey('alice', { type: SLSA }) }, authorities: [keyed('release', ['alice'], { attestations: [provenance] })] },
  'another authority, by its plain signature': {
    statements: { sign: proof({ type: 'https://sigstore.dev/cosign/sign/v1' }) },
    authorities: [wanting(provenance), keyless('plain')],
  },
  'two authorities by two signers': {
    statements: { good: states(SLSA), good2: byKey('alice', { type: SLSA }) },
    authorities: [wanting(provenance), keyed('release', ['alice'], { attestations: [provenance] })],
    threshold: 2,
  },
};

describe('is verified by', () => {
  for (const [sentence, one] of Object.entries(VERIFIED)) {
    test(sentence, () => {
      const { result, reason, message } = judged(one);
      assert.deepEqual([result, reason], ['Verified', 'SignatureValid'], message);
    });
  }
});

const both = [keyless('one', { attestations: [provenance] }), keyless('two', { attestations: [sbom] })];

const REFUSED: Record<string, [Case, Judgement['result'], Judgement['reason'], RegExp]> = {
  'nothing at all': [{ statements: {} }, 'Failed', 'AttestationMissing', /authority "ci" wants an attestation "provenance" of type "https:\/\/slsa\.dev\/provenance\/v1", and there is none; attest it/],
  'a statement of another type, which is named': [{ statements: { good: states(SBOM) } }, 'Failed', 'AttestationMissing', /only others were found: "https:\/\/spdx\.dev\/Document"/],
  'a statement of another type, which was not even read': [{ statements: {}, beside: { otherTypes: ['https://example.com/x'] } }, 'Failed', 'AttestationMissing', /only others were found: "https:\/\/example\.com\/x"/],
  'a statement by somebody else': [{ statements: { good: states(SLSA, bySubject('mallory')) } }, 'Failed', 'AttestationMissing', /none counts: it is signed by "mallory".*wants subject/],
  'a statement that proves nothing': [{ statements: { good: 'SignatureInvalid' } }, 'Failed', 'AttestationMissing', /none counts: authority "ci": the text of SignatureInvalid/],
  'a statement about another image': [{ statements: { good: states(SLSA, { digest: OTHER_DIGEST }) } }, 'Failed', 'AttestationMissing', /made for sha256:/],
  'a statement that is too old': [
    { statements: { good: at(NOW - 2 * HOUR) }, authorities: [keyless('ci', { attestations: [provenance], maxAge: HOUR })] },
    'Failed',
    'AttestationMissing',
    /made at/,
  ],
  'a plain signature': [{ statements: { good: proof() }, format: 'legacy' }, 'Failed', 'AttestationMissing', /there is none/],
  'an expression that is not satisfied': [
    { statements: { bad: states(SLSA) } },
    'Failed',
    'AttestationRejected',
    /^the attestation "provenance" by ".*release\.yml.*" .* is not what authority "ci" wants: it is false of "predicate\.good"; make the attestation/,
  ],
  'Any: none of two': [{ statements: { bad: states(SLSA), bad2: states(SLSA) } }, 'Failed', 'AttestationRejected', /each of 2/],
  'All: one of two': [
    { statements: { good: states(SLSA), bad: states(SLSA) }, authorities: [wanting({ ...provenance, match: 'All' })] },
    'Failed',
    'AttestationRejected',
    /All must satisfy it, and 1 of 2 do not/,
  ],
  'All: while a look-up failed': [
    { statements: { good: states(SLSA) }, authorities: [wanting({ ...provenance, match: 'All' })], beside: { failures: [OUTAGE] } },
    'Unknown',
    'RegistryUnavailable',
    /does not answer/,
  ],
  'All: while some were not looked at': [
    { statements: { good: states(SLSA) }, authorities: [wanting({ ...provenance, match: 'All' })], beside: { omitted: 1 } },
    'Failed',
    'LimitExceeded',
    /not looked at/,
  ],
  'All: while one was too large to be looked at': [
    { statements: { good: states(SLSA) }, authorities: [wanting({ ...provenance, match: 'All' })], beside: { defects: [{ location: 'x', reason: 'LimitExceeded', message: 'too large', unread: true }] } },
    'Failed',
    'LimitExceeded',
    /not all of them could be looked at/,
  ],
  'Newest: while the registry does not have one that it lists': [
    { statements: { good: at(NOW - HOUR) }, authorities: [wanting({ ...provenance, match: 'Newest' })], beside: { defects: [{ location: 'x', reason: 'SignatureInvalid', message: 'the registry does not have it', unread: true }] } },
    'Failed',
    'AttestationRejected',
    /not all of them could be looked at, and Newest of them must satisfy it: the registry does not have it/,
  ],
  'All: while the registry does not have one that it lists': [
    { statements: { good: states(SLSA) }, authorities: [wanting({ ...provenance, match: 'All' })], beside: { defects: [{ location: 'x', reason: 'SignatureInvalid', message: 'gone', unread: true }] } },
    'Failed',
    'AttestationRejected',
    /not all of them/,
  ],
  'Newest: an older one only': [
    { statements: { good: at(NOW - 2 * HOUR), bad: at(NOW - HOUR) }, authorities: [wanting({ ...provenance, match: 'Newest' })] },
    'Failed',
    'AttestationRejected',
    /it is the newest/,
  ],
  'Newest: one of two of the same moment': [
    { statements: { good: at(NOW - HOUR), bad: at(NOW - HOUR) }, authorities: [wanting({ ...provenance, match: 'Newest' })] },
    'Failed',
    'AttestationRejected',
    /Newest must satisfy it, and 1 of 2/,
  ],
  'Newest: no authenticated time': [
    { statements: { good: withoutTime() }, authorities: [wanting({ ...provenance, match: 'Newest' })] },
    'Failed',
    'AttestationRejected',
    /the newest is not known/,
  ],
  'one of two demands': [{ statements: { good: states(SLSA) }, authorities: [wanting(provenance, sbom)] }, 'Failed', 'AttestationMissing', /"sbom"/],
  'nothing, while a look-up failed': [{ statements: {}, beside: { failures: [OUTAGE] } }, 'Unknown', 'RegistryUnavailable', /does not answer/],
  'statements that cannot be judged for lack of trust': [{ statements: { good: 'TrustRootUnavailable' } }, 'Unknown', 'TrustRootUnavailable', /text of TrustRoot/],
  'an attestation, where a plain signature is wanted': [{ statements: { good: states(SLSA) }, authorities: [keyless('plain')] }, 'Failed', 'NoSignature', /an attestation is not a signature/],
  'a legacy attestation, where a plain signature is wanted': [
    { statements: { good: states('https://sigstore.dev/cosign/sign/v1') }, authorities: [keyless('plain')], format: 'legacy-attestation' },
    'Failed',
    'NoSignature',
    /no signature of/,
  ],
  'two authorities by one signer': [{ statements: { good: states(SLSA), plain: states(SBOM) }, authorities: both, threshold: 2 }, 'Failed', 'ThresholdNotMet', /only "one" did/],
  'two authorities, of which one takes the signers of both': [
    {
      statements: { good: states(SLSA), plain: states(SBOM, bySubject('bob')) },
      authorities: [
        keyless('one', { identities: either(), attestations: [provenance, sbom] }),
        keyless('two', { identities: [{ issuer: { pattern: '.' }, subject: { exact: 'bob' }, claims: {} }], attestations: [sbom] }),
      ],
      threshold: 2,
    },
    'Failed',
    'ThresholdNotMet',
    /each a signer of its own/,
  ],
};

function withoutTime(): Proof {
  const { signedAt: _, ...rest } = states(SLSA);
  return rest;
}

function either(): CompiledAuthority['identities'] {
  return [
    { issuer: { pattern: '.' }, subject: { exact: SUBJECT }, claims: {} },
    { issuer: { pattern: '.' }, subject: { exact: 'bob' }, claims: {} },
  ];
}

describe('is not verified by', () => {
  for (const [sentence, [one, result, reason, text]] of Object.entries(REFUSED)) {
    test(sentence, () => {
      const judgement = judged(one);
      assert.deepEqual([judgement.result, judgement.reason], [result, reason], judgement.message);
      assert.match(judgement.message, text);
      assert.ok(judgement.message.length <= 512);
    });
  }
});

test('an expression is asked about statements of its type by the right signer only', () => {
  judged({ statements: { mallory: states(SLSA, bySubject('mallory')), other: states(SBOM), elsewhere: states(SLSA, { digest: OTHER_DIGEST }), broken: 'SignatureInvalid', good: states(SLSA) } });
  assert.deepEqual(asked.map((location) => location.split(', ')[1]), ['good']);
});

test('what is told of an evaluation cannot break the sentence', () => {
  const judgement = judge(policy([wanting(provenance)]), facts([candidate('bad', 'bundle')]), proves({ bad: states(SLSA) }), () => ({ satisfied: false, why: 'no such\nkey: "\u001b[31m' }));
  assert.doesNotMatch(judgement.message, /\p{Cc}/u);
});

test('who attested, and until when that counts', () => {
  const authority = keyless('ci', { attestations: [provenance, sbom], maxAge: 5 * HOUR });
  const { message, signedAt, expiresAt, signer } = judged({ statements: { good: at(NOW - HOUR), plain: states(SBOM, { signedAt: NOW - 3 * HOUR }) }, authorities: [authority] });
  assert.match(message, /^attested by ".*release\.yml/);
  assert.deepEqual([signedAt, expiresAt, signer?.kind], [NOW - HOUR, NOW + 2 * HOUR, 'certificate']);
});
