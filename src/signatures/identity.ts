import { CertificateError, readCertificate, strictly, SUBJECT_ALTERNATIVE_NAME } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { derChildren, derOid, readDer, SEQUENCE, UTF8_STRING } from './der.ts';
import type { DerElement } from './der.ts';
import { OPERATOR } from './profile.ts';
import type { Candidate, CertificateClaims, Profile } from './types.ts';

const ARC = '1.3.6.1.4.1.57264.1.';
const ISSUER_V1 = `${ARC}1`;
const ISSUER_V2 = `${ARC}8`;
const OTHER_NAME = `${ARC}7`;

/** Fulcio's extensions (fulcio, docs/oid-info.md) by the last number of their OID, named as cosign's flags name them. */
const NAMES: Readonly<Record<number, string>> = {
  2: 'githubWorkflowTrigger',
  3: 'githubWorkflowSha',
  4: 'githubWorkflowName',
  5: 'githubWorkflowRepository',
  6: 'githubWorkflowRef',
  9: 'buildSignerURI',
  10: 'buildSignerDigest',
  11: 'runnerEnvironment',
  12: 'sourceRepositoryURI',
  13: 'sourceRepositoryDigest',
  14: 'sourceRepositoryRef',
  15: 'sourceRepositoryIdentifier',
  16: 'sourceRepositoryOwnerURI',
  17: 'sourceRepositoryOwnerIdentifier',
  18: 'buildConfigURI',
  19: 'buildConfigDigest',
  20: 'buildTrigger',
  21: 'runInvocationURI',
  22: 'sourceRepositoryVisibilityAtSigning',
  23: 'deploymentEnvironment',
  24: 'tokenSubject',
};

/** The names that `claims` of an identity may have (api.md): a closed list. */
export const CLAIM_NAMES: readonly string[] = Object.freeze(Object.values(NAMES));

/** From the first of these the value is a DER UTF8String, before it the bytes are the text. */
const FIRST_DER_CLAIM = 8;
const LAST_CLAIM = 24;

/**
 * What a certificate says of its holder, from its raw bytes: the library reads names as 7-bit ASCII, where 0xE1 becomes `a`, and
 * looks at one of them only. With `profile.singleName` issuer and subject must be there, printable and unambiguous; an issuer that is not
 * there is then, with authorities of one's own, the name of the one that issued the certificate. Throws {@link CertificateError}.
 */
export function claimsOf(certificate: Certificate, format: Candidate['format'], profile: Profile, ownAuthorities = false): CertificateClaims {
  const [extensions, names] = strictly(() => [readFulcioExtensions(certificate), readNames(certificate)] as const);
  const [first, second = ownAuthorities && profile.singleName && first === undefined ? issuerName(certificate) : undefined] = [extensions[ISSUER_V1], extensions[ISSUER_V2]];
  if (profile.singleName) refuseAmbiguity(names, first, second);
  const subjects = format === 'legacy' ? names.filter(({ kind }) => kind !== 'unsupported').map(({ text }) => text) : preferred(names);
  if (subjects.length === 0) throw new CertificateError('names no subject (no subject alternative name that can be read)');
  return {
    issuer: (format === 'legacy' && !profile.singleName ? first : (second ?? first)) ?? '',
    subjects,
    claims: namedClaims(extensions),
    extensions,
  };
}

/** The distinguished name of the issuer as `CN=Signing CA, O=Acme` in the certificate's order, its values escaped (RFC 4514 §2.4), so that it has one meaning. */
function issuerName({ x509 }: Certificate): string {
  return x509.issuer.split('\n').join(', ');
}

/** The claims of a DER certificate, by the operator's rules unless told otherwise. Throws {@link CertificateError}. */
export function certificateClaims(der: Uint8Array, format: Candidate['format'] = 'bundle', profile: Profile = OPERATOR): CertificateClaims {
  return claimsOf(readCertificate(Buffer.from(der), profile.limits.certificateBytes), format, profile);
}

function readFulcioExtensions(certificate: Certificate): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { oid, value } of certificate.extensions.values()) {
    const number = oid.startsWith(ARC) ? Number(oid.slice(ARC.length)) : Number.NaN;
    if (!Number.isInteger(number) || number < 1 || number > LAST_CLAIM || oid === OTHER_NAME) continue;
    found[oid] = decodeText(number < FIRST_DER_CLAIM ? value : readDer(value, UTF8_STRING).content, `extension ${oid}`);
  }
  return found;
}

