import { verify } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { json } from '@sigstore/core';
import { problemOf } from '../base/errors.ts';
import { sameBytes } from './content.ts';
import type { SignedContent } from './content.ts';
import { verifyInclusion } from './inclusion.ts';
import { asObject, parseJson } from './json.ts';
import { isTileEntry } from './loadable.ts';
import { checkLogBody, kindOf, LogBodyError } from './log-body.ts';
import type { ExpectedSigner } from './log-body.ts';
import { tileEntryOf } from './tile-entry.ts';
import type { Log, Material } from './trust-root.ts';
import { SignatureError } from './types.ts';
import type { Profile } from './types.ts';

/** An entry of a known log that was proven to be about this signature. */
export interface VerifiedEntry {
  readonly log: Log;
  /** When the log took it, milliseconds since the epoch; only a signed entry timestamp (SET) says so. */
  readonly time?: number;
  /** The time beside the entry, whether or not anything proves it; milliseconds. */
  readonly claimed?: number;
}

/** Kinds that exist only with a SET. So does every entry of a legacy attestation. */
const SET_ONLY: ReadonlySet<string> = new Set(['rekord/0.0.1']);
/** Kinds of Rekor v2, whose logs sign checkpoints in the name of their host. */
const TILE_REKORD = 'hashedrekord/0.0.2';
const TILES: ReadonlySet<string> = new Set([TILE_REKORD, 'dsse/0.0.2']);
/** Kinds that are about the envelope of a bundle. */
const ENVELOPES: ReadonlySet<string> = new Set(['dsse/0.0.1', 'intoto/0.0.2', ...TILES]);
/** Kinds that are about a signature over bytes, as a legacy signature is. */
const MESSAGES: ReadonlySet<string> = new Set(['hashedrekord/0.0.1', 'rekord/0.0.1', TILE_REKORD]);

/** Thrown for a signed entry timestamp that does not hold. */
class PromiseError extends LogBodyError {}

/**
 * The entries of logs in the trust root, each proven to be in the log and to be about this artifact, signature and signer.
 * Entries of other logs are skipped. Throws {@link SignatureError} `NotLogged` for one of a known log that does not hold, or where none is left.
 */
export function verifyEntries(
  entries: readonly TransparencyLogEntry[],
  content: SignedContent,
  signer: ExpectedSigner,
  trust: Material,
  profile: Profile,
): readonly VerifiedEntry[] {
  const verified: VerifiedEntry[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    const identity = `${entry.logId.keyId.toString('hex')} ${profile.duplicateLogEntries === 'Refuse' ? entry.logIndex : entry.canonicalizedBody.toString('base64')}`;
    if (seen.has(identity)) {
      if (profile.duplicateLogEntries === 'Refuse') throw new SignatureError('NotLogged', 'the same log entry is given twice');
      continue;
    }
    seen.add(identity);
    const logs = trust.tlogs.filter(({ logID }) => logID.equals(entry.logId.keyId));
    if (logs.length > 0) verified.push(...verifyOrSkip(entry, content, signer, logs, profile));
  }
  if (verified.length > 0) return verified;
  throw new SignatureError(
    'NotLogged',
    entries.length === 0
      ? 'the signature has no transparency log entry'
      : `none of the ${entries.length} log entries is of one of the ${trust.tlogs.length} transparency logs of the trust root`,
  );
}

/** cosign goes on to the next entry where only the promise does not hold. */
function verifyOrSkip(entry: TransparencyLogEntry, content: SignedContent, signer: ExpectedSigner, logs: readonly Log[], profile: Profile): readonly VerifiedEntry[] {
  try {
    return [verifyEntry(entry, content, signer, logs, profile)];
  } catch (error) {
    if (profile.unprovenPromise === 'Skip' && error instanceof SignatureError && error.cause instanceof PromiseError) return [];
    throw error;
  }
}

/** What must be in the log, and how that is proven. */
interface Logged {
  readonly leaf: Buffer;
  /** A log of Rekor v2. */
  readonly tiles: boolean;
  /** The SET alone counts. */
  readonly promised: boolean;
}

function verifyEntry(entry: TransparencyLogEntry, content: SignedContent, signer: ExpectedSigner, logs: readonly Log[], profile: Profile): VerifiedEntry {
  try {
    const logged = readEntry(entry, content, signer, profile);
    const log = firstThat(logs, (candidate) => proveLogged(entry, logged, candidate, profile));
    const seconds = Number(entry.integratedTime);
    return { log, ...(entry.inclusionPromise === undefined ? {} : { time: seconds * 1000 }), ...(seconds === 0 ? {} : { claimed: seconds * 1000 }) };
  } catch (error) {
    if (error instanceof SignatureError) throw error;
    const reason = error instanceof LogBodyError ? error.message : `the log entry cannot be verified: ${problemOf(error, 200)}`;
    throw new SignatureError('NotLogged', reason, { cause: error });
  }
}

