import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a request in place of the registry; what it does not answer it passes on with `forward`. */
export type Fault = (asked: IncomingMessage, response: ServerResponse, forward: () => void) => void;

/** A real registry behind somebody who breaks what it says, repository by repository. */
export interface FaultyRegistry {
  /** `127.0.0.1:port`, to be used in image names. */
  readonly host: string;
  /** From now on requests about repositories that begin with `prefix` meet this fault; undefined: none. */
  fault(prefix: string, fault: Fault | undefined): void;
  /** Requests so far about repositories that begin with `prefix`. */
  requests(prefix: string): number;
  /** From now on tells of each request as it comes in. */
  watch(told: (asked: IncomingMessage) => void): void;
  stop(): Promise<void>;
}

/** Opens one in front of `target` (`127.0.0.1:port`). */
export async function startFaulty(target: string): Promise<FaultyRegistry> {
  const faults = new Map<string, Fault>();
  const seen: string[] = [];
  let watcher: (asked: IncomingMessage) => void = () => undefined;
  const [hostname, port] = target.split(':');
  const server = createServer((from, to) => {
    const path = (from.url ?? '').replace(/^\/v2\//, '');
    seen.push(path);
    watcher(from);
    to.on('error', () => undefined);
    const forward = (): void => {
      const onward = request({ hostname, port, path: from.url, method: from.method, headers: { ...from.headers, host: target } }, (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      });
      onward.on('error', () => to.destroy());
      from.pipe(onward);
    };
    const [, fault] = [...faults].find(([prefix]) => path.startsWith(prefix)) ?? [];
    if (fault === undefined) forward();
    else fault(from, to, forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: (prefix) => seen.filter((path) => path.startsWith(prefix)).length,
    watch: (told) => void (watcher = told),
    fault: (prefix, fault) => {
      if (fault === undefined) faults.delete(prefix);
      else faults.set(prefix, fault);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const isSignature = ({ url = '' }: IncomingMessage): boolean => url.endsWith('.sig');
const isBlob = ({ url = '' }: IncomingMessage): boolean => url.includes('/blobs/');

/** Says this to every request. */
export function answering(status: number, headers: Readonly<Record<string, string>> = {}, body = '{"errors":[{"code":"UNKNOWN","message":"SECRET TEXT OF THE REGISTRY"}]}'): Fault {
  return ({ method }, response) => void response.writeHead(status, headers).end(method === 'HEAD' ? undefined : body);
}

/** Ends the connection without a word. */
export const hangingUp: Fault = (_, response) => void response.destroy();

/** Announces the manifest of signatures and sends only its beginning. */
export const cuttingOff: Fault = (asked, response, forward) => {
  if (!isSignature(asked)) return forward();
  response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json', 'content-length': '5000' });
  response.write('{"schemaVersion":2,');
  setTimeout(() => response.destroy(), 50);
};

/** A manifest of signatures that never ends. */
export const endless: Fault = (asked, response, forward) => {
  if (!isSignature(asked)) return forward();
  response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
  const piece = Buffer.alloc(64 * 1024, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
};

/** A byte now and then: never idle for long, never done. */
export const dripping: Fault = (asked, response, forward) => {
  if (!isSignature(asked)) return forward();
  response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
  const timer = setInterval(() => response.write(' '), 100);
  response.on('close', () => clearInterval(timer));
};

/** Other bytes than those that the signature's digest stands for. */
export const forging: Fault = (asked, response, forward) => {
  if (!isBlob(asked)) return forward();
  response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('{"critical":{}}');
};
