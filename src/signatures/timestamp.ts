import type { KeyObject } from 'node:crypto';
import { RFC3161Timestamp } from '@sigstore/core';
import { Verifier } from '@sigstore/verify';
import type { TrustMaterial } from '@sigstore/verify';
import { messageOf } from '../base/errors.ts';
import type { SignedContent } from './content.ts';
import { SignatureError } from './types.ts';

/** RFC 3161 §2.4.2: granted, granted with modifications. */
const GRANTED: ReadonlySet<bigint> = new Set([0n, 1n]);

/**
 * When a trusted timestamp authority saw the signature by `key`, milliseconds since the epoch (RFC 3161). Throws
 * {@link SignatureError} `TimestampInvalid`.
 */
export function verifyTimestamp(token: Buffer, content: SignedContent, key: KeyObject, trust: TrustMaterial): number {
  try {
    const timestamp = RFC3161Timestamp.parse(Buffer.from(token));
    if (!GRANTED.has(timestamp.status)) throw new Error(`its status is ${timestamp.status}`);
    return signingTime(timestamp, content, key, trust);
  } catch (error) {
    const known = `one of the ${trust.timestampAuthorities.length} timestamp authorities of the trust root`;
    throw new SignatureError('TimestampInvalid', `the timestamp is not by ${known}: ${messageOf(error, 200)}`, { cause: error });
  }
}

/** The library tells the times that it has verified only to the key that it is about to use: that is where they are taken from. */
function signingTime(timestamp: RFC3161Timestamp, content: SignedContent, key: KeyObject, trust: TrustMaterial): number {
  const times: Date[] = [];
  const witness = { publicKey: key, validFor: (time: Date) => times.push(time) > 0 };
  new Verifier({ ...trust, publicKey: () => witness }, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 1 }).verify({
    signature: content.forLibrary(() => true),
    key: { $case: 'public-key', hint: '' },
    timestamps: [{ $case: 'timestamp-authority', timestamp }],
    tlogEntries: [],
  });
  const time = times[0]?.getTime() ?? Number.NaN;
  if (!Number.isFinite(time)) throw new Error('it has no time');
  return time;
}
