import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { PublicKeyDetails } from '@sigstore/protobuf-specs';
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import { digestOf } from '../base/digest.ts';
import { CodedError, problemOf } from '../base/errors.ts';
import { CertificateError, readCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { issued, linkAuthorities, TIME_STAMPING } from './chain.ts';
import type { AuthorityChain, StampAuthority } from './chain.ts';
import { asList, asObject, asString, fromBase64, JsonError, parseJson, refuseSnakeCase } from './json.ts';
import type { JsonObject } from './json.ts';
import { weaknessOf } from './public-key.ts';

/** A validated trusted root: certificate authorities, logs, CT logs, timestamp authorities (protobuf-specs, sigstore_trustroot.proto). */
export interface TrustRoot {
  readonly material: Material;
  /** The certificate authorities, each chain proven. */
  readonly authorities: readonly AuthorityChain[];
  /** They are somebody's own (`own-authorities.ts`): who has no OpenID issuer in a certificate was vouched for by whoever issued it. */
  readonly ownAuthorities?: true;
  /** Digest of the bytes that it was read from. */
  readonly hash: string;
}

/** A transparency log, or a log of certificates. */
export interface Log {
  readonly baseURL: string;
  /** By which entries, and SCTs, name it. */
  readonly logID: Buffer;
  readonly publicKey: KeyObject;
  /** When its key counts; to the end of time where nothing else is said. */
  readonly validFor: { readonly start: Date; readonly end: Date };
}

/** What signatures are held against besides certificate authorities: logs, and timestamp authorities with their chains proven. */
export interface Material {
  readonly tlogs: readonly Log[];
  readonly ctlogs: readonly Log[];
  readonly stampAuthorities: readonly StampAuthority[];
}

/** Why a trusted root cannot be used. */
export type TrustRootErrorCode = 'TooLarge' | 'Malformed' | 'Invalid' | 'Empty';

/** Thrown by {@link loadTrustRoot}; the message names the field. */
export class TrustRootError extends CodedError<TrustRootErrorCode> {}

const MAX_BYTES = 1024 * 1024;
const MAX_MEMBERS = 64;
const MAX_CHAIN = 8;
/** Of all authorities together. The public-good root has ten; every one of them may have to be tried for one signature. */
const MAX_CERTIFICATES = 64;
/** Keys of logs under one id: each is tried for each entry. */
const MAX_NAMESAKES = 4;
const MAX_CERTIFICATE_BYTES = 16 * 1024;
const MAX_KEY_BYTES = 8 * 1024;
const MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.1+json',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
]);
const PUBLIC_GOOD = 'https://tuf-repo-cdn.sigstore.dev';

/**
 * Reads `trusted_root.json`. The library would take `{}` and keys without a validity: here every key and chain must say since
 * when it counts, every chain must lead to its self-signed last certificate, and something must be in it. Throws {@link TrustRootError}.
 */
export function loadTrustRoot(json: string): TrustRoot {
  const bytes = Buffer.from(json, 'utf8');
  if (bytes.length > MAX_BYTES) throw new TrustRootError('TooLarge', `the trusted root is larger than ${MAX_BYTES} bytes`);
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof TrustRootError) throw error;
    throw new TrustRootError('Malformed', `the trusted root cannot be read: ${problemOf(error)}`, { cause: error });
  }
}

/** Which root answers for which part; the certificate authorities' own where nothing else is said. */
export interface TrustRootParts {
  readonly authorities: TrustRoot;
  readonly logs?: TrustRoot;
  readonly ctLogs?: TrustRoot;
  readonly timestampAuthorities?: TrustRoot;
}

/** One root out of parts of several, so that each part comes from one of them and never from a union (api.md, Authorities). */
export function joinTrustRoots({ authorities: base, logs = base, ctLogs = base, timestampAuthorities = base }: TrustRootParts): TrustRoot {
  const roots = [base, logs, ctLogs, timestampAuthorities];
  if (roots.every((root) => root === base)) return base;
  const material: Material = {
    tlogs: logs.material.tlogs,
    ctlogs: ctLogs.material.ctlogs,
    stampAuthorities: timestampAuthorities.material.stampAuthorities,
  };
  const own = base.ownAuthorities === undefined ? {} : { ownAuthorities: base.ownAuthorities };
  return Object.freeze({ material, authorities: base.authorities, ...own, hash: digestOf(roots.map(({ hash }) => hash).join('\n')) });
}

let embedded: TrustRoot | undefined;

/** The public-good root that this build was made with (from the pinned `@sigstore/tuf`); read once, at the first call. */
export function embeddedTrustRoot(): TrustRoot {
  embedded ??= loadTrustRoot(embeddedTrustText());
  return embedded;
}

/** The `trusted_root.json` of {@link embeddedTrustRoot}. */
export function embeddedTrustText(): string {
  return Buffer.from(seeds[PUBLIC_GOOD].targets['trusted_root.json'], 'base64').toString('utf8');
}

