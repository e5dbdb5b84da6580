import type { Digest } from '../base/digest.ts';

/**
 * An image reference in canonical form (api.md, Matching; grammar of distribution/reference):
 * `nginx` is `docker.io/library/nginx`; `index.docker.io` and `registry-1.docker.io` are `docker.io`; the host is in
 * lower case without `:443` and without a trailing dot. With a digest the tag is kept as text only: a kubelet ignores it.
 */
export interface ImageReference {
  /** As it was written. */
  readonly original: string;
  /** Canonical registry host, with a port unless it is 443: `docker.io`, `127.0.0.1:5000`. */
  readonly host: string;
  /** Path inside of the registry: `library/nginx`. */
  readonly path: string;
  /** `host/path`, what globs are matched against and what is pinned. */
  readonly name: string;
  /** Absent where a digest is given without a tag; `latest` where neither is given. */
  readonly tag?: string;
  readonly digest?: Digest;
}
