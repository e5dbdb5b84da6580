import { generateKeyPairSync } from 'node:crypto';
import { parseImageReference } from '../../../src/api/image-reference.ts';
import { digestOf } from '../../../src/base/digest.ts';
import type { Digest } from '../../../src/base/digest.ts';
import type { PublicKey } from '../../../src/signatures/public-key.ts';
import type { Candidate, Proof, SignatureErrorCode } from '../../../src/signatures/types.ts';
import { SignatureError } from '../../../src/signatures/types.ts';
import type { Evidence } from '../../../src/verification/evidence-types.ts';
import type { Facts, ProofAnswer, ProofTask } from '../../../src/verification/judge.ts';
import type { CompiledAuthority, JudgingPolicy } from '../../../src/verification/types.ts';

export const NOW = Date.parse('2026-11-22T12:00:00Z');
export const HOUR = 3_600_000;
export const DIGEST = digestOf('the image');
export const OTHER_DIGEST = digestOf('another image');
export const IMAGE = parseImageReference('registry.example/acme/web:1.4');
export const ISSUER = 'https://token.example';
export const SUBJECT = 'https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main';

/** A real key, the same for the same name. */
export function key(name: string): PublicKey {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const made: PublicKey = { key: publicKey, hashAlgorithm: 'sha256', keyId: digestOf(publicKey.export({ type: 'spki', format: 'der' })) };
  keys.set(name, made);
  return made;
}
const keys = new Map<string, PublicKey>();

/** A keyless authority that accepts {@link SUBJECT} of {@link ISSUER}; state the difference. */
export function keyless(name: string, difference: Partial<CompiledAuthority> = {}): CompiledAuthority {
  const identities = [{ issuer: { exact: ISSUER }, subject: { exact: SUBJECT }, claims: {} }];
  return { ...base(name), kind: 'keyless', identities, log: 'Required', sct: 'Required', ...difference };
}

/** An authority of these keys. */
export function keyed(name: string, keyNames: readonly string[], difference: Partial<CompiledAuthority> = {}): CompiledAuthority {
  return { ...base(name), kind: 'key', keys: keyNames.map(key), ...difference };
}

export function fixed(name: string, action: 'pass' | 'fail', message: string): CompiledAuthority {
  return { ...base(name), kind: 'static', static: { action, message } };
}

function base(name: string): CompiledAuthority {
  return {
    name,
    kind: 'key',
    keys: [],
    identities: [],
    log: 'Ignored',
    timestamp: 'NotAsked',
    sct: 'Ignored',
    annotations: {},
    requireRepository: false,
    attestations: [],
    sources: [],
    hash: digestOf(name),
  };
}

export function policy(authorities: readonly CompiledAuthority[], difference: Partial<JudgingPolicy> = {}): JudgingPolicy {
  return { key: { kind: 'ClusterImageVerification', name: 'p' }, authorities, threshold: 1, recheckInterval: 24 * HOUR, ...difference };
}

/** A signature, by name; what it proves is told by {@link proves}. */
export function candidate(name: string, format: Candidate['format'] = 'legacy'): Candidate {
  const location = `registry.example/acme/web, ${name}`;
  const bytes = Buffer.from(name);
  switch (format) {
    case 'bundle':
      return { format, location, bytes };
    case 'legacy':
      return { format, location, payload: bytes, annotations: {} };
    case 'legacy-attestation':
      return { format, location, envelope: bytes, annotations: {} };
    default:
      return format satisfies never;
  }
}

/** A proof for {@link DIGEST} by {@link SUBJECT}; state the difference. */
export function proof(difference: Partial<Proof> & { readonly digest?: Digest; readonly name?: string } = {}): Proof {
  const { digest = DIGEST, name, annotations = {}, ...rest } = difference;
  return {
    signer: { kind: 'certificate', issuer: ISSUER, subject: SUBJECT, claims: {}, certificate: digestOf('certificate') },
    digests: [digest],
    subjects: [{ digest, annotations, ...(name === undefined ? {} : { name }) }],
    annotations,
    signedAt: NOW - HOUR,
    logged: true,
    type: 'cosign container image signature',
    ...rest,
  };
}

export function byKey(name: string, difference: Parameters<typeof proof>[0] = {}): Proof {
  return proof({ signer: { kind: 'key', keyId: key(name).keyId }, ...difference });
}

export function bySubject(subject: string, claims: Record<string, string> = {}): Proof {
  return proof({ signer: { kind: 'certificate', issuer: ISSUER, subject, claims, certificate: digestOf(subject) } });
}

export function evidence(candidates: readonly Candidate[], difference: Partial<Evidence> = {}): Evidence {
  return { candidates, defects: [], failures: [], omitted: 0, attestations: 0, digest: DIGEST, hash: digestOf('evidence'), fetchedAt: NOW, ...difference };
}

/** As many as a policy may have: all of them look in one place. */
const MAX_AUTHORITIES = 16;

export function facts(candidates: readonly Candidate[], difference: Partial<Evidence> = {}): Facts {
  const found = evidence(candidates, difference);
  return { image: IMAGE, digest: DIGEST, evidence: Array.from({ length: MAX_AUTHORITIES }, () => found), now: NOW };
}

/** Answers proof tasks by the candidate's name: a proof (only where it fits the key that is asked), or an error code. */
export function proves(table: Readonly<Record<string, Proof | SignatureErrorCode | readonly Proof[]>>): (task: ProofTask) => ProofAnswer {
  return ({ candidate: { location }, key: asked }) => {
    const entry = table[location.split(', ')[1] ?? ''];
    assertKnown(entry, location);
    if (typeof entry === 'string') return { error: new SignatureError(entry, `the text of ${entry}`) };
    const fitting = [entry].flat().find(({ signer }) => (asked === undefined ? signer.kind === 'certificate' : signer.kind === 'key' && signer.keyId === asked.keyId));
    return fitting === undefined ? { error: new SignatureError('KeyMismatch', 'it is not signed by that key') } : { proof: fitting };
  };
}

function assertKnown<Value>(value: Value | undefined, what: string): asserts value is Value {
  if (value === undefined) throw new Error(`the test says nothing of ${what}`);
}
