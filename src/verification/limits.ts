/** Bounds of one engine (verification.md, Limits). Bytes and milliseconds. */
export interface EngineLimits {
  /** Signatures that are looked at per digest. */
  readonly signatures: number;
  /** Bytes of one signed payload or one bundle. */
  readonly payload: number;
  /** Bytes of one attestation. */
  readonly attestation: number;
  /** Bytes of all attestations that are read of one digest; the referrers and the `.att` tag have half of it each. */
  readonly attestationBytes: number;
  /** Bytes of everything that is read of one digest; the referrers and the `.sig` tag have half of it each. */
  readonly digestBytes: number;
  /** Signed payloads and bundles that are fetched at the same time for one digest. */
  readonly fetches: number;
  /** Time for all look-ups of one digest, and for one tag. */
  readonly lookup: number;
  /** Time spent proving signatures for one policy and one image. */
  readonly judgement: number;
  /** Bytes of the evidence that is kept. */
  readonly evidenceBytes: number;
  /** How long kept evidence may vouch for a signature; a refusal is always judged on evidence younger than `negative`. */
  readonly evidenceAge: number;
  /** Bytes of the proofs that are kept. */
  readonly proofBytes: number;
  /** Bytes of the verdicts that are kept. */
  readonly verdictBytes: number;
  /** How long a definite refusal stands before it is asked again (with jitter). */
  readonly negative: number;
  /** How long a positive verdict outlives its re-check interval while asking again fails for reasons of infrastructure. */
  readonly maxStale: number;
}

const MINUTE = 60_000;
const MIB = 1024 * 1024;

/** The defaults of the operator. */
export const DEFAULT_LIMITS: EngineLimits = Object.freeze({
  signatures: 64,
  payload: MIB,
  attestation: 16 * MIB,
  attestationBytes: 32 * MIB,
  digestBytes: 16 * MIB,
  fetches: 8,
  lookup: 8_000,
  judgement: 2_000,
  evidenceBytes: 64 * MIB,
  evidenceAge: 60 * MINUTE,
  proofBytes: 16 * MIB,
  verdictBytes: 32 * MIB,
  negative: MINUTE,
  maxStale: 7 * 24 * 60 * MINUTE,
});
