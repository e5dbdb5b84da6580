const PARTS: ReadonlySet<number> = new Set(Buffer.from(',[{'));

/**
 * Whether JSON has more than `limit` members and elements, counted without parsing it: what costs time and memory is not how long a
 * text is but how many values it holds, and 4 MiB of brackets keep a parser busy for most of a second. Punctuation inside of strings counts too.
 */
export function hasMoreParts(bytes: Uint8Array, limit: number): boolean {
  let parts = 0;
  for (const byte of bytes) {
    if (!PARTS.has(byte)) continue;
    parts += 1;
    if (parts > limit) return true;
  }
  return false;
}
