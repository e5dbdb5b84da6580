import { bundlePayload } from './bundle.ts';
import { SignedContent } from './content.ts';
import { asList, asObject, asString, fromBase64, JsonError, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { MAX_SIGNATURE_BYTES, readMaterial, SIGNATURE } from './legacy.ts';
import type { Signed } from './signed.ts';
import { exactField, goField } from './simple-signing.ts';
import { IN_TOTO, parseStatement, readStatement } from './statement.ts';
import { SignatureError } from './types.ts';
import type { BundleCandidate, LegacyAttestationCandidate, Profile } from './types.ts';

/** A DSSE envelope (secure-systems-lab/dsse, envelope.md), decoded. */
interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly Buffer[];
}

/**
 * Reads a legacy attestation (cosign specs/ATTESTATION_SPEC.md): once for each signature of its envelope, of which the operator takes
 * exactly one. Throws {@link SignatureError} or {@link JsonError}.
 */
export function readLegacyAttestation({ envelope, annotations }: LegacyAttestationCandidate, profile: Profile): readonly Signed[] {
  const bytes = Buffer.from(envelope);
  const { payloadType, payload, signatures } = readEnvelope(bytes, profile);
  const claim = readStatement(payload, profile, 'Attestation', profile.strictJson ? 'Refuse' : 'Skip');
  const material = readMaterial(annotations, profile);
  const beside = profile.oneEnvelopeSignature ? undefined : besideEnvelope(annotations);
  return signatures.map((signature) => {
    const compared = profile.oneEnvelopeSignature ? signature : beside;
    return {
      format: 'legacy',
      content: SignedContent.ofEnvelope(payloadType, payload, signature, { bytes, ...(compared === undefined ? {} : { signature: compared }) }),
      claim,
      ...material,
      stamped: stampedBytes(bytes, signature, beside, profile),
    };
  });
}

/**
 * The statement of a candidate in JSON. It says nothing of whether that is proven: only what `prove` accepted may be believed. Throws
 * {@link SignatureError} or {@link JsonError} for what `prove` would have refused as unreadable.
 */
export function statementOf(candidate: BundleCandidate | LegacyAttestationCandidate, profile: Profile): JsonObject {
  const payload = candidate.format === 'bundle' ? bundlePayload(candidate, profile) : readEnvelope(Buffer.from(candidate.envelope), profile).payload;
  return parseStatement(payload, profile, 'Attestation');
}

function readEnvelope(bytes: Buffer, { limits, strictJson, oneEnvelopeSignature }: Profile): Envelope {
  if (bytes.length > limits.attestationBytes) {
    throw new SignatureError('LimitExceeded', `the attestation is larger than ${limits.attestationBytes} bytes`);
  }
  const root = asObject(parseJson(bytes, { strict: strictJson, maxDepth: limits.jsonDepth }), 'the envelope');
  const field = (object: JsonObject, name: string): unknown => (strictJson ? exactField(object, name) : goField(object, name.toLowerCase()));
  const payloadType = asString(field(root, 'payloadType'), 'payloadType');
  if (payloadType !== IN_TOTO) {
    throw new JsonError(`the payload type is ${JSON.stringify(payloadType.slice(0, 128))} instead of ${JSON.stringify(IN_TOTO)}`);
  }
  const signatures = asList(field(root, 'signatures'), 'signatures');
  if (signatures.length === 0 || (oneEnvelopeSignature && signatures.length !== 1)) {
    throw new JsonError(`the envelope has ${signatures.length} signatures instead of one`);
  }
  if (signatures.length > MAX_SIGNATURES) {
    throw new SignatureError('LimitExceeded', `the envelope has ${signatures.length} signatures; at most ${MAX_SIGNATURES} are read`);
  }
  return {
    payloadType,
    payload: fromBase64(field(root, 'payload'), 'payload', limits.attestationBytes),
    signatures: signatures.map((member) => fromBase64(field(asObject(member, 'signatures'), 'sig'), 'sig', MAX_SIGNATURE_BYTES)),
  };
}

const MAX_SIGNATURES = 32;

/** cosign leaves the layer's own signature empty; where it is not, it goes by that one for log entry and timestamp. */
function besideEnvelope(annotations: Readonly<Record<string, string>>): Buffer | undefined {
  const signature = annotations[SIGNATURE];
  return signature ? fromBase64(signature, SIGNATURE, MAX_SIGNATURE_BYTES) : undefined;
}

/** cosign up to 2 stamps the whole envelope, cosign 3 the signature in it, and both look for the envelope; either is about this signature. */
function stampedBytes(envelope: Buffer, signature: Buffer, beside: Buffer | undefined, { oneEnvelopeSignature }: Profile): readonly Buffer[] {
  return oneEnvelopeSignature ? [envelope, signature] : [beside ?? envelope];
}
