import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRegistry } from '../support/registry.ts';
import { moveTag, pushImage, pushIndex, pushLegacySignatures } from '../support/sigstore/push.ts';
import type { Bundle, LegacySignature } from '../support/sigstore/sign.ts';
import { stockVerify, stockVerifyLegacy } from '../support/sigstore/stock.ts';
import { createWorld } from '../support/sigstore/world.ts';

interface Manifest {
  readonly artifactType?: string;
  readonly subject?: { readonly digest: string };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly layers: readonly {
    readonly digest: string;
    readonly mediaType: string;
    readonly annotations: Record<string, string>;
  }[];
  readonly manifests: readonly {
    readonly digest: string;
    readonly artifactType?: string;
    readonly platform?: { readonly architecture: string };
  }[];
}

const ACCEPT = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
const world = createWorld();
const release = world.keyless({ subject: 'release@acme.test', issuer: 'https://accounts.acme.test' });
const plain = await startRegistry({ referrers: false });
const modern = await startRegistry();

async function get(host: string, path: string): Promise<{ status: number; bytes: Buffer; digest: string | null }> {
  const answer = await fetch(`http://${host}/v2/${path}`, { headers: { accept: ACCEPT } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, bytes, digest: answer.headers.get('docker-content-digest') };
}

async function manifest(host: string, path: string): Promise<Manifest> {
  const { status, bytes } = await get(host, path);
  assert.equal(status, 200, path);
  return JSON.parse(bytes.toString()) as Manifest;
}

describe('an image', () => {
  test('is there by tag and by digest, with its blobs', async () => {
    const image = await pushImage(modern.host, 'acme/app:1.0');
    assert.equal(image.reference, `${modern.host}/acme/app:1.0`);
    assert.equal((await get(modern.host, 'acme/app/manifests/1.0')).digest, image.digest);
    const { layers } = await manifest(modern.host, `acme/app/manifests/${image.digest}`);
    assert.equal((await get(modern.host, `acme/app/blobs/${layers[0]?.digest}`)).status, 200);
  });

  test('of another content is another image, and its tag moves', async () => {
    const first = await pushImage(modern.host, 'acme/moving:latest', { content: 'one' });
    const second = await pushImage(modern.host, 'acme/moving:next', { content: 'two' });
    assert.notEqual(first.digest, second.digest);
    const moved = await moveTag(second, 'latest');
    assert.equal(moved.reference, first.reference);
    assert.equal((await get(modern.host, 'acme/moving/manifests/latest')).digest, second.digest);
    assert.equal((await get(modern.host, `acme/moving/manifests/${first.digest}`)).status, 200);
  });

  test('for several architectures is an index over its children', async () => {
    const index = await pushIndex(modern.host, 'acme/multi:1');
    const { manifests } = await manifest(modern.host, 'acme/multi/manifests/1');
    assert.deepEqual(
      manifests.map((one) => one.platform?.architecture),
      ['amd64', 'arm64'],
    );
    assert.deepEqual(
      manifests.map((one) => one.digest),
      index.children.map((child) => child.digest),
    );
  });
});

describe('a legacy signature in a registry', () => {
  test('is a layer of the .sig tag and verifies as it was pulled', async () => {
    const image = await pushImage(modern.host, 'acme/legacy:1');
    await world.signImage(image, release, { format: 'legacy', timestamp: true });
    const { layers } = await manifest(modern.host, `acme/legacy/manifests/${image.digest.replace(':', '-')}.sig`);
    assert.equal(layers[0]?.mediaType, 'application/vnd.dev.cosign.simplesigning.v1+json');
    const payload = await get(modern.host, `acme/legacy/blobs/${layers[0]?.digest}`);
    const pulled: LegacySignature = { payload: payload.bytes, annotations: layers[0]?.annotations ?? {} };
    stockVerifyLegacy(world.trustedRootJson, pulled);
    assert.match(payload.bytes.toString(), new RegExp(image.digest));
  });

  test('does not remove those before it', async () => {
    const image = await pushImage(modern.host, 'acme/twice:1');
    await world.signImage(image, release, { format: 'legacy' });
    await world.signImage(image, world.key(), { format: 'legacy', log: 'none' });
    const artifact = { digest: image.digest, repository: `${image.host}/${image.repository}` };
    await pushLegacySignatures(image, [
      world.legacySignature(release, artifact),
      world.legacySignature(release, artifact),
    ]);
    const { layers } = await manifest(modern.host, `acme/twice/manifests/${image.digest.replace(':', '-')}.sig`);
    assert.equal(layers.length, 4);
  });
});

describe('a bundle in a registry', () => {
  const places: Record<string, [string, (digest: string) => string]> = {
    'is found by the referrers API and verifies as it was pulled': [modern.host, (digest) => `referrers/${digest}`],
    'is found by the fallback tag where there is no such API': [
      plain.host,
      (digest) => `manifests/${digest.replace(':', '-')}`,
    ],
  };
  for (const [sentence, [host, path]] of Object.entries(places)) {
    test(sentence, async () => {
      const image = await pushImage(host, 'acme/bundle:1');
      await world.signImage(image, release);
      await world.signImage(image, world.key());
      const { manifests } = await manifest(host, `acme/bundle/${path(image.digest)}`);
      assert.equal(manifests.length, 2);
      // The descriptors' artifactType is not asked for: this registry gives the config's media type there.
      const found = await Promise.all(manifests.map((one) => manifest(host, `acme/bundle/manifests/${one.digest}`)));
      assert.ok(found.every((one) => one.artifactType === 'application/vnd.dev.sigstore.bundle.v0.3+json'));
      const keyless = found.find((one) => one.subject?.digest === image.digest);
      assert.equal(keyless?.annotations?.['dev.sigstore.bundle.predicateType'], 'https://sigstore.dev/cosign/sign/v1');
      const bundles = await Promise.all(found.map((one) => get(host, `acme/bundle/blobs/${one.layers[0]?.digest}`)));
      const parsed = bundles.map(({ bytes }) => JSON.parse(bytes.toString()) as Bundle);
      const certified = parsed.find((one) => one.verificationMaterial.certificate !== undefined);
      const signer = stockVerify(world.trustedRootJson, certified);
      assert.equal(signer.identity?.subjectAlternativeName, release.subject);
    });
  }

  test('leaves no fallback tag where the registry knows referrers', async () => {
    const image = await pushImage(modern.host, 'acme/clean:1');
    await world.signImage(image, release);
    assert.equal((await get(modern.host, `acme/clean/manifests/${image.digest.replace(':', '-')}`)).status, 404);
  });
});
