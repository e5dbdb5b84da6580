import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseImageReference } from '../../src/api/image-reference.ts';
import { systemClock } from '../../src/base/clock.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import type { Keychain } from '../../src/registry/types.ts';
import { RegistryError } from '../../src/registry/types.ts';
import { createEngine } from '../../src/verification/engine.ts';
import type { CompiledPolicy } from '../../src/verification/policy/compiled-policy.ts';
import { keyAuthority, policy } from '../support/builders.ts';
import { compiled } from '../support/compile.ts';
import { createWorld, publicKeyPem } from '../support/sigstore/world.ts';
import { MemoryRegistry } from '../unit/verification/memory-registry.ts';

/*
 * What was found out with one tenant's credentials, or under one tenant's policy, is not told to another, and above all not believed by another: a refusal
 * that somebody without credentials was given would otherwise refuse those who have them.
 */

const world = createWorld();
const owner = world.key();
const IMAGE = 'registry.example/acme/app';

/** A registry with a signature of the image that only this secret can see; to everybody else the repository of signatures is empty. */
function registryFor(password: string): MemoryRegistry {
  const registry = new MemoryRegistry();
  const digest = registry.put('the image', 'v1');
  const { payload, annotations } = world.legacySignature(owner, { digest, repository: IMAGE }, { log: 'none' });
  registry.sign(digest, { payload: payload.toString(), annotations });
  registry.before = async (call, { keychain }) => {
    if (call.startsWith('head') || call === 'referrers') return;
    const credentials = await keychain.lookup({ host: 'registry.example', path: 'acme/signatures' });
    if (credentials?.password !== password) throw new RegistryError('NotFound', 'there is no such manifest');
  };
  return registry;
}

const pullSecret = (password: string): string => JSON.stringify({ auths: { 'registry.example': { username: 'reader', password } } });

/** The same text in two namespaces; the Secret `reader` of each is its own. */
function policyOf(namespace: string, password: string): CompiledPolicy {
  const source = [{ oci: 'registry.example/acme/signatures', signaturePullSecrets: [{ name: 'reader' }] }];
  return compiled(policy({ images: [{ glob: 'registry.example/**' }], authorities: [keyAuthority({ key: { data: publicKeyPem(owner) }, source })] }, { namespace }), { 'Secret/reader/.dockerconfigjson': pullSecret(password) });
}

async function say(engine: ReturnType<typeof createEngine>, wanted: CompiledPolicy, keychain: Keychain = anonymousKeychain): Promise<string> {
  const { policies } = await engine.verify({ image: parseImageReference(`${IMAGE}:v1`), policies: [wanted], keychain });
  return policies[0]?.reason ?? '';
}

for (const order of ['the one without first', 'the one with first'] as const) {
  test(`of two tenants with the same policy, one of whom has no credentials for the signatures, each has the verdict of their own: ${order}`, async () => {
    const engine = createEngine({ registry: registryFor('right'), clock: systemClock });
    const tenants = { has: policyOf('a', 'right'), hasNot: policyOf('b', 'wrong') };
    const says: Record<string, string> = {};
    for (const who of order === 'the one without first' ? (['hasNot', 'has'] as const) : (['has', 'hasNot'] as const)) says[who] = await say(engine, tenants[who]);
    assert.deepEqual({ ...says }, { has: 'SignatureValid', hasNot: 'NoSignature' });
  });
}

const AUTHORITY = { name: 'release', key: { data: publicKeyPem(owner) } };
const KEYLESS = { name: 'release', keyless: { identities: [{ issuer: 'https://issuer.example', subject: 'a@corp.test' }] } };
const identity = (more: object): object => ({ ...KEYLESS, keyless: { identities: [{ issuer: 'https://issuer.example', subject: 'a@corp.test', ...more }] } });
const attesting = (more: object): object => ({ ...AUTHORITY, ctlog: {}, attestations: [{ name: 'built', predicateType: 'slsaprovenance1', ...more }] });

