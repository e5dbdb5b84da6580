import type { TransparencyLogEntry } from '@sigstore/bundle';
import { SignedContent } from './content.ts';
import { asObject, asString, fromBase64, JsonError, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { kindOf } from './log-body.ts';
import { readPem } from './pem.ts';
import type { Signed } from './signed.ts';
import { goField, readSimpleSigning } from './simple-signing.ts';
import { SignatureError } from './types.ts';
import type { LegacyCandidate, Profile } from './types.ts';

/**
 * Annotations of a layer (cosign, specs/SIGNATURE_SPEC.md). `dev.sigstore.cosign/chain` is never looked at: trust comes from the
 * trust root alone.
 */
export const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const BUNDLE = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';
/** The material beside what was signed, in the annotations of a layer. */
export type LegacyMaterial = Pick<Signed, 'certificate' | 'entries' | 'timestamps'>;

/** No signature of the algorithms that are supported is larger (RSA with 16,384 bits). */
export const MAX_SIGNATURE_BYTES = 2048;

/** Reads a legacy signature. Throws {@link SignatureError} or {@link JsonError}. */
export function readLegacy(candidate: LegacyCandidate, profile: Profile): Signed {
  const { limits } = profile;
  if (candidate.payload.length > limits.payloadBytes) {
    throw new SignatureError('LimitExceeded', `the payload is larger than ${limits.payloadBytes} bytes`);
  }
  const signature = candidate.annotations[SIGNATURE];
  if (!signature) throw new SignatureError('SignatureInvalid', `the layer has no annotation ${SIGNATURE}`);
  const material = readMaterial(candidate.annotations, profile);
  const base64 = unwrapped(signature, profile);
  const payload = Buffer.from(candidate.payload);
  return {
    format: 'legacy',
    // cosign compares the log's hash with the payload's SHA-256, whatever hash the signature is made with.
    content: SignedContent.ofMessage({ bytes: payload, onlySha256: true }, fromBase64(base64, SIGNATURE, MAX_SIGNATURE_BYTES)),
    claim: readSimpleSigning(payload, profile),
    ...material,
    // cosign holds the text of the signature against that in the log, where nobody breaks lines.
    entries: base64 === signature ? material.entries : [],
  };
}

/** Certificate, log entry and timestamp of a `.sig` or `.att` layer. Throws {@link SignatureError} or {@link JsonError}. */
export function readMaterial(annotations: Readonly<Record<string, string>>, profile: Profile): LegacyMaterial {
  const annotation = (name: string): string | undefined => annotations[name] || undefined;
  const certificate = readCertificate(annotation(CERTIFICATE), profile);
  return {
    ...(certificate === undefined ? {} : { certificate }),
    entries: readEntries(annotation(BUNDLE), profile),
    timestamps: readTimestamps(annotation(TIMESTAMP), profile),
  };
}

function readCertificate(pem: string | undefined, { limits, strictJson }: Profile): Buffer | undefined {
  if (pem === undefined) return undefined;
  if (pem.length > limits.certificateBytes * 2) {
    throw new SignatureError('LimitExceeded', `the certificate is larger than ${limits.certificateBytes} bytes`);
  }
  const blocks = readPem(pem);
  const [block] = blocks;
  if (!/-----\s*$/.test(pem)) throw new JsonError(`${CERTIFICATE} has text after its last block`);
  if (block === undefined || (strictJson && block.label !== 'CERTIFICATE')) throw new JsonError(`${CERTIFICATE} is not a PEM certificate`);
  if (strictJson && blocks.length !== 1) throw new JsonError(`${CERTIFICATE} holds ${blocks.length} PEM blocks instead of one`);
  return block.der;
}

/** The annotation is JSON inside of JSON, and small: its size is that of one log entry. */
function readAnnotation(text: string, what: string, limit: number, { limits, strictJson }: Profile): JsonObject {
  if (text.length > limit) throw new SignatureError('LimitExceeded', `${what} is larger than ${limit} characters`);
  return asObject(parseJson(Buffer.from(text, 'utf8'), { strict: strictJson, maxDepth: limits.jsonDepth }), what);
}

function readEntries(text: string | undefined, profile: Profile): readonly TransparencyLogEntry[] {
  if (text === undefined) return [];
  const { limits, strictJson } = profile;
  const bundle = readAnnotation(text, BUNDLE, limits.logBodyBytes * 2, profile);
  const field = (object: JsonObject, name: string): unknown => (strictJson ? object[name] : goField(object, name.toLowerCase()));
  const payload = asObject(field(bundle, 'Payload'), 'Payload');
  const canonicalizedBody = fromBase64(unwrapped(field(payload, 'body'), profile), 'Payload.body', limits.logBodyBytes);
  const body = asObject(parseJson(canonicalizedBody, { strict: strictJson, maxDepth: limits.jsonDepth }), 'Payload.body');
  const given = asString(field(payload, 'logID'), 'Payload.logID');
  const logId = strictJson ? given : given.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(logId)) throw new JsonError('Payload.logID is not 64 hexadecimal digits');
  const [kind = '', version = ''] = kindOf(body).split('/');
  return [
    {
      logIndex: integer(field(payload, 'logIndex'), 'Payload.logIndex'),
      logId: { keyId: Buffer.from(logId, 'hex') },
      kindVersion: { kind, version },
      integratedTime: integer(field(payload, 'integratedTime'), 'Payload.integratedTime'),
      inclusionPromise: { signedEntryTimestamp: fromBase64(unwrapped(field(bundle, 'SignedEntryTimestamp'), profile), 'SignedEntryTimestamp', MAX_SIGNATURE_BYTES) },
      inclusionProof: undefined,
      canonicalizedBody,
    },
  ];
}

/** The largest time that a date can hold, in seconds; far above any index of a log too. */
const MAX_INTEGER = 8_640_000_000_000;

function integer(value: unknown, what: string): string {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > MAX_INTEGER) {
    throw new JsonError(`${what} is not an integer in range`);
  }
  return String(value);
}

function readTimestamps(text: string | undefined, profile: Profile): readonly Buffer[] {
  if (text === undefined) return [];
  const limit = profile.limits.timestampBytes;
  const annotation = readAnnotation(text, TIMESTAMP, limit * 2, profile);
  const token = profile.strictJson ? annotation['SignedRFC3161Timestamp'] : goField(annotation, 'signedrfc3161timestamp');
  return [fromBase64(unwrapped(token, profile), 'SignedRFC3161Timestamp', limit)];
}

/** Go's decoder passes over line breaks in base64, and over the bits that are left at its end. */
function unwrapped(text: unknown, { strictJson }: Profile): unknown {
  if (strictJson || typeof text !== 'string') return text;
  const joined = text.replaceAll(/[\r\n]/g, '');
  return joined.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(joined) ? Buffer.from(joined, 'base64').toString('base64') : joined;
}
