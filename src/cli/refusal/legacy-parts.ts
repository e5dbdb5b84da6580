import { X509Certificate } from 'node:crypto';
import { readPem } from '../../signatures/pem.ts';
import type { LegacyAttestationCandidate, LegacyCandidate } from '../../signatures/types.ts';
import { Mismatch } from './mismatch.ts';
import type { SignedEntry } from './signed-entry.ts';

/** The annotations of a layer that holds a legacy signature or attestation (cosign specs/SIGNATURE_SPEC.md), each as it is compared. */
export interface LegacyParts {
  readonly payload: Buffer;
  /** Base64; empty in an attestation, which has its signature in the payload. */
  readonly signature: string;
  readonly entry?: SignedEntry;
  readonly timestamp?: Buffer;
  readonly certificate?: X509Certificate;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads what cosign reads of every layer before it checks anything (pkg/oci/static, Copy). Throws {@link Mismatch}. */
export function readParts(candidate: LegacyCandidate | LegacyAttestationCandidate): LegacyParts {
  const { annotations } = candidate;
  const annotation = (name: string): string | undefined => annotations[name] || undefined;
  const [bundle, stamp, pem] = [annotation('dev.sigstore.cosign/bundle'), annotation('dev.sigstore.cosign/rfc3161timestamp'), annotation('dev.sigstore.cosign/certificate')];
  const entry = bundle === undefined ? undefined : readEntry(parse(bundle, 'unmarshaling bundle'));
  const timestamp = stamp === undefined ? undefined : readTimestamp(parse(stamp, 'unmarshaling RFC3161 timestamp bundle'));
  const certificate = pem === undefined ? undefined : readCertificate(pem);
  return {
    payload: Buffer.from(candidate.format === 'legacy' ? candidate.payload : candidate.envelope),
    signature: annotation('dev.cosignproject.cosign/signature') ?? '',
    ...(entry === undefined ? {} : { entry }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function readEntry(bundle: Json): SignedEntry {
  const payload = objectIn(bundle, 'Payload');
  const body = payload['body'];
  if (typeof body !== 'string') throw new Mismatch('error verifying bundle: bundle payload body is not a string');
  return {
    body,
    integratedTime: numberIn(payload, 'integratedTime'),
    logIndex: numberIn(payload, 'logIndex'),
    logId: textIn(payload, 'logID'),
    timestamp: Buffer.from(textIn(bundle, 'SignedEntryTimestamp'), 'base64'),
  };
}

function readTimestamp(bundle: Json): Buffer {
  return Buffer.from(textIn(bundle, 'SignedRFC3161Timestamp'), 'base64');
}

/** The first certificate of the annotation, though all of them must be whole (sigstore/sigstore, pkg/cryptoutils). */
function readCertificate(text: string): X509Certificate | undefined {
  let blocks: ReturnType<typeof readPem>;
  try {
    blocks = readPem(text);
  } catch (error) {
    throw new Mismatch('error during PEM decoding', { cause: error });
  }
  if (blocks.length === 0 && text.trim() !== '') throw new Mismatch('error during PEM decoding');
  try {
    return blocks.map(({ der }) => new X509Certificate(der))[0];
  } catch (error) {
    throw new Mismatch('x509: malformed certificate', { cause: error });
  }
}

function parse(text: string, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Mismatch(`${what}: ${jsonProblem(text)}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Mismatch(`${what}: it is not an object`);
  return value as Json;
}

/** What Go's parser says of text that is no JSON, where it is plain. */
function jsonProblem(text: string): string {
  const [first = ''] = text.trimStart();
  if (first !== '' && !/[[{"\d\-tfn]/.test(first)) return `invalid character '${first}' looking for beginning of value`;
  return /[}\]]\s*$/.test(text) ? 'it is not JSON' : 'unexpected end of JSON input';
}

function objectIn(parent: Json, name: string): Json {
  const value = parent[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Mismatch(`unmarshaling bundle: ${name} is not an object`);
  return value as Json;
}

function textIn(parent: Json, name: string): string {
  const value = parent[name] ?? '';
  if (typeof value !== 'string') throw new Mismatch(`unmarshaling bundle: ${name} is not a string`);
  return value;
}

function numberIn(parent: Json, name: string): number {
  const value = parent[name] ?? 0;
  if (!Number.isSafeInteger(value)) throw new Mismatch(`unmarshaling bundle: ${name} is not a whole number`);
  return value as number;
}
