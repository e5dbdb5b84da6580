/** The name out of `known` that `name` was most likely meant to be, if any is close: at most two edits, or other case and punctuation. */
export function suggest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const bare = plain(name);
  const same = known.find((candidate) => plain(candidate) === bare);
  if (same !== undefined) return same;
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(bare, plain(candidate)) }))
    .filter((entry) => entry.distance <= Math.min(2, Math.floor(entry.candidate.length / 3)))
    .toSorted((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** How many insertions, deletions and replacements of a character lead from one text to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let left = 1; left <= from.length; left += 1) {
    const next = [left];
    for (let right = 1; right <= to.length; right += 1) {
      const replaced = (row[right - 1] ?? 0) + (from[left - 1] === to[right - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[right] ?? 0) + 1, (next[right - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
