/** One step of a path: a field by name, every element of a list (`[*]`), or every member of a map (`*`). */
type Step = { readonly field: string } | 'elements' | 'members';

/** A path in an object, such as `spec.tasks[*].template.spec` or `spec.replicaSpecs.*.template.spec`. */
export interface ImagePath {
  readonly text: string;
  readonly steps: readonly Step[];
}

/** Where a path led, and what is there. */
export interface Found {
  /** JSON pointer (RFC 6901) from the root of the object. */
  readonly pointer: string;
  readonly value: unknown;
}

const FIELD = /^[A-Za-z][A-Za-z0-9_-]*$/;
const MAX_LENGTH = 253;
const MAX_STEPS = 16;

/** Reads a path. Throws RangeError for what is none: field names with dots between them, `[*]` after a list, `*` for all members of a map. */
export function parseImagePath(text: string): ImagePath {
  const steps = text.length > MAX_LENGTH ? [] : text.split('.').flatMap(partSteps);
  if (steps.length === 0 || steps.length > MAX_STEPS || steps.includes(undefined)) {
    throw new RangeError(`${JSON.stringify(text.slice(0, MAX_LENGTH))} is no path; write field names with dots between them, [*] after a list and * for every member of a map, such as spec.tasks[*].template.spec`);
  }
  return { text, steps: steps as readonly Step[] };
}

function partSteps(part: string): (Step | undefined)[] {
  const [, name = '', lists = ''] = /^(.*?)((?:\[\*\])*)$/.exec(part) ?? [];
  const elements = Array.from({ length: lists.length / '[*]'.length }, () => 'elements' as const);
  return [name === '*' ? 'members' : FIELD.test(name) ? { field: name } : undefined, ...elements];
}

/** Whether a path leads to one place at most. */
export function isPlain({ steps }: ImagePath): boolean {
  return steps.every((step) => typeof step === 'object');
}

/** The field names of a plain path. */
export function fieldsOf({ steps }: ImagePath): readonly string[] {
  return steps.flatMap((step) => (typeof step === 'object' ? [step.field] : []));
}

/** Every place that a path leads to, in the order of the object. Reads any JSON: where it has another form, a path leads nowhere. */
export function locate(object: unknown, { steps }: ImagePath): readonly Found[] {
  return steps.reduce<readonly Found[]>((places, step) => places.flatMap((place) => follow(place, step)), [{ pointer: '', value: object }]);
}

function follow({ pointer, value }: Found, step: Step): readonly Found[] {
  if (step === 'elements') return Array.isArray(value) ? value.map((one: unknown, index) => ({ pointer: `${pointer}/${index}`, value: one })) : [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const members = value as Readonly<Record<string, unknown>>;
  const names = step === 'members' ? Object.keys(members) : Object.hasOwn(members, step.field) ? [step.field] : [];
  return names.map((name) => ({ pointer: `${pointer}${pointerOf([name])}`, value: members[name] }));
}

/** The JSON pointer (RFC 6901) of a path of field names. */
export function pointerOf(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
