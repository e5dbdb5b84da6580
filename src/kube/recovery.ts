import { backoff } from '../base/backoff.ts';
import type { BackoffOptions } from '../base/backoff.ts';
import { messageOf } from '../base/errors.ts';
import { ApiError } from './api-error.ts';
import type { ApiErrorCode } from './api-error.ts';
import { apiVersionOf, resourceName } from './object.ts';
import type { Resource } from './object.ts';

/** The code of whatever ended a list or a watch; `Unexpected` is an error of ours. */
export type FailureCode = ApiErrorCode | 'Unexpected';

const MAX_RETRY_AFTER = 60_000;

/** The code of what was thrown. */
export function failureCode(thrown: unknown): FailureCode {
  return thrown instanceof ApiError ? thrown.code : 'Unexpected';
}

/** Why the cache cannot follow the API server at the moment; it goes on trying. */
export interface ReflectorProblem {
  /** `NotFound`: the API server does not have this kind (its CRD is missing). `Forbidden`: RBAC lacks `verb`. */
  readonly code: FailureCode;
  readonly verb: 'list' | 'watch';
  readonly message: string;
  /** When it began; milliseconds since the epoch. */
  readonly since: number;
}

/** How one list or watch ended: `ok`, or the code of its error. */
export interface ReflectorRecord {
  readonly code: FailureCode | 'ok';
  readonly seconds: number;
  /** Objects of the list, or events of the watch. */
  readonly count: number;
}

export interface ReflectorHooks {
  onList?(resource: Resource, record: ReflectorRecord): void;
  onWatch?(resource: Resource, record: ReflectorRecord): void;
  /** A problem began, changed its code, or ended (undefined). */
  onProblem?(resource: Resource, problem: ReflectorProblem | undefined): void;
  /** A handler or the projection threw: a bug, and the cache goes on. */
  onHandlerError?(resource: Resource, error: unknown): void;
}

/** Where a watch was when it failed, and where the last frame that could not be read was. */
export interface WatchPosition {
  readonly version: string | undefined;
  readonly unreadableAt: string | undefined;
}

/** A kind that is gone, a version that the server does not take any more, a bug of ours: start from what is there. */
const STARTS_OVER: ReadonlySet<FailureCode> = new Set<FailureCode>(['Gone', 'NotFound', 'BadRequest', 'Invalid', 'Unexpected']);
const UNREADABLE: ReadonlySet<FailureCode> = new Set<FailureCode>(['BadResponse', 'TooLarge']);

/** Whether the watch brought something that could not be read. */
export function isUnreadable(code: FailureCode): boolean {
  return UNREADABLE.has(code);
}

/**
 * Whether a watch that failed so can go on from its last version, or has to begin with a new list. The same unreadable
 * place twice stands in the way for good, and only a list leads around it.
 */
export function afterWatchFailure(code: FailureCode, at: WatchPosition): 'relist' | 'resume' {
  if (STARTS_OVER.has(code)) return 'relist';
  return isUnreadable(code) && at.unreadableAt === at.version ? 'relist' : 'resume';
}

/** How long to wait after the failure number `attempt` (from 0), at least as long as the server asked; milliseconds. */
export function waitAfterFailure(thrown: unknown, attempt: number, options: BackoffOptions, random: () => number): number {
  // The first "too old" is the ordinary end of a long absence, not a sign of trouble.
  if (failureCode(thrown) === 'Gone' && attempt === 0) return 0;
  const asked = thrown instanceof ApiError ? (thrown.retryAfter ?? 0) : 0;
  return Math.max(backoff(options, attempt, random), Math.min(asked, MAX_RETRY_AFTER));
}

/** Whether `version` is lower than `than`; versions that are no decimal numbers cannot be compared (KEP-5504). */
export function isOlder(version: string, than: string | undefined): boolean {
  if (than === undefined || !/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

/** The sentence for people: a kind that the API server does not have is told apart from an object that is not there. */
export function explainFailure(thrown: unknown, resource: Resource): string {
  if (failureCode(thrown) !== 'NotFound') return messageOf(thrown, 1024);
  return `the API server has no ${resourceName(resource)} in ${apiVersionOf(resource)}: install its CustomResourceDefinition`;
}
