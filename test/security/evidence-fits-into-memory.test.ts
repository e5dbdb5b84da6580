import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/base/digest.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain, staticKeychain } from '../../src/registry/keychain.ts';
import { RegistryError } from '../../src/registry/types.ts';
import { EvidenceReader } from '../../src/verification/evidence.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';
import { bad, INDEX_TYPE, startHostile, type Serve } from '../support/hostile-registry.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { DIGEST } from '../unit/verification/builders.ts';
import { ANONYMOUS, MemoryRegistry } from '../unit/verification/memory-registry.ts';

/*
 * Each signature of an image may be large, and there may be many: 64 bundles and 64 layers of 1 MiB for each of the images that are
 * looked at in one moment are more than the operator has (CVE-2024-29902, CVE-2023-46737). And what one tenant's look-up finds missing
 * must not make another's look less.
 */

const MIB = 1024 * 1024;
const REPOSITORY = { host: 'registry.example', path: 'acme/web' };
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const SIGNED = { 'dev.cosignproject.cosign/signature': 'MEUC' };

async function read(arrange: (registry: MemoryRegistry) => void): Promise<{ bytes: number; formats: Set<string>; omitted: number; candidates: number }> {
  const registry = new MemoryRegistry();
  arrange(registry);
  const { candidates, omitted } = await new EvidenceReader(registry, new ManualClock(), DEFAULT_LIMITS).read({ repository: REPOSITORY, digest: DIGEST }, 0, { keychain: ANONYMOUS });
  const bytes = candidates.reduce((sum, one) => sum + (one.format === 'bundle' ? one.bytes.length : (one.format === 'legacy' ? one.payload : one.envelope).length + JSON.stringify(one.annotations).length), 0);
  return { bytes, omitted, candidates: candidates.length, formats: new Set(candidates.map(({ format }) => format)) };
}

const large = (index: number): string => `${index}`.padEnd(MIB - 1, ' ');

test('64 signatures of 1 MiB in each place are read as far as they fit, and the rest is told', async () => {
  const found = await read((registry) => {
    registry.sign(DIGEST, ...Array.from({ length: 64 }, (_, index) => ({ payload: large(index), annotations: SIGNED })));
    for (let index = 0; index < 64; index += 1) registry.refer(DIGEST, { layers: [{ ...registry.blobOf(large(100 + index)), mediaType: BUNDLE }] }, { artifactType: BUNDLE });
  });
  assert.ok(found.bytes <= DEFAULT_LIMITS.digestBytes, `${found.bytes} bytes`);
  assert.deepEqual([...found.formats].toSorted(), ['bundle', 'legacy']);
  assert.equal(found.candidates + found.omitted, 128);
});

test('descriptors that lie about the size do not get round that', async () => {
  for (const size of [0, 1]) {
    const found = await read((registry) => {
      for (let index = 0; index < 64; index += 1) registry.refer(DIGEST, { layers: [{ ...registry.blobOf(large(index)), size, mediaType: BUNDLE }] }, { artifactType: BUNDLE });
    });
    assert.ok(found.bytes <= DEFAULT_LIMITS.digestBytes, `${found.bytes} bytes`);
    assert.ok(found.omitted > 0);
  }
  const negative = await read((registry) => {
    registry.refer(DIGEST, { layers: [{ ...registry.blobOf('x'), size: -64 * MIB, mediaType: BUNDLE }] }, { artifactType: BUNDLE });
  });
  assert.equal(negative.candidates, 0);
});

