import { digestOf } from '../base/digest.ts';

/** Entries of one generation: more than there are templates in a large fleet. */
const MAX_ENTRIES = 32_768;

/**
 * Makes equal values one value in memory: the Works of one template say mostly the same in every cluster. Bounded: of two generations the
 * older one is forgotten when the younger one is full, and equal values that come later are a copy more, no error.
 */
export class SharedValues {
  readonly #texts: Generations<string>;
  readonly #values: Generations<unknown>;

  constructor(maxEntries = MAX_ENTRIES) {
    this.#texts = new Generations(maxEntries);
    this.#values = new Generations(maxEntries);
  }

  /** An equal text. */
  text(text: string): string {
    return this.#texts.recall(text, () => text);
  }

  /**
   * An equal value that was kept before, or what `keep` makes of this one: plain JSON that is equal to it and is never changed from then on.
   * @param keep shares the parts of a value that is new
   */
  value<T>(value: T, keep: (value: T) => T = (fresh) => fresh): T {
    // Same type: only a value with this very JSON was filed under it.
    return this.#values.recall(digestOf(JSON.stringify(value)), () => keep(value)) as T;
  }
}

class Generations<T> {
  readonly #max: number;
  #younger = new Map<string, T>();
  #older = new Map<string, T>();

  constructor(max: number) {
    this.#max = max;
  }

  recall(key: string, make: () => T): T {
    const young = this.#younger.get(key);
    if (young !== undefined) return young;
    const value = this.#older.get(key) ?? make();
    if (this.#younger.size >= this.#max) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(key, value);
    return value;
  }
}
