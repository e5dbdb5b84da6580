import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import test from 'node:test';
import { Command } from 'commander';
import type { CliContext } from '../../../src/cli/context.ts';
import { addVerifyCommand } from '../../../src/cli/verify.ts';
import { digestOf } from '../../../src/base/digest.ts';
import type { Digest } from '../../../src/base/digest.ts';
import { RegistryError } from '../../../src/registry/types.ts';
import type { RegistryErrorCode } from '../../../src/registry/types.ts';
import { MemoryRegistry } from '../verification/memory-registry.ts';
import { SOME_DIGEST, run } from './context.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = publicKey.export({ type: 'spki', format: 'pem' });
const OTHER_PEM = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).export({ type: 'spki', format: 'pem' });
const FILES = { 'cosign.pub': PEM.toString(), 'other.pub': OTHER_PEM.toString(), 'two.pub': `${PEM.toString()}${OTHER_PEM.toString()}` };
const KEY = ['--key', 'cosign.pub', '--insecure-ignore-tlog'];
const KEYLESS = ['--certificate-identity', 'a@example.test', '--certificate-oidc-issuer', 'https://issuer.example'];
const IMAGE = 'registry.example/acme/web:1.4';
const WARNING = 'WARNING: Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the signature.\n';

/** A registry with the image, signed by {@link privateKey} over a payload that names `digest`. */
function signed(digest: Digest = digestOf('the image'), optional: object | null = null): MemoryRegistry {
  const registry = new MemoryRegistry();
  registry.put('the image', '1.4');
  const payload = JSON.stringify({
    critical: { identity: { 'docker-reference': 'registry.example/acme/web' }, image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' },
    optional,
  });
  const signature = sign('sha256', Buffer.from(payload), privateKey).toString('base64');
  registry.sign(digestOf('the image'), { payload, annotations: { 'dev.cosignproject.cosign/signature': signature } });
  return registry;
}

function failing(code: RegistryErrorCode, on: RegExp, registry = signed()): MemoryRegistry {
  registry.before = (call) => {
    if (on.test(call)) throw new RegistryError(code, `${code} at ${call}`);
  };
  return registry;
}

test('a good signature exits 0, prints one line of JSON, and says on stderr what was checked', async () => {
  const { code, stdout, stderr } = await run([...KEY, IMAGE], { files: FILES, registry: signed() });
  assert.equal(code, 0, stderr);
  assert.equal(
    stdout,
    `\n[{"critical":{"identity":{"docker-reference":"registry.example/acme/web"},"image":{"docker-manifest-digest":"${digestOf('the image')}"},"type":"cosign container image signature"},"optional":null}]\n`,
  );
  assert.equal(
    stderr,
    `${WARNING}\nVerification for registry.example/acme/web:1.4 --\nThe following checks were performed on each of these signatures:\n  - The cosign claims were validated\n  - The signatures were verified against the specified public key\n`,
  );
});

test('with annotations the output has them and the checks say so', async () => {
  const { code, stdout, stderr } = await run([...KEY, '-a', 'env=prod', IMAGE], { files: FILES, registry: signed(digestOf('the image'), { env: 'prod', Z: 1 }) });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /"optional":\{"Z":1,"env":"prod"\}/);
  assert.match(stderr, / {2}- The specified annotations were verified\.\n {2}- The cosign claims were validated\n/);
});

test('-o text prints the signed bytes', async () => {
  const { stdout } = await run([...KEY, '-o', 'text', IMAGE], { files: FILES, registry: signed() });
  assert.match(stdout, /^\{"critical".*\}\n$/);
});

test('images of Docker Hub go by their old name, and a digest drops the tag', async () => {
  const registry = signed();
  const { stderr } = await run([...KEY, `nginx:1.4@${digestOf('the image')}`], { files: FILES, registry });
  assert.match(stderr, new RegExp(`Verification for index\\.docker\\.io/library/nginx@${digestOf('the image')} --`));
});

