import { printable } from './text.ts';

/**
 * An error with a code from a closed set, so that callers branch on the code and never on the text.
 * The message is for people: which object, which field, what was wrong, what to do.
 */
export class CodedError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Thrown by a reconcile when trying again cannot help until an object changes. */
export class Terminal extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Terminal';
  }
}

/** Thrown by a reconcile when something outside must answer first: try again after `retryAfter` milliseconds. */
export class Waiting extends Error {
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Waiting';
    this.retryAfter = retryAfter;
  }
}

/** The message of whatever was thrown, in one line and at most `limit` characters. */
export function messageOf(thrown: unknown, limit = 512): string {
  const text = printable((thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s+/g, ' ').trim());
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** As {@link messageOf}, for errors of parsers: where code stumbled over what it was given, its message speaks of code, and `malformed` is what people are told. */
export function problemOf(thrown: unknown, limit = 512): string {
  const stumbled = thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof ReferenceError;
  return stumbled ? 'it is malformed' : messageOf(thrown, limit);
}
