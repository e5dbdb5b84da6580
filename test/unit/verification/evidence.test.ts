import assert from 'node:assert/strict';
import test from 'node:test';
import { digestOf } from '../../../src/base/digest.ts';
import { RegistryError } from '../../../src/registry/types.ts';
import type { RegistryErrorCode } from '../../../src/registry/types.ts';
import { EvidenceReader, type Subject } from '../../../src/verification/evidence.ts';
import type { Evidence } from '../../../src/verification/evidence-types.ts';
import { signatureManifest } from '../../../src/verification/fetch.ts';
import type { EngineLimits } from '../../../src/verification/limits.ts';
import { DEFAULT_LIMITS } from '../../../src/verification/limits.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DIGEST, OTHER_DIGEST } from './builders.ts';
import { ANONYMOUS, MemoryRegistry } from './memory-registry.ts';

const REPOSITORY = { host: 'registry.example', path: 'acme/web' };
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const SIGNED = { 'dev.cosignproject.cosign/signature': 'MEUC' };

/** A bundle's manifest, with its content stored. */
function bundle(registry: MemoryRegistry, content: string, more: object = {}): object {
  return { layers: [{ ...registry.blobOf(content), mediaType: BUNDLE }], ...more };
}

async function read(arrange: (registry: MemoryRegistry) => void, limits: Partial<EngineLimits> = {}): Promise<Evidence & { calls: string[] }> {
  const registry = new MemoryRegistry();
  arrange(registry);
  const reader = new EvidenceReader(registry, new ManualClock(), { ...DEFAULT_LIMITS, ...limits });
  const evidence = await reader.read({ repository: REPOSITORY, digest: DIGEST }, 0, { keychain: ANONYMOUS });
  return { ...evidence, calls: registry.calls };
}

function failsWith(code: RegistryErrorCode, on: RegExp): (registry: MemoryRegistry) => void {
  return (registry) => {
    registry.before = (call) => {
      if (on.test(call)) throw new RegistryError(code, `${code} at ${call}`);
    };
  };
}

test('an image with nothing attached has no evidence, and both places were asked', async () => {
  const found = await read(() => undefined);
  assert.deepEqual([found.candidates, found.defects, found.failures], [[], [], []]);
  assert.deepEqual(found.calls.toSorted(), ['manifest sha256-….sig', 'referrers']);
});

test('a bundle does not hide a legacy signature, nor the other way round', async () => {
  const found = await read((registry) => {
    registry.refer(DIGEST, bundle(registry, '{}'), { artifactType: BUNDLE });
    registry.sign(DIGEST, { payload: 'payload', annotations: SIGNED });
  });
  assert.deepEqual(found.candidates.map(({ format }) => format).toSorted(), ['bundle', 'legacy']);
});

test('each layer is a signature of its own, with its place, and a shared payload is fetched once', async () => {
  const found = await read((registry) => registry.sign(DIGEST, { payload: 'p', annotations: { ...SIGNED, a: '1' } }, { payload: 'p', annotations: { ...SIGNED, a: '2' } }));
  assert.deepEqual(
    found.candidates.map((one) => [one.location.replace(/:sha256-\w+/, ''), one.format === 'legacy' ? one.annotations['a'] : '']),
    [
      ['registry.example/acme/web.sig, layer 1', '1'],
      ['registry.example/acme/web.sig, layer 2', '2'],
    ],
  );
  assert.equal(found.calls.filter((call) => call === 'blob').length, 1);
});

test('a layer without a signature is a defect and is not fetched', async () => {
  const found = await read((registry) => registry.sign(DIGEST, { payload: 'a whole file system', annotations: {} }));
  assert.equal(found.candidates.length, 0);
  assert.match(found.defects[0]?.message ?? '', /missing "dev\.cosignproject\.cosign\/signature" annotation/);
  assert.ok(!found.calls.includes('blob'));
});

const NO_ANSWERS: readonly RegistryErrorCode[] = ['Throttled', 'Unavailable', 'Unauthorized', 'Forbidden', 'DigestMismatch', 'LimitExceeded', 'ManifestInvalid'];
for (const code of NO_ANSWERS) {
  test(`${code} while looking is a failure, never "no signature"`, async () => {
    for (const place of [/^referrers/, /sig$/]) {
      const found = await read(failsWith(code, place));
      assert.deepEqual(found.failures.map((failure) => failure.code), [code], String(place));
    }
  });
}

test('a payload that is not there is a defect of that signature, a throttled one a failure', async () => {
  const signed = (registry: MemoryRegistry): void => registry.sign(DIGEST, { payload: 'p', annotations: SIGNED });
  const gone = await read((registry) => {
    signed(registry);
    registry.forget(digestOf('p'));
  });
  assert.deepEqual([gone.defects.length, gone.failures.length], [1, 0]);
  const throttled = await read((registry) => {
    signed(registry);
    failsWith('Throttled', /^blob/)(registry);
  });
  assert.deepEqual([throttled.defects.length, throttled.failures.length], [0, 1]);
});

