import { createPublicKey } from 'node:crypto';
import { isDigestOf, sameBytes } from './content.ts';
import type { HashAlgorithm, SignedContent, StoredEnvelope } from './content.ts';
import { asList, asObject, asString, fromBase64, JsonError } from './json.ts';
import type { JsonObject } from './json.ts';
import { readPem } from './pem.ts';

/** Who an entry says has signed: a certificate or a key, in DER. */
interface LoggedVerifier {
  readonly kind: 'certificate' | 'key';
  readonly der: Buffer;
}

/** What an entry says: that this signer made this signature over something with this digest. */
interface LoggedClaim {
  readonly verifier: LoggedVerifier;
  /** Absent where the entry names the envelope alone, which has the signature in it. */
  readonly signature?: Buffer;
  readonly digest: Buffer;
  /** Which bytes the digest is of: what was signed, or the payload of the envelope. */
  readonly of: 'message' | 'payload';
  /** Digest of the whole envelope in JSON, as the log was given it. */
  readonly envelope?: Buffer;
}

/** The signer that an entry must name: the certificate where one signed, else the key as SPKI. */
export interface ExpectedSigner {
  readonly certificate?: Buffer;
  readonly key: Buffer;
  /** The hash that the signature was made with, where only one can be. */
  readonly hash?: HashAlgorithm;
}

/** Thrown for an entry that does not speak of this signature; the message says what differs. */
export class LogBodyError extends Error {}

const MAX_FIELD = 64 * 1024;

/**
 * Whether the entry logged *this* artifact, *this* signature and *this* key or certificate. The library compares the
 * signature and a digest that the bundle declares, not the signer (GHSA-whqx-f9j3-ch6m, CVE-2026-22703). Throws {@link LogBodyError}.
 */
export function checkLogBody(body: JsonObject, content: SignedContent, signer: ExpectedSigner): void {
  const claim = read(body);
  if (kindOf(body) === HASHED) checkHashed(claim, signer);
  if (content.stored === undefined) checkContent(claim, content);
  else checkStored(claim, content, content.stored);
  if (!names(claim.verifier, signer)) throw new LogBodyError('the log entry names another signer');
}

/** Rekor v1 holds the signature against the digest before it takes an entry of this kind: one of these it has never taken. */
function checkHashed({ digest }: LoggedClaim, { key, hash }: ExpectedSigner): void {
  if (key.subarray(0, ED25519.length).equals(ED25519)) throw new LogBodyError('the log entry names a digest, over which nobody signs with an Ed25519 key');
  if (hash !== undefined && HASH_BYTES[hash] !== digest.length) throw new LogBodyError('the log entry names a digest by another hash than the signature');
}

