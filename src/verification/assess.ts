import type { ImageReference } from '../api/image-reference.ts';
import { parseImageReference } from '../api/image-reference.ts';
import type { Reason } from '../api/reasons.ts';
import type { Re2 } from '../api/re2.ts';
import { compileRe2, re2Size } from '../api/re2.ts';
import type { Digest } from '../base/digest.ts';
import { Lru } from '../base/lru.ts';
import type { Candidate, Proof, Subject } from '../signatures/types.ts';
import { SIGN_PREDICATE } from './bundle-evidence.ts';
import { clip, identityText, quote, signerText, wantedText } from './sentences.ts';
import type { CompiledAuthority, CompiledIdentity, StringMatch } from './types.ts';

/** `critical.type` of what `cosign sign` makes (cosign specs/SIGNATURE_SPEC.md). */
export const LEGACY_TYPE = 'cosign container image signature';

/** What an authority is asked about one proven signature. */
export interface Question {
  readonly authority: CompiledAuthority;
  readonly image: ImageReference;
  readonly digest: Digest;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Why one signature does not count for one authority. */
export interface Miss {
  readonly reason: Reason;
  /** What was found and what was wanted; without a remedy. */
  readonly text: string;
}

/** What was proven, and the one subject of it that is the image in question. */
interface Statement {
  readonly proof: Proof;
  readonly subject: Subject;
}

type Check = (statement: Statement, question: Question) => Miss | undefined;

/** Of an instruction of a compiled pattern, with what the library remembers of texts. */
const PATTERN_BYTES = 1024;
const patterns = new Lru<Re2>(16 * 1024 * 1024);

/**
 * Reasons of a miss from the first check to the last (verification.md, The checks, in order): of several misses the
 * one that got furthest is the one that helps. An attestation never was a signature, whoever made it.
 */
export const PROGRESS: readonly Reason[] = [
  'NoSignature',
  'AttestationMissing',
  'LimitExceeded',
  'SignatureInvalid',
  'KeyMismatch',
  'NotLogged',
  'TimestampInvalid',
  'CertificateInvalid',
  'TrustRootUnavailable',
  'DigestMismatch',
  'IdentityMismatch',
  'AnnotationMismatch',
  'SignatureTooOld',
  'AttestationRejected',
];

/**
 * Judges what was proven of a signature against an authority; `undefined`: it counts.
 * @throws Re2Error where a pattern does not compile, which compiling the policy has ruled out.
 */
export function assess(proof: Proof, candidate: Candidate, question: Question): Miss | undefined {
  // Of which type an attestation must be each of the authority's demands says for itself.
  const wrong = question.authority.attestations.length > 0 ? undefined : wrongType(proof, candidate);
  if (wrong !== undefined) return wrong;
  const subject = proof.subjects.find(({ digest }) => digest === question.digest);
  if (subject === undefined) {
    const made = proof.subjects[0]?.digest ?? 'no image';
    return { reason: 'DigestMismatch', text: `the signature was made for ${made}, not for ${question.digest}` };
  }
  for (const check of [namesRepository, hasIdentity, hasAnnotations, isRecent] satisfies readonly Check[]) {
    const miss = check({ proof, subject }, question);
    if (miss !== undefined) return miss;
  }
  return undefined;
}

function wrongType({ type }: Proof, { format }: Candidate): Miss | undefined {
  const wanted = format === 'legacy' ? LEGACY_TYPE : SIGN_PREDICATE;
  if (type === wanted) return undefined;
  return { reason: 'NoSignature', text: `it says to be ${quote(type)}, which is not a signature of an image (${wanted})` };
}

function namesRepository({ subject: { name } }: Statement, { authority, image }: Question): Miss | undefined {
  if (!authority.requireRepository || (name !== undefined && canonicalName(name) === image.name)) return undefined;
  const found = name === undefined ? 'the signature names no repository' : `the signature was made for repository ${quote(name)}`;
  return { reason: 'DigestMismatch', text: `${found}, and authority ${quote(authority.name)} wants ${image.name} named (requireRepository)` };
}

function canonicalName(repository: string): string | undefined {
  try {
    return parseImageReference(repository).name;
  } catch {
    return undefined;
  }
}

function hasIdentity({ proof: { signer } }: Statement, { authority }: Question): Miss | undefined {
  const asAsked = `authority ${quote(authority.name)} wants ${wantedText(authority)}`;
  if (authority.kind === 'key') {
    const known = signer.kind === 'key' && authority.keys.some(({ keyId }) => keyId === signer.keyId);
    return known ? undefined : { reason: 'KeyMismatch', text: `it is signed by ${signerText(signer)}, but ${asAsked}` };
  }
  if (signer.kind === 'key') return { reason: 'IdentityMismatch', text: `it is signed by ${signerText(signer)}, but ${asAsked}` };
  const named = authority.identities.filter((one) => matches(one.issuer, signer.issuer) && matches(one.subject, signer.subject));
  if (named.some((one) => wrongClaim(one, signer.claims) === undefined)) return undefined;
  const [almost] = named;
  const claim = almost === undefined ? undefined : wrongClaim(almost, signer.claims);
  if (almost === undefined || claim === undefined) {
    return { reason: 'IdentityMismatch', text: `it is signed by ${signerText(signer)}, but ${asAsked}` };
  }
  const found = Object.hasOwn(signer.claims, claim) ? quote(signer.claims[claim] ?? '') : 'no value';
  const wanted = `authority ${quote(authority.name)} wants ${quote(almost.claims[claim] ?? '')} with ${identityText(almost)}`;
  return { reason: 'IdentityMismatch', text: `the signer's certificate has ${found} for ${claim}, but ${wanted}` };
}

/** The first claim that the certificate does not have with exactly the wanted value. */
function wrongClaim(identity: CompiledIdentity, claims: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(identity.claims).find((name) => !Object.hasOwn(claims, name) || claims[name] !== identity.claims[name]);
}

function matches(match: StringMatch, text: string): boolean {
  if ('exact' in match) return match.exact === text;
  const known = patterns.get(match.pattern, 0);
  const compiled = known ?? compileRe2(match.pattern);
  if (known === undefined) patterns.set(match.pattern, compiled, PATTERN_BYTES * re2Size(match.pattern));
  return compiled.search(text);
}

function hasAnnotations({ subject: { annotations } }: Statement, { authority }: Question): Miss | undefined {
  for (const [name, wanted] of Object.entries(authority.annotations)) {
    const found = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
    if (found === wanted) continue;
    const has = found === undefined ? 'no' : `${typeof found === 'string' ? quote(found) : clip(JSON.stringify(found), 120)} as`;
    const text = `the signature has ${has} annotation ${quote(name)}, but authority ${quote(authority.name)} wants ${quote(wanted)}`;
    return { reason: 'AnnotationMismatch', text };
  }
  return undefined;
}

function isRecent({ proof: { signedAt } }: Statement, { authority, now }: Question): Miss | undefined {
  const { notBefore, maxAge } = authority;
  const earliest = Math.max(notBefore ?? Number.NEGATIVE_INFINITY, maxAge === undefined ? Number.NEGATIVE_INFINITY : now - maxAge);
  if (earliest === Number.NEGATIVE_INFINITY || (signedAt !== undefined && signedAt >= earliest)) return undefined;
  const found = signedAt === undefined ? 'the signature has no authenticated time' : `the signature was made at ${isoTime(signedAt)}`;
  return { reason: 'SignatureTooOld', text: `${found}, but authority ${quote(authority.name)} wants one made since ${isoTime(earliest)}` };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
