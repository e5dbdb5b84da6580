import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { staticKeychain } from '../../../src/registry/keychain.ts';
import type { Keychain, RegistryCall, RegistryClient, RepositoryName } from '../../../src/registry/types.ts';
import { RegistryError } from '../../../src/registry/types.ts';
import { EvidenceReader } from '../../../src/verification/evidence.ts';
import type { Evidence } from '../../../src/verification/evidence-types.ts';
import { DEFAULT_LIMITS } from '../../../src/verification/limits.ts';
import type { EngineLimits } from '../../../src/verification/limits.ts';
import { gatherEvidence } from '../../../src/verification/places.ts';
import type { CompiledAuthority, CompiledSource } from '../../../src/verification/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DIGEST, IMAGE, keyed, keyless, policy } from './builders.ts';
import { ANONYMOUS, MemoryRegistry } from './memory-registry.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const SIGNED = { 'dev.cosignproject.cosign/signature': 'MEUC' };
const SLSA = 'https://slsa.dev/provenance/v1';
const tag = (suffix: string, prefix = ''): string => `${prefix}${DIGEST.replace(':', '-')}.${suffix}`;
const at = (path: string, more: Partial<CompiledSource> = {}): CompiledSource => ({ host: 'sigs.example', path, tagPrefix: '', pullSecrets: [], ...more });
const attests = { attestations: [{ name: 'a', predicateType: SLSA, match: 'Any' as const }] };

/** Repositories by name, each over maps of its own; and with which credentials each was asked. */
class Repositories {
  readonly #repositories = new Map<string, MemoryRegistry>();
  readonly asked: string[] = [];

  of(name: string): MemoryRegistry {
    const known = this.#repositories.get(name) ?? new MemoryRegistry();
    this.#repositories.set(name, known);
    return known;
  }

  get client(): RegistryClient {
    const ask = ({ host, path }: RepositoryName, { keychain }: RegistryCall): MemoryRegistry => {
      this.asked.push(`${host}/${path} as ${keychain.scope}`);
      return this.of(`${host}/${path}`);
    };
    return {
      resolveTag: async (repository, name, call) => ask(repository, call).resolveTag(repository, name, call),
      manifest: async (repository, name, call) => ask(repository, call).manifest(repository, name, call),
      blob: async (repository, digest, limit, call) => ask(repository, call).blob(repository, digest, limit, call),
      referrers: async (repository, digest, call) => ask(repository, call).referrers(repository, digest, call),
      close: async () => undefined,
    };
  }
}

/** A layer of a tag, with its content stored. */
function layer(repositories: Repositories, repository: string, name: string, content: string): void {
  const registry = repositories.of(repository);
  registry.put({ layers: [{ ...registry.blobOf(content), annotations: SIGNED }] }, name);
}

interface Asked {
  readonly evidence: readonly Evidence[];
  readonly asked: readonly string[];
}

async function gather(
  authorities: readonly CompiledAuthority[],
  arrange: (repositories: Repositories) => void,
  { limits = {}, sourceKeychain }: { limits?: Partial<EngineLimits>; sourceKeychain?: (source: CompiledSource) => Keychain | undefined } = {},
): Promise<Asked> {
  const repositories = new Repositories();
  arrange(repositories);
  const reader = new EvidenceReader(repositories.client, new ManualClock(), { ...DEFAULT_LIMITS, ...limits });
  const judging = policy(authorities, sourceKeychain === undefined ? {} : { sourceKeychain });
  const evidence = await gatherEvidence({ reader, policy: judging, image: IMAGE, digest: DIGEST, call: { keychain: ANONYMOUS } }, 0);
  return { evidence, asked: repositories.asked };
}

function contents({ candidates }: Evidence): readonly string[] {
  return candidates.map((candidate) => {
    const bytes = candidate.format === 'bundle' ? candidate.bytes : candidate.format === 'legacy' ? candidate.payload : candidate.envelope;
    return `${candidate.format} ${Buffer.from(bytes).toString()}`;
  });
}

