import { STATUS_CODES } from 'node:http';
import { printable } from '../base/text.ts';
import { header, mediaTypeOf, retryAfterOf, type Headers } from './headers.ts';
import { RegistryError, type RegistryErrorCode, type RepositoryName } from './types.ts';

/** What was asked for, in the words of the messages: `tag "1.4"`, of which repository at which registry. */
export interface Subject {
  readonly repository: RepositoryName;
  readonly what: string;
}

/** What a failure is judged by. */
export interface FailedReply {
  readonly status: number;
  readonly headers: Headers;
  /** The first bytes of the body. */
  readonly bytes: Uint8Array;
  /** The host that answered, where the registry had sent us elsewhere. */
  readonly elsewhere?: string | undefined;
  /** Why credentials were not used, if that was so. */
  readonly note?: string | undefined;
  /** `GET https://…`, where it was the registry that was asked. */
  readonly request?: string;
}

// distribution-spec (Error Codes) and the registries' older ones: a closed set, so that a registry cannot put words into our messages.
const CODES = new Set([
  'BLOB_UNKNOWN', 'BLOB_UPLOAD_INVALID', 'BLOB_UPLOAD_UNKNOWN', 'DENIED', 'DIGEST_INVALID', 'FORBIDDEN', 'INTERNAL_ERROR', 'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID', 'MANIFEST_UNKNOWN', 'MANIFEST_UNVERIFIED', 'NAME_INVALID', 'NAME_UNKNOWN', 'NOT_FOUND', 'PAGINATION_NUMBER_INVALID',
  'SIZE_INVALID', 'TAG_INVALID', 'TOOMANYREQUESTS', 'UNAUTHORIZED', 'UNAVAILABLE', 'UNKNOWN', 'UNSUPPORTED',
]);

/** The first error of an OCI error body. */
interface OciError {
  readonly code: string;
  /** The registry's own words; empty where it has none. */
  readonly message: string;
}

/** The first error code of an OCI error body, if it is one that the specifications know. */
export function ociErrorCode(bytes: Uint8Array): string | undefined {
  return ociError(bytes)?.code;
}

function ociError(bytes: Uint8Array): OciError | undefined {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const errors: unknown = typeof body === 'object' && body !== null && 'errors' in body ? body.errors : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first !== 'object' || first === null || !('code' in first) || typeof first.code !== 'string' || !CODES.has(first.code)) return undefined;
  return { code: first.code, message: 'message' in first && typeof first.message === 'string' ? first.message : '' };
}

/** Whether it was a registry that answered, and not a proxy whose backend is gone: a 404 of those says nothing. */
export function isRegistrysOwn(reply: FailedReply): boolean {
  return ociErrorCode(reply.bytes) !== undefined || header(reply.headers, 'docker-distribution-api-version') !== undefined;
}

/** `tag "1.4" of repository acme/web at registry ghcr.io` */
export function name(subject: Subject): string {
  return `${subject.what} of repository ${subject.repository.path} at registry ${subject.repository.host}`;
}

function codeOf(reply: FailedReply, oci: string | undefined): RegistryErrorCode {
  if (reply.status === 429 || oci === 'TOOMANYREQUESTS') return 'Throttled';
  if (reply.status === 404) return 'NotFound';
  // Credentials for the registry do not matter to the store it redirected to: there a refusal is a fault.
  if ((reply.status === 401 || reply.status === 403) && reply.elsewhere === undefined) return 'Unauthorized';
  return 'Unavailable';
}

const ADVICE: Partial<Record<RegistryErrorCode, string>> = {
  NotFound: '; check the name, and whether it was pushed',
  Unauthorized: '; it is private or does not exist: give credentials that may pull it',
  Throttled: '; wait, or use credentials with a higher limit',
};

/** Of a registry's own words so many characters are repeated. */
const MAX_WORDS = 256;

/** What cosign prints of an answer: the registry's own words too, of which a terminal is shown one bounded line and nothing that steers it. */
function spoken(request: string, status: number, error: OciError | undefined): string {
  if (error === undefined) return `${request}: unexpected status code ${statusText(status)}`;
  return `${request}: ${error.code}: ${printable(error.message.slice(0, MAX_WORDS))}`;
}

function statusText(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trim();
}

/** The error for an answer other than 200. Its message has nothing of the body but a known error code; the words for cosign's users (`asCosign`) have the registry's beside it. */
export function failureOf(reply: FailedReply, subject: Subject, now: number): RegistryError {
  const error = ociError(reply.bytes);
  const oci = error?.code;
  const code = codeOf(reply, oci);
  const retryAfter = retryAfterOf(header(reply.headers, 'retry-after'), now);
  const answer = `${reply.status}${oci === undefined ? '' : ` ${oci}`}`;
  const where = reply.elsewhere === undefined ? '' : ` from ${reply.elsewhere}, where the registry had sent us`;
  const wait = retryAfter === undefined ? '' : `, asking to wait ${Math.ceil(retryAfter / 1000)} s`;
  const note = reply.note === undefined ? '' : `; ${reply.note}`;
  const text = `${name(subject)}: the answer was ${answer}${where}${wait}${ADVICE[code] ?? ''}${note}`;
  const asCosign = reply.request === undefined ? undefined : spoken(reply.request, reply.status, error);
  return new RegistryError(code, text, { ...(retryAfter === undefined ? {} : { retryAfter }), ...(asCosign === undefined ? {} : { asCosign }) });
}

/** The error for an answer of 200 that is not what it should be. */
export function invalid(subject: Subject, problem: string, options?: ErrorOptions): RegistryError {
  return new RegistryError('ManifestInvalid', `${name(subject)}: ${problem}`, options);
}

/** A short form of the media type for messages; a registry's text is shown only where it is well-formed. */
export function shownType(headers: Headers): string {
  const type = mediaTypeOf(headers);
  return /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}$/.test(type) ? type : 'no media type';
}
