import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Authority } from '../../hack/controlplane/certificates.ts';
import { digestOf } from '../../src/base/digest.ts';
import { createRegistryClient, type RegistryClientOptions } from '../../src/registry/client.ts';
import { anonymousKeychain, staticKeychain } from '../../src/registry/keychain.ts';
import { RegistryError, type Credentials, type Keychain, type RegistryClient, type RegistryErrorCode, type RepositoryName } from '../../src/registry/types.ts';
import { bad, good, manifestOf, networkOf, redirect, startHostile, type HostileOptions, type HostileRegistry, type Seen, type Serve } from '../support/hostile-registry.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MANIFEST = manifestOf();
const BLOB = 'a blob';
const LOGIN: Credentials = { username: 'ann', password: 'the-secret-of-ann' };
const BASIC = `Basic ${Buffer.from('ann:the-secret-of-ann').toString('base64')}`;
const SECRETS = ['the-secret-of-ann', Buffer.from('ann:the-secret-of-ann').toString('base64'), 'the-refresh-token'];

/** Everything is public in this network: where requests may go is tested elsewhere. */
const NAMES = ['reg.acme.example', 'auth.acme.example', 'evil.test', 'cdn.test'];
const NETWORK = networkOf(Object.fromEntries(NAMES.map((name) => [name, '127.0.0.1'])), { '127.0.0.1': 'public' });

let authority: Authority;
let tls: NonNullable<HostileOptions['tls']>;
before(async () => {
  authority = await Authority.create('Test Authority');
  tls = await authority.server('servers', NAMES);
});

const start = (serve: Serve): Promise<HostileRegistry> => startHostile(serve, { tls });
const clientOf = (options: RegistryClientOptions = {}): RegistryClient => createRegistryClient({ network: NETWORK, tls: { ca: authority.pem.certificate }, ...options });
const repositoryAt = (registry: HostileRegistry, name = 'reg.acme.example'): RepositoryName => ({ host: `${name}:${registry.port}`, path: 'acme/web' });

/** A registry that wants a Bearer token from `realm`, and serves a manifest and a blob to who has one of `tokens`. */
const wantsToken = (realm: () => string, tokens: readonly string[] = ['good-token']): Serve => (q, r) => {
  const sent = q.headers.authorization;
  if (sent === undefined || !tokens.some((token) => sent === `Bearer ${token}`)) {
    bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${realm()}",service="reg.acme.example",scope="repository:acme/web:pull"` });
  } else if (q.path.includes('/blobs/')) good(r, BLOB);
  else good(r, MANIFEST.bytes);
};

const givesToken = (token = 'good-token', more: object = {}): Serve => (_, r) => good(r, JSON.stringify({ token, expires_in: 300, ...more }), { 'content-type': 'application/json' });

/** Neither a log, a message nor a server other than the intended ones may see a secret. */
function assertNoSecret(text: string): void {
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `a secret is in: ${text}`);
}

async function failing(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(() => assert.fail('it was accepted'), (thrown: unknown) => thrown);
  assert.ok(error instanceof RegistryError, String(error));
  assertNoSecret(`${error.message} ${error.stack ?? ''}`);
  return error;
}

async function ended(servers: readonly HostileRegistry[], client: RegistryClient): Promise<void> {
  await client.close();
  await Promise.all(servers.map((server) => server.stop()));
}

interface Row {
  /** The name by which the token endpoint is called. */
  readonly realm: string;
  readonly keychain: Keychain;
  readonly token?: Serve;
  /** Whether the token endpoint was configured for the registry. */
  readonly configured?: boolean;
  /** The `Authorization` that the token endpoint must have seen; absent: none. */
  readonly sends?: string | undefined;
  /** Without a code the manifest must be had. */
  readonly code?: RegistryErrorCode;
  readonly says?: RegExp;
}