describe('an authority sees', () => {
  test('signatures beside the image unless it says otherwise', async () => {
    const { evidence, asked } = await gather([keyless('a')], (all) => layer(all, IMAGE.name, tag('sig'), 'signature'));
    assert.deepEqual(evidence.map(contents), [['legacy signature']]);
    assert.ok(asked.every((one) => one.startsWith(`${IMAGE.name} `)));
  });

  test('only what is in its own sources, not beside the image nor in those of others', async () => {
    const authorities = [keyless('image'), keyed('one', ['alice'], { sources: [at('one')] }), keyed('both', ['bob'], { sources: [at('one'), at('two')] })];
    const { evidence } = await gather(authorities, (all) => {
      layer(all, IMAGE.name, tag('sig'), 'image');
      layer(all, 'sigs.example/one', tag('sig'), 'one');
      layer(all, 'sigs.example/two', tag('sig'), 'two');
    });
    assert.deepEqual(evidence.map(contents), [['legacy image'], ['legacy one'], ['legacy one', 'legacy two']]);
    assert.equal(new Set(evidence.map(({ hash }) => hash)).size, 3);
  });

  test('bundles that refer to the digest in its source', async () => {
    const { evidence } = await gather([keyless('a', { sources: [at('one')] })], (all) => {
      const registry = all.of('sigs.example/one');
      registry.refer(DIGEST, { layers: [{ ...registry.blobOf('b'), mediaType: BUNDLE }] }, { artifactType: BUNDLE });
    });
    assert.deepEqual(evidence.map(contents), [['bundle b']]);
  });

  test('tags with its prefix, and no others', async () => {
    const { evidence } = await gather([keyless('a', { sources: [at('one', { tagPrefix: 'prod-' })] }), keyless('b', { sources: [at('one')] })], (all) => {
      layer(all, 'sigs.example/one', tag('sig', 'prod-'), 'prod');
      layer(all, 'sigs.example/one', tag('sig'), 'plain');
    });
    assert.deepEqual(evidence.map(contents), [['legacy prod'], ['legacy plain']]);
  });

  test('attestations where it wants some, of the types that it wants or that say none', async () => {
    const { evidence, asked } = await gather([keyless('a', attests), keyless('b')], (all) => {
      layer(all, IMAGE.name, tag('att'), 'attestation');
      layer(all, IMAGE.name, tag('sig'), 'signature');
      const registry = all.of(IMAGE.name);
      for (const [content, type] of [['slsa', SLSA], ['spdx', 'https://spdx.dev/Document'], ['sign', 'https://sigstore.dev/cosign/sign/v1'], ['untold', undefined]] as const) {
        const annotations = type === undefined ? {} : { 'dev.sigstore.bundle.predicateType': type };
        registry.refer(DIGEST, { layers: [{ ...registry.blobOf(content), mediaType: BUNDLE }], annotations }, { artifactType: BUNDLE, annotations });
      }
    });
    assert.deepEqual(evidence.map((one) => contents(one).toSorted()), [['bundle slsa', 'bundle untold', 'legacy-attestation attestation'], ['bundle sign', 'bundle untold', 'legacy signature']]);
    assert.deepEqual(evidence.map(({ otherTypes }) => otherTypes?.toSorted()), [['https://sigstore.dev/cosign/sign/v1', 'https://spdx.dev/Document'], [SLSA, 'https://spdx.dev/Document']]);
    assert.ok(asked.length > 0);
  });

  test('attestations larger than a signature may be, up to their own limit', async () => {
    const found = async (authority: CompiledAuthority, suffix: string): Promise<number> => {
      const { evidence } = await gather([authority], (all) => layer(all, IMAGE.name, tag(suffix), 'x'.repeat(20)), { limits: { payload: 10, attestation: 20 } });
      return evidence[0]?.candidates.length ?? -1;
    };
    assert.deepEqual([await found(keyless('a', attests), 'att'), await found(keyless('a'), 'sig')], [1, 0]);
  });
});

