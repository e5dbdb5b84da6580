import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { type DescribedTrust, type TrustDescription, type TrustForm, trustSource, type TrustSource } from '../signatures/trust-recipe.ts';
import type { TrustText } from '../verification/policy/trust.ts';

/** Finds out what is in a source, without blocking; rejects only where that cannot be found out now. */
export type DescribeTrust = (source: TrustSource, signal: AbortSignal) => Promise<TrustDescription>;

/** Says what is in a text. */
export type TrustLookup = (form: TrustForm, text: string) => DescribedTrust;

export interface PolicyTrustOptions {
  readonly clock: Clock;
  readonly describe: DescribeTrust;
  /** What was asked for this policy is known now, or is worth asking for again. */
  readonly onDescribed: (id: string) => void;
}

interface Memory {
  known: readonly DescribedTrust[];
  /** Under way, for these texts. */
  asking?: { readonly texts: readonly TrustText[]; readonly controller: AbortController };
}

const RETRY = 5_000;

/**
 * What the trust roots of policies hold, found out before they are compiled: the author of a policy writes them, and reading
 * one proves all of its certificates, which must not block whoever compiles.
 */
export class PolicyTrust {
  readonly #options: PolicyTrustOptions;
  readonly #memories = new Map<string, Memory>();

  constructor(options: PolicyTrustOptions) {
    this.#options = options;
  }

  /** What is in these texts of a policy; undefined while it is being found out, after which `onDescribed` is called. */
  lookup(id: string, texts: readonly TrustText[]): TrustLookup | undefined {
    if (texts.length === 0) {
      this.release(id);
      return lookupIn([]);
    }
    const memory = this.#memories.get(id) ?? { known: [] };
    this.#memories.set(id, memory);
    if (texts.every((text) => isIn(memory.known, text))) {
      memory.known = memory.known.filter(({ source }) => texts.some((text) => isSame(text, source)));
      memory.asking?.controller.abort();
      delete memory.asking;
      return lookupIn(memory.known);
    }
    if (memory.asking !== undefined && isEqual(memory.asking.texts, texts)) return undefined;
    memory.asking?.controller.abort();
    const asking = { texts, controller: new AbortController() };
    memory.asking = asking;
    void this.#ask(id, memory, asking);
    return undefined;
  }

  /** Forgets a policy. */
  release(id: string): void {
    this.#memories.get(id)?.asking?.controller.abort();
    this.#memories.delete(id);
  }

  /** Forgets all. */
  stop(): void {
    for (const id of this.#memories.keys()) this.release(id);
  }

  async #ask(id: string, memory: Memory, { texts, controller: { signal } }: NonNullable<Memory['asking']>): Promise<void> {
    const { clock, describe, onDescribed } = this.#options;
    try {
      for (const { form, text } of texts) {
        if (isIn(memory.known, { form, text })) continue;
        // Already the hash of a megabyte takes a while, and there may be many.
        await nextTurn();
        const source = trustSource(form, text);
        const description = await describe(source, signal);
        signal.throwIfAborted();
        memory.known = [...memory.known, { source, description }];
      }
      onDescribed(id);
    } catch {
      if (signal.aborted) return;
      delete memory.asking;
      clock.after(RETRY, () => (signal.aborted ? undefined : onDescribed(id)));
    }
  }
}

function lookupIn(known: readonly DescribedTrust[]): TrustLookup {
  return (form, text) => {
    const found = known.find(({ source }) => isSame(source, { form, text }));
    if (found === undefined) throw new Error('a trust root was not described before it was compiled');
    return found;
  };
}

function isIn(known: readonly DescribedTrust[], text: TrustText): boolean {
  return known.some(({ source }) => isSame(source, text));
}

function isEqual(some: readonly TrustText[], others: readonly TrustText[]): boolean {
  return some.length === others.length && some.every((text, index) => isSame(text, others[index] as TrustText));
}

function isSame(one: TrustText, other: TrustText): boolean {
  return one.form === other.form && one.text === other.text;
}
