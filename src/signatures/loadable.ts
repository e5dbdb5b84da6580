import { createPublicKey, X509Certificate } from 'node:crypto';
import { HashAlgorithm, PublicKeyDetails } from '@sigstore/protobuf-specs';
import { asList, asObject, asString, JsonError, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { kindOf } from './log-body.ts';
import { readPem } from './pem.ts';
import { readProto } from './proto-json.ts';
import type { ProtoEnumeration, ProtoMessage } from './proto-json.ts';
import type { BundleCandidate, Profile } from './types.ts';

const HASH: ProtoEnumeration = { names: Object.keys(HashAlgorithm) };
const CERTIFICATE: ProtoMessage = { fields: { rawBytes: 'bytes' } };
const CHECKPOINT: ProtoMessage = { fields: { envelope: 'string' } };
const PROOF: ProtoMessage = { fields: { logIndex: 'integer', rootHash: 'bytes', treeSize: 'integer', hashes: ['bytes'], checkpoint: CHECKPOINT } };
const ENTRY: ProtoMessage = {
  fields: {
    logIndex: 'integer',
    logId: { fields: { keyId: 'bytes' } },
    kindVersion: { fields: { kind: 'string', version: 'string' } },
    integratedTime: 'integer',
    inclusionPromise: { fields: { signedEntryTimestamp: 'bytes' } },
    inclusionProof: PROOF,
    canonicalizedBody: 'bytes',
  },
};
const MATERIAL: ProtoMessage = {
  fields: {
    publicKey: { fields: { hint: 'string' } },
    x509CertificateChain: { fields: { certificates: [CERTIFICATE] } },
    certificate: CERTIFICATE,
    tlogEntries: [ENTRY],
    timestampVerificationData: { fields: { rfc3161Timestamps: [{ fields: { signedTimestamp: 'bytes' } }] } },
  },
  oneOf: ['publicKey', 'x509CertificateChain', 'certificate'],
};
/** protobuf-specs, sigstore_bundle.proto, and what it refers to. */
const BUNDLE: ProtoMessage = {
  fields: {
    mediaType: 'string',
    verificationMaterial: MATERIAL,
    messageSignature: { fields: { messageDigest: { fields: { algorithm: HASH, digest: 'bytes' } }, signature: 'bytes' } },
    dsseEnvelope: { oneSpelling: true, fields: { payload: 'bytes', payloadType: 'string', signatures: [{ fields: { sig: 'bytes', keyid: 'string' } }] } },
  },
  oneOf: ['messageSignature', 'dsseEnvelope'],
};

const VERIFIER: ProtoMessage = { fields: { publicKey: CERTIFICATE, x509Certificate: CERTIFICATE, keyDetails: { names: Object.keys(PublicKeyDetails) } }, oneOf: ['publicKey', 'x509Certificate'] };
const SIGNATURE: ProtoMessage = { fields: { content: 'bytes', verifier: VERIFIER } };
const DIGEST: ProtoMessage = { fields: { algorithm: HASH, digest: 'bytes' } };
/** rekor-tiles, api/proto/rekor/v2/entry.proto. */
const TILE_ENTRY: ProtoMessage = {
  fields: {
    kind: 'string',
    apiVersion: 'string',
    spec: {
      fields: { hashedRekordV002: { fields: { data: DIGEST, signature: SIGNATURE } }, dsseV002: { fields: { payloadHash: DIGEST, signatures: [SIGNATURE] } } },
      oneOf: ['hashedRekordV002', 'dsseV002'],
    },
  },
};

/** Version 0.3 in any of its spellings: as a parameter, or as a semantic version with a patch. */
const V03 = /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.3|\.v0\.3(?:\.0(?:\+[0-9A-Za-z.-]+)?|\.[1-9]\d*(?:[-+][0-9A-Za-z.+-]+)?)?\+json)$/;
const V03_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** Kinds that a bundle may hold, whether or not they can be verified. */
const KINDS: ReadonlySet<string> = new Set(['hashedrekord/0.0.1', 'rekord/0.0.1', 'dsse/0.0.1', 'intoto/0.0.1', 'intoto/0.0.2']);
const HASHED = 'hashedrekord/0.0.1';

/**
 * The bundle as cosign 3 loads it (sigstore-go, pkg/bundle, validate), written as protobuf writes it; `undefined` for one that it does not
 * load: it passes that over in silence and may then look for legacy signatures instead. Says nothing of whether it verifies.
 */
