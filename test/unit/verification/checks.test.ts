import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseImageReference } from '../../../src/api/image-reference.ts';
import type { Reason } from '../../../src/api/reasons.ts';
import { digestOf } from '../../../src/base/digest.ts';
import type { Candidate } from '../../../src/signatures/types.ts';
import { prove } from '../../../src/signatures/prove.ts';
import type { Judgement } from '../../../src/verification/judge.ts';
import { DEFAULT_LIMITS } from '../../../src/verification/limits.ts';
import { Prover } from '../../../src/verification/prover.ts';
import { policy } from '../../support/builders.ts';
import { compiled } from '../../support/compile.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { OWN_CERTIFICATE, ownAuthoritiesPem, ownIssuer } from '../../support/own-authorities.ts';
import { asBundle, AT, bundle, found, HOUR, IMAGE, ISSUER, legacy, release, SUBJECT, world, YEAR } from '../../support/signatures.ts';
import { certificateFaults } from '../../support/sigstore/authority.ts';
import { flip } from '../../support/sigstore/flip.ts';
import type { SignOptions, StatementOptions } from '../../support/sigstore/sign.ts';
import { createWorld } from '../../support/sigstore/world.ts';

type Spec = Record<string, unknown>;

const OURS = { trustRootRef: { kind: 'ConfigMap', name: 'ours' } };
const REFERENCES = { 'ConfigMap/ours/trusted_root.json': world.trustedRootJson };
const IDENTITY = { issuer: ISSUER, subject: SUBJECT };
const CLAIMS = { githubWorkflowRef: 'refs/tags/v1' };
const SLSA = 'https://slsa.dev/provenance/v1';
const OTHER_DIGEST = digestOf('another image');
const stranger = createWorld({ now: AT, name: 'stranger.test' });
const key = world.key();

const keyless = (beside: Spec = {}, changes: Spec = {}): Spec => ({ authorities: [{ name: 'ci', keyless: { ...OURS, identities: [IDENTITY], ...changes }, ...beside }] });
const keyed = (beside: Spec = {}): Spec => ({ authorities: [{ name: 'release', key: { data: key.key.pem }, ...beside }] });
const identity = (one: Spec): Spec => keyless({}, { identities: [one] });
const logged = keyed({ ctlog: OURS });
const own = keyless({ ctlog: OURS }, { trustRootRef: undefined, caCert: { data: ownAuthoritiesPem(world) }, identities: [{ issuer: ownIssuer(world), subject: SUBJECT }] });
const attested = (cel: string, beside: Spec = {}): Spec => keyless({ attestations: [{ name: 'built', predicateType: SLSA, policy: { cel } }], ...beside });
const stamped = keyless({ rfc3161timestamp: {}, ctlog: { insecureIgnore: true } });
const both = { authorities: [...((keyless()['authorities'] ?? []) as Spec[]), { name: 'release', key: { data: key.key.pem } }], threshold: 2 };

const unlogged = (options: SignOptions = {}): Candidate => legacy(key, { log: 'none', ...options });
const states = (predicate: unknown, options: SignOptions & StatementOptions = {}): Candidate => bundle(release, { predicateType: SLSA, predicate, ...options });
const legacyStates = (predicate: unknown): Candidate => {
  const { payload, annotations } = world.legacyAttestation(release, IMAGE, { predicateType: SLSA, predicate });
  return { format: 'legacy-attestation', location: 'registry.example/acme/app:sha256-….att, layer 1', envelope: payload, annotations };
};
const withDigest = (digest: string) => (text: string): string => text.replaceAll(IMAGE.digest, digest).replaceAll(IMAGE.digest.slice(7), digest.slice(7));

/** A signature by another authority, which it brings along in its annotations. */
function broughtAlong(): Candidate {
  const signature = world.legacySignature(release, IMAGE, { ...OWN_CERTIFICATE, services: { authority: stranger.authority } });
  return found({ ...signature, annotations: { ...signature.annotations, 'dev.sigstore.cosign/chain': ownAuthoritiesPem(stranger) } });
}

