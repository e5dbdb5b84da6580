import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import type { Digest } from '../base/digest.ts';

import { header, type Headers } from './headers.ts';

/** Bytes as received, and their digest, which was computed while they came. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

// A body that is given up may emit an error that has no reader any more; without a listener it would end the process.
const quiet = (stream: Readable): Readable => stream.on('error', () => undefined);

/**
 * Reads a body of at most `limit` bytes; a larger one yields `undefined` as soon as that is known, from its
 * `Content-Length` or from what came. Nothing is allocated ahead from what the server claims (CVE-2024-29902).
 */
export async function readBody(stream: Readable, headers: Headers, limit: number): Promise<Body | undefined> {
  quiet(stream);
  if (Number(header(headers, 'content-length') ?? 0) > limit) {
    stream.destroy();
    return undefined;
  }
  const hash = createHash('sha256');
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    size += piece.length;
    // Leaving the loop destroys the stream and with it the connection.
    if (size > limit) return undefined;
    hash.update(piece);
    pieces.push(piece);
  }
  return { bytes: Buffer.concat(pieces), digest: `sha256:${hash.digest('hex')}` };
}

/** Reads at most the first `limit` bytes, for the body of an error; what follows is given up. */
export async function readStart(stream: Readable, limit: number): Promise<Uint8Array> {
  quiet(stream);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    pieces.push(piece.subarray(0, limit - size));
    size += piece.length;
    if (size >= limit) break;
  }
  return Buffer.concat(pieces);
}
