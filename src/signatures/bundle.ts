import { bundleFromJSON } from '@sigstore/bundle';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { digestOf } from '../base/digest.ts';
import { isDigestOf, SignedContent } from './content.ts';
import { asList, asObject, asString, fromBase64, JsonError, parseJson, refuseSnakeCase } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Signed } from './signed.ts';
import { IN_TOTO, readStatement } from './statement.ts';
import { SignatureError } from './types.ts';
import type { Artifact, BundleCandidate, Limits, Profile, Requirement } from './types.ts';

/** No signature of the algorithms that are supported is larger (RSA with 16,384 bits). */
const MAX_SIGNATURE_BYTES = 2048;
const MAX_ID_BYTES = 64;

type Envelope = Extract<Bundle['content'], { $case: 'dsseEnvelope' }>['dsseEnvelope'];

/** A bundle's content, and what it says. */
type Content = Pick<Signed, 'content' | 'claim'>;

/**
 * Reads a Sigstore bundle with a DSSE envelope or, where the artifact is at hand, with a signature over that. Throws
 * {@link SignatureError} or {@link JsonError}.
 */
export function readBundle(candidate: BundleCandidate, given: Profile, wants: Requirement['wants']): Signed {
  const profile = sizedFor(given, wants);
  const json = parseBundle(candidate, profile);
  checkShape(json, profile.limits);
  const { artifact } = candidate;
  const message = json['messageSignature'];
  if (artifact !== undefined && isThere(message)) checkMessage(asObject(message, 'messageSignature'));
  const bundle = bundleFromJSON(json);
  const certificate = certificateOf(bundle);
  return {
    format: 'bundle',
    ...contentOf(bundle, artifact, profile, wants),
    ...(certificate === undefined ? {} : { certificate }),
    entries: bundle.verificationMaterial.tlogEntries.map(withoutLooseProof),
    timestamps: (bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) => signedTimestamp),
  };
}

function contentOf({ content }: Bundle, artifact: Artifact | undefined, profile: Profile, wants: Requirement['wants']): Content {
  if (content.$case === 'dsseEnvelope') return envelopeContent(content.dsseEnvelope, profile, wants);
  if (artifact === undefined) throw new JsonError('the bundle does not contain a DSSE envelope');
  return messageContent(content.messageSignature, artifact);
}

function envelopeContent({ payload, payloadType, signatures }: Envelope, profile: Profile, wants: Requirement['wants']): Content {
  const [signature] = signatures;
  if (signature === undefined || signatures.length !== 1) {
    throw new JsonError(`the envelope has ${signatures.length} signatures instead of one`);
  }
  // cosign tries no signature that names another key than by its SSH fingerprint, which nobody writes.
  if (profile.envelopeKeyId === 'Refuse' && signature.keyid !== '') throw new JsonError('the envelope names the key of its signature');
  if (payloadType !== IN_TOTO) {
    throw new JsonError(`the payload type is ${JSON.stringify(payloadType.slice(0, 128))} instead of ${JSON.stringify(IN_TOTO)}`);
  }
  return { content: SignedContent.ofEnvelope(payloadType, payload, signature.sig), claim: readStatement(payload, profile, wants) };
}

/** The digest that the bundle declares is a hint and no more: it must be that of the artifact, which is what counts (sigstore_bundle.proto). */
function messageContent({ messageDigest, signature }: Extract<Bundle['content'], { $case: 'messageSignature' }>['messageSignature'], artifact: Artifact): Content {
  const signable = 'bytes' in artifact ? { bytes: Buffer.from(artifact.bytes) } : { sha256: Buffer.from(artifact.digest.slice('sha256:'.length), 'hex') };
  if (!isDigestOf(messageDigest.digest, signable)) throw new SignatureError('SignatureInvalid', 'the message digest of the bundle is not that of the artifact');
  const digest = 'bytes' in artifact ? digestOf(artifact.bytes) : artifact.digest;
  return { content: SignedContent.ofMessage(signable, signature), claim: { type: '', subjects: [{ digest, annotations: {} }] } };
}

