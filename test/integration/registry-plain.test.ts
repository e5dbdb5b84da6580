import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { Authority } from '../../hack/controlplane/certificates.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { answersInHttp } from '../../src/registry/plain.ts';
import { systemNetwork } from '../../src/registry/transport.ts';
import { good, manifestOf, startHostile, type HostileOptions } from '../support/hostile-registry.ts';
import { startRegistry } from '../support/registry.ts';

const MANIFEST = manifestOf();

let authority: Authority;
let tls: NonNullable<HostileOptions['tls']>;
before(async () => {
  authority = await Authority.create('Test Authority');
  tls = await authority.server('servers', ['localhost']);
});

/** The port of a server of TCP, which ends with the test. */
async function listen(t: TestContext, serve: (socket: Socket) => void): Promise<{ readonly port: number }> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

const greet = (host: string, signal = AbortSignal.timeout(5_000)): Promise<boolean> => answersInHttp(new URL(`https://${host}`), systemNetwork.lookup, signal);

async function ask(host: string): Promise<void> {
  const client = createRegistryClient({ hosts: { unlisted: 'cosign' }, tls: { ca: authority.pem.certificate } });
  try {
    await client.manifest({ host, path: 'acme/web' }, MANIFEST.digest, { keychain: anonymousKeychain });
  } finally {
    await client.close();
  }
}

describe('a greeting of TLS', () => {
  test("is answered in HTTP by Go's server and by Node's", async (t) => {
    const registry = await startRegistry();
    t.after(() => registry.stop());
    const node = await startHostile((_, response) => good(response, ''));
    assert.deepEqual(await Promise.all([greet(registry.host), greet(node.host)]), [true, true]);
    assert.deepEqual(node.seen, []);
  });

  test('is not, by TLS, by others, by one that ends the connection, where nobody is, and by one that says nothing in time', async (t) => {
    const secure = await startHostile((_, response) => good(response, ''), { tls });
    const other = await listen(t, (socket) => socket.end('SSH-2.0-x\r\n'));
    const ends = await listen(t, (socket) => socket.destroy());
    const silent = await listen(t, () => undefined);
    const ports = [secure.port, other.port, ends.port, 1];
    assert.deepEqual(await Promise.all(ports.map((port) => greet(`127.0.0.1:${port}`))), [false, false, false, false]);
    assert.equal(await greet(`127.0.0.1:${silent.port}`, AbortSignal.timeout(50)), false);
    assert.equal(await greet(`127.0.0.1:${silent.port}`, AbortSignal.abort()), false);
  });
});

describe('a registry at a local address', () => {
  test('that answers it in HTTP is asked by HTTP, and no handshake is begun', async (t) => {
    const server = await startHostile((_, response) => good(response, MANIFEST.bytes));
    const starts: string[] = [];
    const { port } = await listen(t, (socket) => {
      const on = connect(server.port, '127.0.0.1').on('error', () => undefined);
      socket.once('data', (bytes: Buffer) => starts.push(bytes[0] === 22 ? `TLS, ${bytes.length} bytes` : bytes.toString('latin1', 0, 4))).pipe(on).pipe(socket);
    });
    await ask(`127.0.0.1:${port}`);
    assert.deepEqual(starts, ['TLS, 10 bytes', 'GET ']);
  });

  test('that does not is asked by TLS', async () => {
    const server = await startHostile((_, response) => good(response, MANIFEST.bytes), { tls });
    await ask(`localhost:${server.port}`);
    assert.ok(server.seen.length > 0 && server.seen.every(({ serverName }) => serverName === 'localhost'));
  });

  test('that says nothing to it and speaks TLS is asked by TLS', async (t) => {
    const server = await startHostile((_, response) => good(response, MANIFEST.bytes), { tls });
    let connections = 0;
    const { port } = await listen(t, (socket) => {
      connections += 1;
      if (connections === 1) return;
      const on = connect(server.port, '127.0.0.1').on('error', () => undefined);
      socket.pipe(on).pipe(socket);
    });
    await ask(`localhost:${port}`);
    assert.ok(server.seen.length > 0);
  });
});
