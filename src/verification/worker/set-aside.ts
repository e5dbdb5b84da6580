import type { BackoffOptions } from '../../base/backoff.ts';
import { backoff } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import { Lru } from '../../base/lru.ts';
import type { Facts } from '../judge.ts';
import type { JudgingPolicy } from '../types.ts';

/** A judgement that ended its worker. */
export interface Strike {
  /** How often it did. */
  readonly count: number;
  /** When it may be tried again; milliseconds since the epoch. */
  readonly until: number;
  /** What it did, to be told meanwhile. */
  readonly why: string;
}

const BACKOFF: BackoffOptions = { base: 60_000, factor: 4, max: 3_600_000 };
/** How long it is remembered that something failed before; milliseconds. */
const MEMORY = 24 * 3_600_000;
const MAX_BYTES = 4 * 1024 * 1024;
const OVERHEAD = 512;

/**
 * The judgements that are not tried again at once, because they ended their worker: of this evidence under this policy, so that neither
 * an image nor a policy of somebody's own takes anything away from others. Bounded, the least recently asked is forgotten first.
 */
export class SetAside {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #strikes = new Lru<Strike>(MAX_BYTES);

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The strike for which it is set aside now. */
  find(id: string): Strike | undefined {
    const strike = this.#strikes.get(id, this.#clock.now());
    return strike !== undefined && this.#clock.now() < strike.until ? strike : undefined;
  }

  /** Sets it aside, each time for longer. */
  put(id: string, why: string): Strike {
    const now = this.#clock.now();
    const before = this.#strikes.get(id, now)?.count ?? 0;
    const strike = { count: before + 1, until: now + backoff(BACKOFF, before, this.#random), why };
    this.#strikes.set(id, strike, OVERHEAD + 2 * (id.length + why.length), now + MEMORY);
    return strike;
  }

  /** It was judged after all. */
  forget(id: string): void {
    this.#strikes.delete(id);
  }
}

/** Equal exactly for the same signatures under the same material of a policy. */
export function judgementId({ threshold, authorities }: JudgingPolicy, { evidence }: Facts): string {
  return digestOf(JSON.stringify([threshold, authorities.map(({ hash }) => hash), evidence.map(({ hash }) => hash)]));
}
