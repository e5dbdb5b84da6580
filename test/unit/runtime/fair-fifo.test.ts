import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { FairFifo } from '../../../src/runtime/fair-fifo.ts';

const groupOf = (key: string): string => key.slice(0, 1);
const key = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(5)).map(([group, number]) => `${group}${number}`);
const step = fc.oneof({ weight: 3, arbitrary: fc.record({ put: key }) }, fc.record({ drop: key }), fc.constant('take' as const));

test('whatever is put in and dropped: each key comes out once, groups in the order in which they came, and none twice while another waits', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new FairFifo(groupOf);
      const here = new Map<string, number>();
      const skipped = new Map<string, number>();
      for (const [at, one] of steps.entries()) {
        if (one === 'take') {
          const first = queue.shift();
          assert.equal(first === undefined, here.size === 0);
          if (first === undefined) continue;
          const group = groupOf(first[0]);
          const own = [...here.keys()].filter((other) => groupOf(other) === group);
          assert.deepEqual(first, [own[0], here.get(own[0] ?? '')]);
          here.delete(first[0]);
          const waiting = new Set([...here.keys()].map(groupOf));
          for (const other of waiting) skipped.set(other, other === group ? 0 : (skipped.get(other) ?? 0) + 1);
          for (const other of skipped.keys()) if (!waiting.has(other)) skipped.delete(other);
          assert.ok([...skipped.values()].every((times) => times <= 2), 'of three groups none is passed over more than twice');
        } else if ('put' in one) {
          queue.push(one.put, at);
          here.set(one.put, at);
        } else {
          queue.delete(one.drop);
          here.delete(one.drop);
          if (![...here.keys()].some((other) => groupOf(other) === groupOf(one.drop))) skipped.delete(groupOf(one.drop));
        }
        assert.equal(queue.size, here.size);
        for (const [known, since] of here) assert.equal(queue.since(known), since);
      }
    }),
  );
});

test('after it was cleared it is empty, and takes in again', () => {
  const queue = new FairFifo(groupOf);
  queue.push('a1', 1);
  queue.push('b1', 1);
  queue.clear();
  assert.deepEqual([queue.size, queue.shift(), queue.since('a1')], [0, undefined, undefined]);
  queue.push('b1', 2);
  assert.deepEqual([queue.shift(), queue.shift()], [['b1', 2], undefined]);
});
