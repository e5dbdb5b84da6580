import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Suspects } from '../../../../src/verification/worker/suspects.ts';
import { ManualClock, settled } from '../../../support/manual-clock.ts';

const HOUR = 3_600_000;

/** Pieces of work that end when told to. */
class Works {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, (error?: Error) => void>();

  work(name: string): () => Promise<string> {
    return () => {
      this.begun.push(name);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      this.#ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
      return promise;
    };
  }

  async end(name: string, error?: Error): Promise<void> {
    this.#ends.get(name)?.(error);
    await settled();
  }
}

test('those of suspects are begun one after the other, whoever they are; everybody else at once', async () => {
  const [suspects, works] = [new Suspects(new ManualClock()), new Works()];
  suspects.mark('mallory');
  suspects.mark('oscar');
  const runs = [['mallory', 'm1'], ['mallory', 'm2'], ['oscar', 'o1'], ['alice', 'a1'], ['alice', 'a2']].map(([owner = '', name = '']) => suspects.run(owner, works.work(name)));
  await settled();
  assert.deepEqual(works.begun.toSorted(), ['a1', 'a2', 'm1']);
  await works.end('m1');
  assert.deepEqual(works.begun.slice(-1), ['m2']);
  await works.end('m2');
  await works.end('o1');
  await works.end('a1');
  await works.end('a2');
  assert.deepEqual(await Promise.all(runs), ['m1', 'm2', 'o1', 'a1', 'a2']);
});

test('one that fails does not hold up the next', async () => {
  const [suspects, works] = [new Suspects(new ManualClock()), new Works()];
  suspects.mark('mallory');
  const failing = assert.rejects(suspects.run('mallory', works.work('m1')), /broken/);
  const next = suspects.run('mallory', works.work('m2'));
  await settled();
  await works.end('m1', new Error('broken'));
  await failing;
  await works.end('m2');
  assert.equal(await next, 'm2');
});

test('who leaves while waiting is free at once, and is never begun', async () => {
  const [suspects, works, controller] = [new Suspects(new ManualClock()), new Works(), new AbortController()];
  suspects.mark('mallory');
  const first = suspects.run('mallory', works.work('m1'));
  const waiting = suspects.run('mallory', works.work('m2'), controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await works.end('m1');
  await first;
  assert.deepEqual(works.begun, ['m1']);
});

test('after an hour it is forgotten', async () => {
  const [clock, works] = [new ManualClock(), new Works()];
  const suspects = new Suspects(clock);
  suspects.mark('mallory');
  clock.advance(HOUR);
  void suspects.run('mallory', works.work('m1'));
  void suspects.run('mallory', works.work('m2'));
  assert.deepEqual(works.begun, ['m1', 'm2']);
});
