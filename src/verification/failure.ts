import { Re2Error } from '../api/re2.ts';
import type { Reason, Result } from '../api/reasons.ts';
import { DeadlineExceeded } from '../base/abort.ts';
import { messageOf } from '../base/errors.ts';
import type { RegistryErrorCode } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import { MESSAGE_LIMIT, clip } from './sentences.ts';

/** What a failed look-up says of an image. */
export interface FailureVerdict {
  readonly result: Extract<Result, 'Failed' | 'Unknown'>;
  readonly reason: Reason;
  readonly message: string;
}

/** Result and reason of each code, and what to do where the error itself does not say it. */
const VERDICTS: Readonly<Record<RegistryErrorCode, readonly [FailureVerdict['result'], Reason, string?]>> = Object.freeze({
  // The upstream's own 404 is an answer, not an outage: waiting does not make the tag appear.
  NotFound: ['Failed', 'TagNotFound'],
  Unauthorized: ['Unknown', 'RegistryUnauthorized'],
  Forbidden: ['Unknown', 'RegistryUnauthorized'],
  Throttled: ['Unknown', 'RegistryThrottled'],
  Unavailable: ['Unknown', 'RegistryUnavailable'],
  ManifestInvalid: ['Unknown', 'ManifestInvalid', 'push it again'],
  DigestMismatch: ['Unknown', 'DigestMismatch', 'look for a broken cache or proxy in front of the registry'],
  // Asking again gives the same: a definite refusal, and never NoSignature.
  LimitExceeded: ['Failed', 'LimitExceeded', 'remove what is not needed'],
});

/** The verdict on an image whose look-up failed (api.md, Enforcement): `Unknown` wherever no answer was had. */
export function failureVerdict(error: unknown): FailureVerdict {
  if (error instanceof RegistryError) {
    const [result, reason, remedy] = VERDICTS[error.code];
    const end = remedy === undefined ? '' : `; ${remedy}`;
    return { result, reason, message: `${clip(error.message, MESSAGE_LIMIT - end.length)}${end}` };
  }
  if (error instanceof Re2Error) return { result: 'Unknown', reason: 'PolicyInvalid', message: clip(error.message, MESSAGE_LIMIT) };
  const message = error instanceof DeadlineExceeded ? error.message : `looking for signatures failed: ${messageOf(error, 400)}`;
  return { result: 'Unknown', reason: 'RegistryUnavailable', message: clip(`${message}; it is asked again`, MESSAGE_LIMIT) };
}
