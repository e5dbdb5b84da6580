import type { Clock } from '../../base/clock.ts';
import type { WorkerErrorCode } from '../../base/pool-worker.ts';
import { WorkerError } from '../../base/pool-worker.ts';
import type { WorkerPool } from '../../base/worker-pool.ts';
import { bytesOf } from '../evidence.ts';
import type { Evidence } from '../evidence-types.ts';
import type { Facts, Judgement } from '../judge.ts';
import type { EngineLimits } from '../limits.ts';
import type { Judge } from '../prover.ts';
import { clip, MESSAGE_LIMIT } from '../sentences.ts';
import type { JudgingPolicy } from '../types.ts';
import type { Answers, JudgeInput, Question, WireEvidence } from './protocol.ts';
import { judgementId, SetAside } from './set-aside.ts';
import { Suspects } from './suspects.ts';
import { holdShared, toWire } from './wire.ts';

/** How a judgement can be ended: it used up its processor time, did not come to an end, used up the memory, broke the worker, or threw. */
export const OVERRUNS = ['Overrun', 'Stuck', 'OutOfMemory', 'Crashed', 'Failed'] as const satisfies readonly WorkerErrorCode[];
export type Overrun = (typeof OVERRUNS)[number];

/** A judgement that was ended, and is set aside until a time in milliseconds since the epoch. */
export interface OverrunEvent {
  readonly code: Overrun;
  /** `host/path@digest`. */
  readonly image: string;
  readonly policy: JudgingPolicy['key'];
  readonly why: string;
  readonly until: number;
}

export interface WorkerJudgeOptions {
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly onOverrun?: (event: OverrunEvent) => void;
  /** 0 ≤ x < 1; for the jitter. */
  readonly random?: () => number;
}

/** Processor time for reading one trust root that the worker has not seen yet; milliseconds. */
const ROOT = 500;
/** Bytes of the evidence of all that wait or are judged: what comes when there are more is asked for again later. */
const HELD = 256 * 1024 * 1024;
/** What a job may wait for its share of a busy machine; milliseconds. */
const PATIENCE = 60_000;

/**
 * Judges in worker threads, so that no signature, statement or expression of others can keep this one busy. A judgement that overruns
 * its time or memory is `Unknown`, and is set aside for a while; all others go on, and whoever has many such keeps one worker busy at most.
 */
export class WorkerJudge implements Judge {
  readonly hold = holdShared;
  readonly #options: WorkerJudgeOptions;
  readonly #setAside: SetAside;
  readonly #suspects: Suspects;
  readonly #ids = new WeakMap<Evidence, string>();
  /** What each worker was sent. */
  readonly #sent = new WeakMap<object, WeakSet<Evidence>>();
  #count = 0;
  #held = 0;

  constructor(options: WorkerJudgeOptions) {
    this.#options = options;
    this.#setAside = new SetAside(options.clock, options.random);
    this.#suspects = new Suspects(options.clock);
  }

