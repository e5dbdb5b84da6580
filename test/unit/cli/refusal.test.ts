import assert from 'node:assert/strict';
import test from 'node:test';
import { bundleRefusal } from '../../../src/cli/refusal/bundle.ts';
import { checkInclusion } from '../../../src/cli/refusal/inclusion.ts';
import { legacyRefusal } from '../../../src/cli/refusal/legacy.ts';
import { refusalOf } from '../../../src/cli/refusal/mismatch.ts';
import type { Question } from '../../../src/cli/refusal/question.ts';
import { readFlags } from '../../../src/cli/verify-flags.ts';
import { readOptions } from '../../../src/cli/verify-options.ts';
import type { Digest } from '../../../src/base/digest.ts';
import { rootOf } from '../../../src/signatures/checkpoint.ts';
import { COSIGN } from '../../../src/signatures/profile.ts';
import { parsePublicKeys } from '../../../src/signatures/public-key.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { Requirement } from '../../../src/signatures/types.ts';
import type { SignOptions, TestSigner } from '../../support/sigstore/sign.ts';
import { createWorld, publicKeyPem } from '../../support/sigstore/world.ts';

const world = createWorld();
const other = createWorld();
const ISSUER = 'https://token.example';
const alice = world.keyless({ subject: 'alice@example.test', issuer: ISSUER });
const key = world.key();
const DIGEST = `sha256:${'a'.repeat(64)}` satisfies Digest;
const ARTIFACT = { digest: DIGEST, repository: 'registry.example/acme/web' };
const KEYLESS = ['--certificate-identity', 'alice@example.test', '--certificate-oidc-issuer', ISSUER];

/** What is asked: by default a keyless signature by alice of this image, with everything on. */
interface Asked {
  readonly flags?: readonly string[];
  readonly requirement?: Partial<Requirement>;
  readonly digest?: Digest;
  readonly signer?: TestSigner;
  readonly sign?: SignOptions & { readonly predicateType?: string };
}

function questionOf({ flags = KEYLESS, requirement = {}, digest = DIGEST }: Asked): Question {
  const options = readOptions(readFlags([...flags, 'acme/web'], { env: {}, stderr: () => undefined }), { env: {}, stderr: () => undefined });
  const trust = loadTrustRoot(world.trustedRootJson);
  const wanted: Requirement = { trust, log: 'Required', timestamp: 'NotAsked', sct: 'Required', profile: COSIGN, now: world.now(), ...requirement };
  return { requirement: wanted, options, digest, inParts: false, warn: () => undefined };
}

function legacy(asked: Asked): string | undefined {
  const { payload, annotations } = world.legacySignature(asked.signer ?? alice, ARTIFACT, asked.sign ?? {});
  return legacyRefusal({ format: 'legacy', location: 'here', payload, annotations }, questionOf(asked));
}

function bundle(asked: Asked): string | undefined {
  const bytes = Buffer.from(JSON.stringify(world.bundle(asked.signer ?? alice, ARTIFACT, asked.sign ?? {})));
  return bundleRefusal({ format: 'bundle', location: 'here', bytes }, questionOf(asked));
}

const KEY = parsePublicKeys(publicKeyPem(key));
const byKey = { flags: ['--key', 'k'], requirement: KEY[0] === undefined ? {} : { key: KEY[0] } };
const otherRoot = { trust: loadTrustRoot(other.trustedRootJson) };
const BOB = ['--certificate-identity', 'bob@example.test', '--certificate-oidc-issuer', ISSUER];
const broken = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]);

/** The sentences of cosign 3.1.3 (pkg/cosign/verify.go and what it calls). */
const legacySentences: Readonly<Record<string, readonly [Asked, RegExp | undefined]>> = {
  'nothing is wrong': [{}, undefined],
  'nothing is wrong with a key': [{ ...byKey, signer: key, requirement: { ...byKey.requirement, sct: 'Ignored' } }, undefined],
  'another identity': [{ flags: BOB }, /^none of the expected identities matched what was in the certificate, got subjects \[alice@example\.test\] with issuer https:\/\/token\.example$/],
  'another image': [{ digest: `sha256:${'b'.repeat(64)}` }, /^invalid or missing digest in claim: sha256:a+$/],
  'an annotation that is not there': [{ flags: [...KEYLESS, '-a', 'x=y'] }, /^missing or incorrect annotation$/],
  'another Sigstore: the log is asked before the authority': [{ requirement: otherRoot }, /^error verifying bundle: verifying bundle with trusted root: rekor log public key not found for payload$/],
  'another Sigstore without the log': [{ requirement: { ...otherRoot, log: 'Ignored' } }, /^leaf certificate verification failed$/],
  'no log entry': [{ sign: { log: 'none' } }, /^no transparency log entry is stored with the signature, and no log is asked online$/],
  'no log entry, offline': [{ sign: { log: 'none' }, flags: [...KEYLESS, '--offline'] }, /^offline verification failed$/],
  'no certificate where one is wanted': [{ signer: key, sign: { log: 'none' } }, /^empty key$/],
  'no certificate and no log wanted': [{ signer: key, sign: { log: 'none' }, requirement: { log: 'Ignored' } }, /^no certificate found on signature$/],
  'a certificate by another key than the given one': [byKey, /^error verifying bundle: both public key and certificate were provided but did not match$/],
  'a signature that was changed is not the logged one': [{ sign: { signature: broken, logged: (logged) => logged } }, /^error verifying bundle: failed to extract signature from bundle: verifying signature: /],
  'a wrong signature by a key': [{ ...byKey, signer: world.key(), sign: { log: 'none' }, requirement: { ...byKey.requirement, log: 'Ignored' } }, /^invalid signature when validating ASN\.1 encoded signature$/],
  'a wrong signature by an RSA key': [
    { ...byKey, signer: world.key('RSA-2048'), sign: { log: 'none' }, requirement: { ...byKey.requirement, log: 'Ignored' } },
    /^ecdsa: Invalid IEEE_P1363 encoded bytes$/,
  ],
  'a certificate that has expired, and no time': [
    { sign: { at: world.now() - 3_600_000 * 24, log: 'none' }, requirement: { log: 'Ignored', sct: 'Ignored' } },
    /^expected a signed timestamp to verify an expired certificate$/,
  ],
};
for (const [sentence, [asked, wanted]] of Object.entries(legacySentences)) {
  test(`a legacy signature: ${sentence}`, () => {
    const found = legacy(asked);
    if (wanted === undefined) assert.equal(found, undefined);
    else assert.match(found ?? 'nothing was wrong', wanted);
  });
}