/** Names of hashes in protobuf's JSON (sigstore_common.proto), with the bytes of their digests. */
const DIGEST_BYTES: Readonly<Record<string, number>> = { SHA2_256: 32, SHA2_384: 48, SHA2_512: 64 };

function checkMessage(message: JsonObject): void {
  fromBase64(message['signature'], 'signature', MAX_SIGNATURE_BYTES);
  const declared = asObject(message['messageDigest'], 'messageDigest');
  const algorithm = asString(declared['algorithm'], 'messageDigest.algorithm');
  const digest = fromBase64(declared['digest'], 'messageDigest.digest', MAX_ID_BYTES);
  if (!Object.hasOwn(DIGEST_BYTES, algorithm)) {
    throw new JsonError(`messageDigest.algorithm ${JSON.stringify(algorithm.slice(0, 64))} is not one of ${Object.keys(DIGEST_BYTES).join(', ')}`);
  }
  if (digest.length !== DIGEST_BYTES[algorithm]) throw new JsonError('messageDigest.digest has not the length of its algorithm');
}

/** The payload of a bundle's envelope, bounded and unproven. Throws {@link SignatureError} or {@link JsonError}. */
export function bundlePayload(candidate: BundleCandidate, given: Profile): Buffer {
  const profile = sizedFor(given, 'Attestation');
  const envelope = asObject(parseBundle(candidate, profile)['dsseEnvelope'], 'dsseEnvelope');
  return fromBase64(envelope['payload'], 'payload', profile.limits.bundleBytes);
}

function sizedFor(profile: Profile, wants: Requirement['wants']): Profile {
  if (wants !== 'Attestation') return profile;
  return { ...profile, limits: { ...profile.limits, bundleBytes: profile.limits.attestationBytes } };
}

function parseBundle({ bytes }: BundleCandidate, { limits, strictJson, bundleMediaTypes }: Profile): JsonObject {
  if (bytes.length > limits.bundleBytes) throw new SignatureError('LimitExceeded', `the bundle is larger than ${limits.bundleBytes} bytes`);
  const json = asObject(parseJson(bytes, { strict: strictJson, maxDepth: limits.jsonDepth }), 'the bundle');
  refuseSnakeCase(json, 'the bundle');
  const mediaType = asString(json['mediaType'], 'mediaType');
  if (!bundleMediaTypes.includes(mediaType)) {
    throw new JsonError(`bundles of media type ${JSON.stringify(mediaType.slice(0, 128))} are not supported`);
  }
  return json;
}

/** Counts and sizes before anything is decoded, and base64 that means one thing only: the library's decoder has neither (sigstore-js.md §8). */
function checkShape(json: JsonObject, limits: Limits): void {
  const material = asObject(json['verificationMaterial'], 'verificationMaterial');
  onlyOne(material, ['certificate', 'publicKey', 'x509CertificateChain']);
  onlyOne(json, ['dsseEnvelope', 'messageSignature']);
  const chain = listOf(material['x509CertificateChain'], 'certificates', limits.chain, 'certificates');
  const certificates = !isThere(material['certificate']) ? chain : [...chain, asObject(material['certificate'], 'certificate')];
  for (const certificate of certificates) fromBase64(certificate['rawBytes'], 'certificate', limits.certificateBytes);
  for (const timestamp of listOf(material['timestampVerificationData'], 'rfc3161Timestamps', limits.timestamps, 'timestamps')) {
    fromBase64(timestamp['signedTimestamp'], 'signedTimestamp', limits.timestampBytes);
  }
  for (const entry of listOf(material, 'tlogEntries', limits.logEntries, 'log entries')) checkEntry(entry, limits);
  if (!isThere(json['dsseEnvelope'])) return;
  const envelope = asObject(json['dsseEnvelope'], 'dsseEnvelope');
  // The library would make a text of whatever stands there.
  asString(envelope['payloadType'], 'payloadType');
  fromBase64(envelope['payload'], 'payload', limits.bundleBytes);
  for (const signature of listOf(envelope, 'signatures', 1, 'signatures')) fromBase64(signature['sig'], 'sig', MAX_SIGNATURE_BYTES);
}

