/** The same bytes with one bit changed: the lowest of the byte at `index`, counted from the end where negative. */
export function flip(bytes: Buffer, index = -1): Buffer {
  const changed = Buffer.from(bytes);
  const at = index < 0 ? changed.length + index : index;
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
