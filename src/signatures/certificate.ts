import { X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import {
  checkDer,
  DerError,
  derBoolean,
  derChildren,
  derOid,
  derSmallInteger,
  derTime,
  expectTag,
  isBoolean,
  OCTET_STRING,
  readDer,
  SEQUENCE,
} from './der.ts';
import type { DerElement } from './der.ts';
import { checkSpeculation } from './speculation.ts';

/** One extension of a certificate; `value` is what its OCTET STRING holds. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
  /** The whole Extension element. */
  readonly der: Buffer;
}

/** A certificate that was read strictly (RFC 5280 §4.1): canonical outer form, no repeated extension. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly key: KeyObject;
  readonly der: Buffer;
  readonly digest: Digest;
  /** Elements of the TBSCertificate, in order. */
  readonly tbs: readonly DerElement[];
  /** DER SubjectPublicKeyInfo, as it stands in the certificate. */
  readonly spki: Buffer;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch; the last second in which it is valid. */
  readonly notAfter: number;
  /** Whether it may issue certificates: basic constraints and key usage both say so. */
  readonly isAuthority: boolean;
  /** Whether its basic constraints alone say so, which is enough to refuse it as a signer's. */
  readonly claimsAuthority: boolean;
  /** How many intermediate authorities may follow below it, where it says so. */
  readonly pathLength?: number;
  /** Extended key usages, where it has the extension. */
  readonly usages?: readonly string[];
}

/** Thrown for a certificate that is malformed or asks for something that is not understood. */
export class CertificateError extends Error {}

export const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
export const SIGNED_CERTIFICATE_TIMESTAMPS = '1.3.6.1.4.1.11129.2.4.2';
const BASIC_CONSTRAINTS = '2.5.29.19';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const NAME_CONSTRAINTS = '2.5.29.30';
/** What this file, `chain.ts` and OpenSSL act on. A critical extension of any other kind must not be ignored (RFC 5280 §4.2). */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.14',
  '2.5.29.15',
  SUBJECT_ALTERNATIVE_NAME,
  BASIC_CONSTRAINTS,
  '2.5.29.35',
  EXTENDED_KEY_USAGE,
  SIGNED_CERTIFICATE_TIMESTAMPS,
]);
/** ecdsa-with-SHA256/384/512, sha256/384/512WithRSAEncryption, Ed25519. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112',
]);

/** Reads one DER certificate of at most `limit` bytes. Throws {@link CertificateError}. */
export function readCertificate(der: Buffer, limit: number): Certificate {
  if (der.length > limit) throw new CertificateError(`is larger than ${limit} bytes`);
  return strictly(() => decode(der));
}

/** Turns whatever goes wrong while a certificate is read into a {@link CertificateError}. */
export function strictly<Value>(task: () => Value): Value {
  try {
    return task();
  } catch (error) {
    if (error instanceof CertificateError) throw error;
    throw new CertificateError(error instanceof DerError ? error.message : 'is not an X.509 certificate', { cause: error });
  }
}

/** Whether the certificate may be used for `purpose` (an extended key usage); an authority without the extension may be for anything. */
export function mayServe(certificate: Certificate, purpose: string): boolean {
  const { usages, isAuthority } = certificate;
  if (usages === undefined) return isAuthority;
  return usages.includes(purpose) || (isAuthority && usages.includes(ANY_USAGE));
}

const ANY_USAGE = '2.5.29.37.0';

