import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { createManager } from '../../../src/runtime/manager.ts';
import type { Component, Manager, Source } from '../../../src/runtime/manager.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';

interface Bench {
  readonly clock: ManualClock;
  readonly did: string[];
  readonly log: ReturnType<typeof recordedLog>;
  readonly parts: { servers: Component[]; sources: Source[]; controllers: Component[] };
  readonly stop: AbortController;
  readonly sync: (name: string) => void;
  readonly manager: () => Manager;
}

function bench(): Bench {
  const clock = new ManualClock();
  const did: string[] = [];
  const log = recordedLog();
  const synced = new Map<string, () => void>();
  const done = new Set<string>();
  const component = (name: string): Component => ({
    name,
    start: () => void did.push(`start ${name}`),
    stop: () => void did.push(`stop ${name}`),
  });
  const source = (name: string): Source => ({
    ...component(name),
    hasSynced: () => done.has(name),
    synced: (signal) =>
      new Promise((resolve, reject) => {
        synced.set(name, () => {
          done.add(name);
          resolve();
        });
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  });
  const parts = {
    servers: [component('probes')],
    sources: [source('pods'), source('secrets')],
    controllers: [component('workload')],
  };
  return {
    clock,
    did,
    log,
    parts,
    stop: new AbortController(),
    sync: (name) => synced.get(name)?.(),
    manager: () => createManager({ ...parts, log, clock, grace: 20_000 }),
  };
}

const CASES: Record<string, (given: Bench) => Promise<void>> = {
  'probes answer before caches fill, and controllers start when all caches are full': async (given) => {
    const running = given.manager().run(given.stop.signal);
    await settled();
    assert.deepEqual(given.did, ['start probes', 'start pods', 'start secrets']);
    given.sync('pods');
    await settled();
    assert.ok(!given.did.includes('start workload'));
    given.sync('secrets');
    await settled();
    assert.equal(given.did.at(-1), 'start workload');
    given.stop.abort();
    await running;
  },
  'it stops in reverse order': async (given) => {
    const running = given.manager().run(given.stop.signal);
    await settled();
    given.sync('pods');
    given.sync('secrets');
    await settled();
    given.stop.abort();
    await running;
    assert.deepEqual(given.did.slice(4), ['stop workload', 'stop pods', 'stop secrets', 'stop probes']);
  },
  'while it waits for lists it is not ready and says for which': async (given) => {
    const manager = given.manager();
    const running = manager.run(given.stop.signal);
    await settled();
    given.sync('pods');
    await settled();
    assert.equal(manager.notReady(), 'waiting for the first list of secrets');
    given.sync('secrets');
    await settled();
    assert.equal(manager.notReady(), undefined);
    given.stop.abort();
    assert.equal(manager.notReady(), undefined);
    await running;
    assert.equal(manager.notReady(), 'stopping');
  },
  'a long wait for lists is said in the log': async (given) => {
    const running = given.manager().run(given.stop.signal);
    await settled();
    given.sync('pods');
    given.clock.advance(30_000);
    await settled();
    assert.deepEqual(given.log.lines.at(-1), {
      level: 'warn',
      message: 'still waiting for the first lists',
      fields: { sources: ['secrets'] },
    });
    given.sync('secrets');
    await settled();
    const before = given.log.lines.length;
    given.clock.advance(300_000);
    await settled();
    assert.equal(given.log.lines.length, before);
    given.stop.abort();
    await running;
  },
  'a stop while lists are awaited ends in good order and without an error': async (given) => {
    const running = given.manager().run(given.stop.signal);
    await settled();
    given.stop.abort();
    await running;
    assert.deepEqual(given.did.slice(3), ['stop pods', 'stop secrets', 'stop probes']);
  },
  'a source that cannot be read ends the start with its own words, and stops what had started': async (given) => {
    given.parts.sources[1] = {
      ...(given.parts.sources[1] as Source),
      synced: () => Promise.reject(new Error('secrets: forbidden')),
    };
    await assert.rejects(given.manager().run(given.stop.signal), /^Error: secrets: forbidden$/);
    assert.deepEqual(given.did.slice(3), ['stop pods', 'stop secrets', 'stop probes']);
  },
  'a server that cannot start ends the start before anything is contacted': async (given) => {
    given.parts.servers[0] = {
      name: 'probes',
      start: () => Promise.reject(new Error('probes cannot listen')),
      stop: () => void given.did.push('stop probes'),
    };
    await assert.rejects(given.manager().run(given.stop.signal), /probes cannot listen/);
    assert.deepEqual(given.did, ['stop probes']);
  },
  'a failure that cannot be survived stops everything and is handed on': async (given) => {
    const manager = given.manager();
    const running = manager.run(given.stop.signal);
    await settled();
    given.sync('pods');
    given.sync('secrets');
    await settled();
    manager.fail(new Error('lost the lease'));
    await assert.rejects(running, /lost the lease/);
    assert.equal(given.did.at(-1), 'stop probes');
  },
  'a component that fails to stop is named in the log and does not keep the others up': async (given) => {
    given.parts.controllers[0] = {
      name: 'workload',
      start: () => undefined,
      stop: () => Promise.reject(new Error('stuck')),
    };
    const running = given.manager().run(given.stop.signal);
    await settled();
    given.sync('pods');
    given.sync('secrets');
    await settled();
    given.stop.abort();
    await running;
    assert.equal(given.did.at(-1), 'stop probes');
    assert.equal(given.log.lines.at(-1)?.fields['component'], 'workload');
  },
  'a component that never stops is left behind when the grace period is over': async (given) => {
    given.parts.controllers[0] = { name: 'workload', start: () => undefined, stop: () => new Promise(() => undefined) };
    const running = given.manager().run(given.stop.signal);
    await settled();
    given.sync('pods');
    given.sync('secrets');
    await settled();
    given.stop.abort();
    await settled();
    given.clock.advance(22_000);
    await running;
    assert.equal(given.did.at(-1), 'stop probes');
  },
};

for (const [sentence, run] of Object.entries(CASES)) test(sentence, () => run(bench()));

test('the process stays up with nothing else to keep it, and ends by itself after the stop', () => {
  const script = `
    import { createManager } from './src/runtime/manager.ts';
    import { systemClock } from './src/base/clock.ts';
    const log = { info() {}, warn() {}, error() {}, debug() {}, child() { return log; } };
    const manager = createManager({ servers: [], sources: [], controllers: [], log, clock: systemClock, grace: 100 });
    const stop = new AbortController();
    // unref: this timer alone would not keep the process up.
    setTimeout(() => stop.abort(), 300).unref();
    await manager.run(stop.signal);
    console.log('ended in good order');
  `;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(ended.stdout, 'ended in good order\n', ended.stderr);
  assert.equal(ended.status, 0);
});
