import { imagePatches, podSpecPath } from './image-overrider.ts';
import { fieldOf, isRecord, listOf, recordOf, textOf } from './json.ts';
import { applyPatch, type PatchOperation } from './json-patch.ts';
import { overrideField, type ReadYaml } from './field-overrider.ts';
import { OverrideError, quoted, type Budget } from './refusal.ts';

/** What overriders need besides the object. */
export interface OverrideContext {
  readonly budget: Budget;
  /** Reads the YAML texts that field overriders change; without it they are refused as `NotModelled`. */
  readonly readYaml?: ReadYaml | undefined;
}

/**
 * An object after the overriders of one rule, in Karmada's fixed order: images, commands, arguments, labels, annotations, fields, plain text. The
 * object itself is left as it is.
 * @throws OverrideError where Karmada would fail, and render no Work
 */
export function applyOverriders(object: unknown, overriders: Readonly<Record<string, unknown>>, context: OverrideContext): unknown {
  const steps = (field: string): readonly unknown[] => listOf(overriders[field]);
  const patched = (current: unknown, operations: readonly PatchOperation[]): unknown => named(applyPatch(current, operations, context.budget));
  let current = object;
  for (const one of steps('imageOverrider')) current = patched(current, imagePatches(current, one));
  for (const one of steps('commandOverrider')) current = patched(current, commandPatches(current, 'command', one));
  for (const one of steps('argsOverrider')) current = patched(current, commandPatches(current, 'args', one));
  for (const one of steps('labelsOverrider')) current = overrideEntries(current, 'labels', one, patched);
  for (const one of steps('annotationsOverrider')) current = overrideEntries(current, 'annotations', one, patched);
  for (const one of steps('fieldOverrider')) current = overrideField(current, one, context);
  return patched(current, steps('plaintext').map(plaintextOperation));
}

/** A patched object is read anew, and must still have a kind (apimachinery, UnstructuredJSONScheme). */
function named(object: unknown): unknown {
  if (textOf(fieldOf(object, 'kind')) === '') throw new OverrideError('TypeMismatch', 'what is left has no kind');
  return object;
}

function plaintextOperation(overrider: unknown): PatchOperation {
  const { operator, path, value } = recordOf(overrider);
  return { op: textOf(operator), path: textOf(path), value };
}

/** pkg/util/overridemanager/commandargsoverride.go: the containers of one name in the kinds that Karmada knows. */
function commandPatches(object: unknown, target: 'command' | 'args', overrider: unknown): readonly PatchOperation[] {
  const podSpec = podSpecPath(object);
  if (podSpec === undefined) return [];
  const { containerName, operator, value } = recordOf(overrider);
  return containersOf(object, podSpec).flatMap((container, index): PatchOperation[] => {
    if (!isRecord(container)) throw new OverrideError('Panic', `Karmada panics at container ${index}, which is no object`);
    if (fieldOf(container, 'name') !== containerName) return [];
    const path = `/${podSpec.join('/')}/containers/${index}/${target}`;
    const current = fieldOf(container, target);
    if (current === undefined || current === null) return [{ op: 'add', path, value: newWords([], operator, value) }];
    if (!Array.isArray(current)) throw new OverrideError('Panic', `Karmada panics at ${quoted(path)}, which is no list`);
    return [{ op: 'replace', path, value: newWords(current, operator, value) }];
  });
}

function newWords(current: readonly unknown[], operator: unknown, value: unknown): readonly unknown[] {
  const words = listOf(value);
  if (operator === 'add') return [...current, ...words];
  return operator === 'remove' ? current.filter((word) => !words.includes(word)) : current;
}

function containersOf(object: unknown, podSpec: readonly string[]): readonly unknown[] {
  let current: unknown = object;
  for (const field of [...podSpec, 'containers']) {
    if (current === undefined || current === null) return [];
    if (!isRecord(current)) throw new OverrideError('TypeMismatch', `${quoted(field)} must be in an object`);
    if (!Object.hasOwn(current, field)) return [];
    current = current[field];
  }
  if (Array.isArray(current)) return current;
  throw new OverrideError('TypeMismatch', 'the containers must be a list');
}

/** pkg/util/overridemanager/labelannotationoverrider.go: to remove or replace what is not there is no error. */
function overrideEntries(
  object: unknown,
  field: 'labels' | 'annotations',
  overrider: unknown,
  patched: (object: unknown, operations: readonly PatchOperation[]) => unknown,
): unknown {
  const { operator, value } = recordOf(overrider);
  const wanted = Object.entries(recordOf(value));
  if (wanted.length === 0) return object;
  const entries = textEntries(fieldOf(fieldOf(object, 'metadata'), field));
  const adds = operator === 'add';
  const start = adds && entries === undefined ? withEmpty(object, field) : object;
  const operations = wanted
    .filter(([key]) => adds || entries === undefined ? adds : Object.hasOwn(entries, key))
    .map(([key, text]) => ({ op: textOf(operator), path: `/metadata/${field}/${key.replaceAll('/', '~1')}`, value: textOf(text) }));
  return operations.length === 0 ? start : patched(start, operations);
}

/** The entries, if each is a text; anything else counts as absent. */
function textEntries(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string') ? value : undefined;
}

function withEmpty(object: unknown, field: string): unknown {
  const metadata = fieldOf(object, 'metadata');
  return isRecord(metadata) ? { ...recordOf(object), metadata: { ...metadata, [field]: {} } } : object;
}
