import assert from 'node:assert/strict';
import { X509Certificate, createHash, createPublicKey } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { verify, verifyAttestation } from '../../src/cli/verify.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { PushedImage } from '../support/sigstore/push.ts';
import { pushBundle, pushImage, pushLegacyAttestations, pushManifest } from '../support/sigstore/push.ts';
import { createWorld, publicKeyPem } from '../support/sigstore/world.ts';

const world = createWorld();
const ISSUER = 'https://token.example';
const alice = world.keyless({ subject: 'alice@example.test', issuer: ISSUER });
const key = world.key();
const ALICE = ['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', ISSUER];
const PROVENANCE = 'https://slsa.dev/provenance/v1';

let registry: Registry;
const folder = mkdtempSync(join(tmpdir(), 'assay-flags-'));
const path = (name: string): string => join(folder, name);
const file = (name: string, content: string): string => {
  writeFileSync(path(name), content);
  return path(name);
};
before(async () => {
  registry = await startRegistry();
});
after(() => rmSync(folder, { recursive: true, force: true }));

let names = 0;
const push = (): Promise<PushedImage> => pushImage(registry.host, `app-${(names += 1)}:v1`);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
async function run(args: readonly string[], { command = verify, env = {} }: { command?: typeof verify; env?: Readonly<Record<string, string>> } = {}): Promise<Ran> {
  let [stdout, stderr] = ['', ''];
  const code = await command(args, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    env,
    readFile: (name) => readFile(name),
    writeFile: (name, text) => writeFile(name, text),
    createRegistry: createRegistryClient,
    clock: systemClock,
    setExitCode: () => undefined,
  });
  return { code, stdout, stderr };
}

