import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { prove } from '../../../src/signatures/prove.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { Candidate, Requirement } from '../../../src/signatures/types.ts';
import { AT, asBundle, asking, found, IMAGE, ISSUER, SUBJECT } from '../../support/signatures.ts';
import { createWorld } from '../../support/sigstore/world.ts';

/** Signatures in stock; one is replaced by a new one at every tenth turn, so that nothing of a single signature can be kept for free. */
const STOCK = 200;
const LINES = 10;

/**
 * Proves `count` keyless signatures, legacy and bundles in turns, and prints at intervals what is in use, after a collection. Each
 * interval has a Sigstore and a trust root of its own: its logs keep what they have logged.
 */
export async function memory(count: number): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  print('\nproven', ['resident MiB', 'heap MiB', 'outside of it MiB']);
  const interval = Math.ceil(count / LINES);
  for (let proven = 0; proven < count; proven += interval) {
    proveMany(Math.min(interval, count - proven));
    await setImmediate();
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    print(String(Math.min(count, proven + interval)), [rss, heapUsed, external].map((bytes) => (bytes / 1_048_576).toFixed(1)));
  }
}

function proveMany(count: number): void {
  const { make, requirement } = newSigstore();
  const candidates = Array.from({ length: STOCK }, (_, index) => make(index));
  for (let turn = 0; turn < count; turn += 1) {
    if (turn % 10 === 9) candidates[Math.floor(turn / 10) % STOCK] = make(turn);
    const candidate = candidates[turn % STOCK];
    if (candidate !== undefined) prove({ ...candidate }, requirement);
  }
}

function newSigstore(): { readonly make: (turn: number) => Candidate; readonly requirement: Requirement } {
  const world = createWorld({ now: AT });
  const signer = world.keyless({ subject: SUBJECT, issuer: ISSUER });
  return {
    make: (turn) => (turn % 2 === 0 ? found(world.legacySignature(signer, IMAGE)) : asBundle(world.bundle(signer, IMAGE, { log: 'v1' }))),
    requirement: asking({ trust: loadTrustRoot(world.trustedRootJson) }),
  };
}

function print(first: string, rest: readonly string[]): void {
  console.log(first.padEnd(10) + rest.map((text) => text.padEnd(20)).join('').trimEnd());
}
