import type { ImageReference } from '../api/image-reference.ts';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { digestOf } from '../base/digest.ts';
import { Lru } from '../base/lru.ts';
import type { Judgement } from './judge.ts';
import type { EngineLimits } from './limits.ts';
import type { JudgingPolicy } from './types.ts';

const OVERHEAD = 1024;

/** A judgement with the time that it was made at, milliseconds since the epoch. */
export interface Settled {
  readonly judgement: Judgement;
  readonly verifiedAt: number;
  readonly until: number;
}

/**
 * Verdicts about digests. The key is everything that decides: repository, digest, whose credentials for the image and for each source of
 * signatures, and the policy's material (names, hashes and number of its authorities); never a tag. `Unknown` is never kept.
 */
export class VerdictCache {
  readonly #clock: Clock;
  readonly #limits: EngineLimits;
  readonly #random: () => number;
  readonly #kept: Lru<Settled>;

  constructor(clock: Clock, limits: EngineLimits, random: () => number) {
    this.#clock = clock;
    this.#limits = limits;
    this.#random = random;
    this.#kept = new Lru(limits.verdictBytes);
  }

  /** The key of a verdict. */
  key(image: ImageReference, digest: Digest, scope: string, policy: JudgingPolicy): string {
    // WARNING: the hash of an authority names the pull secrets of its sources, and two tenants may have secrets of one name.
    const material = policy.authorities.map(({ name, hash, sources }) => [name, hash, sources.map((source) => policy.sourceKeychain?.(source)?.scope ?? null)]);
    return JSON.stringify([image.host, image.path, digest, scope, digestOf(JSON.stringify([policy.threshold, material]))]);
  }

  /** A verdict that still stands: a positive one for the policy's re-check interval, a refusal for its short while. */
  fresh(key: string, policy: JudgingPolicy): Settled | undefined {
    const settled = this.#current(key);
    if (settled === undefined) return undefined;
    // A shorter interval counts at once, also for what was judged under a longer one.
    const stands = settled.judgement.result !== 'Verified' || this.#clock.now() < settled.verifiedAt + policy.recheckInterval;
    return stands && settled.verifiedAt >= (policy.freshSince ?? 0) ? settled : undefined;
  }

  /** A positive verdict that outlives its interval because asking again fails: an outage is not a verdict. */
  stale(key: string, policy: JudgingPolicy): Settled | undefined {
    const settled = this.#current(key);
    if (settled?.judgement.result !== 'Verified') return undefined;
    const end = settled.verifiedAt + policy.recheckInterval + this.#limits.maxStale;
    return this.#clock.now() < end ? settled : undefined;
  }

  /** Whether there is, or was until now, a verdict: then asking again must not be answered from old evidence. */
  knows(key: string): boolean {
    return this.#current(key) !== undefined;
  }

  /** Keeps a definite judgement. */
  settle(key: string, judgement: Judgement, policy: JudgingPolicy): void {
    if (judgement.result === 'Unknown') return;
    const now = this.#clock.now();
    const { negative, maxStale } = this.#limits;
    const until =
      judgement.result === 'Verified'
        ? Math.min(now + policy.recheckInterval + maxStale, judgement.expiresAt ?? Number.POSITIVE_INFINITY)
        : // Jitter, so that a fleet of refused images does not ask in one breath.
          now + negative * (0.75 + this.#random() / 2);
    this.#kept.set(key, { judgement, verifiedAt: now, until }, 2 * (key.length + judgement.message.length) + OVERHEAD, until);
  }

  #current(key: string): Settled | undefined {
    return this.#kept.get(key, this.#clock.now());
  }
}
