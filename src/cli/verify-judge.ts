import type { Digest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import { COSIGN, OPERATOR } from '../signatures/profile.ts';
import { prove } from '../signatures/prove.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';
import type { Candidate, Profile, Proof, Requirement } from '../signatures/types.ts';
import { SignatureError } from '../signatures/types.ts';
import { bundleRefusal } from './refusal/bundle.ts';
import { checkStoredChain } from './refusal/legacy-parts.ts';
import { legacyRefusal } from './refusal/legacy.ts';
import { Mismatch } from './refusal/mismatch.ts';
import { checkAttestation, checkBundle, checkLegacy } from './verify-checks.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { Accepted } from './verify-output.ts';

/** What signatures are held against. */
export interface Bench {
  readonly options: VerifyOptions;
  readonly key?: PublicKey;
  readonly trust?: TrustRoot;
  /** Trust was given in parts, for which cosign has other words. */
  readonly inParts: boolean;
  readonly warn: (text: string) => void;
  /** What must be proven, by cosign's rules. */
  readonly requirement: Requirement;
}

/** What signatures are held against; `now` in milliseconds since the epoch. */
export function benchOf(parts: Omit<Bench, 'requirement'>, now: number): Bench {
  return { ...parts, requirement: requirementOf(parts, now) };
}

/** Which signatures count, and why each of the others does not. */
export interface Judgement {
  readonly accepted: readonly Accepted[];
  readonly errors: readonly string[];
}

/** Holds each signature against what was asked for, by cosign's rules or, with `--strict`, by the operator's. */
export function judge(bench: Bench, digest: Digest, candidates: readonly Candidate[]): Judgement {
  const { strict } = bench.options;
  const accepted: Accepted[] = [];
  const errors: string[] = [];
  for (const candidate of candidates) {
    try {
      accepted.push({ candidate, proof: proofOf(bench, digest, candidate, strict ? OPERATOR : COSIGN) });
    } catch (error) {
      if (!(error instanceof SignatureError || error instanceof Mismatch)) throw error;
      errors.push(strict ? error.message : refusalOf(bench, digest, candidate, error));
    }
  }
  return { accepted, errors };
}

/** Why none of these would count for the operator, whose rules are the stricter ones (verification.md); undefined where one does. */
export function operatorRefusal(bench: Bench, digest: Digest, accepted: readonly Accepted[]): string | undefined {
  let reason: string | undefined;
  for (const { candidate } of accepted) {
    try {
      proofOf(bench, digest, candidate, OPERATOR);
      return undefined;
    } catch (error) {
      reason ??= messageOf(error);
    }
  }
  return reason;
}

function proofOf(bench: Bench, digest: Digest, candidate: Candidate, profile: Profile): Proof {
  const proof = prove(candidate, { ...bench.requirement, profile });
  const check = { legacy: checkLegacy, 'legacy-attestation': checkAttestation, bundle: checkBundle }[candidate.format];
  if (profile === COSIGN && bench.key === undefined && candidate.format !== 'bundle') checkStoredChain(candidate);
  check(proof, digest, bench.options);
  return proof;
}

/** In cosign's words, which are those of the first check that fails in its order; where it has none, in ours. */
function refusalOf(bench: Bench, digest: Digest, candidate: Candidate, error: Error): string {
  const question = { requirement: bench.requirement, options: bench.options, digest, inParts: bench.inParts, warn: bench.warn };
  return (candidate.format === 'bundle' ? bundleRefusal(candidate, question) : legacyRefusal(candidate, question)) ?? error.message;
}

function requirementOf({ key, trust, options }: Omit<Bench, 'requirement'>, now: number): Requirement {
  return {
    wants: options.command === 'verify' ? 'Signature' : 'Attestation',
    ...(key === undefined ? {} : { key }),
    ...(trust === undefined ? {} : { trust }),
    log: options.ignoreTlog ? 'Ignored' : 'Required',
    timestamp: options.useSignedTimestamps ? 'Required' : 'NotAsked',
    sct: options.ignoreSct ? 'Ignored' : 'Required',
    profile: COSIGN,
    now,
  };
}
