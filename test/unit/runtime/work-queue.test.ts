import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { FRESH, RESYNC, WorkQueue } from '../../../src/runtime/work-queue.ts';
import type { QueueObserver, QueueView } from '../../../src/runtime/work-queue.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface Bench {
  readonly clock: ManualClock;
  readonly queue: WorkQueue;
  readonly seen: string[];
  readonly view: () => QueueView | undefined;
}

function bench(): Bench {
  const clock = new ManualClock();
  const seen: string[] = [];
  let view: QueueView | undefined;
  const observer: QueueObserver = {
    attached: (given) => {
      view = given;
    },
    added: () => seen.push('added'),
    retried: () => seen.push('retried'),
    started: (seconds) => seen.push(`started after ${seconds}`),
    finished: (seconds) => seen.push(`finished after ${seconds}`),
  };
  // No jitter: the upper end of each wait.
  return { clock, queue: new WorkQueue({ clock, observer, random: () => 1 }), seen, view: () => view };
}

/** Takes and finishes all that is ready. */
function drain(queue: WorkQueue): string[] {
  const keys: string[] = [];
  for (let taken = queue.take(); taken !== undefined; taken = queue.take()) {
    keys.push(taken.key);
    queue.done(taken.key);
  }
  return keys;
}

const CASES: Record<string, (given: Bench) => void> = {
  'keys come out in the order in which they were added': ({ queue }) => {
    for (const key of ['b', 'a', 'c']) queue.add(key);
    assert.deepEqual(drain(queue), ['b', 'a', 'c']);
  },
  'a group with many keys delays another by no more than one': ({ clock }) => {
    const queue = new WorkQueue({ clock, groupOf: (key) => key.slice(0, 1) });
    for (const key of ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2']) queue.add(key);
    assert.deepEqual(drain(queue), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  },
  'a group that comes while another is being worked off has the next turn': ({ clock }) => {
    const queue = new WorkQueue({ clock, groupOf: (key) => key.slice(0, 1) });
    for (const key of ['a1', 'a2', 'a3']) queue.add(key);
    assert.equal(queue.take()?.key, 'a1');
    queue.add('b1');
    assert.deepEqual([queue.take()?.key, queue.take()?.key], ['a2', 'b1']);
  },
  'a key that gets a higher priority leaves its group, and is counted once': ({ clock }) => {
    const queue = new WorkQueue({ clock, groupOf: (key) => key.slice(0, 1) });
    for (const key of ['a1', 'a2', 'b1']) queue.add(key, { priority: RESYNC });
    queue.add('b1');
    assert.deepEqual([queue.depth(RESYNC), queue.depth(FRESH)], [2, 1]);
    assert.deepEqual(drain(queue), ['b1', 'a1', 'a2']);
    assert.deepEqual([queue.depth(RESYNC), queue.depth(FRESH), queue.size], [0, 0, 0]);
  },
  'a key that is added twice comes out once': ({ queue }) => {
    queue.add('a');
    queue.add('a');
    assert.deepEqual(drain(queue), ['a']);
  },
  'a key that is added while it is worked on is not given to anybody else': ({ queue }) => {
    queue.add('a');
    assert.equal(queue.take()?.key, 'a');
    queue.add('a');
    assert.equal(queue.take(), undefined);
  },
  'a key that was added any number of times while it was worked on comes out once more afterwards': ({ queue }) => {
    queue.add('a');
    queue.take();
    queue.add('a');
    queue.add('a');
    queue.done('a');
    assert.deepEqual(drain(queue), ['a']);
  },
  'a key that was not added meanwhile does not come out again': ({ queue }) => {
    queue.add('a');
    queue.take();
    queue.done('a');
    assert.deepEqual(drain(queue), []);
    assert.equal(queue.size, 0);
  },
  'fresh edits go before what is only looked at again': ({ queue }) => {
    queue.add('old', { priority: RESYNC });
    queue.add('new', { priority: FRESH });
    assert.deepEqual(drain(queue), ['new', 'old']);
  },
  'a key that waits for a resync goes forward when it is edited': ({ queue }) => {
    for (const key of ['a', 'b']) queue.add(key, { priority: RESYNC });
    queue.add('b', { priority: FRESH });
    assert.deepEqual(drain(queue), ['b', 'a']);
  },
  'a key that was edited does not go back when it is resynced': ({ queue }) => {
    queue.add('a', { priority: FRESH });
    queue.add('a', { priority: RESYNC });
    assert.equal(queue.take()?.priority, FRESH);
  },
  'an edit while a key waits for its time raises its priority too': ({ queue, clock }) => {
    queue.addAfter('a', 100, RESYNC);
    queue.addAfter('a', 200, FRESH);
    clock.advance(100);
    assert.deepEqual(queue.take(), { key: 'a', priority: FRESH });
  },
  'a delayed key comes out when its time has come and not before': ({ queue, clock }) => {
    queue.addAfter('a', 1000);
    clock.advance(999);
    assert.equal(queue.take(), undefined);
    clock.advance(1);
    assert.equal(queue.take()?.key, 'a');
  },
  'of two delays the shorter one counts, in either order': ({ queue, clock }) => {
    queue.addAfter('a', 1000);
    queue.addAfter('a', 10);
    queue.addAfter('b', 10);
    queue.addAfter('b', 1000);
    clock.advance(10);
    assert.deepEqual(drain(queue).toSorted(), ['a', 'b']);
    clock.advance(10_000);
    assert.deepEqual(drain(queue), []);
  },
  'a key that is added now does not come out a second time when its delay is over': ({ queue, clock }) => {
    queue.addAfter('a', 1000);
    queue.add('a');
    assert.deepEqual(drain(queue), ['a']);
    clock.advance(1000);
    assert.deepEqual(drain(queue), []);
  },
  'a delay that ends while the key is worked on waits until that is done': ({ queue, clock }) => {
    queue.add('a');
    queue.take();
    queue.addAfter('a', 10);
    clock.advance(10);
    assert.equal(queue.take(), undefined);
    queue.done('a');
    assert.equal(queue.take()?.key, 'a');
  },
  'a delay that has not ended when the work is done goes on': ({ queue, clock }) => {
    queue.add('a');
    queue.take();
    queue.addAfter('a', 10);
    queue.done('a');
    assert.equal(queue.take(), undefined);
    clock.advance(10);
    assert.equal(queue.take()?.key, 'a');
  },
  'failures of one key wait 5, 10, 20 … ms, and at most 1000 s': ({ queue, clock }) => {
    const waits = [5, 10, 20, 40, 80];
    for (const wait of waits) {
      queue.addRateLimited('a');
      clock.advance(wait - 1);
      assert.equal(queue.take(), undefined, `before ${wait} ms`);
      clock.advance(1);
      assert.deepEqual(drain(queue), ['a'], `after ${wait} ms`);
    }
    for (let failures = 0; failures < 30; failures += 1) {
      queue.addRateLimited('a');
      clock.advance(1_000_000);
      assert.deepEqual(drain(queue), ['a']);
    }
  },
  'one key that fails does not slow another': ({ queue, clock }) => {
    for (let failures = 0; failures < 12; failures += 1) queue.addRateLimited('bad');
    queue.addRateLimited('good');
    clock.advance(5);
    assert.equal(queue.retries('bad'), 12);
    assert.ok(drain(queue).includes('good'));
  },
  'forgetting a key starts its waits from the beginning': ({ queue, clock }) => {
    for (let failures = 0; failures < 8; failures += 1) {
      queue.addRateLimited('a');
      clock.advance(1000);
      drain(queue);
    }
    queue.forget('a');
    queue.addRateLimited('a');
    clock.advance(5);
    assert.deepEqual(drain(queue), ['a']);
  },
  'after a shutdown nothing goes in and nothing comes out': ({ queue, clock }) => {
    queue.add('a');
    queue.addAfter('b', 10);
    queue.shutdown();
    queue.add('c');
    queue.addRateLimited('d');
    clock.advance(10_000);
    assert.equal(queue.take(), undefined);
    assert.equal(queue.size, 0);
    assert.equal(clock.timers, 0);
  },
  'the listener hears of each key that becomes ready': ({ queue, clock }) => {
    let calls = 0;
    queue.onReady(() => {
      calls += 1;
    });
    queue.add('a');
    queue.addAfter('b', 10);
    assert.equal(calls, 1);
    clock.advance(10);
    assert.equal(calls, 2);
    queue.take();
    queue.add('a');
    assert.equal(calls, 2);
    queue.done('a');
    assert.equal(calls, 3);
  },
  'what happens is told to the observer, in seconds': ({ queue, clock, seen }) => {
    queue.add('a');
    clock.advance(250);
    queue.take();
    clock.advance(1500);
    queue.done('a');
    queue.addRateLimited('a');
    clock.advance(5);
    assert.deepEqual(seen, ['added', 'started after 0.25', 'finished after 1.5', 'retried', 'added']);
  },
  'a key that is moved to another priority keeps its place in time': ({ queue, clock, seen }) => {
    queue.add('a', { priority: RESYNC });
    clock.advance(2000);
    queue.add('a', { priority: FRESH });
    queue.take();
    assert.ok(seen.includes('started after 2'));
  },
  'depth, unfinished work and the longest running key can be read': ({ queue, clock, view }) => {
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.add('d', { priority: RESYNC });
    queue.addAfter('e', 60_000);
    queue.take();
    clock.advance(1000);
    queue.take();
    clock.advance(500);
    const shown = view();
    assert.equal(shown?.depth(FRESH), 1);
    assert.equal(shown?.depth(RESYNC), 1);
    assert.equal(shown?.unfinishedSeconds(), 2);
    assert.equal(shown?.longestRunningSeconds(), 1.5);
  },
  'one timer serves any number of delayed keys': ({ queue, clock }) => {
    for (let index = 0; index < 1000; index += 1) queue.addAfter(`k${index}`, 1000 + index);
    queue.addAfter('early', 1);
    assert.equal(clock.timers, 1);
    clock.advance(3000);
    assert.equal(drain(queue).length, 1001);
    assert.equal(clock.timers, 0);
  },
};

for (const [sentence, run] of Object.entries(CASES)) test(sentence, () => run(bench()));

const step = fc.oneof(
  fc.record({ add: fc.constantFrom('a', 'b', 'c'), after: fc.constantFrom(0, 0, 5, 50), fresh: fc.boolean() }),
  fc.record({ take: fc.constant(true) }),
  fc.record({ done: fc.nat({ max: 2 }) }),
  fc.record({ advance: fc.constantFrom(1, 5, 50) }),
);

test('whatever happens, no key is worked on twice at once and none that was added is lost', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { queue, clock } = bench();
      const working: string[] = [];
      const owed = new Set<string>();
      for (const action of steps) {
        if ('add' in action) {
          queue.add(action.add, { after: action.after, priority: action.fresh ? FRESH : RESYNC });
          owed.add(action.add);
        } else if ('take' in action) {
          const taken = queue.take();
          if (taken === undefined) continue;
          assert.ok(!working.includes(taken.key), `${taken.key} is taken twice`);
          working.push(taken.key);
          owed.delete(taken.key);
        } else if ('done' in action) {
          const [key] = working.splice(action.done % Math.max(1, working.length), 1);
          if (key !== undefined) queue.done(key);
        } else {
          clock.advance(action.advance);
        }
      }
      for (const key of working) queue.done(key);
      clock.advance(1000);
      assert.deepEqual(new Set(drain(queue)), owed);
      assert.equal(queue.size, 0);
    }),
    { numRuns: 1000, seed: 11 },
  );
});
