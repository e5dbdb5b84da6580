import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/base/digest.ts';
import { createRegistryClient, type RegistryClientOptions } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { RegistryError, type RegistryClient, type RegistryErrorCode, type RepositoryName } from '../../src/registry/types.ts';
import { bad, good, indexOf, INDEX_TYPE, manifestOf, redirect, startHostile, type HostileRegistry, type Serve } from '../support/hostile-registry.ts';
import { ManualClock } from '../support/manual-clock.ts';

const CALL = { keychain: anonymousKeychain };
const MANIFEST = manifestOf();
const OTHER = manifestOf('other');
const BLOB = 'a blob';
const MIB = 1024 * 1024;

/** One call of the client; what is asked is the digest of a good manifest unless the row says otherwise. */
type Ask = (client: RegistryClient, repository: RepositoryName) => Promise<unknown>;
const byDigest: Ask = (client, repository) => client.manifest(repository, MANIFEST.digest, CALL);
const byTag: Ask = (client, repository) => client.manifest(repository, '1.4', CALL);
const tag: Ask = (client, repository) => client.resolveTag(repository, '1.4', CALL);
const blob: Ask = (client, repository) => client.blob(repository, digestOf(BLOB), 1024, CALL);
const referrers: Ask = (client, repository) => client.referrers(repository, MANIFEST.digest, CALL);

interface Row {
  readonly serve: Serve;
  readonly ask: Ask;
  readonly code: RegistryErrorCode;
  /** What the message must say. */
  readonly says: RegExp;
  /** How many requests at most. */
  readonly requests?: number;
  readonly options?: RegistryClientOptions;
  readonly retryAfter?: number;
}