/** A `oneof` of protobuf: which of two the library would read is its own affair. */
function onlyOne(parent: JsonObject, fields: readonly string[]): void {
  const present = fields.filter((field) => isThere(parent[field]));
  if (present.length !== 1) throw new JsonError(`of ${fields.join(', ')} there must be exactly one`);
}

/** In protobuf's JSON `null` stands for what is not there (https://protobuf.dev/programming-guides/json/). */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function checkEntry(entry: JsonObject, limits: Limits): void {
  fromBase64(asObject(entry['logId'], 'logId')['keyId'], 'keyId', MAX_ID_BYTES);
  fromBase64(entry['canonicalizedBody'], 'canonicalizedBody', limits.logBodyBytes);
  checkInteger(entry['integratedTime'], 'integratedTime', 13);
  checkInteger(entry['logIndex'], 'logIndex', 15);
  if (isThere(entry['inclusionPromise'])) {
    fromBase64(asObject(entry['inclusionPromise'], 'inclusionPromise')['signedEntryTimestamp'], 'signedEntryTimestamp', MAX_SIGNATURE_BYTES);
  }
  if (!isThere(entry['inclusionProof'])) return;
  const proof = asObject(entry['inclusionProof'], 'inclusionProof');
  checkInteger(proof['logIndex'], 'inclusionProof.logIndex', 18);
  const hashes = asList(proof['hashes'], 'hashes');
  if (hashes.length > limits.proofHashes) {
    throw new SignatureError('LimitExceeded', `the inclusion proof has ${hashes.length} hashes; at most ${limits.proofHashes} are read`);
  }
  for (const hash of hashes) fromBase64(hash, 'hashes', MAX_ID_BYTES);
  if (!isThere(proof['checkpoint'])) return;
  const envelope = asString(asObject(proof['checkpoint'], 'checkpoint')['envelope'], 'checkpoint');
  if (Buffer.byteLength(envelope) > limits.checkpointBytes) {
    throw new SignatureError('LimitExceeded', `the checkpoint is larger than ${limits.checkpointBytes} bytes`);
  }
}

/** Protobuf's JSON has 64-bit integers as strings, and leaves 0 out. */
function checkInteger(value: unknown, what: string, digits: number): void {
  const text = typeof value === 'number' ? String(value) : (value ?? '0');
  if (typeof text !== 'string' || text.length > digits || !/^\d+$/.test(text)) throw new JsonError(`${what} is not an integer in range`);
}

function listOf(parent: unknown, field: string, limit: number, what: string): readonly JsonObject[] {
  if (!isThere(parent)) return [];
  const list = asList(asObject(parent, field)[field], field);
  if (list.length > limit) throw new SignatureError('LimitExceeded', `the bundle has ${list.length} ${what}; at most ${limit} are read`);
  return list.map((member) => asObject(member, field));
}

/** The signer's certificate; what else a chain holds is not looked at: trust comes from the trust root alone. */
function certificateOf({ verificationMaterial: { content } }: Bundle): Buffer | undefined {
  if (content.$case === 'certificate') return content.certificate.rawBytes;
  return content.$case === 'x509CertificateChain' ? content.x509CertificateChain.certificates[0]?.rawBytes : undefined;
}

/** Bundles of version 0.1 may have a proof without a checkpoint, which proves nothing; they have a SET besides. */
function withoutLooseProof(entry: TransparencyLogEntry): TransparencyLogEntry {
  return entry.inclusionProof?.checkpoint === undefined && entry.inclusionPromise !== undefined ? { ...entry, inclusionProof: undefined } : entry;
}
