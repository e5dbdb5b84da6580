import { randomBytes } from 'node:crypto';
import {
  bitString,
  boolean,
  der,
  implicit,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  setOf,
  tagged,
  time,
  utf8String,
} from './der.ts';
import { hashOf, sha256, signWith, type KeyPair, type KeyType } from './keys.ts';

/** An extension: its DER value is what the OCTET STRING holds. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** A distinguished name; both empty is the empty name of Fulcio's leaves. */
export interface DistinguishedName {
  readonly organization?: string;
  readonly commonName?: string;
}

/** A certificate before it is signed: plain data, so that a test can bend it into any shape. Times in milliseconds. */
export interface CertificateTemplate {
  readonly serial: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** One entry of subjectAltName. */
export type GeneralName =
  | { readonly email: string | Uint8Array }
  | { readonly dns: string }
  | { readonly uri: string | Uint8Array }
  | { readonly username: string };

/** Extended key usages that matter here. */
export const USAGE = {
  codeSigning: '1.3.6.1.5.5.7.3.3',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const;

/** A serial number as certificate authorities choose it: 19 random bytes, positive. */
export function randomSerial(): Buffer {
  return Buffer.concat([Buffer.from([0x2a]), randomBytes(18)]);
}

/** RFC 5280, 4.1.2.4. */
export function nameDer(name: DistinguishedName): Buffer {
  return sequence(...namePart('2.5.4.10', name.organization), ...namePart('2.5.4.3', name.commonName));
}

/** TBSCertificate (RFC 5280, 4.1) of the template, to be signed by a key of this type. */
export function tbsCertificate(template: CertificateTemplate, issuerKey: KeyPair): Buffer {
  const extensions = template.extensions.map((one) =>
    sequence(oid(one.oid), ...(one.critical ? [boolean(true)] : []), octetString(one.value)),
  );
  return sequence(
    tagged(0, integer(2)),
    integer(template.serial),
    signatureAlgorithm(issuerKey),
    nameDer(template.issuer),
    sequence(time(template.notBefore), time(template.notAfter)),
    nameDer(template.subject),
    template.spki,
    ...(extensions.length === 0 ? [] : [tagged(3, sequence(...extensions))]),
  );
}

/** The template as a certificate signed by `issuerKey`: DER. `bend` changes what is signed after it was encoded. */
export function signCertificate(template: CertificateTemplate, issuerKey: KeyPair, bend: (tbs: Buffer) => Buffer = (one) => one): Buffer {
  const tbs = bend(tbsCertificate(template, issuerKey));
  const signature = signWith(issuerKey, tbs, hashOf(issuerKey.type));
  return sequence(tbs, signatureAlgorithm(issuerKey), bitString(signature));
}

const RSA_SHA256 = [oid('1.2.840.113549.1.1.11'), nothing()];
const ALGORITHMS: Readonly<Record<KeyType, readonly Buffer[]>> = {
  'P-224': [oid('1.2.840.10045.4.3.2')],
  'P-256': [oid('1.2.840.10045.4.3.2')],
  'P-384': [oid('1.2.840.10045.4.3.3')],
  'P-521': [oid('1.2.840.10045.4.3.4')],
  'RSA-1024': RSA_SHA256,
  'RSA-2048': RSA_SHA256,
  'RSA-3072': RSA_SHA256,
  'RSA-4096': RSA_SHA256,
  Ed25519: [oid('1.3.101.112')],
};

/** AlgorithmIdentifier of the signatures that this key makes, with the hash of its own length. */
export const signatureAlgorithm = (key: KeyPair): Buffer => sequence(...ALGORITHMS[key.type]);

/** basicConstraints of a certificate authority. */
export function authorityConstraints(pathLength: number): Extension {
  return { oid: '2.5.29.19', critical: true, value: sequence(boolean(true), integer(pathLength)) };
}

/** keyUsage: a leaf signs data, an authority signs certificates and revocation lists. */
export function keyUsage(use: 'data' | 'certificates'): Extension {
  const bits = use === 'data' ? bitString(Buffer.from([0x80]), 7) : bitString(Buffer.from([0x06]), 1);
  return { oid: '2.5.29.15', critical: true, value: bits };
}

/** extKeyUsage. */
export function extendedKeyUsage(usages: readonly string[], critical = false): Extension {
  return { oid: '2.5.29.37', critical, value: sequence(...usages.map(oid)) };
}

/** subjectKeyIdentifier of a key. */
export function subjectKeyId(spki: Uint8Array): Extension {
  return { oid: '2.5.29.14', critical: false, value: octetString(keyIdentifier(spki)) };
}

/** authorityKeyIdentifier that names the issuer's key. */
export function authorityKeyId(spki: Uint8Array): Extension {
  return { oid: '2.5.29.35', critical: false, value: sequence(implicit(0, keyIdentifier(spki))) };
}

/** subjectAltName, critical because the subject is empty (RFC 5280, 4.2.1.6). */
export function subjectAlternativeName(...names: readonly GeneralName[]): Extension {
  return { oid: '2.5.29.17', critical: true, value: sequence(...names.map(generalName)) };
}

function generalName(name: GeneralName): Buffer {
  if ('email' in name) return implicit(1, Buffer.from(name.email));
  if ('dns' in name) return implicit(2, Buffer.from(name.dns));
  if ('uri' in name) return implicit(6, Buffer.from(name.uri));
  return tagged(0, oid('1.3.6.1.4.1.57264.1.7'), tagged(0, utf8String(name.username)));
}

/** An extension with an OID that nobody knows. */
export function unknownExtension(critical: boolean): Extension {
  return { oid: '1.3.6.1.4.1.99999.1', critical, value: der(0x05) };
}

function keyIdentifier(spki: Uint8Array): Buffer {
  return sha256(spki).subarray(0, 20);
}

function namePart(type: string, text: string | undefined): Buffer[] {
  return text === undefined ? [] : [setOf(sequence(oid(type), utf8String(text)))];
}
