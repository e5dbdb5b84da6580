import type { KeyObject } from 'node:crypto';
import { problemOf } from '../base/errors.ts';
import { readLegacyAttestation } from './attestation.ts';
import { readBundle } from './bundle.ts';
import { CertificateError, mayServe, readCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { CODE_SIGNING, verifyChain } from './chain.ts';
import { SignedContent } from './content.ts';
import type { HashAlgorithm } from './content.ts';
import { claimsOf } from './identity.ts';
import { JsonLimitError } from './json.ts';
import { readLegacy } from './legacy.ts';
import { verifyEntries } from './log.ts';
import type { VerifiedEntry } from './log.ts';
import { keyIdOf, spkiOf, weaknessOf } from './public-key.ts';
import { verifySct } from './sct.ts';
import type { Signed } from './signed.ts';
import { verifyTimestamp } from './timestamp.ts';
import type { TrustRoot } from './trust-root.ts';
import { SignatureError } from './types.ts';
import type { Candidate, CertificateClaims, Proof, Requirement, Signer } from './types.ts';

/**
 * Proves cryptographically what a candidate says and who says it: pure, synchronous, and bounded by the profile's limits. The checks
 * are those of verification.md, in its order; whether the signer and the digest are the wanted ones is the judge's to say.
 * Throws {@link SignatureError} for whatever does not hold, also where a parser stumbles; nothing else is ever thrown.
 */
export function prove(candidate: Candidate, requirement: Requirement): Proof {
  try {
    return proveAny(read(candidate, requirement), requirement, candidate);
  } catch (error) {
    if (error instanceof SignatureError) throw error;
    if (error instanceof CertificateError) {
      throw new SignatureError('CertificateInvalid', `the certificate ${error.message}`, { cause: error });
    }
    const code = error instanceof JsonLimitError ? 'LimitExceeded' : 'SignatureInvalid';
    throw new SignatureError(code, `the signature cannot be read: ${problemOf(error, 256)}`, { cause: error });
  }
}

function read(candidate: Candidate, { profile, wants }: Requirement): readonly Signed[] {
  switch (candidate.format) {
    case 'legacy':
      return [readLegacy(candidate, profile)];
    case 'legacy-attestation':
      return readLegacyAttestation(candidate, profile);
    case 'bundle':
      return [readBundle(candidate, profile, wants)];
    default:
      return candidate satisfies never;
  }
}

/** Of several signatures of one envelope any counts, as for cosign; the operator reads one only. */
function proveAny([signed, ...others]: readonly Signed[], requirement: Requirement, candidate: Candidate): Proof {
  if (signed === undefined) throw new SignatureError('SignatureInvalid', 'there is no signature');
  if (others.length === 0) return proveSigned(signed, requirement, candidate);
  try {
    return proveSigned(signed, requirement, candidate);
  } catch {
    return proveAny(others, requirement, candidate);
  }
}

/** Who is said to have signed, before it is proven. */
interface Holder {
  readonly key: KeyObject;
  readonly certificate?: Certificate;
}

function proveSigned(signed: Signed, requirement: Requirement, candidate: Candidate): Proof {
  const holder = holderOf(signed, requirement, candidate);
  verifySignature(signed, holder, requirement);
  const entries = requirement.log === 'Ignored' ? [] : provenEntries(signed, holder, requirement);
  const stamps = provenTimestamps(signed, requirement, entries);
  const times = [...entries.flatMap(({ time }) => time ?? []), ...stamps];
  checkClaimedTimes(entries, holder);
  checkLogKeys(entries, times, requirement);
  if (requirement.key !== undefined && holder.certificate !== undefined) checkValidity(holder.certificate, times, requirement.now);
  const certificate = requirement.key === undefined ? holder.certificate : undefined;
  const claims = certificate && proveCertificate(certificate, signed, times, requirement);
  return proofOf(signed, holder, claims, times, entries.length > 0);
}

/** A certificate lives as long as its candidate does. */
const certificates = new WeakMap<Candidate, Certificate>();

/** Of a candidate that is proven twice, by cosign's rules and by the operator's, the certificate is read once: what is read depends on its bytes alone. */
function certificateOf(der: Buffer, candidate: Candidate, limit: number): Certificate {
  const known = certificates.get(candidate);
  if (known !== undefined && der.length <= limit && known.der.equals(der)) return known;
  const certificate = readCertificate(der, limit);
  certificates.set(candidate, certificate);
  return certificate;
}

function holderOf(signed: Signed, { key, log, profile }: Requirement, candidate: Candidate): Holder {
  const certificate = signed.certificate === undefined ? undefined : certificateOf(signed.certificate, candidate, profile.limits.certificateBytes);
  if (key === undefined) {
    if (certificate === undefined) {
      throw new SignatureError('CertificateInvalid', 'the signature has no certificate: it was made with a key');
    }
    const weakness = weaknessOf(certificate.key);
    if (weakness !== undefined) throw new CertificateError(`has a key that ${weakness}`);
    return { key: certificate.key, certificate };
  }
  if (certificate === undefined) return { key: key.key };
  if (signed.format === 'bundle') throw new SignatureError('KeyMismatch', 'the bundle is signed with a certificate, not with a key');
  if (!certificate.key.equals(key.key) && (log === 'Required' || !profile.otherCertificate)) {
    throw new SignatureError('KeyMismatch', `the signature's certificate is for another key than ${key.keyId}`);
  }
  return { key: key.key, certificate };
}

function verifySignature(signed: Signed, holder: Holder, { key }: Requirement): void {
  const hashes = key === undefined ? certificateHashes(signed, holder.key) : [key.hashAlgorithm];
  if (signed.content.isSignedBy(holder.key, hashes)) return;
  if (key !== undefined) throw new SignatureError('KeyMismatch', `the signature is not by the key ${key.keyId} over these bytes`);
  throw new SignatureError('SignatureInvalid', 'the signature is not by the key of its certificate over these bytes');
}

/** cosign signs a legacy payload with SHA-256 whatever the curve; a bundle with the hash that fits the curve, at times with SHA-256 too. */
function certificateHashes(signed: Signed, key: KeyObject): readonly HashAlgorithm[] {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (signed.format === 'legacy') return ['sha256'];
  return curve === 'secp384r1' ? ['sha384', 'sha256'] : curve === 'secp521r1' ? ['sha512', 'sha256'] : ['sha256'];
}

function provenEntries(signed: Signed, holder: Holder, requirement: Requirement): readonly VerifiedEntry[] {
  const { key, certificate } = holder;
  const hash = requirement.key === undefined ? (signed.format === 'legacy' ? 'sha256' : undefined) : requirement.key.hashAlgorithm;
  const signer = { ...(hash === undefined ? {} : { hash }), ...(certificate === undefined ? { key: spkiOf(key) } : { key: certificate.spki, certificate: certificate.der }) };
  return verifyEntries(signed.entries, signed.content, signer, trustOf(requirement).material, requirement.profile);
}

/** The times that trusted authorities attest. One that is not needed and cannot be verified is skipped. */
function provenTimestamps(signed: Signed, requirement: Requirement, entries: readonly VerifiedEntry[]): readonly number[] {
  const { profile, timestamp, trust } = requirement;
  const required = timestamp === 'Required';
  // Rekor v2 attests no time: cosign 3.0.5 and later then look for timestamps unasked. An entry that only lacks its SET says a time all the same.
  const timeless = requirement.key === undefined && entries.length > 0 && signed.entries.every(({ integratedTime }) => Number(integratedTime) === 0);
  if (!required && !timeless && !(profile.unaskedTimestamps && trust !== undefined)) return [];
  const { material } = trustOf(requirement);
  const times: number[] = [];
  let reason: SignatureError | undefined;
  for (const token of signed.timestamps) {
    try {
      times.push(stampedTime(token, signed, material));
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      reason = error;
    }
  }
  if (times.length > 0 || !required) return times;
  if (reason !== undefined) throw reason;
  if (signed.format === 'legacy' && profile.legacyTimestampMayBeAbsent) return times;
  throw new SignatureError('TimestampInvalid', 'the signature has no timestamp');
}

/** The time of a token over any of what it may be over. */
function stampedTime(token: Buffer, { content, stamped }: Signed, trust: TrustRoot['material']): number {
  if (stamped === undefined) return verifyTimestamp(token, content, trust);
  let reason: unknown;
  for (const bytes of stamped) {
    try {
      return verifyTimestamp(token, SignedContent.ofMessage({ bytes }, bytes), trust);
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

/** The time beside an entry is proven by a SET only; one that cannot be is a sign of tampering all the same. */
function checkClaimedTimes(entries: readonly VerifiedEntry[], { certificate }: Holder): void {
  if (certificate === undefined) return;
  const outside = entries.some(({ time, claimed }) => time === undefined && claimed !== undefined && (claimed < certificate.notBefore || claimed > certificate.notAfter));
  if (outside) throw new CertificateError('was not valid when the log says that it took the signature');
}

/** A certificate beside a signature that a key proves is said by nobody but the signer; cosign wants it to have been valid all the same. */
function checkValidity({ notBefore, notAfter }: Certificate, times: readonly number[], now: number): void {
  const outside = (times.length > 0 ? times : [now]).find((time) => time < notBefore || time > notAfter);
  if (outside !== undefined) throw new CertificateError(`beside the signature was not valid at ${new Date(outside).toISOString()}`);
}

/**
 * The library looks at the validity of a log's key for SETs only, so that a leaked key of Rekor v2 could not be retired.
 * Without any authenticated time, the key must be valid now.
 */
function checkLogKeys(entries: readonly VerifiedEntry[], times: readonly number[], { profile, now }: Requirement): void {
  if (!profile.proofKeyValidity) return;
  for (const { log, time: own } of entries) {
    const moments = own === undefined ? (times.length > 0 ? times : [now]) : [own];
    const outside = moments.find((time) => time < log.validFor.start.getTime() || time > log.validFor.end.getTime());
    if (outside !== undefined) {
      throw new SignatureError('NotLogged', `the key of the transparency log ${log.baseURL} was not valid at ${new Date(outside).toISOString()}`);
    }
  }
}

function proveCertificate(certificate: Certificate, signed: Signed, times: readonly number[], requirement: Requirement): CertificateClaims {
  const { material, authorities, ownAuthorities } = trustOf(requirement);
  if (times.length === 0 && (!requirement.profile.clockWithoutTime || requirement.log === 'Required')) {
    throw new SignatureError('TimestampInvalid', 'no transparency log or timestamp authority of the trust root attests when the signature was made');
  }
  if (certificate.isAuthority || certificate.claimsAuthority) throw new CertificateError('is that of a certificate authority');
  if (!mayServe(certificate, CODE_SIGNING)) throw new CertificateError('is not for code signing');
  const moments = [...(times.length > 0 ? times : [requirement.now]), ...(signed.format === 'legacy' ? [certificate.notBefore] : [])];
  const issuer = verifyChain(certificate, authorities, moments, CODE_SIGNING);
  if (requirement.sct === 'Required') verifySct(certificate, issuer, material.ctlogs);
  return claimsOf(certificate, signed.format, requirement.profile, ownAuthorities);
}

function trustOf({ trust }: Requirement): TrustRoot {
  if (trust === undefined) throw new SignatureError('TrustRootUnavailable', 'there is no trust root to verify the signature against');
  return trust;
}

function proofOf(signed: Signed, holder: Holder, claims: CertificateClaims | undefined, times: readonly number[], logged: boolean): Proof {
  const { subjects, type } = signed.claim;
  const [only] = subjects.length === 1 ? subjects : [];
  return {
    signer: signerOf(holder, claims),
    digests: subjects.map(({ digest }) => digest),
    subjects,
    ...(only?.name === undefined ? {} : { repository: only.name }),
    annotations: only?.annotations ?? {},
    ...(times.length === 0 ? {} : { signedAt: Math.min(...times) }),
    logged,
    ...(times.length === 0 && (logged || holder.certificate !== undefined) ? { clocked: true } : {}),
    type,
    ...(claims === undefined ? {} : { certificate: claims }),
  };
}

function signerOf({ key, certificate }: Holder, claims: CertificateClaims | undefined): Signer {
  if (claims === undefined || certificate === undefined) return { kind: 'key', keyId: keyIdOf(key) };
  const { issuer, subjects, claims: named } = claims;
  return { kind: 'certificate', issuer, subject: subjects[0] ?? '', claims: named, certificate: certificate.digest, keyId: keyIdOf(key) };
}