function namedClaims(extensions: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(extensions).flatMap(([oid, value]) => {
      const name = NAMES[Number(oid.slice(ARC.length))];
      return name === undefined ? [] : [[name, value]];
    }),
  );
}

/** One subject alternative name (RFC 5280 §4.2.1.6). */
interface Name {
  readonly kind: 'dns' | 'email' | 'ip' | 'uri' | 'other' | 'unsupported';
  readonly text: string;
}

/** In this order cosign prints and matches them; what it does not know comes last here and is never matched. */
const ORDER: readonly Name['kind'][] = ['dns', 'email', 'ip', 'uri', 'other', 'unsupported'];

function readNames(certificate: Certificate): readonly Name[] {
  const extension = certificate.extensions.get(SUBJECT_ALTERNATIVE_NAME);
  if (extension === undefined) return [];
  const names = derChildren(readDer(extension.value, SEQUENCE)).map(readName);
  return ORDER.flatMap((kind) => names.filter((name) => name.kind === kind));
}

const UNSUPPORTED: Name = { kind: 'unsupported', text: '' };

function readName(element: DerElement): Name {
  switch (element.tag) {
    case 0x81:
      return { kind: 'email', text: decodeText(element.content, 'e-mail address') };
    case 0x82:
      return { kind: 'dns', text: decodeText(element.content, 'DNS name') };
    case 0x86:
      return { kind: 'uri', text: decodeText(element.content, 'URI') };
    case 0x87:
      return { kind: 'ip', text: ipText(element.content) };
    case 0xa0:
      return otherName(element);
    default:
      return UNSUPPORTED;
  }
}

/** Fulcio's user names: `[0] { OID .7, [0] UTF8String }`. */
function otherName(element: DerElement): Name {
  const [oid, value, ...rest] = derChildren(element);
  if (derOid(oid) !== OTHER_NAME) return UNSUPPORTED;
  if (value?.tag !== 0xa0 || rest.length > 0) throw new CertificateError('has a malformed user name');
  return { kind: 'other', text: decodeText(readDer(value.content, UTF8_STRING).content, 'user name') };
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) throw new CertificateError('has a malformed IP address as a name');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function decodeText(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new CertificateError(`has an ${what} that is not UTF-8`, { cause: error });
  }
}

const PRINTABLE = /^[\u0020-\u007e]+$/;
/** Kinds of names that say who signed; a host or an address does not. */
const SIGNERS: ReadonlySet<Name['kind']> = new Set(['email', 'uri', 'other']);

const SHOWN: Readonly<Record<Name['kind'], string>> = { email: 'an e-mail address', uri: 'a URI', other: 'a user name', dns: 'a host', ip: 'an address', unsupported: 'nothing' };

/** A policy names a subject by its text alone, so that one text must not be the name of an e-mail address for one and of a URI or user for another. */
function kindByText(text: string): 'uri' | 'email' | 'other' {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return 'uri';
  return text.includes('@') ? 'email' : 'other';
}

function refuseAmbiguity(names: readonly Name[], issuerV1: string | undefined, issuerV2: string | undefined): void {
  const [name] = names;
  if (name === undefined || names.length !== 1) throw new CertificateError(`names ${names.length} subjects; exactly one is accepted`);
  if (!SIGNERS.has(name.kind)) {
    throw new CertificateError('names something else than a person or a workload as its subject: an e-mail address, a URI or a user name is needed');
  }
  if (!PRINTABLE.test(name.text)) throw new CertificateError('names a subject with characters other than printable ASCII');
  const seeming = kindByText(name.text);
  if (seeming !== name.kind) throw new CertificateError(`names a subject that is ${SHOWN[name.kind]} and reads as ${SHOWN[seeming]}`);
  const issuer = issuerV2 ?? issuerV1;
  if (issuer === undefined) throw new CertificateError('names no issuer (OID 1.3.6.1.4.1.57264.1.8 or .1)');
  if (!PRINTABLE.test(issuer)) throw new CertificateError('names an issuer with characters other than printable ASCII');
  if (issuerV1 !== undefined && issuerV1 !== issuer) throw new CertificateError('names two different issuers (OIDs .1 and .8)');
}

/** The one name that sigstore-go looks at: the first URI, else the first e-mail address, else Fulcio's user name. */
function preferred(names: readonly Name[]): readonly string[] {
  const name = (['uri', 'email', 'other'] as const).map((kind) => names.find((one) => one.kind === kind)).find((one) => one !== undefined);
  return name === undefined ? [] : [name.text];
}
