/**
 * Keys in the order in which they came, each with the time it did; a key is in it once. Every operation takes O(1), also
 * with a hundred thousand keys: a fresh iteration for each take would walk over everything that was taken before.
 */
export class KeyFifo {
  readonly #since = new Map<string, number>();
  /** Everything before its position was taken, and what comes later is seen by it too. */
  #next: MapIterator<[string, number]> | undefined;

  get size(): number {
    return this.#since.size;
  }

  /** When `key` came, if it is here. */
  since(key: string): number | undefined {
    return this.#since.get(key);
  }

  /** Puts `key` at the end; a key that is here keeps its place. */
  push(key: string, since: number): void {
    this.#since.set(key, since);
  }

  delete(key: string): void {
    this.#since.delete(key);
  }

  /** Takes out the key that came first, and the time it came. */
  shift(): readonly [string, number] | undefined {
    if (this.#since.size === 0) {
      this.#next = undefined;
      return undefined;
    }
    this.#next ??= this.#since.entries();
    const first = this.#next.next();
    if (first.done === true) {
      this.#next = undefined;
      return this.shift();
    }
    this.#since.delete(first.value[0]);
    return first.value;
  }

  clear(): void {
    this.#since.clear();
    this.#next = undefined;
  }
}
