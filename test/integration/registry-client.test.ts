import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { digestOf } from '../../src/base/digest.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain, staticKeychain } from '../../src/registry/keychain.ts';
import { parseIndex, parseManifest } from '../../src/registry/manifest.ts';
import type { RegistryClient, RepositoryName, RequestKind } from '../../src/registry/types.ts';
import { startDockerRegistry } from '../support/registry-docker.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { pushImage, pushIndex, type PushedImage } from '../support/sigstore/push.ts';

const CALL = { keychain: anonymousKeychain };
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const ABSENT = `sha256:${'0'.repeat(64)}` as const;

async function put(url: string, type: string, body: string): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body });
  assert.ok(response.ok, `${url}: ${response.status}`);
}

/** An artifact that refers to the image, as cosign writes a bundle. */
async function attach(image: PushedImage): Promise<string> {
  const { config } = await configOf(image);
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, artifactType: BUNDLE, config, layers: [], subject: { mediaType: image.mediaType, digest: image.digest, size: image.size } });
  await put(`http://${image.host}/v2/${image.repository}/manifests/${digestOf(manifest)}`, MANIFEST, manifest);
  return manifest;
}

async function configOf(image: PushedImage): Promise<{ readonly config: unknown }> {
  const response = await fetch(`http://${image.host}/v2/${image.repository}/manifests/${image.digest}`, { headers: { accept: MANIFEST } });
  return (await response.json()) as { config: unknown };
}

describe('the registry of go-containerregistry', () => {
  for (const supported of [true, false]) {
    describe(supported ? 'with the referrers API' : 'without the referrers API', () => {
      let registry: Registry;
      let client: RegistryClient;
      let image: PushedImage;
      let repository: RepositoryName;
      const kinds: RequestKind[] = [];
      before(async () => {
        registry = await startRegistry({ referrers: supported });
        client = createRegistryClient({ hosts: { allowHttp: [registry.host] }, onRequest: ({ kind }) => kinds.push(kind) });
        image = await pushImage(registry.host, 'acme/web:1.4');
        repository = { host: registry.host, path: 'acme/web' };
      });
      after(async () => {
        await client.close();
        await registry.stop();
      });

      it('a tag has its digest, for one request', async () => {
        kinds.length = 0;
        assert.equal(await client.resolveTag(repository, '1.4', CALL), image.digest);
        assert.deepEqual(kinds, ['head']);
      });

      it('a tag that is not there is not found, nor is one of a repository that is not there', async () => {
        await assert.rejects(client.resolveTag(repository, '1.5', CALL), { code: 'NotFound' });
        await assert.rejects(client.resolveTag({ ...repository, path: 'acme/other' }, '1.4', CALL), { code: 'NotFound' });
        await assert.rejects(client.manifest(repository, ABSENT, CALL), { code: 'NotFound' });
        await assert.rejects(client.blob(repository, ABSENT, 100, CALL), { code: 'NotFound' });
      });

      it('manifest and blobs come as they were pushed', async () => {
        const byTag = await client.manifest(repository, '1.4', CALL);
        const byDigest = await client.manifest(repository, image.digest, CALL);
        assert.deepEqual(byTag, byDigest);
        assert.deepEqual([byTag.digest, byTag.mediaType, byTag.bytes.length], [image.digest, image.mediaType, image.size]);
        const { config, layers } = parseManifest(byTag.bytes);
        const bytes = await client.blob(repository, config.digest, config.size, CALL);
        assert.equal(digestOf(bytes), config.digest);
        assert.equal(layers.length, 1);
        await assert.rejects(client.blob(repository, config.digest, config.size - 1, CALL), { code: 'LimitExceeded' });
      });

      it('an index is had with its children', async () => {
        const index = await pushIndex(registry.host, 'acme/multi:1');
        const got = await client.manifest({ ...repository, path: 'acme/multi' }, '1', CALL);
        assert.deepEqual([got.digest, got.mediaType], [index.digest, INDEX]);
        assert.deepEqual(parseIndex(got.bytes).map(({ digest }) => digest), index.children.map(({ digest }) => digest));
      });

      it('what nobody refers to has no referrers', async () => {
        kinds.length = 0;
        const lonely = await pushImage(registry.host, 'acme/lonely:1');
        assert.deepEqual(await client.referrers({ ...repository, path: 'acme/lonely' }, lonely.digest, CALL), []);
        assert.deepEqual(kinds, supported ? ['referrers'] : ['referrers', 'referrers']);
      });

      it('a bundle is found as referrer', async () => {
        const manifest = await attach(image);
        const descriptor = { mediaType: MANIFEST, digest: digestOf(manifest), size: manifest.length, artifactType: BUNDLE };
        if (!supported) {
          const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [descriptor] });
          await put(`http://${registry.host}/v2/acme/web/manifests/${image.digest.replace(':', '-')}`, INDEX, index);
        }
        const found = await client.referrers(repository, image.digest, CALL);
        // This registry tells the type of the config as artifactType, so that the list alone does not say what is a signature.
        assert.deepEqual(found.map(({ digest, size }) => ({ digest, size })), [{ digest: descriptor.digest, size: descriptor.size }]);
      });
    });
  }

  it('that is stopped is unavailable, not empty', async () => {
    const registry = await startRegistry();
    const image = await pushImage(registry.host, 'acme/web:1');
    const client = createRegistryClient({ hosts: { allowHttp: [registry.host] } });
    const repository = { host: registry.host, path: 'acme/web' };
    assert.equal(await client.resolveTag(repository, '1', CALL), image.digest);
    await registry.stop();
    await assert.rejects(client.resolveTag(repository, '1', CALL), { code: 'Unavailable' });
    await assert.rejects(client.referrers(repository, image.digest, CALL), { code: 'Unavailable' });
    await client.close();
  });
});