const bundleSentences: Readonly<Record<string, readonly [Asked, RegExp | undefined]>> = {
  'nothing is wrong': [{}, undefined],
  'nothing is wrong in Rekor v2': [{ sign: { log: 'v2', timestamp: true } }, undefined],
  'another identity': [{ flags: BOB }, /^failed to verify certificate identity: no matching CertificateIdentity found, last error: expected SAN value "bob@example\.test", got "alice@example\.test"$/],
  'another image': [{ digest: `sha256:${'b'.repeat(64)}` }, /^failed to verify signature: provided artifact digest does not match any digest in statement$/],
  'an annotation that is not there': [{ flags: [...KEYLESS, '-a', 'x=y'] }, /^missing or incorrect annotation$/],
  'a pattern that is none, before anything else': [{ flags: ['--certificate-identity-regexp', '(?=x)', '--certificate-oidc-issuer', ISSUER], requirement: otherRoot }, /^error parsing regexp: /],
  'another Sigstore': [{ requirement: otherRoot }, /^failed to verify log inclusion: not enough verified log entries from transparency log: 0 < 1$/],
  'another Sigstore without the log': [{ requirement: { ...otherRoot, log: 'Ignored' } }, /^failed to verify leaf certificate: leaf certificate verification failed$/],
  'no log entry': [{ sign: { log: 'none' } }, /^failed to verify log inclusion: not enough verified log entries from transparency log: 0 < 1$/],
  'a timestamp that is wanted and not there': [
    { sign: { timestamp: false }, requirement: { timestamp: 'Required' } },
    /^failed to verify timestamps: threshold not met for verified signed timestamps: 0 < 1; error: there is no signed timestamp$/,
  ],
  'a certificate where a key is wanted': [byKey, /^expected key signature, not certificate$/],
  'a key where a certificate is wanted': [{ signer: key, sign: { log: 'none' }, requirement: { log: 'Ignored' } }, /^SCTs required but bundle is signed with a public key, which cannot contain SCTs$/],
  'a key where a certificate is wanted, whoever saw it': [
    { signer: key, sign: { log: 'none' }, requirement: { log: 'Ignored', sct: 'Ignored' } },
    /^failed to get signature verifier: no public key material available$/,
  ],
  'another key, in Rekor v2: the entry that is rebuilt is another': [{ ...byKey, signer: world.key(), sign: { log: 'v2' } }, /^failed to verify log inclusion: verifying log entry: verifying inclusion: /],
  'another key, and no log': [
    { ...byKey, signer: world.key(), sign: { log: 'none' }, requirement: { ...byKey.requirement, log: 'Ignored' } },
    /^failed to verify signature: could not verify envelope: accepted signatures do not match threshold, Found: 0, Expected 1$/,
  ],
};
for (const [sentence, [asked, wanted]] of Object.entries(bundleSentences)) {
  test(`a bundle: ${sentence}`, () => {
    const found = bundle(asked);
    if (wanted === undefined) assert.equal(found, undefined);
    else assert.match(found ?? 'nothing was wrong', wanted);
  });
}

test('an inclusion proof is held against the root as transparency-dev does', () => {
  const one = Buffer.from('one');
  const proof = { index: 0n, size: 1n, hashes: [] };
  const [root, other] = [rootOf(one, proof), rootOf(Buffer.from('two'), proof)];
  assert.equal(refusalOf(() => checkInclusion(one, proof, root)), undefined);
  assert.match(refusalOf(() => checkInclusion(one, proof, other)) ?? '', /^calculated root:\n\[\d+(?: \d+){31}\]\n does not match expected root:\n\[\d+(?: \d+){31}\]$/);
  assert.equal(refusalOf(() => checkInclusion(one, { ...proof, index: 1n }, root)), 'index is beyond size: 1 >= 1');
  assert.equal(refusalOf(() => checkInclusion(one, { ...proof, size: 2n }, root)), 'wrong proof size 0, want 1');
});