const endless = (response: Parameters<Serve>[1], headers: Record<string, string>, status = 200): void => {
  response.writeHead(status, headers);
  const piece = Buffer.alloc(64 * 1024, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
};

/** One byte now and then, for ever: never idle for long, never done. */
const drip = (response: Parameters<Serve>[1]): void => {
  response.writeHead(200, { 'content-type': INDEX_TYPE });
  const timer = setInterval(() => response.write(' '), 50);
  response.on('close', () => clearInterval(timer));
};

const QUICK: RegistryClientOptions = { requestTimeout: 400, lookupTimeout: 1_500 };
const page = (at: number, host: string): Record<string, string> => ({ 'content-type': INDEX_TYPE, link: `<http://${host}/v2/acme/web/referrers/${MANIFEST.digest}?page=${at}>; rel="next"` });
const descriptor = (at: number): unknown => ({ mediaType: 'a/b', digest: `sha256:${String(at).padStart(64, '0')}`, size: 1 });

const ROWS: Record<string, Row> = {
  // Bytes and digests.
  'a manifest of another digest': { serve: (_, r) => good(r, OTHER.bytes), ask: byDigest, code: 'DigestMismatch', says: /the bytes that came are sha256:/, requests: 1 },
  'a manifest of another digest under the digest that was asked for': { serve: (_, r) => good(r, OTHER.bytes, { 'docker-content-digest': MANIFEST.digest }), ask: byDigest, code: 'DigestMismatch', says: /changed them/ },
  'a tag whose bytes are not of the digest it tells': { serve: (_, r) => good(r, OTHER.bytes, { 'docker-content-digest': MANIFEST.digest }), ask: byTag, code: 'DigestMismatch', says: /registry says that they are/ },
  'a blob of another digest': { serve: (_, r) => good(r, 'another blob'), ask: blob, code: 'DigestMismatch', says: /blob sha256:/ },
  'a blob that lacks its end though the length says so': { serve: (_, r) => good(r, BLOB.slice(0, 3)), ask: blob, code: 'DigestMismatch', says: /the bytes that came/ },
  'a body shorter than its Content-Length': { serve: (_, r) => { r.writeHead(200, { 'content-length': '1000' }); r.write('short'); setTimeout(() => r.destroy(), 20); }, ask: blob, code: 'Unavailable', says: /the connection ended before the answer did/, requests: 3 },
  'a body longer than its Content-Length': { serve: (_, r) => { r.socket?.write(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${BLOB}${BLOB}`); }, ask: blob, code: 'DigestMismatch', says: /the bytes that came/ },
  // Caps.
  'an endless manifest': { serve: (_, r) => endless(r, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }), ask: byDigest, code: 'LimitExceeded', says: /more than the 4194304 bytes/, requests: 1 },
  'an endless blob': { serve: (_, r) => endless(r, {}), ask: blob, code: 'LimitExceeded', says: /more than the 1024 bytes/ },
  'an endless list of referrers': { serve: (_, r) => endless(r, { 'content-type': INDEX_TYPE }), ask: referrers, code: 'LimitExceeded', says: /4194304/ },
  'a blob that claims to be larger than allowed': { serve: (_, r) => { r.writeHead(200, { 'content-length': '99999999999' }); r.write('x'); }, ask: blob, code: 'LimitExceeded', says: /1024/ },
  'a manifest of 4 MiB and a byte': { serve: (_, r) => good(r, Buffer.alloc(4 * MIB + 1, 0x20)), ask: byTag, code: 'LimitExceeded', says: /4194304/ },
  'an endless error': { serve: (_, r) => endless(r, {}, 500), ask: referrers, code: 'Unavailable', says: /500/, requests: 3 },
  'headers of 200 KiB': { serve: (_, r) => { r.socket?.write(`HTTP/1.1 200 OK\r\n${`x-junk: ${'x'.repeat(1000)}\r\n`.repeat(200)}\r\n`); }, ask: tag, code: 'Unavailable', says: /headers are too large/ },
  'a gzip bomb as manifest': { serve: (_, r) => good(r, gzipSync(Buffer.alloc(50 * MIB)), { 'content-encoding': 'gzip', 'docker-content-digest': undefined }), ask: byTag, code: 'ManifestInvalid', says: /compressed though that was not asked for/ },
  'a compressed answer, even of the right bytes': { serve: (_, r) => good(r, gzipSync(MANIFEST.bytes), { 'content-encoding': 'gzip' }), ask: byDigest, code: 'ManifestInvalid', says: /compressed/ },
  // Time.
  'an answer that never comes': { serve: () => undefined, ask: tag, options: QUICK, code: 'Unavailable', says: /did not finish within 0\.4 s|did not answer in time/, requests: 1 },
  'a body that drips': { serve: (_, r) => drip(r), ask: byDigest, options: QUICK, code: 'Unavailable', says: /did not finish within 0\.4 s/, requests: 1 },
  'many slow answers in one call': { serve: (_, r) => { setTimeout(() => bad(r, 503, 'UNAVAILABLE'), 300); }, ask: byDigest, options: { requestTimeout: 400, lookupTimeout: 500 }, code: 'Unavailable', says: /manifest sha256:.* did not finish within 0\.5 s/ },
  // Outages, which are never "not found".
  '503': { serve: (_, r) => bad(r, 503, 'UNAVAILABLE'), ask: byDigest, code: 'Unavailable', says: /503 UNAVAILABLE/, requests: 3 },
  '500 without a body': { serve: (_, r) => { r.writeHead(500).end(); }, ask: tag, code: 'Unavailable', says: /500/, requests: 3 },
  '503 with a long Retry-After is not repeated': { serve: (_, r) => bad(r, 503, 'UNAVAILABLE', { 'retry-after': '60' }), ask: tag, code: 'Unavailable', says: /asking to wait 60 s/, requests: 1, retryAfter: 60_000 },
  '429 to every request': { serve: (_, r) => bad(r, 429, 'TOOMANYREQUESTS'), ask: tag, code: 'Throttled', says: /429/, requests: 2 },
  '429 with a long Retry-After': { serve: (_, r) => bad(r, 429, 'TOOMANYREQUESTS', { 'retry-after': '120' }), ask: referrers, code: 'Throttled', says: /120 s/, requests: 1, retryAfter: 120_000 },
  'a throttled list of referrers is not an empty one': { serve: (q, r) => (q.path.includes('/referrers/') ? bad(r, 429, 'TOOMANYREQUESTS') : bad(r, 404, 'MANIFEST_UNKNOWN')), ask: referrers, code: 'Throttled', says: /429/, requests: 2 },
  'a list of referrers that is forbidden is not an empty one': { serve: (q, r) => (q.path.includes('/referrers/') ? bad(r, 403, 'DENIED') : bad(r, 404, 'MANIFEST_UNKNOWN')), ask: referrers, code: 'Unauthorized', says: /403 DENIED/, requests: 1 },
  'a fallback tag that cannot be had is not an empty list': { serve: (q, r) => (q.path.includes('/referrers/') ? bad(r, 404, 'NOT_FOUND') : bad(r, 503, 'UNAVAILABLE')), ask: referrers, code: 'Unavailable', says: /503/ },
  'a fallback tag that is no index is not an empty list': { serve: (q, r) => (q.path.includes('/referrers/') ? bad(r, 404, 'NOT_FOUND') : good(r, MANIFEST.bytes)), ask: referrers, code: 'ManifestInvalid', says: /should be an index of referrers/ },
  'a connection that is reset': { serve: (_, r) => { r.socket?.resetAndDestroy(); }, ask: tag, code: 'Unavailable', says: /connection ended/, requests: 3 },
  'something that is not HTTP': { serve: (_, r) => { r.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'); }, ask: tag, code: 'Unavailable', says: /its answer is not HTTP/ },
  '404 from a proxy whose registry is gone': { serve: (_, r) => { r.writeHead(404, { 'content-type': 'text/plain' }).end('default backend - 404'); }, ask: byTag, code: 'Unavailable', says: /as to \/v2\/: no registry is there now/, requests: 2 },
  '404 to HEAD from a proxy whose registry is gone': { serve: (_, r) => { r.writeHead(404).end(); }, ask: tag, code: 'Unavailable', says: /no registry is there now/ },
  'a web page instead of a manifest': { serve: (_, r) => { r.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>'); }, ask: byTag, code: 'ManifestInvalid', says: /it is not JSON/ },
  'a web page instead of referrers and of their tag': { serve: (_, r) => { r.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>'); }, ask: referrers, code: 'ManifestInvalid', says: /it is not JSON/ },
  'a tag of Docker schema 1': { serve: (_, r) => good(r, '{"schemaVersion":1}', { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' }), ask: tag, code: 'ManifestInvalid', says: /Docker schema 1/, requests: 2 },
  '204': { serve: (_, r) => { r.writeHead(204).end(); }, ask: byTag, code: 'Unavailable', says: /204/ },
  '401 without a challenge': { serve: (_, r) => bad(r, 401, 'UNAUTHORIZED'), ask: byTag, code: 'Unauthorized', says: /401 UNAUTHORIZED/, requests: 1 },
  '401 with a scheme that nobody knows': { serve: (_, r) => bad(r, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Negotiate' }), ask: byTag, code: 'Unauthorized', says: /401/, requests: 1 },
  // Not found, which only the registry itself says.
  'a tag that is not there': { serve: (_, r) => bad(r, 404, 'MANIFEST_UNKNOWN', { 'docker-distribution-api-version': 'registry/2.0' }), ask: tag, code: 'NotFound', says: /tag "1\.4" of repository acme\/web at registry 127\.0\.0\.1:\d+: the answer was 404/, requests: 1 },
  'a blob that is not there': { serve: (_, r) => bad(r, 404, 'BLOB_UNKNOWN'), ask: blob, code: 'NotFound', says: /BLOB_UNKNOWN/, requests: 1 },
  'a tag that is not there, at a registry that answers without any sign of itself': { serve: (q, r) => { if (q.path === '/v2/') good(r, '{}'); else r.writeHead(404).end(); }, ask: tag, code: 'NotFound', says: /404/, requests: 2 },
  // Redirects.
  'a redirect loop': { serve: (q, r) => redirect(r, q.path), ask: byTag, code: 'Unavailable', says: /more than 5 redirects/, requests: 6 },
  'a redirect to nowhere': { serve: (_, r) => { r.writeHead(302).end(); }, ask: byTag, code: 'Unavailable', says: /without saying where to/, requests: 1 },
  'a redirect to a file': { serve: (_, r) => redirect(r, 'file:///etc/passwd'), ask: byTag, code: 'Forbidden', says: /neither https nor http/ },
  // Pages of referrers.
  'an endless chain of empty pages': { serve: (q, r) => good(r, indexOf([]), page(Number(/page=(\d+)/.exec(q.path)?.[1] ?? 0) + 1, q.headers.host ?? '')), ask: referrers, code: 'LimitExceeded', says: /more than 100 pages/, requests: 100 },
  'a next page at another host': { serve: (_, r) => good(r, indexOf([descriptor(1)]), page(1, 'evil.example')), ask: referrers, code: 'Forbidden', says: /goes on at another host/, requests: 1 },
  'a next page at another port': { serve: (_, r) => good(r, indexOf([descriptor(1)]), page(1, '127.0.0.1:1')), ask: referrers, code: 'Forbidden', says: /goes on at another host/, requests: 1 },
  'a link to the next page that is malformed': { serve: (_, r) => good(r, indexOf([descriptor(1)]), { 'content-type': INDEX_TYPE, link: 'next: /v2/x' }), ask: referrers, code: 'ManifestInvalid', says: /link to the next page is malformed/ },
  'a next page that fails is not the end of the list': { serve: (q, r) => (q.path.includes('page=') ? bad(r, 404, 'NOT_FOUND') : good(r, indexOf([descriptor(1)]), page(1, q.headers.host ?? ''))), ask: referrers, code: 'Unavailable', says: /page 2 of the list is not there/ },
  'a descriptor that is malformed': { serve: (_, r) => good(r, indexOf([{ mediaType: 'a/b', digest: 'sha256:../..', size: 1 }]), { 'content-type': INDEX_TYPE }), ask: referrers, code: 'ManifestInvalid', says: /manifests\[0\]\.digest is not a digest/ },
  // Names that are none.
  'a path that climbs': { serve: (_, r) => good(r, MANIFEST.bytes), ask: (client, { host }) => client.manifest({ host, path: '../../admin' }, '1.4', CALL), code: 'Forbidden', says: /not of the form/, requests: 0 },
  'a tag that climbs': { serve: (_, r) => good(r, MANIFEST.bytes), ask: (client, repository) => client.manifest(repository, '../../../x?y', CALL), code: 'ManifestInvalid', says: /neither a tag nor a digest/, requests: 0 },
  'a host with a user name': { serve: (_, r) => good(r, MANIFEST.bytes), ask: (client, { host, path }) => client.resolveTag({ host: `ann@${host}`, path }, '1.4', CALL), code: 'Forbidden', says: /not of the form/, requests: 0 },
};

async function against(serve: Serve, options: RegistryClientOptions, work: (client: RegistryClient, repository: RepositoryName, registry: HostileRegistry) => Promise<void>): Promise<void> {
  const registry = await startHostile(serve);
  const client = createRegistryClient({ hosts: { allowHttp: [registry.host] }, ...options });
  try {
    await work(client, { host: registry.host, path: 'acme/web' }, registry);
  } finally {
    await client.close();
    await registry.stop();
  }
}

describe('a hostile or broken registry', () => {
  for (const [sentence, { serve, ask, code, says, requests, options = {}, retryAfter }] of Object.entries(ROWS)) {
    it(`${sentence}: ${code}`, () =>
      against(serve, options, async (client, repository, registry) => {
        const started = performance.now();
        const error = await ask(client, repository).then(
          (value) => assert.fail(`accepted: ${JSON.stringify(value)}`),
          (thrown: unknown) => thrown,
        );
        assert.ok(error instanceof RegistryError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /SECRET TEXT|<html>/);
        assert.equal(error.retryAfter, retryAfter);
        if (requests !== undefined) assert.equal(registry.seen.length, requests, registry.seen.map(({ path }) => path).join(' '));
        assert.ok(performance.now() - started < 4_000, 'it took too long');
      }));
  }
});

const GOOD: Record<string, { readonly serve: Serve; readonly ask: Ask; readonly expect: unknown; readonly requests: readonly string[] }> = {
  'a digest that HEAD tells is enough': { serve: (_, r) => good(r, MANIFEST.bytes), ask: tag, expect: MANIFEST.digest, requests: ['HEAD'] },
  'without a digest in the answer to HEAD the bytes are hashed': { serve: (_, r) => good(r, MANIFEST.bytes, { 'docker-content-digest': undefined }), ask: tag, expect: MANIFEST.digest, requests: ['HEAD', 'GET'] },
  'with a malformed digest in it too': { serve: (q, r) => good(r, MANIFEST.bytes, { 'docker-content-digest': q.method === 'HEAD' ? 'sha256:abc' : MANIFEST.digest }), ask: tag, expect: MANIFEST.digest, requests: ['HEAD', 'GET'] },
  'with two digests in it too': { serve: (q, r) => good(r, MANIFEST.bytes, { 'docker-content-digest': q.method === 'HEAD' ? [MANIFEST.digest, OTHER.digest] : undefined }), ask: tag, expect: MANIFEST.digest, requests: ['HEAD', 'GET'] },
  'a registry without HEAD is asked with GET': { serve: (q, r) => (q.method === 'HEAD' ? bad(r, 405, 'UNSUPPORTED') : good(r, MANIFEST.bytes)), ask: tag, expect: MANIFEST.digest, requests: ['HEAD', 'GET'] },
  'one lost connection is not an outage': { serve: once((r) => r.socket?.resetAndDestroy(), (r) => good(r, BLOB)), ask: blob, expect: Buffer.from(BLOB), requests: ['GET', 'GET'] },
  'one 502 is not an outage': { serve: once((r) => r.writeHead(502).end(), (r) => good(r, BLOB)), ask: blob, expect: Buffer.from(BLOB), requests: ['GET', 'GET'] },
  'one 429 is not an outage': { serve: once((r) => bad(r, 429, 'TOOMANYREQUESTS'), (r) => good(r, BLOB)), ask: blob, expect: Buffer.from(BLOB), requests: ['GET', 'GET'] },
  'a short Retry-After is waited for': { serve: once((r) => bad(r, 429, 'TOOMANYREQUESTS', { 'retry-after': '0' }), (r) => good(r, BLOB)), ask: blob, expect: Buffer.from(BLOB), requests: ['GET', 'GET'] },
  'a redirect within the registry is followed': { serve: (q, r) => (q.path === '/there' ? good(r, BLOB) : redirect(r, '/there')), ask: blob, expect: Buffer.from(BLOB), requests: ['GET', 'GET'] },
  'pages of referrers are put together, and the same one counts once': {
    serve: (q, r) => {
      const at = Number(/page=(\d)/.exec(q.path)?.[1] ?? 0);
      good(r, indexOf([descriptor(at), descriptor(0)]), at < 2 ? page(at + 1, q.headers.host ?? '') : { 'content-type': INDEX_TYPE });
    },
    ask: async (client, repository) => (await client.referrers(repository, MANIFEST.digest, CALL)).length,
    expect: 3,
    requests: ['GET', 'GET', 'GET'],
  },
  'a list of referrers ends at 1,000': {
    serve: (q, r) => {
      const at = Number(/page=(\d+)/.exec(q.path)?.[1] ?? 0);
      good(r, indexOf(Array.from({ length: 400 }, (_, n) => descriptor(at * 400 + n))), page(at + 1, q.headers.host ?? ''));
    },
    ask: async (client, repository) => (await client.referrers(repository, MANIFEST.digest, CALL)).length,
    expect: 1000,
    requests: ['GET', 'GET', 'GET'],
  },
  'no referrers API and no fallback tag: none': { serve: (_, r) => bad(r, 404, 'MANIFEST_UNKNOWN'), ask: referrers, expect: [], requests: ['GET', 'GET'] },
  'no referrers API and a registry that shows no sign of itself: none, once it answered to /v2/': { serve: (q, r) => { if (q.path === '/v2/') good(r, '{}'); else r.writeHead(404).end(); }, ask: referrers, expect: [], requests: ['GET', 'GET', 'GET'] },
};

function once(first: (response: Parameters<Serve>[1]) => unknown, then: (response: Parameters<Serve>[1]) => unknown): Serve {
  let served = 0;
  return (_, response) => {
    served += 1;
    void (served === 1 ? first(response) : then(response));
  };
}

describe('a registry with its own ways', () => {
  for (const [sentence, { serve, ask, expect, requests }] of Object.entries(GOOD)) {
    it(sentence, () =>
      against(serve, {}, async (client, repository, registry) => {
        assert.deepEqual(await ask(client, repository), expect);
        assert.deepEqual(registry.seen.map(({ method }) => method), requests);
      }));
  }

  it('is asked with containerd\'s Accept list and for nothing compressed', () =>
    against((_, r) => good(r, MANIFEST.bytes), {}, async (client, repository, registry) => {
      await tag(client, repository);
      const [{ headers }] = registry.seen as [HostileRegistry['seen'][number]];
      for (const type of ['docker.distribution.manifest.v2', 'docker.distribution.manifest.list.v2', 'oci.image.manifest.v1', 'oci.image.index.v1']) assert.ok(headers.accept?.includes(`application/vnd.${type}+json`));
      assert.match(headers.accept ?? '', /\*\/\*$/);
      assert.equal(headers['accept-encoding'], 'identity');
    }));

  it('without referrers API is remembered for its repository, for five minutes', () => {
    const clock = new ManualClock();
    return against((q, r) => bad(r, 404, q.path.includes('/referrers/') ? 'NOT_FOUND' : 'MANIFEST_UNKNOWN'), { clock }, async (client, repository, registry) => {
      const asked = (): number => registry.seen.filter(({ path }) => path.includes('/referrers/')).length;
      await referrers(client, repository);
      await referrers(client, repository);
      assert.equal(asked(), 1);
      await referrers(client, { ...repository, path: 'acme/other' });
      assert.equal(asked(), 2);
      clock.advance(300_000);
      await referrers(client, repository);
      assert.equal(asked(), 3);
    });
  });

  it('whose repository does not exist yet is asked again', () =>
    against((_, r) => bad(r, 404, 'NAME_UNKNOWN'), {}, async (client, repository, registry) => {
      await referrers(client, repository);
      await referrers(client, repository);
      assert.equal(registry.seen.filter(({ path }) => path.includes('/referrers/')).length, 2);
    }));
});

describe('a call', () => {
  it('ends with the reason of its signal, and so does its request', () =>
    against(() => undefined, {}, async (client, repository, registry) => {
      const leaving = new AbortController();
      const waiting = client.resolveTag(repository, '1.4', { ...CALL, signal: leaving.signal });
      setTimeout(() => leaving.abort(new Error('the waiter left')), 100);
      await assert.rejects(waiting, /the waiter left/);
      assert.equal(registry.seen.length, 1);
    }));

  it('ends when the client is closed', () =>
    against(() => undefined, {}, async (client, repository) => {
      const waiting = assert.rejects(tag(client, repository), { code: 'Unavailable' });
      setTimeout(() => void client.close(), 100);
      await waiting;
    }));

  it('tells each request: its kind, how it ended, how long it took, and whose it was', async () => {
    const events: string[] = [];
    const onRequest: NonNullable<RegistryClientOptions['onRequest']> = ({ kind, code, seconds, host }) => {
      assert.ok(seconds >= 0 && seconds < 5);
      assert.match(host, /^127\.0\.0\.1:/);
      events.push(`${kind} ${code}`);
    };
    await against((q, r) => (q.method === 'HEAD' ? good(r, MANIFEST.bytes) : q.path.includes('blobs') ? good(r, 'x'.repeat(2000)) : r.socket?.resetAndDestroy()), { onRequest }, async (client, repository) => {
      await tag(client, repository);
      await assert.rejects(blob(client, repository));
      await assert.rejects(byDigest(client, repository));
    });
    assert.deepEqual(events, ['head 200', 'blob LimitExceeded', 'manifest reset', 'manifest reset', 'manifest reset']);
  });

  it('is one of at most eight to a host at once, and its time to answer begins when its turn comes', () => {
    let [now, most] = [0, 0];
    const serve: Serve = (_, r) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        good(r, MANIFEST.bytes);
      }, 100);
    };
    return against(serve, { requestTimeout: 400 }, async (client, repository) => {
      await Promise.all(Array.from({ length: 40 }, () => tag(client, repository)));
      assert.equal(most, 8);
    });
  });
});
