import { type Condition, removeCondition, setCondition } from '../api/conditions.ts';
import type { ConditionReason } from '../api/reasons.ts';
import { messageOf } from '../base/errors.ts';
import { commonReason, firstOf, type PolicyPicture } from './policy-picture.ts';
import type { SettledState } from './policy-set.ts';
import type { ImageRow, SummaryStatus } from './status-images.ts';

/** What conditions are stated from. */
export interface ConditionFacts {
  readonly state: SettledState;
  readonly picture: PolicyPicture;
  readonly summary: SummaryStatus;
  readonly rows: readonly ImageRow[];
  /** How many workloads wait for being judged under the policy as it is now. */
  readonly pending: number;
  /** Why it is not known what clusters run; absent where it is, and without Karmada. */
  readonly blind?: string | undefined;
  /** The conditions that the object has. */
  readonly conditions: readonly Condition[];
  readonly now: number;
}

/** The types that we write; a condition of any other type belongs to somebody else. */
const OWN: ReadonlySet<string> = new Set(['Ready', 'Verified', 'Pinned', 'Enforced', 'Held', 'Stale', 'Reconciling', 'Stalled']);

/** Only those conditions that are ours to write. */
export function ownConditions(conditions: readonly Condition[]): readonly Condition[] {
  return conditions.every(({ type }) => OWN.has(type)) ? conditions : conditions.filter(({ type }) => OWN.has(type));
}

type Statement = { readonly type: string; readonly status: Condition['status']; readonly reason: ConditionReason; readonly message: string };
/** A condition that is only there while it is true (kstatus: abnormal-true). */
type Absent = { readonly type: string; readonly absent: true };

/** Every condition of a policy (api.md, status), in the order and with the times that the known ones have. */
export function policyConditions(facts: ConditionFacts): readonly Condition[] {
  const ready = readyOf(facts.state);
  const statements = [ready, unlessBlind(verifiedOf(facts, ready), facts), unlessBlind(pinnedOf(facts, ready), facts), enforcedOf(facts.state), reconcilingOf(facts), stalledOf(facts.state), staleOf(facts.picture)];
  return statements.reduce<readonly Condition[]>(
    (kept, statement) =>
      'absent' in statement
        ? removeCondition(kept, statement.type)
        : setCondition(kept, { ...statement, observedGeneration: facts.state.generation }, facts.now),
    ownConditions(facts.conditions),
  );
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

function verifiedOf({ summary, rows, pending }: ConditionFacts, ready: Statement): Statement {
  const type = 'Verified';
  // kubectl's wide columns show this reason and message: the one to act on is why nothing is verified at all.
  if (ready.status !== 'True') return { ...ready, type, status: 'Unknown' };
  if (summary.images === 0) return nothingIn(type, pending);
  const [first] = rows;
  const bad = summary.images - summary.verified - summary.excluded;
  if (bad === 0 || first === undefined) {
    return { type, status: 'True', reason: 'AllVerified', message: `${summary.verified} of ${summary.images} images verified, ${summary.excluded} excluded` };
  }
  const status = summary.failed > 0 || summary.unknown === 0 ? 'False' : 'Unknown';
  return { type, status, reason: 'SomeFailed', message: `${bad} of ${summary.images} images not verified: ${named(rows, bad)}` };
}

const MAX_NAMED = 3;

/** One image is told with what to do about it; of several it would take a page, so they are only named. */
function named(rows: readonly ImageRow[], bad: number): string {
  const open = rows.filter(({ result }) => result !== 'Verified' && result !== 'Excluded').slice(0, MAX_NAMED);
  const [first] = open;
  if (bad === 1 && first !== undefined) return `${first.image}: ${first.reason}: ${first.message}`;
  const names = open.map(({ image, reason }) => `${image} (${reason})`).join(', ');
  return `${names}${bad > open.length ? ` and ${bad - open.length} more` : ''}; status.images says what to do about each`;
}

/** WARNING: that all templates are well says nothing of what overrides make of them: an outage must not look like an all-clear (README.md, invariant 4). */
function unlessBlind(statement: Statement, { blind }: ConditionFacts): Statement {
  if (blind === undefined || statement.status !== 'True') return statement;
  const message = messageOf(`what clusters run is not known (${blind}); at the control plane: ${statement.message}`);
  return { ...statement, status: 'Unknown', reason: 'ClustersUnknown', message };
}

function pinnedOf({ state, picture, pending }: ConditionFacts, ready: Statement): Statement {
  const type = 'Pinned';
  if (ready.status !== 'True') return { ...ready, type, status: 'Unknown' };
  const { open, pinned } = picture;
  const first = firstOf(open);
  const all = pinned + open.size;
  if (all === 0) return nothingIn(type, pending);
  if (first === undefined) return { type, status: 'True', reason: 'AllVerified', message: `all ${count(all, 'workload')} run the digests that were verified` };
  const rest = `${open.size} of ${count(all, 'workload')} not running a verified digest, first ${first.kind} ${first.namespace}/${first.name}`;
  const mode = state.status === 'compiled' && state.policy.pin.mode === 'Never' ? '; spec.pin.mode is Never' : '';
  const { unpinned } = first;
  // Names of clusters are not for everybody who may read the policy of a namespace.
  const told = state.key.namespace === undefined ? unpinned?.message : (unpinned?.discreet ?? unpinned?.message);
  const why = told === undefined ? mode : `: ${told}`;
  return { type, status: 'False', reason: commonReason(open) ?? 'NotPinned', message: `${rest}${why}` };
}

function nothingIn(type: string, pending: number): Statement {
  const message = pending === 0 ? 'no workload has an image that this policy governs' : `none was judged yet, ${count(pending, 'workload')} to go`;
  return { type, status: 'Unknown', reason: 'NoImages', message };
}

function enforcedOf(state: SettledState): Statement {
  const audit = state.status === 'compiled' && state.policy.enforcement === 'Audit';
  const message = audit
    ? 'spec.enforcement is Audit: nothing is refused or pinned, only reported'
    : 'neither an admission webhook nor the propagation gate covers this policy: what does not verify is reported and not pinned, but not refused';
  return { type: 'Enforced', status: 'False', reason: 'NoEnforcementPoint', message };
}

function reconcilingOf({ pending, state }: ConditionFacts): Statement | Absent {
  const type = 'Reconciling';
  // Under a policy that is not in force judging leads nowhere: it is Stalled, and kstatus wants only one of the two.
  if (pending === 0 || state.status === 'refused') return { type, absent: true };
  return { type, status: 'True', reason: 'Compiled', message: `${count(pending, 'workload')} still to be judged` };
}

function stalledOf(state: SettledState): Statement | Absent {
  const type = 'Stalled';
  if (state.status !== 'refused') return { type, absent: true };
  return { type, status: 'True', reason: state.reason, message: 'nothing is verified or pinned under this policy until it is corrected; Ready says what is wrong' };
}

function staleOf({ stale }: PolicyPicture): Statement | Absent {
  const type = 'Stale';
  const first = firstOf(stale);
  if (first === undefined) return { type, absent: true };
  return { type, status: 'True', reason: 'RegistryUnavailable', message: `${count(stale.size, 'image')} could not be asked for again and stand on their last verdict, first ${first.field.image}` };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
