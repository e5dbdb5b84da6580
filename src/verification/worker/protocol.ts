import type { ImageReference } from '../../api/image-reference.ts';
import type { Digest } from '../../base/digest.ts';
import type { RegistryErrorCode } from '../../registry/types.ts';
import type { TrustSource } from '../../signatures/trust-recipe.ts';
import type { Evidence } from '../evidence-types.ts';
import type { EngineLimits } from '../limits.ts';
import type { CompiledAuthority, JudgingPolicy } from '../types.ts';

/** What a worker is given when it starts. */
export interface WorkerSettings {
  readonly limits: EngineLimits;
}

/** A policy without what the worker keeps: its authorities are named by their hashes. */
export interface WirePolicy extends Pick<JudgingPolicy, 'key' | 'threshold' | 'recheckInterval'> {
  readonly authorities: readonly string[];
}

/** A look-up that had no answer; errors lose their class on their way between threads. */
export interface WireFailure {
  readonly code: RegistryErrorCode;
  readonly message: string;
}

/** Evidence on its way; the bytes of its candidates are in memory that both threads see. */
export interface WireEvidence extends Omit<Evidence, 'failures'> {
  readonly failures: readonly WireFailure[];
}

/** The judgement of one policy over the evidence of one image. */
export interface JudgeInput {
  readonly kind: 'judge';
  readonly policy: WirePolicy;
  readonly image: ImageReference;
  readonly digest: Digest;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** For each authority of the policy, in its order: the id of the evidence. */
  readonly evidence: readonly string[];
  /** Evidence, by id, that the worker was not sent before. */
  readonly contents: ReadonlyMap<string, WireEvidence>;
}

/** What is in a trust root. */
export interface DescribeInput {
  readonly kind: 'describe';
  readonly source: TrustSource;
}

export type WorkerInput = JudgeInput | DescribeInput;

/** What a worker asks for when it does not have it, or not any more. */
export type Question = { readonly authorities: readonly string[] } | { readonly evidence: readonly string[] };

/** The answers, by question. */
export interface Answers {
  readonly authorities: readonly CompiledAuthority[];
  readonly evidence: ReadonlyMap<string, WireEvidence>;
}
