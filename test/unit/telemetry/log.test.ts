import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import test from 'node:test';
import { CodedError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import type { LogFormat, LogLevel } from '../../../src/telemetry/log-settings.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function bench(format: LogFormat = 'json', level: LogLevel = 'debug'): { log: Log; lines: () => string[] } {
  const stream = new PassThrough();
  const log = createLog({ format, level, clock: new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5)), stream });
  return {
    log,
    lines: () => {
      const read = stream.read() as Buffer | null;
      return read === null ? [] : read.toString('utf8').trimEnd().split('\n');
    },
  };
}

function json(write: (log: Log) => void): Record<string, unknown> {
  const { log, lines } = bench();
  write(log);
  const written = lines();
  assert.equal(written.length, 1);
  return JSON.parse(written[0] ?? '') as Record<string, unknown>;
}

const CASES: Record<string, () => void> = {
  'a JSON line has time, level, message and the fields': () => {
    assert.deepEqual(json((log) => log.info('pinned', { object: 'web/api', images: 2 })), {
      time: '2026-01-02T03:04:05.000Z',
      level: 'info',
      message: 'pinned',
      object: 'web/api',
      images: 2,
    });
  },
  'a text line reads from left to right': () => {
    const { log, lines } = bench('text');
    log.warn('registry throttles', { host: 'ghcr.io', message: 'two words', list: [1, 2] });
    assert.deepEqual(lines(), [
      '2026-01-02T03:04:05.000Z WARN  registry throttles host=ghcr.io message_="two words" list=[1,2]',
    ]);
  },
  'a level shows itself and what is more important': () => {
    const { log, lines } = bench('json', 'warn');
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level);
    assert.deepEqual(
      lines().map((line) => (JSON.parse(line) as { level: string }).level),
      ['warn', 'error'],
    );
  },
  'a child adds its fields to each line': () => {
    const line = json((log) => log.child({ controller: 'workload' }).child({ object: 'web/api' }).info('x'));
    assert.equal(line['controller'], 'workload');
    assert.equal(line['object'], 'web/api');
  },
  'a field cannot pass for a part of the line': () => {
    const line = json((log) => log.info('real', { message: 'forged', level: 'error', time: 'never' }));
    assert.equal(line['message'], 'real');
    assert.equal(line['level'], 'info');
    assert.equal(line['message_'], 'forged');
  },
  'a line break in a field does not begin a new line, in either format': () => {
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = bench(format);
      log.info('x', { image: 'a\n2026-01-02T03:04:05.000Z ERROR forged' });
      assert.equal(lines().length, 1);
    }
  },
  'a coded error shows name, code, message and its causes': () => {
    const cause = new CodedError('Unavailable', 'connection refused');
    const line = json((log) => log.error('x', { error: new CodedError('Outer', 'registry is away', { cause }) }));
    assert.deepEqual(line['error'], {
      name: 'CodedError',
      code: 'Outer',
      message: 'registry is away',
      cause: { name: 'CodedError', code: 'Unavailable', message: 'connection refused' },
    });
  },
  'an error without a code shows where it came from': () => {
    const { stack } = json((log) => log.error('x', { error: new TypeError('of undefined') }))['error'] as {
      stack: string;
    };
    assert.match(stack, /log\.test\.ts/);
  },
  'a chain of causes is cut': () => {
    let error = new CodedError('C', 'innermost');
    for (let depth = 0; depth < 50; depth += 1) error = new CodedError('C', `depth ${depth}`, { cause: error });
    const text = JSON.stringify(json((log) => log.error('x', { error })));
    assert.ok(text.includes('depth 45'));
    assert.ok(!text.includes('depth 44'));
  },
  'an object that contains itself is cut': () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    assert.ok(JSON.stringify(json((log) => log.info('x', { loop }))).includes('[…]'));
  },
  'long text, long lists and wide objects are cut': () => {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, 'v'.repeat(20)]));
    const fields = { text: 'x'.repeat(100_000), list: Array.from({ length: 5000 }, () => 'y'.repeat(20)), wide };
    assert.ok(JSON.stringify(json((log) => log.info('x', fields))).length < 8000);
  },
};

for (const [sentence, run] of Object.entries(CASES)) test(sentence, run);

test('a reader that goes away does not end the process', async () => {
  const stream = new Writable({
    write: (_chunk, _encoding, callback) => callback(Object.assign(new Error('broken pipe'), { code: 'EPIPE' })),
  });
  const log = createLog({ format: 'json', level: 'info', clock: new ManualClock(), stream });
  log.info('one');
  await new Promise((resolve) => setImmediate(resolve));
  log.info('two');
  await new Promise((resolve) => setImmediate(resolve));
});
