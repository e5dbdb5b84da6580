import type { Reason } from '../api/reasons.ts';
import type { Signer } from '../signatures/types.ts';
import type { CompiledAuthority, CompiledIdentity, StringMatch } from './types.ts';

/** Longest message of a verdict, in characters (api.md, status). */
export const MESSAGE_LIMIT = 512;

/** What could end the quotation, steer a terminal, or turn the direction of what follows (control and format characters). */
const UNSAFE = /["\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;

/**
 * Text that others wrote, quoted and cut, so that it can neither break nor fill a sentence of ours. Backslashes stay as they
 * are: a pattern is to be found in the policy as it is told.
 */
export function quote(text: string, limit = 120): string {
  return `"${clip(text, limit).replaceAll(UNSAFE, (unsafe) => `\\u{${unsafe.codePointAt(0)?.toString(16)}}`)}"`;
}

/** Text that holds others' text, cut and made harmless as {@link quote} does it, but not quoted. */
export function harmless(text: string, limit = 120): string {
  return quote(text, limit).slice(1, -1);
}

/** At most `limit` characters, in one line. */
export function clip(text: string, limit: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

/** Who signed, as people name them. */
export function signerText(signer: Signer): string {
  return signer.kind === 'key' ? `key ${signer.keyId}` : `${quote(signer.subject)} (issuer ${quote(signer.issuer)})`;
}

/** What an authority accepts, as people would say it. */
export function wantedText(authority: CompiledAuthority): string {
  const [first, ...others] = authority.kind === 'key' ? authority.keys.map((key) => `key ${key.keyId}`) : authority.identities.map(identityText);
  return `${first ?? 'nobody'}${others.length > 0 ? ` or ${others.length} other${others.length > 1 ? 's' : ''}` : ''}`;
}

/** An identity as it was written in the policy. */
export function identityText({ issuer, subject }: CompiledIdentity): string {
  return `subject ${matchText(subject)} of issuer ${matchText(issuer)}`;
}

function matchText(match: StringMatch): string {
  return 'exact' in match ? quote(match.exact) : `matching ${quote(match.pattern)}`;
}

/** What to do about a reason; the end of the sentence that people read. */
export const REMEDIES: Partial<Readonly<Record<Reason, string>>> = Object.freeze({
  SignatureInvalid: 'sign the image again',
  KeyMismatch: "sign with that key, or add the signer's public key to the authority",
  NotLogged: 'sign with a transparency log that the trust root lists, or say in the authority (ctlog) that none is needed',
  TimestampInvalid: 'sign with a timestamp authority that the trust root lists',
  CertificateInvalid: "sign with a certificate of the trust root's authorities, or name the right trust root in the authority",
  TrustRootUnavailable: 'name a trust root that has what is needed',
  DigestMismatch: 'sign this image, not another one',
  IdentityMismatch: 'sign with that identity, or add the one that signed to the authority if it may',
  AnnotationMismatch: 'sign again with these annotations (cosign sign -a key=value)',
  SignatureTooOld: 'sign the image again',
  AttestationMissing: 'attest it (cosign attest --type …)',
  AttestationRejected: 'make the attestation say what is wanted, or change the policy if it may say so',
  LimitExceeded: 'remove signatures that are not needed',
});
