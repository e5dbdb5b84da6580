import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Authority } from '../../hack/controlplane/certificates.ts';
import type { AddressKind } from '../../src/registry/address.ts';
import { createRegistryClient, type RegistryClientOptions } from '../../src/registry/client.ts';
import type { HostRules } from '../../src/registry/hosts.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { systemNetwork } from '../../src/registry/transport.ts';
import { RegistryError, type RegistryClient, type RegistryErrorCode } from '../../src/registry/types.ts';
import { bad, good, INDEX_TYPE, indexOf, manifestOf, networkOf, redirect, startHostile, type HostileOptions, type HostileRegistry, type Serve } from '../support/hostile-registry.ts';
import { until } from '../support/until.ts';

const CALL = { keychain: anonymousKeychain };
const MANIFEST = manifestOf();

/** Addresses of this machine that stand for others, so that real connections can be made to them. */
const PUBLIC = '127.0.0.2';
const PRIVATE = '127.0.0.3';
const KINDS: Record<string, AddressKind> = { [PUBLIC]: 'public', [PRIVATE]: 'private' };
const NAMES = { 'public.test': PUBLIC, 'private.test': PRIVATE, 'local.test': '127.0.0.1', 'cdn.test': PUBLIC, 'auth.public.test': PRIVATE, 'metadata.test': '169.254.169.254' };

let authority: Authority;
let tls: NonNullable<HostileOptions['tls']>;
before(async () => {
  authority = await Authority.create('Test Authority');
  tls = await authority.server('servers', [...Object.keys(NAMES), 'rebind.test']);
});

const giveToken: Serve = (_, r) => good(r, '{"token":"good"}');
const serveManifest: Serve = (_, r) => good(r, MANIFEST.bytes);

