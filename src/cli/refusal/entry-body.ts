import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignedContent } from '../../signatures/content.ts';
import { readPem } from '../../signatures/pem.ts';
import { jsonProblem } from './go-json.ts';
import { Mismatch } from './mismatch.ts';
import { wrongSignature } from './wrong-signature.ts';

/** What the body of a log entry says, in the texts that are compared. */
export interface EntryBody {
  /** `kind/apiVersion`. */
  readonly kind: string;
  /** Base64, once more for kind intoto, whose entries hold what is base64 already; absent where the kind has none. */
  readonly signature?: string;
  /** Base64 of the signer's PEM. */
  readonly key: string;
  readonly hash: { readonly algorithm: string; readonly value: string };
  /** Of the payload alone, where the kind is of envelopes. */
  readonly payloadHash?: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads the body of an entry of Rekor v1; throws {@link Mismatch} in the words of Rekor's own types. */
export function readEntryBody(text: string): EntryBody {
  const body = parse(text);
  const [kind, version] = [body['kind'], body['apiVersion']];
  if (typeof body['spec'] !== 'object' || body['spec'] === null) throw new Mismatch('unsupported input type <nil> for DecodeEntry');
  const spec = object(body['spec']);
  const name = `${String(kind)}/${String(version)}`;
  switch (name) {
    case 'hashedrekord/0.0.1': {
      const entry = rekord(name, spec, HASHES);
      checkOwnSignature(entry);
      return entry;
    }
    case 'rekord/0.0.1':
      return rekord(name, spec);
    case 'dsse/0.0.1':
      return dsse(name, spec);
    case 'intoto/0.0.1': {
      const content = object(spec['content']);
      return { kind: name, key: string(spec['publicKey']), hash: hashOf(content['hash']) };
    }
    case 'intoto/0.0.2':
      return intoto(name, spec);
    default:
      throw new Mismatch(KINDS.has(String(kind)) ? `${String(kind)} implementation for version '${String(version)}' not found: unable to locate entry for version ${String(version)}` : `could not unmarshal entry for kind '${String(kind)}'`);
  }
}

/** What a body begins to be told with that is not by the schema of its kind (go-openapi, errors). */
const INVALID = 'validation failure list:';
const KINDS: ReadonlySet<string> = new Set(['hashedrekord', 'rekord', 'dsse', 'intoto']);

/** The hashes that a hashedrekord may be of; all other kinds are of SHA-256. */
const HASHES: readonly string[] = ['sha256', 'sha384', 'sha512'];
const SHA_256: readonly string[] = ['sha256'];

function rekord(kind: string, spec: Json, hashes: readonly string[] = SHA_256): EntryBody {
  const signature = object(spec['signature']);
  if (kind === 'rekord/0.0.1' && signature['content'] === '') throw new Mismatch(INVALID);
  return {
    kind,
    signature: string(signature['content']),
    key: string(object(signature['publicKey'])['content']),
    hash: hashOf(object(spec['data'])['hash'], hashes),
  };
}

function dsse(kind: string, spec: Json): EntryBody {
  const signature = only(spec['signatures']);
  return {
    kind,
    signature: string(signature['signature']),
    key: string(signature['verifier']),
    hash: hashOf(spec['envelopeHash']),
    payloadHash: hashOf(spec['payloadHash']).value,
  };
}

function intoto(kind: string, spec: Json): EntryBody {
  const content = object(spec['content']);
  const signature = only(object(content['envelope'])['signatures']);
  return {
    kind,
    signature: string(signature['sig']),
    key: string(signature['publicKey']),
    hash: hashOf(content['hash']),
    payloadHash: hashOf(content['payloadHash']).value,
  };
}

/** Rekor reads a `hashedrekord` only where its signature is by its key over its hash. Throws {@link Mismatch}. */
function checkOwnSignature({ signature = '', key, hash }: EntryBody): void {
  // Of other hashes than SHA-256 no signature can be verified without the bytes; they are refused later for what they are.
  if (hash.algorithm !== 'sha256') return;
  const bytes = Buffer.from(signature, 'base64');
  const signer = keyIn(Buffer.from(key, 'base64').toString('latin1'));
  if (signer.asymmetricKeyType === 'ed25519') throw new Mismatch('verifying signature: unsupported hash algorithm: "SHA-256" not in [SHA-512]');
  if (SignedContent.ofMessage({ sha256: Buffer.from(hash.value, 'hex') }, bytes).isSignedBy(signer, ['sha256'])) return;
  throw new Mismatch(`verifying signature: ${wrongSignature(signer, bytes)}`);
}

function keyIn(pem: string): KeyObject {
  const [block] = readPem(pem);
  if (block === undefined) throw new Mismatch('invalid public key: failure decoding PEM');
  return createPublicKey(pem);
}

function parse(text: string): Json {
  const problem = jsonProblem(text);
  // It is read as a stream.
  if (problem !== undefined) throw new Mismatch(problem.startsWith('unexpected end') ? (text === '' ? 'EOF' : 'unexpected EOF') : problem);
  return object(JSON.parse(text));
}

function only(list: unknown): Json {
  if (!Array.isArray(list) || list.length === 0) throw new Mismatch('validation failure list: signatures in body is required');
  if (list.length > 1) throw new Mismatch('multiple signatures on DSSE envelopes are not currently supported');
  return object(list[0]);
}

function hashOf(value: unknown, among = SHA_256): EntryBody['hash'] {
  const hash = object(value);
  const algorithm = string(hash['algorithm']);
  if (!among.includes(algorithm)) throw new Mismatch(INVALID);
  return { algorithm, value: string(hash['value']) };
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Mismatch(INVALID);
  return value as Json;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new Mismatch(INVALID);
  return value;
}
