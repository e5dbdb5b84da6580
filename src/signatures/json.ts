import { hasMoreParts } from '../base/json-parts.ts';

/** Thrown for JSON that is not what it seems; the message says what is wrong with it. */
export class JsonError extends Error {}

/** Thrown for JSON, or for bytes in it, beyond a limit. */
export class JsonLimitError extends JsonError {}

/** Members and elements of one strict document: 1,024 subjects of a statement with all of their digests have fewer. */
const MAX_PARTS = 65_536;

/** A JSON object whose members have not been looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses UTF-8 JSON (RFC 8259). `strict` also refuses what two parsers may read differently: a key that occurs twice in
 * one object, `__proto__`, nesting deeper than `maxDepth` (CWE-1321, RFC 8259 §4), and more than `maxParts` values (65,536 unless told
 * otherwise). The caller has capped the size.
 */
export function parseJson(bytes: Uint8Array, options: { readonly strict: boolean; readonly maxDepth: number; readonly maxParts?: number }): unknown {
  const { maxParts = MAX_PARTS } = options;
  if (options.strict && hasMoreParts(bytes, maxParts)) throw new JsonLimitError(`has more than ${maxParts} members and elements`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: options.strict, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new JsonError('is not valid UTF-8', { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new JsonError('is not valid JSON', { cause: error });
  }
  refuseAmbiguity(text, options);
  return value;
}

/** The value as an object; anything else is a {@link JsonError} that names `what`. */
export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonError(`${what} is not an object`);
  return value as JsonObject;
}

/** The value as a list; absent is an empty one, anything else a {@link JsonError} that names `what`. */
export function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new JsonError(`${what} is not a list`);
  return value as readonly unknown[];
}

/** The value as a string; anything else is a {@link JsonError} that names `what`. */
export function asString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new JsonError(`${what} is not a string`);
  return value;
}

/**
 * Refuses members of a protobuf message that are spelled in snake case. WARNING: protobuf's decoder reads `tlog_entries` as `tlogEntries`, so
 * that whoever spells a member so would get round what is counted and measured before anything is decoded. Throws {@link JsonError}.
 */
export function refuseSnakeCase(value: unknown, what: string): void {
  if (Array.isArray(value)) for (const member of value) refuseSnakeCase(member, what);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      if (key.includes('_')) throw new JsonError(`${what} has the member ${JSON.stringify(key.slice(0, 64))}, and names in it have no underscore`);
      refuseSnakeCase(member, what);
    }
  }
}

/** Walks text that `JSON.parse` has accepted, so that quotes and brackets are known to be in order. */
function refuseAmbiguity(text: string, { strict, maxDepth }: { strict: boolean; maxDepth: number }): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > maxDepth) throw new JsonLimitError(`is nested deeper than ${maxDepth}`);
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (strict && isKey(text, end)) refuseKey(keyOf(text.slice(at, end)), open.at(-1));
      at = end - 1;
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** In valid JSON a string is a key exactly when a colon follows. */
function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return text[at] === ':';
}

/** Two spellings of one key are one key. */
function keyOf(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

function refuseKey(key: string, seen: Set<string> | undefined): void {
  if (key === '__proto__') throw new JsonError('has a key __proto__');
  if (seen?.has(key) === true) throw new JsonError(`has the key ${JSON.stringify(key)} twice in one object`);
  seen?.add(key);
}

/**
 * Decodes standard, padded base64 (RFC 4648 §4) of at most `limit` bytes. Node's decoder skips whatever it does not know,
 * so that many texts mean the same bytes: only the one text that encodes them is accepted.
 */
export function fromBase64(value: unknown, what: string, limit: number): Buffer {
  const text = asString(value, what);
  if (text.length > Math.ceil(limit / 3) * 4) throw new JsonLimitError(`${what} is larger than ${limit} bytes`);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new JsonError(`${what} is not base64`);
  return bytes;
}
