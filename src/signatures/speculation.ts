import { DerError } from './der.ts';

/** What the library may read of one certificate or token: a step that fails takes it some ten microseconds. Genuine ones take some hundred steps. */
const MAX_STEPS = 4_000;
/** Deeper than this the library gives up. */
const MAX_DEPTH = 100;
const FAILED = -1;

/** The bytes, and how many elements the library would have begun to read so far. */
interface Reading {
  readonly bytes: Buffer;
  steps: number;
}

/**
 * Throws {@link DerError} for bytes that would keep `@sigstore/core` busy. It reads the content of every OCTET STRING as if it were DER, past the
 * string's end too, and where that fails reads on after it: strings inside of strings double the work at each level, so that a timestamp token of
 * 900 bytes takes hours. This goes the same way, counts, and stops. WARNING: before anything from outside is given to that parser.
 */
export function checkSpeculation(bytes: Buffer): void {
  elementAt({ bytes, steps: 0 }, 0, 0);
}

/** Where the element at `at` ends, or FAILED where the library would throw. */
function elementAt(reading: Reading, at: number, depth: number): number {
  reading.steps += 1;
  if (reading.steps > MAX_STEPS) throw new DerError(`takes more than ${MAX_STEPS} steps to read: it has octet strings inside of octet strings`);
  const { bytes } = reading;
  const tag = bytes[at] ?? 0;
  if (depth > MAX_DEPTH || (tag & 0x1f) === 0x1f || (tag & 0xdf) === 0) return FAILED;
  const length = lengthAt(bytes, at + 1);
  if (length === undefined || length.end > bytes.length) return FAILED;
  const content = tag === 0x04 || (tag & 0x20) !== 0 ? contentOf(reading, length.start, length.end, depth) : true;
  return content || tag === 0x04 ? length.end : FAILED;
}

/** Whether elements fill the content to its end. The library looks at the end of all bytes only while it reads each. */
function contentOf(reading: Reading, start: number, end: number, depth: number): boolean {
  let at = start;
  while (at < end && at !== FAILED) at = elementAt(reading, at, depth + 1);
  return at === end;
}

function lengthAt(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  const first = bytes[at];
  if (first === undefined || first < 0x80) return first === undefined ? undefined : { start: at + 1, end: at + 1 + first };
  const size = first & 0x7f;
  if (size === 0 || size > 6 || at + 1 + size > bytes.length || bytes[at + 1] === 0) return undefined;
  const length = bytes.readUIntBE(at + 1, size);
  return length < 0x80 ? undefined : { start: at + 1 + size, end: at + 1 + size + length };
}
