import { flip } from '../support/sigstore/flip.ts';
import { certificateFaults, claimExtension, issuerExtensions } from '../support/sigstore/authority.ts';
import { extendedKeyUsage, subjectAlternativeName, USAGE, type CertificateTemplate, type Extension } from '../support/sigstore/certificate.ts';
import { promiseOf, type LogEntry } from '../support/sigstore/log.ts';
import { canonicalJson } from '../support/sigstore/log-bodies.ts';
import type { SignOptions } from '../support/sigstore/sign.ts';
import type { Services } from '../support/sigstore/trusted-root.ts';
import type { Cast } from './cast.ts';

const HOUR = 3_600_000;

/** What a bend may look at: whose services sign, and when. */
export interface BendContext {
  readonly cast: Cast;
  readonly services: Services;
  readonly at: number;
}

/** One thing that is done otherwise while a signature is made; what comes after it is made from it. */
export type Bend = (context: BendContext) => SignOptions;

const shape = (change: (template: CertificateTemplate) => CertificateTemplate): Bend => () => ({ certificate: { shape: change } });
const adding = (...more: readonly Extension[]): Bend => shape((t) => ({ ...t, extensions: [...t.extensions, ...more] }));
const replacing = (extension: Extension): Bend =>
  shape((t) => ({ ...t, extensions: t.extensions.map((one) => (one.oid === extension.oid ? extension : one)) }));
const without = (...oids: readonly string[]): Bend => shape((t) => ({ ...t, extensions: t.extensions.filter(({ oid }) => !oids.includes(oid)) }));
const FULCIO = '1.3.6.1.4.1.57264.1';

/** The certificate. */
export const CERTIFICATE_BENDS: Readonly<Record<string, Bend>> = {
  ...Object.fromEntries(Object.entries(certificateFaults).map(([name, change]) => [name, shape(change)])),
  onlyIssuerV1: without(`${FULCIO}.8`),
  onlyIssuerV2: without(`${FULCIO}.1`),
  emptyIssuer: replacing({ oid: `${FULCIO}.1`, critical: false, value: Buffer.alloc(0) }),
  malformedIssuer: replacing({ oid: `${FULCIO}.8`, critical: false, value: Buffer.from('no DER') }),
  otherTrigger: replacing(claimExtension('githubWorkflowTrigger', 'other')),
  emptyName: replacing({ oid: `${FULCIO}.4`, critical: false, value: Buffer.alloc(0) }),
  emailAndUri: replacing(subjectAlternativeName({ email: 'first@corp.test' }, { uri: 'https://github.com/acme/app' })),
  uriAndEmail: replacing(subjectAlternativeName({ uri: 'https://github.com/acme/app' }, { email: 'ada@example.com' })),
  usernameAndEmail: replacing(subjectAlternativeName({ username: 'ada' }, { email: 'ada@example.com' })),
  dnsAndUri: replacing(subjectAlternativeName({ dns: 'web.corp.test' }, { uri: 'https://github.com/acme/app' })),
  codeSigningAmongUsages: replacing(extendedKeyUsage([USAGE.serverAuth, USAGE.codeSigning])),
  criticalSubject: shape((t) => ({ ...t, extensions: t.extensions.map((e) => (e.oid === '2.5.29.17' ? { ...e, critical: true } : e)) })),
  criticalUsage: shape((t) => ({ ...t, extensions: t.extensions.map((e) => (e.oid === '2.5.29.37' ? { ...e, critical: true } : e)) })),
  subjectInName: shape((t) => ({ ...t, subject: { organization: 'acme', commonName: 'release' } })),
  noKeyUsage: without('2.5.29.15'),
  noKeyIdentifiers: without('2.5.29.14', '2.5.29.35'),
  noExtensions: shape((t) => ({ ...t, extensions: [] })),
  claimTwice: adding(claimExtension('githubWorkflowRef', 'refs/tags/v1.0')),
  issuerOther: adding(...issuerExtensions('https://other.test').slice(1)),
  longLived: () => ({ certificate: { lifetime: 900 * 24 * HOUR } }),
  endsAtOnce: () => ({ certificate: { lifetime: 0 } }),
  endsBeforeItStarts: () => ({ certificate: { lifetime: -HOUR } }),
  startsLater: ({ at }) => ({ certificate: { at: at + HOUR } }),
  startsInTheFuture: ({ cast }) => ({ certificate: { at: cast.own.now() + 24 * HOUR } }),
  noSct: () => ({ certificate: { ctLogs: [] } }),
  sctOfOther: ({ cast }) => ({ certificate: { ctLogs: [cast.other.authority.ctLog] } }),
  sctOfOdd: ({ cast }) => ({ certificate: { ctLogs: [cast.odd.authority.ctLog] } }),
  sctOfBoth: ({ cast }) => ({ certificate: { ctLogs: [cast.other.authority.ctLog, cast.own.authority.ctLog] } }),
  sctTwice: ({ cast }) => ({ certificate: { ctLogs: [cast.own.authority.ctLog, cast.own.authority.ctLog] } }),
  sctBroken: () => ({ certificate: { timestamp: flip } }),
  sctOtherVersion: () => ({ certificate: { timestamp: (bytes) => flip(bytes, 0) } }),
  authorityOfOther: ({ cast }) => ({ services: { authority: cast.other.authority } }),
};