function read(bytes: Buffer): TrustRoot {
  const root = asObject(parseJson(bytes, { strict: true, maxDepth: 32 }), 'the trusted root');
  refuseSnakeCase(root, 'the trusted root');
  const mediaType = asString(root['mediaType'], 'mediaType');
  if (!MEDIA_TYPES.has(mediaType)) {
    throw new TrustRootError('Invalid', `mediaType ${JSON.stringify(mediaType.slice(0, 128))} is not that of a trusted root`);
  }
  const issuers = members(root, 'certificateAuthorities');
  const stamps = members(root, 'timestampAuthorities');
  checkCertificateCount([...issuers, ...stamps]);
  const authorities = issuers.map(([field, member]) => readAuthority(field, member));
  const logs = [...members(root, 'tlogs'), ...members(root, 'ctlogs')];
  const stampAuthorities = stamps.map(([field, member]) => readStampAuthority(field, member));
  for (const [field, member] of logs) checkLog(field, member);
  if (authorities.length + stamps.length + logs.length === 0) {
    throw new TrustRootError('Empty', 'the trusted root has no certificate authority, log, CT log or timestamp authority');
  }
  const [tlogs, ctlogs] = [members(root, 'tlogs').map(readLog), members(root, 'ctlogs').map(readLog)];
  checkNamesakes('tlogs', tlogs);
  checkNamesakes('ctlogs', ctlogs);
  for (const [index, { publicKey }] of [...tlogs, ...ctlogs].entries()) checkKey(publicKey, logs[index] ?? ['a log', {}]);
  return Object.freeze({ material: { tlogs, ctlogs, stampAuthorities }, authorities, hash: digestOf(bytes) });
}

/** How the names of key details tell the kinds of keys (protobuf-specs, PublicKeyDetails). */
const FAMILIES: Readonly<Record<string, string>> = { ec: 'ECDSA', rsa: 'RSA', ed25519: 'ED25519' };
/** Keys that are written as PKCS#1 and not as SPKI. */
const PKCS1: ReadonlySet<string> = new Set(['PKCS1_RSA_PKCS1V5', 'PKIX_RSA_PKCS1V5']);
const END_OF_TIME = 8_640_000_000_000_000;

/** A log that was looked at. Throws {@link TrustRootError}, or what OpenSSL says of the key. */
function readLog([field, member]: readonly [string, JsonObject]): Log {
  const key = asObject(member['publicKey'], `${field}.publicKey`);
  const details = asString(key['keyDetails'], `${field}.publicKey.keyDetails`);
  const known: Readonly<Record<string, unknown>> = PublicKeyDetails;
  if (typeof known[details] !== 'number') throw new TrustRootError('Malformed', `${field}.publicKey.keyDetails ${JSON.stringify(details.slice(0, 64))} is not in the enumeration of key details`);
  const der = fromBase64(key['rawBytes'], `${field}.publicKey.rawBytes`, MAX_KEY_BYTES);
  const { start, end } = readValidity(`${field}.publicKey.validFor`, key['validFor']);
  return {
    baseURL: asString(member['baseUrl'], `${field}.baseUrl`),
    logID: logIdOf(field, member),
    publicKey: createPublicKey({ key: der, format: 'der', type: PKCS1.has(details) ? 'pkcs1' : 'spki' }),
    validFor: { start: new Date(start), end: new Date(Math.min(end, END_OF_TIME)) },
  };
}

function logIdOf(field: string, member: JsonObject): Buffer {
  return fromBase64(asObject(member['checkpointKeyId'] ?? member['logId'], `${field}.logId`)['keyId'], `${field}.logId.keyId`, 64);
}

function checkKey(key: KeyObject, [field, member]: readonly [string, JsonObject]): void {
  const weakness = weaknessOf(key);
  if (weakness !== undefined) throw new TrustRootError('Invalid', `${field}.publicKey ${weakness}`);
  const details = String(asObject(member['publicKey'], field)['keyDetails']);
  if (!details.includes(FAMILIES[key.asymmetricKeyType ?? ''] ?? 'none')) throw new TrustRootError('Invalid', `${field}.publicKey.keyDetails ${details.slice(0, 64)} is not what the key is`);
}

function members(root: JsonObject, field: string): readonly (readonly [string, JsonObject])[] {
  const list = asList(root[field], field);
  if (list.length > MAX_MEMBERS) {
    throw new TrustRootError('TooLarge', `${field} has ${list.length} members; at most ${MAX_MEMBERS} are read`);
  }
  return list.map((member, index) => [`${field}[${index}]`, asObject(member, `${field}[${index}]`)] as const);
}

