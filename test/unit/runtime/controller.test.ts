import assert from 'node:assert/strict';
import test from 'node:test';
import { Terminal, Waiting } from '../../../src/base/errors.ts';
import { createController } from '../../../src/runtime/controller.ts';
import type { Controller, Reconcile } from '../../../src/runtime/controller.ts';
import type { Outcome } from '../../../src/runtime/outcome.ts';
import { RESYNC, WorkQueue } from '../../../src/runtime/work-queue.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import type { Line } from '../../support/recorded-log.ts';

interface Bench {
  readonly clock: ManualClock;
  readonly queue: WorkQueue;
  readonly controller: Controller;
  readonly lines: Line[];
  readonly outcomes: Outcome[];
  readonly abandoned: () => number;
  readonly calls: string[];
}

function bench(reconcile: Reconcile, concurrency = 2): Bench {
  const clock = new ManualClock();
  const log = recordedLog();
  const outcomes: Outcome[] = [];
  const calls: string[] = [];
  let abandoned = 0;
  const queue = new WorkQueue({ clock, random: () => 1 });
  const controller = createController({
    name: 'workload',
    queue,
    clock,
    log,
    concurrency,
    timeout: 30_000,
    reconcile: (key, context) => {
      calls.push(key);
      return reconcile(key, context);
    },
    observer: {
      started: () => undefined,
      finished: (outcome) => outcomes.push(outcome),
      abandoned: () => {
        abandoned += 1;
      },
    },
  });
  return { clock, queue, controller, lines: log.lines, outcomes, abandoned: () => abandoned, calls };
}

/** Lets time pass in small steps, running what becomes ready. */
async function pass(clock: ManualClock, milliseconds: number, steps = 10): Promise<void> {
  for (let index = 0; index < steps; index += 1) {
    clock.advance(milliseconds / steps);
    await settled();
  }
}

async function once(reconcile: Reconcile): Promise<Bench> {
  const given = bench(reconcile);
  given.controller.start();
  given.queue.add('web/api');
  await settled();
  return given;
}

