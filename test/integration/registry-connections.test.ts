import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { Transport, type Exchange } from '../../src/registry/transport.ts';
import type { RegistryClient, RepositoryName } from '../../src/registry/types.ts';
import { manifestOf } from '../support/hostile-registry.ts';
import { until } from '../support/until.ts';

const CALL = { keychain: anonymousKeychain };
const { bytes: BYTES, digest: DIGEST } = manifestOf();
const OK = `HTTP/1.1 200 OK\r\ndocker-content-digest: ${DIGEST}\r\ncontent-length: ${BYTES.length}\r\n\r\n`;

/** A server of bytes: `serve` is called for each piece that comes, with the number of the connection and of the piece on it. */
type Serve = (socket: Socket, connection: number, piece: number) => void;

interface Bytes {
  readonly host: string;
  /** So far. */
  readonly connections: () => number;
  /** Now. */
  readonly open: () => number;
}

async function withBytes(serve: Serve, work: (server: Bytes) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const connection = sockets.push(socket);
    let piece = 0;
    socket.on('error', () => undefined).on('data', () => serve(socket, connection, (piece += 1)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await work({ host: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => sockets.length, open: () => sockets.filter(({ closed }) => !closed).length });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function withClient(serve: Serve, work: (client: RegistryClient, repository: RepositoryName, server: Bytes, events: readonly string[]) => Promise<void>): Promise<void> {
  return withBytes(serve, async (server) => {
    const events: string[] = [];
    const client = createRegistryClient({ hosts: { allowHttp: [server.host] }, requestTimeout: 2_000, onRequest: ({ kind, code }) => events.push(`${kind} ${code}`) });
    try {
      await work(client, { host: server.host, path: 'acme/web' }, server, events);
    } finally {
      await client.close();
    }
  });
}

function withTransport(serve: Serve, work: (transport: Transport, exchange: (signal?: AbortSignal) => Exchange, server: Bytes) => Promise<void>): Promise<void> {
  return withBytes(serve, async (server) => {
    const transport = new Transport({}, 1);
    const exchange = (signal = new AbortController().signal): Exchange => ({
      method: 'GET', url: new URL(`http://${server.host}/v2/`), headers: {}, reach: 'configured', trust: 'own', signal,
    });
    try {
      await work(transport, exchange, server);
    } finally {
      transport.close();
    }
  });
}

describe('a kept connection', () => {
  it('that is gone is no failure of the request that finds this out, however many are gone at once', () =>
    withClient(
      (socket, _, piece) => {
        if (piece > 1) socket.resetAndDestroy();
        else setTimeout(() => socket.write(OK), 50);
      },
      async (client, repository, server, events) => {
        await Promise.all(Array.from({ length: 8 }, (_, at) => client.resolveTag(repository, `t${at}`, CALL)));
        assert.equal(server.connections(), 8);
        assert.equal(await client.resolveTag(repository, 'one-more', CALL), DIGEST);
        assert.deepEqual([...new Set(events)], ['head 200']);
      },
    ));

  it('on which the server said more than it was asked for is not used for another answer', () =>
    withClient(
      (socket, connection, piece) => {
        socket.write(OK);
        // The body of an answer to HEAD, which has none.
        if (connection === 1 && piece === 1) setTimeout(() => socket.write(BYTES), 30);
      },
      async (client, repository, _, events) => {
        assert.equal(await client.resolveTag(repository, '1.4', CALL), DIGEST);
        await delay(100);
        assert.equal(await client.resolveTag(repository, '1.5', CALL), DIGEST);
        assert.deepEqual(events, ['head 200', 'head 200']);
      },
    ));

  it('is not used for what must not be sent twice', () =>
    withTransport(
      (socket, _, piece) => {
        if (piece > 1) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      },
      async (transport, exchange, server) => {
        for (const method of ['GET', 'POST', 'POST'] as const) {
          const { status, body } = await transport.send({ ...exchange(), method });
          await body.resume().toArray();
          assert.equal(status, 200);
        }
        assert.equal(server.connections(), 3);
      },
    ));

  it('serves one request after the other, and 2,000 of them leave nothing behind', () =>
    withTransport((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'), async (transport, exchange, server) => {
      const forever = new AbortController().signal;
      for (let at = 0; at < 2_000; at += 1) {
        const { body } = await transport.send(exchange(forever));
        await body.resume().toArray();
      }
      await delay(20);
      assert.equal(server.connections(), 1);
      assert.equal(getEventListeners(forever, 'abort').length, 0);
    }));
});

describe('a request', () => {
  it('that waits for a connection ends at once when it is given up', () =>
    withTransport(() => undefined, async (transport, exchange) => {
      const first = transport.send(exchange());
      const [giving, up] = [new AbortController(), new Error('given up')];
      const second = transport.send(exchange(giving.signal));
      setTimeout(() => giving.abort(up), 50);
      assert.equal(await Promise.race([second.catch((error: unknown) => error), delay(1_000, 'it waits on')]), up);
      transport.close();
      await assert.rejects(first, { code: 'closed' });
    }));

  it('whose name takes long to resolve ends at once when it is given up', () =>
    withTransport(() => undefined, async (_, exchange) => {
      const transport = new Transport({}, 1, { lookup: () => undefined, kindOf: () => 'public' });
      const [giving, up] = [new AbortController(), new Error('given up')];
      const waiting = transport.send({ ...exchange(giving.signal), url: new URL('https://slow.test/') });
      setTimeout(() => giving.abort(up), 50);
      assert.equal(await Promise.race([waiting.catch((error: unknown) => error), delay(1_000, 'it waits on')]), up);
      transport.close();
    }));

  it('that is answered by another protocol is told so, and does not wait for its deadline', () =>
    withClient(
      (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: tls/1.0\r\n\r\n'),
      async (client, repository, _, events) => {
        await assert.rejects(client.resolveTag(repository, '1.4', CALL), { code: 'Unavailable', message: /in place of an answer/ });
        assert.deepEqual(events, ['head protocol']);
      },
    ));

  const AMBIGUOUS: Readonly<Record<string, string>> = {
    'two lengths': OK.replace('\r\n\r\n', '\r\ncontent-length: 3\r\n\r\n'),
    'a length and pieces': `${OK.replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n')}2\r\n{}\r\n0\r\n\r\n`,
    'bare line feeds': OK.replaceAll('\r\n', '\n'),
  };
  for (const [what, answer] of Object.entries(AMBIGUOUS)) {
    it(`whose answer has ${what} has no answer`, () =>
      withClient(
        (socket) => socket.write(answer),
        async (client, repository) => {
          await assert.rejects(client.manifest(repository, DIGEST, CALL), { code: 'Unavailable', message: /its answer is not HTTP \(HPE_/ });
        },
      ));
  }

  it('whose answer is given up takes its connection with it', () =>
    withClient(
      (socket) => socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1000\r\n${'x'.repeat(4096)}\r\n`),
      async (client, repository, server) => {
        for (let at = 0; at < 20; at += 1) await assert.rejects(client.blob(repository, DIGEST, 10, CALL), { code: 'LimitExceeded' });
        await until(() => server.open() === 0, 'the end of all connections');
        assert.equal(server.connections(), 20);
      },
    ));
});
