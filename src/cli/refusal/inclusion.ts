import { proofLength, rootOf } from '../../signatures/checkpoint.ts';
import type { InclusionProof } from '../../signatures/checkpoint.ts';
import { Mismatch } from './mismatch.ts';

/** Holds the root that proof and body lead to against the one that is expected, in the words of transparency-dev/merkle. Throws {@link Mismatch}. */
export function checkInclusion(body: Buffer, proof: InclusionProof, expected: Buffer): void {
  const { index, size, hashes } = proof;
  if (index < 0n || index >= size) throw new Mismatch(`index is beyond size: ${BigInt.asUintN(64, index)} >= ${size}`);
  const wanted = proofLength(proof).all;
  if (hashes.length !== wanted) throw new Mismatch(`wrong proof size ${hashes.length}, want ${wanted}`);
  const root = rootOf(body, proof);
  if (!root.equals(expected)) throw new Mismatch(`calculated root:\n${bytesText(root)}\n does not match expected root:\n${bytesText(expected)}`);
}

/** Bytes as Go prints them. */
function bytesText(bytes: Buffer): string {
  return `[${[...bytes].join(' ')}]`;
}
