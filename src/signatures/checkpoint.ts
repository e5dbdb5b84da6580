import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { LogBodyError } from './log-body.ts';
import { spkiOf } from './public-key.ts';

/** What makes a text no checkpoint. */
export type CheckpointProblem = 'Note' | 'Signature' | 'Checkpoint';

/** Thrown for a text that is no signed note or no checkpoint. */
export class CheckpointError extends LogBodyError {
  readonly problem: CheckpointProblem;

  constructor(problem: CheckpointProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** One signature line of a signed note (https://github.com/C2SP/C2SP/blob/main/signed-note.md). */
export interface NoteSignature {
  readonly name: string;
  /** The first four bytes: a hint at the key. */
  readonly keyHash: Buffer;
  readonly signature: Buffer;
}

/** A signed note: its text with the last line end, and at least one signature. */
export interface SignedNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A log's statement of so many entries with this root (https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md). Proves nothing by itself. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Buffer;
}

/** How base64 is read: as its one right form, or as Go does, which looks neither at the bits that are left over nor at line ends. */
export type Base64Form = 'Exact' | 'Go';

const BLANK_LINE = '\n\n';
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) (\S+)$/;

/** Text and signatures; the last blank line parts them, as in the specification. Throws {@link CheckpointError}. */
export function readNote(envelope: string, form: Base64Form): SignedNote {
  const split = envelope.lastIndexOf(BLANK_LINE);
  const lines = envelope.slice(split + BLANK_LINE.length);
  if (split < 0 || !lines.endsWith('\n')) throw new CheckpointError('Note', 'the checkpoint is not a signed note');
  return { text: envelope.slice(0, split + 1), signatures: lines.slice(0, -1).split('\n').map((line) => readSignature(line, form)) };
}

function readSignature(line: string, form: Base64Form): NoteSignature {
  const [, name = '', base64 = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = decode(base64, form);
  if (bytes === undefined || bytes.length < 5) throw new CheckpointError('Signature', 'the checkpoint has a malformed signature');
  return { name, keyHash: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** The first three lines of a note's text. Throws {@link CheckpointError}. */
export function readCheckpoint(text: string, form: Base64Form): Checkpoint {
  const [origin = '', size = '', base64 = ''] = text.split('\n');
  const root = decode(base64, form);
  if (origin === '' || !/^\d{1,18}$/.test(size) || root === undefined) throw new CheckpointError('Checkpoint', 'the checkpoint is malformed');
  return { origin, size: BigInt(size), root };
}

function decode(base64: string, form: Base64Form): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (form === 'Exact') return bytes.toString('base64') === base64 ? bytes : undefined;
  return base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64) ? bytes : undefined;
}

const RSA_NOTE = Buffer.from('\u00ffPKIX-RSA-PKCS#1v1.5', 'latin1');

/** The hint at a key of Rekor v1, whatever the name is. */
export function plainKeyHash(key: KeyObject): Buffer {
  return sha256(spkiOf(key)).subarray(0, 4);
}

/** The hint at a key of Rekor v2 in the name of its host; an elliptic curve's has no name in it (rekor-tiles, pkg/note). */
export function namedKeyHash(name: string, key: KeyObject): Buffer {
  const type = key.asymmetricKeyType;
  if (type === 'ec') return plainKeyHash(key);
  const spki = spkiOf(key);
  const named = Buffer.from(`${name}\n`);
  return sha256(type === 'ed25519' ? Buffer.concat([named, Buffer.from([1]), spki.subarray(-32)]) : Buffer.concat([named, RSA_NOTE, spki])).subarray(0, 4);
}

/** Whether the key made this signature of the note's text. */
export function isNoteSignedBy({ text }: SignedNote, { signature }: NoteSignature, key: KeyObject): boolean {
  return verify(key.asymmetricKeyType === 'ed25519' ? null : curveHash(key), Buffer.from(text), key, signature);
}

/** The hash that goes with the curve of a key; SHA-256 with any other key. */
export function curveHash(key: KeyObject): 'sha256' | 'sha384' | 'sha512' {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'secp384r1' ? 'sha384' : curve === 'secp521r1' ? 'sha512' : 'sha256';
}

/** Where a leaf is said to be in a log, and the hashes that lead from it to the root (RFC 9162 §2.1.3). */
export interface InclusionProof {
  readonly index: bigint;
  readonly size: bigint;
  readonly hashes: readonly Buffer[];
}

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** How many hashes prove a leaf: those beside it up to where its path and that of the last leaf meet, and from there on each to the left. */
export function proofLength({ index, size }: Pick<InclusionProof, 'index' | 'size'>): { readonly inner: number; readonly all: number } {
  const inner = (index ^ (size - 1n)).toString(2).replace(/^0$/, '').length;
  return { inner, all: inner + (index >> BigInt(inner)).toString(2).replaceAll('0', '').length };
}

/** The root that a proof makes of the leaf (RFC 9162 §2.1.3.2). Throws {@link LogBodyError} for an index or a number of hashes that no such tree has. */
export function rootOf(leaf: Buffer, { index, size, hashes }: InclusionProof): Buffer {
  if (index < 0n || index >= size) throw new LogBodyError(`the index ${index} is beyond the size of the checkpoint, ${size}`);
  const { inner, all } = proofLength({ index, size });
  if (hashes.length !== all) throw new LogBodyError(`the inclusion proof has ${hashes.length} hashes instead of ${all}`);
  return hashes.reduce((below, hash, level) => {
    const isLeft = level < inner && ((index >> BigInt(level)) & 1n) === 0n;
    return isLeft ? sha256(NODE, below, hash) : sha256(NODE, hash, below);
  }, sha256(LEAF, leaf));
}

function sha256(...pieces: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}