const ROWS: Record<string, Row> = {
  'anonymous: a token without credentials': { realm: 'auth.acme.example', keychain: anonymousKeychain },
  'credentials go to a token endpoint of the same domain': { realm: 'auth.acme.example', keychain: staticKeychain(LOGIN), sends: BASIC },
  'credentials do not go to a token endpoint of another domain': { realm: 'evil.test', keychain: staticKeychain(LOGIN) },
  'and a refusal says why': { realm: 'evil.test', keychain: staticKeychain(LOGIN), token: (_, r) => bad(r, 401, 'UNAUTHORIZED'), code: 'Unauthorized', says: /credentials for reg\.acme\.example:\d+ were not used because its token endpoint evil\.test:\d+ is of another domain/ },
  'credentials go to a token endpoint of another domain that was configured': { realm: 'evil.test', keychain: staticKeychain(LOGIN), configured: true, sends: BASIC },
  'a refusal of the credentials': { realm: 'auth.acme.example', keychain: staticKeychain(LOGIN), token: (_, r) => bad(r, 401, 'UNAUTHORIZED'), sends: BASIC, code: 'Unauthorized', says: /a token for manifest sha256:.* of repository acme\/web at registry reg\.acme\.example:\d+: the answer was 401 UNAUTHORIZED/ },
  'a throttled token endpoint': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: (_, r) => bad(r, 429, 'TOOMANYREQUESTS', { 'retry-after': '60' }), code: 'Throttled', says: /60 s/ },
  'a token endpoint that is down': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: (_, r) => bad(r, 503, 'UNAVAILABLE'), code: 'Unavailable', says: /503/ },
  'a token endpoint that does not exist is no missing image': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: (_, r) => bad(r, 404, 'NOT_FOUND'), code: 'Unavailable', says: /token endpoint does not exist/ },
  'a token endpoint that redirects is not followed, with credentials': { realm: 'auth.acme.example', keychain: staticKeychain(LOGIN), token: (q, r) => redirect(r, `https://evil.test:${q.headers.host?.split(':')[1]}/steal`), sends: BASIC, code: 'Unavailable', says: /redirects, which is not followed/ },
  'an endless answer of the token endpoint': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: (_, r) => good(r, 'x'.repeat(70_000)), code: 'LimitExceeded', says: /65536/ },
  'an answer without a token': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: (_, r) => good(r, '{"errors":"SECRET TEXT"}'), code: 'Unavailable', says: /holds no token/ },
  'a token with a line break is not sent': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: givesToken('good-token\r\nx-evil: 1'), code: 'Unavailable', says: /holds no token/ },
  'a token that the registry does not take': { realm: 'auth.acme.example', keychain: anonymousKeychain, token: givesToken('wrong-token'), code: 'Unauthorized', says: /401 UNAUTHORIZED; .*; no credentials were given/ },
};

