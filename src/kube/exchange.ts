import type { Readable } from 'node:stream';
import { DeadlineExceeded } from '../base/abort.ts';
import { messageOf } from '../base/errors.ts';
import { ApiError } from './api-error.ts';

/** Reads a body to its end; one of more than `maxBytes` is refused as soon as that is seen. */
export async function readBody(body: Readable, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early destroys the body and with it the connection.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new ApiError('TooLarge', `${what}: the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; check the server address and that the API server runs',
  ENOTFOUND: 'its name does not resolve; check the server address',
  EAI_AGAIN: 'its name does not resolve at the moment',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer within 5 s; check the address and the network between',
  UND_ERR_HEADERS_TIMEOUT: 'it accepted the request but sent no answer within 30 s',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by the configured certificate authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by the configured certificate authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by the configured certificate authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not signed by the configured certificate authority',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by the configured certificate authority',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; check the server address or set tls-server-name',
};

/**
 * What a failed exchange is reported as. A caller that gave up gets its own reason back; everything else is an ApiError
 * that says what was tried and what to look at.
 */
export function failureOf(error: unknown, what: string, host: string, signal: AbortSignal | undefined): Error {
  if (error instanceof ApiError) return error;
  if (error instanceof DeadlineExceeded) return new ApiError('Timeout', error.message, { cause: error });
  if (signal?.aborted) {
    const reason: unknown = signal.reason;
    if (reason instanceof DeadlineExceeded) return new ApiError('Timeout', reason.message, { cause: reason });
    return reason instanceof Error ? reason : new Error(String(reason));
  }
  const { code = '' } = error as { code?: string };
  const hint = HINTS[code];
  const text = hint === undefined ? `the connection broke: ${messageOf(error, 200)}` : `${hint} (${code})`;
  return new ApiError('Unreachable', `${what}: the API server ${host} cannot be reached: ${text}`, { cause: error });
}

/** The outcome of `work`, or the signal's reason as soon as it aborts; `work` itself goes on. */
export function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