const bent = (entry: LogEntry, change: Partial<LogEntry>): LogEntry => ({ ...entry, ...change });
const promised = (change: Partial<LogEntry>): Bend => ({ services }) => ({
  entry: (entry) => {
    const changed = bent(entry, change);
    return entry.promise === undefined ? changed : { ...changed, promise: promiseOf(services.rekorV1, changed) };
  },
});

/** What the log is told, says and promises. */
export const LOG_BENDS: Readonly<Record<string, Bend>> = {
  'log.other': ({ cast }) => ({ services: { rekorV1: cast.other.rekorV1, rekorV2: cast.other.rekorV2 } }),
  'log.otherMessage': () => ({ logged: (told) => ({ ...told, message: Buffer.from('other') }) }),
  'log.otherSignature': () => ({ logged: (told) => ({ ...told, signature: flip(Buffer.from(told.signature)) }) }),
  'log.otherKey': ({ cast }) => ({ logged: ({ certificate: _, ...told }) => ({ ...told, key: cast.key('P-256', true).key }) }),
  'log.keyOfCertificate': () => ({ logged: ({ certificate: _, ...told }) => told }),
  'log.otherHash': () => ({ logged: (told) => ({ ...told, hash: told.hash === 'sha512' ? 'sha256' : 'sha512' }) }),
  'log.later': ({ at }) => ({ loggedAt: at + HOUR }),
  'log.earlier': ({ at }) => ({ loggedAt: at - HOUR }),
  'log.future': ({ cast }) => ({ loggedAt: cast.own.now() + 24 * HOUR }),
  'log.index': () => ({ entry: (entry) => bent(entry, { logIndex: 7 }) }),
  'log.time': () => ({ entry: (entry) => bent(entry, { integratedTime: 1_700_000_000 }) }),
  'log.indexPromised': promised({ logIndex: 7_000_000_000 }),
  'log.timeZeroPromised': promised({ integratedTime: 0 }),
  'log.timeNegativePromised': promised({ integratedTime: -5 }),
  'log.timeHugePromised': promised({ integratedTime: 8_000_000_000_000 }),
  'log.idPromised': ({ cast }) => promised({ logId: cast.other.rekorV1.logId })({ cast, services: cast.own, at: 0 }),
  'log.promiseBroken': () => ({ entry: (entry) => bent(entry, entry.promise === undefined ? {} : { promise: flip(entry.promise) }) }),
  'log.promiseGone': () => ({ entry: ({ promise: _, ...entry }) => entry }),
  'log.promiseEmpty': () => ({ entry: (entry) => bent(entry, { promise: Buffer.alloc(0) }) }),
  'log.bodyBroken': () => ({ entry: (entry) => bent(entry, { body: flip(entry.body, 40) }) }),
  'log.bodySpaced': () => ({ body: (body) => Buffer.from(JSON.stringify(body, null, 1)) }),
  'log.bodyUnsorted': () => ({ body: (body) => Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(body).toReversed()))) }),
  'log.bodyUnknownMember': () => ({ body: (body) => ({ ...body, more: 1 }) }),
  'log.bodyUnknownSpec': () => ({ body: (body) => ({ ...body, spec: { ...(body['spec'] as object), more: 1 } }) }),
  'log.bodyTwice': () => ({ body: (body) => Buffer.from(canonicalJson(body).replace('{', '{"apiVersion":"0.0.9",')) }),
  'log.bodyCase': () => ({ body: (body) => Buffer.from(canonicalJson(body).replace('"spec"', '"Spec"')) }),
  'log.bodyNotJson': () => ({ entry: (entry) => bent(entry, { body: Buffer.from('{') }) }),
  'log.kindUnknown': () => ({ body: (body) => ({ ...body, kind: 'alpine' }) }),
  'log.versionUnknown': () => ({ body: (body) => ({ ...body, apiVersion: '0.0.9' }) }),
  'log.versionOther': () => ({ body: (body) => ({ ...body, apiVersion: '0.0.2' }) }),
  'log.keyCrLf': () => ({ body: (body) => Buffer.from(rekeyed(canonicalJson(body), (pem) => pem.replaceAll('\n', '\r\n'))) }),
  'log.keyNoNewline': () => ({ body: (body) => Buffer.from(rekeyed(canonicalJson(body), (pem) => pem.trimEnd())) }),
  'log.keyTwice': () => ({ body: (body) => Buffer.from(rekeyed(canonicalJson(body), (pem) => pem + pem)) }),
  'log.keyWithText': () => ({ body: (body) => Buffer.from(rekeyed(canonicalJson(body), (pem) => `text\n${pem}`)) }),
  'log.hashUpperCase': () => ({ body: (body) => Buffer.from(canonicalJson(body).replace(/"value":"([0-9a-f]{64})"/, (_, hex: string) => `"value":"${hex.toUpperCase()}"`)) }),
  'log.rootHash': () => ({ entry: (entry) => bent(entry, { proof: { ...entry.proof, rootHash: flip(entry.proof.rootHash) } }) }),
  'log.proofHash': () => ({ entry: (entry) => bent(entry, { proof: { ...entry.proof, hashes: entry.proof.hashes.map((hash) => flip(hash)) } }) }),
  'log.proofIndex': () => ({ entry: (entry) => bent(entry, { proof: { ...entry.proof, logIndex: entry.proof.logIndex + 1 } }) }),
  'log.proofSize': () => ({ entry: (entry) => bent(entry, { proof: { ...entry.proof, treeSize: entry.proof.treeSize + 1 } }) }),
  'log.proofShort': () => ({ entry: (entry) => bent(entry, { proof: { ...entry.proof, hashes: entry.proof.hashes.slice(1) } }) }),
  'log.checkpointBroken': checkpoint((text) => text.replace(/([A-Za-z0-9+/])(=*\n)$/, (_, last: string, end: string) => `${last === 'A' ? 'B' : 'A'}${end}`)),
  'log.checkpointOtherText': checkpoint((text) => text.replace('\n\n', '\nmore\n\n')),
  'log.checkpointOtherOrigin': checkpoint((text) => text.replace(/^[^\n]+/, 'elsewhere.test')),
  'log.checkpointWitness': checkpoint((text) => `${text}\u2014 witness.test AAAAAGZvbw==\n`),
  'log.checkpointWitnessFirst': checkpoint((text) => text.replace('\n\n', '\n\n\u2014 witness.test AAAAAGZvbw==\n')),
  'log.checkpointUnsigned': checkpoint((text) => text.slice(0, text.indexOf('\n\n') + 2)),
  'log.checkpointTwice': checkpoint((text) => text + text.slice(text.indexOf('\n\n') + 2)),
  'log.checkpointNoNewline': checkpoint((text) => text.trimEnd()),
  'log.checkpointEmpty': checkpoint(() => ''),
};

