import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { SignedContent } from './content.ts';
import type { Claim } from './simple-signing.ts';

/** A candidate in the one form that both formats are read into. Everything in it is bounded, nothing is proven. */
export interface Signed {
  /** Which of cosign's rules apply: `.sig` and `.att` layers are both `legacy`. */
  readonly format: 'legacy' | 'bundle';
  readonly content: SignedContent;
  /** What the signed bytes say. */
  readonly claim: Claim;
  /** DER of the signer's certificate, where it brings one. */
  readonly certificate?: Buffer;
  readonly entries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses. */
  readonly timestamps: readonly Buffer[];
  /** What a timestamp may be over; absent: the signature. */
  readonly stamped?: readonly Buffer[];
}
