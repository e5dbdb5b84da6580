import type { KeyObject } from 'node:crypto';
import { readCertificate } from '../../signatures/certificate.ts';
import type { Certificate } from '../../signatures/certificate.ts';
import { SignedContent } from '../../signatures/content.ts';
import type { Candidate } from '../../signatures/types.ts';
import { checkAnnotations } from './annotations.ts';
import { checkEnvelope, readEnvelope } from './legacy-attestation.ts';
import { checkLegacyLog } from './legacy-log.ts';
import type { LegacyParts } from './legacy-parts.ts';
import { checkStoredChain, readParts } from './legacy-parts.ts';
import { Mismatch, refusalOf } from './mismatch.ts';
import type { Question } from './question.ts';
import { checkSigner } from './signer.ts';
import { stampedAt } from './stamped-times.ts';
import { readClaim } from './simple-claim.ts';
import { checkStatement } from './statement.ts';
import { wrongSignature } from './wrong-signature.ts';
import { refuseRepeatedExtension } from './x509-problem.ts';

/**
 * The sentence with which cosign refuses this legacy signature or attestation: that of the first of its checks, in its order, that
 * fails (pkg/cosign/verify.go, verifyInternal). Undefined where none of them does.
 */
export function legacyRefusal(candidate: Exclude<Candidate, { format: 'bundle' }>, question: Question): string | undefined {
  return refusalOf(() => {
    const parts = readParts(candidate);
    if (parts.certificate !== undefined) refuseRepeatedExtension(parts.certificate.raw, question.requirement.profile.limits.certificateBytes);
    const stamped = question.requirement.timestamp === 'Required' ? timeStamped(parts, question) : undefined;
    if (question.requirement.log === 'Required') checkLegacyLog(parts, question);
    if (question.requirement.key === undefined && parts.certificate !== undefined) checkStoredChain(candidate);
    const { key, chain } = signerOf(parts, question);
    if (candidate.format === 'legacy') checkSignature(parts, key, question);
    else checkEnvelope(readEnvelope(parts.payload), key, question);
    if (question.options.checkClaims) checkClaims(candidate.format, parts, question);
    checkExpiry(parts, chain, stamped, question);
  });
}

function timeStamped({ timestamp, signature, payload }: LegacyParts, question: Question): number | undefined {
  if (timestamp === undefined) return undefined;
  const answer = stampedAt(timestamp, signature === '' ? payload : Buffer.from(signature, 'base64'), question);
  if (typeof answer === 'number') return answer;
  question.warn(`Warning: subset of signed timestamps failed to verify: [${answer}]\n`);
  throw new Mismatch('unable to verify RFC3161 timestamp bundle: expected at least one verified timestamp');
}

interface Holder {
  readonly key: KeyObject;
  /** The signer's certificate and those above it; only the first where a key was asked for. */
  readonly chain: readonly Certificate[];
}

function signerOf({ certificate }: LegacyParts, question: Question): Holder {
  const { key } = question.requirement;
  if (key !== undefined) return { key: key.key, chain: certificate === undefined ? [] : [readStrictly(certificate.raw, question)] };
  if (certificate === undefined) throw new Mismatch('no certificate found on signature');
  const chain = checkSigner(certificate.raw, question);
  return { key: chain[0].key, chain };
}

function readStrictly(der: Buffer, { requirement }: Question): Certificate {
  try {
    return readCertificate(der, requirement.profile.limits.certificateBytes);
  } catch (error) {
    throw new Mismatch('leaf certificate verification failed', { cause: error });
  }
}

function checkSignature({ payload, signature }: LegacyParts, key: KeyObject, { requirement }: Question): void {
  const bytes = Buffer.from(signature, 'base64');
  const hash = requirement.key?.hashAlgorithm ?? 'sha256';
  if (!SignedContent.ofMessage(payload, bytes).isSignedBy(key, [hash])) throw new Mismatch(wrongSignature(key, bytes));
}

function checkClaims(format: Candidate['format'], { payload }: LegacyParts, question: Question): void {
  if (format !== 'legacy') {
    checkStatement(readEnvelope(payload).payload, question);
    return;
  }
  const { digest, annotations } = readClaim(payload);
  if (digest !== question.digest) throw new Mismatch(`invalid or missing digest in claim: ${digest}`);
  checkAnnotations({ digest: question.digest, annotations }, question.options.annotations);
}

/** Against each time that is had, and the clock where there is none (pkg/cosign/verify.go, CheckExpiry). */
function checkExpiry({ entry }: LegacyParts, chain: readonly Certificate[], stamped: number | undefined, { requirement }: Question): void {
  if (chain.length === 0) return;
  const logged = entry === undefined || requirement.log === 'Ignored' ? undefined : entry.integratedTime * 1000;
  if (stamped !== undefined) checkValidity(chain, stamped, 'checking expiry on certificate with timestamp');
  if (logged !== undefined) checkValidity(chain, logged, 'checking expiry on certificate with bundle');
  if (stamped !== undefined || logged !== undefined) return;
  const expired = refusalOf(() => checkValidity(chain, requirement.now, 'checking expiry on certificate with bundle'));
  if (expired === undefined) return;
  throw new Mismatch(requirement.log === 'Ignored' ? 'expected a signed timestamp to verify an expired certificate' : expired);
}

function checkValidity(chain: readonly Certificate[], time: number, prefix: string): void {
  for (const [above, { notBefore, notAfter }] of chain.entries()) {
    const what = above === 0 ? 'certificate' : 'issuing CA certificate';
    if (notAfter < time) throw new Mismatch(`${prefix}: ${what} expired before observed time: ${timeText(notAfter)} is before ${timeText(time)}`);
    if (notBefore > time) throw new Mismatch(`${prefix}: ${what} was issued after observed time: ${timeText(notBefore)} is after ${timeText(time)}`);
  }
}

/** RFC 3339 without fractions of a second. */
function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