  async judge(policy: JudgingPolicy, facts: Facts, signal?: AbortSignal): Promise<Judgement> {
    const id = judgementId(policy, facts);
    const strike = this.#setAside.find(id);
    if (strike !== undefined) return overrun(strike.why, strike.until);
    const bytes = [...new Set(facts.evidence)].reduce((sum, one) => sum + bytesOf(one), 0);
    if (this.#held > 0 && this.#held + bytes > HELD) return later(facts, 'too many large signatures and attestations wait to be judged');
    this.#held += bytes;
    try {
      const judgement = await this.#suspects.run(ownerOf(policy), () => this.#run(policy, facts, signal), signal);
      this.#setAside.forget(id);
      // Not of a policy for all namespaces: whoever made these signatures must not slow down everybody's.
      if (judgement.reason === 'LimitExceeded' && judgement.result === 'Unknown' && policy.key.namespace !== undefined) this.#suspects.mark(ownerOf(policy));
      return judgement;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof WorkerError)) throw error;
      return this.#settle(id, error, policy, facts);
    } finally {
      this.#held -= bytes;
    }
  }

  #run(policy: JudgingPolicy, facts: Facts, signal: AbortSignal | undefined): Promise<Judgement> {
    const { pool, limits } = this.#options;
    const sources = new Set(policy.authorities.flatMap(({ trust }) => (trust === undefined ? [] : [trust.authorities, trust.logs, trust.ctLogs, trust.timestampAuthorities].map(({ hash }) => hash))));
    // Twice the time after which a judgement stops by itself between two signatures: this is for one that does not come to that.
    const cpu = 2 * limits.judgement + ROOT * sources.size;
    const job = {
      input: (worker: object) => this.#input(worker, policy, facts),
      answer: (question: unknown) => this.#answer(question as Question, policy, facts),
      affinity: facts.digest,
      cpu,
      wall: cpu + PATIENCE,
    };
    return pool.run<Judgement>(job, signal);
  }

  #input(worker: object, { key, threshold, recheckInterval, authorities }: JudgingPolicy, { image, digest, evidence, now }: Facts): JudgeInput {
    const sent = this.#sent.get(worker) ?? new WeakSet();
    this.#sent.set(worker, sent);
    const fresh = evidence.filter((one) => !sent.has(one));
    for (const one of fresh) sent.add(one);
    return {
      kind: 'judge',
      policy: { key, threshold, recheckInterval, authorities: authorities.map(({ hash }) => hash) },
      image,
      digest,
      now,
      evidence: evidence.map((one) => this.#idOf(one)),
      contents: this.#contents(fresh),
    };
  }

  #answer(question: Question, { authorities }: JudgingPolicy, { evidence }: Facts): Answers[keyof Answers] {
    if ('authorities' in question) return authorities.filter(({ hash }) => question.authorities.includes(hash));
    return this.#contents(evidence.filter((one) => question.evidence.includes(this.#idOf(one))));
  }

  #contents(evidence: readonly Evidence[]): ReadonlyMap<string, WireEvidence> {
    return new Map(evidence.map((one) => [this.#idOf(one), toWire(one)]));
  }

  #idOf(evidence: Evidence): string {
    const known = this.#ids.get(evidence);
    if (known !== undefined) return known;
    this.#count += 1;
    const id = String(this.#count);
    this.#ids.set(evidence, id);
    return id;
  }

  #settle(id: string, error: WorkerError, policy: JudgingPolicy, facts: Facts): Judgement {
    if (!isOverrun(error.code)) return later(facts, error.message);
    const name = nameOf(facts);
    const why = `judging ${name} was ended: ${error.message}`;
    const { until } = this.#setAside.put(id, why);
    this.#suspects.mark(ownerOf(policy));
    this.#options.onOverrun?.({ code: error.code, image: name, policy: policy.key, why: error.message, until });
    return overrun(why, until);
  }
}

/** Who answers for a policy: everybody who may write to its namespace. */
function ownerOf({ key: { kind, namespace, name } }: JudgingPolicy): string {
  return namespace === undefined ? `${kind}/${name}` : namespace;
}

function isOverrun(code: WorkerErrorCode): code is Overrun {
  return OVERRUNS.some((one) => one === code);
}

const REMEDY = 'remove signatures that are not needed, make the expressions of the policy simpler, or raise --judgement-timeout or --judgement-memory';

function nameOf({ image, digest }: Facts): string {
  return `${image.name}@${digest}`;
}

function later(facts: Facts, why: string): Judgement {
  return unjudged(`${nameOf(facts)} could not be judged now: ${why}`, '; it is tried again');
}

function overrun(why: string, until: number): Judgement {
  return unjudged(why, `; it is set aside until ${timeOf(until)}; ${REMEDY}`);
}

function unjudged(why: string, end: string): Judgement {
  return { result: 'Unknown', reason: 'LimitExceeded', message: `${clip(why, MESSAGE_LIMIT - end.length)}${end}` };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