function checkpoint(change: (text: string) => string): Bend {
  return () => ({ entry: (entry) => bent(entry, { proof: { ...entry.proof, checkpoint: change(entry.proof.checkpoint) } }) });
}

/** Writes the signer's PEM in a body otherwise, as deep in base64 as it is. */
function rekeyed(body: string, change: (pem: string) => string): string {
  return body.replaceAll(/LS0tLS1CRUdJTi[A-Za-z0-9+/]+={0,2}/g, (text) => Buffer.from(change(Buffer.from(text, 'base64').toString())).toString('base64'));
}

/** The signature itself, and timestamps. */
export const SIGNATURE_BENDS: Readonly<Record<string, Bend>> = {
  'signature.broken': () => ({ signature: flip }),
  'signature.empty': () => ({ signature: () => Buffer.alloc(0) }),
  'signature.longer': () => ({ signature: (bytes) => Buffer.concat([bytes, Buffer.from([0])]) }),
  'signature.sha256': () => ({ hash: 'sha256' }),
  'signature.sha384': () => ({ hash: 'sha384' }),
  'signature.sha512': () => ({ hash: 'sha512' }),
  'timestamp.other': ({ cast }) => ({ timestamp: true, services: { timestampAuthority: cast.other.timestampAuthority } }),
  'timestamp.odd': ({ cast }) => ({ timestamp: true, services: { timestampAuthority: cast.odd.timestampAuthority } }),
  'timestamp.late': ({ at }) => ({ timestamp: true, stampedAt: at + HOUR }),
  'timestamp.early': ({ at }) => ({ timestamp: true, stampedAt: at - HOUR }),
  'timestamp.ofOther': () => ({ timestamp: true, stamped: () => Buffer.from('other') }),
  'timestamp.contentDigest': () => ({ timestamp: true, token: { contentDigest: Buffer.alloc(32) } }),
  'timestamp.refused': () => ({ timestamp: true, token: { status: 2 } }),
  'timestamp.modified': () => ({ timestamp: true, token: { status: 1 } }),
  'timestamp.sha384': () => ({ timestamp: true, token: { hash: 'sha384' } }),
  'timestamp.sha512': () => ({ timestamp: true, token: { hash: 'sha512' } }),
  'timestamp.gone': () => ({ timestamp: false }),
};