/** The private Sigstore's trust in the form that cosign had before there were trusted roots. */
function trustFiles(from = world): { chain: string; roots: string; intermediates: string; stamps: string; log: string; ctLog: string } {
  const root = JSON.parse(from.trustedRootJson) as {
    certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
    timestampAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
    tlogs: { publicKey: { rawBytes: string } }[];
    ctlogs: { publicKey: { rawBytes: string } }[];
  };
  const pem = ({ rawBytes }: { rawBytes: string }): string => new X509Certificate(Buffer.from(rawBytes, 'base64')).toString();
  const spki = ({ publicKey }: { publicKey: { rawBytes: string } }): string =>
    createPublicKey({ key: Buffer.from(publicKey.rawBytes, 'base64'), format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' }).toString();
  const chain = (root.certificateAuthorities[0]?.certChain.certificates ?? []).map(pem);
  const stamps = (root.timestampAuthorities[0]?.certChain.certificates ?? []).map(pem);
  return {
    chain: file('chain.pem', chain.join('')),
    roots: file('roots.pem', chain.at(-1) ?? ''),
    intermediates: file('intermediates.pem', chain.slice(0, -1).join('')),
    stamps: file('stamps.pem', stamps.join('')),
    log: file('rekor.pub', root.tlogs.slice(0, 1).map(spki).join('')),
    ctLog: file('ct.pub', root.ctlogs.map(spki).join('')),
  };
}

test('trust in parts: authorities, logs and timestamp authorities may come from files of their own', async (t) => {
  const parts = trustFiles();
  const LOGS = { SIGSTORE_REKOR_PUBLIC_KEY: parts.log, SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: parts.ctLog };
  const ALL = { ...LOGS, SIGSTORE_ROOT_FILE: parts.chain, SIGSTORE_TSA_CERTIFICATE_FILE: parts.stamps };
  const image = await push();
  await world.signImage(image, alice, { format: 'legacy', timestamp: true });
  const good: Readonly<Record<string, readonly [readonly string[], Readonly<Record<string, string>>]>> = {
    'a chain': [['--certificate-chain', parts.chain], LOGS],
    'roots and intermediates': [['--ca-roots', parts.roots, '--ca-intermediates', parts.intermediates], LOGS],
    'roots by a variable': [[], { ...LOGS, SIGSTORE_ROOT_FILE: parts.chain }],
    'a timestamp authority, and no log': [['--ca-roots', parts.chain, '--timestamp-certificate-chain', parts.stamps, '--insecure-ignore-tlog'], LOGS],
    'everything by variables': [['--use-signed-timestamps'], ALL],
  };
  for (const [sentence, [flags, env]] of Object.entries(good)) {
    await t.test(`${sentence}: a signature under it counts`, async () => {
      const ran = await run([...flags, ...ALICE, image.reference], { env: { ...ALL, ...env } });
      assert.equal(ran.code, 0, ran.stderr);
    });
  }
  await t.test('a signature under other authorities or logs does not', async () => {
    const other = trustFiles(createWorld());
    const otherChain = file('other-chain.pem', await readFile(other.chain, 'utf8'));
    const otherLog = file('other-rekor.pub', await readFile(other.log, 'utf8'));
    trustFiles();
    const byAuthority = await run(['--certificate-chain', otherChain, ...ALICE, image.reference], { env: ALL });
    assert.equal(byAuthority.code, 12, byAuthority.stderr);
    assert.match(byAuthority.stderr, /^Error: no matching signatures: cert verification failed: x509: certificate signed by unknown authority/m);
    const byLog = await run([...ALICE, image.reference], { env: { ...ALL, SIGSTORE_REKOR_PUBLIC_KEY: otherLog } });
    assert.match(byLog.stderr, /^Error: no matching signatures: error verifying bundle: verifying bundle: rekor log public key not found for payload$/m);
  });
  await t.test('bundles are not verified under it, as cosign says', async () => {
    const bundled = await push();
    await world.signImage(bundled, alice, { format: 'bundle' });
    const ran = await run(['--ca-roots', parts.roots, ...ALICE, bundled.reference], { env: ALL });
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^Error: unsupported: CA roots\/intermediates must be provided using --trusted-root when using --new-bundle-format$/m);
    const byVariable = await run([...ALICE, bundled.reference], { env: ALL });
    assert.match(byVariable.stderr, /^Error: trusted root is required when using new bundle format$/m);
  });
});

test('--certificate: its holder must have signed, and it must hold itself', async () => {
  const image = await push();
  const root = file('root.json', world.trustedRootJson);
  const artifact = { digest: image.digest, repository: `${image.host}/${image.repository}` };
  const { annotations, payload } = world.legacySignature(alice, artifact, {});
  await world.signImage(image, alice, { format: 'legacy' });
  const certificate = file('signer.pem', annotations['dev.sigstore.cosign/certificate'] ?? '');
  const signature = file('image.sig', annotations['dev.cosignproject.cosign/signature'] ?? '');
  const bytes = file('payload.json', payload.toString('utf8'));
  const given = ['--trusted-root', root, '--certificate', certificate, '--signature', signature, '--payload', bytes, '--insecure-ignore-tlog', image.reference];
  assert.equal((await run([...ALICE, ...given])).code, 0);
  const bob = await run(['--certificate-identity', 'bob@example.test', '--certificate-oidc-issuer', ISSUER, ...given]);
  assert.equal(bob.code, 1);
  assert.match(bob.stderr, /^Error: loading verifier from key opts: validating cert: none of the expected identities matched what was in the certificate, got subjects \[alice@example\.test\]/m);
});

test('--experimental-oci11: a legacy signature among the referrers counts, and only with the flag', async () => {
  const image = await push();
  await world.signImage(image, key, { format: 'legacy', log: 'none' });
  const tag = `${image.digest.replace(':', '-')}.sig`;
  const at = `http://${image.host}/v2/${image.repository}/manifests/${tag}`;
  const signatures = (await (await fetch(at)).json()) as { readonly config: object };
  await fetch(at, { method: 'DELETE' });
  const type = 'application/vnd.dev.cosign.artifact.sig.v1+json';
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.size };
  await pushManifest(image.host, image.repository, undefined, 'application/vnd.oci.image.manifest.v1+json', { ...signatures, config: { ...signatures.config, mediaType: type }, subject });
  const args = ['--key', file('cosign.pub', publicKeyPem(key)), '--insecure-ignore-tlog', image.reference];
  assert.equal((await run(args)).code, 10);
  const ran = await run(['--experimental-oci11', ...args]);
  assert.equal(ran.code, 0, ran.stderr);
});

