import { deadline, DeadlineExceeded } from '../base/abort.ts';
import { backoff } from '../base/backoff.ts';
import { sleep, type Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';

import type { AddressKind } from './address.ts';
import { readBody, readStart } from './body.ts';
import { invalid, name, type Subject } from './failures.ts';
import type { Fault } from './faults.ts';
import { header, retryAfterOf, type Headers } from './headers.ts';
import type { HostLimiter } from './limiter.ts';
import { TransportError, type Exchange, type Transport } from './transport.ts';
import { RegistryError, type RequestEvent, type RequestKind } from './types.ts';

/** A whole answer. Of one other than 200 only the start of the body was kept. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly digest: Digest | undefined;
  readonly url: URL;
  /** The kind of address that it came from; absent where that is not known. */
  readonly zone: AddressKind | undefined;
}

/** One request: what for (in messages and metrics), and how many bytes the answer may have. */
export interface Sending extends Omit<Exchange, 'signal'> {
  readonly kind: RequestKind;
  readonly subject: Subject;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Times in milliseconds. */
export interface SenderOptions {
  readonly clock: Clock;
  readonly requestTimeout: number;
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /** How often a request is repeated after a lost connection, a 5xx or a short `Retry-After`; after a 429 without one, once. */
  readonly retries: number;
  /** A `Retry-After` up to this is waited for; a longer one is the caller's. */
  readonly patience: number;
}

const ERROR_LIMIT = 8 * 1024;
const RETRY_BACKOFF = { base: 100, factor: 3, max: 1_000 };
const RETRIED: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** After a 429 that does not say how long to wait: one repeat, because many a registry throttles by the second, and no second one, because it was asked to stop. */
const THROTTLED_WAIT = 1_000;

const REFUSED_BY_US = 'such an address is contacted only where its host is configured (--allow-http-registry)';

/** Sends single requests: one place per host, a deadline, caps, a bounded number of repeats. */
export class Sender {
  readonly #transport: Transport;
  readonly #limiter: HostLimiter;
  readonly #options: SenderOptions;

  constructor(transport: Transport, limiter: HostLimiter, options: SenderOptions) {
    this.#transport = transport;
    this.#limiter = limiter;
    this.#options = options;
  }

  /** Sends once. Throws {@link TransportError}, {@link RegistryError} for a body that is too large, or the signal's reason. */
  async once(sending: Sending): Promise<Reply> {
    return this.#limiter.run(sending.url.host, sending.signal, () => this.#timed(sending));
  }

  /** Sends, and repeats what may be repeated. Throws {@link RegistryError}, or the signal's reason. */
  async send(sending: Sending): Promise<Reply> {
    for (let attempt = 0; ; attempt += 1) {
      const last = attempt >= this.#options.retries || sending.method === 'POST';
      const outcome = await this.#attempt(sending);
      const wait = outcome instanceof TransportError ? faultWait(outcome.code, attempt) : this.#replyWait(outcome, attempt);
      if (!last && wait !== undefined) {
        await sleep(this.#options.clock, wait, sending.signal);
      } else if (outcome instanceof TransportError) {
        throw translate(outcome, sending);
      } else {
        return outcome;
      }
    }
  }

  async #attempt(sending: Sending): Promise<Reply | TransportError> {
    try {
      return await this.once(sending);
    } catch (thrown) {
      if (thrown instanceof TransportError) return thrown;
      throw thrown;
    }
  }

  #replyWait(reply: Reply, attempt: number): number | undefined {
    const asked = retryAfterOf(header(reply.headers, 'retry-after'), this.#options.clock.now());
    if (asked !== undefined && (reply.status === 429 || RETRIED.has(reply.status))) return asked <= this.#options.patience ? asked : undefined;
    if (reply.status === 429) return attempt === 0 && THROTTLED_WAIT <= this.#options.patience ? THROTTLED_WAIT : undefined;
    return RETRIED.has(reply.status) ? backoff(RETRY_BACKOFF, attempt) : undefined;
  }

  async #timed(sending: Sending): Promise<Reply> {
    const { clock, requestTimeout, onRequest } = this.#options;
    const limit = deadline(clock, requestTimeout, `the request to ${sending.url.host}`, sending.signal);
    const started = clock.now();
    const done = (code: string): void =>
      onRequest?.({ kind: sending.kind, code, seconds: (clock.now() - started) / 1000, host: sending.subject.repository.host });
    try {
      const reply = await this.#exchange(sending, limit.signal);
      done(String(reply.status));
      return reply;
    } catch (thrown) {
      const failure = this.#ended(thrown, limit.signal, sending.signal);
      done(failure instanceof TransportError ? failure.code : failure instanceof RegistryError ? failure.code : 'aborted');
      throw failure;
    } finally {
      limit.cancel();
    }
  }

  #ended(thrown: unknown, limit: AbortSignal, caller: AbortSignal): Error {
    if (thrown instanceof RegistryError) return thrown;
    if (!caller.aborted && limit.aborted && limit.reason instanceof DeadlineExceeded) return new TransportError('timeout', limit.reason.message);
    return this.#transport.failure(thrown, limit);
  }

  async #exchange(sending: Sending, signal: AbortSignal): Promise<Reply> {
    const { subject, url } = sending;
    const { status, headers, body, zone } = await this.#transport.send({ ...sending, signal });
    if (status !== 200) return { status, headers, bytes: await readStart(body, ERROR_LIMIT), digest: undefined, url, zone };
    const coding = header(headers, 'content-encoding');
    if (coding !== undefined && coding !== 'identity') {
      body.on('error', () => undefined).destroy();
      throw invalid(subject, 'the answer is compressed though that was not asked for');
    }
    // A HEAD tells the length of what a GET would bring.
    const read = sending.method === 'HEAD' ? await readBody(body, {}, 0) : await readBody(body, headers, sending.limit);
    if (read === undefined) throw new RegistryError('LimitExceeded', `${name(subject)}: the answer has more than the ${sending.limit} bytes that are allowed`);
    return { status, headers, ...read, url, zone };
  }
}

/** Only a lost connection is worth an immediate repeat; what refuses or is slow will do so again. */
function faultWait(fault: Fault, attempt: number): number | undefined {
  return fault === 'reset' ? backoff(RETRY_BACKOFF, attempt) : undefined;
}

function translate(error: TransportError, { subject, url }: Sending): RegistryError {
  const where = `${name(subject)}: ${url.host}`;
  if (error.code === 'address') return new RegistryError('Forbidden', `${where} was not contacted: ${error.message}; ${REFUSED_BY_US}`, { cause: error });
  return new RegistryError('Unavailable', `${where}: ${error.message}`, { cause: error });
}
