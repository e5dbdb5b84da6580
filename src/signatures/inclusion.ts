import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { sameBytes } from './content.ts';
import { LogBodyError } from './log-body.ts';
import { spkiOf } from './public-key.ts';
import { SignatureError } from './types.ts';
import type { Profile } from './types.ts';

/** The log that an entry names, as far as proofs need it. */
export interface ProvingLog {
  readonly publicKey: KeyObject;
  readonly baseURL: string;
}

/** A checkpoint that the log has signed: so many entries, with this root. */
interface Checkpoint {
  readonly size: bigint;
  readonly root: Buffer;
}

/** One signature line of a signed note (https://github.com/C2SP/C2SP/blob/main/signed-note.md). */
interface NoteSignature {
  readonly name: string;
  readonly keyHash: Buffer;
  readonly signature: Buffer;
}

/**
 * Proves that the log has the leaf: an inclusion proof (RFC 6962 §2.1.1) up to a checkpoint that the log signed. Of Rekor v2 (`tiles`)
 * the checkpoint is in the name of the log's host, witnesses may sign it too, and index and root beside the proof mean nothing; of
 * Rekor v1 nobody else signs, and size and root beside the proof are those of the checkpoint. Throws {@link LogBodyError} or
 * {@link SignatureError}.
 */
export function verifyInclusion(entry: TransparencyLogEntry, leaf: Buffer, log: ProvingLog, tiles: boolean, profile: Profile): void {
  const proof = entry.inclusionProof;
  const envelope = proof?.checkpoint?.envelope;
  if (proof === undefined || envelope === undefined) throw new LogBodyError('the inclusion proof has no checkpoint');
  const { size, root } = (tiles ? openTileNote : openNote)(envelope, log, profile);
  if (!tiles && (proof.treeSize !== String(size) || !sameBytes(proof.rootHash, root))) {
    throw new LogBodyError('the inclusion proof is for another size or root than its checkpoint');
  }
  if (tiles && profile.entryHints === 'Compare' && proof.logIndex !== entry.logIndex) throw new LogBodyError('the inclusion proof is for another index than its entry');
  const index = BigInt(tiles ? entry.logIndex : proof.logIndex);
  if (!sameBytes(rootOf(leaf, index, size, proof.hashes), root)) throw new LogBodyError('the inclusion proof does not lead to the root of its checkpoint');
}

const BLANK_LINE = '\n\n';
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) (\S+)$/;

/** Text (with its last line end) and signatures; the last blank line parts them, as in the specification. */
function readNote(envelope: string, { limits }: Profile): { readonly text: string; readonly signatures: readonly NoteSignature[] } {
  const split = envelope.lastIndexOf(BLANK_LINE);
  const lines = envelope.slice(split + BLANK_LINE.length);
  if (split < 0 || !lines.endsWith('\n')) throw new LogBodyError('the checkpoint is not a signed note');
  const signed = lines.slice(0, -1).split('\n');
  if (signed.length > limits.checkpointSignatures) {
    throw new SignatureError('LimitExceeded', `the checkpoint has ${signed.length} signatures; at most ${limits.checkpointSignatures} are read`);
  }
  return { text: envelope.slice(0, split + 1), signatures: signed.map(readSignature) };
}

function readSignature(line: string): NoteSignature {
  const [, name = '', base64 = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length < 5 || bytes.toString('base64') !== base64) throw new LogBodyError('the checkpoint has a malformed signature');
  return { name, keyHash: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

function readCheckpoint(text: string): Checkpoint & { readonly origin: string } {
  const [origin = '', size = '', base64 = ''] = text.split('\n');
  const root = Buffer.from(base64, 'base64');
  if (origin === '' || !/^\d{1,18}$/.test(size) || root.toString('base64') !== base64) throw new LogBodyError('the checkpoint is malformed');
  return { origin, size: BigInt(size), root };
}

/** Rekor v1 signs with SHA-256 under any name, alone; its origin ends in the tree's number. */
function openNote(envelope: string, { publicKey, baseURL }: ProvingLog, profile: Profile): Checkpoint {
  const { text, signatures } = readNote(envelope, profile);
  const checkpoint = readCheckpoint(text);
  if (!/ - \d+$/.test(checkpoint.origin)) throw new LogBodyError(`the checkpoint of ${JSON.stringify(checkpoint.origin.slice(0, 128))} is not of a Rekor v1 log`);
  const keyHash = sha256(spkiOf(publicKey)).subarray(0, 4);
  const own = curveHash(publicKey) === 'sha256' && signatures.every((one) => sameBytes(one.keyHash, keyHash) && isSigned(text, one, publicKey));
  if (!own) throw new LogBodyError(`the checkpoint of ${JSON.stringify(checkpoint.origin.slice(0, 128))} is not signed by the log ${baseURL}`);
  return checkpoint;
}

/** Rekor v2 signs in the name of its host, which is the origin too (https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md). */
function openTileNote(envelope: string, { publicKey, baseURL }: ProvingLog, profile: Profile): Checkpoint {
  const { text, signatures } = readNote(envelope, profile);
  const checkpoint = readCheckpoint(text);
  const host = URL.canParse(baseURL) ? new URL(baseURL).hostname : '';
  const keyHash = tileKeyHash(host, publicKey);
  const [own] = signatures.filter((one) => one.name === host && sameBytes(one.keyHash, keyHash));
  if (checkpoint.origin !== host || own === undefined || !isSigned(text, own, publicKey)) {
    throw new LogBodyError(`the checkpoint of ${JSON.stringify(checkpoint.origin.slice(0, 128))} is not signed by the log ${baseURL}`);
  }
  return checkpoint;
}

const RSA_NOTE = Buffer.from('\u00ffPKIX-RSA-PKCS#1v1.5', 'latin1');

/** The hint at a key in a signed note; an elliptic curve's has no name in it (rekor-tiles, pkg/note). */
function tileKeyHash(name: string, key: KeyObject): Buffer {
  const spki = spkiOf(key);
  const type = key.asymmetricKeyType;
  if (type === 'ec') return sha256(spki).subarray(0, 4);
  const named = Buffer.from(`${name}\n`);
  return sha256(type === 'ed25519' ? Buffer.concat([named, Buffer.from([1]), spki.subarray(-32)]) : Buffer.concat([named, RSA_NOTE, spki])).subarray(0, 4);
}

function isSigned(text: string, { signature }: NoteSignature, key: KeyObject): boolean {
  return verify(key.asymmetricKeyType === 'ed25519' ? null : curveHash(key), Buffer.from(text), key, signature);
}

function curveHash(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'secp384r1' ? 'sha384' : curve === 'secp521r1' ? 'sha512' : 'sha256';
}

/** The root that these hashes make of the leaf at `index` in a tree of `size` leaves (RFC 9162 §2.1.3.2). Throws {@link LogBodyError}. */
function rootOf(leaf: Buffer, index: bigint, size: bigint, hashes: readonly Buffer[]): Buffer {
  if (index < 0n || index >= size) throw new LogBodyError(`the index ${index} is beyond the size of the checkpoint, ${size}`);
  let [node, last, root] = [index, size - 1n, sha256(LEAF, leaf)];
  for (const hash of hashes) {
    if (last === 0n) throw new LogBodyError('the inclusion proof is too long');
    if ((node & 1n) === 1n || node === last) {
      root = sha256(NODE, hash, root);
      while ((node & 1n) === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      root = sha256(NODE, root, hash);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  if (last !== 0n) throw new LogBodyError('the inclusion proof is too short');
  return root;
}

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

function sha256(...pieces: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}
