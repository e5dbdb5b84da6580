import { fieldOf, isRecord, listOf, recordOf, textOf } from './json.ts';
import { applyPatch, type PatchOperation } from './json-patch.ts';
import { OverrideError, quoted, type Budget } from './refusal.ts';

/** Reads one YAML document. Throws whatever it likes for a text that is none. */
export type ReadYaml = (text: string) => unknown;

const INDEX = /^[+-]?\d{1,15}$/;

/**
 * A text in an object, changed as the JSON or YAML document that it holds (pkg/util/overridemanager/overridemanager.go, applyFieldOverriders). YAML
 * is written back as JSON, which YAML includes: no image is read from either.
 * @throws OverrideError where Karmada would fail
 */
export function overrideField(object: unknown, overrider: unknown, { budget, readYaml }: { readonly budget: Budget; readonly readYaml?: ReadYaml | undefined }): unknown {
  const { fieldPath, yaml, json } = recordOf(overrider);
  const path = textOf(fieldPath);
  const steps = pointerSteps(path);
  const text = steps.reduce<unknown>((value, step) => childAt(value, step, path), object);
  if (typeof text !== 'string') throw new OverrideError('TypeMismatch', `the field ${quoted(path)} holds no text`);
  const [yamlChanges, jsonChanges] = [listOf(yaml).map(operationOf), listOf(json).map(operationOf)];
  const changed = yamlChanges.length > 0 ? patchYaml(text, yamlChanges, budget, readYaml) : patchJson(text, jsonChanges, budget);
  return applyPatch(object, [{ op: 'replace', path, value: changed }], budget);
}

function patchJson(text: string, changes: readonly PatchOperation[], budget: Budget): string {
  // What is to be done is decided by its number first: with nothing to do, what is written back is nothing.
  if (changes.length === 0 || text === '') return '';
  return patchDocument(() => JSON.parse(text) as unknown, text, changes, budget);
}

function patchYaml(text: string, changes: readonly PatchOperation[], budget: Budget, readYaml: ReadYaml | undefined): string {
  if (readYaml === undefined) throw new OverrideError('NotModelled', 'what a field overrider does to a YAML text is not looked at here');
  return patchDocument(() => readYaml(text), text, changes, budget);
}

function patchDocument(read: () => unknown, text: string, changes: readonly PatchOperation[], budget: Budget): string {
  budget.spend(text.length);
  const document = attempt(read, text);
  if (!isRecord(document) && !Array.isArray(document)) throw new OverrideError('TypeMismatch', `the text ${quoted(text)} holds neither an object nor a list`);
  const changed = applyPatch(document, changes, budget);
  return attempt(() => JSON.stringify(changed), text);
}

function attempt<T>(step: () => T, text: string): T {
  try {
    return step();
  } catch (error) {
    throw new OverrideError('TypeMismatch', `the text ${quoted(text)} cannot be read as the document that it is to be`, { cause: error });
  }
}

function operationOf(change: unknown): PatchOperation {
  const { operator, subPath, value } = recordOf(change);
  return { op: textOf(operator), path: textOf(subPath), value };
}

/** go-openapi/jsonpointer: it starts with a slash, and names the document itself where it is empty. */
function pointerSteps(path: string): readonly string[] {
  if (path !== '' && !path.startsWith('/')) throw new OverrideError('PathMissing', `the field path ${quoted(path)} must start with /`);
  return path.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function childAt(value: unknown, step: string, path: string): unknown {
  const index = INDEX.test(step) ? Number(step) : -1;
  const child = Array.isArray(value) ? (value as readonly unknown[])[index] : fieldOf(value, step);
  if (child === undefined) throw new OverrideError('PathMissing', `the field path ${quoted(path)} is not there`);
  return child;
}
