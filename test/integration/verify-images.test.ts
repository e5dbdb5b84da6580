import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { before } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { parseImageReference } from '../../src/api/image-reference.ts';
import type { Digest } from '../../src/base/digest.ts';
import { verify } from '../../src/cli/verify.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import type { RegistryClient } from '../../src/registry/types.ts';
import { parsePublicKeys } from '../../src/signatures/public-key.ts';
import { trustRecipe, trustSource } from '../../src/signatures/trust-recipe.ts';
import { createEngine } from '../../src/verification/engine.ts';
import type { CompiledAuthority, JudgingPolicy, PolicyVerdict, VerificationEngine } from '../../src/verification/types.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { PushedImage } from '../support/sigstore/push.ts';
import { pushImage } from '../support/sigstore/push.ts';
import type { TestSigner } from '../support/sigstore/sign.ts';
import { createWorld, publicKeyPem } from '../support/sigstore/world.ts';

const world = createWorld();
const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const ISSUER = 'https://token.example';
const alice = world.keyless({ subject: 'alice@example.test', issuer: ISSUER });
const mallory = world.keyless({ subject: 'mallory@example.test', issuer: ISSUER });
const key = world.key();
const otherKey = world.key();

const PART = { keys: [], identities: [], log: 'Required', timestamp: 'NotAsked', sct: 'Required', annotations: {}, requireRepository: false, attestations: [], sources: [] } as const;
const ofAlice: CompiledAuthority = {
  ...PART,
  name: 'alice',
  kind: 'keyless',
  identities: [{ issuer: { exact: ISSUER }, subject: { exact: 'alice@example.test' }, claims: {} }],
  trust,
  hash: 'alice',
};
const ofKey: CompiledAuthority = { ...PART, name: 'release', kind: 'key', keys: parsePublicKeys(publicKeyPem(key)), log: 'Ignored', sct: 'Ignored', hash: 'key' };

function policy(authorities: readonly CompiledAuthority[], threshold = 1): JudgingPolicy {
  return { key: { kind: 'ClusterImageVerification', name: 'p' }, authorities, threshold, recheckInterval: 86_400_000 };
}

interface Bench {
  readonly registry: Registry;
  readonly client: RegistryClient;
  readonly engine: VerificationEngine;
  /** Kinds of requests since the last look. */
  readonly requests: string[];
}

async function bench(referrers: boolean): Promise<Bench> {
  const registry = await startRegistry({ referrers });
  const requests: string[] = [];
  const client = createRegistryClient({ hosts: { allowHttp: [registry.host] }, onRequest: ({ kind }) => requests.push(kind) });
  return { registry, client, requests, engine: createEngine({ registry: client, clock: systemClock }) };
}

async function judge({ engine }: Bench, reference: string, ...policies: readonly JudgingPolicy[]): Promise<PolicyVerdict & { digest: Digest | undefined }> {
  const verdict = await engine.verify({ image: parseImageReference(reference), policies, keychain: anonymousKeychain });
  assert.ok(verdict.policies[0] !== undefined);
  return { ...verdict.policies[0], digest: verdict.digest };
}

async function command(args: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  const code = await verify(args, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    env: {},
    readFile: async (path) => (files[path] === undefined ? readFile(path) : Buffer.from(files[path])),
    createRegistry: createRegistryClient,
    clock: systemClock,
    setExitCode: () => undefined,
  });
  return { code, stdout, stderr };
}

