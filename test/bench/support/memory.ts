import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { prove } from '../../../src/signatures/prove.ts';
import type { Candidate } from '../../../src/signatures/types.ts';
import { asBundle, asking, found, IMAGE, release, world } from '../../support/signatures.ts';

/** Signatures in stock; one is replaced by a new one at every tenth turn, so that nothing of a single signature can be kept for free. */
const STOCK = 200;
const LINES = 10;

/** Proves `count` keyless signatures, legacy and bundles in turns, and prints at intervals what is in use, after a collection. */
export async function memory(count: number): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const make = (turn: number): Candidate => (turn % 2 === 0 ? found(world.legacySignature(release, IMAGE)) : asBundle(world.bundle(release, IMAGE, { log: 'v1' })));
  const candidates = Array.from({ length: STOCK }, (_, index) => make(index));
  const requirement = asking();
  print('\nproven', ['resident MiB', 'heap MiB', 'outside of it MiB']);
  for (let turn = 0; turn <= count; turn += 1) {
    if (turn % 10 === 9) candidates[turn % STOCK] = make(turn);
    const candidate = candidates[turn % STOCK];
    if (candidate !== undefined) prove(candidate, requirement);
    if (turn % Math.ceil(count / LINES) !== 0) continue;
    await setImmediate();
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    print(String(turn), [rss, heapUsed, external].map((bytes) => (bytes / 1_048_576).toFixed(1)));
  }
}

function print(first: string, rest: readonly string[]): void {
  console.log(first.padEnd(10) + rest.map((text) => text.padEnd(20)).join('').trimEnd());
}
