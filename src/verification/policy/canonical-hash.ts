import { digestOf, type Digest } from '../../base/digest.ts';

/** The digest of plain JSON data, whatever the order of its keys. */
export function canonicalHash(value: unknown): Digest {
  return digestOf(JSON.stringify(value, sortKeys));
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
