import { createServer } from 'node:net';

/** A port on loopback that was free a moment ago. Another process can take it first: whoever binds it must be ready to ask again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the kernel named no port'));
        else resolve(address.port);
      });
    });
  });
}
