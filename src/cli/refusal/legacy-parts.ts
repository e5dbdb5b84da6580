import { X509Certificate } from 'node:crypto';
import { readPem } from '../../signatures/pem.ts';
import type { JsonObject } from '../../signatures/json.ts';
import { goField } from '../../signatures/simple-signing.ts';
import type { LegacyAttestationCandidate, LegacyCandidate } from '../../signatures/types.ts';
import { base64Problem, jsonProblem } from './go-json.ts';
import { Mismatch } from './mismatch.ts';
import type { SignedEntry } from './signed-entry.ts';

/** The annotations of a layer that holds a legacy signature or attestation (cosign specs/SIGNATURE_SPEC.md), each as it is compared. */
export interface LegacyParts {
  readonly payload: Buffer;
  /** Base64; empty in an attestation, which has its signature in the payload. */
  readonly signature: string;
  readonly entry?: SignedEntry;
  /** The entry's body is none of the texts that JSON has. */
  readonly oddBody?: true;
  readonly timestamp?: Buffer;
  readonly certificate?: X509Certificate;
}

/** Reads what cosign reads of every layer before it checks anything (pkg/oci/static, Copy). Throws {@link Mismatch}. */
export function readParts(candidate: LegacyCandidate | LegacyAttestationCandidate): LegacyParts {
  const { annotations } = candidate;
  const annotation = (name: string): string | undefined => annotations[name] || undefined;
  const [bundle, stamp, pem] = [annotation('dev.sigstore.cosign/bundle'), annotation('dev.sigstore.cosign/rfc3161timestamp'), annotation('dev.sigstore.cosign/certificate')];
  const entry = bundle === undefined ? {} : readEntry(parse(bundle, 'unmarshaling bundle'));
  const timestamp = stamp === undefined ? undefined : readTimestamp(parse(stamp, 'unmarshaling RFC3161 timestamp bundle'));
  const certificate = pem === undefined ? undefined : readCertificate(pem);
  return {
    payload: Buffer.from(candidate.format === 'legacy' ? candidate.payload : candidate.envelope),
    signature: annotation('dev.cosignproject.cosign/signature') ?? '',
    ...entry,
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function readEntry(bundle: JsonObject): Pick<LegacyParts, 'entry' | 'oddBody'> {
  const payload = objectIn(bundle, 'Payload');
  const body = goField(payload, 'body');
  const entry = {
    body: typeof body === 'string' ? body : '',
    integratedTime: numberIn(payload, 'integratedTime'),
    logIndex: numberIn(payload, 'logIndex'),
    logId: textIn(payload, 'logID').toLowerCase(),
    timestamp: bytesIn(bundle, 'SignedEntryTimestamp', 'unmarshaling bundle'),
  };
  return typeof body === 'string' ? { entry } : { entry, oddBody: true };
}

function readTimestamp(bundle: JsonObject): Buffer {
  return bytesIn(bundle, 'SignedRFC3161Timestamp', 'unmarshaling RFC3161 timestamp bundle');
}

/** The chain beside a keyless signature, which must be whole although nothing in it is believed (pkg/cosign/verify.go, verifyInternal). Throws {@link Mismatch}. */
export function checkStoredChain({ annotations }: Pick<LegacyCandidate, 'annotations'>): void {
  const chain = annotations['dev.sigstore.cosign/chain'];
  if (chain) readCertificate(chain);
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

/** As Go decodes into a struct: `null` leaves it as it is. */
function parse(text: string, what: string): JsonObject {
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Mismatch(`${what}: ${problem}`);
  const value: unknown = JSON.parse(text) ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Mismatch(`${what}: it is not an object`);
  return value as JsonObject;
}

function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = goField(parent, name.toLowerCase()) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Mismatch(`unmarshaling bundle: ${name} is not an object`);
  return value as JsonObject;
}

function textIn(parent: JsonObject, name: string): string {
  const value = goField(parent, name.toLowerCase()) ?? '';
  if (typeof value !== 'string') throw new Mismatch(`unmarshaling bundle: ${name} is not a string`);
  return value;
}

function bytesIn(parent: JsonObject, name: string, what: string): Buffer {
  const text = textIn(parent, name);
  const problem = base64Problem(text);
  if (problem !== undefined) throw new Mismatch(`${what}: ${problem}`);
  return Buffer.from(text, 'base64');
}

function numberIn(parent: JsonObject, name: string): number {
  const value = goField(parent, name.toLowerCase()) ?? 0;
  if (!Number.isSafeInteger(value)) throw new Mismatch(`unmarshaling bundle: ${name} is not a whole number`);
  return value as number;
}
