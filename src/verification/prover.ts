import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { digestOf } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import { Lru } from '../base/lru.ts';
import { statementOf } from '../signatures/attestation.ts';
import { OPERATOR } from '../signatures/profile.ts';
import { trustRootOf } from '../signatures/trust-recipe.ts';
import { TrustRootError } from '../signatures/trust-root.ts';
import type { Candidate, Profile, Proof, Requirement } from '../signatures/types.ts';
import { SignatureError } from '../signatures/types.ts';
import type { HoldBytes } from './evidence.ts';
import { candidateKey } from './evidence.ts';
import type { Facts, Judgement, PredicateTask, ProofAnswer, ProofTask, Step, StepAnswer } from './judge.ts';
import { judgement } from './judge.ts';
import type { EngineLimits } from './limits.ts';
import type { PredicateAnswer } from './predicate.ts';
import { evaluatePredicate } from './predicate.ts';
import type { JudgingPolicy } from './types.ts';

const PROOF_BYTES = 2048;
/** Milliseconds after which others get their turn, also where every proof is at hand. */
const TURN = 20;

/** The cryptographic proof of one signature (`src/signatures/prove.ts`). */
export type Prove = (candidate: Candidate, requirement: Requirement) => Proof;

/** Judges an image under one policy. */
export interface Judge {
  /** Where it wants the bytes of evidence; it judges other ones too. */
  readonly hold?: HoldBytes;
  /** Rejects only with the reason of an aborted `signal`. */
  judge(policy: JudgingPolicy, facts: Facts, signal?: AbortSignal): Promise<Judgement>;
}

/**
 * Drives a judgement: proves what it asks for, remembers proofs by signature and authority (a proof is a fact about its
 * inputs and does not age, but for those that were held against the clock), lets others run between two, and stops when the time for it is used up.
 */
export class Prover implements Judge {
  readonly #prove: Prove;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #limits: EngineLimits;
  readonly #profile: Profile;
  readonly #proofs: Lru<StepAnswer>;

  /** @param clock only differences of its times count: that of a thread's own processor time will do. */
  constructor(prove: Prove, clock: Pick<Clock, 'now'>, limits: EngineLimits) {
    this.#prove = prove;
    this.#clock = clock;
    this.#limits = limits;
    this.#profile = profileOf(limits);
    this.#proofs = new Lru(limits.proofBytes);
  }

  /** The judgement of one policy. Rejects only with the reason of an aborted `signal`. */
  async judge(policy: JudgingPolicy, facts: Facts, signal?: AbortSignal): Promise<Judgement> {
    const judging = judgement(policy, facts);
    let spent = 0;
    let turned = this.#clock.now();
    let step = judging.next();
    while (step.done !== true) {
      const key = keyOf(step.value);
      if (this.#proofs.get(key, 0) === undefined || this.#clock.now() - turned >= TURN) {
        await nextTurn();
        signal?.throwIfAborted();
        turned = this.#clock.now();
      }
      // Looked up again after the turn: of many callers that wait for one proof, the first does the work for all.
      const known = this.#proofs.get(key, 0);
      const before = this.#clock.now();
      const answer = spent >= this.#limits.judgement ? 'exhausted' : (known ?? this.#find(step.value, key, facts.now));
      // With the patterns of the identities, which its author chose: they are held against every signature.
      step = judging.next(answer);
      spent += this.#clock.now() - before;
    }
    return step.value;
  }

  #find(step: Step, id: string, now: number): StepAnswer {
    if (!('cel' in step)) return this.#answer(step, id, now);
    const answer = evaluate(step, this.#profile);
    this.#proofs.set(id, answer, PROOF_BYTES + 2 * JSON.stringify(answer).length);
    return answer;
  }

  #answer({ candidate, authority, key }: ProofTask, id: string, now: number): ProofAnswer {
    const { attestations, log, timestamp, sct, trust } = authority;
    const answer = attempt(() => {
      const requirement: Requirement = {
        ...(key === undefined ? {} : { key }),
        ...(trust === undefined ? {} : { trust: trustRootOf(trust) }),
        log,
        timestamp,
        sct,
        profile: this.#profile,
        now,
        ...(attestations.length > 0 ? { wants: 'Attestation' as const } : {}),
      };
      return this.#prove(candidate, requirement);
    });
    if (isLasting(answer, key !== undefined)) this.#proofs.set(id, answer, PROOF_BYTES + sizeOf(answer));
    return answer;
  }
}

/** The operator's profile, which reads no less than the engine fetches. */
function profileOf({ payload, attestation }: EngineLimits): Profile {
  return { ...OPERATOR, limits: { ...OPERATOR.limits, bundleBytes: payload, payloadBytes: payload, attestationBytes: attestation } };
}

/** Without an authenticated time the log's key, or a certificate beside the signature of a key, had to be valid *now*, which it may not be any more, or only be later. */
function isLasting(answer: Exclude<ProofAnswer, 'exhausted'>, keyed: boolean): boolean {
  if ('error' in answer) return answer.error.code !== 'NotLogged' && !(keyed && answer.error.code === 'CertificateInvalid');
  return answer.proof.clocked !== true;
}

/** Whatever a parser throws at foreign bytes, the signature proves nothing. */
function attempt(prove: () => Proof): Exclude<ProofAnswer, 'exhausted'> {
  try {
    return { proof: prove() };
  } catch (error) {
    if (error instanceof SignatureError) return { error };
    if (error instanceof TrustRootError) return { error: new SignatureError('TrustRootUnavailable', error.message, { cause: error }) };
    return { error: new SignatureError('SignatureInvalid', `the signature cannot be read: ${messageOf(error, 200)}`, { cause: error }) };
  }
}

/** What a statement says does not depend on who asks, but on what is asked. */
function evaluate({ candidate, cel }: PredicateTask, profile: Profile): PredicateAnswer {
  if (candidate.format === 'legacy') return { satisfied: false, why: 'a plain signature states nothing' };
  try {
    return evaluatePredicate(cel, statementOf(candidate, profile));
  } catch (error) {
    return { satisfied: false, why: `the statement cannot be read: ${messageOf(error, 200)}` };
  }
}

function keyOf(step: Step): string {
  if ('cel' in step) return `${candidateKey(step.candidate)} cel ${digestOf(step.cel)}`;
  const { candidate, authority, key } = step;
  return `${candidateKey(candidate)} ${authority.hash} ${key?.keyId ?? ''}`;
}

function sizeOf(answer: Exclude<ProofAnswer, 'exhausted'>): number {
  return 2 * ('error' in answer ? answer.error.message.length : JSON.stringify(answer.proof).length);
}
