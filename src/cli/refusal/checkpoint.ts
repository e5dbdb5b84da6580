import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Mismatch } from './mismatch.ts';

/** A log's statement of its size and root (C2SP tlog-checkpoint), with the signatures on it. */
interface Checkpoint {
  readonly text: string;
  readonly origin: string;
  readonly size: bigint;
  readonly root: Buffer;
  readonly signatures: readonly { readonly name: string; readonly hash: string; readonly bytes: Buffer }[];
}

/** A Rekor v1 log signs as `host - tree`; every signature must be its own. Throws {@link Mismatch} in Rekor's words. */
export function checkTreeHead(envelope: string, key: KeyObject, root: Buffer): void {
  const checkpoint = readCheckpoint(envelope, 'unmarshalling log entry checkpoint to SignedCheckpoint: unmarshalling signed note: malformed note');
  const own = keyHash(spkiOf(key));
  if (!checkpoint.signatures.every(({ hash, bytes }) => hash === own && isSigned(checkpoint, key, bytes))) {
    throw new Mismatch('signature on checkpoint did not verify');
  }
  if (!checkpoint.root.equals(root)) {
    throw new Mismatch(`proof root hash does not match signed tree head, expected ${root.toString('hex')} got ${checkpoint.root.toString('hex')}`);
  }
}

/** A log of tiles signs in the name of its host, beside witnesses of any name. Returns size and root. Throws {@link Mismatch}. */
export function openCheckpoint(envelope: string, key: KeyObject, host: string): Pick<Checkpoint, 'size' | 'root'> {
  const failed = 'failed to verify signatures on checkpoint';
  const checkpoint = readCheckpoint(envelope, `${failed}: malformed note`);
  const own = key.asymmetricKeyType === 'ed25519' ? keyHash(Buffer.from(`${host}\n\u0001`), spkiOf(key).subarray(-32)) : keyHash(spkiOf(key));
  const named = checkpoint.signatures.filter(({ name, hash }) => name === host && hash === own);
  if (named.length === 0) throw new Mismatch(`${failed}: note has no verifiable signatures`);
  if (!named.every(({ bytes }) => isSigned(checkpoint, key, bytes))) throw new Mismatch(`${failed}: invalid signature for key ${host}+${own}`);
  if (checkpoint.origin !== host) throw new Mismatch(`got Origin ${JSON.stringify(checkpoint.origin)} but expected ${JSON.stringify(host)}`);
  return checkpoint;
}

/** Whether a checkpoint is that of a Rekor v1 tree, which has the tree's number in its first line (sigstore-go, hasRekorV1STH). */
export function isTreeHead(envelope: string): boolean {
  const [first = '', ...rest] = envelope.split('\n');
  return rest.length >= 3 && /^.* - \d+$/.test(first);
}

function readCheckpoint(envelope: string, malformed: string): Checkpoint {
  const split = envelope.lastIndexOf('\n\n');
  if (split < 0) throw new Mismatch(malformed);
  const text = envelope.slice(0, split + 1);
  const [origin = '', size = '', root = ''] = text.split('\n');
  if (!/^\d{1,19}$/.test(size)) throw new Mismatch(malformed);
  const signatures = envelope.slice(split + 2).split('\n').filter((line) => line !== '').map((line) => {
    const [, name = '', base64 = ''] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length < 5) throw new Mismatch(malformed);
    return { name, hash: bytes.subarray(0, 4).toString('hex'), bytes: bytes.subarray(4) };
  });
  if (signatures.length === 0) throw new Mismatch(malformed);
  return { text, origin, size: BigInt(size), root: Buffer.from(root, 'base64'), signatures };
}

function isSigned({ text }: Checkpoint, key: KeyObject, signature: Buffer): boolean {
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', Buffer.from(text), key, signature);
}

function keyHash(...parts: readonly Buffer[]): string {
  return createHash('sha256').update(Buffer.concat(parts)).digest().subarray(0, 4).toString('hex');
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}
