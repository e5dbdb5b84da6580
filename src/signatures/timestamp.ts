import { RFC3161Timestamp } from '@sigstore/core';
import { problemOf } from '../base/errors.ts';
import { objectionTo, TIME_STAMPING } from './chain.ts';
import type { StampAuthority } from './chain.ts';
import { sameBytes } from './content.ts';
import type { SignedContent } from './content.ts';
import { checkSpeculation } from './speculation.ts';
import type { Material } from './trust-root.ts';
import { SignatureError } from './types.ts';

/** RFC 3161 §2.4.2: granted. What was granted with modifications is not what was asked for, and cosign refuses it too. */
const GRANTED = 0n;

/**
 * When a trusted timestamp authority saw the signature, milliseconds since the epoch (RFC 3161). The library reads the token and
 * verifies it; the authority's chain was proven with its trust root, so that here only its validity is left to look at. Throws
 * {@link SignatureError} `TimestampInvalid`.
 */
export function verifyTimestamp(token: Buffer, content: SignedContent, trust: Material): number {
  try {
    checkSpeculation(token);
    const timestamp = RFC3161Timestamp.parse(Buffer.from(token));
    if (timestamp.status !== GRANTED) throw new Error(`its status is ${timestamp.status}`);
    const time = timestamp.signingTime.getTime();
    if (!Number.isFinite(time)) throw new Error('it has no time');
    verifySigner(timestamp, time, content.signature, trust.stampAuthorities);
    return time;
  } catch (error) {
    const known = `one of the ${trust.stampAuthorities.length} timestamp authorities of the trust root`;
    throw new SignatureError('TimestampInvalid', `the timestamp is not by ${known}: ${problemOf(error, 200)}`, { cause: error });
  }
}

/** Any of the authorities that have the certificate which the token names may have made it. */
function verifySigner(timestamp: RFC3161Timestamp, time: number, stamped: Buffer, authorities: readonly StampAuthority[]): void {
  let reason: unknown = new Error('it names a signer that is none of theirs');
  for (const authority of authorities.filter(({ signer }) => isNamed(signer.tbs, timestamp))) {
    try {
      const objections = authority.issuers.map((issuer) => objectionTo(authority.signer, issuer, authority, [time], TIME_STAMPING));
      if (!objections.includes(undefined)) throw new Error(`the certificate of its signer ${objections[0]}`);
      timestamp.verify(stamped, authority.signer.key);
      return;
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

/** A token names its signer's certificate by serial number and issuer (RFC 5652 §5.3), fields 1 and 3 of a TBSCertificate. */
function isNamed(tbs: StampAuthority['signer']['tbs'], { signerSerialNumber, signerIssuer }: RFC3161Timestamp): boolean {
  const [serial, issuer] = [tbs[1]?.content, tbs[3]?.content];
  return serial !== undefined && issuer !== undefined && sameBytes(serial, signerSerialNumber) && sameBytes(issuer, signerIssuer);
}
