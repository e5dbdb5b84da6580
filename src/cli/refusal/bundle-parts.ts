import { X509Certificate } from 'node:crypto';
import type { BundleCandidate } from '../../signatures/types.ts';

/** A log entry of a bundle, with everything decoded. */
export interface BundleEntry {
  readonly body: Buffer;
  /** Seconds since the epoch; 0 where the log attests no time. */
  readonly integratedTime: number;
  readonly logIndex: bigint;
  readonly logId: Buffer;
  readonly promise?: Buffer;
  readonly proof?: { readonly logIndex: bigint; readonly treeSize: bigint; readonly rootHash: Buffer; readonly hashes: readonly Buffer[]; readonly checkpoint: string };
}

/** What a bundle holds, as far as the words of its refusal depend on it. */
export interface BundleParts {
  /** Absent where a key signed. */
  readonly certificate?: X509Certificate;
  readonly entries: readonly BundleEntry[];
  readonly timestamps: readonly Buffer[];
  /** Absent where the artifact itself was signed. */
  readonly envelope?: { readonly payload: Buffer; readonly payloadType: string; readonly signatures: readonly Buffer[] };
  readonly message?: { readonly digest: Buffer; readonly signature: Buffer };
}

type Json = Readonly<Record<string, unknown>>;

/** Takes a bundle apart that is known to be well-formed (`isLoadable`). Throws TypeError for any other. */
export function readBundleParts({ bytes }: BundleCandidate): BundleParts {
  const root = JSON.parse(Buffer.from(bytes).toString('utf8')) as Json;
  const material = object(root['verificationMaterial']);
  const [first] = list(object(material['x509CertificateChain'])['certificates']);
  const der = bufferOf(object(material['certificate'] ?? first)['rawBytes']);
  const envelope = root['dsseEnvelope'] === undefined ? undefined : object(root['dsseEnvelope']);
  const message = root['messageSignature'] === undefined ? undefined : object(root['messageSignature']);
  return {
    ...(der.length === 0 ? {} : { certificate: new X509Certificate(der) }),
    entries: list(material['tlogEntries']).map(readEntry),
    timestamps: list(object(material['timestampVerificationData'])['rfc3161Timestamps']).map((one) => bufferOf(one['signedTimestamp'])),
    ...(envelope === undefined ? {} : { envelope: { payload: bufferOf(envelope['payload']), payloadType: text(envelope['payloadType']), signatures: list(envelope['signatures']).map((one) => bufferOf(one['sig'])) } }),
    ...(message === undefined ? {} : { message: { digest: bufferOf(object(message['messageDigest'])['digest']), signature: bufferOf(message['signature']) } }),
  };
}

/** The raw signature, of whichever kind. */
export function signatureOf({ envelope, message }: BundleParts): Buffer {
  return envelope?.signatures[0] ?? message?.signature ?? Buffer.alloc(0);
}

function readEntry(entry: Json): BundleEntry {
  const promise = bufferOf(object(entry['inclusionPromise'])['signedEntryTimestamp']);
  const proof = entry['inclusionProof'] === undefined ? undefined : object(entry['inclusionProof']);
  return {
    body: bufferOf(entry['canonicalizedBody']),
    integratedTime: Number(entry['integratedTime'] ?? 0),
    logIndex: integer(entry['logIndex']),
    logId: bufferOf(object(entry['logId'])['keyId']),
    ...(promise.length === 0 ? {} : { promise }),
    ...(proof === undefined ? {} : { proof: readProof(proof) }),
  };
}

function readProof(proof: Json): NonNullable<BundleEntry['proof']> {
  return {
    logIndex: integer(proof['logIndex']),
    treeSize: integer(proof['treeSize']),
    rootHash: bufferOf(proof['rootHash']),
    hashes: Array.isArray(proof['hashes']) ? proof['hashes'].map(bufferOf) : [],
    checkpoint: text(object(proof['checkpoint'])['envelope']),
  };
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function bufferOf(value: unknown): Buffer {
  return Buffer.from(text(value), 'base64');
}

/** Protobuf's JSON has 64-bit integers as strings, and leaves 0 out. */
function integer(value: unknown): bigint {
  return BigInt(typeof value === 'number' || typeof value === 'string' ? value : 0);
}
