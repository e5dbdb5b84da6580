import { Lru } from '../base/lru.ts';

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** How many events one object may cause: `burst` at once, then one every `refill` milliseconds (client-go's spam filter). */
export interface EventRate {
  readonly burst: number;
  readonly refill: number;
}

/** One token bucket per key; the least recently used of more than `maxKeys` is forgotten (and so starts full again). */
export class TokenBuckets {
  readonly #rate: EventRate;
  readonly #buckets: Lru<Bucket>;

  constructor(rate: EventRate, maxKeys: number) {
    this.#rate = rate;
    this.#buckets = new Lru(maxKeys);
  }

  /** Takes a token of `key` if there is one; `now` in milliseconds. */
  take(key: string, now: number): boolean {
    const { burst, refill } = this.#rate;
    const bucket = this.#buckets.get(key, now) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / refill);
    const taken = tokens >= 1;
    this.#buckets.set(key, { tokens: taken ? tokens - 1 : tokens, at: now }, 1);
    return taken;
  }
}

/** The text in at most `maxBytes` bytes of UTF-8, with `…` where something was cut. */
export function clip(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - 3;
  // Never within a character: continuation bytes begin with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString('utf8')}…`;
}

/** A time as meta/v1 MicroTime reads it: RFC 3339 with exactly six digits. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