test('a payload above the limit is not fetched, and one that lies about its size is cut off', async () => {
  const honest = await read((registry) => registry.sign(DIGEST, { payload: 'x'.repeat(11), annotations: SIGNED }), { payload: 10 });
  assert.equal(honest.defects[0]?.reason, 'LimitExceeded');
  assert.ok(!honest.calls.includes('blob'));
  const lying = await read(
    (registry) => {
      const layer = { ...registry.blobOf('x'.repeat(11)), size: 5, annotations: SIGNED };
      registry.put({ layers: [layer] }, `${DIGEST.replace(':', '-')}.sig`);
    },
    { payload: 10 },
  );
  assert.equal(lying.defects[0]?.reason, 'LimitExceeded');
});

test('content of another size than its descriptor says is no signature', async () => {
  for (const size of [10, 12]) {
    const { candidates, defects, failures } = await read((registry) => registry.put({ layers: [{ ...registry.blobOf('x'.repeat(11)), size, annotations: SIGNED }] }, `${DIGEST.replace(':', '-')}.sig`));
    assert.deepEqual([candidates, failures, defects[0]?.reason], [[], [], 'SignatureInvalid']);
    assert.match(defects[0]?.message ?? '', new RegExp(`11 bytes, and its descriptor says ${size}`));
  }
});

test('at most the cap of signatures is looked at, the rest is counted', async () => {
  const layers = Array.from({ length: 70 }, (_, index) => ({ payload: `p${index}`, annotations: SIGNED }));
  const found = await read((registry) => registry.sign(DIGEST, ...layers));
  assert.deepEqual([found.candidates.length, found.omitted], [64, 6]);
});

test('one place cannot crowd the other out of the cap', async () => {
  const found = await read((registry) => {
    registry.sign(DIGEST, ...Array.from({ length: 70 }, (_, index) => ({ payload: `p${index}`, annotations: SIGNED })));
    registry.refer(DIGEST, bundle(registry, '{}'), { artifactType: BUNDLE });
  });
  assert.deepEqual([found.candidates.length, found.omitted], [64, 7]);
  assert.ok(found.candidates.some(({ format }) => format === 'bundle'));
});

test('of referrers only bundles and those that say nothing are fetched, bundles first', async () => {
  const found = await read((registry) => {
    registry.refer(DIGEST, bundle(registry, 'b'), { artifactType: 'application/vnd.oci.empty.v1+json' });
    registry.refer(DIGEST, { layers: [] }, { artifactType: 'application/spdx+json' });
    registry.refer(DIGEST, bundle(registry, 'a'), { artifactType: BUNDLE });
  });
  assert.deepEqual(found.candidates.map((one) => (one.format === 'bundle' ? Buffer.from(one.bytes).toString() : '')), ['a', 'b']);
  assert.equal(found.calls.filter((call) => call === 'manifest digest').length, 2);
});

test('what says of itself to be an attestation is counted, not fetched', async () => {
  const annotations = { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' };
  const found = await read((registry) => {
    registry.refer(DIGEST, bundle(registry, 'a'), { artifactType: BUNDLE, annotations });
    registry.refer(DIGEST, bundle(registry, 'b', { annotations }), { artifactType: BUNDLE });
  });
  assert.deepEqual([found.candidates.length, found.attestations], [0, 2]);
  assert.ok(!found.calls.includes('blob'));
});

test('a referrer that claims to be a bundle and is none is a reason, not nothing', async () => {
  const broken: Readonly<Record<string, object | string>> = { 'two layers': { layers: [{ mediaType: BUNDLE, digest: DIGEST, size: 1 }, { mediaType: BUNDLE, digest: DIGEST, size: 1 }] }, 'no JSON': 'x', 'no layers': {} };
  for (const [what, manifest] of Object.entries(broken)) {
    const found = await read((registry) => registry.refer(DIGEST, manifest, { artifactType: BUNDLE }));
    assert.deepEqual([found.candidates.length, found.defects.length, found.failures.length], [0, 1, 0], what);
  }
});

test('a .sig manifest that cannot be read is a failure to look, not "no signature"', async () => {
  for (const content of ['{', '[]', '{"layers":{}}', '{"layers":[{"digest":"sha256:1"}]}', '{"manifests":[]}']) {
    const found = await read((registry) => registry.put(content, `${DIGEST.replace(':', '-')}.sig`));
    assert.deepEqual(found.failures.map(({ code }) => code), ['ManifestInvalid'], content);
  }
});

test('the same signatures of the same image have one hash, anything else another', async () => {
  const signed = async (payload: string, value: string): Promise<string> => (await read((registry) => registry.sign(DIGEST, { payload, annotations: { ...SIGNED, value } }))).hash;
  assert.equal(await signed('p', '1'), await signed('p', '1'));
  assert.notEqual(await signed('p', '1'), await signed('p', '2'));
  assert.notEqual(await signed('p', '1'), await signed('q', '1'));
});

test('a place that does not answer in time is a failure, and what the other one holds counts', async () => {
  const registry = new MemoryRegistry();
  const clock = new ManualClock();
  registry.sign(DIGEST, { payload: 'p', annotations: SIGNED });
  registry.before = (call, { signal }) =>
    call === 'referrers' ? new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))) : undefined;
  const reading = new EvidenceReader(registry, clock, DEFAULT_LIMITS).read({ repository: REPOSITORY, digest: DIGEST }, 0, { keychain: ANONYMOUS });
  await new Promise(setImmediate);
  clock.advance(DEFAULT_LIMITS.lookup);
  const found = await reading;
  assert.deepEqual([found.candidates.length, found.failures.map(({ code }) => code)], [1, ['Unavailable']]);
  assert.equal(clock.timers, 0);
});

