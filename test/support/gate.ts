import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A gate in front of a real registry: what comes while it is closed waits until it opens. */
export interface Gate {
  /** `127.0.0.1:port`, to be used in image names. */
  readonly host: string;
  /** Requests that went through, or wait. */
  readonly requests: () => number;
  /** Requests that wait. */
  readonly waiting: () => number;
  /** Connections that clients have opened so far. */
  readonly connections: () => number;
  close(): void;
  open(): void;
  stop(): Promise<void>;
}

/** Opens a gate in front of `target` (`127.0.0.1:port`). */
export async function startGate(target: string): Promise<Gate> {
  let closed: PromiseWithResolvers<void> | undefined;
  let [requests, waiting, connections] = [0, 0, 0];
  const [hostname, port] = target.split(':');
  const server = createServer((from, to) => {
    requests += 1;
    waiting += 1;
    void Promise.resolve(closed?.promise).then(() => {
      waiting -= 1;
      const onward = request({ hostname, port, path: from.url, method: from.method, headers: { ...from.headers, host: target } }, (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      });
      onward.on('error', () => to.destroy());
      from.pipe(onward);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    waiting: () => waiting,
    connections: () => connections,
    close: () => {
      closed ??= Promise.withResolvers<void>();
    },
    open: () => {
      closed?.resolve();
      closed = undefined;
    },
    stop: async () => {
      closed?.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
