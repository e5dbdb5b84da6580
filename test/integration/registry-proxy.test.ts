import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as sendOn, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Authority } from '../../hack/controlplane/certificates.ts';
import { createRegistryClient, type RegistryClientOptions } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { good, manifestOf, networkOf, redirect, startHostile, type HostileOptions, type HostileRegistry, type Serve } from '../support/hostile-registry.ts';

const CALL = { keychain: anonymousKeychain };
const MANIFEST = manifestOf();

let authority: Authority;
let tls: NonNullable<HostileOptions['tls']>;
before(async () => {
  authority = await Authority.create('Test Authority');
  tls = await authority.server('servers', ['public.test', 'cdn.test', 'inner.test']);
});

/** A real proxy, the only one that knows the names: whatever is asked for is at 127.0.0.2, port for port. */
interface TestProxy {
  readonly url: string;
  /** `CONNECT public.test:443`, in order. */
  readonly asked: readonly string[];
}

const servers = new Set<{ close(): unknown; closeAllConnections(): void }>();
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function startProxy(refuses = false): Promise<TestProxy> {
  const asked: string[] = [];
  const note = ({ method = '', url = '', headers }: IncomingMessage): void => void asked.push(`${method} ${url} ${headers['proxy-authorization'] ?? ''}`.trim());
  const server = createServer((from, to) => {
    note(from);
    const { port, pathname } = new URL(from.url ?? '');
    from.pipe(sendOn({ host: '127.0.0.2', port, path: pathname, method: from.method ?? 'GET' }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    }));
  });
  server.on('connect', (from: IncomingMessage, socket) => {
    note(from);
    socket.on('error', () => undefined);
    if (refuses) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const there = connect(Number(from.url?.split(':').at(-1)), '127.0.0.2', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('close', () => there.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.add(server);
  return { url: `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const there = (serve: Serve): Promise<HostileRegistry> => startHostile(serve, { address: '127.0.0.2', tls });
const serveManifest: Serve = (_, r) => good(r, MANIFEST.bytes);

async function ask(host: string, options: RegistryClientOptions): Promise<void> {
  // Nobody here knows any name.
  const client = createRegistryClient({ network: networkOf({}), tls: { ca: authority.pem.certificate }, ...options });
  try {
    await client.manifest({ host, path: 'acme/web' }, MANIFEST.digest, CALL);
    await client.manifest({ host, path: 'acme/web' }, MANIFEST.digest, CALL);
  } finally {
    await client.close();
  }
}

describe('by way of a proxy', () => {
  it('a registry is asked through a tunnel, whose end shows its own certificate, and one connection does for several requests', async () => {
    const [proxy, registry] = [await startProxy(), await there(serveManifest)];
    await ask(`public.test:${registry.port}`, { proxy: { HTTPS_PROXY: proxy.url } });
    assert.equal(registry.seen.length, 2);
    assert.deepEqual(proxy.asked, [`CONNECT public.test:${registry.port} Basic ${Buffer.from('user:secret').toString('base64')}`]);
  });

  it('a registry that shows no certificate of its name is not asked', async () => {
    const [proxy, registry] = [await startProxy(), await there(serveManifest)];
    await assert.rejects(ask(`other.test:${registry.port}`, { proxy: { HTTPS_PROXY: proxy.url } }), { code: 'Unavailable', message: /ALTNAME_INVALID.*by way of the proxy 127\.0\.0\.1:\d+$/ });
    assert.equal(registry.seen.length, 0);
  });

  it('a registry is asked in plain HTTP where that is allowed', async () => {
    const [proxy, registry] = [await startProxy(), await startHostile(serveManifest, { address: '127.0.0.2' })];
    const host = `public.test:${registry.port}`;
    await ask(host, { proxy: { http_proxy: proxy.url }, hosts: { allowHttp: [host] } });
    assert.equal(registry.seen.length, 2);
    assert.match(proxy.asked[0] ?? '', /^GET http:\/\/public\.test:\d+\/v2\/acme\/web\/manifests\//);
  });

  it('nothing is asked whom NO_PROXY lists: this machine resolves the name and judges the address', async () => {
    const proxy = await startProxy();
    const network = networkOf({ 'inner.test': '127.0.0.1' });
    await assert.rejects(ask('inner.test:1', { network, proxy: { HTTPS_PROXY: proxy.url, NO_PROXY: '.test' } }), { code: 'Forbidden', message: /resolves to a loopback address/ });
    assert.deepEqual(proxy.asked, []);
  });

  it('no address is asked that must not be', async () => {
    const proxy = await startProxy();
    for (const host of ['169.254.169.254', '127.0.0.1:1', '[fe80::1]']) {
      await assert.rejects(ask(host, { proxy: { HTTPS_PROXY: proxy.url } }), { code: 'Forbidden', message: /such an address is contacted only where/ });
    }
    assert.deepEqual(proxy.asked, []);
  });

  it('a redirect does not lead to a private address: where a name leads to is not known here, so that it counts as public', async () => {
    const [proxy, registry] = [await startProxy(), await there((_, r) => redirect(r, 'https://10.0.0.1/'))];
    await assert.rejects(ask(`public.test:${registry.port}`, { proxy: { HTTPS_PROXY: proxy.url } }), { code: 'Forbidden', message: /10\.0\.0\.1 is a private address/ });
    assert.equal(proxy.asked.length, 1);
  });

  it('a proxy that refuses, is not there, or is none, is told, without its password', async () => {
    const refusing = await startProxy(true);
    const TOLD: readonly (readonly [string, RegExp])[] = [
      [refusing.url, /the proxy makes no connection to it \(ERR_PROXY_TUNNEL\), asked by way of the proxy 127\.0\.0\.1:\d+$/],
      ['http://user:secret@127.0.0.1:1', /nothing answers at its address \(ECONNREFUSED\), asked by way of the proxy 127\.0\.0\.1:1$/],
      ['socks5://user:secret@127.0.0.1:1', /HTTPS_PROXY is not the http or https URL of a proxy$/],
    ];
    for (const [url, says] of TOLD) {
      await assert.rejects(ask('public.test', { proxy: { HTTPS_PROXY: url } }), (error: Error) => {
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
  });
});