test('verify-attestation: by its type, in both formats, and nobody else’s', async (t) => {
  const root = file('root.json', world.trustedRootJson);
  for (const format of ['legacy', 'bundle'] as const) {
    await t.test(format, async () => {
      const image = await push();
      const artifact = { digest: image.digest, repository: `${image.host}/${image.repository}` };
      const statement = { predicateType: PROVENANCE, predicate: { buildDefinition: { buildType: 'test' } } };
      if (format === 'legacy') await pushLegacyAttestations(image, [world.legacyAttestation(alice, artifact, statement)]);
      else await pushBundle(image, world.bundle(alice, artifact, statement), { at: world.now(), predicateType: PROVENANCE });
      const attested = (args: readonly string[]): Promise<Ran> => run(['--trusted-root', root, ...args, image.reference], { command: verifyAttestation });
      for (const type of ['slsaprovenance1', PROVENANCE]) {
        const { code, stdout, stderr } = await attested([...ALICE, '--type', type]);
        assert.equal(code, 0, stderr);
        const [envelope = '', ...more] = stdout.split('\n');
        assert.deepEqual(more, ['']);
        const { payload, payloadType } = JSON.parse(envelope) as { payload: string; payloadType: string };
        assert.equal(payloadType, 'application/vnd.in-toto+json');
        assert.deepEqual((JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: unknown }).predicate, statement.predicate);
      }
      const other = await attested([...ALICE]);
      assert.equal(other.code, 1);
      assert.match(other.stderr, new RegExp(`^Error: none of the attestations matched the predicate type: custom, found: ${PROVENANCE}$`, 'm'));
      assert.equal((await attested(['--certificate-identity', 'bob', '--certificate-oidc-issuer', ISSUER, '--type', PROVENANCE])).code, 1);
      // In tags an attestation is no signature, also for cosign.
      assert.equal((await run(['--trusted-root', root, ...ALICE, image.reference])).code, format === 'legacy' ? 10 : 0);
      const strict = await run(['--strict', '--trusted-root', root, ...ALICE, image.reference]);
      assert.notEqual(strict.code, 0, strict.stdout);
      assert.equal((await run(['--strict', '--type', PROVENANCE, '--trusted-root', root, ...ALICE, image.reference], { command: verifyAttestation })).code, 0);
    });
  }
});

test('--policy: the statement must satisfy an expression in CEL, of which only true passes', async () => {
  const image = await push();
  const artifact = { digest: image.digest, repository: `${image.host}/${image.repository}` };
  await pushLegacyAttestations(image, [world.legacyAttestation(alice, artifact, { predicateType: PROVENANCE, predicate: { builder: 'trusted' } })]);
  const args = ['--trusted-root', file('root.json', world.trustedRootJson), ...ALICE, '--type', PROVENANCE];
  const held = (name: string, content: string): Promise<Ran> => run([...args, '--policy', file(name, content), image.reference], { command: verifyAttestation });
  const good = await held('good.cel', 'predicate.builder == "trusted"');
  assert.equal(good.code, 0, good.stderr);
  const wrong: Readonly<Record<string, readonly [string, string, RegExp]>> = {
    'another value': ['other.cel', 'predicate.builder == "other"', /^- .*other\.cel: it is false$[^]*^Error: 1 validation errors occurred$/m],
    'a field that is not there': ['absent.cel', 'predicate.nobody', /^Error: 1 validation errors occurred$/m],
    'a value that is not true': ['text.cel', 'predicate.builder', /it gives something else than true or false/],
    'what is no CEL': ['bad.cel', 'predicate.(', /^Error: --policy .*bad\.cel: the expression is no CEL expression/m],
    Rego: ['policy.rego', 'package signature', /^Error: --policy .*policy\.rego is not supported: Rego is not evaluated; write it in CEL/m],
    CUE: ['policy.cue', 'predicate: {}', /^Error: --policy .*policy\.cue is not supported: CUE is not evaluated; write it in CEL/m],
    'another file': ['policy.txt', 'true', /^Error: invalid policy format, expected \.cel/m],
  };
  for (const [sentence, [name, content, message]] of Object.entries(wrong)) {
    const ran = await held(name, content);
    assert.deepEqual([ran.code, ran.stdout], [1, ''], sentence);
    assert.match(ran.stderr, message, sentence);
  }
});

