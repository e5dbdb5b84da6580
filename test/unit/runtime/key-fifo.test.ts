import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { KeyFifo } from '../../../src/runtime/key-fifo.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const operation = fc.oneof(
  fc.record({ push: fc.constantFrom(...KEYS) }),
  fc.record({ delete: fc.constantFrom(...KEYS) }),
  fc.record({ shift: fc.constant(true) }),
);

test('whatever is done to it, keys come out in the order in which they came', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const fifo = new KeyFifo();
      let model: [string, number][] = [];
      let time = 0;
      for (const step of operations) {
        time += 1;
        if ('push' in step) {
          const present = model.find(([key]) => key === step.push);
          if (present === undefined) model.push([step.push, time]);
          else present[1] = time;
          fifo.push(step.push, time);
        } else if ('delete' in step) {
          model = model.filter(([key]) => key !== step.delete);
          fifo.delete(step.delete);
        } else {
          assert.deepEqual(fifo.shift(), model.shift());
        }
        assert.equal(fifo.size, model.length);
        for (const key of KEYS) assert.equal(fifo.since(key), model.find(([name]) => name === key)?.[1]);
      }
    }),
    { numRuns: 1000, seed: 3 },
  );
});

test('taking all of a line of 300,000 keys does not take the square of it', () => {
  const fifo = new KeyFifo();
  for (let index = 0; index < 300_000; index += 1) fifo.push(`namespace/workload-${index}`, index);
  const start = process.hrtime.bigint();
  while (fifo.shift() !== undefined);
  // In proportion it is a tenth of a second; with a fresh iteration for each, a third of a minute.
  assert.ok(Number(process.hrtime.bigint() - start) / 1e9 < 5);
});
