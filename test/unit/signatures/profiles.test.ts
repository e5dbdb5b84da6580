import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { SignatureError } from '../../../src/signatures/types.ts';
import type { Candidate, Limits, Profile, Requirement } from '../../../src/signatures/types.ts';
import { asking, AT, bundle, found, IMAGE, ISSUER, keyOf, legacy, MINUTE, outcome, release, SUBJECT, trusting, world, YEAR } from '../../support/signatures.ts';
import { certificateFaults, issueLeaf } from '../../support/sigstore/authority.ts';
import { flip } from '../../support/sigstore/flip.ts';
import { certificatePem, generateKey } from '../../support/sigstore/keys.ts';
import type { LogEntry } from '../../support/sigstore/log.ts';
import type { Bundle } from '../../support/sigstore/sign.ts';

type Field = Exclude<keyof Profile, 'name' | 'limits'>;

const key = world.key();
const keyed: Partial<Requirement> = { key: keyOf(key) };
const rsa = world.key('RSA-2048');
const unlogged: Partial<Requirement> = { ...keyed, log: 'Ignored' };
const endedLogs = trusting(world.trustedRoot({ periods: { tlogs: { start: '2020-01-01T00:00:00Z', end: new Date(AT + MINUTE).toISOString() } } }));

/** A bundle's log entries after an edit. */
function entries(edit: (entries: Record<string, unknown>[]) => unknown): (bundle: Bundle) => unknown {
  return (one) => ({ ...one, verificationMaterial: { ...one.verificationMaterial, tlogEntries: edit(one.verificationMaterial.tlogEntries ?? []) } });
}

/** A signature by the key that carries a certificate for another. */
function withOtherCertificate(): Candidate {
  const { payload, annotations } = world.legacySignature(key, IMAGE, { log: 'none' });
  const der = issueLeaf(world.authority, { subject: SUBJECT, issuer: ISSUER, spki: generateKey('P-256').spki, at: AT });
  return found({ payload, annotations: { ...annotations, 'dev.sigstore.cosign/certificate': certificatePem(der) } });
}

function twiceSigned(): Candidate {
  const { payload, annotations } = world.legacyAttestation(key, IMAGE, { log: 'none', predicateType: 'https://example.com/x' });
  const envelope = JSON.parse(payload.toString()) as { signatures: unknown[] };
  const bytes = Buffer.from(JSON.stringify({ ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] }));
  return { format: 'legacy-attestation', location: 'x', envelope: bytes, annotations };
}

/** In the log twice, as what it is and as something else; the first promise does not hold. RSA makes the same signature each time. */
function twiceLogged(): Candidate {
  const { verificationMaterial: { tlogEntries: others = [] } } = world.bundle(rsa, IMAGE, { log: 'v1', entryKind: 'intoto' });
  const broken = { log: 'v1', entry: (entry: LogEntry) => ({ ...entry, promise: flip(entry.promise ?? Buffer.alloc(0)) }) } as const;
  return bundle(rsa, broken, entries((list) => [...list, ...others]));
}

function namingItsKey(one: Bundle): Bundle {
  const { dsseEnvelope } = one;
  return { ...one, ...(dsseEnvelope && { dsseEnvelope: { ...dsseEnvelope, signatures: dsseEnvelope.signatures.map(({ sig }) => ({ sig, keyid: 'me' })) } }) };
}