for (const referrers of [true, false]) {
  test(`at a registry ${referrers ? 'with' : 'without'} the referrers API`, async (t) => {
    let at: Bench;
    let names = 0;
    const push = (tag = 'v1'): Promise<PushedImage> => pushImage(at.registry.host, `app-${(names += 1)}:${tag}`);
    before(async () => {
      at = await bench(referrers);
    });
    t.after(() => at.client.close());

    const signers: Readonly<Record<string, readonly [TestSigner, JudgingPolicy]>> = { 'an identity': [alice, policy([ofAlice])], 'a key': [key, policy([ofKey])] };
    for (const [who, [signer, wanted]] of Object.entries(signers)) {
      for (const format of ['legacy', 'bundle'] as const) {
        await t.test(`a ${format} signature by ${who} verifies, by tag and by digest, and nobody else's does`, async () => {
          const image = await push();
          await world.signImage(image, signer, { format });
          for (const reference of [image.reference, image.pinned]) {
            const verdict = await judge(at, reference, wanted);
            assert.deepEqual([verdict.result, verdict.reason, verdict.digest], ['Verified', 'SignatureValid', image.digest], verdict.message);
          }
          const other = await push();
          await world.signImage(other, signer.kind === 'key' ? otherKey : mallory, { format });
          const refused = await judge(at, other.reference, wanted);
          assert.deepEqual([refused.result, refused.reason], ['Failed', signer.kind === 'key' ? 'KeyMismatch' : 'IdentityMismatch'], refused.message);
        });
      }
    }

    await t.test('an unsigned image has NoSignature, a tag that is not there TagNotFound', async () => {
      const image = await push();
      assert.equal((await judge(at, image.reference, policy([ofAlice]))).reason, 'NoSignature');
      assert.equal((await judge(at, `${at.registry.host}/nothing:v1`, policy([ofAlice]))).reason, 'TagNotFound');
    });

    await t.test('an attestation is not a signature, though the command line says so as cosign does', async () => {
      const image = await push();
      await world.signImage(image, alice, { predicateType: 'https://slsa.dev/provenance/v1' });
      assert.equal((await judge(at, image.reference, policy([ofAlice]))).reason, 'NoSignature');
      const args = ['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', ISSUER, '--trusted-root', 'root.json', image.reference];
      const { code, stderr } = await command(args, { 'root.json': world.trustedRootJson });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^Note: the operator would refuse this image: .*attestation/m);
    });

    await t.test('a bundle by somebody else does not hide a good legacy signature', async () => {
      const image = await push();
      await world.signImage(image, mallory, { format: 'bundle' });
      await world.signImage(image, alice, { format: 'legacy' });
      assert.equal((await judge(at, image.reference, policy([ofAlice]))).result, 'Verified');
      const args = ['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', ISSUER, '--trusted-root', 'root.json', image.reference];
      assert.equal((await command(args, { 'root.json': world.trustedRootJson })).code, 1, 'cosign looks at the bundle only');
    });

    await t.test('two authorities are two signers, in whatever format', async () => {
      const image = await push();
      await world.signImage(image, alice, { format: 'bundle' });
      assert.equal((await judge(at, image.reference, policy([ofAlice, ofKey], 2))).reason, 'ThresholdNotMet');
      const both = await push();
      await world.signImage(both, alice, { format: 'bundle' });
      await world.signImage(both, key, { format: 'legacy' });
      const verdict = await judge(at, both.reference, policy([ofAlice, ofKey], 2));
      assert.deepEqual([verdict.result, verdict.authority], ['Verified', 'alice, release'], verdict.message);
    });

    await t.test('a tag that moved to an unsigned image is judged by what it is now', async () => {
      const image = await push();
      await world.signImage(image, alice);
      assert.equal((await judge(at, image.reference, policy([ofAlice]))).result, 'Verified');
      await pushImage(at.registry.host, image.reference.slice(at.registry.host.length + 1), { content: 'moved' });
      assert.equal((await judge(at, image.reference, policy([ofAlice]))).reason, 'NoSignature');
      assert.equal((await judge(at, image.pinned, policy([ofAlice]))).result, 'Verified');
    });

    await t.test('the command line gives the same answer with cosign’s flags', async () => {
      const image = await push();
      await world.signImage(image, key, { format: 'legacy', log: 'none' });
      const files = { 'cosign.pub': publicKeyPem(key), 'other.pub': publicKeyPem(otherKey) };
      const good = await command(['--key', 'cosign.pub', '--insecure-ignore-tlog', image.reference], files);
      assert.equal(good.code, 0, good.stderr);
      assert.equal((JSON.parse(good.stdout) as { critical: { image: Record<string, string> } }[])[0]?.critical.image['docker-manifest-digest'], image.digest);
      assert.equal((await command(['--key', 'other.pub', '--insecure-ignore-tlog', image.reference], files)).code, 12);
      assert.equal((await command(['--key', 'cosign.pub', '--insecure-ignore-tlog', (await push()).reference], files)).code, 10);
    });

    await t.test('a cold look costs as few requests as it can, a warm one by digest none', async () => {
      const costs: Record<string, readonly string[]> = {};
      for (const format of ['legacy', 'bundle'] as const) {
        const image = await push();
        await world.signImage(image, alice, { format });
        at.requests.length = 0;
        await judge(at, image.reference, policy([ofAlice]));
        costs[format] = at.requests.filter((kind) => kind !== 'ping').toSorted();
        at.requests.length = 0;
        await judge(at, image.pinned, policy([ofAlice]));
        assert.deepEqual(at.requests, []);
      }
      assert.deepEqual(costs['legacy'], referrers ? ['blob', 'head', 'manifest', 'referrers'] : ['blob', 'head', 'manifest', 'referrers', 'referrers']);
      assert.deepEqual(costs['bundle'], referrers ? ['blob', 'head', 'manifest', 'manifest', 'referrers'] : ['blob', 'head', 'manifest', 'manifest', 'referrers', 'referrers']);
    });
  });
}