interface Failure {
  readonly args: readonly string[];
  readonly code: number;
  readonly error: RegExp;
  readonly registry?: MemoryRegistry;
  readonly env?: Record<string, string>;
}
const failures: Readonly<Record<string, Failure>> = {
  'no signature: 10': { args: [...KEY, `x@${SOME_DIGEST}`], code: 10, error: /^no signatures found$/ },
  'no such tag: 11': { args: [...KEY, 'registry.example/x:nope'], code: 11, error: /^image tag not found: / },
  'a signature by another key: 12': { args: ['--key', 'other.pub', '--insecure-ignore-tlog', IMAGE], code: 12, error: /^no matching signatures: / },
  'a signature of another image: 12': { args: [...KEY, IMAGE], registry: signed(SOME_DIGEST), code: 12, error: new RegExp(`^no matching signatures: invalid or missing digest in claim: ${SOME_DIGEST}$`) },
  'another annotation: 12': { args: [...KEY, '-a', 'env=prod', IMAGE], code: 12, error: /^no matching signatures: missing or incorrect annotation$/ },
  'a key signature without a log entry: 12': { args: ['--key', 'cosign.pub', IMAGE], code: 12, error: /^no matching signatures: / },
  'a registry that is down is not "no signatures": 1': { args: [...KEY, IMAGE], registry: failing('Unavailable', /sig$/), code: 1, error: /^Unavailable at manifest/ },
  'referrers that could not be asked are not "no signatures": 1': { args: [...KEY, IMAGE], registry: failing('Throttled', /^referrers/, (() => { const registry = new MemoryRegistry(); registry.put('the image', '1.4'); return registry; })()), code: 1, error: /^Throttled at referrers/ },
  'a payload that is not what its digest says: 12': { args: [...KEY, IMAGE], registry: failing('DigestMismatch', /^blob/), code: 12, error: /^no matching signatures: DigestMismatch at blob$/ },
  'no image': { args: KEY, code: 1, error: /^requires at least 1 arg\(s\), only received 0$/ },
  'no identity': { args: ['--certificate-oidc-issuer', 'x', IMAGE], code: 1, error: /^--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode$/ },
  'no issuer': { args: ['--certificate-identity', 'x', IMAGE], code: 1, error: /^--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode$/ },
  'key and identity': { args: ['--key', 'cosign.pub', ...KEYLESS, IMAGE], code: 1, error: /^exactly one of: key reference/ },
  'two kinds of identity': { args: ['--certificate-identity-regexp', 'x', ...KEYLESS, IMAGE], code: 1, error: /^exactly one of: key reference/ },
  'an annotation without a value': { args: [...KEY, '-a', 'x', IMAGE], code: 1, error: /^unable to parse annotation: x$/ },
  'a key file that is not there': { args: ['--key', 'nope.pub', IMAGE], code: 1, error: /^loading verifier from key opts: loading public key: open nope\.pub: no such file or directory$/ },
  'a key file with two keys': { args: ['--key', 'two.pub', IMAGE], code: 1, error: /more than one key/ },
  'a key in a KMS': { args: ['--key', 'awskms:///alias/x', IMAGE], code: 1, error: /awskms:\/\/ keys are not supported: export the public key/ },
  'a key in Kubernetes': { args: ['--key', 'k8s://ns/secret', IMAGE], code: 1, error: /k8s:\/\/ keys are not supported/ },
  'a key on a token': { args: ['--key', 'pkcs11:token=x', IMAGE], code: 1, error: /pkcs11: keys are not supported/ },
  'a variable without a key': { args: ['--key', 'env://NOPE', IMAGE], code: 1, error: /env var "\$NOPE" not found/ },
  'a trusted root that is not there': { args: [...KEYLESS, '--trusted-root', 'nope.json', IMAGE], code: 1, error: /^setting trusted material: loading trusted root: failed to read trusted root open nope\.json: no such file or directory$/ },
  'a trusted root that is none': { args: [...KEYLESS, '--trusted-root', 'cosign.pub', IMAGE], code: 1, error: /^setting trusted material: loading trusted root: / },
  'other trust by a variable': { args: [...KEYLESS, IMAGE], env: { SIGSTORE_ROOT_FILE: 'x' }, code: 1, error: /^SIGSTORE_ROOT_FILE is not supported: .*--trusted-root$/ },
  'a reference that is none': { args: [...KEY, 'UPPER'], code: 1, error: /^parsing reference: / },
  'no workers': { args: [...KEY, '--max-workers', '0', IMAGE], code: 1, error: /^please set the --max-worker flag to a value that is greater than 0$/ },
  'a time that is none': { args: [...KEY, '--timeout', 'soon', IMAGE], code: 1, error: /--timeout/ },
  'a hash that is none': { args: [...KEY, '--signature-digest-algorithm', 'md5', IMAGE], code: 1, error: /^unknown digest algorithm: md5$/ },
};
for (const [sentence, { args, code, error, registry = signed(), env = {} }] of Object.entries(failures)) {
  test(`${sentence}: its exit code, cosign's two lines on stderr, and nothing on stdout`, async () => {
    const ran = await run(args, { files: FILES, registry, env });
    assert.equal(ran.code, code, ran.stderr);
    assert.equal(ran.stdout, '');
    const message = /^Error: ([^]*)\nerror during command execution: \1\n$/m.exec(ran.stderr)?.[1];
    assert.match(message ?? `no two lines: ${ran.stderr}`, error);
  });
}

test('a failed look-up for bundles does not hide a good legacy signature', async () => {
  assert.equal((await run([...KEY, IMAGE], { files: FILES, registry: failing('Throttled', /^referrers/) })).code, 0);
});

