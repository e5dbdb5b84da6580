import assert from 'node:assert/strict';

/** One parser of bytes from outside, and what must hold of it whatever the bytes are. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that are read well, or nearly; made when they are asked for. */
  readonly seeds: () => readonly Buffer[];
  /** Pieces of text that mean something to it. */
  readonly tokens?: readonly string[];
  /** Reads the input; throws where a property does not hold. */
  readonly run: (input: Buffer) => void | Promise<void>;
  /** What one input may cost at most (test/support/cost.ts: milliseconds of a fixed machine). Default: 150. */
  readonly cost?: number;
  /** Inputs are cut at this length; bytes. Default: 128 KiB. */
  readonly maxBytes?: number;
}

/** A class of errors. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Words of JavaScript itself: a message with one of them was not written for people. */
const FOREIGN = /Cannot (?:read|set|convert) |is not (?:a function|iterable|defined)|\bundefined\b|\[object |\bNaN\b/;

/** What `task` returns; undefined where it throws one of the errors that it may. Any other error, or one whose text is not for people, fails. */
export function only<Value>(classes: readonly ErrorClass[], task: () => Value): Value | undefined {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof Error) || !classes.some((one) => error instanceof one)) throw error;
    assert.ok(error.message.length <= 4096, `a message of ${error.message.length} characters: ${error.message.slice(0, 200)}`);
    assert.doesNotMatch(error.message, FOREIGN);
    return undefined;
  }
}

/** Bytes of each text or JSON value. */
export function bytesOf(...values: readonly unknown[]): readonly Buffer[] {
  return values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))));
}