test('verify-attestation of an image that has none: cosign’s words and exit code', async () => {
  const image = await push();
  const args = ['--trusted-root', file('root.json', world.trustedRootJson), ...ALICE];
  const { code, stderr } = await run([...args, image.reference], { command: verifyAttestation });
  assert.deepEqual([code, stderr], [1, 'Error: no matching attestations: \nerror during command execution: no matching attestations: \n']);
  const absent = await run([...args, `${registry.host}/absent:v1`], { command: verifyAttestation });
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /^Error: GET http:\/\/\S+\/v2\/absent\/manifests\/v1: NAME_UNKNOWN: /m);
});

test('--strict: a bundle by somebody else does not hide a legacy signature, and cosign’s answer comes with a note', async () => {
  const image = await push();
  const root = file('root.json', world.trustedRootJson);
  await world.signImage(image, world.keyless({ subject: 'mallory@example.test', issuer: ISSUER }), { format: 'bundle' });
  await world.signImage(image, alice, { format: 'legacy' });
  const args = ['--trusted-root', root, ...ALICE, image.reference];
  const asCosign = await run(args);
  assert.equal(asCosign.code, 1);
  assert.match(asCosign.stderr, /^Note: 1 legacy signature was not looked at, because the image has bundles; the operator looks at both/m);
  const strict = await run(['--strict', ...args]);
  assert.equal(strict.code, 0, strict.stderr);
});

/** The folder that `cosign save` makes: every blob that the image and its signatures have, and an index that says what is what. */
async function save(image: PushedImage, kinds: Readonly<Record<string, string>>): Promise<string> {
  const target = path(`saved-${image.repository}`);
  mkdirSync(join(target, 'blobs/sha256'), { recursive: true });
  const get = async (at: string): Promise<Buffer> => Buffer.from(await (await fetch(`http://${image.host}/v2/${image.repository}/${at}`)).arrayBuffer());
  const store = (bytes: Buffer): string => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(target, 'blobs/sha256', hex), bytes);
    return `sha256:${hex}`;
  };
  const manifests: object[] = [];
  for (const [reference, kind] of Object.entries(kinds)) {
    const bytes = await get(`manifests/${reference}`);
    const { layers } = JSON.parse(bytes.toString('utf8')) as { layers: { digest: string }[] };
    for (const { digest } of layers) store(await get(`blobs/${digest}`));
    manifests.push({ mediaType: image.mediaType, size: bytes.length, digest: store(bytes), annotations: { kind: `dev.cosignproject.cosign/${kind}` } });
  }
  writeFileSync(join(target, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: manifests.filter((_, at) => Object.values(kinds)[at] !== 'referrer') }));
  return target;
}

