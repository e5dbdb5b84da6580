import { lookup as systemLookup } from 'node:dns';
import { Agent as HttpAgent, request as requestHttp, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps, type AgentOptions as HttpsAgentOptions } from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

import { CodedError } from '../base/errors.ts';

import { addressKind, permits, type AddressKind, type Reach } from './address.ts';
import { faultOf, type Fault } from './faults.ts';
import type { Headers } from './headers.ts';
import { answersInHttp } from './plain.ts';
import { Proxies, type ProxyVariables } from './proxy.ts';

/** TLS towards registries. The client certificate, the server name and `insecure` apply to the registry's own host. */
export interface TlsOptions {
  /** PEM certificates that are trusted besides the machine's. */
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly serverName?: string;
  /** Does not verify certificates (`--allow-insecure-registry`). */
  readonly insecure?: boolean;
}

/** The network as the transport sees it; tests put another in its place. */
export interface Network {
  readonly lookup: LookupFunction;
  readonly kindOf: (address: string) => AddressKind;
}

/** Names are looked up by what Node loads when the first one is: most calls of the command line ask an address. */
export const systemNetwork: Network = { lookup: (hostname, options, callback) => systemLookup(hostname, options, callback), kindOf: addressKind };

/** Whom a connection belongs to: the registry itself, a host it named, or one that credentials may go to. */
export type Trust = 'own' | 'other' | 'strict';

/** One HTTP request; redirects are not followed and nothing is decompressed. */
export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly reach: Reach;
  readonly trust: Trust;
  readonly signal: AbortSignal;
}

/** The head of an answer; `body` must be read to its end or destroyed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
  /** The kind of address that the connection it came by was made to; absent where that is not known. */
  readonly zone: AddressKind | undefined;
}

/** Thrown where no answer was had. */
export class TransportError extends CodedError<Fault> {}

const MAX_HEADERS = 32 * 1024;

/** What a kept connection answers with when it is gone, or when the server said more by it than it was asked for. */
const LOST: ReadonlySet<Fault> = new Set(['reset', 'protocol']);

/** No answer came by a connection that had served before; the cause says why. */
class KeptConnectionError extends Error {}

/** How long an idle connection is kept, unless the server says less; milliseconds. */
const KEEP_ALIVE = 15_000;

/** The connections to registries: one pool per origin for each reach and trust, so that no request rides on another's permission. */
export class Transport {
  /** One for each permission and scheme: each keeps its connections for itself. */
  readonly #agents = new Map<string, HttpAgent>();
  readonly #underway = new Set<(reason: Error) => void>();
  #closed = false;
  readonly #tls: TlsOptions;
  readonly #connections: number;
  readonly #network: Network;
  readonly #proxies: Proxies;

  /** @param connections at once to one origin. How long anything may take is for the signals of the exchanges to say. */
  constructor(tls: TlsOptions, connections: number, network: Network = systemNetwork, proxy: ProxyVariables = {}) {
    this.#tls = tls;
    this.#connections = connections;
    this.#network = network;
    this.#proxies = new Proxies(proxy);
  }