// "the-secret-of-ann" by bcrypt, of the least cost.
const HTPASSWD = 'ann:$2y$04$abcdefghijklmnopqrstuuH4Ue0zA8J9rO8hWNZuCBwa6erwh0IGi\n';

describe('docker-registry', () => {
  it('gives referrers by the fallback tag, and what is missing is missing', async (test) => {
    const registry = await startDockerRegistry();
    if ('missing' in registry) return test.skip(registry.missing);
    const client = createRegistryClient({ hosts: { allowHttp: [registry.host] } });
    const image = await pushImage(registry.host, 'acme/web:1');
    const repository = { host: registry.host, path: 'acme/web' };
    assert.equal(await client.resolveTag(repository, '1', CALL), image.digest);
    await assert.rejects(client.resolveTag(repository, '2', CALL), { code: 'NotFound' });
    assert.deepEqual(await client.referrers(repository, image.digest, CALL), []);
    const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ mediaType: image.mediaType, digest: image.digest, size: image.size }] });
    await put(`http://${registry.host}/v2/acme/web/manifests/${image.digest.replace(':', '-')}`, INDEX, index);
    assert.equal((await client.referrers(repository, image.digest, CALL)).length, 1);
    await client.close();
    await registry.stop();
  });

  it('with a password is asked with it, and refuses without', async (test) => {
    const path = join(mkdtempSync(join(tmpdir(), 'htpasswd-')), 'htpasswd');
    writeFileSync(path, HTPASSWD);
    test.after(() => rmSync(dirname(path), { recursive: true, force: true }));
    const registry = await startDockerRegistry({ auth: { htpasswd: { realm: 'test', path } } });
    if ('missing' in registry) return test.skip(registry.missing);
    const client = createRegistryClient({ hosts: { allowHttp: [registry.host] } });
    const repository = { host: registry.host, path: 'acme/web' };
    const asked = (password?: string) =>
      client.resolveTag(repository, '1', { keychain: password === undefined ? anonymousKeychain : staticKeychain({ username: 'ann', password }) });
    await assert.rejects(asked('the-secret-of-ann'), { code: 'NotFound' });
    await assert.rejects(asked(), (error: Error & { code?: string }) => error.code === 'Unauthorized' && /no credentials were given/.test(error.message));
    await assert.rejects(asked('wrong'), (error: Error & { code?: string }) => error.code === 'Unauthorized' && !error.message.includes('wrong'));
    await client.close();
    await registry.stop();
  });
});