const CASES: Record<string, () => Promise<void>> = {
  'a reconcile that returns is done until something happens': async () => {
    const { clock, calls, outcomes } = await once(async () => undefined);
    await pass(clock, 10_000_000);
    assert.deepEqual(calls, ['web/api']);
    assert.deepEqual(outcomes, [{ kind: 'success' }]);
  },
  'requeueAfter brings the key back after that time and counts no failure': async () => {
    const { clock, calls, outcomes, queue } = await once(async () => ({ requeueAfter: 60_000 }));
    clock.advance(59_999);
    await settled();
    assert.equal(calls.length, 1);
    clock.advance(1);
    await settled();
    assert.equal(calls.length, 2);
    assert.deepEqual(outcomes[0], { kind: 'requeue_after', after: 60_000 });
    assert.equal(queue.retries('web/api'), 0);
  },
  'Terminal is logged as an error and not tried again': async () => {
    const { clock, calls, outcomes, lines } = await once(async () => {
      throw new Terminal('no such kind');
    });
    await pass(clock, 10_000_000);
    assert.equal(calls.length, 1);
    assert.equal(outcomes[0]?.kind, 'terminal');
    assert.equal(lines.filter(({ level }) => level === 'error').length, 1);
  },
  'after Terminal a change of the object is looked at': async () => {
    const { calls, queue } = await once(async () => {
      throw new Terminal('no such kind');
    });
    queue.add('web/api');
    await settled();
    assert.equal(calls.length, 2);
  },
  'Waiting brings the key back after the time it names and is no error': async () => {
    const { clock, calls, outcomes, lines, queue } = await once(async () => {
      throw new Waiting('registry throttles', 5000);
    });
    clock.advance(4999);
    await settled();
    assert.equal(calls.length, 1);
    clock.advance(1);
    await settled();
    assert.equal(calls.length, 2);
    assert.equal(outcomes[0]?.kind, 'waiting');
    assert.equal(queue.retries('web/api'), 0);
    assert.deepEqual(lines.filter(({ level }) => level === 'error'), []);
    const [waits] = lines.filter(({ level }) => level === 'info');
    assert.match(JSON.stringify(waits), /"why":"registry throttles"/);
    assert.doesNotMatch(JSON.stringify(waits), /stack/);
  },
  'any other error is tried again after waits that double': async () => {
    const { clock, calls, outcomes } = await once(async () => {
      throw new Error('connection reset');
    });
    for (const wait of [5, 10, 20]) {
      const before = calls.length;
      clock.advance(wait - 1);
      await settled();
      assert.equal(calls.length, before);
      clock.advance(1);
      await settled();
      assert.equal(calls.length, before + 1);
    }
    assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['error']));
  },
  'success after failures starts the waits from the beginning': async () => {
    let fails = 3;
    const { clock, queue, calls } = await once(async () => {
      fails -= 1;
      if (fails >= 0) throw new Error('connection reset');
    });
    await pass(clock, 1000, 100);
    assert.equal(calls.length, 4);
    assert.equal(queue.retries('web/api'), 0);
  },
  'an orderly wait after failures ends them too: the next failure waits the shortest time again': async () => {
    for (const orderly of [new Waiting('registry throttles', 1000), undefined]) {
      let fails = 3;
      const { clock, queue, calls } = await once(async () => {
        fails -= 1;
        if (fails >= 0) throw new Error('connection reset');
        if (orderly !== undefined) throw orderly;
        return { requeueAfter: 1000 };
      });
      await pass(clock, 500, 100);
      assert.equal(calls.length, 4);
      assert.equal(queue.retries('web/api'), 0);
    }
  },
  'a defect is recovered, counted as such, and does not stop the controller': async () => {
    const { outcomes, calls, queue } = await once((key) => {
      // Not even a promise: a throw in the call itself.
      if (key === 'web/api') throw new TypeError('cannot read properties of undefined');
      return Promise.resolve();
    });
    queue.add('web/other');
    await settled();
    assert.deepEqual(calls, ['web/api', 'web/other']);
    assert.ok(outcomes[0]?.kind === 'error' && outcomes[0].defect);
    assert.equal(outcomes[1]?.kind, 'success');
  },
  'what node throws with a code, and errors of ours, are no defects': async () => {
    const thrown: Error[] = [Object.assign(new TypeError('invalid url'), { code: 'ERR_INVALID_URL' }), new Error('x')];
    for (const error of thrown) {
      const { outcomes } = await once(() => Promise.reject(error));
      assert.ok(outcomes[0]?.kind === 'error' && !outcomes[0].defect);
    }
  },
  'a reconcile that takes too long is aborted, counted, and tried again': async () => {
    const { clock, outcomes, calls } = await once(
      (_key, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    clock.advance(30_000);
    await settled();
    assert.ok(outcomes[0]?.kind === 'error' && outcomes[0].timedOut);
    assert.match((outcomes[0].error as Error).message, /workload web\/api did not finish within 30 s/);
    clock.advance(5);
    await settled();
    assert.equal(calls.length, 2);
  },
  'a key stays locked until its promise settles, even when it ignores the abort': async () => {
    let finish: (() => void) | undefined;
    const { clock, queue, calls } = await once(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    clock.advance(60_000);
    queue.add('web/api');
    await settled();
    assert.equal(calls.length, 1);
    finish?.();
    await settled();
    assert.equal(calls.length, 2);
  },
  'no more keys than allowed are worked on at once, and the rest follow': async () => {
    let running = 0;
    let most = 0;
    const given = bench(async () => {
      running += 1;
      most = Math.max(most, running);
      await settled();
      running -= 1;
    }, 3);
    for (let index = 0; index < 20; index += 1) given.queue.add(`k${index}`);
    given.controller.start();
    for (let turn = 0; turn < 60; turn += 1) await settled();
    assert.equal(most, 3);
    assert.equal(given.calls.length, 20);
  },
  'an edit overtakes resyncs that wait for a worker': async () => {
    const given = bench(() => settled(), 1);
    for (let index = 0; index < 5; index += 1) given.queue.add(`old${index}`, { priority: RESYNC });
    given.controller.start();
    given.queue.add('edited');
    for (let turn = 0; turn < 30; turn += 1) await settled();
    assert.deepEqual(given.calls.slice(0, 2), ['old0', 'edited']);
  },
  'a wait that was computed wrongly is neither a busy loop nor forever': async () => {
    for (const requeueAfter of [Number.NaN, 0, -5, Number.POSITIVE_INFINITY]) {
      const { clock, calls } = await once(async () => ({ requeueAfter }));
      await settled();
      assert.equal(calls.length, 1, `${requeueAfter}: at once`);
      clock.advance(60_000);
      await settled();
      assert.equal(calls.length, 2, `${requeueAfter}: after a minute`);
    }
  },
  'each line says which controller, object and reconcile it is about': async () => {
    const { lines } = await once(async (_key, { log }) => {
      log.info('looked');
      throw new Error('connection reset');
    });
    const ids = lines.map(({ fields }) => fields['reconcileId']);
    assert.equal(lines.length, 2);
    assert.equal(new Set(ids).size, 1);
    assert.match(String(ids[0]), /^[0-9a-f-]{36}$/);
    for (const { fields } of lines) {
      assert.equal(fields['controller'], 'workload');
      assert.equal(fields['object'], 'web/api');
    }
  },
  'a stop lets what is under way finish and takes nothing more': async () => {
    let finish: (() => void) | undefined;
    const given = bench(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
      1,
    );
    given.controller.start();
    given.queue.add('a');
    given.queue.add('b');
    await settled();
    const stopped = given.controller.stop(10_000);
    finish?.();
    await stopped;
    assert.deepEqual(given.calls, ['a']);
    assert.deepEqual(given.outcomes, [{ kind: 'success' }]);
  },
  'a stop aborts what outlasts the grace period, and that is no failure': async () => {
    const given = await once(
      (_key, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    let stopped = false;
    const stopping = given.controller.stop(10_000).finally(() => {
      stopped = true;
    });
    given.clock.advance(9999);
    await settled();
    assert.equal(stopped, false);
    given.clock.advance(1);
    await settled();
    await stopping;
    assert.equal(given.abandoned(), 1);
    assert.deepEqual(given.outcomes, []);
    assert.deepEqual(given.lines, []);
  },
  'keys that take no time do not keep out everything else until the last of them is done': async () => {
    const given = bench(async () => undefined, 8);
    for (let key = 0; key < 1000; key += 1) given.queue.add(`web/${key}`);
    given.controller.start();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(given.calls.length < 100, `${given.calls.length} keys before anybody else had a turn`);
    for (let turn = 0; turn < 1000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(given.calls.length, 1000);
  },
  'a stop ends even when a reconcile ignores its abort': async () => {
    const given = await once(() => new Promise(() => undefined));
    const stopping = given.controller.stop(10_000);
    given.clock.advance(10_000);
    await settled();
    given.clock.advance(1000);
    await stopping;
  },
};

for (const [sentence, run] of Object.entries(CASES)) test(sentence, run);