describe('tokens', () => {
  for (const [sentence, { realm, keychain, token = givesToken(), configured = false, sends, code, says }] of Object.entries(ROWS)) {
    it(sentence, async () => {
      const auth = await start(token);
      const registry = await start(wantsToken(() => `https://${realm}:${auth.port}/token`));
      const repository = repositoryAt(registry);
      const client = clientOf(configured ? { tokenHosts: { [repository.host]: [`${realm}:${auth.port}`] } } : {});
      try {
        const asked = client.manifest(repository, MANIFEST.digest, { keychain });
        if (code === undefined) assert.equal((await asked).digest, MANIFEST.digest);
        else {
          const error = await failing(asked);
          assert.equal(error.code, code, error.message);
          assert.match(error.message, says ?? /./);
          assert.doesNotMatch(error.message, /SECRET TEXT/);
        }
        assert.ok(auth.seen.length > 0);
        for (const { headers, path } of auth.seen) {
          assert.equal(headers.authorization, sends);
          assert.doesNotMatch(path, /steal/);
        }
        assertNoSecret(registry.received());
      } finally {
        await ended([auth, registry], client);
      }
    });
  }

  it('an identity token is posted, in the body alone', async () => {
    const auth = await start(givesToken('', { token: undefined, access_token: 'good-token' }));
    const registry = await start(wantsToken(() => `https://auth.acme.example:${auth.port}/token`));
    const client = clientOf();
    await client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: staticKeychain({ identityToken: 'the-refresh-token' }) });
    const [{ method, body, headers, path }] = auth.seen as [Seen];
    assert.equal(method, 'POST');
    assert.equal(new URLSearchParams(body).get('refresh_token'), 'the-refresh-token');
    assert.equal(headers.authorization, undefined);
    assert.doesNotMatch(path, /the-refresh-token/);
    assertNoSecret(registry.received());
    await ended([auth, registry], client);
  });

  it('one token serves many concurrent requests, and later ones until it expires', async () => {
    const clock = new ManualClock();
    const auth = await start(givesToken('good-token', { expires_in: 300 }));
    const registry = await start(wantsToken(() => `https://auth.acme.example:${auth.port}/token`));
    const client = clientOf({ clock });
    const repository = repositoryAt(registry);
    const ask = () => client.manifest(repository, MANIFEST.digest, { keychain: anonymousKeychain });
    await Promise.all(Array.from({ length: 10 }, ask));
    assert.equal(auth.seen.length, 1);
    clock.advance(280_000);
    await ask();
    assert.equal(auth.seen.length, 1);
    clock.advance(15_000);
    await ask();
    assert.equal(auth.seen.length, 2);
    await ended([auth, registry], client);
  });

  it('a token that is refused before its time is replaced once', async () => {
    const tokens = ['first', 'second'];
    const auth = await start((q, r) => givesToken(tokens[auth.seen.length - 1] ?? 'third')(q, r));
    const valid = ['first'];
    const registry = await start(wantsToken(() => `https://auth.acme.example:${auth.port}/token`, valid));
    const client = clientOf();
    const ask = () => client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: anonymousKeychain });
    await ask();
    valid[0] = 'second';
    await ask();
    assert.equal(auth.seen.length, 2);
    valid[0] = 'never';
    assert.equal((await failing(ask())).code, 'Unauthorized');
    assert.equal(auth.seen.length, 3);
    await ended([auth, registry], client);
  });

  it('one caller\'s token does not serve another', async () => {
    const auth = await start((q, r) => givesToken(q.headers.authorization === BASIC ? 'token-of-ann' : 'token-of-nobody')(q, r));
    const registry = await start(wantsToken(() => `https://auth.acme.example:${auth.port}/token`, ['token-of-ann']));
    const client = clientOf();
    const ask = (keychain: Keychain) => client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain });
    await ask(staticKeychain(LOGIN));
    assert.equal((await failing(ask(anonymousKeychain))).code, 'Unauthorized');
    assert.equal((await failing(ask(staticKeychain({ username: 'bob', password: 'x' })))).code, 'Unauthorized');
    await ended([auth, registry], client);
  });

  it('a token is asked for pull of this repository, whatever the challenge says', async () => {
    const auth = await start(givesToken());
    const registry = await start((q, r) =>
      q.headers.authorization === undefined
        ? bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="https://auth.acme.example:${auth.port}/token",service="s",scope="repository:acme/web:pull,push repository:other/secret:pull"` })
        : good(r, MANIFEST.bytes),
    );
    const client = clientOf();
    await client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: anonymousKeychain });
    assert.deepEqual(new URL(`https://x${auth.seen[0]?.path}`).searchParams.getAll('scope'), ['repository:acme/web:pull']);
    await ended([auth, registry], client);
  });

  it('a token endpoint that hangs ends with the call', async () => {
    const auth = await start(() => undefined);
    const registry = await start(wantsToken(() => `https://auth.acme.example:${auth.port}/token`));
    const client = clientOf({ requestTimeout: 300, lookupTimeout: 500 });
    assert.equal((await failing(client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: anonymousKeychain }))).code, 'Unavailable');
    await ended([auth, registry], client);
  });
});

