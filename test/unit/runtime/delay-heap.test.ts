import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { DelayHeap } from '../../../src/runtime/delay-heap.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const operation = fc.oneof(
  fc.record({ set: fc.constantFrom(...KEYS), at: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ delete: fc.constantFrom(...KEYS) }),
  fc.record({ pop: fc.integer({ min: 0, max: 50 }) }),
);

test('whatever is done to it, it gives keys back in the order of their time, as a sorted map would', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const heap = new DelayHeap();
      const model = new Map<string, number>();
      for (const step of operations) {
        if ('set' in step) {
          heap.set(step.set, step.at);
          model.set(step.set, step.at);
        } else if ('delete' in step) {
          heap.delete(step.delete);
          model.delete(step.delete);
        } else {
          const earliest = Math.min(...model.values());
          const popped = heap.popDue(step.pop);
          if (model.size === 0 || earliest > step.pop) {
            assert.equal(popped, undefined);
          } else {
            assert.ok(popped !== undefined);
            assert.equal(model.get(popped), earliest);
            model.delete(popped);
          }
        }
        assert.equal(heap.size, model.size);
        assert.equal(heap.earliest, model.size === 0 ? undefined : Math.min(...model.values()));
        for (const key of KEYS) assert.equal(heap.has(key), model.has(key));
      }
    }),
    { numRuns: 500, seed: 7 },
  );
});

test('a key that is moved a thousand times takes one place', () => {
  const heap = new DelayHeap();
  for (let at = 0; at < 1000; at += 1) heap.set('a', at);
  assert.equal(heap.size, 1);
  assert.equal(heap.earliest, 999);
});