/** What a policy says of the image with these signatures beside it, by the operator's own prover; as of a year after they were made. */
async function judged(spec: Spec, candidates: readonly Candidate[], now = AT + YEAR): Promise<Judgement> {
  const { authorities, ...rest } = spec as { authorities: Spec[] };
  const bare = authorities.map(withoutUndefined);
  const judging = compiled(policy({ ...rest, authorities: bare }), REFERENCES);
  const evidence = { candidates, defects: [], failures: [], omitted: 0, attestations: 0, digest: IMAGE.digest, hash: digestOf(''), fetchedAt: now };
  const facts = { image: parseImageReference(`${IMAGE.repository}:1`), digest: IMAGE.digest, evidence: judging.authorities.map(() => evidence), now };
  return new Prover(prove, new ManualClock(), DEFAULT_LIMITS).judge(judging, facts);
}

function withoutUndefined(value: Spec): Spec {
  return JSON.parse(JSON.stringify(value)) as Spec;
}

interface Check {
  readonly holds: Record<string, [Spec, ...Candidate[]]>;
  readonly fails: Record<string, [Reason, RegExp, Spec, ...Candidate[]]>;
}

/** The checks of a signature in their order, each with what passes it and what does not. What bytes of manifests and blobs must be is the registry client's to check. */
const CHECKS: Record<string, Check> = {
  '1. sizes and counts, and JSON that means one thing': {
    holds: { 'a signature within them': [keyless(), legacy(release)] },
    fails: {
      'a payload above a MiB': ['LimitExceeded', /larger than 1048576 bytes/, keyed(), unlogged({ payload: (text) => text.replace('{', `{${' '.repeat(1_048_576)}`) })],
      'a bundle above a MiB': ['LimitExceeded', /bundle is larger/, keyless(), asBundle(`${' '.repeat(1_048_577)}{}`)],
      'a statement about too many subjects': ['LimitExceeded', /1025 subjects/, keyless(), bundle(release, { payload: (text) => text.replace('"subject":[', `"subject":[${'{"digest":{"sha256":"00"}},'.repeat(1024)}`) })],
      'a key twice': ['SignatureInvalid', /twice/, keyed(), unlogged({ payload: (text) => text.replace('"optional"', '"critical":{},"optional"') })],
      __proto__: ['SignatureInvalid', /__proto__/, keyed(), unlogged({ payload: (text) => text.replace('"optional"', '"__proto__":{},"optional"') })],
      'nesting without end': ['LimitExceeded', /nested deeper/, keyed(), unlogged({ payload: (text) => text.replace('"optional":null', `"optional":{"a":${'['.repeat(40)}${']'.repeat(40)}}`) })],
    },
  },
  '3. the claim: this digest, and a signature': {
    holds: { 'a payload of the digest': [keyed(), unlogged()], 'a statement about the digest': [keyless(), bundle(release)] },
    fails: {
      'a payload of another digest': ['DigestMismatch', /made for sha256:.*, not for sha256:a1/, keyed(), unlogged({ payload: withDigest(OTHER_DIGEST) })],
      'a statement about another digest': ['DigestMismatch', /made for sha256:/, keyless(), bundle(release, { payload: withDigest(OTHER_DIGEST) })],
      'a payload of another type': ['SignatureInvalid', /critical\.type/, keyed(), unlogged({ payload: (text) => text.replace('cosign container image signature', 'something else') })],
      'a statement of another type': ['NoSignature', /an attestation is not a signature/, keyless(), states({})],
    },
  },
  '4. the signature over the bytes': {
    holds: { 'by the key': [keyed(), unlogged()], 'by the certificate’s key': [keyless(), legacy(release)] },
    fails: {
      'by another key': ['KeyMismatch', /not by the key sha256:/, keyed(), legacy(world.key(), { log: 'none' })],
      'with one bit changed': ['KeyMismatch', /over these bytes/, keyed(), unlogged({ signature: (bytes) => flip(bytes, 20) })],
      'of a certificate, with one bit changed': ['SignatureInvalid', /not by the key of its certificate/, keyless(), legacy(release, { signature: (bytes) => flip(bytes, 20) })],
    },
  },
  '5. the log entry: of a known log, about this artifact, signature and signer': {
    holds: {
      'with a signed entry timestamp': [keyless(), legacy(release)],
      'with inclusion proof and checkpoint in Rekor v1': [keyless(), bundle(release, { log: 'v1' })],
      'in Rekor v2': [keyless(), bundle(release)],
      'of a key, where it is asked for': [logged, legacy(key)],
      'of a key, where none is asked for and there is none': [keyed(), unlogged()],
    },
    fails: {
      'there is none': ['NotLogged', /no transparency log entry/, keyless(), bundle(release, { log: 'none', timestamp: true })],
      'there is none of a key, where it is asked for': ['NotLogged', /no transparency log entry/, logged, unlogged()],
      'of an unknown log': ['NotLogged', /none of the 1 log entries/, keyless(), legacy(release, { services: { rekorV1: stranger.rekorV1 } })],
      'about another artifact': ['NotLogged', /another artifact/, keyless(), legacy(release, { logged: (told) => ({ ...told, message: Buffer.from('else') }) })],
      'about another signature': ['NotLogged', /another signature/, logged, legacy(key, { logged: (told) => ({ ...told, signature: flip(Buffer.from(told.signature)) }) })],
      'about another signer': ['NotLogged', /another signer/, logged, legacy(key, { logged: (told) => ({ ...told, key: world.key().key }) })],
      'which was moved in time': ['NotLogged', /./, keyless(), legacy(release, { entry: (entry) => ({ ...entry, integratedTime: entry.integratedTime + 1 }) })],
    },
  },
  '6. the time: authenticated, and as late as is asked for': {
    holds: {
      'of the log': [keyless({ notBefore: new Date(AT - HOUR).toISOString() }), legacy(release)],
      'of a timestamp, where the log is ignored': [stamped, bundle(release, { log: 'none', timestamp: true })],
      'of both, where both are asked for': [keyless({ rfc3161timestamp: {} }), bundle(release, { log: 'v1', timestamp: true })],
      'which is young enough': [keyless({ maxAge: '400d' }), legacy(release)],
      'beside a timestamp that nobody asked for and nobody knows': [keyless(), bundle(release, { log: 'v1', timestamp: true, services: { timestampAuthority: stranger.timestampAuthority } })],
    },
    fails: {
      'of nobody': ['TimestampInvalid', /has no timestamp/, stamped, bundle(release, { log: 'none', timestamp: false })],
      'of an unknown timestamp authority': ['TimestampInvalid', /not by one of/, stamped, bundle(release, { log: 'none', timestamp: true, services: { timestampAuthority: stranger.timestampAuthority } })],
      'of the log alone, where a timestamp is asked for beside it': ['TimestampInvalid', /has no timestamp/, keyless({ rfc3161timestamp: {} }), legacy(release)],
      'of a timestamp alone, where the log is asked for beside it': ['NotLogged', /no transparency log/, keyless({ rfc3161timestamp: {} }), bundle(release, { log: 'none', timestamp: true })],
      'of a timestamp of something else': ['TimestampInvalid', /timestamp/, stamped, bundle(release, { log: 'none', timestamp: true, stamped: () => Buffer.from('else') })],
      'before notBefore': ['SignatureTooOld', /made at 2026-11-20T12:00:00\.000Z, but authority "ci" wants one made since/, keyless({ notBefore: new Date(AT + HOUR).toISOString() }), legacy(release)],
      'longer ago than maxAge': ['SignatureTooOld', /wants one made since/, keyless({ maxAge: '30d' }), legacy(release)],
    },
  },
  '7. the certificate: of a trusted authority, at that time, for this purpose': {
    holds: {
      'with an SCT': [keyless(), legacy(release)],
      'without an SCT, where it is ignored': [keyless({}, { insecureIgnoreSCT: true }), legacy(release, { certificate: { ctLogs: [] } })],
      'of certificate authorities of one’s own': [own, legacy(release, OWN_CERTIFICATE)],
    },
    fails: {
      'of another authority': ['CertificateInvalid', /not issued by/, keyless(), legacy(release, { services: { authority: stranger.authority } })],
      'which had ended': ['CertificateInvalid', /is valid from .* not at/, keyless(), legacy(release, { loggedAt: AT + HOUR })],
      'without an SCT': ['CertificateInvalid', /SCT/, keyless(), legacy(release, { certificate: { ctLogs: [] } })],
      'with an SCT of an unknown log': ['CertificateInvalid', /SCT/, keyless(), legacy(release, { certificate: { ctLogs: [stranger.authority.ctLog] } })],
      'which is not for code signing': ['CertificateInvalid', /not for code signing/, keyless(), legacy(release, { certificate: { shape: certificateFaults.serverAuthOnly } })],
      'of a certificate authority': ['CertificateInvalid', /that of a certificate authority/, keyless(), legacy(release, { certificate: { shape: certificateFaults.certificateAuthority } })],
      'with an unknown critical extension': ['CertificateInvalid', /critical extension/, keyless(), legacy(release, { certificate: { shape: certificateFaults.unknownCritical } })],
      'with an extension twice': ['CertificateInvalid', /twice/, keyless(), legacy(release, { certificate: { shape: certificateFaults.issuerTwice } })],
      'with two subjects': ['CertificateInvalid', /names 2 subjects/, keyless(), legacy(release, { certificate: { shape: certificateFaults.twoSubjects } })],
      'with two issuers': ['CertificateInvalid', /two different issuers/, keyless(), legacy(release, { certificate: { shape: certificateFaults.issuersDiffer } })],
      'of an authority that only the signature brings along': [
        'CertificateInvalid',
        /not issued by/,
        own,
        broughtAlong(),
      ],
    },
  },
  '8. the identity: issuer, subject and claims': {
    holds: {
      exact: [keyless(), legacy(release)],
      'by patterns': [identity({ issuerRegExp: '^https://token\\.', subjectRegExp: '^https://github\\.com/acme/' }), legacy(release)],
      'with a claim': [identity({ ...IDENTITY, claims: CLAIMS }), legacy(release)],
      'any of several': [keyless({}, { identities: [{ ...IDENTITY, subject: 'x' }, IDENTITY] }), legacy(release)],
    },
    fails: {
      'another subject': ['IdentityMismatch', /signed by ".*release\.yml.*but authority "ci" wants subject "x"/, identity({ ...IDENTITY, subject: 'x' }), legacy(release)],
      'another issuer': ['IdentityMismatch', /of issuer "x"/, identity({ ...IDENTITY, issuer: 'x' }), legacy(release)],
      'a pattern that does not fit': ['IdentityMismatch', /matching "\^https:\/\/gitlab"/, identity({ issuer: ISSUER, subjectRegExp: '^https://gitlab' }), legacy(release)],
      'another claim': ['IdentityMismatch', /has "refs\/tags\/v1" for githubWorkflowRef/, identity({ ...IDENTITY, claims: { githubWorkflowRef: 'refs/heads/main' } }), legacy(release)],
      'no such claim': ['IdentityMismatch', /no value for sourceRepositoryURI/, identity({ ...IDENTITY, claims: { sourceRepositoryURI: 'x' } }), legacy(release)],
    },
  },
  '9. annotations, the repository, and what attestations say': {
    holds: {
      'the annotation': [keyed({ annotations: { env: 'prod' } }), unlogged({ annotations: { env: 'prod', more: 1 } })],
      'the repository': [keyed({ requireRepository: true }), unlogged()],
      'a statement': [attested('predicate.builder == "a"'), states({ builder: 'a' })],
      'a legacy statement': [attested('predicate.builder == "a"'), legacyStates({ builder: 'a' })],
      'a statement young enough': [attested('true', { maxAge: '400d' }), states({})],
    },
    fails: {
      'another annotation': ['AnnotationMismatch', /has "dev" as annotation "env", but authority "release" wants "prod"/, keyed({ annotations: { env: 'prod' } }), unlogged({ annotations: { env: 'dev' } })],
      'no annotation': ['AnnotationMismatch', /has no annotation "env"/, keyed({ annotations: { env: 'prod' } }), unlogged()],
      'an annotation that is no text': ['AnnotationMismatch', /has 1 as annotation/, keyed({ annotations: { env: '1' } }), unlogged({ annotations: { env: 1 } })],
      'another repository': ['DigestMismatch', /made for repository .*requireRepository/, keyed({ requireRepository: true }), unlogged({ payload: (text) => text.replace('acme/app', 'acme/other') })],
      'no repository': ['DigestMismatch', /names no repository/, keyless({ requireRepository: true }), bundle(release)],
      'a statement that says otherwise': ['AttestationRejected', /it is false/, attested('predicate.builder == "a"'), states({ builder: 'b' })],
      'a statement that says nothing of it': ['AttestationRejected', /field not found: builder/, attested('predicate.builder == "a"'), states({})],
      'a statement that does not give true': ['AttestationRejected', /something else than true or false/, attested('predicate.builder'), states({ builder: 'true' })],
      'a statement that is too old': ['AttestationMissing', /wants one made since/, attested('true', { maxAge: '30d' }), states({})],
      'a statement about another digest': ['AttestationMissing', /made for sha256:/, attested('true'), states({}, { payload: withDigest(OTHER_DIGEST) })],
      'a statement by somebody else': ['AttestationMissing', /signed by "mallory@evil\.test"/, attested('true'), bundle(world.keyless({ subject: 'mallory@evil.test', issuer: ISSUER }), { predicateType: SLSA })],
      'a statement that is not logged': ['AttestationMissing', /no transparency log entry/, attested('true'), states({}, { log: 'none', timestamp: true })],
      'a plain signature in place of a statement': ['AttestationMissing', /only others were found/, attested('true'), bundle(release)],
      nothing: ['AttestationMissing', /there is none/, attested('true')],
    },
  },
  '10. the threshold: authorities distinct by signer': {
    holds: { 'two signers': [both, legacy(release), unlogged()] },
    fails: {
      'one of two': ['ThresholdNotMet', /only "ci" did/, both, legacy(release)],
      'one signer twice': ['ThresholdNotMet', /only "ci" did/, both, legacy(release), bundle(release)],
      nobody: ['NoSignature', /no signature of/, both],
    },
  },
};

for (const [check, { holds, fails }] of Object.entries(CHECKS)) {
  describe(check, () => {
    for (const [sentence, [spec, ...candidates]] of Object.entries(holds)) {
      test(`holds: ${sentence}`, async () => {
        const { result, reason, message } = await judged(spec, candidates);
        assert.deepEqual([result, reason], ['Verified', 'SignatureValid'], message);
      });
    }
    for (const [sentence, [wanted, text, spec, ...candidates]] of Object.entries(fails)) {
      test(`fails: ${sentence}`, async () => {
        const { result, reason, message } = await judged(spec, candidates);
        assert.deepEqual([result, reason], ['Failed', wanted], message);
        assert.match(message, text);
        assert.ok(message.length <= 512, message);
      });
    }
  });
}
