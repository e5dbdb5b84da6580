import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import type { RefreshedTrust, TufRepository } from './types.ts';

/** The repository of the public-good instance of Sigstore. */
export const PUBLIC_GOOD_MIRROR = 'https://tuf-repo-cdn.sigstore.dev';

/** The root metadata of the public-good instance that this build was made with (from the pinned `@sigstore/tuf`). */
export function embeddedRoot(): Buffer {
  return Buffer.from(seeds[PUBLIC_GOOD_MIRROR]['root.json'], 'base64');
}

/** The version of {@link embeddedRoot}. */
export function embeddedRootVersion(): number {
  return (JSON.parse(embeddedRoot().toString('utf8')) as { signed: { version: number } }).signed.version;
}

/**
 * Whether what was refreshed counts, and not the root that this build was made with: unless the build knows newer root metadata. Of an
 * instance other than the public-good one the build knows nothing.
 */
export function countsBeforeEmbedded({ versions }: RefreshedTrust, { firstRoot }: TufRepository, embeddedVersion: number = embeddedRootVersion()): boolean {
  return firstRoot !== undefined || versions.root >= embeddedVersion;
}
