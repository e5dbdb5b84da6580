import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HostLimiter } from '../../../src/registry/limiter.ts';

const never = new AbortController().signal;

describe('the places of a host', () => {
  it('are bounded per host, and hosts do not wait for each other', async () => {
    const limiter = new HostLimiter(2);
    const gate = Promise.withResolvers<undefined>();
    const running: string[] = [];
    const task = (name: string) => async (): Promise<void> => {
      running.push(name);
      await gate.promise;
    };
    const all = [...['a1', 'a2', 'a3'].map((name) => limiter.run('a', never, task(name))), limiter.run('b', never, task('b1'))];
    await new Promise(setImmediate);
    assert.deepEqual(running, ['a1', 'a2', 'b1']);
    gate.resolve(undefined);
    await Promise.all(all);
    assert.deepEqual(running, ['a1', 'a2', 'b1', 'a3']);
    assert.equal(limiter.hosts, 0);
  });
  it('are given up by who stops waiting, with the signal\'s reason', async () => {
    const limiter = new HostLimiter(1);
    const gate = Promise.withResolvers<undefined>();
    const first = limiter.run('a', never, () => gate.promise);
    const leaving = new AbortController();
    const ran: string[] = [];
    const second = limiter.run('a', leaving.signal, () => Promise.resolve(ran.push('second')));
    leaving.abort(new Error('left'));
    await assert.rejects(second, /left/);
    gate.resolve(undefined);
    await first;
    assert.deepEqual(ran, []);
    assert.equal(limiter.hosts, 0);
  });
});
