/** An object whose members are written in this order, as Go writes a struct; plain objects are sorted, as Go writes a map. */
export class InOrder {
  readonly entries: readonly (readonly [string, unknown])[];

  constructor(entries: readonly (readonly [string, unknown])[]) {
    this.entries = entries;
  }
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/** JSON as Go's encoding/json writes it: compact, map keys sorted by their bytes, `<`, `>` and `&` escaped, half of a surrogate pair replaced. */
export function goJson(value: unknown): string {
  if (value instanceof InOrder) return object(value.entries);
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return object(Object.entries(value).toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))));
  }
  if (Object.is(value, -0)) return '-0';
  const written = typeof value === 'string' ? value.toWellFormed() : value;
  return (JSON.stringify(written) ?? 'null').replaceAll(ESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function object(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([key, value]) => `${goJson(key)}:${goJson(value)}`).join(',')}}`;
}
