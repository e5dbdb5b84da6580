import { printable } from '../base/text.ts';

/** A condition of an object's status (metav1.Condition). */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
}

/** A condition as a controller states it, without its history. */
export type ConditionStatement = Omit<Condition, 'lastTransitionTime'>;

/** metav1.Condition allows 32 KiB; a message for people is a few sentences. */
const MAX_MESSAGE = 1024;

/**
 * The conditions with `statement` in place of the one of its type. `lastTransitionTime` changes only with the status, so
 * that `kubectl wait` and alerts tell since when; where nothing changed, the same array is returned, and no write is due.
 * @param now milliseconds since the epoch
 */
export function setCondition(conditions: readonly Condition[], statement: ConditionStatement, now: number): readonly Condition[] {
  const text = printable(statement.message);
  const message = text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`;
  const current = conditions.find(({ type }) => type === statement.type);
  const next: Condition = {
    ...statement,
    message,
    lastTransitionTime: current?.status === statement.status ? current.lastTransitionTime : formatTime(now),
  };
  if (current === undefined) return [...conditions, next];
  return isSame(current, next) ? conditions : conditions.map((condition) => (condition === current ? next : condition));
}

/** The conditions without the one of this type; the same array where there is none. */
export function removeCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.some((condition) => condition.type === type) ? conditions.filter((condition) => condition.type !== type) : conditions;
}

/** The time in the form that Kubernetes writes: RFC 3339 in UTC, whole seconds. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Reads an RFC 3339 time as milliseconds since the epoch; `undefined` for anything else, as `2026-02-30T00:00:00Z`. */
export function parseTime(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)T\d\d:[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  const time = match === null ? Number.NaN : Date.parse(text);
  const day = Date.parse(`${match?.[1]}T00:00:00Z`);
  // JavaScript rolls 30 February over into March; the day that was written must be the day that is read.
  return Number.isNaN(time) || Number.isNaN(day) || !formatTime(day).startsWith(match?.[1] ?? '-') ? undefined : time;
}

function isSame(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration &&
    a.lastTransitionTime === b.lastTransitionTime
  );
}
