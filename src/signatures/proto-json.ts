import { JsonError } from './json.ts';
import type { JsonObject } from './json.ts';

/** What a field of a protobuf message holds; a list of one type is a repeated field, an object a message. */
export type ProtoField = 'string' | 'bytes' | 'integer' | 'struct' | 'strings' | ProtoMessage | ProtoEnumeration | readonly [ProtoField];

/** The names that an enumeration has. */
export interface ProtoEnumeration {
  readonly names: readonly string[];
}

/** The fields of a message by their names in JSON. Of those in `oneOf` at most one may be set. */
export interface ProtoMessage {
  readonly fields: Readonly<Record<string, ProtoField>>;
  readonly oneOf?: readonly string[];
  /** Its names have no other spelling: they are not in snake case in its definition. */
  readonly oneSpelling?: boolean;
  /** Another name of a field that is not its own in snake case. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/**
 * The message as protobuf's JSON mapping reads it (protobuf.dev, ProtoJSON Format) and would write it: names in either spelling, base64 of
 * either alphabet with or without padding, `null` for what is not there; a member that the message does not have is refused. `value` is
 * parsed JSON in which no object has a key twice. Throws {@link JsonError}.
 */
export function readProto(value: unknown, message: ProtoMessage, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonError(`${what} is not an object`);
  const read: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const name = Object.keys(message.fields).find((field) => field === key || (message.oneSpelling !== true && snake(field) === key) || message.aliases?.[field] === key);
    const field = name === undefined ? undefined : message.fields[name];
    if (name === undefined || field === undefined) throw new JsonError(`${what} has a member ${JSON.stringify(key.slice(0, 64))}, which is not known`);
    if (Object.hasOwn(read, name)) throw new JsonError(`${what} has ${name} twice`);
    if (member !== null) read[name] = readField(member, field, `${what}.${name}`);
  }
  const set = (message.oneOf ?? []).filter((name) => Object.hasOwn(read, name));
  if (set.length > 1) throw new JsonError(`of ${set.join(', ')} ${what} may have one only`);
  return read;
}

function readField(value: unknown, field: ProtoField, what: string): unknown {
  if (Array.isArray(field)) return readList(value, (field as readonly [ProtoField])[0], what);
  switch (field) {
    case 'string':
      return text(value, what);
    case 'bytes':
      return bytes(value, what);
    case 'integer':
      return integer(value, what);
    case 'struct':
      return wellFormed(object(value, what), what);
    case 'strings':
      return Object.fromEntries(Object.entries(object(value, what)).map(([key, member]) => [text(key, what), text(member, what)]));
    default:
      return 'names' in field ? enumeration(value, field, what) : readProto(value, field as ProtoMessage, what);
  }
}

function enumeration(value: unknown, { names }: ProtoEnumeration, what: string): number | string {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value !== 'string' || !names.includes(value)) throw new JsonError(`${what} is none of its names`);
  return value;
}

function readList(value: unknown, field: ProtoField, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new JsonError(`${what} is not a list`);
  return value.map((member, index) => readField(member, field, `${what}[${index}]`));
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function object(value: unknown, what: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonError(`${what} is not an object`);
  return value;
}

/** A lone half of a surrogate pair is no text in protobuf. */
function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw new JsonError(`${what} is not a string`);
  return value;
}

/** The alphabet is told by its own letters, and padding is wanted where the length is that of padded text. */
function bytes(value: unknown, what: string): string {
  const standard = text(value, what).replaceAll('-', '+').replaceAll('_', '/');
  const mixed = /[-_]/.test(value as string) && /[+/]/.test(value as string);
  const body = standard.replaceAll(/[\r\n]/g, '');
  const decoded = Buffer.from(body, 'base64');
  const padding = '='.repeat((4 - (body.replaceAll('=', '').length % 4)) % 4);
  const fits = standard.length % 4 === 0 ? body === body.replaceAll('=', '') + padding : !body.includes('=');
  if (mixed || !fits || !/^[A-Za-z0-9+/]*={0,2}$/.test(body) || padding.length === 3) throw new JsonError(`${what} is not base64`);
  return decoded.toString('base64');
}

/** A 64-bit integer, as a string or a number. */
function integer(value: unknown, what: string): string {
  const number = typeof value === 'string' && /^-?\d+(?:\.0+)?(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) throw new JsonError(`${what} is not an integer`);
  return typeof value === 'string' && /^-?\d+$/.test(value) ? String(BigInt(value)) : String(BigInt(number));
}

function wellFormed<Value>(value: Value, what: string): Value {
  if (typeof value === 'string') text(value, what);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      text(key, what);
      wellFormed(member, what);
    }
  }
  return value;
}
