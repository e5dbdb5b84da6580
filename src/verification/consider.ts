import type { Candidate, Signer } from '../signatures/types.ts';
import { assess } from './assess.ts';
import type { Facts, ProofTask, Step, StepAnswer } from './judge.ts';
import type { PlacedMiss } from './refusal.ts';
import { closest } from './refusal.ts';
import { quote } from './sentences.ts';
import type { CompiledAuthority } from './types.ts';

/** One signature, or statement, that an authority accepts as its own. */
export interface Accepted {
  readonly candidate: Candidate;
  readonly signer: Signer;
  /** Milliseconds since the epoch, authenticated. */
  readonly signedAt: number | undefined;
  /** `critical.type` or the predicate type. */
  readonly type: string;
}

/** What considering one candidate may come to; `exhausted` where no more time is left. */
export type Consideration = { readonly accepted: Accepted } | { readonly miss: PlacedMiss } | 'exhausted';

/** One signature for one authority: by any of its keys, or keyless. */
export function* consider(candidate: Candidate, authority: CompiledAuthority, facts: Facts): Generator<Step, Consideration, StepAnswer> {
  const misses: PlacedMiss[] = [];
  const { location } = candidate;
  for (const key of authority.kind === 'key' ? authority.keys : [undefined]) {
    const task: ProofTask = { candidate, authority, ...(key === undefined ? {} : { key }) };
    const answer = yield task;
    if (answer === 'exhausted') return answer;
    if ('satisfied' in answer) throw new TypeError('a proof was asked for');
    if ('error' in answer) {
      misses.push({ authority, reason: answer.error.code, text: `authority ${quote(authority.name, 63)}: ${answer.error.message}`, location });
      continue;
    }
    const { proof } = answer;
    const miss = assess(proof, candidate, { authority, image: facts.image, digest: facts.digest, now: facts.now });
    if (miss === undefined) return { accepted: { candidate, signer: proof.signer, signedAt: proof.signedAt, type: proof.type } };
    misses.push({ authority, location, ...miss });
  }
  return { miss: closest(misses) ?? { authority, reason: 'KeyMismatch', text: 'the authority has no key', location } };
}
