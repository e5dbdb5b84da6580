import type { Digest } from '../../base/digest.ts';
import type { TrustRoot } from '../../signatures/trust-root.ts';
import type { Requirement } from '../../signatures/types.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { Mismatch } from './mismatch.ts';

/** What a signature that does not count was held against. */
export interface Question {
  readonly requirement: Requirement;
  readonly options: VerifyOptions;
  readonly digest: Digest;
  /** Trust was given in parts (`--certificate-chain`, `SIGSTORE_ROOT_FILE` …), for which cosign has other words. */
  readonly inParts: boolean;
  /** Tells at once what cosign tells while it verifies. */
  readonly warn: (text: string) => void;
}

/** The trust root; without one there is nothing to say. */
export function trustOf({ requirement: { trust } }: Pick<Question, 'requirement'>): TrustRoot {
  if (trust === undefined) throw new Mismatch('no trusted rekor public keys provided');
  return trust;
}