  /**
   * Sends one request. A kept connection that turns out to be gone is no failure: whatever may be repeated is sent again, by
   * the next one (RFC 9112, 9.3.1). Throws {@link TransportError}, or the signal's reason.
   */
  async send(exchange: Exchange): Promise<Answer> {
    this.#refuseLiteral(exchange.url, exchange.reach);
    const proxy = this.#proxyFor(exchange.url);
    for (let gone = 0; ; gone += 1) {
      try {
        return await this.#answer(exchange, proxy);
      } catch (thrown) {
        const failure = byWayOf(proxy, this.failure(thrown, exchange.signal));
        if (!(thrown instanceof KeptConnectionError) || exchange.method === 'POST' || gone >= this.#connections) throw failure;
        if (!(failure instanceof TransportError && LOST.has(failure.code))) throw failure;
      }
    }
  }

  /** Whether the server there says by itself, and not a proxy for it, that it speaks HTTP and no TLS. Throws {@link TransportError}. */
  async isPlain(url: URL, reach: Reach, signal: AbortSignal): Promise<boolean> {
    this.#refuseLiteral(url, reach);
    if (this.#proxyFor(url) !== undefined || this.#closed) return false;
    const closing = new AbortController();
    const end = (reason: Error): void => closing.abort(reason);
    this.#underway.add(end);
    try {
      return await answersInHttp(url, this.#guarded(reach), AbortSignal.any([signal, closing.signal]));
    } finally {
      this.#underway.delete(end);
    }
  }

  /** What a failed request or body means: the signal's reason where that ended it. */
  failure(thrown: unknown, signal: AbortSignal): Error {
    if (signal.aborted) return signal.reason as Error;
    if (thrown instanceof TransportError) return thrown;
    if (this.#closed) return new TransportError('closed', 'the client was closed', { cause: thrown });
    const [fault, text] = faultOf(thrown);
    return new TransportError(fault, text, { cause: thrown });
  }

  /** Ends what is under way; whatever is asked afterwards fails. */
  close(): void {
    this.#closed = true;
    for (const end of this.#underway) end(new TransportError('closed', 'the client was closed'));
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #refuseLiteral(url: URL, reach: Reach): void {
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) === 0) return;
    const kind = this.#network.kindOf(literal);
    if (!permits(reach, kind)) throw new TransportError('address', `${url.hostname} is a ${kind} address`);
  }

  #proxyFor(url: URL): URL | undefined {
    const proxy = this.#proxies.of(url);
    // Whoever names a proxy does not want to see the request go out without it.
    if (proxy !== undefined && 'problem' in proxy) throw new TransportError('proxy', proxy.problem);
    return proxy?.url;
  }

  #answer(exchange: Exchange, proxy: URL | undefined): Promise<Answer> {
    const { signal, body, url } = exchange;
    signal.throwIfAborted();
    if (this.#closed) throw new TransportError('closed', 'the client was closed');
    return new Promise((resolve, reject) => {
      const request = this.#request(exchange, proxy);
      let zone: AddressKind | undefined;
      let answered: IncomingMessage | undefined;
      const end = (reason: Error): void => {
        // One that waits for a connection, or has lost its own, says nothing when it is destroyed.
        reject(reason);
        // Once there is an answer, it is its body that fails.
        (answered ?? request).destroy(reason);
      };
      const abort = (): void => end(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      this.#underway.add(end);
      request.on('close', () => {
        signal.removeEventListener('abort', abort);
        this.#underway.delete(end);
        if (answered === undefined) reject(new TransportError('protocol', 'it ended the connection in place of an answer'));
      });
      request.on('socket', (socket) => onceConnected(socket, url, () => {
        // Of a connection that is gone already, or goes on from a proxy, nothing is known.
        zone = socket.remoteAddress === undefined || proxy !== undefined ? undefined : this.#network.kindOf(socket.remoteAddress);
      }));
      request.on('error', (error) => reject(request.reusedSocket ? new KeptConnectionError('a kept connection', { cause: error }) : error));
      request.on('response', (response) => {
        answered = response;
        resolve({ status: response.statusCode ?? 0, headers: headersOf(response), body: response, zone });
      });
      request.end(body);
    });
  }

  #request({ method, url, headers, reach, trust }: Exchange, proxy: URL | undefined): ClientRequest {
    // What must not be sent twice is not sent by a connection that may be gone.
    const keepAlive = method !== 'POST';
    const secure = url.protocol === 'https:';
    const key = `${url.protocol} ${reach} ${trust} ${proxy === undefined ? 'direct' : proxy.protocol + proxy.host} ${keepAlive}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const pool = this.#pool(reach, proxy, keepAlive);
      const tls = this.#tlsOptions(trust);
      agent = secure ? new HttpsAgent({ ...pool, ...tls }) : new HttpAgent(pool);
      this.#agents.set(key, agent);
    }
    const options = { method, headers, maxHeaderSize: MAX_HEADERS, agent };
    return secure ? requestHttps(url, options) : requestHttp(url, options);
  }

  #pool(reach: Reach, proxy: URL | undefined, keepAlive: boolean): AgentOptions {
    // A proxy is where whoever runs this says, and it is the proxy that resolves names.
    const way = proxy === undefined ? { lookup: this.#guarded(reach) } : { proxyEnv: { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href } };
    return { keepAlive, maxSockets: this.#connections, timeout: KEEP_ALIVE, ...way };
  }

  /** Throws for a certificate or key that cannot be read, whether or not TLS is then spoken. */
  #tlsOptions(trust: Trust): HttpsAgentOptions {
    const own = trust === 'own';
    const { serverName, insecure } = this.#tls;
    const secureContext = this.#secureContext(own);
    return {
      rejectUnauthorized: trust === 'strict' || insecure !== true,
      ...(secureContext === undefined ? {} : { secureContext }),
      ...(own && serverName !== undefined ? { servername: serverName } : {}),
    };
  }

  /** Made once for all connections: reading the machine's authorities takes longer than a handshake. */
  #secureContext(own: boolean): SecureContext | undefined {
    const { ca, cert, key } = this.#tls;
    if (ca === undefined && (!own || cert === undefined)) return undefined;
    return createSecureContext({
      // `ca` replaces what Node trusts; a private registry may still redirect to a public store.
      ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), Buffer.from(ca).toString('utf8')] }),
      ...(own && cert !== undefined ? { cert: Buffer.from(cert) } : {}),
      ...(own && key !== undefined ? { key: Buffer.from(key) } : {}),
    });
  }

  /**
   * A look-up that refuses a name with any address out of reach. The socket connects to the very addresses that are
   * judged here, so that a name which answers differently the second time (DNS rebinding) gains nothing.
   */
  #guarded(reach: Reach): LookupFunction {
    return (hostname, options, callback) => {
      this.#network.lookup(hostname, { ...options, all: true }, (error, found) => {
        const addresses = Array.isArray(found) ? found : [];
        const bad = addresses.map(({ address }) => this.#network.kindOf(address)).find((kind) => !permits(reach, kind));
        const [first] = addresses;
        if (error !== null) callback(error, []);
        else if (bad !== undefined) callback(new TransportError('address', `${hostname} resolves to a ${bad} address`), []);
        else if (first === undefined) callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), []);
        else if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    };
  }
}

/** The proxy is named, because it may be the one that failed. */
function byWayOf(proxy: URL | undefined, failure: Error): Error {
  if (proxy === undefined || !(failure instanceof TransportError)) return failure;
  return new TransportError(failure.code, `${failure.message}, asked by way of the proxy ${proxy.host}`, { cause: failure });
}

function onceConnected(socket: Socket, { protocol }: URL, then: () => void): void {
  if (socket.connecting) socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', then);
  else then();
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  return Object.fromEntries(Object.entries(headersDistinct).map(([name, values = []]) => [name, values.length === 1 ? values[0] : values]));
}