test('annotations count too', async () => {
  const annotations = { ...SIGNED, note: 'x'.repeat(3 * MIB) };
  const found = await read((registry) => {
    for (let index = 0; index < 20; index += 1) {
      registry.refer(DIGEST, { layers: [{ ...registry.blobOf(`p${index}`), annotations }] }, { artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json' });
    }
  });
  assert.ok(found.bytes <= DEFAULT_LIMITS.digestBytes && found.omitted > 0, `${found.bytes} bytes`);
});

test('look-ups under way hold no more than there is room for together, and what found none is asked for again', async () => {
  const limits = { ...DEFAULT_LIMITS, digestBytes: 20_000 };
  const registry = new MemoryRegistry();
  const digests = Array.from({ length: 50 }, (_, index) => digestOf(`image ${index}`));
  for (const one of digests) registry.sign(one, { payload: one.padEnd(9_000), annotations: SIGNED });
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let waiting = 0;
  registry.before = (call) => {
    if (!call.startsWith('blob')) return undefined;
    waiting += 1;
    return gate;
  };
  const reader = new EvidenceReader(registry, new ManualClock(), limits);
  const read = (one: (typeof digests)[number]): ReturnType<EvidenceReader['read']> => reader.read({ repository: REPOSITORY, digest: one }, 0, { keychain: ANONYMOUS });
  const reading = digests.map(read);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(waiting, Math.floor((16 * 20_000) / 9_000));
  open();
  const found = await Promise.all(reading);
  const without = found.filter(({ failures }) => failures.length > 0);
  assert.equal(without.length, digests.length - waiting);
  assert.match(without[0]?.failures[0]?.message ?? '', /was not read, because too many large signatures and attestations are being read at the moment; it is asked again$/);
  assert.equal((await read(without[0]?.digest ?? DIGEST)).candidates.length, 1);
});

test('what is looked up alone has room, however large attestations may be', async () => {
  const registry = new MemoryRegistry();
  registry.put({ layers: [0, 1].map((index) => ({ ...registry.blobOf(`${index}`.padEnd(400_000)), annotations: SIGNED })) }, `${DIGEST.replace(':', '-')}.att`);
  const limits = { ...DEFAULT_LIMITS, digestBytes: 20_000, attestation: MIB, attestationBytes: 2 * MIB };
  const { candidates, failures } = await new EvidenceReader(registry, new ManualClock(), limits).read({ repository: REPOSITORY, digest: DIGEST, predicateTypes: ['a'] }, 0, { keychain: ANONYMOUS });
  assert.deepEqual([candidates.length, failures], [2, []]);
});

const PATH = { path: 'acme/web' };
const digest = digestOf('an image');

test('pages of referrers that are large together are not collected', async () => {
  const note = 'x'.repeat(3 * MIB);
  const page: Serve = ({ path }, response) => {
    const at = Number(new URL(path, 'http://x').searchParams.get('page') ?? 0);
    const one = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(`${at}`), size: 1, annotations: { note } };
    response.writeHead(200, { 'content-type': INDEX_TYPE, link: `<${path.split('?')[0]}?page=${at + 1}>; rel="next"` });
    response.end(JSON.stringify({ schemaVersion: 2, manifests: [one] }));
  };
  const server = await startHostile(page);
  const client = createRegistryClient({ hosts: { allowHttp: [server.host] } });
  await assert.rejects(client.referrers({ host: server.host, ...PATH }, digest, { keychain: anonymousKeychain }), (error) => error instanceof RegistryError && error.code === 'LimitExceeded');
  assert.ok(server.seen.length <= 4, `${server.seen.length} pages`);
  await client.close();
  await server.stop();
});

test('that somebody without rights sees no referrers API does not hide the signatures from those who have them', async () => {
  const empty = JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1, artifactType: BUNDLE }] });
  const serve: Serve = ({ path, headers }, response) => {
    if (headers.authorization === undefined || !path.includes('/referrers/')) {
      bad(response, 404, 'NOT_FOUND');
      return;
    }
    response.writeHead(200, { 'content-type': INDEX_TYPE });
    response.end(empty);
  };
  const server = await startHostile(serve);
  const client = createRegistryClient({ hosts: { allowHttp: [server.host] } });
  const repository = { host: server.host, ...PATH };
  assert.deepEqual(await client.referrers(repository, digest, { keychain: anonymousKeychain }), []);
  assert.equal((await client.referrers(repository, digest, { keychain: staticKeychain({ registryToken: 'mine' }) })).length, 1);
  await client.close();
  await server.stop();
});
