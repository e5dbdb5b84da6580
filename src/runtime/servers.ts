import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { BindAddress } from './bind-address.ts';
import type { Component } from './manager.ts';

/** What a route answers. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type Route = () => Answer | Promise<Answer>;

/** `AddressInUse`, `AddressNotAvailable` and `NotPermitted` are the user's to solve; `ListenFailed` is anything else. */
export type ServerErrorCode = 'AddressInUse' | 'AddressNotAvailable' | 'NotPermitted' | 'ListenFailed';

/** Thrown when a server cannot listen; the message names the flag to change. */
export class ServerError extends CodedError<ServerErrorCode> {}

export interface EndpointOptions {
  /** In logs and errors. */
  readonly name: string;
  readonly bind: BindAddress;
  /** The command-line flag that sets `bind`, for the error message. */
  readonly flag: string;
  /** By exact path; all are asked with GET or HEAD. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly clock: Clock;
}

/** A small HTTP server of our own. */
export interface Endpoint extends Component {
  /** Where it listens, once it started. */
  address(): { readonly host: string; readonly port: number } | undefined;
}

/** A check by name: what is wrong, in a few words, or nothing. */
export type Checks = Readonly<Record<string, () => string | undefined>>;

/** `ok`, or 503 and a line a check, in the form of the API server's own `/readyz`. */
export function checkRoute(checks: Checks): Route {
  return () => {
    const results = Object.entries(checks).map(([name, check]) => [name, check()] as const);
    if (results.every(([, problem]) => problem === undefined)) return text(200, 'ok');
    const lines = results.map(([name, problem]) => (problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`));
    return text(503, lines.join('\n'));
  };
}

const REQUEST_TIMEOUT = 10_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 128;

/** An endpoint that is not started yet. It reads no bodies, and bounds headers, connections and time. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  let stopping = false;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: REQUEST_TIMEOUT / 2,
    },
    (request, response) => void answer(options.routes, request, response, () => stopping),
  );
  server.maxConnections = MAX_CONNECTIONS;
  return {
    name: options.name,
    start: () => listen(server, options),
    stop: async (grace) => {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([closed, sleep(options.clock, grace)]);
      server.closeAllConnections();
    },
    address: () => {
      const address = server.address() as AddressInfo | null;
      return address === null ? undefined : { host: address.address, port: address.port };
    },
  };
}

function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

async function answer(
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: () => boolean,
): Promise<void> {
  // A body would have to be read to the end before the connection can be used again; nobody has a reason to send one.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
    response.shouldKeepAlive = false;
  }
  const { status, contentType, body } = await respond(routes, request);
  // A connection that is kept for the next request would keep the server up until the client closes it.
  if (stopping()) response.shouldKeepAlive = false;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function respond(routes: Readonly<Record<string, Route>>, request: IncomingMessage): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = routes[path];
  if (route === undefined) return text(404, `not found; here are: ${Object.keys(routes).join(' ')}`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD are answered here');
  try {
    return await route();
  } catch (error) {
    return text(500, `failed: ${messageOf(error)}`);
  }
}

function listen(server: Server, { name, bind, flag }: EndpointOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(name, bind, flag, error)));
    server.listen({ port: bind.port, ...(bind.host === undefined ? {} : { host: bind.host }) }, () => {
      server.removeAllListeners('error');
      // After that, errors are of single connections and end with them.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

const LISTEN_ERRORS: Readonly<Record<string, readonly [ServerErrorCode, string]>> = {
  EADDRINUSE: ['AddressInUse', 'something else listens there'],
  EADDRNOTAVAIL: ['AddressNotAvailable', 'this machine has no such address'],
  ENOTFOUND: ['AddressNotAvailable', 'no such host'],
  EACCES: ['NotPermitted', 'ports below 1024 need a privilege that this process does not have'],
};

function listenError(name: string, bind: BindAddress, flag: string, cause: NodeJS.ErrnoException): ServerError {
  const [code, why] = LISTEN_ERRORS[cause.code ?? ''] ?? ['ListenFailed', messageOf(cause)];
  const where = `${bind.host ?? ''}:${bind.port}`;
  return new ServerError(code, `${name} cannot listen on ${where}: ${why}; choose another with ${flag}, or 0 to turn it off`, {
    cause,
  });
}