async function using(options: RegistryClientOptions, work: (client: RegistryClient) => Promise<unknown>): Promise<void> {
  const client = createRegistryClient({ network: networkOf(NAMES, KINDS), tls: { ca: authority.pem.certificate }, ...options });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

const ask = (host: string, options: RegistryClientOptions): Promise<void> =>
  using(options, (client) => client.manifest({ host, path: 'acme/web' }, MANIFEST.digest, CALL));

const list = (host: string, options: RegistryClientOptions): Promise<void> =>
  using(options, (client) => client.referrers({ host, path: 'acme/web' }, MANIFEST.digest, CALL));

const nextPageAt = (location: string): Serve => (_, r) => good(r, indexOf([]), { 'content-type': INDEX_TYPE, link: `<${location}>; rel="next"` });

async function refused(work: Promise<unknown>, code: RegistryErrorCode, says: RegExp): Promise<void> {
  const error = await work.then(() => assert.fail('it was accepted'), (thrown: unknown) => thrown);
  assert.ok(error instanceof RegistryError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, says);
}

describe('the first request', () => {
  const LITERALS = ['127.0.0.1', '127.1.2.3', '[::1]', '169.254.169.254', '[fe80::1]', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '0.0.0.0', '224.0.0.1', '[fd00:ec2::254]', '100.100.100.200', '[64:ff9b::a9fe:a9fe]', '2130706433', '0x7f.1', '127.1'];
  for (const literal of LITERALS) {
    it(`is not sent to ${literal}`, () => refused(ask(`${literal}:5000`, {}), 'Forbidden', /is a (loopback|link-local|metadata|mapped|reserved|multicast) address; such an address is contacted only where/));
  }

  it('is not sent to a name that resolves to a loopback address', async () => {
    const registry = await startHostile(serveManifest, { tls });
    await refused(ask(`local.test:${registry.port}`, {}), 'Forbidden', /local\.test resolves to a loopback address/);
    assert.equal(registry.seen.length, 0);
  });

  it('is not sent to a name that resolves to a metadata address', () => refused(ask('metadata.test', {}), 'Forbidden', /resolves to a metadata address/));

  it('is not sent to localhost as this machine resolves it', () =>
    refused(ask('localhost:1', { network: systemNetwork }), 'Forbidden', /localhost resolves to a loopback address/));

  const SENT: Record<string, readonly [string, string, HostRules]> = {
    'to a public address': [PUBLIC, 'public.test', {}],
    'to a private address: registries of a company': [PRIVATE, 'private.test', {}],
    'to a loopback address of a host that is configured': ['127.0.0.1', 'local.test', { allowPrivate: ['local.test:PORT'] }],
    'to a host that the user of the command line typed': ['127.0.0.1', 'local.test', { unlisted: 'cosign' }],
  };
  for (const [sentence, [address, name, rules]] of Object.entries(SENT)) {
    it(`is sent ${sentence}`, async () => {
      const registry = await startHostile(serveManifest, { tls, address });
      const hosts: HostRules = { ...rules, ...(rules.allowPrivate === undefined ? {} : { allowPrivate: [`${name}:${registry.port}`] }) };
      await ask(`${name}:${registry.port}`, { hosts });
      assert.equal(registry.seen.length, 1);
    });
  }

  it('is judged by the address that is connected to, not by an earlier answer for the name', async () => {
    const registry = await startHostile((_, r) => { r.setHeader('connection', 'close'); good(r, MANIFEST.bytes); }, { tls, address: PUBLIC });
    // The same port on loopback: whoever is there must not be reached when the name moves.
    const network = networkOf({ 'rebind.test': [PUBLIC, '127.0.0.1'] }, KINDS);
    const client = createRegistryClient({ network, tls: { ca: authority.pem.certificate } });
    const get = () => client.manifest({ host: `rebind.test:${registry.port}`, path: 'acme/web' }, MANIFEST.digest, CALL);
    await get();
    await refused(get(), 'Forbidden', /rebind\.test resolves to a loopback address/);
    await client.close();
  });

  it('is not sent by plain http to who speaks no TLS', async () => {
    const registry = await startHostile(serveManifest, { address: PUBLIC });
    await refused(ask(`public.test:${registry.port}`, {}), 'Unavailable', /TLS failed: it may speak plain http/);
    assert.equal(registry.seen.length, 0);
  });

  it('is sent by http alone to a host that was listed for it', async () => {
    const registry = await startHostile(serveManifest);
    await ask(registry.host, { hosts: { allowHttp: [registry.host] } });
    assert.deepEqual(registry.seen.map(({ path }) => path), [`/v2/acme/web/manifests/${MANIFEST.digest}`]);
  });

  it('of the command line goes to a local registry by TLS if it speaks that, else by http, which is found out once', async () => {
    const plain = await startHostile(serveManifest);
    const events: string[] = [];
    const client = createRegistryClient({ hosts: { unlisted: 'cosign' }, onRequest: ({ kind, code }) => events.push(`${kind} ${code}`) });
    await client.manifest({ host: plain.host, path: 'a' }, MANIFEST.digest, CALL);
    await client.manifest({ host: plain.host, path: 'a' }, MANIFEST.digest, CALL);
    assert.deepEqual(events, ['manifest 200', 'manifest 200']);
    await client.close();
    const secure = await startHostile(serveManifest, { tls });
    await ask(secure.host, { hosts: { unlisted: 'cosign' } });
    assert.equal(secure.seen.length, 2);
  });

  it('of the command line does not go by http to a local registry whose certificate is not trusted', async () => {
    const registry = await startHostile(serveManifest, { tls });
    await refused(ask(registry.host, { hosts: { unlisted: 'cosign' }, tls: {} }), 'Unavailable', /its TLS certificate is not trusted/);
  });
});

interface Sent {
  /** Where the registry is: its name decides its address. */
  readonly from: 'public.test' | 'private.test';
  /** Where the other server is. */
  readonly to: string;
  readonly address: string;
  readonly scheme?: 'http';
  readonly hosts?: (other: string) => HostRules;
  /** Absent: the other server is asked. */
  readonly says?: RegExp;
}

const SENT_ON: Record<string, Sent> = {
  'public to public': { from: 'public.test', to: 'cdn.test', address: PUBLIC },
  'private to private': { from: 'private.test', to: 'private.test', address: PRIVATE },
  'private to public': { from: 'private.test', to: 'cdn.test', address: PUBLIC },
  'public to private by name': { from: 'public.test', to: 'private.test', address: PRIVATE, says: /private\.test resolves to a private address/ },
  'public to private by address': { from: 'public.test', to: PRIVATE, address: PRIVATE, says: /127\.0\.0\.3 is a private address/ },
  'public to loopback by name': { from: 'public.test', to: 'local.test', address: '127.0.0.1', says: /local\.test resolves to a loopback address/ },
  'public to loopback by address': { from: 'public.test', to: '127.0.0.1', address: '127.0.0.1', says: /127\.0\.0\.1 is a loopback address/ },
  'private to loopback': { from: 'private.test', to: '127.0.0.1', address: '127.0.0.1', says: /loopback address/ },
  'public to private that is configured': { from: 'public.test', to: 'private.test', address: PRIVATE, hosts: (other) => ({ allowPrivate: [other] }) },
  'public to plain http': { from: 'public.test', to: 'cdn.test', address: PUBLIC, scheme: 'http', says: /plain http, which is not allowed/ },
  'public to private on the command line': { from: 'public.test', to: 'private.test', address: PRIVATE, hosts: () => ({ unlisted: 'cosign' }), says: /private address/ },
  'public to loopback on the command line': { from: 'public.test', to: '127.0.0.1', address: '127.0.0.1', hosts: () => ({ unlisted: 'http' }), says: /loopback address/ },
};

async function sentOn(sent: Sent, registryServes: (location: string) => Serve, otherServes: Serve, work: (registry: HostileRegistry, host: string, options: RegistryClientOptions) => Promise<unknown>): Promise<void> {
  const { from, to, address, scheme, hosts, says } = sent;
  const other = await startHostile(otherServes, { address, ...(scheme === 'http' ? {} : { tls }) });
  const registry = await startHostile(registryServes(`${scheme ?? 'https'}://${to}:${other.port}/there`), { address: NAMES[from], tls });
  const options = hosts === undefined ? {} : { hosts: hosts(`${to}:${other.port}`) };
  const asked = work(registry, `${from}:${registry.port}`, options);
  if (says === undefined) await asked;
  else await refused(asked, 'Forbidden', says);
  assert.equal(other.seen.length, says === undefined ? 1 : 0);
  await Promise.all([other.stop(), registry.stop()]);
}

describe('a redirect', () => {
  for (const [sentence, sent] of Object.entries(SENT_ON)) {
    it(`${sentence}: ${sent.says === undefined ? 'followed' : 'refused'}`, () =>
      sentOn(sent, (location) => (_, r) => redirect(r, location), serveManifest, (_, host, options) => ask(host, options)));
  }
});

describe('a registry whose name leads to several addresses', () => {
  it('sends on from the one that answered, and not from the one that was last connected to', async () => {
    const other = await startHostile(serveManifest, { address: PRIVATE, tls });
    let answerFirst: () => unknown = () => undefined;
    const serve: Serve = (q, r) => {
      if (q.path.includes('/blobs/')) answerFirst = () => redirect(r, `https://private.test:${other.port}/`);
      else good(r, MANIFEST.bytes);
    };
    const registry = await startHostile(serve, { address: '0.0.0.0', tls });
    const network = networkOf({ ...NAMES, 'rebind.test': [PUBLIC, PRIVATE] }, KINDS);
    await using({ network }, async (client) => {
      const repository = { host: `rebind.test:${registry.port}`, path: 'acme/web' };
      const first = refused(client.blob(repository, MANIFEST.digest, 1024, CALL), 'Forbidden', /private\.test resolves to a private address/);
      await until(() => registry.seen.length === 1, 'the first request');
      await client.manifest(repository, MANIFEST.digest, CALL);
      answerFirst();
      await first;
    });
    assert.equal(other.seen.length, 0);
  });
});

describe('a token endpoint', () => {
  const askToken = (location: string): Serve => (q, r) =>
    q.headers.authorization === undefined ? bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${location}"` }) : good(r, MANIFEST.bytes);
  for (const [sentence, sent] of Object.entries(SENT_ON)) {
    it(`${sentence}: ${sent.says === undefined ? 'asked' : 'refused'}`, () => sentOn(sent, askToken, giveToken, (_, host, options) => ask(host, options)));
  }
});

describe('a next page', () => {
  it('is asked for at the registry alone, never elsewhere', async () => {
    for (const sent of Object.values(SENT_ON)) {
      await sentOn({ ...sent, says: /goes on at another host/ }, nextPageAt, serveManifest, (_, host, options) => list(host, options));
    }
  });
});

describe('TLS', () => {
  it('a certificate that is not trusted is told as such, and nothing is sent', async () => {
    const registry = await startHostile(serveManifest, { address: PUBLIC, tls });
    await refused(ask(`public.test:${registry.port}`, { tls: {} }), 'Unavailable', /its TLS certificate is not trusted \(/);
    assert.equal(registry.seen.length, 0);
  });
  it('a certificate of another name is told as such', async () => {
    const registry = await startHostile(serveManifest, { address: PUBLIC, tls });
    const network = networkOf({ 'unnamed.test': PUBLIC }, KINDS);
    await refused(ask(`unnamed.test:${registry.port}`, { network }), 'Unavailable', /ERR_TLS_CERT_ALTNAME_INVALID/);
  });
  it('the server name can be another than the host', async () => {
    const registry = await startHostile(serveManifest, { address: PUBLIC, tls });
    const network = networkOf({ 'unnamed.test': PUBLIC }, KINDS);
    await ask(`unnamed.test:${registry.port}`, { network, tls: { ca: authority.pem.certificate, serverName: 'public.test' } });
    assert.equal(registry.seen[0]?.serverName, 'public.test');
  });
  it('is not verified where the user said so, for http comes after it there', async () => {
    const registry = await startHostile(serveManifest, { address: PUBLIC, tls });
    await ask(`public.test:${registry.port}`, { tls: { insecure: true }, hosts: { unlisted: 'http' } });
  });
  it('a client certificate is shown to the registry and to nobody that it names', async () => {
    const clientOf = await authority.client({ name: 'ann' });
    const cdn = await startHostile(serveManifest, { address: PUBLIC, tls: { ...tls, clientCa: authority.pem.certificate } });
    const registry = await startHostile((_, r) => redirect(r, `https://cdn.test:${cdn.port}/`), { address: PUBLIC, tls: { ...tls, clientCa: authority.pem.certificate } });
    const asked = ask(`public.test:${registry.port}`, { tls: { ca: authority.pem.certificate, cert: clientOf.certificate, key: clientOf.key } });
    await refused(asked, 'Unavailable', /cdn\.test/);
    assert.equal(registry.seen[0]?.client, 'ann');
    assert.equal(cdn.seen.length, 0);
  });
});
