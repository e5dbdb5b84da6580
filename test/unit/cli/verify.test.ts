import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import test from 'node:test';
import { Command } from 'commander';
import type { CliContext } from '../../../src/cli/context.ts';
import { COMMANDS } from '../../../src/cli/verify-flags.ts';
import { addVerifyCommand } from '../../../src/cli/verify.ts';
import { digestOf } from '../../../src/base/digest.ts';
import type { Digest } from '../../../src/base/digest.ts';
import { RegistryError } from '../../../src/registry/types.ts';
import type { RegistryErrorCode } from '../../../src/registry/types.ts';
import { embeddedTrustRoot } from '../../../src/signatures/trust-root.ts';
import { MemoryRegistry } from '../verification/memory-registry.ts';
import { SOME_DIGEST, run } from './context.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = publicKey.export({ type: 'spki', format: 'pem' });
const OTHER_PEM = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).export({ type: 'spki', format: 'pem' });
const FILES = {
  'cosign.pub': PEM.toString(),
  'other.pub': OTHER_PEM.toString(),
  'two.pub': `${PEM.toString()}${OTHER_PEM.toString()}`,
  'none.pub': 'nothing',
  'c.pem': embeddedTrustRoot().authorities[0]?.authorities[0]?.certificate.x509.toString() ?? '',
  'private.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
};
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
  'no signature: 10': { args: [...KEY, `web@${SOME_DIGEST}`], code: 10, error: /^no signatures found$/ },
  'no such tag: 11': { args: [...KEY, 'registry.example/web:nope'], code: 11, error: /^image tag not found: / },
  'a signature by another key: 12': { args: ['--key', 'other.pub', '--insecure-ignore-tlog', IMAGE], code: 12, error: /^no matching signatures: invalid signature when validating ASN\.1 encoded signature$/ },
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
  'a key in a KMS': { args: ['--key', 'awskms:///alias/x', IMAGE], code: 1, error: /awskms:\/\/ keys are not supported: export the public key/ },
  'a key in Kubernetes without a name': { args: ['--key', 'k8s://ns', IMAGE], code: 1, error: /kubernetes specification should be in the format k8s:\/\/<namespace>\/<secret>$/ },
  'a key in Kubernetes without a cluster': { args: ['--key', 'k8s://ns/secret', IMAGE], code: 1, error: /checking if secret exists: no cluster is configured/ },
  'a key at a URL': { args: ['--key', 'https://keys.example/cosign.pub', IMAGE], code: 1, error: /https:\/\/ keys are not fetched: download the file/ },
  'a key of a scheme that nobody knows': { args: ['--key', 'foo://x', IMAGE], code: 1, error: /loading URL: unrecognized scheme: foo:\/\/$/ },
  'a key file that is none': { args: ['--key', 'none.pub', IMAGE], code: 1, error: /pem to public key: PEM decoding failed$/ },
  'a certificate as a key': { args: ['--key', 'c.pem', IMAGE], code: 1, error: /pem to public key: unknown Public key PEM file type: CERTIFICATE\. Are you passing the correct public key\?$/ },
  'a private key': { args: ['--key', 'private.pem', IMAGE], code: 1, error: /pem to public key: unknown Public key PEM file type: PRIVATE KEY\. Are you passing the correct public key\?$/ },
  'a key on a token': { args: ['--key', 'pkcs11:token=x', IMAGE], code: 1, error: /pkcs11: keys are not supported/ },
  'a variable without a key': { args: ['--key', 'env://NOPE', IMAGE], code: 1, error: /loading URL: env var \$NOPE not found$/ },
  'a trusted root that is not there': { args: [...KEYLESS, '--trusted-root', 'nope.json', IMAGE], code: 1, error: /^setting trusted material: loading trusted root: failed to read trusted root open nope\.json: no such file or directory$/ },
  'a trusted root that is none': { args: [...KEYLESS, '--trusted-root', 'cosign.pub', IMAGE], code: 1, error: /^setting trusted material: loading trusted root: / },
  'a TUF repository that is none': { args: [...KEYLESS, IMAGE], env: { TUF_MIRROR: 'x' }, code: 1, error: /^setting trusted material: getting trusted root from TUF for new bundle verification: TUF_MIRROR: "x" is not/ },
  'a TUF repository without a folder for what it says': { args: [...KEYLESS, IMAGE], env: { TUF_MIRROR: 'https://tuf.test' }, code: 1, error: /: there is no folder for what the TUF repository https:\/\/tuf\.test says: set TUF_ROOT to one$/ },
  'other roots by a variable, in a file that is not there': { args: [...KEYLESS, IMAGE], env: { SIGSTORE_ROOT_FILE: 'x' }, code: 1, error: /^setting up clients and keys: loading certs for keyless verification: open x: no such file or directory$/ },
  'a reference that is none': { args: [...KEY, 'UPPER'], code: 1, error: /^parsing reference: could not parse reference: UPPER$/ },
  'a name of one letter': { args: [...KEY, 'x:1'], code: 1, error: /^parsing reference: could not parse reference: x:1$/ },
  'no workers': { args: [...KEY, '--max-workers', '0', IMAGE], code: 1, error: /^please set the --max-worker flag to a value that is greater than 0$/ },
  'a time that is none': { args: [...KEY, '--timeout', 'soon', IMAGE], code: 1, error: /--timeout/ },
  'a hash that is none': { args: [...KEY, '--signature-digest-algorithm', 'md5', IMAGE], code: 1, error: /^unknown digest algorithm: md5$/ },
};
for (const [sentence, { args, code, error, registry = signed(), env = {} }] of Object.entries(failures)) {
  test(`${sentence}: its exit code, cosign's two lines on stderr, and nothing on stdout`, async () => {
    const ran = await run(args, { files: FILES, registry, env });
    assert.equal(ran.code, code, ran.stderr);
    assert.equal(ran.stdout, '');
    const message = /^Error: ([^]*)\nerror during command execution: \1\n$/m.exec(ran.stderr.replaceAll(/^Note: .*\n/gm, ''))?.[1];
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

test('help says of every flag what it does or why it is refused, and of each variable its name', async () => {
  for (const [command, table] of Object.entries(COMMANDS)) {
    const { stdout, code } = await program([command, '--help']);
    assert.equal(code, 0);
    const missing = Object.keys(table).filter((name) => !stdout.includes(`--${name}`));
    assert.deepEqual(missing, []);
    assert.match(stdout, /COSIGN_KEY/);
    assert.deepEqual(stdout.split('\n').filter((line) => line.length > 140), []);
  }
});

test('of a file with several keys the first is used, and that is told', async () => {
  const { code, stderr } = await run(['--key', 'two.pub', '--insecure-ignore-tlog', IMAGE], { files: FILES, registry: signed() });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Note: two\.pub holds 2 keys; only the first is used, as cosign does$/m);
});

test('what is printed may go to a file, which is made at once', async () => {
  const files = new Map<string, string>();
  const ran = await run([...KEY, '--output-file', 'out.json', IMAGE], { files: FILES, registry: signed(), written: files });
  assert.deepEqual([ran.code, ran.stdout], [0, '']);
  assert.match(files.get('out.json') ?? '', /^\n\[\{"critical"/);
  const failed = await run([...KEY, '--output-file', 'out.json', 'web:nope'], { files: FILES, registry: signed(), written: files });
  assert.deepEqual([failed.code, files.get('out.json')], [11, '']);
});

test('each request is told with -d', async () => {
  const { registryOptions, stderr } = await run([...KEY, '-d', IMAGE], { files: FILES, registry: signed() });
  assert.ok(registryOptions?.onRequest !== undefined, stderr);
  assert.equal((await run([...KEY, IMAGE], { files: FILES, registry: signed() })).registryOptions?.onRequest, undefined);
});

test('a signature may come from a file or from the command line, over what a file says or what cosign implies', async () => {
  const payload = JSON.stringify({ critical: { identity: { 'docker-reference': 'registry.example/acme/web' }, image: { 'docker-manifest-digest': digestOf('the image') }, type: 'cosign container image signature' }, optional: null });
  const bytes = sign('sha256', Buffer.from(payload), privateKey);
  const files = { ...FILES, 'payload.json': payload, 'image.sig': `${bytes.toString('base64')}\n`, 'other.json': payload.replace('web', 'api') };
  const registry = new MemoryRegistry();
  registry.put('the image', '1.4');
  for (const signature of ['image.sig', bytes.toString('base64')]) {
    for (const more of [['--payload', 'payload.json'], []]) {
      const { code, stderr } = await run([...KEY, '--signature', signature, ...more, IMAGE], { files, registry });
      assert.equal(code, 0, stderr);
      assert.equal(stderr.includes('using obsolete implied signature payload data'), more.length === 0);
    }
  }
  assert.equal((await run([...KEY, '--signature', 'image.sig', '--payload', 'other.json', IMAGE], { files, registry })).code, 12);
});

test('signatures are looked for under the prefix that was given', async () => {
  const registry = signed();
  const asked: string[] = [];
  registry.before = (call) => void asked.push(call);
  await run([...KEY, '--attachment-tag-prefix', 'dev-', IMAGE], { files: FILES, registry });
  assert.ok(asked.some((call) => call.includes('dev-sha256-') && call.endsWith('.sig')), asked.join('\n'));
});