/** For each field in which the two profiles differ: something that one takes and the other does not, for this field alone. */
const DIFFERENCES: Record<Field, { readonly taken: 'operator' | 'cosign'; readonly candidate: Candidate; readonly asked?: Partial<Requirement> }> = {
  bundleMediaTypes: { taken: 'operator', candidate: bundle(release, { log: 'v1' }, (one) => ({ ...one, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' })) },
  predicateTypes: { taken: 'cosign', candidate: bundle(release, { predicateType: 'https://example.com/x' }) },
  strictJson: { taken: 'cosign', candidate: legacy(key, { log: 'none', payload: (text) => text.replace('{"critical"', '{"critical":{},"critical"') }), asked: unlogged },
  singleName: { taken: 'cosign', candidate: legacy(release, { certificate: { shape: certificateFaults.twoSubjects } }) },
  proofKeyValidity: { taken: 'cosign', candidate: bundle(key), asked: { ...keyed, trust: endedLogs } },
  clockWithoutTime: { taken: 'cosign', candidate: legacy(release, { log: 'none', timestamp: false }), asked: { log: 'Ignored', now: AT + MINUTE } },
  unaskedTimestamps: { taken: 'operator', candidate: bundle(release, { log: 'none', timestamp: true }), asked: { log: 'Ignored' } },
  legacyTimestampMayBeAbsent: { taken: 'cosign', candidate: legacy(release), asked: { timestamp: 'Required' } },
  duplicateLogEntries: { taken: 'operator', candidate: bundle(release, { log: 'v1' }, entries((list) => [...list, ...list])) },
  entryHints: { taken: 'cosign', candidate: bundle(release, { log: 'v1' }, entries((list) => list.map((entry) => ({ ...entry, kindVersion: { kind: 'intoto', version: '0.0.2' } })))) },
  unprovenPromise: { taken: 'cosign', candidate: twiceLogged(), asked: { key: keyOf(rsa) } },
  otherCertificate: { taken: 'cosign', candidate: withOtherCertificate(), asked: { ...unlogged, now: AT + MINUTE } },
  statementMembers: { taken: 'operator', candidate: bundle(release, { payload: (text) => text.replace('{"_type"', '{"more":1,"_type"') }) },
  envelopeKeyId: { taken: 'operator', candidate: bundle(release, { log: 'v1' }, namingItsKey) },
  tileEnvelopes: { taken: 'operator', candidate: bundle(release, { entryKind: 'dsse' }) },
  oneEnvelopeSignature: { taken: 'cosign', candidate: twiceSigned(), asked: { ...unlogged, wants: 'Attestation' } },
  hashedEnvelopes: { taken: 'cosign', candidate: legacy(key), asked: keyed },
};

/** Neither profile has it; the client of the conformance suite does. */
const NEITHER: readonly Field[] = ['hashedEnvelopes'];

const takes = (profile: Profile, candidate: Candidate, asked: Partial<Requirement> = {}): boolean => !(outcome(candidate, asking({ now: AT + YEAR, ...asked, profile })) instanceof SignatureError);

test('the table has every field in which the profiles differ', () => {
  const fields = new Set([...Object.keys(OPERATOR), ...Object.keys(COSIGN)]) as Set<keyof Profile>;
  const differing = [...fields].filter((field) => field !== 'name' && field !== 'limits' && JSON.stringify(OPERATOR[field]) !== JSON.stringify(COSIGN[field]));
  assert.deepEqual(new Set(differing), new Set(Object.keys(DIFFERENCES).filter((field) => !NEITHER.includes(field as Field))));
  assert.ok(Object.isFrozen(OPERATOR) && Object.isFrozen(COSIGN) && Object.isFrozen(OPERATOR.limits) && Object.isFrozen(COSIGN.limits));
});

describe('for this field alone the answers differ:', () => {
  for (const [name, { taken, candidate, asked }] of Object.entries(DIFFERENCES)) {
    const field = name as Field;
    if (NEITHER.includes(field)) continue;
    test(`${field}, with which ${taken === 'cosign' ? 'cosign takes what the operator does not' : 'the operator takes what cosign does not'}`, () => {
      const { [field]: ours, ...rest } = OPERATOR;
      const theirs = COSIGN[field];
      const asCosign = { ...rest, ...(theirs === undefined ? {} : { [field]: theirs }) } as Profile;
      assert.notDeepEqual(ours, theirs);
      assert.deepEqual([takes(OPERATOR, candidate, asked), takes(asCosign, candidate, asked)], taken === 'cosign' ? [false, true] : [true, false]);
    });
  }
});

test('no limit of the operator is above cosign’s', () => {
  for (const name of Object.keys(OPERATOR.limits) as (keyof Limits)[]) assert.ok(OPERATOR.limits[name] <= COSIGN.limits[name], name);
});
