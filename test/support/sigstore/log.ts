import { generateKey, sha256, signWith, type KeyPair, type KeyType } from './keys.ts';
import { canonicalJson, type Body } from './log-bodies.ts';
import { MerkleTree } from './merkle.ts';

/** A transparency log that keeps its entries in a real Merkle tree. */
export interface Log {
  readonly version: 'v1' | 'v2';
  readonly key: KeyPair;
  /** v1: SHA-256 of the key (DER); v2: the key id of signed notes. */
  readonly logId: Buffer;
  readonly baseUrl: string;
  /** First line of its checkpoints. */
  readonly origin: string;
  /** The name in front of the checkpoint's signature. */
  readonly host: string;
  readonly tree: MerkleTree;
}

/** An entry as the log answers it, before it is written in anybody's form. */
export interface LogEntry {
  readonly body: Buffer;
  readonly kind: string;
  readonly kindVersion: string;
  readonly logId: Buffer;
  readonly logIndex: number;
  /** Seconds; 0 in Rekor v2, which promises no time. */
  readonly integratedTime: number;
  /** The signed entry timestamp; Rekor v1 only. */
  readonly promise?: Buffer;
  readonly proof: {
    readonly logIndex: number;
    readonly treeSize: number;
    readonly rootHash: Buffer;
    readonly hashes: readonly Buffer[];
    readonly checkpoint: string;
  };
}

/** What a log is made of; `seed` counts the entries of others that it starts with. */
export interface LogOptions {
  readonly name?: string;
  readonly keyType?: KeyType;
  readonly seed?: number;
}

/** A Rekor v1 log: it signs for the time at which it took an entry. */
export function createRekorV1(options: LogOptions = {}): Log {
  const host = `rekor.${options.name ?? 'sigstore.test'}`;
  const key = generateKey(options.keyType ?? 'P-256');
  const origin = `${host} - 5783823402743290557`;
  return seeded(
    { version: 'v1', key, logId: sha256(key.spki), baseUrl: `https://${host}`, origin, host, tree: new MerkleTree() },
    options,
  );
}

/** A Rekor v2 log: checkpoints signed with Ed25519, and no time of its own. */
export function createRekorV2(options: LogOptions = {}): Log {
  const host = `log2026-1.rekor.${options.name ?? 'sigstore.test'}`;
  const key = generateKey('Ed25519');
  // Key id of a signed note: name, line end, algorithm 1, raw key (c2sp.org/signed-note).
  const logId = sha256(Buffer.from(`${host}\n`), Buffer.from([1]), key.spki.subarray(-32));
  return seeded(
    { version: 'v2', key, logId, baseUrl: `https://${host}`, origin: host, host, tree: new MerkleTree() },
    options,
  );
}

function seeded(log: Log, options: LogOptions): Log {
  for (let index = 0; index < (options.seed ?? 3); index++)
    log.tree.append(Buffer.from(`entry ${index} of somebody else`));
  return log;
}

/** Logs a body at a time (milliseconds) and answers as the log does. A body of bytes or text is logged as it is. */
export function addEntry(log: Log, body: Body | Buffer, at: number): LogEntry {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(canonicalJson(body));
  const { kind = '', apiVersion = '' } = JSON.parse(bytes.toString()) as { kind?: string; apiVersion?: string };
  const logIndex = log.tree.append(bytes);
  const entry: LogEntry = {
    body: bytes,
    kind,
    kindVersion: apiVersion,
    logId: log.logId,
    logIndex,
    integratedTime: log.version === 'v1' ? Math.floor(at / 1000) : 0,
    proof: proofOf(log, logIndex),
  };
  return log.version === 'v1' ? { ...entry, promise: promiseOf(log, entry) } : entry;
}

/** The proof that an entry is in the tree as it is now, with a checkpoint signed by the log. */
export function proofOf(log: Log, logIndex: number): LogEntry['proof'] {
  const rootHash = log.tree.root();
  const treeSize = log.tree.size;
  return {
    logIndex,
    treeSize,
    rootHash,
    hashes: log.tree.path(logIndex),
    checkpoint: checkpointOf(log, treeSize, rootHash),
  };
}

/** A checkpoint as a signed note (c2sp.org/tlog-checkpoint). */
export function checkpointOf(log: Log, treeSize: number, rootHash: Buffer): string {
  const note = `${log.origin}\n${treeSize}\n${rootHash.toString('base64')}\n`;
  const signature = Buffer.concat([log.logId.subarray(0, 4), signWith(log.key, Buffer.from(note))]);
  return `${note}\n\u2014 ${log.host} ${signature.toString('base64')}\n`;
}

/** The signed entry timestamp: a signature over the canonical JSON of body, time, index and log id. */
export function promiseOf(log: Log, entry: Omit<LogEntry, 'proof' | 'promise'>): Buffer {
  return signWith(log.key, Buffer.from(canonicalJson(payloadOf(entry))));
}

/** What `dev.sigstore.cosign/bundle` holds. */
export interface LegacyLogEntry {
  readonly SignedEntryTimestamp: string;
  readonly Payload: {
    readonly body: string;
    readonly integratedTime: number;
    readonly logIndex: number;
    readonly logID: string;
  };
}

/** The entry as legacy signatures carry it. */
export function legacyEntry(entry: LogEntry): LegacyLogEntry {
  return { SignedEntryTimestamp: (entry.promise ?? Buffer.alloc(0)).toString('base64'), Payload: payloadOf(entry) };
}

function payloadOf(entry: Omit<LogEntry, 'proof' | 'promise'>): LegacyLogEntry['Payload'] {
  return {
    body: entry.body.toString('base64'),
    integratedTime: entry.integratedTime,
    logIndex: entry.logIndex,
    logID: entry.logId.toString('hex'),
  };
}

/** The entry as bundles carry it (protobuf-specs, TransparencyLogEntry): zeros and empty lists are left out, as protojson does. */
export function bundleEntry(entry: LogEntry): Record<string, unknown> {
  const { proof } = entry;
  return {
    ...indexField(entry.logIndex),
    logId: { keyId: entry.logId.toString('base64') },
    kindVersion: { kind: entry.kind, version: entry.kindVersion },
    ...(entry.integratedTime === 0 ? {} : { integratedTime: String(entry.integratedTime) }),
    ...(entry.promise === undefined
      ? {}
      : { inclusionPromise: { signedEntryTimestamp: entry.promise.toString('base64') } }),
    inclusionProof: {
      ...indexField(proof.logIndex),
      rootHash: proof.rootHash.toString('base64'),
      treeSize: String(proof.treeSize),
      ...(proof.hashes.length === 0 ? {} : { hashes: proof.hashes.map((hash) => hash.toString('base64')) }),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body.toString('base64'),
  };
}

function indexField(value: number): { logIndex?: string } {
  return value === 0 ? {} : { logIndex: String(value) };
}
