import { CodedError, messageOf } from '../base/errors.ts';

/** What went wrong with a call to the API server, told apart by what a caller can do about it. */
export type ApiErrorCode =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'TooManyRequests'
  | 'Unavailable'
  | 'ServerError'
  /** No whole answer within the deadline, or a watch that went silent. */
  | 'Timeout'
  /** No connection, or one that broke. */
  | 'Unreachable'
  /** The answer is larger than what the caller allows. */
  | 'TooLarge'
  /** The answer is not what the API promises: no JSON, a frame without an object. */
  | 'BadResponse'
  /** Credentials could not be obtained, so nothing was sent. */
  | 'NoCredentials';

/** `details.causes` of a `Status`; `field` is a path such as `spec.images[0].glob`. */
export interface StatusCause {
  readonly field?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A `Status` object of the API server, as far as we read it (meta/v1, Status). */
export interface StatusBody {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly StatusCause[]; readonly retryAfterSeconds?: number };
}

/** Everything but the message of an ApiError. */
export interface ApiErrorDetails {
  readonly status?: number;
  readonly reason?: string;
  readonly retryAfter?: number;
  readonly causes?: readonly StatusCause[];
  readonly cause?: unknown;
}

const MAX_CAUSES = 16;

/** A call to the API server that failed. The message names the verb, the object and what the server said. */
export class ApiError extends CodedError<ApiErrorCode> {
  /** The HTTP status (or `Status.code` inside a watch); 0 where no answer came. */
  readonly status: number;
  /** `Status.reason` as the server wrote it; `''` where it gave none. */
  readonly reason: string;
  /** How long the server asks to wait; milliseconds. */
  readonly retryAfter: number | undefined;
  readonly causes: readonly StatusCause[];

  constructor(code: ApiErrorCode, message: string, details: ApiErrorDetails = {}) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status ?? 0;
    this.reason = details.reason ?? '';
    this.retryAfter = details.retryAfter;
    this.causes = (details.causes ?? []).slice(0, MAX_CAUSES);
  }
}

const CODES: Readonly<Record<number, ApiErrorCode>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  413: 'TooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'Unavailable',
  504: 'Timeout',
};

function codeOf(status: number, reason: string): ApiErrorCode {
  if (status === 409 && reason === 'AlreadyExists') return 'AlreadyExists';
  return CODES[status] ?? (status >= 500 ? 'ServerError' : 'BadRequest');
}

/** The error for an answer with this status; `what` says what was tried (`patch deployments.apps "ns/name"`). */
export function errorFromStatus(what: string, status: number, body: StatusBody, retryAfter?: number): ApiError {
  const reason = typeof body.reason === 'string' ? body.reason : '';
  const named: unknown = body.details?.causes;
  const causes = Array.isArray(named) ? (named as StatusCause[]) : [];
  const said = typeof body.message === 'string' && body.message !== '' ? body.message : `HTTP status ${status}`;
  const seconds = body.details?.retryAfterSeconds;
  const wait = retryAfter ?? (typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined);
  return new ApiError(codeOf(status, reason), `${what}: ${messageOf(said, 1024)}`, {
    status,
    reason,
    causes,
    ...(wait === undefined ? {} : { retryAfter: wait }),
  });
}

/** The milliseconds of a `Retry-After` header (RFC 9110, 10.2.3: seconds or a date); undefined where there is none. */
export function retryAfterOf(header: string | string[] | undefined, now: number): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  // Date.parse takes much for a date that is none, a negative number among it.
  const date = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function has(code: ApiErrorCode): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof ApiError && thrown.code === code;
}

/** 404: the object, its namespace or its kind does not exist. */
export const isNotFound = has('NotFound');
/** 409 on a write: somebody else changed the object first. */
export const isConflict = has('Conflict');
/** 409 on a create. */
export const isAlreadyExists = has('AlreadyExists');
/** 410: the resource version or the continue token is too old; list again. */
export const isGone = has('Gone');
/** 422: the object was refused by its schema or by validation; `causes` names the fields. */
export function isInvalid(thrown: unknown): thrown is ApiError {
  return thrown instanceof ApiError && thrown.code === 'Invalid' && !isPatchRefused(thrown);
}

/**
 * 422 without a cause: a JSON patch could not be applied, because a `test` did not hold or a path is not there, so the
 * object is no longer what the patch was made for. (The API server does not say which; seen on Kubernetes 1.35.)
 */
export function isPatchRefused(thrown: unknown): thrown is ApiError {
  return thrown instanceof ApiError && thrown.code === 'Invalid' && thrown.causes.length === 0;
}

/** 403: RBAC or admission said no. */
export const isForbidden = has('Forbidden');
