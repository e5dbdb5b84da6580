import type { ImageReference } from '../api/image-reference.ts';
import type { Digest } from '../base/digest.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { Candidate, Proof, SignatureError, Signer } from '../signatures/types.ts';
import { assess } from './assess.ts';
import { candidateKey } from './evidence.ts';
import type { Evidence } from './evidence-types.ts';
import type { Pass } from './matching.ts';
import { distinctPasses } from './matching.ts';
import type { PlacedMiss } from './refusal.ts';
import { closest, exhausted, refused, staticJudgement } from './refusal.ts';
import { MESSAGE_LIMIT, clip, quote, signerText } from './sentences.ts';
import type { CompiledAuthority, JudgingPolicy, PolicyVerdict } from './types.ts';

/** What is known of one image when it is judged. */
export interface Facts {
  readonly image: ImageReference;
  readonly digest: Digest;
  readonly evidence: Evidence;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A signature that must be proven before judging can go on; with a key where the authority is one of keys. */
export interface ProofTask {
  readonly candidate: Candidate;
  readonly authority: CompiledAuthority;
  readonly key?: PublicKey;
}

/** What proving gave; `exhausted` where no more time is left to prove anything. */
export type ProofAnswer = { readonly proof: Proof } | { readonly error: SignatureError } | 'exhausted';

/** The verdict without what every verdict of one policy has in common. */
export interface Judgement extends Omit<PolicyVerdict, 'policy' | 'verifiedAt' | 'stale'> {
  /** Until when a positive verdict can stand at most (`maxAge`), milliseconds since the epoch. */
  readonly expiresAt?: number;
}

interface Passed {
  readonly signer: Signer;
  readonly signedAt: number | undefined;
  readonly authority: CompiledAuthority;
}

/**
 * Judges one policy, pure over its facts: asks for one proof at a time, so that whoever drives it can remember proofs,
 * yield between them and stop, and asks for no more than the answer needs.
 */
export function* judgement(policy: JudgingPolicy, facts: Facts): Generator<ProofTask, Judgement, ProofAnswer> {
  const { authorities, threshold } = policy;
  if (authorities.length === 0 || threshold < 1 || threshold > authorities.length) {
    const message = `the policy asks for ${threshold} of ${authorities.length} authorities; ask for at least one and for no more than there are`;
    return { result: 'Unknown', reason: 'PolicyInvalid', message };
  }
  const fixed = staticJudgement(policy);
  if (fixed !== undefined) return fixed;
  const passes: Pass<Passed>[] = [];
  const misses: PlacedMiss[] = [];
  for (const [index, authority] of authorities.entries()) {
    for (const candidate of facts.evidence.candidates) {
      const outcome = yield* consider(candidate, authority, facts);
      if (outcome === 'exhausted') return exhausted();
      if ('reason' in outcome) {
        misses.push(outcome);
        continue;
      }
      passes.push({ authority: index, candidate: candidateKey(candidate), signer: identityOf(outcome.signer), ...keyOf(outcome.signer), value: outcome });
      const distinct = distinctPasses(passes);
      if (distinct.length >= threshold) return verified(distinct.map((pass) => pass.value));
    }
  }
  const signed = distinctPasses(passes).map((pass) => pass.value.authority);
  return refused(policy, facts, signed, misses);
}

/** {@link judgement} with every proof at hand; for tests and for one-off judging. */
export function judge(policy: JudgingPolicy, facts: Facts, prove: (task: ProofTask) => ProofAnswer): Judgement {
  const judging = judgement(policy, facts);
  let step = judging.next();
  while (step.done !== true) step = judging.next(prove(step.value));
  return step.value;
}

/** One signature for one authority: by any of its keys, or keyless. */
function* consider(candidate: Candidate, authority: CompiledAuthority, facts: Facts): Generator<ProofTask, Passed | PlacedMiss | 'exhausted', ProofAnswer> {
  const misses: PlacedMiss[] = [];
  const { location } = candidate;
  for (const key of authority.kind === 'key' ? authority.keys : [undefined]) {
    const answer = yield key === undefined ? { candidate, authority } : { candidate, authority, key };
    if (answer === 'exhausted') return answer;
    if ('error' in answer) {
      misses.push({ authority, reason: answer.error.code, text: `authority ${quote(authority.name, 63)}: ${answer.error.message}`, location });
      continue;
    }
    const miss = assess(answer.proof, candidate, { authority, image: facts.image, digest: facts.digest, now: facts.now });
    if (miss === undefined) return { authority, signer: answer.proof.signer, signedAt: answer.proof.signedAt };
    misses.push({ authority, location, ...miss });
  }
  return closest(misses) ?? { authority, reason: 'KeyMismatch', text: 'the authority has no key', location };
}

function identityOf(signer: Signer): string {
  return signer.kind === 'key' ? JSON.stringify(['key', signer.keyId]) : JSON.stringify(['certificate', signer.issuer, signer.subject]);
}

function keyOf({ keyId }: Signer): Pick<Pass<Passed>, 'key'> {
  return keyId === undefined ? {} : { key: keyId };
}

function verified(passes: readonly Passed[]): Judgement {
  const signers = passes.map(({ signer, authority }) => `${signerText(signer)} as authority ${quote(authority.name, 63)} wants`);
  const times = passes.flatMap(({ signedAt }) => (signedAt === undefined ? [] : [signedAt]));
  const ends = passes.flatMap(({ signedAt, authority: { maxAge } }) => (signedAt === undefined || maxAge === undefined ? [] : [signedAt + maxAge]));
  const [first] = passes;
  return {
    result: 'Verified',
    reason: 'SignatureValid',
    message: clip(`signed by ${signers.join(', and by ')}`, MESSAGE_LIMIT),
    authority: passes.map(({ authority }) => authority.name).join(', '),
    ...(first === undefined ? {} : { signer: first.signer }),
    ...(times.length === 0 ? {} : { signedAt: Math.max(...times) }),
    ...(ends.length === 0 ? {} : { expiresAt: Math.min(...ends) }),
  };
}
