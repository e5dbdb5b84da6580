import { utf8String } from './der.ts';
import {
  USAGE,
  authorityConstraints,
  authorityKeyId,
  extendedKeyUsage,
  keyUsage,
  randomSerial,
  signCertificate,
  subjectAlternativeName,
  subjectKeyId,
  unknownExtension,
  type CertificateTemplate,
  type Extension,
  type GeneralName,
} from './certificate.ts';
import { createCtLog, signedCertificateTimestamp, timestampList, type CtLog } from './ct-log.ts';
import { generateKey, type KeyPair, type KeyType } from './keys.ts';

const YEAR = 365 * 24 * 3600 * 1000;
const TEN_MINUTES = 10 * 60 * 1000;

/** A certificate authority of Fulcio's form: a root, an intermediate that signs the leaves, and the CT log it reports to. */
export interface Authority {
  readonly name: string;
  readonly root: { readonly key: KeyPair; readonly certificate: Buffer };
  readonly intermediate: {
    readonly key: KeyPair;
    readonly certificate: Buffer;
    readonly template: CertificateTemplate;
  };
  readonly ctLog: CtLog;
}

/** What a leaf says. The rest is as Fulcio does it. */
export interface LeafOptions {
  /** The signer's ephemeral key. */
  readonly spki: Uint8Array;
  /** Start of validity, milliseconds. */
  readonly at: number;
  /** Milliseconds of validity; Fulcio's ten minutes by default. */
  readonly lifetime?: number;
  /** Becomes a URI, an e-mail address or (neither `://` nor `@`) a Fulcio username. */
  readonly subject: string;
  readonly issuer: string;
  /** Fulcio's claims by the names of the API (`githubWorkflowRef`, `sourceRepositoryURI`, …) or by OID. */
  readonly claims?: Readonly<Record<string, string>>;
  /** Bends the certificate before it is logged and signed. See {@link certificateFaults}. */
  readonly shape?: (template: CertificateTemplate) => CertificateTemplate;
  /** Bends the encoded TBSCertificate before it is signed, whatever the SCTs say of it. */
  readonly encoded?: (tbs: Buffer) => Buffer;
  /** The CT logs that vouch for it: the authority's own by default, none, or others. */
  readonly ctLogs?: readonly CtLog[];
  /** Bends each signed certificate timestamp. */
  readonly timestamp?: (bytes: Buffer) => Buffer;
}

const FULCIO = '1.3.6.1.4.1.57264.1';

/** Fulcio's claims: name in the API → last arc of the OID (fulcio, docs/oid-info.md). 2–6 are raw, 8 and later DER UTF8String. */
export const CLAIMS: Readonly<Record<string, number>> = {
  githubWorkflowTrigger: 2,
  githubWorkflowSha: 3,
  githubWorkflowName: 4,
  githubWorkflowRepository: 5,
  githubWorkflowRef: 6,
  buildSignerURI: 9,
  buildSignerDigest: 10,
  runnerEnvironment: 11,
  sourceRepositoryURI: 12,
  sourceRepositoryDigest: 13,
  sourceRepositoryRef: 14,
  sourceRepositoryIdentifier: 15,
  sourceRepositoryOwnerURI: 16,
  sourceRepositoryOwnerIdentifier: 17,
  buildConfigURI: 18,
  buildConfigDigest: 19,
  buildTrigger: 20,
  runInvocationURI: 21,
  sourceRepositoryVisibilityAtSigning: 22,
};

/** A new authority, valid ten years before and after `at`. */
export function createAuthority(options: { at: number; name?: string; keyType?: KeyType; ctLog?: CtLog }): Authority {
  const name = options.name ?? 'sigstore.test';
  const [rootKey, key] = [generateKey(options.keyType ?? 'P-384'), generateKey(options.keyType ?? 'P-384')];
  const validity = { notBefore: options.at - 10 * YEAR, notAfter: options.at + 10 * YEAR };
  const rootName = { organization: name, commonName: 'root' };
  const root: CertificateTemplate = {
    ...validity,
    serial: randomSerial(),
    issuer: rootName,
    subject: rootName,
    spki: rootKey.spki,
    extensions: [
      authorityConstraints(1),
      keyUsage('certificates'),
      subjectKeyId(rootKey.spki),
      authorityKeyId(rootKey.spki),
    ],
  };
  const template: CertificateTemplate = {
    ...validity,
    serial: randomSerial(),
    issuer: rootName,
    subject: { organization: name, commonName: 'intermediate' },
    spki: key.spki,
    extensions: [
      authorityConstraints(0),
      keyUsage('certificates'),
      extendedKeyUsage([USAGE.codeSigning]),
      subjectKeyId(key.spki),
      authorityKeyId(rootKey.spki),
    ],
  };
  return {
    name,
    root: { key: rootKey, certificate: signCertificate(root, rootKey) },
    intermediate: { key, template, certificate: signCertificate(template, rootKey) },
    ctLog: options.ctLog ?? createCtLog({ name }),
  };
}

