import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

import { Agent, buildConnector, request, type Dispatcher } from 'undici';

import { CodedError } from '../base/errors.ts';
import { Lru } from '../base/lru.ts';

import { addressKind, permits, type AddressKind, type Reach } from './address.ts';
import { faultOf, type Fault } from './faults.ts';
import type { Headers } from './headers.ts';

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

export const systemNetwork: Network = { lookup: systemLookup, kindOf: addressKind };

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
  readonly body: Dispatcher.ResponseData['body'];
}

/** Thrown where no answer was had. */
export class TransportError extends CodedError<Fault> {}

const MAX_HEADERS = 32 * 1024;

/** The connections to registries: one pool per origin for each reach and trust, so that no request rides on another's permission. */
export class Transport {
  readonly #agents = new Map<string, Agent>();
  readonly #zones = new Lru<AddressKind>(1024);
  readonly #tls: TlsOptions;
  readonly #timeout: number;
  readonly #connections: number;
  readonly #network: Network;

  /** @param timeout milliseconds to connect, to the headers, and between two pieces of a body. */
  constructor(tls: TlsOptions, timeout: number, connections: number, network: Network = systemNetwork) {
    this.#tls = tls;
    this.#timeout = timeout;
    this.#connections = connections;
    this.#network = network;
  }

  /** The kind of address that the last connection to this origin was made to, if there was one. */
  zone(origin: string): AddressKind | undefined {
    return this.#zones.get(origin, 0);
  }

  /** Sends one request. Throws {@link TransportError}, or the signal's reason. */
  async send(exchange: Exchange): Promise<Answer> {
    const { method, url, headers, body, reach, trust, signal } = exchange;
    this.#refuseLiteral(url, reach);
    try {
      const dispatcher = this.#agent(reach, trust);
      const { statusCode, headers: answered, body: stream } = await request(url, {
        dispatcher,
        method,
        headers,
        signal,
        // undici would close the connection after each HEAD, for servers that send a body; every tag begins with a HEAD.
        ...(method === 'HEAD' ? { reset: false } : {}),
        ...(body === undefined ? {} : { body }),
      });
      return { status: statusCode, headers: answered, body: stream };
    } catch (thrown) {
      throw this.failure(thrown, signal);
    }
  }

  /** What a failed request or body means: the signal's reason where that ended it. */
  failure(thrown: unknown, signal: AbortSignal): Error {
    if (signal.aborted) return signal.reason as Error;
    if (thrown instanceof TransportError) return thrown;
    const [fault, text] = faultOf(thrown);
    return new TransportError(fault, text, { cause: thrown });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #refuseLiteral(url: URL, reach: Reach): void {
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) === 0) return;
    const kind = this.#network.kindOf(literal);
    if (!permits(reach, kind)) throw new TransportError('address', `${url.hostname} is a ${kind} address`);
  }

  #agent(reach: Reach, trust: Trust): Agent {
    const key = `${reach} ${trust}`;
    const existing = this.#agents.get(key);
    if (existing !== undefined) return existing;
    const agent = new Agent({
      allowH2: false,
      connections: this.#connections,
      maxHeaderSize: MAX_HEADERS,
      headersTimeout: this.#timeout,
      bodyTimeout: this.#timeout,
      keepAliveTimeout: 15_000,
      keepAliveMaxTimeout: 60_000,
      connect: this.#connector(reach, trust),
    });
    this.#agents.set(key, agent);
    return agent;
  }

  #connector(reach: Reach, trust: Trust): buildConnector.connector {
    const own = trust === 'own';
    const { serverName, insecure } = this.#tls;
    const secureContext = this.#secureContext(own);
    const connect = buildConnector({
      allowH2: false,
      timeout: this.#timeout,
      lookup: this.#guarded(reach),
      rejectUnauthorized: trust === 'strict' || insecure !== true,
      ...(secureContext === undefined ? {} : { secureContext }),
    });
    return (options, callback) => {
      const named = own && serverName !== undefined ? { ...options, servername: serverName } : options;
      connect(named, (...[error, socket]: Parameters<buildConnector.Callback>) => {
        if (error !== null || socket === null) {
          callback(error ?? new Error('no socket'), null);
          return;
        }
        const origin = `${options.protocol}//${options.host ?? options.hostname}`;
        this.#zones.set(origin, this.#network.kindOf(socket.remoteAddress ?? ''), 1);
        callback(null, socket);
      });
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
