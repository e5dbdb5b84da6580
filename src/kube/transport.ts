import type { Readable } from 'node:stream';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import { deadline } from '../base/abort.ts';
import type { Deadline } from '../base/abort.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { ApiError, errorFromStatus, retryAfterOf } from './api-error.ts';
import type { StatusBody } from './api-error.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { abortable, failureOf, readBody } from './exchange.ts';

/** The verbs of RBAC that we use; `get` also stands for non-resource paths. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete';

/** One request, finished or failed; `code` is the HTTP status, or `<error>` where none came (as client-go counts them). */
export interface RequestRecord {
  readonly verb: Verb;
  readonly method: string;
  readonly code: string;
  readonly host: string;
  readonly seconds: number;
  /** What the server's clock said (`Date`), in milliseconds; whole seconds. */
  readonly serverTime?: number;
}

export interface TransportHooks {
  /** Each attempt, at its response headers. */
  onRequest?(record: RequestRecord): void;
}

export interface ApiRequest {
  readonly verb: Verb;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Absolute path with query, already encoded. */
  readonly path: string;
  /** What is tried, for messages: `get deployments.apps "web/api"`. */
  readonly what: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  /** The tag of a representation that the caller has (RFC 9110, 13.1.2): 304 is an answer then. */
  readonly ifNoneMatch?: string;
  readonly signal?: AbortSignal;
  /** For the whole call with its retries; milliseconds. For a stream: until its headers are there. */
  readonly deadline: number;
  /** Cap on the bytes of the answer. */
  readonly maxBytes: number;
  /** Whether sending it twice does what sending it once does. */
  readonly idempotent: boolean;
  /** How often it is tried again at most. Default 3. */
  readonly retries?: number;
}

/** A whole answer. `body` is empty for a 304. */
export interface ApiAnswer {
  readonly status: number;
  readonly etag?: string;
  readonly body: Buffer;
}

/** A streaming answer; `close` frees its connection and may be called twice. */
export interface ApiStream {
  readonly body: Readable;
  close(): void;
}

/** The connection to one API server. */
export interface Transport {
  readonly host: string;
  /** Sends the request and reads the whole answer; anything but a 2xx (or a 304 that was asked for) is an ApiError. */
  exchange(request: ApiRequest): Promise<ApiAnswer>;
  /** The body of {@link exchange}. */
  call(request: ApiRequest): Promise<Buffer>;
  /** Sends the request and hands over the body as it comes. */
  open(request: ApiRequest): Promise<ApiStream>;
  /** Breaks what is under way and closes all connections. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly server: URL;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly proxyUrl?: string;
  readonly userAgent?: string;
  readonly hooks?: TransportHooks;
}

const MAX_RETRIES = 3;
const MAX_RETRY_AFTER = 30_000;
const CALL_CONNECTIONS = 16;
/** One watch holds one HTTP/1.1 connection for minutes, so watches must never use up the connections of calls. */
const WATCH_CONNECTIONS = 1024;

interface Pools {
  readonly fingerprint: string;
  readonly calls: Dispatcher;
  readonly watches: Dispatcher;
}

/** Opens no connection yet: the first call does. */
export function createTransport(options: TransportOptions): Transport {
  return new PooledTransport(options);
}

class PooledTransport implements Transport {
  readonly host: string;
  readonly #options: TransportOptions;
  readonly #prefix: string;
  readonly #retired = new Set<Dispatcher>();
  #pools: Pools | undefined;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.host = options.server.host;
    this.#prefix = options.server.pathname.replace(/\/+$/, '');
  }

  async call(request: ApiRequest): Promise<Buffer> {
    return (await this.exchange(request)).body;
  }

  async exchange(request: ApiRequest): Promise<ApiAnswer> {
    const limit = this.#limit(request);
    try {
      const response = await this.#send(request, limit.signal, 'calls');
      const { etag } = response.headers;
      const body = await readBody(response.body, request.maxBytes, request.what);
      return { status: response.statusCode, body, ...(typeof etag === 'string' ? { etag } : {}) };
    } catch (error) {
      throw failureOf(error, request.what, this.host, request.signal);
    } finally {
      limit.cancel();
    }
  }

