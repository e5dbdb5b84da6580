const MAX_SECRETS = 64;
/** Characters of `assay.dev/tags`; a longer one counts as absent wherever it is read. */
const MAX_TAGS = 65_536;

/** The first names, each once. */
export function boundedSecrets(names: readonly string[]): readonly string[] {
  return [...new Set(names)].slice(0, MAX_SECRETS);
}

/** The annotation `assay.dev/tags`, unless it is too long to be read. */
export function boundedTags(tags: string | undefined): string | undefined {
  return tags === undefined || tags.length > MAX_TAGS ? undefined : tags;
}
