import { createServer as createHttpServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { after } from 'node:test';
import { TLSSocket } from 'node:tls';
import { digestOf, type Digest } from '../../src/base/digest.ts';
import { addressKind, type AddressKind } from '../../src/registry/address.ts';
import type { Network } from '../../src/registry/transport.ts';

/** A request as it came in. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The server name and the client certificate's common name, over TLS. */
  readonly serverName: string | undefined;
  readonly client: string | undefined;
}

/** What a registry answers; it may never end, or destroy the socket. */
export type Serve = (request: Seen, response: ServerResponse) => void;

/** A server on loopback that answers whatever a test wants, and remembers what it was sent. */
export interface HostileRegistry {
  /** `address:port`. */
  readonly host: string;
  readonly port: number;
  readonly seen: readonly Seen[];
  /** Everything that was received, as one text to look for secrets in. */
  received(): string;
  stop(): Promise<void>;
}

export interface HostileOptions {
  /** A loopback address: 127.0.0.1 by default. Tests let others stand for public or private ones. */
  readonly address?: string;
  /** Speaks TLS with this certificate, and demands one of its clients if `clientCa` is given. PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientCa?: string };
}

const running = new Set<HostileRegistry>();
after(() => Promise.all([...running].map((one) => one.stop())));

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

function seenOf(request: IncomingMessage, body: string): Seen {
  const { method = '', url = '', headers, socket } = request;
  const secure = socket instanceof TLSSocket ? socket : undefined;
  const named = secure?.servername;
  const subject: unknown = secure?.getPeerCertificate().subject?.CN;
  return { method, path: url, headers, body, serverName: typeof named === 'string' ? named : undefined, client: typeof subject === 'string' ? subject : undefined };
}

/** Starts one; it ends with the test file at the latest. */
export async function startHostile(serve: Serve, { address = '127.0.0.1', tls }: HostileOptions = {}): Promise<HostileRegistry> {
  const seen: Seen[] = [];
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('error', () => undefined);
    void answer(request, response);
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const one = seenOf(request, await bodyOf(request));
    seen.push(one);
    serve(one, response);
  };
  const server: Server =
    tls === undefined
      ? createHttpServer(handler)
      : createTlsServer({ key: tls.key, cert: tls.certificate, ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }) }, handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const registry: HostileRegistry = {
    host: `${address}:${port}`,
    port,
    seen,
    received: () => JSON.stringify(seen),
    stop: () => {
      running.delete(registry);
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  running.add(registry);
  return registry;
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/** Answers 200 with these bytes, as a good registry does; `headers` are added or, as `undefined`, left out. */
export function good(response: ServerResponse, bytes: Uint8Array | string, headers: Readonly<Record<string, string | string[] | undefined>> = {}): void {
  const all: Record<string, string | string[] | undefined> = { 'content-type': MANIFEST_TYPE, 'content-length': String(Buffer.byteLength(bytes)), 'docker-content-digest': digestOf(bytes), ...headers };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) response.setHeader(name, value);
  response.end(bytes);
}

/** Answers with an error body of the specification. */
export function bad(response: ServerResponse, status: number, code: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: 'SECRET TEXT OF THE REGISTRY' }] }));
}

/** Redirects. */
export function redirect(response: ServerResponse, location: string, status = 307): void {
  response.writeHead(status, { location });
  response.end();
}

/** A small manifest and its digest; different texts make different ones. */
export function manifestOf(text = ''): { readonly bytes: string; readonly digest: Digest } {
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config: { mediaType: 'a/b', digest: digestOf(text), size: 0 }, layers: [] });
  return { bytes, digest: digestOf(bytes) };
}

/** An index of referrers. */
export function indexOf(descriptors: readonly unknown[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: descriptors });
}

/**
 * A network in which names resolve as told (several answers are given in turn, the last one from then on) and loopback
 * addresses stand for others: `{ '127.0.0.2': 'public' }`.
 */
export function networkOf(names: Readonly<Record<string, string | readonly string[]>>, kinds: Readonly<Record<string, AddressKind>> = {}): Network {
  const asked = new Map<string, number>();
  const lookup: LookupFunction = (hostname, options, callback) => {
    const at = asked.get(hostname) ?? 0;
    asked.set(hostname, at + 1);
    const answers = [names[hostname] ?? []].flat();
    const address = answers[Math.min(at, answers.length - 1)];
    if (address === undefined) callback(Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' }), []);
    else if (options.all === true) callback(null, [{ address, family: 4 }]);
    else callback(null, address, 4);
  };
  return { lookup, kindOf: (address) => kinds[address] ?? addressKind(address) };
}
