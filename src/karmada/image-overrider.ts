import { fieldOf, isRecord, listOf, recordOf, textOf } from './json.ts';
import { formatImage, parseImage, withTagOrDigest, type ImageParts } from './image-parser.ts';
import type { PatchOperation } from './json-patch.ts';
import { OverrideError, quoted } from './refusal.ts';

/** Kinds whose containers are found without a predicate, whatever their group (pkg/util/overridemanager/imageoverride.go). */
const POD_SPECS: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  Deployment: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
};

/** The path of the pod spec of the kinds that Karmada's overriders know; undefined for every other kind. */
export function podSpecPath(object: unknown): readonly string[] | undefined {
  const kind = textOf(fieldOf(object, 'kind'));
  return Object.hasOwn(POD_SPECS, kind) ? POD_SPECS[kind] : undefined;
}

/**
 * What an ImageOverrider changes in an object: the image that its predicate names, or the containers (never the init containers) of the kinds
 * that it knows, and nothing of any other kind.
 * @throws OverrideError where Karmada would fail, and render no Work
 */
export function imagePatches(object: unknown, overrider: unknown): readonly PatchOperation[] {
  const { predicate } = recordOf(overrider);
  if (!isRecord(predicate)) {
    return containerImages(object).map(({ path, image }) => ({ op: 'replace', path, value: overrideImage(image, overrider) }));
  }
  const path = textOf(predicate['path']);
  const image = imageAt(object, path);
  if (!path.startsWith('/')) throw new OverrideError('PathMissing', `the predicate's path ${quoted(path)} must start with /`);
  return [{ op: 'replace', path, value: overrideImage(image, overrider) }];
}

/**
 * An image with one of its components changed. `add` appends, `remove` clears, and any other operator changes nothing but still writes the image
 * anew, which loses the digest of `name:tag@digest`.
 * @throws OverrideError
 */
export function overrideImage(image: string, overrider: unknown): string {
  const { component, operator, value } = recordOf(overrider);
  const parts = parseImage(image);
  const change = COMPONENTS[textOf(component)];
  if (change === undefined) throw new OverrideError('OperationUnknown', `Karmada knows no image component ${quoted(textOf(component))}: use Registry, Repository or Tag`);
  return formatImage(change(parts, textOf(operator), textOf(value)));
}

const COMPONENTS: Readonly<Partial<Record<string, (parts: ImageParts, operator: string, value: string) => ImageParts>>> = {
  Registry: (parts, operator, value) => ({ ...parts, hostname: changed(parts.hostname, operator, value) }),
  Repository: (parts, operator, value) => ({ ...parts, repository: changed(parts.repository, operator, value) }),
  Tag: (parts, operator, value) => {
    if (operator === 'remove') return { ...parts, tag: '', digest: '' };
    if (operator === 'add') return withTagOrDigest(parts, (parts.tag || parts.digest) + value);
    return operator === 'replace' ? withTagOrDigest(parts, value) : parts;
  },
};

function changed(text: string, operator: string, value: string): string {
  if (operator === 'add') return text + value;
  if (operator === 'remove') return '';
  return operator === 'replace' ? value : text;
}

function containerImages(object: unknown): readonly { readonly path: string; readonly image: string }[] {
  const podSpec = podSpecPath(object);
  if (podSpec === undefined) return [];
  const containers = podSpec.reduce<unknown>((value, field) => typedField(value, field), object);
  return typedList(typedField(containers, 'containers')).map((container, index) => {
    const path = `/${podSpec.join('/')}/containers/${index}/image`;
    const image = typedField(container, 'image') ?? '';
    if (typeof image === 'string') return { path, image };
    throw mismatch(path, 'a text');
  });
}

/** As Go converts into a struct: null is empty, and another type than the field's is an error. */
function typedField(value: unknown, field: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw mismatch(field, 'in an object');
  return fieldOf(value, field);
}

function typedList(value: unknown): readonly unknown[] {
  if (value === undefined || value === null || Array.isArray(value)) return listOf(value);
  throw mismatch('containers', 'a list');
}

function mismatch(what: string, wanted: string): OverrideError {
  return new OverrideError('TypeMismatch', `${quoted(what)} must be ${wanted}`);
}

const INDEX = /^[+-]?\d{1,10}$/;
const MAX_INT32 = 2 ** 31;

/** Walks as `obtainImageValue` does: no wildcards, no escapes, and no look at the length of a list. */
function imageAt(object: unknown, path: string): string {
  const steps = trimSlashes(path).split('/');
  const last = steps.length - 1;
  let current: unknown = object;
  for (let at = 0; at < last; at += 1) {
    const child = fieldOf(current, steps[at] ?? '');
    if (Array.isArray(child)) {
      at += 1;
      current = elementOf(child, steps[at] ?? '', path);
    } else if (isRecord(child)) current = child;
    else throw new OverrideError('PathMissing', `the predicate's path ${quoted(path)} is not there`);
  }
  const image = fieldOf(current, steps[last] ?? '');
  if (typeof image === 'string') return image;
  throw new OverrideError('PathMissing', `the predicate's path ${quoted(path)} does not lead to a text`);
}

function elementOf(list: readonly unknown[], step: string, path: string): unknown {
  const index = INDEX.test(step) ? Number(step) : Number.NaN;
  if (!(index >= -MAX_INT32 && index < MAX_INT32)) {
    throw new OverrideError('PathMissing', `the predicate's path ${quoted(path)} has ${quoted(step)} where the number of a list's element must stand`);
  }
  const element = index < 0 ? undefined : list[index];
  if (isRecord(element)) return element;
  throw new OverrideError('Panic', `Karmada panics at the predicate's path ${quoted(path)}: no object stands at ${quoted(step)}`);
}

function trimSlashes(path: string): string {
  let [start, end] = [0, path.length];
  while (start < end && path[start] === '/') start += 1;
  while (end > start && path[end - 1] === '/') end -= 1;
  return path.slice(start, end);
}