test('--local-image: a folder of cosign save is verified without any registry', async () => {
  const image = await push();
  await world.signImage(image, key, { format: 'legacy', log: 'none' });
  const saved = await save(image, { [image.digest]: 'image', [`${image.digest.replace(':', '-')}.sig`]: 'sigs' });
  const args = ['--local-image', '--insecure-ignore-tlog', '--key'];
  const ran = await run([...args, file('cosign.pub', publicKeyPem(key)), saved]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.ok(ran.stderr.includes(`Verification for ${saved} --`));
  assert.equal((await run([...args, file('other.pub', publicKeyPem(world.key())), saved])).code, 1);
  const blobs = join(saved, 'blobs/sha256');
  for (const name of readdirSync(blobs)) {
    const content = await readFile(join(blobs, name), 'utf8');
    if (content.startsWith('{"critical"')) writeFileSync(join(blobs, name), content.replace('"optional"', '"Optional"'));
  }
  const changed = await run([...args, path('cosign.pub'), saved]);
  assert.match(changed.stderr, /^Error: no matching signatures: error verifying sha256 checksum after reading \d+ bytes; got "sha256:/m);
  const unsigned = await save(await push(), {});
  assert.match((await run([...args, path('cosign.pub'), unsigned])).stderr, /^Error: must verify either an image index or image$/m);
  assert.match((await run([...args, path('cosign.pub'), path('nowhere')])).stderr, /^Error: checking local image format: loading OCI layout from /m);
});

test('--local-image: bundles are found by what they refer to', async () => {
  const image = await push();
  await world.signImage(image, alice, { format: 'bundle' });
  const referrers = (await (await fetch(`http://${image.host}/v2/${image.repository}/referrers/${image.digest}`)).json()) as { manifests: { digest: string }[] };
  const saved = await save(image, { [image.digest]: 'image', [referrers.manifests[0]?.digest ?? '']: 'referrer' });
  const ran = await run(['--local-image', '--trusted-root', file('root.json', world.trustedRootJson), ...ALICE, saved]);
  assert.equal(ran.code, 0, ran.stderr);
});

/** The registry behind a password. */
async function guarded(authorization: string): Promise<{ host: string; close: () => void }> {
  const server = createServer((request, response) => {
    if (request.headers.authorization !== authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    void fetch(`http://${registry.host}${request.url ?? ''}`, { method: request.method ?? 'GET', headers: { accept: request.headers.accept ?? '*/*' } }).then(async (answer) => {
      response.writeHead(answer.status, [...answer.headers].flat()).end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

test('credential helpers: the one that the user’s docker config names is found in PATH and asked, and a missing one is told', async (t) => {
  const image = await push();
  await world.signImage(image, key, { format: 'legacy', log: 'none' });
  const gate = await guarded(`Basic ${Buffer.from('ann:secret').toString('base64')}`);
  t.after(gate.close);
  const programs = join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  const asked = join(folder, 'asked');
  const helper = join(programs, 'docker-credential-test');
  writeFileSync(helper, `#!/bin/sh\ncat > ${asked}\necho "$HOME" >> ${asked}\nprintf '{"Username":"ann","Secret":"secret"}'\n`);
  chmodSync(helper, 0o755);
  const args = ['--key', file('cosign.pub', publicKeyPem(key)), '--insecure-ignore-tlog', `${gate.host}/${image.repository}:v1`];
  const configured = async (config: object, more: Readonly<Record<string, string>> = {}): Promise<Ran> => {
    file('config.json', JSON.stringify(config));
    return run(args, { env: { DOCKER_CONFIG: folder, HOME: '/home/ann', PATH: `${programs}:/usr/bin:/bin`, ...more } });
  };
  for (const config of [{ credHelpers: { [gate.host]: 'test' } }, { credsStore: 'test' }]) {
    const ran = await configured(config);
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await readFile(asked, 'utf8'), `${gate.host}/home/ann\n`);
  }
  const missing = await configured({ credsStore: 'nobody' });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^Note: the credential helper docker-credential-nobody is not in PATH and was left out$/m);
  assert.equal((await configured({ credsStore: 'test' }, { PATH: '/usr/bin:/bin' })).code, 1);
  assert.equal((await configured({ credsStore: '../../programs/docker-credential-test' })).code, 1, 'a name is no path');
});