test('evidence is kept by what the tags begin with, and by which attestations were asked for', async () => {
  const registry = new MemoryRegistry();
  const reader = new EvidenceReader(registry, new ManualClock(), DEFAULT_LIMITS);
  const asks = async (more: Partial<Subject>): Promise<number> => {
    const before = registry.calls.length;
    await reader.read({ repository: REPOSITORY, digest: DIGEST, ...more }, 1000, { keychain: ANONYMOUS });
    return registry.calls.length - before;
  };
  for (const subject of [{}, { tagPrefix: 'prod-' }, { predicateTypes: ['a'] }, { predicateTypes: ['a', 'b'] }, { predicateTypes: ['a'], tagPrefix: 'prod-' }]) {
    assert.deepEqual([await asks(subject), await asks(subject)], [2, 0], JSON.stringify(subject));
  }
  assert.equal(await asks({ predicateTypes: ['b', 'a'] }), 0, 'in whatever order');
});

test('evidence is kept by repository, digest and credentials, and only when it is whole', async () => {
  const registry = new MemoryRegistry();
  const clock = new ManualClock();
  const reader = new EvidenceReader(registry, clock, DEFAULT_LIMITS);
  const asks = async (path: string, digest = DIGEST, scope = 'anonymous', maxAge = 1000): Promise<number> => {
    const before = registry.calls.length;
    await reader.read({ repository: { host: 'registry.example', path }, digest }, maxAge, { keychain: { ...ANONYMOUS, scope } });
    return registry.calls.length - before;
  };
  assert.equal(await asks('a'), 2);
  assert.equal(await asks('a'), 0, 'kept');
  assert.equal(await asks('b'), 2, 'another repository: a signed copy must not speak for an unsigned one');
  assert.equal(await asks('a', OTHER_DIGEST), 2, 'another digest');
  assert.equal(await asks('a', DIGEST, 'somebody'), 2, 'other credentials');
  clock.advance(1001);
  assert.equal(await asks('a'), 2, 'too old for this caller');
  failsWith('Throttled', /^referrers/)(registry);
  assert.equal(await asks('c'), 2);
  assert.equal(await asks('c'), 2, 'an answer with holes is not kept');
});

test('concurrent readers share one look-up, and one that leaves does not take the others with it', async () => {
  const registry = new MemoryRegistry();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  registry.before = () => gate;
  const reader = new EvidenceReader(registry, new ManualClock(), DEFAULT_LIMITS);
  const leaving = new AbortController();
  const readings = Array.from({ length: 50 }, (_, index) =>
    reader.read({ repository: REPOSITORY, digest: DIGEST }, 0, { keychain: ANONYMOUS, signal: index === 0 ? leaving.signal : new AbortController().signal }),
  );
  await new Promise(setImmediate);
  leaving.abort(new Error('left'));
  await assert.rejects(readings[0] as Promise<unknown>, /left/);
  open();
  assert.equal((await Promise.all(readings.slice(1))).length, 49);
  assert.equal(registry.calls.length, 2);
});

test('what is listed and cannot be read is told from what was read and is no signature', async () => {
  const found = await read((registry) => {
    registry.refer(DIGEST, bundle(registry, '{}'), { artifactType: BUNDLE });
    registry.refer(DIGEST, { layers: [{ mediaType: BUNDLE, digest: OTHER_DIGEST, size: 2 }] }, { artifactType: BUNDLE });
    registry.refer(DIGEST, { layers: [{ ...registry.blobOf('too large'), mediaType: BUNDLE }] }, { artifactType: BUNDLE });
    registry.refer(DIGEST, { layers: [] }, { artifactType: BUNDLE });
  }, { payload: 4 });
  assert.deepEqual(found.defects.map(({ reason, unread }) => [reason, unread]), [['SignatureInvalid', true], ['LimitExceeded', true], ['SignatureInvalid', undefined]]);
});

test('a manifest with too many members is not parsed', async () => {
  const { defects } = await read((registry) => registry.refer(DIGEST, { layers: Array.from({ length: 100_001 }, () => 0) }, { artifactType: BUNDLE }));
  assert.match(defects[0]?.message ?? '', /not an image manifest/);
  assert.throws(() => signatureManifest({ bytes: Buffer.from(`{"layers":[${'[],'.repeat(60_000)}[]]}`), digest: DIGEST, mediaType: '' }, 'here'), { code: 'ManifestInvalid', message: /more than 100000 members and elements/ });
});
