import { verify } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { json } from '@sigstore/core';
import { Verifier } from '@sigstore/verify';
import type { TrustMaterial } from '@sigstore/verify';
import { messageOf } from '../base/errors.ts';
import type { SignedContent } from './content.ts';
import { asObject, parseJson } from './json.ts';
import { checkLogBody, kindOf, LogBodyError } from './log-body.ts';
import type { ExpectedSigner } from './log-body.ts';
import { SignatureError } from './types.ts';
import type { Limits, Profile } from './types.ts';

type Log = TrustMaterial['tlogs'][number];

/** An entry of a known log that was proven to be about this signature. */
export interface VerifiedEntry {
  readonly log: Log;
  /** When the log took it, milliseconds since the epoch; only a signed entry timestamp (SET) says so. */
  readonly time?: number;
}

/** Kinds that the library does not know; they exist only with a SET. So does every entry of a legacy attestation. */
const SET_ONLY: ReadonlySet<string> = new Set(['rekord/0.0.1']);
/** Kinds of Rekor v2, whose logs sign checkpoints in the name of their host. */
const TILES: ReadonlySet<string> = new Set(['hashedrekord/0.0.2', 'dsse/0.0.2']);

/**
 * The entries of logs in the trust root, each proven to be in the log and to be about this artifact, signature and signer.
 * Entries of other logs are skipped. Throws {@link SignatureError} `NotLogged` for one of a known log that does not hold, or where none is left.
 */
export function verifyEntries(
  entries: readonly TransparencyLogEntry[],
  content: SignedContent,
  signer: ExpectedSigner,
  trust: TrustMaterial,
  profile: Profile,
): readonly VerifiedEntry[] {
  const verified: VerifiedEntry[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    const identity = `${entry.logId.keyId.toString('hex')} ${entry.canonicalizedBody.toString('base64')}`;
    if (seen.has(identity)) {
      if (profile.duplicateLogEntries === 'Refuse') throw new SignatureError('NotLogged', 'the same log entry is given twice');
      continue;
    }
    seen.add(identity);
    const logs = trust.tlogs.filter(({ logID }) => logID.equals(entry.logId.keyId));
    if (logs.length > 0) verified.push(verifyEntry(entry, content, signer, logs, profile));
  }
  if (verified.length > 0) return verified;
  throw new SignatureError(
    'NotLogged',
    entries.length === 0
      ? 'the signature has no transparency log entry'
      : `none of the ${entries.length} log entries is of one of the ${trust.tlogs.length} transparency logs of the trust root`,
  );
}

function verifyEntry(
  entry: TransparencyLogEntry,
  content: SignedContent,
  signer: ExpectedSigner,
  logs: readonly Log[],
  { limits, strictJson }: Profile,
): VerifiedEntry {
  try {
    const body = asObject(parseJson(entry.canonicalizedBody, { strict: strictJson, maxDepth: limits.jsonDepth }), 'the log entry');
    const kind = kindOf(body);
    checkLogBody(body, content, signer);
    const log = firstThat(logs, (candidate) => {
      if (SET_ONLY.has(kind) || content.stored !== undefined) verifySet(entry, candidate);
      else verifyInclusion(entry, kind, content, candidate, limits);
    });
    return entry.inclusionPromise === undefined ? { log } : { log, time: Number(entry.integratedTime) * 1000 };
  } catch (error) {
    if (error instanceof SignatureError) throw error;
    const reason = error instanceof LogBodyError ? error.message : `the log entry cannot be verified: ${messageOf(error, 200)}`;
    throw new SignatureError('NotLogged', reason, { cause: error });
  }
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

/** SET, inclusion proof and checkpoint, each that is there, by the library. */
function verifyInclusion(entry: TransparencyLogEntry, kind: string, content: SignedContent, log: Log, limits: Limits): void {
  const only = entry.inclusionProof === undefined ? { entry, log } : pruneCheckpoint(entry, kind, log, limits);
  const trust: TrustMaterial = {
    certificateAuthorities: [],
    timestampAuthorities: [],
    ctlogs: [],
    tlogs: [only.log],
    publicKey: () => ({ publicKey: log.publicKey, validFor: () => true }),
  };
  new Verifier(trust, { tlogThreshold: 1, timestampThreshold: 0, ctlogThreshold: 0 }).verify({
    // Who made the signature was proven before: the library is asked about the entry alone.
    signature: content.forLibrary(() => true),
    key: { $case: 'public-key', hint: '' },
    timestamps: [],
    tlogEntries: [only.entry],
  });
}

const SIGNATURE_LINE = /^\u2014 (\S+) \S+$/;

/**
 * Leaves only the log's own signatures on its checkpoint: there may be any number of witnesses, and the library tries each.
 * It compares a signature's name with a part of the log's address; a Rekor v2 log signs as its host name, which is the origin too
 * (https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md), a Rekor v1 under any name, so that there the key alone decides.
 */
function pruneCheckpoint(entry: TransparencyLogEntry, kind: string, log: Log, limits: Limits): { entry: TransparencyLogEntry; log: Log } {
  const proof = entry.inclusionProof;
  const envelope = proof?.checkpoint?.envelope;
  if (proof === undefined || envelope === undefined) throw new LogBodyError('the inclusion proof has no checkpoint');
  if (!envelope.endsWith('\n')) throw new LogBodyError('the checkpoint does not end with a line end');
  const split = envelope.indexOf('\n\n');
  const note = envelope.slice(0, split + 1);
  const origin = note.slice(0, note.indexOf('\n'));
  const lines = envelope.slice(split + 2).split('\n').flatMap((line) => {
    const name = SIGNATURE_LINE.exec(line)?.[1];
    return name === undefined ? [] : [{ line, name }];
  });
  if (lines.length > limits.checkpointSignatures) {
    throw new SignatureError('LimitExceeded', `the checkpoint has ${lines.length} signatures; at most ${limits.checkpointSignatures} are read`);
  }
  const own = TILES.has(kind) ? lines.filter(({ name }) => name === origin && name === hostOf(log.baseURL)) : lines;
  if (own.length === 0) {
    throw new LogBodyError(`the checkpoint of ${JSON.stringify(origin.slice(0, 128))} is not signed by the log ${log.baseURL}`);
  }
  const pruned = `${note}\n${own.map(({ line }) => line).join('\n')}\n`;
  return {
    entry: { ...entry, inclusionProof: { ...proof, checkpoint: { envelope: pruned } } },
    log: { ...log, baseURL: own.map(({ name }) => name).join(' ') },
  };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

/** The log's signature over body, time, index and log id, in canonical JSON (Rekor v1), by a key that was valid then. */
function verifySet(entry: TransparencyLogEntry, log: Log): void {
  const { canonicalizedBody, inclusionPromise, integratedTime, logId, logIndex } = entry;
  if (inclusionPromise === undefined) throw new LogBodyError('the log entry has no signed entry timestamp');
  const signed = json.canonicalize({
    body: canonicalizedBody.toString('base64'),
    integratedTime: Number(integratedTime),
    logIndex: Number(logIndex),
    logID: logId.keyId.toString('hex'),
  });
  const time = new Date(Number(integratedTime) * 1000);
  const inTime = log.validFor.start <= time && time <= log.validFor.end;
  if (!inTime || !verify(null, Buffer.from(signed), log.publicKey, inclusionPromise.signedEntryTimestamp)) {
    throw new LogBodyError('the signed entry timestamp (SET) is not by a log that was trusted at its time');
  }
}
