import { randomBytes } from 'node:crypto';
import {
  USAGE,
  authorityConstraints,
  authorityKeyId,
  extendedKeyUsage,
  keyUsage,
  nameDer,
  randomSerial,
  signatureAlgorithm,
  signCertificate,
  subjectKeyId,
  type CertificateTemplate,
} from './certificate.ts';
import { der, generalizedTime, integer, nothing, octetString, oid, sequence, setOf, tagged, time } from './der.ts';
import { generateKey, hashOf, hashed, sha256, signWith, type HashName, type KeyPair, type KeyType } from './keys.ts';

const YEAR = 365 * 24 * 3600 * 1000;
const HASHES: Readonly<Record<HashName, string>> = {
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';

/** A timestamp authority (RFC 3161): a leaf that stamps, issued by a root of its own. */
export interface TimestampAuthority {
  readonly key: KeyPair;
  readonly template: CertificateTemplate;
  /** Leaf, then root: DER. */
  readonly chain: readonly [Buffer, Buffer];
  readonly url: string;
}

/** A new authority, valid ten years before and after `at` (milliseconds); `shape` bends its leaf. */
export function createTimestampAuthority(options: {
  at: number;
  name?: string;
  keyType?: KeyType;
  shape?: (template: CertificateTemplate) => CertificateTemplate;
}): TimestampAuthority {
  const organization = options.name ?? 'sigstore.test';
  const [rootKey, key] = [generateKey('P-384'), generateKey(options.keyType ?? 'P-256')];
  const validity = { notBefore: options.at - 10 * YEAR, notAfter: options.at + 10 * YEAR };
  const rootName = { organization, commonName: 'timestamp root' };
  const ids = (spki: Buffer) => [subjectKeyId(spki), authorityKeyId(rootKey.spki)];
  const root: CertificateTemplate = {
    ...validity,
    serial: randomSerial(),
    issuer: rootName,
    subject: rootName,
    spki: rootKey.spki,
    extensions: [authorityConstraints(0), keyUsage('certificates'), ...ids(rootKey.spki)],
  };
  const leaf: CertificateTemplate = {
    ...validity,
    serial: randomSerial(),
    issuer: rootName,
    subject: { organization, commonName: 'timestamps' },
    spki: key.spki,
    extensions: [keyUsage('data'), extendedKeyUsage([USAGE.timeStamping], true), ...ids(key.spki)],
  };
  const template = options.shape?.(leaf) ?? leaf;
  return {
    key,
    template,
    chain: [signCertificate(template, rootKey), signCertificate(root, rootKey)],
    url: `https://timestamp.${organization}/api/v1/timestamp`,
  };
}

/** What of a token can be otherwise than it should. */
export interface TokenOptions {
  /** Hash of the message imprint. */
  readonly hash?: HashName;
  /** Whether the token carries the stamping certificate. */
  readonly certificate?: boolean;
  /** PKIStatus: 0 granted, 2 rejection. */
  readonly status?: number;
  /** What is signed instead of the content's digest. */
  readonly contentDigest?: Buffer;
  /** Bends the TSTInfo before it is signed. */
  readonly info?: (info: Buffer) => Buffer;
}

/** A whole TimeStampResp over `stamped`, as cosign stores it: `at` in milliseconds, kept to the second. */
export function timestampToken(
  authority: TimestampAuthority,
  stamped: Uint8Array,
  at: number,
  options: TokenOptions = {},
): Buffer {
  const plain = tstInfo(stamped, at, options.hash ?? 'sha256');
  const info = options.info?.(plain) ?? plain;
  const digest = hashOf(authority.key.type);
  const attributes = signedAttributes(authority, options.contentDigest ?? hashed(digest, info), at);
  const signedData = sequence(
    integer(3),
    setOf(sequence(oid(HASHES[digest]), nothing())),
    sequence(oid(TST_INFO), tagged(0, octetString(info))),
    ...(options.certificate === true ? [tagged(0, authority.chain[0])] : []),
    setOf(signerInfo(authority, attributes)),
  );
  const token = sequence(oid(SIGNED_DATA), tagged(0, signedData));
  return sequence(sequence(integer(options.status ?? 0)), token);
}

/** TSTInfo (RFC 3161, 2.4.2). */
function tstInfo(stamped: Uint8Array, at: number, hash: HashName): Buffer {
  return sequence(
    integer(1),
    oid('1.3.6.1.4.1.57264.2'),
    sequence(sequence(oid(HASHES[hash]), nothing()), octetString(hashed(hash, stamped))),
    integer(randomSerial()),
    generalizedTime(at),
    sequence(integer(1)), // accurate to a second
    integer(Buffer.concat([Buffer.from([0x11]), randomBytes(7)])),
  );
}

/** The sorted signed attributes, without their outer tag (RFC 5652, 5.3; RFC 5816 for the certificate's hash). */
function signedAttributes(authority: TimestampAuthority, contentDigest: Buffer, at: number): Buffer[] {
  const issuerSerial = sequence(
    sequence(tagged(4, nameDer(authority.template.issuer))),
    integer(authority.template.serial),
  );
  const certificateId = sequence(octetString(sha256(authority.chain[0])), issuerSerial);
  return [
    sequence(oid('1.2.840.113549.1.9.3'), setOf(oid(TST_INFO))),
    sequence(oid('1.2.840.113549.1.9.5'), setOf(time(at))),
    sequence(oid('1.2.840.113549.1.9.4'), setOf(octetString(contentDigest))),
    sequence(oid('1.2.840.113549.1.9.16.2.47'), setOf(sequence(sequence(certificateId)))),
  ].toSorted((a, b) => Buffer.compare(a, b));
}

function signerInfo(authority: TimestampAuthority, attributes: readonly Buffer[]): Buffer {
  // Signed as a SET, carried as [0] (RFC 5652, 5.4).
  const digest = hashOf(authority.key.type);
  const signature = signWith(authority.key, der(0x31, ...attributes), digest);
  return sequence(
    integer(1),
    sequence(nameDer(authority.template.issuer), integer(authority.template.serial)),
    sequence(oid(HASHES[digest]), nothing()),
    tagged(0, ...attributes),
    signatureAlgorithm(authority.key),
    octetString(signature),
  );
}

/** A response that grants nothing: only a status, no token. */
export const refusedTimestamp = (): Buffer => sequence(sequence(integer(2)));
