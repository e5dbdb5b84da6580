/** Thrown for bytes that are not DER (X.690 §10). */
export class DerError extends Error {}

/** One DER element; `content` and `whole` are views of the bytes that were read. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

export const SEQUENCE = 0x30;
export const OBJECT_IDENTIFIER = 0x06;
export const OCTET_STRING = 0x04;
export const UTF8_STRING = 0x0c;
const CONSTRUCTED = 0x20;
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** Reads exactly one element: definite, minimal lengths, one-byte tags, nothing after it. */
export function readDer(bytes: Buffer, tag?: number): DerElement {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new DerError('has trailing bytes');
  return expectTag(element, tag);
}

/** The elements inside of a constructed one, in order and without a gap. */
export function derChildren(element: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let at = 0; at < element.content.length; ) {
    const child = elementAt(element.content, at);
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

/** Nested deeper than this is nothing that certificates hold. */
const MAX_DEPTH = 16;

/** Reads everything inside of an element: a length that is not minimal, or a gap, is refused wherever it is (X.690 §10.1). */
export function checkDer(element: DerElement, depth = 0): void {
  if ((element.tag & CONSTRUCTED) === 0) return;
  if (depth > MAX_DEPTH) throw new DerError(`is nested deeper than ${MAX_DEPTH}`);
  for (const child of derChildren(element)) checkDer(child, depth + 1);
}

/** The element itself if it has this tag. */
export function expectTag(element: DerElement | undefined, tag: number | undefined): DerElement {
  if (element === undefined) throw new DerError('ends early');
  if (tag !== undefined && element.tag !== tag) throw new DerError(`has tag ${element.tag} where ${tag} belongs`);
  return element;
}

/** Encodes an element of these contents. */
export function encodeDer(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length, ...size]), content]);
}

/** An OBJECT IDENTIFIER in dotted form; arcs above 2^53 are refused. */
export function derOid(element: DerElement | undefined): string {
  const { content } = expectTag(element, OBJECT_IDENTIFIER);
  const arcs: number[] = [];
  let arc = 0;
  let started = false;
  for (const byte of content) {
    if (!started && byte === 0x80) throw new DerError('has an object identifier with padding');
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw new DerError('has an object identifier that is too large');
    started = (byte & 0x80) !== 0;
    if (started) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first] = arcs;
  if (first === undefined || started) throw new DerError('has an incomplete object identifier');
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join('.');
}

/** A BOOLEAN. */
export function derBoolean(element: DerElement): boolean {
  const { content } = expectTag(element, BOOLEAN);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('has a malformed boolean');
  return content[0] === 0xff;
}

/** A small, non-negative INTEGER. */
export function derSmallInteger(element: DerElement): number {
  const { content } = expectTag(element, INTEGER);
  if (content.length === 0 || content.length > 4 || (content[0] ?? 0x80) >= 0x80) throw new DerError('has an integer out of range');
  return content.readUIntBE(0, content.length);
}

/** A Time as certificates have it: to the second, in UTC, of the century that RFC 5280 §4.1.2.5 says. Milliseconds since the epoch. */
export function derTime(element: DerElement | undefined): number {
  const { tag, content } = expectTag(element, undefined);
  const text = content.toString('latin1');
  const digits = tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : tag === GENERALIZED_TIME ? text : '';
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // Date.parse takes 31 February for a day in March.
  if (Number.isNaN(time) || new Date(time).getUTCDate() !== Number(day)) throw new DerError('has a malformed time');
  return time;
}

export function isBoolean(element: DerElement): boolean {
  return element.tag === BOOLEAN;
}

function elementAt(bytes: Buffer, start: number): DerElement {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new DerError('ends early');
  if ((tag & 0x1f) === 0x1f) throw new DerError('has a tag of several bytes');
  const { length, at } = first < 0x80 ? { length: first, at: start + 2 } : longLength(bytes, start + 2, first & 0x7f);
  const end = at + length;
  if (end > bytes.length) throw new DerError('ends early');
  return { tag, content: bytes.subarray(at, end), whole: bytes.subarray(start, end) };
}

function longLength(bytes: Buffer, at: number, size: number): { length: number; at: number } {
  if (size === 0 || size > 4 || at + size > bytes.length) throw new DerError('has a malformed length');
  const length = bytes.readUIntBE(at, size);
  if (length < 0x80 || bytes[at] === 0) throw new DerError('has a length that is not minimal');
  return { length, at: at + size };
}
