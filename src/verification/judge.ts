import type { ImageReference } from '../api/image-reference.ts';
import type { Digest } from '../base/digest.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { Candidate, Proof, SignatureError, Signer } from '../signatures/types.ts';
import { attested } from './attested.ts';
import type { Accepted } from './consider.ts';
import { consider } from './consider.ts';
import { candidateKey } from './evidence.ts';
import type { Evidence } from './evidence-types.ts';
import type { Mark, Pass } from './matching.ts';
import { distinctPasses } from './matching.ts';
import type { PredicateAnswer } from './predicate.ts';
import type { PlacedMiss } from './refusal.ts';
import { exhausted, refused, staticJudgement } from './refusal.ts';
import { MESSAGE_LIMIT, clip, quote, signerText } from './sentences.ts';
import type { CompiledAuthority, JudgingPolicy, PolicyVerdict } from './types.ts';

/** What is known of one image when it is judged. */
export interface Facts {
  readonly image: ImageReference;
  readonly digest: Digest;
  /** For each authority of the policy, in its order: what was found where that one looks. */
  readonly evidence: readonly Evidence[];
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

/** A statement that the authority has verified, and an expression of its author that is to be evaluated over it. */
export interface PredicateTask {
  readonly candidate: Candidate;
  readonly authority: CompiledAuthority;
  readonly cel: string;
}

/** What must be found out before judging can go on: an attestation's predicate is asked for by a task with `cel`. */
export type Step = ProofTask | PredicateTask;
export type StepAnswer = ProofAnswer | PredicateAnswer;

/** The verdict without what every verdict of one policy has in common. */
export type Judgement = Omit<PolicyVerdict, 'policy' | 'verifiedAt' | 'stale'>;

interface Passed {
  readonly signer: Signer;
  readonly authority: CompiledAuthority;
  /** Everything that the authority passes by; a plain signature is alone. */
  readonly accepted: readonly Accepted[];
}

/**
 * Judges one policy, pure over its facts: asks for one proof at a time, so that whoever drives it can remember proofs,
 * yield between them and stop, and asks for no more than the answer needs.
 */
export function* judgement(policy: JudgingPolicy, facts: Facts): Generator<Step, Judgement, StepAnswer> {
  const { authorities, threshold } = policy;
  if (authorities.length === 0 || threshold < 1 || threshold > authorities.length) {
    const message = `the policy asks for ${threshold} of ${authorities.length} authorities; ask for at least one and for no more than there are`;
    return { result: 'Unknown', reason: 'PolicyInvalid', message };
  }
  const fixed = staticJudgement(policy);
  if (fixed !== undefined) return fixed;
  const tally: Tally = { threshold, passes: [], misses: [] };
  for (const [index, authority] of authorities.entries()) {
    const evidence = facts.evidence[index];
    if (evidence === undefined) throw new TypeError(`there is no evidence for authority ${authority.name}`);
    const seek = authority.attestations.length > 0 ? seekAttestations : seekSignature;
    if ((yield* seek({ index, authority, evidence, facts }, tally)) === 'exhausted') return exhausted();
    const distinct = distinctPasses(tally.passes);
    if (distinct.length >= threshold) return verified(distinct.map((pass) => pass.value));
  }
  const signed = distinctPasses(tally.passes).map((pass) => pass.value.authority);
  return refused(policy, facts, signed, tally.misses);
}

/** What was found so far. */
interface Tally {
  readonly threshold: number;
  readonly passes: Pass<Passed>[];
  readonly misses: PlacedMiss[];
}

/** One authority, where it looks. */
interface Search {
  readonly index: number;
  readonly authority: CompiledAuthority;
  readonly evidence: Evidence;
  readonly facts: Facts;
}

type Sought = Generator<Step, 'exhausted' | 'sought', StepAnswer>;

function* seekSignature({ index, authority, evidence, facts }: Search, { threshold, passes, misses }: Tally): Sought {
  for (const candidate of evidence.candidates) {
    if (candidate.format === 'legacy-attestation') continue;
    const outcome = yield* consider(candidate, authority, facts);
    if (outcome === 'exhausted') return outcome;
    if ('miss' in outcome) misses.push(outcome.miss);
    else passes.push(passOf(index, { authority, signer: outcome.accepted.signer, accepted: [outcome.accepted] }));
    if (distinctPasses(passes).length >= threshold) break;
  }
  return 'sought';
}

function* seekAttestations({ index, authority, evidence, facts }: Search, { passes, misses }: Tally): Sought {
  const outcome = yield* attested(authority, evidence, facts);
  if (outcome === 'exhausted') return outcome;
  if ('misses' in outcome) {
    misses.push(...outcome.misses);
    return 'sought';
  }
  for (const { statements } of outcome.ways) {
    const [first] = statements;
    if (first !== undefined) passes.push(passOf(index, { authority, signer: first.signer, accepted: statements }));
  }
  return 'sought';
}

function passOf(authority: number, value: Passed): Pass<Passed> {
  const [mark, ...also] = value.accepted.map(markOf);
  if (mark === undefined) throw new TypeError('an authority passes by something');
  return { authority, ...mark, ...(also.length === 0 ? {} : { also }), value };
}

/** {@link judgement} with every proof at hand; for tests and for one-off judging. */
export function judge(policy: JudgingPolicy, facts: Facts, prove: (task: ProofTask) => ProofAnswer, satisfies: (task: PredicateTask) => PredicateAnswer = neverAsked): Judgement {
  const judging = judgement(policy, facts);
  let step = judging.next();
  while (step.done !== true) step = judging.next('cel' in step.value ? satisfies(step.value) : prove(step.value));
  return step.value;
}

function markOf({ candidate, signer }: Accepted): Mark {
  return { candidate: candidateKey(candidate), signer: identityOf(signer), ...(signer.keyId === undefined ? {} : { key: signer.keyId }) };
}

function neverAsked(): never {
  throw new TypeError('no predicate was to be asked for');
}

function identityOf(signer: Signer): string {
  return signer.kind === 'key' ? JSON.stringify(['key', signer.keyId]) : JSON.stringify(['certificate', signer.issuer, signer.subject]);
}

function verified(passes: readonly Passed[]): Judgement {
  const signers = passes.map(({ signer, authority }) => `${signerText(signer)} as authority ${quote(authority.name, 63)} wants`);
  const dated = passes.flatMap(({ accepted, authority: { maxAge } }) => accepted.flatMap(({ signedAt }) => (signedAt === undefined ? [] : [{ signedAt, maxAge }])));
  const times = dated.map(({ signedAt }) => signedAt);
  const ends = dated.flatMap(({ signedAt, maxAge }) => (maxAge === undefined ? [] : [signedAt + maxAge]));
  const [first] = passes;
  const verb = passes.every(({ authority }) => authority.attestations.length > 0) ? 'attested' : 'signed';
  return {
    result: 'Verified',
    reason: 'SignatureValid',
    message: clip(`${verb} by ${signers.join(', and by ')}`, MESSAGE_LIMIT),
    authority: passes.map(({ authority }) => authority.name).join(', '),
    ...(first === undefined ? {} : { signer: first.signer }),
    ...(times.length === 0 ? {} : { signedAt: Math.max(...times) }),
    ...(ends.length === 0 ? {} : { expiresAt: Math.min(...ends) }),
  };
}
