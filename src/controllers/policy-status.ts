import { type Condition, type ConditionStatement, removeCondition, setCondition } from '../api/conditions.ts';
import type { ConditionReason } from '../api/reasons.ts';
import type { WorkloadRecord } from './ledger.ts';
import { policyId } from './ledger.ts';
import type { SettledState } from './policy-set.ts';
import { imageRows, type ImageRow, runsPinned, type SummaryStatus, summaryOf } from './status-images.ts';

/** The whole status of a policy, as api.md has it; what concerns Karmada stays empty. */
export interface PolicyStatus {
  readonly observedGeneration: number;
  readonly summary: SummaryStatus;
  readonly images: readonly ImageRow[];
  readonly omitted: { readonly images: number; readonly propagation: number; readonly held: number; readonly clusters: number };
  readonly conditions: readonly Condition[];
}

/** What a status is computed from. */
export interface StatusFacts {
  readonly state: SettledState;
  /** Every workload that the policy governed when it was last judged. */
  readonly records: readonly WorkloadRecord[];
  /** How many workloads wait for being judged under the policy as it is now. */
  readonly pending: number;
  /** The conditions that the object has. */
  readonly conditions: readonly Condition[];
  readonly now: number;
}

/** The status that the policy is to have. Pure: the same facts give the same status. */
export function policyStatus(facts: StatusFacts): PolicyStatus {
  const { state, records } = facts;
  const id = policyId(state.key);
  const { rows, omitted, all } = imageRows(id, records);
  const summary = summaryOf(id, records, all);
  const statements = [readyOf(state), verifiedOf(summary, rows), pinnedOf(state, id, records), enforcedOf(state), reconcilingOf(facts), stalledOf(state), staleOf(id, records)];
  return {
    observedGeneration: state.generation,
    summary,
    images: rows,
    omitted: { images: omitted, propagation: 0, held: 0, clusters: 0 },
    conditions: conditionsOf(facts, statements),
  };
}

type Statement = { readonly type: string; readonly status: 'True' | 'False' | 'Unknown'; readonly reason: ConditionReason; readonly message: string };
/** A condition that is only there while it is true (kstatus: abnormal-true). */
type Absent = { readonly type: string; readonly absent: true };

function conditionsOf({ conditions, state, now }: StatusFacts, statements: readonly (Statement | Absent)[]): readonly Condition[] {
  return statements.reduce<readonly Condition[]>((kept, statement) => {
    if ('absent' in statement) return removeCondition(kept, statement.type);
    const stated: ConditionStatement = { ...statement, observedGeneration: state.generation };
    return setCondition(kept, stated, now);
  }, conditions);
}

function readyOf(state: SettledState): Statement {
  const type = 'Ready';
  if (state.status === 'refused') return { type, status: 'False', reason: state.reason, message: `${state.field}: ${state.message}` };
  if (state.policy.suspend) {
    return { type, status: 'False', reason: 'Suspended', message: 'spec.suspend is true: nothing is verified or pinned under this policy; set it to false to go on' };
  }
  const notes = [...state.notes, ...state.policy.warnings];
  return { type, status: 'True', reason: 'Compiled', message: ['the policy is being applied', ...notes].join('; ') };
}

function verifiedOf(summary: SummaryStatus, rows: readonly ImageRow[]): Statement {
  const type = 'Verified';
  if (summary.images === 0) return { type, status: 'Unknown', reason: 'NoImages', message: 'no workload has an image that this policy governs' };
  const [first] = rows;
  const bad = summary.images - summary.verified - summary.excluded;
  if (bad === 0 || first === undefined) {
    return { type, status: 'True', reason: 'AllVerified', message: `${summary.verified} of ${summary.images} images verified, ${summary.excluded} excluded` };
  }
  const status = summary.failed > 0 || first.result === 'Static' ? 'False' : 'Unknown';
  return { type, status, reason: 'SomeFailed', message: `${bad} of ${summary.images} images not verified, first ${first.image}: ${first.reason}: ${first.message}` };
}

function pinnedOf(state: SettledState, id: string, records: readonly WorkloadRecord[]): Statement {
  const type = 'Pinned';
  if (records.length === 0) return { type, status: 'Unknown', reason: 'NoImages', message: 'no workload has an image that this policy governs' };
  const open = records.filter((record) => !runsPinned(id, record));
  const [first] = open;
  if (first === undefined) return { type, status: 'True', reason: 'AllVerified', message: `all ${records.length} workloads run the digests that were verified` };
  const why = first.unpinned;
  const rest = `${open.length} of ${records.length} workloads do not run a verified digest, first ${first.kind} ${first.namespace}/${first.name}`;
  const reason = open.length === 1 && why !== undefined ? why.reason : 'NotPinned';
  const mode = state.status === 'compiled' && state.policy.pin.mode === 'Never' ? '; spec.pin.mode is Never' : '';
  return { type, status: 'False', reason, message: `${rest}${why === undefined ? mode : `: ${why.message}`}` };
}

function enforcedOf(state: SettledState): Statement {
  const type = 'Enforced';
  const message = 'neither an admission webhook nor the propagation gate covers this policy: what does not verify is reported and not pinned, but not refused';
  if (state.status === 'compiled' && state.policy.enforcement === 'Audit') {
    return { type, status: 'False', reason: 'NoEnforcementPoint', message: 'spec.enforcement is Audit: nothing is refused or pinned, only reported' };
  }
  return { type, status: 'False', reason: 'NoEnforcementPoint', message };
}

function reconcilingOf({ pending, state }: StatusFacts): Statement | Absent {
  const type = 'Reconciling';
  if (pending === 0 || state.status !== 'compiled') return { type, absent: true };
  return { type, status: 'True', reason: 'Compiled', message: `${pending} workloads are still to be judged` };
}

function stalledOf(state: SettledState): Statement | Absent {
  const type = 'Stalled';
  if (state.status !== 'refused') return { type, absent: true };
  return { type, status: 'True', reason: state.reason, message: 'nothing is verified or pinned under this policy until it is corrected; Ready says what is wrong' };
}

function staleOf(id: string, records: readonly WorkloadRecord[]): Statement | Absent {
  const type = 'Stale';
  const stale = records.flatMap(({ images }) => images.filter((image) => image.verdicts.some((verdict) => verdict.stale === true && policyId(verdict.policy) === id)));
  const [first] = stale;
  if (first === undefined) return { type, absent: true };
  return { type, status: 'True', reason: 'RegistryUnavailable', message: `${stale.length} images could not be asked for again and stand on their last verdict, first ${first.field.image}` };
}