  async open(request: ApiRequest): Promise<ApiStream> {
    const limit = this.#limit(request);
    // The deadline ends with the headers; afterwards only the caller's signal and close() end the stream.
    const ending = new AbortController();
    const onLimit = (): void => ending.abort(limit.signal.reason);
    limit.signal.addEventListener('abort', onLimit, { once: true });
    const close = (): void => {
      request.signal?.removeEventListener('abort', onCallerAbort);
      ending.abort();
    };
    const onCallerAbort = (): void => ending.abort(request.signal?.reason);
    try {
      const response = await this.#send(request, ending.signal, 'watches');
      // Closed before anybody reads: its error has no listener then, which would end the process.
      response.body.on('error', () => undefined);
      request.signal?.addEventListener('abort', onCallerAbort, { once: true });
      if (request.signal?.aborted) onCallerAbort();
      return { body: response.body, close };
    } catch (error) {
      throw failureOf(error, request.what, this.host, request.signal);
    } finally {
      limit.cancel();
      limit.signal.removeEventListener('abort', onLimit);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#retired, ...(this.#pools === undefined ? [] : [this.#pools.calls, this.#pools.watches])];
    this.#pools = undefined;
    this.#retired.clear();
    await Promise.all(all.map((pool) => pool.destroy()));
  }

  #limit(request: ApiRequest): Deadline {
    return deadline(this.#options.clock, request.deadline, request.what, request.signal);
  }

  /** Tries until there is a 2xx answer: once more with fresh credentials after a 401, a few times when the server asks to wait. */
  async #send(request: ApiRequest, signal: AbortSignal, pool: 'calls' | 'watches'): Promise<Dispatcher.ResponseData> {
    let credentials = await abortable(this.#options.credentials.resolve(), signal);
    let renewed = false;
    for (let retries = 0; ; ) {
      signal.throwIfAborted();
      const outcome = await this.#attempt(request, credentials, signal, pool);
      if (!(outcome instanceof ApiError)) return outcome;
      if (outcome.status === 401 && !renewed) {
        renewed = true;
        credentials = await abortable(this.#options.credentials.renew(credentials), signal);
        continue;
      }
      const wait = retryWait(outcome, request.idempotent);
      if (wait === undefined || retries >= (request.retries ?? MAX_RETRIES)) throw outcome;
      retries += 1;
      await sleep(this.#options.clock, wait, signal);
    }
  }

  async #attempt(request: ApiRequest, credentials: Credentials, signal: AbortSignal, pool: 'calls' | 'watches'): Promise<Dispatcher.ResponseData | ApiError> {
    const { clock, hooks, server } = this.#options;
    const started = clock.now();
    let [code, date] = ['<error>', Number.NaN];
    try {
      const response = await this.#poolsFor(credentials)[pool].request({
        origin: server.origin,
        path: `${this.#prefix}${request.path}`,
        method: request.method,
        headers: this.#headers(request, credentials),
        signal,
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      code = String(response.statusCode);
      date = Date.parse(String(response.headers['date']));
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      if (response.statusCode === 304 && request.ifNoneMatch !== undefined) return response;
      return await refusal(request.what, response, clock.now());
    } catch (error) {
      const failure = failureOf(error, request.what, this.host, signal);
      // A kept-alive connection that the server closed under us says nothing about the server.
      if (failure instanceof ApiError && request.idempotent && isBrokenSocket(error)) return failure;
      throw failure;
    } finally {
      hooks?.onRequest?.({ verb: request.verb, method: request.method, code, host: this.host, seconds: (clock.now() - started) / 1000, ...(Number.isNaN(date) ? {} : { serverTime: date }) });
    }
  }

  #headers(request: ApiRequest, credentials: Credentials): Record<string, string> {
    return {
      ...credentials.headers,
      accept: request.accept ?? 'application/json',
      'user-agent': this.#options.userAgent ?? 'assay',
      ...(request.ifNoneMatch === undefined ? {} : { 'if-none-match': request.ifNoneMatch }),
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    };
  }

  #poolsFor(credentials: Credentials): Pools {
    if (this.#closed) throw new ApiError('Unreachable', `the connection to ${this.host} is closed`);
    if (this.#pools?.fingerprint === credentials.tlsFingerprint) return this.#pools;
    if (this.#pools !== undefined) this.#retire(this.#pools);
    const build = (connections: number): Dispatcher => newDispatcher(credentials, connections, this.#options.proxyUrl);
    this.#pools = { fingerprint: credentials.tlsFingerprint, calls: build(CALL_CONNECTIONS), watches: build(WATCH_CONNECTIONS) };
    return this.#pools;
  }

  /** What runs on the old certificate may finish: the server closes a watch within minutes anyway. */
  #retire(pools: Pools): void {
    for (const pool of [pools.calls, pools.watches]) {
      this.#retired.add(pool);
      const done = (): boolean => this.#retired.delete(pool);
      void pool.close().finally(done).catch(() => undefined);
    }
  }
}

function newDispatcher(credentials: Credentials, connections: number, proxyUrl: string | undefined): Dispatcher {
  const tls = { ...credentials.tls };
  const options = {
    allowH2: false,
    connections,
    pipelining: 1,
    headersTimeout: 30_000,
    // Deadlines of calls and the watchdog of watches are ours; undici's own would end a quiet watch.
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
  };
  if (proxyUrl !== undefined) return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: { ...tls, timeout: 5000 } });
  return new Agent({ ...options, connect: { ...tls, timeout: 5000, keepAlive: true, keepAliveInitialDelay: 15_000 } });
}

async function refusal(what: string, response: Dispatcher.ResponseData, now: number): Promise<ApiError> {
  const text = await readBody(response.body, 64 * 1024, what).then(String, () => '');
  const retryAfter = retryAfterOf(response.headers['retry-after'], now);
  return errorFromStatus(what, response.statusCode, statusBody(text), retryAfter);
}

/** A proxy or a server that is starting answers with plain text or HTML. */
function statusBody(text: string): StatusBody {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Not JSON: the text itself is the message.
  }
  return text === '' ? {} : { message: text.slice(0, 256) };
}

/** How long to wait before the next try, or undefined where there must be none. */
function retryWait(error: ApiError, idempotent: boolean): number | undefined {
  if (error.status === 0) return idempotent ? 0 : undefined;
  // A 429 was refused before anything was done (API priority and fairness); a 503 may come from in between.
  const safe = error.status === 429 || (error.status === 503 && idempotent);
  if (!safe || error.retryAfter === undefined) return undefined;
  return Math.min(error.retryAfter, MAX_RETRY_AFTER);
}

function isBrokenSocket(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}