test('a key may come from a variable, and signatures from another repository', async () => {
  const registry = signed();
  const asked = new Set<string>();
  registry.referrers = async ({ host, path }) => {
    asked.add(`${host}/${path}`);
    return [];
  };
  const ran = await run(['--key', 'env://PUB', '--insecure-ignore-tlog', IMAGE], { registry, env: { PUB: PEM.toString(), COSIGN_REPOSITORY: 'other.example/signatures' } });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual([...asked], ['other.example/signatures']);
});

test('registry flags reach the registry client', async () => {
  const files = { ...FILES, 'ca.pem': 'CA', 'c.pem': 'CERT', 'k.pem': 'KEY' };
  const flags = ['--allow-insecure-registry', '--registry-cacert', 'ca.pem', '--registry-client-cert', 'c.pem', '--registry-client-key', 'k.pem', '--registry-server-name', 'name.example', '--timeout', '1m30s'];
  const { registryOptions } = await run([...KEY, ...flags, IMAGE], { files, registry: signed() });
  assert.deepEqual(registryOptions?.hosts, { unlisted: 'http' });
  assert.equal(registryOptions?.lookupTimeout, 90_000);
  assert.deepEqual(registryOptions?.tls, { insecure: true, ca: Buffer.from('CA'), cert: Buffer.from('CERT'), key: Buffer.from('KEY'), serverName: 'name.example' });
});

test('without registry flags, a host that was typed is spoken to as cosign does', async () => {
  const { registryOptions } = await run([...KEY, IMAGE], { files: FILES, registry: signed() });
  assert.deepEqual([registryOptions?.hosts, registryOptions?.tls], [{ unlisted: 'cosign' }, { insecure: false }]);
});

async function credentialsFor(args: readonly string[], world: { env?: Record<string, string>; files?: Record<string, string> } = {}): Promise<unknown> {
  const registry = signed();
  let found: unknown;
  registry.before = async (_, { keychain }) => {
    found = await keychain.lookup({ host: 'registry.example', path: 'acme/web' });
  };
  await run([...KEY, ...args, IMAGE], { registry, env: world.env ?? {}, files: { ...FILES, ...world.files } });
  return found;
}

test('credentials come from user and password, from a token, or from the docker config', async () => {
  assert.deepEqual(await credentialsFor(['--registry-username', 'u', '--registry-password', 'p']), { username: 'u', password: 'p' });
  assert.deepEqual(await credentialsFor(['--registry-token', 't']), { registryToken: 't' });
  const config = JSON.stringify({ auths: { 'registry.example': { auth: Buffer.from('d:e').toString('base64') } } });
  assert.deepEqual(await credentialsFor([], { env: { DOCKER_CONFIG: '/cfg' }, files: { '/cfg/config.json': config } }), { username: 'd', password: 'e' });
  assert.deepEqual(await credentialsFor([], { env: { HOME: '/home/me' }, files: { '/home/me/.docker/config.json': config } }), { username: 'd', password: 'e' });
  assert.equal(await credentialsFor([], { env: { HOME: '/home/me' } }), undefined);
});

async function program(args: readonly string[]): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  let code: number | undefined;
  const context: CliContext = {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    env: {},
    readFile: async (path) => Buffer.from(FILES[path as keyof typeof FILES]),
    createRegistry: () => signed(),
    clock: { now: () => Date.now(), after: () => ({ cancel: () => undefined }) },
    setExitCode: (given) => (code = given),
  };
  const assay = new Command('assay').exitOverride().configureOutput({ writeOut: (text) => (stdout += text), writeErr: (text) => (stderr += text) });
  addVerifyCommand(assay, context);
  for (const command of assay.commands) command.exitOverride().configureOutput({ writeOut: (text) => (stdout += text), writeErr: (text) => (stderr += text) });
  try {
    await assay.parseAsync([...args], { from: 'user' });
  } catch {
    // Commander ends help that way.
  }
  return { code, stdout, stderr };
}

test('as a command of commander, flags arrive as they are typed', async () => {
  assert.equal((await program(['verify', ...KEY, IMAGE])).code, 0);
  assert.equal((await program(['verify', IMAGE, '--check-claims=false', ...KEY])).code, 0);
  assert.equal((await program(['verify', IMAGE, '--nope'])).code, 1);
});

test('help names every supported flag and no other', async () => {
  const { stdout } = await program(['verify', '--help']);
  assert.match(stdout, /--certificate-identity-regexp/);
  assert.doesNotMatch(stdout, /--local-image/);
});

test('verify-attestation is refused by name', async () => {
  const { code, stderr } = await program(['verify-attestation', '--type', 'slsaprovenance', IMAGE]);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: verify-attestation is not supported by this version/);
});
