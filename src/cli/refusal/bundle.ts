import type { KeyObject } from 'node:crypto';
import { readCertificate } from '../../signatures/certificate.ts';
import type { Certificate } from '../../signatures/certificate.ts';
import { CODE_SIGNING, verifyChain } from '../../signatures/chain.ts';
import { SignedContent } from '../../signatures/content.ts';
import type { HashAlgorithm } from '../../signatures/content.ts';
import { claimsOf } from '../../signatures/identity.ts';
import { verifySct } from '../../signatures/sct.ts';
import type { BundleCandidate, CertificateClaims } from '../../signatures/types.ts';
import { checkBundleLog } from './bundle-log.ts';
import type { BundleParts } from './bundle-parts.ts';
import { readBundleParts } from './bundle-parts.ts';
import { checkBundleIdentity, checkPatterns } from './identity.ts';
import { Mismatch, refusalOf, within } from './mismatch.ts';
import type { Question } from './question.ts';
import { trustOf } from './question.ts';
import { checkArtifact, checkStatement } from './statement.ts';
import { stampedTimes } from './stamped-times.ts';
import { refuseRepeatedExtension } from './x509-problem.ts';

/**
 * The sentence with which cosign refuses this bundle: that of the first of its checks, in its order, that fails (sigstore-go,
 * pkg/verify, Verify; then cosign's claims). Undefined where none of them does.
 */
export function bundleRefusal(candidate: BundleCandidate, question: Question): string | undefined {
  return refusalOf(() => {
    const parts = readBundleParts(candidate);
    const { identity, checkClaims } = question.options;
    if (identity !== undefined) checkPatterns(identity);
    const { log, profile } = question.requirement;
    const { certificate } = parts;
    const doing = log === 'Required' ? 'failed to verify log inclusion: validation error' : 'failed to fetch verification content: validation error';
    if (certificate !== undefined) within(doing, () => refuseRepeatedExtension(certificate.raw, profile.limits.certificateBytes));
    const times = timesOf(parts, question);
    const { key, hashes, claims } = signerOf(parts, times, question);
    within('failed to verify signature', () => checkContent(parts, key, hashes, question));
    if (identity !== undefined && claims !== undefined) checkBundleIdentity(claims, identity);
    if (parts.envelope === undefined) throw new Mismatch('bundle does not contain a DSSE envelope');
    if (checkClaims) checkStatement(parts.envelope.payload, question);
  });
}

/** The times at which the certificate must have been valid, each verified; none where a key signed. */
function timesOf(parts: BundleParts, question: Question): readonly number[] {
  const { key, log, timestamp, now } = question.requirement;
  const { entries } = parts;
  const logged = log === 'Required' ? within('failed to verify log inclusion', () => checkBundleLog(parts, question)) : [];
  // Rekor v2 attests no time: then signed timestamps are wanted unasked.
  const timeless = key === undefined && log === 'Required' && entries.length > 0 && entries.every(({ integratedTime }) => integratedTime === 0);
  return within('failed to verify timestamps', () => {
    if (timestamp === 'Required' || timeless) return stampedTimes(parts, question);
    if (key !== undefined) return [];
    if (log === 'Ignored') return [now];
    if (logged.length === 0) throw new Mismatch('threshold not met for verified log entry integrated timestamps: 0 < 1');
    return logged;
  });
}

interface Holder {
  readonly key: KeyObject;
  readonly hashes: readonly HashAlgorithm[];
  readonly claims?: CertificateClaims;
}

function signerOf({ certificate }: BundleParts, times: readonly number[], question: Question): Holder {
  const { key, sct } = question.requirement;
  if (certificate === undefined) {
    if (key !== undefined) return { key: key.key, hashes: [key.hashAlgorithm] };
    if (sct === 'Required') throw new Mismatch('SCTs required but bundle is signed with a public key, which cannot contain SCTs');
    throw new Mismatch('failed to get signature verifier: no public key material available');
  }
  if (key !== undefined) throw new Mismatch('expected key signature, not certificate');
  const { leaf, claims } = within('failed to summarize certificate', () => summary(certificate.raw, question));
  const issuer = within('failed to verify leaf certificate', () => issuerOf(leaf, times, question));
  if (sct === 'Required') within('failed to verify signed certificate timestamp', () => checkSct(leaf, issuer, question));
  return { key: leaf.key, hashes: hashesOf(leaf.key), claims };
}

function summary(der: Buffer, { requirement: { profile } }: Question): { leaf: Certificate; claims: CertificateClaims } {
  let leaf: Certificate;
  try {
    leaf = readCertificate(der, profile.limits.certificateBytes);
  } catch (error) {
    throw new Mismatch('leaf certificate verification failed', { cause: error });
  }
  try {
    return { leaf, claims: claimsOf(leaf, 'bundle', profile) };
  } catch (error) {
    throw new Mismatch('no Subject Alternative Name found', { cause: error });
  }
}

function issuerOf(leaf: Certificate, times: readonly number[], question: Question): Certificate {
  try {
    return verifyChain(leaf, trustOf(question).authorities, times, CODE_SIGNING);
  } catch (error) {
    throw new Mismatch('leaf certificate verification failed', { cause: error });
  }
}

function checkSct(leaf: Certificate, issuer: Certificate, question: Question): void {
  try {
    verifySct(leaf, issuer, trustOf(question).material.ctlogs);
  } catch (error) {
    throw new Mismatch('only able to verify 0 SCT entries; unable to meet threshold of 1', { cause: error });
  }
}

/** The hash that fits the curve, then the one that older clients used with any. */
function hashesOf({ asymmetricKeyDetails }: KeyObject): readonly HashAlgorithm[] {
  const curve = asymmetricKeyDetails?.namedCurve;
  return curve === 'secp384r1' ? ['sha384', 'sha256'] : curve === 'secp521r1' ? ['sha512', 'sha256'] : ['sha256'];
}

function checkContent({ envelope, message }: BundleParts, key: KeyObject, hashes: readonly HashAlgorithm[], question: Question): void {
  if (envelope === undefined) {
    const digest = `sha256:${message?.digest.toString('hex') ?? ''}`;
    if (digest !== question.digest) throw new Mismatch('artifact does not match digest');
    return;
  }
  const { payload, payloadType, signatures } = envelope;
  const [signature] = signatures;
  if (signature === undefined || signatures.length !== 1) throw new Mismatch('exactly one signature is required');
  if (!SignedContent.ofEnvelope(payloadType, payload, signature).isSignedBy(key, hashes)) {
    throw new Mismatch('could not verify envelope: accepted signatures do not match threshold, Found: 0, Expected 1');
  }
  checkArtifact(envelope, question);
}
