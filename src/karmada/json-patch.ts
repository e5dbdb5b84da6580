import { isRecord } from './json.ts';
import { Budget, OverrideError, quoted } from './refusal.ts';

/** One operation of the JSON patches that override policies are made into. */
export interface PatchOperation {
  readonly op: string;
  /** JSON pointer. As Karmada's library reads it, what stands before the first slash does not count. */
  readonly path: string;
  readonly value?: unknown;
}

type Json = unknown;
/** What happens to the child at the end of a path; undefined takes it away. */
type Change = (container: Json, key: string) => Json;

const INTEGER = /^[+-]?\d{1,15}$/;

/**
 * Applies a JSON patch (RFC 6902) as Karmada's library does (evanphx/json-patch v5.9.11): negative indices count from the end, a missing
 * value is null, and a path is not made where it is missing. The document is left as it is; what does not change is shared with it.
 * @throws OverrideError `PathMissing`, `OperationUnknown` or `NotModelled`
 */
export function applyPatch(document: Json, operations: readonly PatchOperation[], budget = new Budget()): Json {
  return operations.reduce<Json>((current, operation) => applyOperation(current, operation, budget), document);
}

function applyOperation(document: Json, { op, path, value = null }: PatchOperation, budget: Budget): Json {
  const change = CHANGES[op];
  if (change === undefined) throw new OverrideError('OperationUnknown', `Karmada knows no operation ${quoted(op)}: use add, remove or replace`);
  if (path === '') return wholeDocument(op, value);
  const [, ...steps] = path.split('/');
  const last = steps.pop();
  if (last === undefined) throw missing(path);
  if (steps[0] === '') throw new OverrideError('NotModelled', `the path ${quoted(path)} has an empty segment: Karmada then changes a copy and drops it`);
  const trail = descend(document, steps, path);
  for (const container of trail) budget.spend(sizeOf(container));
  const changed = change(value)(trail.at(-1), unescape(last));
  if (changed === undefined) throw missing(path);
  return rebuild(trail, steps, changed);
}

/** The containers along a path, from the document down. */
function descend(document: Json, steps: readonly string[], path: string): readonly Json[] {
  const trail: Json[] = [document];
  let current = document;
  for (const step of steps) {
    current = step === '' ? undefined : childOf(current, unescape(step));
    if (!Array.isArray(current) && !isRecord(current)) throw missing(path);
    trail.push(current);
  }
  return trail;
}

function rebuild(trail: readonly Json[], steps: readonly string[], changed: Json): Json {
  let child = changed;
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const parent = trail[index];
    const key = unescape(steps[index] ?? '');
    child = Array.isArray(parent) ? parent.with(indexOf(key, parent.length) ?? 0, child) : { ...(parent as object), [key]: child };
  }
  return child;
}

const CHANGES: Readonly<Record<string, (value: Json) => Change>> = {
  add: (value) => (container, key) => {
    if (!Array.isArray(container)) return { ...(container as object), [key]: value };
    if (key === '-') return container.toSpliced(container.length, 0, value) as Json;
    const index = indexOf(key, container.length + 1);
    return index === undefined ? undefined : container.toSpliced(index, 0, value);
  },
  remove: () => (container, key) => {
    if (Array.isArray(container)) {
      const index = indexOf(key, container.length);
      return index === undefined ? undefined : container.toSpliced(index, 1);
    }
    if (!Object.hasOwn(container as object, key)) return undefined;
    const { [key]: _, ...rest } = container as Record<string, unknown>;
    return rest;
  },
  replace: (value) => (container, key) => {
    if (Array.isArray(container)) {
      const index = indexOf(key, container.length);
      return index === undefined ? undefined : container.with(index, value);
    }
    // The empty key stands for the container itself there, which is always found.
    return key !== '' && !Object.hasOwn(container as object, key) ? undefined : { ...(container as object), [key]: value };
  },
};

function wholeDocument(op: string, value: Json): Json {
  if (op === 'remove') throw missing('');
  if (!isRecord(value) && !Array.isArray(value)) throw new OverrideError('TypeMismatch', 'only an object or a list can take the place of the whole document');
  return value;
}

function childOf(container: Json, key: string): Json {
  if (Array.isArray(container)) return container[indexOf(key, container.length) ?? container.length];
  return isRecord(container) && Object.hasOwn(container, key) ? container[key] : undefined;
}

/** The index that a key means in a list of this length; undefined for none. */
function indexOf(key: string, length: number): number | undefined {
  const index = INTEGER.test(key) ? Number(key) : Number.NaN;
  const fromStart = index < 0 ? index + length : index;
  return fromStart >= 0 && fromStart < length ? fromStart : undefined;
}

function sizeOf(container: Json): number {
  return Array.isArray(container) ? container.length + 1 : Object.keys(container as object).length + 1;
}

function unescape(step: string): string {
  return step.replaceAll(/~[01]/g, (escape) => (escape === '~1' ? '/' : '~'));
}

function missing(path: string): OverrideError {
  return new OverrideError('PathMissing', `the path ${quoted(path)} is not there`);
}