function decode(der: Buffer): Certificate {
  const whole = readDer(der, SEQUENCE);
  checkDer(whole);
  checkSpeculation(der);
  const parts = derChildren(whole);
  if (parts.length !== 3) throw new CertificateError(`has ${parts.length} parts instead of 3`);
  const tbs = derChildren(expectTag(parts[0], SEQUENCE));
  // Version 3 comes first, so that everything after it has a fixed place (RFC 5280 §4.1.2.1).
  if (tbs[0]?.whole.equals(VERSION_3) !== true) throw new CertificateError('is not of version 3');
  const spki = expectTag(tbs[6], SEQUENCE).whole;
  const algorithm = expectTag(tbs[2], SEQUENCE);
  if (!algorithm.whole.equals(expectTag(parts[1], SEQUENCE).whole)) throw new CertificateError('names two signature algorithms');
  const oid = derOid(derChildren(algorithm)[0]);
  if (!SIGNATURE_ALGORITHMS.has(oid)) throw new CertificateError(`is signed with the algorithm ${oid}, which is not accepted`);
  const extensions = readExtensions(tbs);
  // Node does not look whether OpenSSL could read a time: of one that is malformed it gives what happens to be in memory.
  const [notBefore, notAfter] = derChildren(expectTag(tbs[4], SEQUENCE)).map(derTime);
  if (notBefore === undefined || notAfter === undefined) throw new CertificateError('has no validity');
  const x509 = new X509Certificate(der);
  if (!x509.raw.equals(der)) throw new CertificateError('is not canonical DER');
  const constraints = readConstraints(extensions.get(BASIC_CONSTRAINTS));
  // They are to be critical (RFC 5280 §4.2.1.10), and issuers have forgotten that: to ignore them is to let an authority name whom it must not.
  if (constraints.claimsAuthority && extensions.has(NAME_CONSTRAINTS)) throw new CertificateError('has name constraints, which are not supported');
  const usages = readUsages(extensions.get(EXTENDED_KEY_USAGE));
  return Object.freeze({
    x509,
    key: x509.publicKey,
    der,
    digest: digestOf(der),
    tbs,
    spki,
    extensions,
    notBefore,
    notAfter,
    isAuthority: x509.ca,
    ...constraints,
    ...(usages === undefined ? {} : { usages }),
  });
}

const VERSION_3 = Buffer.from([0xa0, 0x03, 0x02, 0x01, 0x02]);
const EXTENSIONS = 0xa3;

function readExtensions(tbs: readonly DerElement[]): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  const wrappers = tbs.slice(7).filter(({ tag }) => tag === EXTENSIONS);
  if (wrappers.length > 1) throw new CertificateError('has two lists of extensions');
  const [wrapper] = wrappers;
  if (wrapper === undefined) return extensions;
  for (const element of derChildren(readDer(wrapper.content, SEQUENCE))) {
    const extension = readExtension(element);
    if (extensions.has(extension.oid)) throw new CertificateError(`has the extension ${extension.oid} twice`);
    if (UNDERSTOOD.has(extension.oid)) checkDer(readDer(extension.value));
    else if (extension.critical) throw new CertificateError(`has the critical extension ${extension.oid}, which is not understood`);
    extensions.set(extension.oid, extension);
  }
  return extensions;
}

function readExtension(element: DerElement): Extension {
  const parts = derChildren(expectTag(element, SEQUENCE));
  const flag = parts.length === 3 ? parts[1] : undefined;
  if (parts.length < 2 || parts.length > 3) throw new CertificateError('has a malformed extension');
  return {
    oid: derOid(parts[0]),
    critical: flag !== undefined && derBoolean(flag),
    value: expectTag(parts.at(-1), OCTET_STRING).content,
    der: element.whole,
  };
}

function readConstraints(extension: Extension | undefined): Pick<Certificate, 'claimsAuthority' | 'pathLength'> {
  if (extension === undefined) return { claimsAuthority: false };
  const fields = derChildren(readDer(extension.value, SEQUENCE));
  const claimsAuthority = fields[0] !== undefined && isBoolean(fields[0]) && derBoolean(fields[0]);
  const length = fields.find((field) => !isBoolean(field));
  return length === undefined ? { claimsAuthority } : { claimsAuthority, pathLength: derSmallInteger(length) };
}

function readUsages(extension: Extension | undefined): readonly string[] | undefined {
  return extension === undefined ? undefined : derChildren(readDer(extension.value, SEQUENCE)).map(derOid);
}
