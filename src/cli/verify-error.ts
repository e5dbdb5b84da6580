import { CodedError } from '../base/errors.ts';

/** Why `verify` ends without a verified image; cosign tells these apart by its exit code. */
export type VerifyErrorCode = 'NoSignatures' | 'TagNotFound' | 'NoMatchingSignatures' | 'Other';

/** The exit codes (cosign, cmd/cosign/errors/exit_codes.go). */
export const EXIT_CODES: Readonly<Record<VerifyErrorCode, number>> = Object.freeze({ NoSignatures: 10, TagNotFound: 11, NoMatchingSignatures: 12, Other: 1 });

/** Ends the command with the exit code of its code and its message in cosign's two lines. */
export class VerifyError extends CodedError<VerifyErrorCode> {}

/** What Go says of a file that cannot be read: `open x: no such file or directory`. */
export function fileError(path: string, error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const texts: Readonly<Record<string, string>> = { ENOENT: 'no such file or directory', EACCES: 'permission denied', ENOTDIR: 'not a directory' };
  if (code === 'EISDIR') return `read ${path}: is a directory`;
  return `open ${path}: ${texts[code] ?? (code || 'cannot be read')}`;
}
