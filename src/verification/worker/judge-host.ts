import { Lru } from '../../base/lru.ts';
import type { Handler } from '../../base/worker-host.ts';
import { threadTime } from '../../base/worker-host.ts';
import { prove } from '../../signatures/prove.ts';
import { describeTrust, type TrustDescription } from '../../signatures/trust-recipe.ts';
import type { Evidence } from '../evidence-types.ts';
import { failureVerdict } from '../failure.ts';
import type { Judgement } from '../judge.ts';
import type { EngineLimits } from '../limits.ts';
import { Prover } from '../prover.ts';
import type { CompiledAuthority } from '../types.ts';
import type { Answers, JudgeInput, Question, WireEvidence, WorkerInput } from './protocol.ts';
import { fromWire } from './wire.ts';

const MIB = 1024 * 1024;
const AUTHORITY_BYTES = 32 * MIB;
const OVERHEAD = 4096;

/** What a judging worker does: one judgement, or one look into a trust root, at a time. Time is counted in the thread's own. */
export function createJudgeHost(limits: EngineLimits): Handler<WorkerInput, Judgement | TrustDescription> {
  const host = new JudgeHost(limits);
  return (input, ask) => (input.kind === 'describe' ? describeTrust(input.source) : host.judge(input, ask as Ask));
}

type Ask = <Kind extends keyof Answers>(question: Extract<Question, Readonly<Record<Kind, unknown>>>) => Promise<Answers[Kind]>;

class JudgeHost {
  readonly #prover: Prover;
  readonly #authorities = new Lru<CompiledAuthority>(AUTHORITY_BYTES);
  readonly #evidence: Lru<Evidence>;

  constructor(limits: EngineLimits) {
    // The one that is judged now under several policies has room for certain.
    this.#evidence = new Lru(limits.digestBytes + limits.attestationBytes);
    this.#prover = new Prover(prove, { now: threadTime }, limits);
  }

  async judge(input: JudgeInput, ask: Ask): Promise<Judgement> {
    const { policy, image, digest, now } = input;
    const authorities = await this.#authoritiesOf(policy.authorities, ask);
    const evidence = await this.#evidenceOf(input, ask);
    try {
      return await this.#prover.judge({ ...policy, authorities }, { image, digest, evidence, now });
    } catch (error) {
      // Here and not where the answer arrives: errors lose their class on their way between threads.
      return failureVerdict(error);
    }
  }

  async #authoritiesOf(hashes: readonly string[], ask: Ask): Promise<readonly CompiledAuthority[]> {
    const found = new Map(hashes.map((hash) => [hash, this.#authorities.get(hash, 0)]));
    const missing = hashes.filter((hash) => found.get(hash) === undefined);
    for (const authority of missing.length === 0 ? [] : await ask<'authorities'>({ authorities: missing })) {
      found.set(authority.hash, authority);
      this.#authorities.set(authority.hash, authority, sizeOf(authority));
    }
    return hashes.map((hash) => found.get(hash) ?? absent(`authority ${hash}`));
  }

  async #evidenceOf({ evidence: ids, contents }: JudgeInput, ask: Ask): Promise<readonly Evidence[]> {
    const found = new Map(ids.map((id) => [id, this.#evidence.get(id, 0)]));
    const missing = [...found].flatMap(([id, evidence]) => (evidence === undefined && !contents.has(id) ? [id] : []));
    const asked = missing.length === 0 ? new Map<string, WireEvidence>() : await ask<'evidence'>({ evidence: missing });
    for (const [id, wire] of [...contents, ...asked]) {
      const evidence = fromWire(wire);
      found.set(id, evidence);
      this.#evidence.set(id, evidence, weightOf(evidence));
    }
    return ids.map((id) => found.get(id) ?? absent(`evidence ${id}`));
  }
}

function absent(what: string): never {
  throw new Error(`the worker was not given ${what}`);
}

/** With the texts of its trust, each as often as it is named: an authority that came by itself has its own copy. */
function sizeOf({ keys: _, trust, ...rest }: CompiledAuthority): number {
  const { authorities, logs, ctLogs, timestampAuthorities } = trust ?? {};
  const texts = new Set([authorities, logs, ctLogs, timestampAuthorities].map((source) => source?.text ?? ''));
  return OVERHEAD + 2 * (JSON.stringify(rest).length + [...texts].reduce((sum, text) => sum + text.length, 0));
}

function weightOf({ candidates }: Pick<WireEvidence, 'candidates'>): number {
  const members: readonly unknown[] = candidates.flatMap((candidate) => Object.values(candidate) as readonly unknown[]);
  return members.reduce<number>((sum, value) => sum + (value instanceof Uint8Array ? value.byteLength : 2 * JSON.stringify(value).length), OVERHEAD * (1 + candidates.length));
}
