import { createHash } from 'node:crypto';

/** A content digest in OCI form: `sha256:` and 64 lower-case hex digits (OCI image-spec, descriptor.md, Digests). */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a well-formed sha256 digest; other algorithms are not accepted anywhere in Assay. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/** The digest of these bytes. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