/** A code signing certificate: DER, with the CT logs' timestamps in it. */
export function issueLeaf(authority: Authority, options: LeafOptions): Buffer {
  const issuerKey = authority.intermediate.key;
  const plain: CertificateTemplate = {
    serial: randomSerial(),
    issuer: authority.intermediate.template.subject,
    subject: {},
    notBefore: options.at,
    notAfter: options.at + (options.lifetime ?? TEN_MINUTES),
    spki: options.spki,
    extensions: [
      keyUsage('data'),
      extendedKeyUsage([USAGE.codeSigning]),
      subjectKeyId(options.spki),
      authorityKeyId(issuerKey.spki),
      subjectAlternativeName(generalNameOf(options.subject)),
      ...issuerExtensions(options.issuer),
      ...Object.entries(options.claims ?? {}).map(([claim, value]) => claimExtension(claim, value)),
    ],
  };
  const template = options.shape?.(plain) ?? plain;
  const bend = options.timestamp ?? ((bytes: Buffer) => bytes);
  const timestamps = (options.ctLogs ?? [authority.ctLog]).map((log) =>
    bend(signedCertificateTimestamp(log, template, issuerKey, options.at)),
  );
  const extensions =
    timestamps.length === 0 ? template.extensions : [...template.extensions, timestampList(timestamps)];
  return signCertificate({ ...template, extensions }, issuerKey, options.encoded);
}

/** The two issuer extensions: raw in `.1`, DER in `.8`. */
export function issuerExtensions(issuer: string): readonly Extension[] {
  return [
    { oid: `${FULCIO}.1`, critical: false, value: Buffer.from(issuer) },
    { oid: `${FULCIO}.8`, critical: false, value: utf8String(issuer) },
  ];
}

/** One claim, by name or by OID; raw up to `.6`, DER UTF8String from `.8` on. */
export function claimExtension(claim: string, value: string): Extension {
  const arc = CLAIMS[claim] ?? Number(claim.split('.').at(-1));
  if (CLAIMS[claim] === undefined && !claim.startsWith(`${FULCIO}.`)) throw new Error(`no such claim: ${claim}`);
  return { oid: `${FULCIO}.${arc}`, critical: false, value: arc <= 6 ? Buffer.from(value) : utf8String(value) };
}

/** What a certificate can have wrong, each to be given as `shape`. */
export const certificateFaults = {
  noExtendedKeyUsage: without('2.5.29.37'),
  serverAuthOnly: replacing(extendedKeyUsage([USAGE.serverAuth])),
  certificateAuthority: (t: CertificateTemplate) => ({
    ...t,
    extensions: [authorityConstraints(0), keyUsage('certificates'), ...without('2.5.29.15')(t).extensions],
  }),
  noSubject: without('2.5.29.17'),
  twoSubjects: (t: CertificateTemplate) => replacing(subjectAlternativeName(...twoNames))(t),
  subjectTwice: (t: CertificateTemplate) => adding(subjectAlternativeName({ email: 'other@evil.test' }))(t),
  subjectWithHighBit: (t: CertificateTemplate) =>
    replacing(subjectAlternativeName({ email: Buffer.from('\u{e1}dmin@corp.test', 'latin1') }))(t),
  subjectWithNul: (t: CertificateTemplate) =>
    replacing(subjectAlternativeName({ email: 'admin@corp.test\0.evil.test' }))(t),
  noIssuer: (t: CertificateTemplate) => without(`${FULCIO}.1`)(without(`${FULCIO}.8`)(t)),
  issuerTwice: (t: CertificateTemplate) => adding(...issuerExtensions('https://evil.test'))(t),
  issuersDiffer: (t: CertificateTemplate) =>
    replacing({ oid: `${FULCIO}.1`, critical: false, value: Buffer.from('https://evil.test') })(t),
  unknownCritical: adding(unknownExtension(true)),
  unknownNotCritical: adding(unknownExtension(false)),
  serverName: replacing(subjectAlternativeName({ dns: 'web.corp.test' })),
} as const satisfies Record<string, (template: CertificateTemplate) => CertificateTemplate>;

const twoNames: readonly GeneralName[] = [{ email: 'first@corp.test' }, { email: 'second@evil.test' }];

function generalNameOf(subject: string): GeneralName {
  if (subject.includes('://')) return { uri: subject };
  return subject.includes('@') ? { email: subject } : { username: subject };
}

function without(oid: string) {
  return (t: CertificateTemplate): CertificateTemplate => ({
    ...t,
    extensions: t.extensions.filter((e) => e.oid !== oid),
  });
}

function adding(...more: readonly Extension[]) {
  return (t: CertificateTemplate): CertificateTemplate => ({ ...t, extensions: [...t.extensions, ...more] });
}

function replacing(extension: Extension) {
  return (t: CertificateTemplate): CertificateTemplate => ({
    ...t,
    extensions: t.extensions.map((e) => (e.oid === extension.oid ? extension : e)),
  });
}
