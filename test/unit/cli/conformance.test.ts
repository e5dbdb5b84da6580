import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CliContext } from '../../../src/cli/context.ts';
import { conformance } from '../../../src/cli/conformance.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { flip } from '../../support/sigstore/flip.ts';
import { generateKey, sha256, type KeyType } from '../../support/sigstore/keys.ts';
import { checkpointOf } from '../../support/sigstore/log.ts';
import type { Bundle, SignOptions } from '../../support/sigstore/sign.ts';
import { trustedRoot } from '../../support/sigstore/trusted-root.ts';
import type { TrustedRootJson } from '../../support/sigstore/trusted-root.ts';
import { createWorld } from '../../support/sigstore/world.ts';
import { AT, HOUR, ISSUER, MINUTE, release, SUBJECT, world, YEAR } from '../../support/signatures.ts';

/**
 * One case of the suite: a folder with a bundle and perhaps an artifact, a key, an identity, a trusted root. The signer is this
 * world's release workflow, whose trusted root is given, unless told otherwise.
 */
interface Case {
  readonly bundle: Bundle | string;
  readonly artifact?: Buffer;
  readonly identity?: string;
  readonly issuer?: string;
  readonly key?: string;
  readonly trustedRoot?: TrustedRootJson | 'Absent';
}

const ARTIFACT = Buffer.from('the artifact that was signed\n');
const OTHER = Buffer.from('another artifact\n');
const stranger = createWorld({ now: AT, name: 'stranger.test' });
const key = world.key();

const message = (options: SignOptions = {}, edit?: (bundle: Bundle) => void, signer: Parameters<typeof world.messageBundle>[0] = release): Bundle =>
  edited(world.messageBundle(signer, ARTIFACT, options), edit);
const statement = (options: Parameters<typeof world.bundle>[2] = {}, edit?: (bundle: Bundle) => void): Bundle =>
  edited(world.bundle(release, { digest: `sha256:${sha256(ARTIFACT).toString('hex')}`, repository: 'registry.example/acme/app' }, options), edit);

function edited(bundle: Bundle, edit: ((bundle: Bundle) => void) | undefined): Bundle {
  const copy = structuredClone(bundle);
  edit?.(copy);
  return copy;
}

