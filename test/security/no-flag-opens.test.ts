import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifyAttestation } from '../../src/cli/verify.ts';
import { type Ran, run } from '../unit/cli/context.ts';
import { MemoryRegistry } from '../unit/verification/memory-registry.ts';
import { certificateFaults } from '../support/sigstore/authority.ts';
import type { Bundle, LegacySignature } from '../support/sigstore/sign.ts';
import { certificatePem } from '../support/sigstore/keys.ts';
import { createWorld, publicKeyPem } from '../support/sigstore/world.ts';

/*
 * CVE-2022-36056: four ways in which flags of `cosign verify-blob` together left something unchecked, so that the command said yes. Here each flag that
 * takes a check away is given alone and with each other one, and none of what is wrong below becomes right by it; what a flag does take away is left out.
 * CVE-2026-44310: what breaks in the middle ends with an exit code other than 0, and with nothing on stdout.
 */

const world = createWorld();
const evil = createWorld({ name: 'evil.test' });
const [ISSUER, SUBJECT] = ['https://token.example', 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1'];
const release = world.keyless({ subject: SUBJECT, issuer: ISSUER, claims: { githubWorkflowRef: 'refs/tags/v1' } });
const [owner, other] = [world.key(), world.key()];
const REPOSITORY = 'registry.example/acme/app';
const pemOf = ({ authority }: typeof world): string => [authority.intermediate.certificate, authority.root.certificate].map(certificatePem).join('');
const FILES = { 'cosign.pub': publicKeyPem(owner), 'root.json': world.trustedRootJson, 'ca.pem': pemOf(world), 'evil.pem': pemOf(evil) };

/** Flags that take checks away, and the two that only change what is printed. */
const SWITCHES = ['--insecure-ignore-tlog', '--insecure-ignore-sct', '--use-signed-timestamps', '--check-claims=false', '--offline', '--private-infrastructure', '--new-bundle-format=false', '--experimental-oci11', '--output=text'] as const;
type Switch = (typeof SWITCHES)[number];
const COMBINATIONS: readonly (readonly Switch[])[] = [[], ...SWITCHES.flatMap((one, at) => [[one], ...SWITCHES.slice(at + 1).map((two) => [one, two])]), SWITCHES];

const SLSA = 'https://slsa.dev/provenance/v1';
const BY_KEY = ['--key', 'cosign.pub', '--trusted-root', 'root.json'];
const BY_IDENTITY = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER, '--trusted-root', 'root.json'];

/** What is found beside the image: legacy signatures or bundles. */
type Found = readonly (LegacySignature | Bundle)[];
type Make = (image: { digest: string; repository: string }) => Found;

function imageWith(make: Make): MemoryRegistry {
  const registry = new MemoryRegistry();
  const digest = registry.put('the image', 'v1');
  const found = make({ digest, repository: REPOSITORY });
  const legacy = found.filter((one) => 'payload' in one);
  if (legacy.length > 0) registry.sign(digest, ...legacy.map(({ payload, annotations }) => ({ payload: payload.toString(), annotations })));
  for (const one of found) {
    if ('payload' in one) continue;
    const { mediaType } = one;
    registry.refer(digest, { layers: [{ ...registry.blobOf(JSON.stringify(one)), mediaType }] }, { artifactType: mediaType });
  }
  return registry;
}

const verify = (args: readonly string[], registry: MemoryRegistry): Promise<Ran> => run([...args, `${REPOSITORY}:v1`], { files: FILES, registry });
type Sign = (...args: Parameters<typeof world.legacySignature>) => LegacySignature | Bundle;
const SIGNS: readonly Sign[] = [(...args) => world.legacySignature(...args), (...args) => world.bundle(...args)];
const both = (make: (sign: Sign) => LegacySignature | Bundle): Found => SIGNS.map(make);

