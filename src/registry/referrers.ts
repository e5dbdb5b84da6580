import type { Digest } from '../base/digest.ts';

import { ociErrorCode } from './failures.ts';
import type { Descriptor } from './types.ts';

/**
 * The most referrers of one digest that are read. A list of exactly this length may have been cut: whoever finds no
 * signature in it must not say that there is none.
 */
export const REFERRERS_LIMIT = 1_000;

/** The most pages of referrers that are read, whatever is on them. */
export const REFERRERS_PAGES = 100;

/** Bytes of all pages together: each may have 4 MiB, and all that is on them is kept until the last one came. */
export const REFERRERS_BYTES = 8 * 1024 * 1024;

/** Where referrers are kept by registries without the API (distribution-spec, Referrers Tag Schema). */
export function fallbackTagOf(digest: Digest): string {
  return digest.replace(':', '-');
}

/**
 * Whether this answer says that the registry has no referrers API (cosign.md §3): 400, 404, 406, or a 200 that is not
 * an index. A throttled request is none of these whatever its status, and neither is a repository that does not exist.
 */
export function lacksReferrers(reply: { readonly status: number; readonly bytes: Uint8Array }, mediaType: string, indexType: string): boolean {
  if (reply.status === 200) return mediaType !== indexType;
  const code = ociErrorCode(reply.bytes);
  return [400, 404, 406].includes(reply.status) && code !== 'TOOMANYREQUESTS';
}

/** Whether {@link lacksReferrers} may be remembered: of a repository that does not exist yet it says nothing. */
export function isLasting(reply: { readonly status: number; readonly bytes: Uint8Array }): boolean {
  return !['NAME_UNKNOWN', 'MANIFEST_UNKNOWN', 'DENIED', 'UNAUTHORIZED'].includes(ociErrorCode(reply.bytes) ?? '');
}

const SIGNATURE = /^application\/vnd\.dev\.(?:sigstore\.bundle|cosign\.)/;
// cosign up to 3.0 writes bundles under this type into fallback indexes (its issue 4641).
const PERHAPS = 'application/vnd.oci.empty.v1+json';

function rank({ artifactType }: Descriptor): number {
  if (artifactType !== undefined && SIGNATURE.test(artifactType)) return 0;
  return artifactType === undefined || artifactType === PERHAPS ? 1 : 2;
}

/** Each referrer once, signatures first, then what may be one, otherwise in the registry's order; at most {@link REFERRERS_LIMIT}. */
export function arrangeReferrers(descriptors: Iterable<Descriptor>): readonly Descriptor[] {
  const distinct = new Map<Digest, Descriptor>();
  for (const descriptor of descriptors) if (!distinct.has(descriptor.digest)) distinct.set(descriptor.digest, descriptor);
  return [...distinct.values()].toSorted((a, b) => rank(a) - rank(b)).slice(0, REFERRERS_LIMIT);
}
