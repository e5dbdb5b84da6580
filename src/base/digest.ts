import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

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

/** Bytes that are hashed before others get their turn: about two milliseconds. */
const AT_ONCE = 2 * 1024 * 1024;

/** {@link digestOf} of bytes that may be many: lets others run in between. */
export async function digestInTurns(bytes: Uint8Array): Promise<Digest> {
  const hash = createHash('sha256');
  for (let from = 0; from < bytes.length; from += AT_ONCE) {
    if (from > 0) await nextTurn();
    hash.update(bytes.subarray(from, from + AT_ONCE));
  }
  return `sha256:${hash.digest('hex')}`;
}
