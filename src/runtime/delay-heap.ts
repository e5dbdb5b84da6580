interface Slot {
  readonly key: string;
  at: number;
}

/**
 * Keys ordered by the time they are due (milliseconds since the epoch). One entry a key, so that its size is bounded
 * by the number of keys however often they are moved; every operation takes O(log n).
 */
export class DelayHeap {
  readonly #slots: Slot[] = [];
  readonly #positions = new Map<string, number>();

  get size(): number {
    return this.#slots.length;
  }

  /** The earliest due time, or nothing when empty. */
  get earliest(): number | undefined {
    return this.#slots[0]?.at;
  }

  has(key: string): boolean {
    return this.#positions.has(key);
  }

  /** Files `key` under `at`, moving it if it is there already. */
  set(key: string, at: number): void {
    const position = this.#positions.get(key);
    if (position === undefined) {
      this.#slots.push({ key, at });
      this.#rise(this.#slots.length - 1);
      return;
    }
    this.#at(position).at = at;
    this.#sink(this.#rise(position));
  }

  /** Takes `key` out; nothing happens when it is not there. */
  delete(key: string): void {
    const position = this.#positions.get(key);
    if (position === undefined) return;
    this.#positions.delete(key);
    const last = this.#slots.pop();
    if (last === undefined || position === this.#slots.length) return;
    this.#place(position, last);
    this.#sink(this.#rise(position));
  }

  /** Takes out the key that is due first, if it is due at `now`. */
  popDue(now: number): string | undefined {
    const first = this.#slots[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first.key);
    return first.key;
  }

  clear(): void {
    this.#slots.length = 0;
    this.#positions.clear();
  }

  #at(position: number): Slot {
    return this.#slots[position] as Slot;
  }

  #place(position: number, slot: Slot): void {
    this.#slots[position] = slot;
    this.#positions.set(slot.key, position);
  }

  #rise(start: number): number {
    const slot = this.#at(start);
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (this.#at(parent).at <= slot.at) break;
      this.#place(position, this.#at(parent));
      position = parent;
    }
    this.#place(position, slot);
    return position;
  }

  #sink(start: number): void {
    const slot = this.#at(start);
    const size = this.#slots.length;
    let position = start;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#at(child + 1).at < this.#at(child).at) child += 1;
      if (this.#at(child).at >= slot.at) break;
      this.#place(position, this.#at(child));
      position = child;
    }
    this.#place(position, slot);
  }
}