/** What is wrong, whom it is asked of, and the flags that take this very check away. */
const WRONG: Readonly<Record<string, { readonly args: readonly string[]; readonly make: Make; readonly but?: readonly Switch[] }>> = {
  'no signature at all': { args: BY_KEY, make: () => [] },
  'a signature by another key': { args: BY_KEY, make: (image) => both((sign) => sign(other, image)) },
  'a keyless signature where a key is asked for': { args: BY_KEY, make: (image) => both((sign) => sign(release, image)) },
  'a signature by a key where an identity is asked for': { args: BY_IDENTITY, make: (image) => both((sign) => sign(owner, image)) },
  'a signature of somebody else': { args: BY_IDENTITY, make: (image) => both((sign) => sign(world.keyless({ subject: 'mallory@example.test', issuer: ISSUER }), image)) },
  'a signature of another issuer': { args: BY_IDENTITY, make: (image) => both((sign) => sign(world.keyless({ subject: SUBJECT, issuer: 'https://evil.example' }), image)) },
  'a signature of another workflow': { args: [...BY_IDENTITY, '--certificate-github-workflow-ref', 'refs/tags/v2'], make: (image) => both((sign) => sign(release, image)) },
  'a signature of another Sigstore': { args: BY_IDENTITY, make: (image) => [evil.legacySignature(release, image), evil.bundle(release, image)] },
  'a signature with a web server’s certificate': { args: BY_IDENTITY, make: (image) => both((sign) => sign(release, image, { certificate: { shape: certificateFaults.serverAuthOnly } })) },
  'a signature of another image': { args: BY_KEY, make: (image) => both((sign) => sign(owner, { ...image, digest: `sha256:${'9'.repeat(64)}` })), but: ['--check-claims=false'] },
  'a signature of another image by an identity': { args: BY_IDENTITY, make: (image) => both((sign) => sign(release, { ...image, digest: `sha256:${'9'.repeat(64)}` })), but: ['--check-claims=false'] },
  'a signature without the annotation': { args: [...BY_KEY, '-a', 'env=prod'], make: (image) => both((sign) => sign(owner, image, { annotations: { env: 'test' } })), but: ['--check-claims=false'] },
  'a payload that was changed after it was signed': { args: BY_KEY, make: (image) => [{ ...world.legacySignature(owner, image), payload: Buffer.from('{}') }] },
  'a signature that is none': { args: BY_KEY, make: (image) => both((sign) => sign(owner, image, { signature: () => Buffer.from('verified') })) },
  'a signature of another Sigstore, where authorities are named': { args: [...BY_IDENTITY.slice(0, 4), '--ca-roots', 'ca.pem'], make: (image) => [evil.legacySignature(release, image), evil.bundle(release, image)] },
  'a signature of ours, where other authorities are named': { args: [...BY_IDENTITY.slice(0, 4), '--ca-roots', 'evil.pem'], make: (image) => [world.legacySignature(release, image)] },
  'an attestation by another key': { args: BY_KEY, make: (image) => [world.bundle(other, image, { predicateType: 'https://slsa.dev/provenance/v1' })] },
};

describe('CVE-2022-36056: with whatever flags', () => {
  for (const [what, { args, make, but = [] }] of Object.entries(WRONG)) {
    test(`${what} is refused`, async () => {
      const registry = imageWith(make);
      for (const flags of COMBINATIONS.filter((some) => !some.some((flag) => but.includes(flag)))) {
        const { code, stdout, stderr } = await verify([...args, ...flags], registry);
        assert.ok(code !== 0 && stdout === '', `${flags.join(' ')}: ${code} ${stderr}`);
      }
    });
  }

  test('what is right stays right, so that the refusals above are not for another reason', async () => {
    for (const [args, signer] of [[BY_KEY, owner], [BY_IDENTITY, release], [[...BY_IDENTITY, '--certificate-github-workflow-ref', 'refs/tags/v1'], release]] as const) {
      const registry = imageWith((image) => [world.legacySignature(signer, image)]);
      for (const flags of [[], ['--check-claims=false'], ['--insecure-ignore-sct'], ['--offline'], ['--output=text'], ['--new-bundle-format=false']]) {
        const { code, stderr } = await verify([...args, ...flags], registry);
        assert.equal(code, 0, `${flags.join(' ')}: ${stderr}`);
      }
    }
    assert.equal((await verify([...BY_KEY, '-a', 'env=prod'], imageWith((image) => [world.legacySignature(owner, image, { annotations: { env: 'prod' } })]))).code, 0);
  });
});

