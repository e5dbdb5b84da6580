import { parseTime } from '../../api/conditions.ts';
import { Refused } from './refused.ts';
import type { ListNode, MapNode, ObjectNode, SchemaNode, StringNode } from './schema.ts';
import { suggest } from './suggest.ts';

/**
 * Checks a value against what this build knows of its schema, and returns it with defaults in place of what is absent.
 * An unknown field is refused wherever it is: ignoring it could ignore what somebody demanded.
 * @param field path of the value, for the message
 * @throws Refused for the first thing that does not fit
 */
export function walk(node: SchemaNode, value: unknown, field: string): unknown {
  switch (node.type) {
    case 'object':
      return walkObject(node, value, field);
    case 'map':
      return walkMap(node, value, field);
    case 'list':
      return walkList(node, value, field);
    case 'string':
      return walkString(node, value, field);
    case 'integer': {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = node;
      if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
      throw new Refused(field, `must be a whole number from ${minimum} to ${maximum}`);
    }
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw new Refused(field, 'must be true or false');
    default:
      return node satisfies never;
  }
}

function walkObject(node: ObjectNode, value: unknown, field: string): unknown {
  const object = record(value, field);
  const names = Object.keys(node.fields);
  for (const name of Object.keys(object)) {
    if (Object.hasOwn(node.fields, name)) continue;
    throw new Refused(pathOf(field, name), unknownField(name, names));
  }
  const missing = node.required?.find((name) => object[name] === undefined);
  if (missing !== undefined) throw new Refused(`${field}.${missing}`, 'is required');
  const entries = Object.entries(node.fields).flatMap(([name, inner]) => {
    const present = withDefault(inner, object[name]);
    return present === undefined ? [] : [[name, walk(inner, present, `${field}.${name}`)] as const];
  });
  return Object.fromEntries(entries);
}

/** As the API server does it: what is absent, and a null where there is a default, becomes the default. */
function withDefault(node: SchemaNode, value: unknown): unknown {
  if (value !== undefined && value !== null) return value;
  return 'default' in node && node.default !== undefined ? node.default : value;
}

function unknownField(name: string, known: readonly string[]): string {
  const meant = suggest(name, known);
  const hint = meant === undefined ? `known here are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `is not known to this version of Assay, which therefore cannot act on it; ${hint}`;
}

function walkMap(node: MapNode, value: unknown, field: string): unknown {
  const entries = Object.entries(record(value, field));
  checkCount(field, entries.length, node.minProperties, node.maxProperties);
  return Object.fromEntries(entries.map(([name, inner]) => [name, walk(node.values, inner, pathOf(field, name, true))]));
}

function walkList(node: ListNode, value: unknown, field: string): unknown {
  if (!Array.isArray(value)) throw new Refused(field, 'must be a list');
  checkCount(field, value.length, node.minItems, node.maxItems);
  return value.map((item, index) => walk(node.items, item, `${field}[${index}]`));
}

function walkString(node: StringNode, value: unknown, field: string): string {
  if (typeof value !== 'string') throw new Refused(field, 'must be a text');
  if (node.enum !== undefined && !node.enum.includes(value)) {
    throw new Refused(field, `"${value.slice(0, 64)}" is none of ${node.enum.join(', ')}`);
  }
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = node;
  if (value.length < minLength) throw new Refused(field, 'must not be empty');
  if (value.length > maxLength) throw new Refused(field, `must not be longer than ${maxLength} characters`);
  if (node.format === 'date-time' && parseTime(value) === undefined) {
    throw new Refused(field, `"${value}" is no time; write it such as 2026-01-31T12:00:00Z`);
  }
  return value;
}

function checkCount(field: string, count: number, least = 0, most = Number.POSITIVE_INFINITY): void {
  if (count < least) throw new Refused(field, `must have at least ${least} ${least === 1 ? 'entry' : 'entries'}; remove the field if none was meant`);
  if (count > most) throw new Refused(field, `must not have more than ${most} entries`);
}

function record(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refused(field, 'must be an object');
  return value as Record<string, unknown>;
}

/** The path of a field; names that are not plain, and keys of maps, are in brackets as the API server writes them. */
function pathOf(field: string, name: string, key = false): string {
  const short = name.length <= 64 ? name : `${name.slice(0, 63)}…`;
  return key || !/^[A-Za-z_][\w-]*$/.test(short) ? `${field}[${short}]` : `${field}.${short}`;
}