/** Holds the entry's body against what was signed. Throws {@link LogBodyError}. */
function readEntry(entry: TransparencyLogEntry, content: SignedContent, signer: ExpectedSigner, profile: Profile): Logged {
  const { limits, strictJson, entryHints, tileEnvelopes, hashedEnvelopes = false } = profile;
  const body = asObject(parseJson(entry.canonicalizedBody, { strict: strictJson, maxDepth: limits.jsonDepth }), 'the log entry');
  const tile = entryHints === 'Ignore' && isTileEntry(entry.canonicalizedBody);
  const kind = tile ? TILE_REKORD : kindOf(body);
  if (entryHints === 'Ignore' && kind === TILE_REKORD && !tile) throw new LogBodyError('the log entry is not as Rekor v2 writes it');
  const { kindVersion } = entry;
  if (entryHints === 'Compare' && kind !== `${kindVersion.kind}/${kindVersion.version}`) throw new LogBodyError(`the log entry is of kind ${kind.slice(0, 64)} and says that it is of another`);
  const asBytes = !content.isEnvelope || (hashedEnvelopes && kind === 'hashedrekord/0.0.1');
  if (content.stored === undefined && !(asBytes ? MESSAGES : ENVELOPES).has(kind)) {
    throw new LogBodyError(`log entries of kind ${kind.slice(0, 64)} are not about such signatures`);
  }
  if (kind === 'dsse/0.0.2' && !tileEnvelopes) throw new LogBodyError(`log entries of kind ${kind} are not supported`);
  const tiles = TILES.has(kind);
  const promised = SET_ONLY.has(kind) || content.stored !== undefined || entry.inclusionProof === undefined;
  if (promised && entry.inclusionPromise === undefined) throw new LogBodyError('the log entry has no signed entry timestamp');
  const remade = kind === TILE_REKORD && content.isEnvelope ? tileEntryOf(content, signer) : undefined;
  if (remade === undefined || entryHints === 'Compare') checkLogBody(body, content, signer);
  if (remade !== undefined && entryHints === 'Compare' && !sameBytes(remade, entry.canonicalizedBody)) throw new LogBodyError('the log entry is not as Rekor v2 writes it');
  return { leaf: remade ?? entry.canonicalizedBody, tiles, promised };
}

/** One log may be listed with several keys; which of them signed decides on the validity that is looked at later. */
function firstThat(logs: readonly Log[], attempt: (log: Log) => void): Log {
  let reason: unknown;
  for (const log of logs) {
    try {
      attempt(log);
      return log;
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

/** SET, inclusion proof and checkpoint, each that is there. */
function proveLogged(entry: TransparencyLogEntry, { leaf, tiles, promised }: Logged, log: Log, profile: Profile): void {
  if (entry.inclusionPromise !== undefined) {
    if (tiles) throw new PromiseError('a Rekor v2 log promises nothing, and the entry has a signed entry timestamp (SET)');
    verifySet(entry, log);
  }
  if (!promised) verifyInclusion(entry, leaf, log, tiles, profile);
}

/** The log's signature over body, time, index and log id, in canonical JSON (Rekor v1), by a key that was valid then. */
function verifySet(entry: TransparencyLogEntry, log: Log): void {
  const { canonicalizedBody, inclusionPromise, integratedTime, logId, logIndex } = entry;
  if (inclusionPromise === undefined) throw new PromiseError('the log entry has no signed entry timestamp');
  // Rekor v1 signs with an elliptic curve and SHA-256; cosign verifies nothing else.
  const elliptic = log.publicKey.asymmetricKeyType === 'ec';
  const signed = json.canonicalize({
    body: canonicalizedBody.toString('base64'),
    integratedTime: Number(integratedTime),
    logIndex: Number(logIndex),
    logID: logId.keyId.toString('hex'),
  });
  const time = new Date(Number(integratedTime) * 1000);
  const inTime = log.validFor.start <= time && time <= log.validFor.end;
  if (!elliptic || !inTime || !verify('sha256', Buffer.from(signed), log.publicKey, inclusionPromise.signedEntryTimestamp)) {
    throw new PromiseError('the signed entry timestamp (SET) is not by a log that was trusted at its time');
  }
}
