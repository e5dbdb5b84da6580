import { apiVersionOf } from './object.ts';
import type { ObjectRef, Resource } from './object.ts';

/** One step of a JSON patch (RFC 6902). The server applies all of them or none. */
export type JsonPatchOperation =
  | { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** A JSON pointer to these segments; `/` and `~` in them are escaped (RFC 6901, section 3). */
export function pointer(...segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The whole patch is refused unless the value at `path` equals `value`. */
export function testAt(path: string, value: unknown): JsonPatchOperation {
  return { op: 'test', path, value };
}

/** Replaces what is at `path`, provided that it is still `from`: two operations. */
export function swapAt(path: string, from: unknown, to: unknown): readonly JsonPatchOperation[] {
  return [testAt(path, from), { op: 'replace', path, value: to }];
}

/**
 * Sets (or with `undefined` removes) one annotation, provided that it still has the value in `annotations`; nothing at all
 * when it has the wanted value. An object without annotations gets the map first: `add` does not make parents.
 */
export function annotationAt(annotations: Readonly<Record<string, string>> | undefined, key: string, value: string | undefined): readonly JsonPatchOperation[] {
  const current = annotations === undefined || !Object.hasOwn(annotations, key) ? undefined : annotations[key];
  if (current === value) return [];
  const path = pointer('metadata', 'annotations', key);
  if (value === undefined) return [testAt(path, current), { op: 'remove', path }];
  if (current !== undefined) return swapAt(path, current, value);
  if (annotations !== undefined) return [{ op: 'add', path, value }];
  // A missing map and null are the same to `test` (evanphx/json-patch), so a map that appeared meanwhile is not overwritten.
  return [testAt(pointer('metadata', 'annotations'), null), { op: 'add', path: pointer('metadata', 'annotations'), value: { [key]: value } }];
}

/** The body of a server-side apply that owns exactly `fields` of the object (and nothing else of it). */
export function applyBody(resource: Resource, ref: ObjectRef & { readonly uid?: string }, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const metadata = {
    name: ref.name,
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
    // With a uid the server refuses instead of creating when the object was deleted or replaced meanwhile.
    ...(ref.uid === undefined ? {} : { uid: ref.uid }),
  };
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata, ...fields };
}

/**
 * Whether two JSON values mean the same: the order of keys does not count and a key that is `undefined` is absent.
 * The order of lists counts.
 */
export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length && left.every((item, at) => sameValue(item, right[at]));
  }
  const keys = definedKeys(left);
  return keys.length === definedKeys(right).length && keys.every((key) => Object.hasOwn(right, key) && sameValue(field(left, key), field(right, key)));
}

function definedKeys(value: object): string[] {
  return Object.keys(value).filter((key) => field(value, key) !== undefined);
}

function field(value: object, key: string): unknown {
  return (value as Record<string, unknown>)[key];
}
