import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { SignedContent } from './content.ts';
import type { Claim } from './simple-signing.ts';
import type { Candidate } from './types.ts';

/** A candidate in the one form that both formats are read into. Everything in it is bounded, nothing is proven. */
export interface Signed {
  readonly format: Candidate['format'];
  readonly content: SignedContent;
  /** What the signed bytes say. */
  readonly claim: Claim;
  /** DER of the signer's certificate, where it brings one. */
  readonly certificate?: Buffer;
  readonly entries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses. */
  readonly timestamps: readonly Buffer[];
}