export function asLoaded(candidate: BundleCandidate, { limits }: Profile): BundleCandidate | undefined {
  if (candidate.bytes.length > limits.bundleBytes) return undefined;
  try {
    const bundle = readProto(parseJson(candidate.bytes, { strict: true, maxDepth: limits.jsonDepth }), BUNDLE, 'the bundle');
    checkBundle(bundle, limits.logEntries);
    return { ...candidate, bytes: Buffer.from(JSON.stringify(tidied(bundle))) };
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

function checkBundle(bundle: JsonObject, limit: number): void {
  if (!V03.test(asString(bundle['mediaType'], 'mediaType'))) throw new JsonError('the bundle is not of version 0.3');
  const material = asObject(bundle['verificationMaterial'], 'verificationMaterial');
  if (bundle['messageSignature'] === undefined && bundle['dsseEnvelope'] === undefined) throw new JsonError('the bundle has no content');
  if (material['certificate'] === undefined && material['publicKey'] === undefined) throw new JsonError('the bundle has neither a certificate nor a key');
  const entries = asList(material['tlogEntries'], 'tlogEntries').map((entry) => asObject(entry, 'tlogEntries'));
  if (entries.length > limit) throw new JsonError('the bundle has too many log entries');
  for (const entry of entries) checkEntry(entry);
  if (entries.length > 0 && entries.every((entry) => entry['inclusionProof'] === undefined)) throw new JsonError('no log entry has an inclusion proof');
}

function checkEntry(entry: JsonObject): void {
  if (asString(asObject(entry['logId'], 'logId')['keyId'], 'keyId') === '') throw new JsonError('keyId is empty');
  asObject(entry['kindVersion'], 'kindVersion');
  if (Number(entry['logIndex'] ?? 0) < 0) throw new JsonError('logIndex is negative');
  const { inclusionProof: proof } = entry;
  if (proof !== undefined && !asObject(asObject(proof, 'inclusionProof')['checkpoint'], 'checkpoint')['envelope']) throw new JsonError('the checkpoint is empty');
  checkBody(Buffer.from(asString(entry['canonicalizedBody'], 'canonicalizedBody'), 'base64'));
}

/** What reads as an entry of Rekor v2 is one, whatever it calls itself; else it is one of Rekor v1 (sigstore-go, pkg/tlog, NewTlogEntry). */
function checkBody(bytes: Buffer): void {
  const body = asObject(parseJson(bytes, { strict: false, maxDepth: 1000 }), 'canonicalizedBody');
  if (isTileEntry(bytes)) return;
  const kind = kindOf(body);
  if (!KINDS.has(kind)) throw new JsonError(`entries of kind ${kind.slice(0, 64)} are not read`);
  if (!isSigned(asObject(body['spec'], 'spec'))) throw new JsonError('the log entry has no signature');
  if (kind === HASHED && !isHashedEntry(body)) throw new JsonError('the log entry does not hold in itself');
}

/** Whether a body is of the kind hashedrekord 0.0.2, by its members alone. */
export function isTileEntry(bytes: Uint8Array): boolean {
  try {
    const { apiVersion, spec } = readProto(parseJson(bytes, { strict: true, maxDepth: 32 }), TILE_ENTRY, 'the log entry');
    return apiVersion === '0.0.2' && asObject(spec, 'spec')['hashedRekordV002'] !== undefined;
  } catch (error) {
    if (error instanceof JsonError) return false;
    throw error;
  }
}

/** Kinds that name signatures have one that is not empty. */
function isSigned(spec: JsonObject): boolean {
  const own = asObject(spec['signature'] ?? {}, 'signature')['content'];
  return own !== '' && asList(spec['signatures'], 'signatures').every((one) => asObject(one, 'signatures')['signature'] !== '');
}

/** An Ed25519 key signs no digest, so that Rekor v1 has no such entry. */
function isHashedEntry(body: JsonObject): boolean {
  const { publicKey } = asObject(asObject(body['spec'], 'spec')['signature'], 'signature');
  try {
    const pem = Buffer.from(String(asObject(publicKey, 'publicKey')['content']), 'base64').toString('latin1');
    const [block] = readPem(pem);
    if (block === undefined) return false;
    const key = block.label === 'CERTIFICATE' ? new X509Certificate(block.der).publicKey : createPublicKey(pem);
    return key.asymmetricKeyType !== 'ed25519';
  } catch {
    return false;
  }
}

/** Without what means nothing: an empty promise is none. */
function tidied(bundle: JsonObject): JsonObject {
  const material = asObject(bundle['verificationMaterial'], 'verificationMaterial');
  const entries = asList(material['tlogEntries'], 'tlogEntries').map((one) => {
    const { inclusionPromise, ...entry } = asObject(one, 'tlogEntries');
    const promised = asObject(inclusionPromise ?? {}, 'inclusionPromise')['signedEntryTimestamp'];
    return promised === undefined || promised === '' ? entry : { ...entry, inclusionPromise };
  });
  const { rfc3161Timestamps: stamps } = asObject(material['timestampVerificationData'] ?? {}, 'timestampVerificationData');
  const told = asList(stamps, 'rfc3161Timestamps').map((one) => ({ signedTimestamp: '', ...asObject(one, 'rfc3161Timestamps') }));
  const data = told.length === 0 ? {} : { timestampVerificationData: { rfc3161Timestamps: told } };
  return { ...bundle, mediaType: V03_TYPE, verificationMaterial: { ...material, ...(entries.length === 0 ? {} : { tlogEntries: entries }), ...data } };
}
