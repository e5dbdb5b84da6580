import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignedContent } from '../../signatures/content.ts';
import { readPem } from '../../signatures/pem.ts';
import { Mismatch } from './mismatch.ts';
import { wrongSignature } from './wrong-signature.ts';

/** What the body of a log entry says, in the texts that are compared. */
export interface EntryBody {
  /** `kind/apiVersion`. */
  readonly kind: string;
  /** Base64; absent where the kind has none. */
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
  const spec = object(body['spec']);
  const name = `${String(kind)}/${String(version)}`;
  switch (name) {
    case 'hashedrekord/0.0.1': {
      const entry = rekord(name, spec);
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
      throw new Mismatch(KINDS.has(String(kind)) ? 'unsupported type' : `could not unmarshal entry for kind '${String(kind)}'`);
  }
}

const KINDS: ReadonlySet<string> = new Set(['hashedrekord', 'rekord', 'dsse', 'intoto']);

function rekord(kind: string, spec: Json): EntryBody {
  const signature = object(spec['signature']);
  return {
    kind,
    signature: string(signature['content']),
    key: string(object(signature['publicKey'])['content']),
    hash: hashOf(object(spec['data'])['hash']),
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
    // Rekor encodes what is base64 already once more.
    signature: Buffer.from(string(signature['sig']), 'base64').toString('latin1'),
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
  try {
    return object(JSON.parse(text));
  } catch (error) {
    throw error instanceof Mismatch ? error : new Mismatch('the body of the log entry is not JSON', { cause: error });
  }
}

function only(list: unknown): Json {
  if (!Array.isArray(list) || list.length === 0) throw new Mismatch('validation failure list: signatures in body is required');
  if (list.length > 1) throw new Mismatch('multiple signatures on DSSE envelopes are not currently supported');
  return object(list[0]);
}

function hashOf(value: unknown): EntryBody['hash'] {
  const hash = object(value);
  return { algorithm: string(hash['algorithm']), value: string(hash['value']) };
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Mismatch('the body of the log entry is not complete');
  return value as Json;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new Mismatch('the body of the log entry is not complete');
  return value;
}
