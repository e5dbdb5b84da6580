import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { COSIGN } from '../../src/signatures/profile.ts';
import { SignatureError } from '../../src/signatures/types.ts';
import type { Candidate, Proof, Requirement } from '../../src/signatures/types.ts';
import { asBundle, asking, found, IMAGE, keyOf, outcome, release, world } from '../support/signatures.ts';

/*
 * The stock library throws TypeError, RangeError, ASN.1 and OpenSSL errors at malformed input. Whatever is done to a genuine signature, either
 * nothing is proven and the reason is a SignatureError, or what is proven is what was signed.
 */

const RUNS = Number(process.env['ASSAY_FUZZ_RUNS'] ?? 400);
const owner = world.key();
const keyed = asking({ key: keyOf(owner) });
const SEEDS: readonly [Candidate, Requirement][] = [
  [asBundle(world.bundle(release, IMAGE)), asking()],
  [asBundle(world.bundle(release, IMAGE, { log: 'v1' })), asking()],
  [asBundle(world.bundle(owner, IMAGE)), keyed],
  [found(world.legacySignature(release, IMAGE, { timestamp: true })), asking()],
  [found(world.legacySignature(owner, IMAGE)), keyed],
];

const JUNK: readonly unknown[] = [null, true, 0, -1, 1.5, 1e300, '', ' ', 'x', '\u{10ffff}', '=', 'AAAA', '9'.repeat(40), [], {}, [null], [[]], { $case: 'x' }, { length: -1 }, Array.from({ length: 8 }, () => ({}))];

interface Node {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function nodesOf(value: unknown): Node[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...nodesOf(holder[key])]);
}

/** Changes one place of a JSON value: removes it, replaces it, changes one character or one byte of its base64, doubles it. */
function mutate(json: unknown, where: number, how: number, what: number): void {
  const nodes = nodesOf(json);
  const node = nodes[where % nodes.length];
  if (node === undefined) return;
  const { holder, key } = node;
  const value = holder[key];
  if (how === 0) delete holder[key];
  else if (how === 1) holder[key] = structuredClone(JUNK[what % JUNK.length]);
  else if (how === 2 && Array.isArray(value)) value.push(structuredClone(value[0]));
  else if (typeof value === 'string' && how === 3) holder[key] = `${value.slice(0, what % (value.length + 1))}\u0141${value.slice((what % (value.length + 1)) + 1)}`;
  else if (typeof value === 'string') holder[key] = flipBit(value, what);
}

function flipBit(text: string, what: number): string {
  const bytes = Buffer.from(text, 'base64');
  const at = what % Math.max(1, bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (what % 8));
  return bytes.toString('base64');
}

function mutated(candidate: Candidate, edits: readonly (readonly [number, number, number])[]): Candidate {
  if (candidate.format === 'bundle') {
    const json: unknown = JSON.parse(Buffer.from(candidate.bytes).toString());
    for (const edit of edits) mutate(json, ...edit);
    return { ...candidate, bytes: Buffer.from(JSON.stringify(json)) };
  }
  const opened = Object.fromEntries(Object.entries(candidate.annotations).map(([name, text]): [string, unknown] => [name, text.startsWith('{') ? JSON.parse(text) : text]));
  for (const edit of edits) mutate(opened, ...edit);
  const annotations = Object.fromEntries(Object.entries(opened).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]));
  return { ...candidate, annotations };
}

/** What must not change, whatever is accepted. */
function meaning({ signer, subjects, type, annotations }: Proof): unknown {
  return { signer, subjects, type, annotations };
}

const edit = fc.tuple(fc.nat({ max: 10_000 }), fc.nat({ max: 4 }), fc.nat({ max: 10_000 }));

for (const [index, [candidate, requirement]] of SEEDS.entries()) {
  for (const profile of [requirement.profile, COSIGN]) {
    const asked = { ...requirement, profile };
    test(`${candidate.format} ${index}, bent anyhow, proves nothing else for the ${profile.name} profile`, () => {
      const genuine = outcome(candidate, asked);
      assert.ok(!(genuine instanceof SignatureError), JSON.stringify(genuine));
      fc.assert(
        fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
          const result = outcome(mutated(candidate, edits), asked);
          if (!(result instanceof SignatureError)) assert.deepEqual(meaning(result), meaning(genuine));
        }),
        { numRuns: RUNS },
      );
    });
  }
}

test('any bytes in the place of a bundle or a payload are refused by a SignatureError', () => {
  const signature = world.legacySignature(owner, IMAGE);
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map((text) => Buffer.from(text))), (bytes) => {
      assert.ok(outcome(asBundle(Buffer.from(bytes)), asking()) instanceof SignatureError);
      assert.ok(outcome(found({ ...signature, payload: Buffer.from(bytes) }), keyed) instanceof SignatureError);
    }),
    { numRuns: RUNS },
  );
});
