import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzz } from './fuzzer.ts';
import type { FuzzTarget } from './target.ts';
import { TARGETS } from './targets.ts';

/** Inputs for each target; `npm run fuzz` goes on for as long as one likes. */
const INPUTS = 150;
const SEED = 20_261_122;

const shown = (input: Buffer): string => `${input.length} bytes: ${JSON.stringify(input.toString('latin1').slice(0, 300))}`;

describe(`of ${INPUTS} bent inputs none gets a parser to do more than read or refuse`, () => {
  for (const target of TARGETS) {
    it(target.name, async () => {
      const { failure } = await fuzz(target, { seed: SEED, more: (inputs) => inputs < INPUTS, batch: INPUTS });
      assert.equal(failure, undefined, failure && `${String(failure.error)}; ${shown(failure.input)}`);
    });
  }
});

describe('the fuzzer itself finds', () => {
  const target = (run: FuzzTarget['run']): FuzzTarget => ({ name: 'broken', seeds: () => [Buffer.from('{"a":[1,2,3],"b":"text"}')], run, cost: 20 });
  const BROKEN: Readonly<Record<string, [FuzzTarget['run'], RegExp]>> = {
    'an error that no caller expects': [(input) => void (input.includes('b') || (null as unknown as string).length), /Cannot read properties/],
    'a promise that is broken': [(input) => Promise.resolve().then(() => assert.ok(input.includes('['))), /falsy|expression/],
    'what costs more with the square of its length': [quadratic, /costs \d+ where 20 is allowed/],
  };
  for (const [sentence, [run, text]] of Object.entries(BROKEN)) {
    it(sentence, async () => {
      const { failure } = await fuzz(target(run), { seed: 1, more: (inputs) => inputs < 4000 });
      assert.match(String(failure?.error), text);
    });
  }
});

function quadratic(input: Buffer): void {
  let found = 0;
  for (let at = 0; at < input.length; at += 64) found += input.subarray(at).toString('hex').length;
  assert.ok(found >= 0);
}
