import { SignedContent } from '../../signatures/content.ts';
import { verifyTimestamp } from '../../signatures/timestamp.ts';
import type { TrustRoot } from '../../signatures/trust-root.ts';
import { messageOf } from '../../base/errors.ts';
import type { BundleParts } from './bundle-parts.ts';
import { signatureOf } from './bundle-parts.ts';
import { Mismatch } from './mismatch.ts';
import type { Question } from './question.ts';
import { trustOf } from './question.ts';

type Authority = TrustRoot['material']['stampAuthorities'][number];

const MAX_TIMESTAMPS = 32;

/** The times that trusted authorities attest, milliseconds since the epoch; at least one (sigstore-go, pkg/verify/tsa.go). Throws {@link Mismatch}. */
export function stampedTimes(parts: BundleParts, question: Question): readonly number[] {
  const { timestamps } = parts;
  if (timestamps.length > MAX_TIMESTAMPS) throw new Mismatch(`too many signed timestamps: ${timestamps.length} > ${MAX_TIMESTAMPS}`);
  const answers = timestamps.map((token) => stampedAt(token, signatureOf(parts), question));
  const times = answers.filter((answer) => typeof answer === 'number');
  if (times.length > 0) return times;
  const reasons = answers.length === 0 ? ['there is no signed timestamp'] : answers;
  throw new Mismatch(`threshold not met for verified signed timestamps: 0 < 1; error: ${reasons.join('\n')}`);
}

/** The time of a token over these bytes, milliseconds since the epoch, or why none of the authorities answers for it. */
export function stampedAt(token: Buffer, stamped: Buffer, question: Question): number | string {
  const { material } = trustOf(question);
  const reasons: string[] = [];
  for (const authority of material.stampAuthorities) {
    const answer = askAuthority(token, authority, stamped, question);
    if (typeof answer === 'number') return answer;
    reasons.push(answer);
  }
  return `unable to verify signed timestamps: ${reasons.length === 0 ? 'the trusted root has no timestamp authority' : reasons.join('\n')}`;
}

/** First without regard to how long the authority is trusted, so that this can be told apart. */
function askAuthority(token: Buffer, authority: Authority, stamped: Buffer, question: Question): number | string {
  const { material } = trustOf(question);
  const always = { ...authority, start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
  try {
    const time = verifyTimestamp(token, SignedContent.ofMessage(Buffer.alloc(0), stamped), { ...material, stampAuthorities: [always] });
    if (time < authority.start) return 'timestamp is before the validity period start';
    return time > authority.end ? 'timestamp is after the validity period end' : time;
  } catch (error) {
    return stampProblem(error);
  }
}

/** What Go says of a status that is not granted (RFC 3161 §2.4.2; digitorus/timestamp, Status). */
const STATUS: readonly string[] = ['the request is granted', 'the request is granted with modifications', 'the request is rejected', 'the request is waiting', 'revocation is imminent', 'revocation has occurred'];

/** Why a token is not by an authority, in Go's words where they are known (timestamp-authority, pkg/verification). */
function stampProblem(error: unknown): string {
  const text = messageOf(error, 200);
  const [, status] = /its status is (\d+)$/.exec(text) ?? [];
  if (status !== undefined) return `error parsing response into Timestamp: ${STATUS[Number(status)] ?? `invalid status: ${status}`}:  ()`;
  if (text.includes('a signer that is none of theirs')) return 'error while verifying signature: pkcs7: No certificate for signer';
  if (text.includes('signed data does not match')) return 'error while verifying signature: pkcs7: Message digest mismatch\n';
  return /(?:digest|hash|imprint)/i.test(text) ? "hashed messages don't match" : `error while verifying signature: ${text}`;
}