/** WARNING: before any of them is read. A policy's author chooses the trust root, and proving hundreds of certificates takes seconds of the one thread. */
function checkCertificateCount(authorities: readonly (readonly [string, JsonObject])[]): void {
  const count = authorities.reduce((sum, [field, member]) => sum + asList(asObject(member['certChain'], `${field}.certChain`)['certificates'], field).length, 0);
  if (count <= MAX_CERTIFICATES) return;
  throw new TrustRootError('TooLarge', `certificateAuthorities and timestampAuthorities have ${count} certificates together; at most ${MAX_CERTIFICATES} are read`);
}

function checkNamesakes(field: string, logs: readonly Log[]): void {
  const [most = []] = [...Map.groupBy(logs, ({ logID }) => logID.toString('hex')).values()].toSorted((one, other) => other.length - one.length);
  if (most.length > MAX_NAMESAKES) throw new TrustRootError('TooLarge', `${field} has ${most.length} keys under one log id; at most ${MAX_NAMESAKES} are read`);
}

function readAuthority(field: string, member: JsonObject): AuthorityChain {
  const { start, end } = readValidity(`${field}.validFor`, member['validFor']);
  const certificates = readChain(`${field}.certChain`, member['certChain']);
  return named(`${field}.certChain`, () => ({ authorities: linkAuthorities(certificates), start, end }));
}

/** The first certificate is the one that signs timestamps; the library takes it at its word. */
function readStampAuthority(field: string, member: JsonObject): StampAuthority {
  const { start, end } = readValidity(`${field}.validFor`, member['validFor']);
  const [signer, ...rest] = readChain(`${field}.certChain`, member['certChain']);
  return named(`${field}.certChain`, () => {
    if (signer?.usages?.includes(TIME_STAMPING) !== true) {
      throw new CertificateError('begins with a certificate that is not for time stamping');
    }
    if (rest.length === 0) throw new CertificateError('does not end in a self-signed root');
    const issuers = linkAuthorities(rest).filter(({ certificate }) => issued(signer, certificate));
    if (issuers.length === 0) throw new CertificateError('does not lead from its first certificate to its root');
    return { signer, issuers, start, end };
  });
}

function checkLog(field: string, member: JsonObject): void {
  const key = asObject(member['publicKey'], `${field}.publicKey`);
  readValidity(`${field}.publicKey.validFor`, key['validFor']);
  if (fromBase64(key['rawBytes'], `${field}.publicKey.rawBytes`, MAX_KEY_BYTES).length === 0) {
    throw new TrustRootError('Invalid', `${field}.publicKey.rawBytes is empty`);
  }
  const details = asString(key['keyDetails'], `${field}.publicKey.keyDetails`);
  if (details.includes('PSS')) {
    throw new TrustRootError('Invalid', `${field}.publicKey.keyDetails ${details.slice(0, 64)} is not supported`);
  }
  const hash = asString(member['hashAlgorithm'], `${field}.hashAlgorithm`);
  if (hash !== 'SHA2_256') throw new TrustRootError('Invalid', `${field}.hashAlgorithm ${hash.slice(0, 64)} is not SHA2_256, with which logs hash`);
  if (logIdOf(field, member).length < 4) {
    throw new TrustRootError('Invalid', `${field}.logId.keyId is too short`);
  }
  asString(member['baseUrl'], `${field}.baseUrl`);
}

/**
 * A missing start would be read as 1970, so that a key counts for signatures from before it existed. One that ends before
 * it starts is harmless: it never counts.
 */
function readValidity(field: string, value: unknown): { start: number; end: number } {
  const validity = asObject(value, field);
  const start = readTime(`${field}.start`, validity['start']);
  const end = validity['end'] === undefined ? Number.POSITIVE_INFINITY : readTime(`${field}.end`, validity['end']);
  return { start, end };
}

function readTime(field: string, value: unknown): number {
  const text = asString(value, field);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new TrustRootError('Invalid', `${field} is not a time (RFC 3339)`);
  return time;
}

function readChain(field: string, value: unknown): readonly Certificate[] {
  const list = asList(asObject(value, field)['certificates'], `${field}.certificates`);
  if (list.length === 0) throw new TrustRootError('Invalid', `${field}.certificates is empty`);
  if (list.length > MAX_CHAIN) {
    throw new TrustRootError('TooLarge', `${field}.certificates has ${list.length} members; at most ${MAX_CHAIN} are read`);
  }
  return list.map((member, index) => {
    const where = `${field}.certificates[${index}]`;
    const der = fromBase64(asObject(member, where)['rawBytes'], `${where}.rawBytes`, MAX_CERTIFICATE_BYTES);
    return named(where, () => readCertificate(der, MAX_CERTIFICATE_BYTES));
  });
}

/** Puts the field's name before whatever is wrong with the certificates in it. */
function named<Value>(field: string, task: () => Value): Value {
  try {
    return task();
  } catch (error) {
    if (error instanceof CertificateError || error instanceof JsonError) {
      throw new TrustRootError('Invalid', `${field}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