/** The same as a bundle of an earlier version: with a chain, and for 0.1 without the inclusion proof. */
function asVersion(version: '0.1' | '0.2', bundle: Bundle): Bundle {
  const { certificate, tlogEntries = [], ...rest } = bundle.verificationMaterial;
  const entries = version === '0.1' ? tlogEntries.map(({ inclusionProof: _, ...entry }) => entry) : tlogEntries;
  return {
    ...bundle,
    mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}`,
    verificationMaterial: { ...rest, tlogEntries: entries, x509CertificateChain: { certificates: [certificate] } } as unknown as Bundle['verificationMaterial'],
  };
}

const entryOf = ({ verificationMaterial: { tlogEntries } }: Bundle): Record<string, Record<string, unknown>> => tlogEntries?.[0] as Record<string, Record<string, unknown>>;
const proofOf = (bundle: Bundle): Record<string, unknown> => entryOf(bundle)['inclusionProof'] ?? {};
const V1: SignOptions = { log: 'v1' };
const iso = (time: number): string => new Date(time).toISOString();

const VERIFIED: Record<string, Case> = {
  'happy path': { bundle: message(V1) },
  'happy path v0.1': { bundle: asVersion('0.1', message(V1)) },
  'happy path v0.2': { bundle: asVersion('0.2', message(V1)) },
  'happy path v0.3 by its first media type': { bundle: message(V1, (bundle) => (bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3')) },
  'happy path intoto in dsse v3': { bundle: statement({ log: 'v1', predicateType: 'https://slsa.dev/provenance/v1' }) },
  'what is null is not there': {
    bundle: edited(asVersion('0.1', message(V1)), (bundle) => {
      Object.assign(bundle, { dsseEnvelope: null });
      Object.assign(bundle.verificationMaterial, { certificate: null, publicKey: null, timestampVerificationData: null });
      Object.assign(entryOf(bundle), { inclusionProof: null });
    }),
  },
  'an inclusion promise that is null is not there': { bundle: message({}, (bundle) => Object.assign(entryOf(bundle), { inclusionPromise: null })) },
  'dsse with hashedrekord, as the client specification allows': { bundle: statement({ log: 'v1', entryKind: 'hashedrekord' }) },
  'intoto log entry': { bundle: statement({ log: 'v1', entryKind: 'intoto' }) },
  'rekor2 happy path': { bundle: message() },
  'rekor2 dsse happy path': { bundle: statement({ entryKind: 'dsse' }) },
  'rekor2 timestamp by another authority beside a good one': {
    bundle: message({}, (bundle) => {
      const foreign = world.messageBundle(release, ARTIFACT, { services: { timestampAuthority: stranger.timestampAuthority } });
      bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps.push(...(foreign.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []));
    }),
  },
  'managed key happy path': { bundle: message(V1, undefined, key), key: key.key.pem },
  'managed key in rekor2': { bundle: message({}, undefined, key), key: key.key.pem },
  'trust root tlog validity end inclusive': { bundle: message(V1), trustedRoot: world.trustedRoot({ periods: { tlogs: { start: iso(AT - YEAR), end: iso(AT) } } }) },
  'trust root tsa validity end inclusive': { bundle: message(), trustedRoot: world.trustedRoot({ periods: { timestampAuthorities: { start: iso(AT - YEAR), end: iso(AT) } } }) },
  'trust root of two instances': { bundle: message(), trustedRoot: trustedRoot([stranger, world], { at: AT }) },
  'P-384 and SHA-256': { bundle: world.messageBundle({ ...release, keyType: 'P-384' }, ARTIFACT, { hash: 'sha256' }) },
};

const REFUSED: Record<string, [Case, RegExp]> = {
  'another artifact': [{ bundle: message(V1), artifact: OTHER }, /message digest of the bundle is not that of the artifact/],
  'another artifact, with the digest that the bundle declares': [
    { bundle: message(V1, ({ messageSignature }) => ((messageSignature ?? assert.fail()).messageDigest.digest = sha256(OTHER).toString('base64'))), artifact: OTHER },
    /not by the key of its certificate/,
  ],
  'message digest mismatch': [
    { bundle: message(V1, ({ messageSignature }) => ((messageSignature ?? assert.fail()).messageDigest.digest = sha256(OTHER).toString('base64'))) },
    /message digest of the bundle is not that of the artifact/,
  ],
  'message digest missing': [{ bundle: message(V1, ({ messageSignature }) => delete (messageSignature as Partial<NonNullable<typeof messageSignature>>).messageDigest) }, /messageDigest/],
  'message digest of an unknown algorithm': [{ bundle: message(V1, ({ messageSignature }) => ((messageSignature ?? assert.fail()).messageDigest.algorithm = 'SHA3_256')) }, /SHA3_256/],
  'message digest of another algorithm': [{ bundle: message(V1, ({ messageSignature }) => ((messageSignature ?? assert.fail()).messageDigest.algorithm = 'SHA2_512')) }, /length/],
  'another identity': [{ bundle: message(V1), identity: 'https://github.com/acme/app/.github/workflows/other.yml@refs/heads/main' }, /the certificate is that of/],
  'another issuer': [{ bundle: message(V1), issuer: 'https://accounts.google.com' }, /issuer/],
  'invalid signature': [{ bundle: message({ ...V1, signature: flip }) }, /not by the key of its certificate/],
  'invalid set': [{ bundle: asVersion('0.1', message({ ...V1, entry: (entry) => ({ ...entry, integratedTime: entry.integratedTime + 1 }) })) }, /signed entry timestamp/],
  'set missing': [{ bundle: asVersion('0.1', message(V1, (bundle) => delete entryOf(bundle)['inclusionPromise'])) }, /invalid v0.1 bundle/],
  'inclusion proof missing': [{ bundle: message({}, (bundle) => delete entryOf(bundle)['inclusionProof']) }, /invalid bundle/],
  'inclusion proof of another entry': [{ bundle: message(V1, (bundle) => (proofOf(bundle)['logIndex'] = '0')) }, /inclusion proof/],
  'inclusion proof hash wrong': [{ bundle: message(V1, (bundle) => (proofOf(bundle)['hashes'] = [flip(sha256()).toString('base64')])) }, /inclusion proof/],
  'checkpoint missing': [{ bundle: message({}, (bundle) => delete proofOf(bundle)['checkpoint']) }, /invalid bundle/],
  'checkpoint wrong root hash': [{ bundle: checkpointed((note) => note.replace(/\n[A-Za-z0-9+/=]{44}\n/, `\n${sha256(OTHER).toString('base64')}\n`)) }, /checkpoint/],
  'checkpoint wrong signature': [{ bundle: checkpointed((note) => note.replace(/[A-Za-z0-9+/]{8}(=*\n)$/, 'AAAAAAAA$1')) }, /checkpoint/],
  'checkpoint by another log': [{ bundle: message({}, (bundle) => (proofOf(bundle)['checkpoint'] = { envelope: checkpointOf(stranger.rekorV2, 9, sha256(OTHER)) })) }, /not signed by the log/],
  'unknown log': [{ bundle: message({ ...V1, services: { rekorV1: stranger.rekorV1 } }) }, /none of the 1 log entries/],
  'unknown certificate authority': [{ bundle: message({ ...V1, services: { authority: stranger.authority } }) }, /certificate/],
  'unknown CT log': [{ bundle: message({ ...V1, certificate: { ctLogs: [stranger.authority.ctLog] } }) }, /SCT/],
  'no log entry': [{ bundle: message({ log: 'none' }) }, /no transparency log entry/],
  'duplicate log entries': [{ bundle: message(V1, ({ verificationMaterial: { tlogEntries = [] } }) => tlogEntries.push(...structuredClone(tlogEntries))) }, /given twice/],
  'log entry of another signature (CVE-2022-36056)': [{ bundle: message({ ...V1, logged: (told) => ({ ...told, signature: flip(Buffer.from(told.signature)) }) }) }, /another signature/],
  'log entry of another artifact': [{ bundle: message({ ...V1, logged: (told) => ({ ...told, message: OTHER }) }) }, /another artifact/],
  'log entry of another key': [{ bundle: message({ ...V1, logged: ({ certificate: _, ...told }) => ({ ...told, key: generateKey() }) }) }, /another signer/],
  'logged after the certificate ended': [{ bundle: message({ ...V1, loggedAt: AT + HOUR }) }, /certificate/],
  'rekor2 timestamp outside of the certificate’s validity': [{ bundle: message({ stampedAt: AT + HOUR }) }, /certificate/],
  'rekor2 timestamp missing': [{ bundle: message({ timestamp: false }) }, /when the signature was made/],
  'rekor2 timestamp of another signature': [{ bundle: message({ stamped: flip }) }, /when the signature was made/],
  'rekor2 timestamp by an unknown authority': [{ bundle: message({ services: { timestampAuthority: stranger.timestampAuthority } }) }, /when the signature was made/],
  'rekor2 one of two timestamps outside of the certificate’s validity': [
    {
      bundle: message({}, (bundle) => {
        const { signature = '' } = bundle.messageSignature ?? {};
        const late = world.messageBundle(release, ARTIFACT, { stampedAt: AT + HOUR, stamped: () => Buffer.from(signature, 'base64') });
        bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps.push(...(late.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []));
      }),
    },
    /certificate/,
  ],
  'dsse of another artifact': [{ bundle: statement(V1), artifact: OTHER }, /the statement names/],
  'dsse mismatch of the envelope and its log entry': [{ bundle: statement({ ...V1, logged: ({ envelope, ...told }) => ({ ...told, ...(envelope && { envelope: { ...envelope, payload: OTHER.toString('base64') } }) }) }) }, /another/],
  'dsse with hashedrekord of another envelope': [{ bundle: statement({ log: 'v1', entryKind: 'hashedrekord', logged: (told) => ({ ...told, message: OTHER }) }) }, /another artifact/],
  'dsse with hashedrekord of another signature': [{ bundle: statement({ log: 'v1', entryKind: 'hashedrekord', logged: (told) => ({ ...told, signature: flip(Buffer.from(told.signature)) }) }) }, /another signature/],
  'dsse invalid signature': [{ bundle: statement({ ...V1, signature: flip }) }, /not by the key of its certificate/],
  'dsse statement without a type': [{ bundle: statement({ ...V1, payload: (text) => text.replace('"_type"', '"type"') }) }, /_type/],
  'dsse statement of an unknown type': [{ bundle: statement({ ...V1, payload: (text) => text.replace('Statement/v1', 'Statement/v9') }) }, /_type/],
  'managed key: another one': [{ bundle: message(V1, undefined, key), key: generateKey().pem }, /not by the key/],
  'managed key: a bundle with a certificate': [{ bundle: message(V1), key: key.key.pem }, /signed with a certificate/],
  'managed key: none was given': [{ bundle: message(V1, undefined, key) }, /no certificate/],
  'both kinds of content': [{ bundle: message(V1, (bundle) => Object.assign(bundle, { dsseEnvelope: statement().dsseEnvelope })) }, /exactly one/],
  'neither': [{ bundle: message(V1, (bundle) => delete bundle.messageSignature) }, /exactly one/],
  'a media type that is none': [{ bundle: message(V1, (bundle) => (bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=9.9')) }, /not supported/],
  'a chain in v0.3': [{ bundle: { ...asVersion('0.2', message(V1)), mediaType: message().mediaType } }, /./],
  'not JSON': [{ bundle: 'bundle' }, /JSON/],
  'trust root: the log had ended': [{ bundle: message(V1), trustedRoot: world.trustedRoot({ periods: { tlogs: { start: iso(AT - 2 * YEAR), end: iso(AT - YEAR) } } }) }, /trusted at its time/],
  'trust root: the Rekor v2 log had ended': [{ bundle: message(), trustedRoot: world.trustedRoot({ periods: { tlogs: { start: iso(AT - 2 * YEAR), end: iso(AT - MINUTE) } } }) }, /was not valid/],
  'trust root: the certificate authority had ended': [{ bundle: message(V1), trustedRoot: world.trustedRoot({ periods: { certificateAuthorities: { start: iso(AT - 2 * YEAR), end: iso(AT - YEAR) } } }) }, /certificate/],
  'trust root: the timestamp authority had ended': [{ bundle: message(), trustedRoot: world.trustedRoot({ periods: { timestampAuthorities: { start: iso(AT - 2 * YEAR), end: iso(AT - YEAR) } } }) }, /when the signature was made/],
  'trust root: a log without a start': [
    { bundle: message(V1), trustedRoot: edit(world.trustedRoot(), (root) => root.tlogs.forEach(({ publicKey }) => Object.assign(publicKey, { validFor: {} }))) },
    /validFor\.start/,
  ],
  'trust root: empty': [{ bundle: message(V1), trustedRoot: {} as TrustedRootJson }, /trusted root|mediaType/],
  'trust root: the public-good instance': [{ bundle: message(V1), trustedRoot: 'Absent' }, /none of the 1 log entries/],
};

function checkpointed(change: (note: string) => string): Bundle {
  return message({}, (bundle) => {
    const { envelope } = proofOf(bundle)['checkpoint'] as { envelope: string };
    const changed = change(envelope);
    assert.notEqual(changed, envelope);
    proofOf(bundle)['checkpoint'] = { envelope: changed };
  });
}

function edit<Value>(value: Value, change: (value: Value) => void): Value {
  const copy = structuredClone(value);
  change(copy);
  return copy;
}

interface Ran {
  readonly code: number;
  readonly stderr: string;
}

async function run(args: readonly string[], files: Readonly<Record<string, Uint8Array | string>> = {}): Promise<Ran> {
  let stderr = '';
  const context: CliContext = {
    stdout: () => assert.fail('nothing is printed'),
    stderr: (text) => (stderr += text),
    env: {},
    readFile: async (path) => {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
      return Buffer.from(content as string);
    },
    createRegistry: () => assert.fail('no registry is asked'),
    clock: new ManualClock(AT + HOUR),
    setExitCode: () => undefined,
  };
  return { code: await conformance(args, context), stderr };
}

/** Asks as the suite does, which gives the flags in this order. */
function ask(one: Case, by: 'file' | 'digest'): Promise<Ran> {
  const { bundle, artifact = ARTIFACT, identity = SUBJECT, issuer = ISSUER, key: pem, trustedRoot: root = world.trustedRoot() } = one;
  const signer = pem === undefined ? ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer] : ['--key', 'key.pub'];
  const trust = root === 'Absent' ? [] : ['--trusted-root', 'trusted_root.json'];
  const files = {
    'bundle.sigstore.json': typeof bundle === 'string' ? bundle : JSON.stringify(bundle),
    'trusted_root.json': JSON.stringify(root),
    ...(pem === undefined ? {} : { 'key.pub': pem }),
    ...(by === 'file' ? { 'a.txt': artifact } : {}),
  };
  const subject = by === 'file' ? 'a.txt' : `sha256:${sha256(artifact).toString('hex')}`;
  return run(['verify-bundle', '--bundle', 'bundle.sigstore.json', ...signer, ...trust, subject], files);
}

for (const by of ['file', 'digest'] as const) {
  describe(`verifies the ${by}`, () => {
    for (const [sentence, one] of Object.entries(VERIFIED)) {
      test(sentence, async () => assert.deepEqual(await ask(one, by), { code: 0, stderr: 'Verified OK\n' }));
    }
  });

  describe(`refuses the ${by}`, () => {
    for (const [sentence, [one, why]] of Object.entries(REFUSED)) {
      test(sentence, async () => {
        const { code, stderr } = await ask(one, by);
        assert.equal(code, 1);
        assert.match(stderr, /^Error: .+\n$/);
        assert.match(stderr, why);
      });
    }
  });
}

describe('which hash a message was signed with goes by the key', () => {
  for (const type of ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] satisfies readonly KeyType[]) {
    test(`${type} in a certificate`, async () => {
      const bundle = world.messageBundle({ ...release, keyType: type }, ARTIFACT);
      assert.equal((await ask({ bundle }, 'file')).code, 0);
      const byDigest = await ask({ bundle }, 'digest');
      assert.equal(byDigest.code, type === 'P-256' || type === 'RSA-2048' ? 0 : 1, byDigest.stderr);
    });
  }

  test('a key is used with SHA-256, whatever its curve', async () => {
    const wide = world.key('P-384');
    const pem = wide.key.pem;
    assert.equal((await ask({ bundle: world.messageBundle(wide, ARTIFACT, { hash: 'sha256' }), key: pem }, 'file')).code, 0);
    assert.equal((await ask({ bundle: world.messageBundle(wide, ARTIFACT, { hash: 'sha384' }), key: pem }, 'file')).code, 1);
  });
});

describe('what looks like a digest', () => {
  const digest = `sha256:${sha256(OTHER).toString('hex')}`;
  const args = ['verify-bundle', '--bundle', 'b', '--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER, '--trusted-root', 'r', digest];
  const files = { b: JSON.stringify(message(V1)), r: world.trustedRootJson };

  test('is a file where there is one of this name', async () => assert.equal((await run(args, { ...files, [digest]: ARTIFACT })).code, 0));
  test('is a digest where there is none', async () => assert.equal((await run(args, files)).code, 1));
  test('and is shorter is a file', async () => {
    const { code, stderr } = await run([...args.slice(0, -1), digest.slice(0, -1)], files);
    assert.equal(code, 1);
    assert.match(stderr, /no such file/);
  });
});

const BUNDLE = ['--bundle', 'b'];
const WHO = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
const MISUSED: Record<string, [readonly string[], RegExp]> = {
  'sign-bundle': [['sign-bundle', '--identity-token', 'T', ...BUNDLE, 'a.txt'], /sign-bundle is not supported: Assay verifies signatures and makes none/],
  sign: [['sign', '--identity-token', 'T', '--signature', 's', '--certificate', 'c', 'a.txt'], /sign is not supported/],
  'verify, which went out of the protocol': [['verify', '--signature', 's', '--certificate', 'c', ...WHO, 'a.txt'], /use verify-bundle/],
  'no command': [[], /verify-bundle/],
  'a command that nobody knows': [['frobnicate'], /unknown command "frobnicate"/],
  'a flag that nobody knows': [['verify-bundle', ...BUNDLE, ...WHO, '--offline', 'x', 'a.txt'], /unknown flag: --offline/],
  'a flag without its value': [['verify-bundle', 'a.txt', '--bundle'], /--bundle/],
  'a flag twice': [['verify-bundle', ...BUNDLE, ...BUNDLE, ...WHO, 'a.txt'], /twice/],
  'no bundle': [['verify-bundle', ...WHO, 'a.txt'], /--bundle is needed/],
  'nobody who could have signed': [['verify-bundle', ...BUNDLE, 'a.txt'], /--key/],
  'an identity without its issuer': [['verify-bundle', ...BUNDLE, '--certificate-identity', SUBJECT, 'a.txt'], /--certificate-oidc-issuer/],
  'an empty identity': [['verify-bundle', ...BUNDLE, '--certificate-identity', '', '--certificate-oidc-issuer', ISSUER, 'a.txt'], /--certificate-identity/],
  'a key and an identity': [['verify-bundle', ...BUNDLE, ...WHO, '--key', 'key.pub', 'a.txt'], /excludes/],
  'no artifact': [['verify-bundle', ...BUNDLE, ...WHO], /one artifact/],
  'two artifacts': [['verify-bundle', ...BUNDLE, ...WHO, 'a.txt', 'b.txt'], /one artifact/],
  'the staging instance, whose keys are not here': [['verify-bundle', '--staging', ...BUNDLE, ...WHO, 'a.txt'], /--trusted-root/],
};

describe('is refused in a sentence, with exit code 1', () => {
  for (const [sentence, [args, why]] of Object.entries(MISUSED)) {
    test(sentence, async () => {
      const { code, stderr } = await run(args);
      assert.equal(code, 1);
      assert.match(stderr, why);
    });
  }
});

test('--staging is understood beside a trusted root', async () => {
  const args = ['verify-bundle', '--staging', ...BUNDLE, ...WHO, '--trusted-root', 'r', 'a.txt'];
  assert.equal((await run(args, { b: JSON.stringify(message(V1)), r: world.trustedRootJson, 'a.txt': ARTIFACT })).code, 0);
});
