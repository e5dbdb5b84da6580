import type { KeyObject } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { curveHash, isNoteSignedBy, namedKeyHash, plainKeyHash, readCheckpoint, readNote, rootOf } from './checkpoint.ts';
import type { Checkpoint, SignedNote } from './checkpoint.ts';
import { sameBytes } from './content.ts';
import { LogBodyError } from './log-body.ts';
import { SignatureError } from './types.ts';
import type { Profile } from './types.ts';

/** The log that an entry names, as far as proofs need it. */
export interface ProvingLog {
  readonly publicKey: KeyObject;
  readonly baseURL: string;
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
  if (!sameBytes(rootOf(leaf, { index, size, hashes: proof.hashes }), root)) throw new LogBodyError('the inclusion proof does not lead to the root of its checkpoint');
}

/** Text and signatures, of which only so many are verified. */
function openable(envelope: string, { limits, strictJson }: Profile): { readonly note: SignedNote; readonly checkpoint: Checkpoint } {
  const form = strictJson ? 'Exact' : 'Go';
  const note = readNote(envelope, form);
  if (note.signatures.length > limits.checkpointSignatures) {
    throw new SignatureError('LimitExceeded', `the checkpoint has ${note.signatures.length} signatures; at most ${limits.checkpointSignatures} are read`);
  }
  return { note, checkpoint: readCheckpoint(note.text, form) };
}

/** Rekor v1 signs with SHA-256 under any name, alone; its origin ends in the tree's number. */
function openNote(envelope: string, { publicKey, baseURL }: ProvingLog, profile: Profile): Checkpoint {
  const { note, checkpoint } = openable(envelope, profile);
  if (!/ - \d+$/.test(checkpoint.origin)) throw new LogBodyError(`the checkpoint of ${JSON.stringify(checkpoint.origin.slice(0, 128))} is not of a Rekor v1 log`);
  const keyHash = plainKeyHash(publicKey);
  const own = curveHash(publicKey) === 'sha256' && note.signatures.every((one) => sameBytes(one.keyHash, keyHash) && isNoteSignedBy(note, one, publicKey));
  if (!own) throw new LogBodyError(`the checkpoint of ${JSON.stringify(checkpoint.origin.slice(0, 128))} is not signed by the log ${baseURL}`);
  return checkpoint;
}

/** Rekor v2 signs in the name of its host, which is the origin too (https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md). */
function openTileNote(envelope: string, { publicKey, baseURL }: ProvingLog, profile: Profile): Checkpoint {
  const { note, checkpoint } = openable(envelope, profile);
  const host = URL.canParse(baseURL) ? new URL(baseURL).hostname : '';
  const keyHash = namedKeyHash(host, publicKey);
  const [own] = note.signatures.filter((one) => one.name === host && sameBytes(one.keyHash, keyHash));
  if (checkpoint.origin !== host || own === undefined || !isNoteSignedBy(note, own, publicKey)) {
    throw new LogBodyError(`the checkpoint of ${JSON.stringify(checkpoint.origin.slice(0, 128))} is not signed by the log ${baseURL}`);
  }
  return checkpoint;
}