describe('credentials', () => {
  it('with Basic go to the registry that asks for them, and not before it asked', async () => {
    const registry = await start((q, r) => (q.headers.authorization === BASIC ? good(r, MANIFEST.bytes) : bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="r"' })));
    const client = clientOf();
    await client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: staticKeychain(LOGIN) });
    assert.deepEqual(registry.seen.map(({ path, headers }) => [path.replace(MANIFEST.digest, 'D'), headers.authorization]), [['/v2/', undefined], ['/v2/acme/web/manifests/D', BASIC]]);
    await client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: staticKeychain(LOGIN) });
    assert.equal(registry.seen.length, 3);
    await ended([registry], client);
  });

  it('are not sent to a registry that serves everybody', async () => {
    const registry = await start((q, r) => (q.path === '/v2/' ? good(r, '{}') : good(r, MANIFEST.bytes)));
    const client = clientOf();
    await client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: staticKeychain(LOGIN) });
    assertNoSecret(registry.received());
    await ended([registry], client);
  });

  it('that are wrong are tried once', async () => {
    const registry = await start((_, r) => bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="r"' }));
    const client = clientOf();
    const error = await failing(client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: staticKeychain(LOGIN) }));
    assert.equal(error.code, 'Unauthorized');
    assert.equal(registry.seen.length, 2);
    await ended([registry], client);
  });

  it('as a registry token are sent as they are', async () => {
    const registry = await start(wantsToken(() => 'https://evil.test/', ['registry-token']));
    const client = clientOf();
    await client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain: staticKeychain({ registryToken: 'registry-token' }) });
    assert.equal(registry.seen.length, 1);
    await ended([registry], client);
  });

  it('that cannot be read are told as such', async () => {
    const registry = await start((_, r) => good(r, MANIFEST.bytes));
    const client = clientOf();
    const keychain: Keychain = { scope: 'x', lookup: () => Promise.reject(new Error('the helper failed')) };
    const error = await failing(client.manifest(repositoryAt(registry), MANIFEST.digest, { keychain }));
    assert.equal(error.code, 'Unauthorized');
    assert.match(error.message, /credentials could not be read: the helper failed/);
    await ended([registry], client);
  });

  const REDIRECTS: Record<string, (port: number, q: Seen) => string> = {
    'to another host': (port) => `https://cdn.test:${port}/blob`,
    'to another host of the same domain': (port) => `https://auth.acme.example:${port}/blob`,
    'to another port of the same host': (port) => `https://reg.acme.example:${port}/blob`,
  };
  for (const [where, location] of Object.entries(REDIRECTS)) {
    it(`do not follow a redirect ${where}`, async () => {
      const cdn = await start((_, r) => good(r, BLOB));
      const registry = await start((q, r) => (q.headers.authorization === BASIC ? redirect(r, location(cdn.port, q)) : bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="r"' })));
      const client = clientOf();
      const bytes = await client.blob(repositoryAt(registry), digestOf(BLOB), 100, { keychain: staticKeychain(LOGIN) });
      assert.equal(Buffer.from(bytes).toString(), BLOB);
      assert.equal(cdn.seen.length, 1);
      assert.equal(cdn.seen[0]?.headers.authorization, undefined);
      assertNoSecret(cdn.received());
      await ended([cdn, registry], client);
    });
  }

  it('do not come back to work after a redirect away and back', async () => {
    const cdn = await start((_, r) => redirect(r, `https://reg.acme.example:${registry.port}/v2/acme/other/blobs/x`));
    const registry: HostileRegistry = await start((q, r) => {
      if (q.path.includes('/other/')) good(r, BLOB);
      else if (q.headers.authorization === BASIC) redirect(r, `https://cdn.test:${cdn.port}/`);
      else bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="r"' });
    });
    const client = clientOf();
    await client.blob(repositoryAt(registry), digestOf(BLOB), 100, { keychain: staticKeychain(LOGIN) });
    assert.equal(registry.seen.at(-1)?.headers.authorization, undefined);
    await ended([cdn, registry], client);
  });

  it('are not given to a store that asks for them', async () => {
    const cdn = await start((_, r) => bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="r"' }));
    const registry = await start((q, r) => (q.path === '/v2/' ? good(r, '{}') : redirect(r, `https://cdn.test:${cdn.port}/`)));
    const client = clientOf();
    const error = await failing(client.blob(repositoryAt(registry), digestOf(BLOB), 100, { keychain: staticKeychain(LOGIN) }));
    assert.equal(error.code, 'Unavailable');
    assert.match(error.message, /401 UNAUTHORIZED from cdn\.test:\d+, where the registry had sent us/);
    assertNoSecret(cdn.received());
    await ended([cdn, registry], client);
  });
});
