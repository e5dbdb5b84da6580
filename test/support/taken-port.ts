import { createServer } from 'node:net';

/** A port on loopback that somebody else has, and does not talk on. */
export function takenPort(): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as { port: number }).port, close: () => void server.close() }));
  });
}