/** Two texts of one authority of which one may say yes where the other says no. */
const EDITS: Readonly<Record<string, readonly [object, object]>> = {
  'another key': [AUTHORITY, { ...AUTHORITY, key: { data: publicKeyPem(world.key()) } }],
  'another hash of the key': [AUTHORITY, { ...AUTHORITY, key: { ...AUTHORITY.key, hashAlgorithm: 'sha512' } }],
  'a log entry': [AUTHORITY, { ...AUTHORITY, ctlog: {} }],
  'a timestamp': [AUTHORITY, { ...AUTHORITY, rfc3161timestamp: {} }],
  'an annotation': [AUTHORITY, { ...AUTHORITY, annotations: { env: 'prod' } }],
  'another annotation': [{ ...AUTHORITY, annotations: { env: 'prod' } }, { ...AUTHORITY, annotations: { env: 'test' } }],
  'an annotation that could be another two': [{ ...AUTHORITY, annotations: { a: 'b,c=d' } }, { ...AUTHORITY, annotations: { a: 'b', c: 'd' } }],
  'its repository': [AUTHORITY, { ...AUTHORITY, requireRepository: true }],
  'a source': [AUTHORITY, { ...AUTHORITY, source: [{ oci: 'registry.example/signatures' }] }],
  'another beginning of tags': [{ ...AUTHORITY, source: [{ oci: 'registry.example/signatures', tagPrefix: 'a' }] }, { ...AUTHORITY, source: [{ oci: 'registry.example/signatures', tagPrefix: 'b' }] }],
  'an age': [{ ...AUTHORITY, ctlog: {} }, { ...AUTHORITY, ctlog: {}, maxAge: '24h' }],
  'a first day': [{ ...AUTHORITY, ctlog: {} }, { ...AUTHORITY, ctlog: {}, notBefore: '2026-01-01T00:00:00Z' }],
  'attestations': [{ ...AUTHORITY, ctlog: {} }, attesting({})],
  'an expression': [attesting({}), attesting({ policy: { cel: 'true' } })],
  'another expression': [attesting({ policy: { cel: 'true' } }), attesting({ policy: { cel: 'false' } })],
  'how many must satisfy it': [attesting({ match: 'Any' }), attesting({ match: 'All' })],
  'another predicate type': [attesting({}), attesting({ predicateType: 'spdxjson' })],
  'another subject': [KEYLESS, identity({ subject: 'b@corp.test' })],
  'a pattern that reads like the subject': [KEYLESS, { name: 'release', keyless: { identities: [{ issuer: 'https://issuer.example', subjectRegExp: 'a@corp.test' }] } }],
  'a claim': [KEYLESS, identity({ claims: { runnerEnvironment: 'github-hosted' } })],
  'no SCT': [KEYLESS, { ...KEYLESS, keyless: { ...KEYLESS.keyless, insecureIgnoreSCT: true } }],
  'an identity more': [KEYLESS, { ...KEYLESS, keyless: { identities: [...KEYLESS.keyless.identities, { issuer: 'https://issuer.example', subject: 'b@corp.test' }] } }],
};

describe('a verdict under one text of a policy does not stand in for one under another, which asks for', () => {
  for (const [what, authorities] of Object.entries(EDITS)) {
    test(what, () => {
      const hashes = authorities.map((authority) => compiled(policy({ authorities: [authority] })).authorities[0]?.hash);
      assert.equal(new Set(hashes).size, 2);
    });
  }
  test('more authorities', async () => {
    const registry = new MemoryRegistry();
    const digest = registry.put('the image', 'v1');
    const { payload, annotations } = world.legacySignature(owner, { digest, repository: IMAGE }, { log: 'none' });
    registry.sign(digest, { payload: payload.toString(), annotations });
    const engine = createEngine({ registry, clock: systemClock });
    const authorities = [AUTHORITY, { name: 'second', key: { data: publicKeyPem(world.key()) } }];
    const by = (threshold: number): CompiledPolicy => compiled(policy({ images: [{ glob: '**' }], authorities, threshold }));
    assert.deepEqual([await say(engine, by(1)), await say(engine, by(2)), await say(engine, by(1))], ['SignatureValid', 'ThresholdNotMet', 'SignatureValid']);
  });
});
