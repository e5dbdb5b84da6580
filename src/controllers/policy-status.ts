import type { Condition } from '../api/conditions.ts';
import { sameValue } from '../kube/patch.ts';
import { ownConditions, policyConditions } from './policy-conditions.ts';
import type { PolicyPicture } from './policy-picture.ts';
import type { SettledState } from './policy-set.ts';
import { byName, type ClusterRow, propagationStatus, type PropagationStatus } from './status-propagation.ts';
import { imageRows, type ImageRow, type SummaryStatus, summaryOf, timesAreOld } from './status-images.ts';

/** The whole status of a policy, as api.md has it; nothing is held in this build. */
export interface PolicyStatus extends PropagationStatus {
  readonly observedGeneration: number;
  readonly summary: SummaryStatus;
  readonly images: readonly ImageRow[];
  readonly omitted: { readonly images: number; readonly propagation: number; readonly held: number; readonly clusters: number };
  readonly conditions: readonly Condition[];
}

/** A status as the API server has it, written by whomever. */
export interface KnownStatus {
  readonly observedGeneration?: number;
  readonly images?: readonly Pick<ImageRow, 'lastVerifiedTime'>[];
  readonly clusters?: readonly Pick<ClusterRow, 'name'>[];
  readonly conditions?: readonly Condition[];
}

/** What a status is computed from. */
export interface StatusFacts {
  readonly state: SettledState;
  /** Everything that the policy governed when its workloads were last judged. */
  readonly picture: PolicyPicture;
  /** How many workloads wait for being judged under the policy as it is now. */
  readonly pending: number;
  /** Why it is not known what clusters run; absent where it is, and without Karmada. */
  readonly blind?: string | undefined;
  /** The conditions that the object has. */
  readonly conditions: readonly Condition[];
  readonly now: number;
}

/** The status that the policy is to have. Pure: the same facts give the same status. */
export function policyStatus(facts: StatusFacts): PolicyStatus {
  const { state, picture } = facts;
  const { rows, omitted } = imageRows(picture);
  const summary = summaryOf(picture);
  const propagation = propagationStatus(picture.propagation, state.key.namespace);
  return {
    observedGeneration: state.generation,
    summary,
    images: rows,
    ...propagation.status,
    omitted: { images: omitted, held: 0, ...propagation.omitted },
    conditions: policyConditions({ ...facts, rows, summary }),
  };
}

/**
 * Whether `after` says something that `before` does not. That images were judged again with the same outcome is told once
 * an hour: what does not verify is asked for every few minutes, and an idle fleet costs no writes (README.md, invariant 6).
 */
export function isWorthWriting(before: KnownStatus | undefined, after: PolicyStatus): boolean {
  if (before === undefined) return true;
  const known = { ...before, conditions: ownConditions(before.conditions ?? []) };
  if (!sameValue(withoutTimes(known), withoutTimes(after))) return true;
  return timesAreOld(known.images ?? [], after.images);
}

function withoutTimes(status: KnownStatus): unknown {
  const clusters = status.clusters === undefined ? {} : { clusters: byName(status.clusters) };
  return { ...status, ...clusters, images: (status.images ?? []).map((row) => ({ ...row, lastVerifiedTime: '' })) };
}