/** Attestations of the image that do not make it right, whatever is given with `--type`. */
const STATED: Readonly<Record<string, { readonly args: readonly string[]; readonly make: Make; readonly but?: readonly Switch[] }>> = {
  'nothing at all': { args: BY_KEY, make: () => [] },
  'a signature, which states nothing': { args: BY_KEY, make: (image) => [world.legacySignature(owner, image)] },
  'a statement of another type': { args: BY_KEY, make: (image) => [world.bundle(owner, image, { predicateType: 'https://cyclonedx.org/bom' })] },
  'a statement of the type by another key': { args: BY_KEY, make: (image) => [world.bundle(other, image, { predicateType: SLSA })] },
  'a statement of the type about another image': { args: BY_KEY, make: (image) => [world.bundle(owner, { ...image, digest: `sha256:${'9'.repeat(64)}` }, { predicateType: SLSA })], but: ['--check-claims=false'] },
  'a statement of the type by another identity': { args: BY_IDENTITY, make: (image) => [world.bundle(world.keyless({ subject: 'mallory@example.test', issuer: ISSUER }), image, { predicateType: SLSA })] },
  'a statement of the type of another Sigstore': { args: BY_IDENTITY, make: (image) => [evil.bundle(release, image, { predicateType: SLSA })] },
};

describe('CVE-2022-35929: of attestations, with whatever flags', () => {
  const attested = (args: readonly string[], registry: MemoryRegistry): Promise<Ran> => run([...args, '--type=slsaprovenance1', `${REPOSITORY}:v1`], { files: FILES, registry, command: verifyAttestation });
  for (const [what, { args, make, but = [] }] of Object.entries(STATED)) {
    test(`${what} is refused`, async () => {
      const registry = imageWith(make);
      for (const flags of COMBINATIONS.filter((some) => !some.some((flag) => [...but, '--new-bundle-format=false', '--experimental-oci11'].includes(flag)))) {
        const { code, stdout, stderr } = await attested([...args, ...flags], registry);
        assert.ok(code !== 0 && stdout === '', `${flags.join(' ')}: ${code} ${stderr}`);
      }
    });
  }
  test('and one that is right stays right', async () => {
    for (const [args, signer] of [[BY_KEY, owner], [BY_IDENTITY, release]] as const) {
      const { code, stderr } = await attested(args, imageWith((image) => [world.bundle(signer, image, { log: 'v1', predicateType: SLSA })]));
      assert.equal(code, 0, stderr);
    }
  });
});

describe('CVE-2026-44310: what breaks in the middle', () => {
  const breaking = (at: RegExp): MemoryRegistry => {
    const registry = imageWith((image) => [world.legacySignature(owner, image)]);
    registry.before = (call) => {
      if (at.test(call)) throw new TypeError('Cannot read properties of undefined');
    };
    return registry;
  };
  for (const at of ['head', 'referrers', 'manifest', 'blob']) {
    test(`of a look-up (${at}) is no success`, async () => {
      const { code, stdout } = await verify(BY_KEY, breaking(new RegExp(`^${at}`)));
      assert.ok(code !== 0 && stdout === '', String(code));
    });
  }
  test('but the same image passes when nothing does', async () => {
    assert.equal((await verify(BY_KEY, breaking(/^never/))).code, 0);
  });
});
