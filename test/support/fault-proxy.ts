import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../../hack/controlplane/certificates.ts';
import type { Cluster } from './cluster.ts';

/** A request as the proxy saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly watch: boolean;
  readonly headers: IncomingHttpHeaders;
}

export type Match = (request: SeenRequest) => boolean;

/** An answer that the API server never gave. */
export interface FalseAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Stands in front of the real API server, TLS on both sides, and breaks what a test tells it to. Everything else goes
 * through as it is, on the connections and with the answers of the real one.
 */
export interface FaultProxy {
  readonly url: string;
  /** A kubeconfig that leads through the proxy. */
  readonly kubeconfig: string;
  /** All requests so far. */
  readonly seen: readonly SeenRequest[];
  /** Connections that clients have opened so far. */
  readonly connections: number;
  /** The next `times` (1) requests that match get this answer instead of the server's. */
  answer(match: Match, answer: FalseAnswer, times?: number): void;
  /** The next `times` (1) requests that match get a TCP reset. */
  reset(match: Match, times?: number): void;
  /** Requests that match are held back until the returned function is called. */
  hold(match: Match): () => void;
  /** How many watches are open. */
  openWatches(match?: Match): number;
  /** TCP reset of the open watches. */
  resetWatches(match?: Match): void;
  /** Ends the open watches as a server does whose time is over. */
  endWatches(match?: Match): void;
  /** Writes a line of ours into the open watches. */
  inject(line: string, match?: Match): void;
  /** Of the next event in each open watch only half is sent; then the answer ends. */
  truncateNext(match?: Match): void;
  /** The open watches bring nothing any more, without being closed. */
  silence(match?: Match): void;
  /** Writes a file that goes away with the proxy, and returns its path. */
  write(text: string): string;
  stop(): Promise<void>;
}

interface Rule {
  readonly match: Match;
  readonly act: (request: IncomingMessage, response: ServerResponse) => void;
  left: number;
}

interface OpenWatch {
  readonly seen: SeenRequest;
  readonly response: ServerResponse;
  readonly upstream: IncomingMessage;
  mode: 'pass' | 'silent' | 'truncate';
}

/** Starts a proxy for `cluster`; all that goes through it is done as a member of `system:masters`. */
export async function startFaultProxy(cluster: Cluster): Promise<FaultProxy> {
  const authority = await Authority.create('fault proxy');
  const serving = await authority.server('fault-proxy');
  const proxy = new Proxy(cluster.url, await upstreamAgent(cluster), serving);
  await proxy.listen();
  proxy.writeKubeconfig(authority.pem.certificate);
  return proxy;
}

async function upstreamAgent(cluster: Cluster): Promise<Agent> {
  const path = await cluster.userKubeconfig('fault-proxy', ['system:masters']);
  const config = JSON.parse(readFileSync(path, 'utf8'));
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
  return new Agent({ keepAlive: true, ca: readFileSync(cluster.caFile), cert: Buffer.from(cert, 'base64'), key: Buffer.from(key, 'base64') });
}

class Proxy implements FaultProxy {
  readonly seen: SeenRequest[] = [];
  connections = 0;
  kubeconfig = '';
  #files = 0;
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #directory = mkdtempSync(join(tmpdir(), 'assay-fault-proxy-'));
  readonly #sockets = new Map<number, Socket>();
  readonly #rules: Rule[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly #https: ReturnType<typeof createServer>;
  readonly #tcp = createTcpServer((socket) => this.#accept(socket));

  constructor(upstream: string, agent: Agent, serving: { readonly certificate: string; readonly key: string }) {
    this.#upstream = new URL(upstream);
    this.#agent = agent;
    this.#https = createServer({ cert: serving.certificate, key: serving.key, keepAliveTimeout: 60_000 }, (request, response) => this.#handle(request, response));
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#tcp.address() as AddressInfo).port}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#tcp.listen(0, '127.0.0.1', resolve));
  }

