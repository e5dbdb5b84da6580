/** An object's fields; none for anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** Whether this is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field of an object by a name that comes from outside; nothing that every object inherits. */
export function fieldOf(object: unknown, name: string): unknown {
  return isRecord(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A list's elements; none for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text; empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The texts of a list, each once. */
export function textsOf(value: unknown): readonly string[] {
  return [...new Set(listOf(value).filter((one) => typeof one === 'string'))];
}

/** The entries of an object that are texts: labels and annotations. */
export function textMapOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(recordOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(entries);
}
