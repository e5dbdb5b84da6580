import { KeyFifo } from './key-fifo.ts';

/**
 * Keys of several groups: each group in turn gives the key that came first to it, so that whoever has ten thousand keys
 * delays nobody else by more than one. Every operation takes O(1); groups without keys are not remembered.
 */
export class FairFifo {
  readonly #groupOf: (key: string) => string;
  readonly #keys = new Map<string, KeyFifo>();
  /** The groups that have keys, in the order of their turns. */
  readonly #turns = new KeyFifo();
  #size = 0;

  constructor(groupOf: (key: string) => string) {
    this.#groupOf = groupOf;
  }

  get size(): number {
    return this.#size;
  }

  /** When `key` came, if it is here. */
  since(key: string): number | undefined {
    return this.#keys.get(this.#groupOf(key))?.since(key);
  }

  /** Puts `key` at the end of its group; a key that is here keeps its place. */
  push(key: string, since: number): void {
    const group = this.#groupOf(key);
    const keys = this.#keys.get(group) ?? new KeyFifo();
    if (keys.since(key) === undefined) this.#size += 1;
    keys.push(key, since);
    this.#keys.set(group, keys);
    this.#turns.push(group, since);
  }

  delete(key: string): void {
    const group = this.#groupOf(key);
    const keys = this.#keys.get(group);
    if (keys?.since(key) === undefined) return;
    keys.delete(key);
    this.#size -= 1;
    if (keys.size > 0) return;
    this.#keys.delete(group);
    this.#turns.delete(group);
  }

  /** Takes out the first key of the group whose turn it is, and the time it came. */
  shift(): readonly [string, number] | undefined {
    const [group] = this.#turns.shift() ?? [];
    const keys = group === undefined ? undefined : this.#keys.get(group);
    const first = keys?.shift();
    if (group === undefined || keys === undefined || first === undefined) return undefined;
    this.#size -= 1;
    if (keys.size === 0) this.#keys.delete(group);
    else this.#turns.push(group, first[1]);
    return first;
  }

  clear(): void {
    this.#keys.clear();
    this.#turns.clear();
    this.#size = 0;
  }
}