  writeKubeconfig(ca: string): void {
    const config = {
      clusters: [{ name: 'proxy', cluster: { server: this.url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
      users: [{ name: 'proxy', user: { token: 'known-to-the-proxy-only' } }],
      contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
      'current-context': 'proxy',
    };
    this.kubeconfig = this.write(JSON.stringify(config));
  }

  answer(match: Match, { status, headers = {}, body = '' }: FalseAnswer, times = 1): void {
    this.#rules.push({ match, left: times, act: (_request, response) => response.writeHead(status, headers).end(body) });
  }

  reset(match: Match, times = 1): void {
    this.#rules.push({ match, left: times, act: (request) => this.#resetSocket(request) });
  }

  hold(match: Match): () => void {
    const held: [IncomingMessage, ServerResponse][] = [];
    const rule: Rule = { match, left: Number.POSITIVE_INFINITY, act: (request, response) => held.push([request, response]) };
    this.#rules.push(rule);
    return () => {
      rule.left = 0;
      for (const [request, response] of held.splice(0)) this.#forward(request, response, seenOf(request));
    };
  }

  openWatches(match: Match = () => true): number {
    return this.#open(match).length;
  }

  resetWatches(match: Match = () => true): void {
    for (const watch of this.#open(match)) this.#resetSocket(watch.response.req);
  }

  endWatches(match: Match = () => true): void {
    for (const watch of this.#open(match)) {
      watch.mode = 'silent';
      watch.response.end();
    }
  }

  inject(line: string, match: Match = () => true): void {
    for (const watch of this.#open(match)) watch.response.write(`${line}\n`);
  }

  truncateNext(match: Match = () => true): void {
    for (const watch of this.#open(match)) watch.mode = 'truncate';
  }

  silence(match: Match = () => true): void {
    for (const watch of this.#open(match)) watch.mode = 'silent';
  }

  write(text: string): string {
    this.#files += 1;
    const path = join(this.#directory, `file-${this.#files}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#tcp.close(resolve));
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#https.close();
    this.#agent.destroy();
    await closed;
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #accept(socket: Socket): void {
    const port = socket.remotePort ?? 0;
    this.connections += 1;
    this.#sockets.set(port, socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(port));
    this.#https.emit('connection', socket);
  }

  /** Of the TCP socket below TLS: TLS itself cannot reset. */
  #resetSocket(request: IncomingMessage): void {
    this.#sockets.get(request.socket.remotePort ?? 0)?.resetAndDestroy();
  }

  #open(match: Match): OpenWatch[] {
    return [...this.#watches].filter((watch) => match(watch.seen));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const seen = seenOf(request);
    this.seen.push(seen);
    response.on('error', () => undefined);
    const rule = this.#rules.find((candidate) => candidate.left > 0 && candidate.match(seen));
    if (rule === undefined) return this.#forward(request, response, seen);
    rule.left -= 1;
    rule.act(request, response);
  }

  #forward(request: IncomingMessage, response: ServerResponse, seen: SeenRequest): void {
    const { authorization: _ours, host: _host, connection: _connection, ...headers } = request.headers;
    const outgoing = httpsRequest(
      { host: this.#upstream.hostname, port: this.#upstream.port, path: request.url, method: request.method, headers, agent: this.#agent },
      (upstream) => this.#relay(seen, upstream, response),
    );
    outgoing.on('error', () => response.destroy());
    response.once('close', () => outgoing.destroy());
    request.pipe(outgoing);
  }

  #relay(seen: SeenRequest, upstream: IncomingMessage, response: ServerResponse): void {
    const { connection: _connection, 'transfer-encoding': _encoding, ...headers } = upstream.headers;
    response.writeHead(upstream.statusCode ?? 502, headers);
    if (!seen.watch || upstream.statusCode !== 200) {
      upstream.pipe(response);
      return;
    }
    const watch: OpenWatch = { seen, response, upstream, mode: 'pass' };
    this.#watches.add(watch);
    response.flushHeaders();
    response.once('close', () => this.#watches.delete(watch));
    upstream.on('data', (chunk: Buffer) => this.#relayEvent(watch, chunk));
    upstream.once('end', () => response.end());
    upstream.on('error', () => response.destroy());
  }

  #relayEvent(watch: OpenWatch, chunk: Buffer): void {
    if (watch.mode === 'pass') watch.response.write(chunk);
    if (watch.mode !== 'truncate') return;
    watch.mode = 'silent';
    watch.response.end(chunk.subarray(0, Math.floor(chunk.length / 2)));
  }
}

function seenOf(request: IncomingMessage): SeenRequest {
  const url = request.url ?? '';
  return { method: request.method ?? '', url, watch: /[?&]watch=true/.test(url), headers: request.headers };
}
