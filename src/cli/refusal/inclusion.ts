import { createHash } from 'node:crypto';
import { Mismatch } from './mismatch.ts';

/** Where a leaf is said to be in a log (RFC 9162 §2.1.3). */
export interface InclusionProof {
  readonly index: bigint;
  readonly size: bigint;
  readonly hashes: readonly Buffer[];
}

/** The hash of a leaf (RFC 9162 §2.1.1). */
export function leafHash(body: Buffer): Buffer {
  return sha256(Buffer.of(0), body);
}

/** Holds the root that proof and leaf lead to against the one that is expected, in the words of transparency-dev/merkle. Throws {@link Mismatch}. */
export function checkInclusion(leaf: Buffer, { index, size, hashes }: InclusionProof, expected: Buffer): void {
  if (index >= size) throw new Mismatch(`index is beyond size: ${index} >= ${size}`);
  const inner = (index ^ (size - 1n)).toString(2).replace(/^0$/, '').length;
  const border = (index >> BigInt(inner)).toString(2).replaceAll('0', '').length;
  if (hashes.length !== inner + border) throw new Mismatch(`wrong proof size ${hashes.length}, want ${inner + border}`);
  const root = hashes.reduce((below, hash, level) => {
    const isLeft = level < inner && ((index >> BigInt(level)) & 1n) === 0n;
    return isLeft ? sha256(Buffer.of(1), below, hash) : sha256(Buffer.of(1), hash, below);
  }, leaf);
  if (!root.equals(expected)) throw new Mismatch(`calculated root:\n${bytesText(root)}\n does not match expected root:\n${bytesText(expected)}`);
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

/** Bytes as Go prints them. */
function bytesText(bytes: Buffer): string {
  return `[${[...bytes].join(' ')}]`;
}
