import { sha256 } from './keys.ts';

/** A Merkle tree that only grows (RFC 6962, 2.1). Whole subtrees are hashed once. */
export class MerkleTree {
  readonly #leaves: Buffer[] = [];
  readonly #whole = new Map<string, Buffer>();

  get size(): number {
    return this.#leaves.length;
  }

  /** Adds a leaf; returns its index. */
  append(data: Uint8Array): number {
    this.#leaves.push(sha256(Buffer.from([0]), data));
    return this.#leaves.length - 1;
  }

  /** The hash over all leaves. */
  root(): Buffer {
    return this.#hash(0, this.size);
  }

  /** The audit path of a leaf, from the leaf's sibling up (RFC 6962, 2.1.1). */
  path(index: number): Buffer[] {
    return this.#path(index, 0, this.size);
  }

  #path(index: number, start: number, end: number): Buffer[] {
    if (end - start <= 1) return [];
    const middle = start + largestPowerBelow(end - start);
    return index < middle
      ? [...this.#path(index, start, middle), this.#hash(middle, end)]
      : [...this.#path(index, middle, end), this.#hash(start, middle)];
  }

  #hash(start: number, end: number): Buffer {
    const size = end - start;
    if (size === 0) return sha256();
    if (size === 1) return this.#leaves[start] as Buffer;
    const key = `${start}+${size}`;
    const known = this.#whole.get(key);
    if (known !== undefined) return known;
    const middle = start + largestPowerBelow(size);
    const hash = sha256(Buffer.from([1]), this.#hash(start, middle), this.#hash(middle, end));
    if (Number.isInteger(Math.log2(size))) this.#whole.set(key, hash);
    return hash;
  }
}

function largestPowerBelow(size: number): number {
  return 2 ** (Math.ceil(Math.log2(size)) - 1);
}