describe('a source', () => {
  test('that fails is an outage, also beside one that answers', async () => {
    const { evidence } = await gather([keyless('a', { sources: [at('one'), at('two')] })], (all) => {
      layer(all, 'sigs.example/two', tag('sig'), 'two');
      all.of('sigs.example/one').before = () => {
        throw new RegistryError('Unavailable', 'it does not answer');
      };
    });
    assert.deepEqual([evidence[0]?.candidates.length, evidence[0]?.failures.map(({ code }) => code)], [1, ['Unavailable', 'Unavailable']]);
  });

  test('is asked with its own credentials, the image is not', async () => {
    const reader = staticKeychain({ username: 'reader', password: 'x' }, ['sigs.example']);
    const { asked } = await gather([keyless('a'), keyless('b', { sources: [at('one', { pullSecrets: ['reader'] })] })], () => undefined, {
      sourceKeychain: ({ pullSecrets }) => (pullSecrets.includes('reader') ? reader : undefined),
    });
    assert.deepEqual(new Set(asked), new Set([`${IMAGE.name} as anonymous`, `sigs.example/one as ${reader.scope}`]));
  });

  test('that several authorities share is asked once', async () => {
    const { evidence, asked } = await gather([keyless('a', { sources: [at('one')] }), keyed('b', ['bob'], { sources: [at('one')] })], () => undefined);
    assert.equal(evidence[0], evidence[1]);
    assert.equal(asked.length, 2);
  });
});

test('a policy that names many places with much in them does not have all of it in memory', async () => {
  const authorities = Array.from({ length: 16 }, (_, index) => keyless(`a${index}`, { sources: [0, 1, 2, 3].map((of) => at(`s${index}-${of}`)) }));
  let [now, most] = [0, 0];
  const { evidence } = await gather(
    authorities,
    (all) => {
      for (const { sources } of authorities) {
        for (const { path } of sources) {
          const repository = `sigs.example/${path}`;
          layer(all, repository, tag('sig'), path.padEnd(1000));
          all.of(repository).before = async (call) => {
            if (!call.startsWith('referrers')) return;
            now += 1;
            most = Math.max(most, now);
            await new Promise((resolve) => setTimeout(resolve, 1));
            now -= 1;
          };
        }
      }
    },
    { limits: { digestBytes: 20_000, attestationBytes: 20_000 } },
  );
  const read = new Set(evidence.flatMap(({ candidates }) => candidates));
  assert.ok(read.size >= 8 && read.size <= 20, `${read.size} of 64 were read`);
  assert.ok(most <= 4, `${most} at the same time`);
  assert.ok((evidence.at(-1)?.omitted ?? 0) > 0, 'and that the others were not looked at is told');
  assert.equal(evidence.reduce((sum, { candidates, omitted }) => sum + candidates.length + omitted, 0), 64);
});

test('places that take long do not add up: what is left then is an outage', async () => {
  const clock = new ManualClock();
  const repositories = new Repositories();
  const authorities = Array.from({ length: 16 }, (_, index) => keyless(`a${index}`, { sources: [at(`s${index}`)] }));
  for (const { sources } of authorities) {
    repositories.of(`sigs.example/${sources[0]?.path}`).before = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(DEFAULT_LIMITS.lookup / 4);
    };
  }
  const reader = new EvidenceReader(repositories.client, clock, DEFAULT_LIMITS);
  const evidence = await gatherEvidence({ reader, policy: policy(authorities), image: IMAGE, digest: DIGEST, call: { keychain: ANONYMOUS } }, 0);
  assert.deepEqual(evidence.at(-1)?.failures.map(({ code }) => code), ['Unavailable']);
  assert.match(evidence.at(-1)?.failures[0]?.message ?? '', /s15 was not asked, because the other places that the policy names took too long; it is asked again/);
  assert.ok(repositories.asked.length <= 16, `${repositories.asked.length} requests`);
});
