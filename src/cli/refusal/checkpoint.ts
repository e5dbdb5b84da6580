import type { KeyObject } from 'node:crypto';
import { CheckpointError, curveHash, isNoteSignedBy, namedKeyHash, plainKeyHash, readCheckpoint, readNote } from '../../signatures/checkpoint.ts';
import type { Checkpoint, CheckpointProblem, SignedNote } from '../../signatures/checkpoint.ts';
import { Mismatch } from './mismatch.ts';

/** A Rekor v1 log signs as `host - tree`; every signature must be its own. Throws {@link Mismatch} in Rekor's words. */
export function checkTreeHead(envelope: string, key: KeyObject, root: Buffer): void {
  const { note, checkpoint } = opened(envelope, REKOR_V1);
  const own = plainKeyHash(key);
  const signed = curveHash(key) === 'sha256' && note.signatures.every((one) => one.keyHash.equals(own) && isNoteSignedBy(note, one, key));
  if (!signed) throw new Mismatch('signature on checkpoint did not verify');
  if (!checkpoint.root.equals(root)) {
    throw new Mismatch(`proof root hash does not match signed tree head, expected ${root.toString('hex')} got ${checkpoint.root.toString('hex')}`);
  }
}

/** A log of tiles signs in the name of its host, beside witnesses of any name. Returns size and root. Throws {@link Mismatch}. */
export function openCheckpoint(envelope: string, key: KeyObject, host: string): Checkpoint {
  const failed = 'failed to verify signatures on checkpoint';
  const { note, checkpoint } = opened(envelope, REKOR_V2);
  const own = namedKeyHash(host, key);
  const [named] = note.signatures.filter(({ name, keyHash }) => name === host && keyHash.equals(own));
  if (named === undefined) throw new Mismatch(`${failed}: note has no verifiable signatures`);
  if (!isNoteSignedBy(note, named, key)) throw new Mismatch(`${failed}: invalid signature for key ${host}+${own.toString('hex')}`);
  if (checkpoint.origin !== host) throw new Mismatch(`got Origin ${JSON.stringify(checkpoint.origin)} but expected ${JSON.stringify(host)}`);
  return checkpoint;
}

/** Whether a checkpoint is that of a Rekor v1 tree, which has the tree's number in its first line (sigstore-go, hasRekorV1STH). */
export function isTreeHead(envelope: string): boolean {
  const [first = '', ...rest] = envelope.split('\n');
  return rest.length >= 3 && /^.* - \d+$/.test(first);
}

/** What Go's readers of checkpoints say of one that they cannot read. */
type Words = Readonly<Record<CheckpointProblem, string>>;

const UNMARSHALLING = 'unmarshalling log entry checkpoint to SignedCheckpoint: unmarshalling';
const REKOR_V1: Words = { Note: `${UNMARSHALLING} signed note: malformed note`, Signature: `${UNMARSHALLING} signed note: decoding signature`, Checkpoint: `${UNMARSHALLING} checkpoint: invalid checkpoint` };
const MALFORMED = 'failed to verify signatures on checkpoint: malformed note';
const REKOR_V2: Words = { Note: MALFORMED, Signature: MALFORMED, Checkpoint: 'failed to unmarshal checkpoint: invalid checkpoint' };

function opened(envelope: string, words: Words): { readonly note: SignedNote; readonly checkpoint: Checkpoint } {
  try {
    const note = readNote(envelope, 'Go');
    return { note, checkpoint: readCheckpoint(note.text, 'Go') };
  } catch (error) {
    throw error instanceof CheckpointError ? new Mismatch(words[error.problem], { cause: error }) : error;
  }
}