const HASHED = 'hashedrekord/0.0.1';
/** How the SPKI of an Ed25519 key begins (RFC 8410). */
const ED25519 = Buffer.from('302a300506032b6570032100', 'hex');
const HASH_BYTES: Readonly<Record<HashAlgorithm, number>> = { sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

function checkContent({ signature, digest, of }: LoggedClaim, content: SignedContent): void {
  if (signature === undefined) throw new LogBodyError('log entries of kind intoto/0.0.1 do not name the signature, and are read for legacy attestations only');
  if (!sameBytes(signature, content.signature)) throw new LogBodyError('the log entry is about another signature');
  if (!content.hasDigest(digest, of)) throw new LogBodyError('the log entry is about another artifact');
}

/** A legacy attestation: the entry is about the very envelope that is stored, as cosign compares it. */
function checkStored({ signature, digest, of, envelope }: LoggedClaim, content: SignedContent, stored: StoredEnvelope): void {
  if (stored.signature !== undefined && signature !== undefined && !sameBytes(signature, stored.signature)) {
    throw new LogBodyError('the log entry is about another signature');
  }
  const whole = envelope ?? (of === 'message' ? digest : undefined);
  if (whole === undefined || !isDigestOf(whole, stored)) throw new LogBodyError('the log entry is about another envelope');
  if (stored.signature !== undefined && of === 'payload' && !content.hasDigest(digest, of)) throw new LogBodyError('the log entry is about another artifact');
}

/** `kind/apiVersion` of an entry. */
export function kindOf(body: JsonObject): string {
  return `${asString(body['kind'], 'kind')}/${asString(body['apiVersion'], 'apiVersion')}`;
}

function names(verifier: LoggedVerifier, signer: ExpectedSigner): boolean {
  if (verifier.kind === 'certificate') return signer.certificate !== undefined && sameBytes(verifier.der, signer.certificate);
  return signer.certificate === undefined && sameBytes(verifier.der, signer.key);
}

function read(body: JsonObject): LoggedClaim {
  const kind = kindOf(body);
  const spec = asObject(body['spec'], 'spec');
  switch (kind) {
    case 'hashedrekord/0.0.1':
    case 'rekord/0.0.1':
      return readRekord(spec);
    case 'dsse/0.0.1':
      return readDsse(spec);
    case 'intoto/0.0.1':
      return readIntotoHashes(spec);
    case 'intoto/0.0.2':
      return readIntoto(spec);
    case 'hashedrekord/0.0.2':
      return readTileRekord(asObject(spec['hashedRekordV002'], 'hashedRekordV002'));
    case 'dsse/0.0.2':
      return readTileDsse(asObject(spec['dsseV002'], 'dsseV002'));
    default:
      throw new LogBodyError(`log entries of kind ${kind.slice(0, 64)} are not supported`);
  }
}

function readRekord(spec: JsonObject): LoggedClaim {
  const signature = asObject(spec['signature'], 'signature');
  return {
    verifier: readPemVerifier(asObject(signature['publicKey'], 'publicKey')['content']),
    signature: fromBase64(signature['content'], 'content', MAX_FIELD),
    digest: readHash(asObject(spec['data'], 'data')['hash']),
    of: 'message',
  };
}

function readDsse(spec: JsonObject): LoggedClaim {
  const signature = only(spec['signatures']);
  return {
    verifier: readPemVerifier(signature['verifier']),
    signature: fromBase64(signature['signature'], 'signature', MAX_FIELD),
    digest: readHash(spec['payloadHash']),
    of: 'payload',
    envelope: readHash(spec['envelopeHash']),
  };
}

/** The first version names the envelope and its payload by their hashes, and the signer; the signature is in the envelope. */
function readIntotoHashes(spec: JsonObject): LoggedClaim {
  const content = asObject(spec['content'], 'content');
  return {
    verifier: readPemVerifier(spec['publicKey']),
    digest: readHash(content['payloadHash']),
    of: 'payload',
    envelope: readHash(content['hash']),
  };
}

function readIntoto(spec: JsonObject): LoggedClaim {
  const content = asObject(spec['content'], 'content');
  const signature = only(asObject(content['envelope'], 'envelope')['signatures']);
  // Rekor encodes what is base64 already once more.
  const inner = fromBase64(signature['sig'], 'sig', MAX_FIELD).toString('latin1');
  return {
    verifier: readPemVerifier(signature['publicKey']),
    signature: fromBase64(inner, 'sig', MAX_FIELD),
    digest: readHash(content['payloadHash']),
    of: 'payload',
    envelope: readHash(content['hash']),
  };
}

function readTileRekord(spec: JsonObject): LoggedClaim {
  const signature = asObject(spec['signature'], 'signature');
  const { digest } = readTileDigest(spec['data']);
  return {
    verifier: readTileVerifier(signature['verifier']),
    signature: fromBase64(signature['content'], 'content', MAX_FIELD),
    digest,
    of: 'message',
  };
}

function readTileDsse(spec: JsonObject): LoggedClaim {
  const signature = only(spec['signatures']);
  const { digest } = readTileDigest(spec['payloadHash']);
  return {
    verifier: readTileVerifier(signature['verifier']),
    signature: fromBase64(signature['content'], 'content', MAX_FIELD),
    digest,
    of: 'payload',
  };
}

function only(value: unknown): JsonObject {
  const list = asList(value, 'signatures');
  if (list.length !== 1) throw new LogBodyError(`the log entry has ${list.length} signatures instead of one`);
  return asObject(list[0], 'signatures[0]');
}

const HEX_DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

function readHash(value: unknown): Buffer {
  const hash = asObject(value, 'hash');
  const digits = HEX_DIGITS[asString(hash['algorithm'], 'algorithm')];
  const hex = asString(hash['value'], 'value');
  if (digits === undefined || hex.length !== digits || !/^[0-9a-f]*$/.test(hex)) throw new JsonError('hash is malformed');
  return Buffer.from(hex, 'hex');
}

const BYTES: Readonly<Record<string, number>> = { SHA2_256: 32, SHA2_384: 48, SHA2_512: 64 };

function readTileDigest(value: unknown): { digest: Buffer } {
  const data = asObject(value, 'data');
  const digest = fromBase64(data['digest'], 'digest', 64);
  if (BYTES[asString(data['algorithm'], 'algorithm')] !== digest.length) throw new JsonError('digest is malformed');
  return { digest };
}

function readTileVerifier(value: unknown): LoggedVerifier {
  const verifier = asObject(value, 'verifier');
  const certificate = verifier['x509Certificate'];
  if (certificate !== undefined) {
    return { kind: 'certificate', der: fromBase64(asObject(certificate, 'x509Certificate')['rawBytes'], 'rawBytes', MAX_FIELD) };
  }
  return { kind: 'key', der: fromBase64(asObject(verifier['publicKey'], 'publicKey')['rawBytes'], 'rawBytes', MAX_FIELD) };
}

const LAST_LINE = /-----END [^-]+-----[ \t\r]*\n?$/;

function readPemVerifier(value: unknown): LoggedVerifier {
  const text = fromBase64(value, 'publicKey', MAX_FIELD).toString('latin1');
  const [block, ...others] = readPem(text);
  if (others.length > 0 || !LAST_LINE.test(text)) throw new LogBodyError('the log entry names more than one signer');
  if (block?.label === 'CERTIFICATE') return { kind: 'certificate', der: block.der };
  if (block?.label === 'PUBLIC KEY') return { kind: 'key', der: block.der };
  if (block?.label !== 'RSA PUBLIC KEY') throw new LogBodyError('the log entry names neither a certificate nor a key');
  return { kind: 'key', der: createPublicKey({ key: block.der, format: 'der', type: 'pkcs1' }).export({ type: 'spki', format: 'der' }) };
}
