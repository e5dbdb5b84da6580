import { verify } from 'node:crypto';
import type { TrustRoot } from '../../signatures/trust-root.ts';
import { Mismatch } from './mismatch.ts';

type Log = TrustRoot['material']['tlogs'][number];

/** A log entry with its signed entry timestamp (SET). */
export interface SignedEntry {
  /** Base64, as signed. */
  readonly body: string;
  /** Seconds since the epoch. */
  readonly integratedTime: number;
  readonly logIndex: number;
  /** Hexadecimal. */
  readonly logId: string;
  readonly timestamp: Buffer;
}

/** Holds an entry's SET against the logs of the trust root, in sigstore-go's order and words (pkg/tlog, VerifySET). Throws {@link Mismatch}. */
export function checkSet(entry: SignedEntry, logs: readonly Log[]): void {
  const named = logs.filter(({ logID }) => logID.toString('hex') === entry.logId);
  if (named.length === 0) throw new Mismatch('rekor log public key not found for payload');
  const time = entry.integratedTime * 1000;
  const valid = named.filter(({ validFor: { start, end } }) => start.getTime() <= time && time <= end.getTime());
  if (valid.length === 0) throw new Mismatch('rekor log public key not valid at payload integrated time');
  if (!valid.some((log) => isSigned(entry, log))) throw new Mismatch('unable to verify SET');
}

/** The four members in the order of canonical JSON (RFC 8785); none of them has a character that would be escaped. */
function isSigned({ body, integratedTime, logId, logIndex, timestamp }: SignedEntry, { publicKey }: Log): boolean {
  if (publicKey.asymmetricKeyType !== 'ec') throw new Mismatch(`unsupported public key type: ${publicKey.asymmetricKeyType ?? 'unknown'}`);
  const signed = JSON.stringify({ body, integratedTime, logID: logId, logIndex });
  return verify('sha256', Buffer.from(signed), publicKey, timestamp);
}
