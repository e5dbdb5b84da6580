import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { ApiError } from '../../../src/kube/api-error.ts';
import type { ApiErrorCode } from '../../../src/kube/api-error.ts';
import { readWatch } from '../../../src/kube/watch-stream.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';

function event(name: string, type = 'ADDED'): string {
  return `${JSON.stringify({ type, object: { metadata: { name, resourceVersion: '1' } } })}\n`;
}

async function read(chunks: readonly Buffer[], maxEventBytes = 1000): Promise<string[]> {
  const names: string[] = [];
  const reading = { clock: new ManualClock(), what: 'watch pods', host: 'api', inactivity: 1000, signal: new AbortController().signal, maxEventBytes };
  await readWatch(Readable.from(chunks), reading, ({ type, object }) => names.push(`${type} ${object.metadata.name}`));
  return names;
}

/** The bytes of `text` in pieces of `size`. */
function pieces(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

describe('a watch', () => {
  for (const size of [1, 2, 7, 64, 10_000]) {
    it(`is the same events in chunks of ${size} bytes, characters of several bytes included`, async () => {
      const names = await read(pieces(event('eins') + event('zwölf-☃') + '\n' + event('drei', 'DELETED'), size));
      assert.deepEqual(names, ['ADDED eins', 'ADDED zwölf-☃', 'DELETED drei']);
    });
  }

  it('has events of bounded size, also where one comes in one piece', async () => {
    await assert.rejects(read([Buffer.from(event('x'.repeat(2000)))]), (error: unknown) => error instanceof ApiError && error.code === 'TooLarge');
  });

  const refused: Readonly<Record<string, readonly [string, ApiErrorCode, RegExp]>> = {
    'a frame that is not JSON': ['{"type":\n', 'BadResponse', /an event is not JSON/],
    'a frame that ends with the answer': ['{"type":"ADDED"', 'BadResponse', /the last event is cut off after 15 bytes/],
    'a frame without an object': ['{"type":"ADDED"}\n', 'BadResponse', /no object/],
    'a frame with an object without a resource version': ['{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n', 'BadResponse', /no object with a resource version/],
    'a frame with an object without a name': ['{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}\n', 'BadResponse', /has no name/],
    'a frame of an unknown type': [event('a', 'RENAMED'), 'BadResponse', /no type/],
    'a frame that is larger than allowed': [event('x'.repeat(2000)), 'TooLarge', /an event is larger than 1000 bytes/],
    'an ERROR of 410': ['{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old resource version"}}\n', 'Gone', /^watch pods: too old resource version$/],
    'an ERROR of 429 with a wait': ['{"type":"ERROR","object":{"code":429,"details":{"retryAfterSeconds":3}}}\n', 'TooManyRequests', /HTTP status 429/],
    'an ERROR without anything': ['{"type":"ERROR"}\n', 'ServerError', /HTTP status 500/],
  };
  for (const [name, [text, code, says]] of Object.entries(refused)) {
    it(`ends with an error at ${name}, after what came before it`, async () => {
      await assert.rejects(read(pieces(event('before') + text, 64)), (error: unknown) => {
        assert.ok(error instanceof ApiError);
        assert.equal(error.code, code);
        assert.match(error.message, says);
        return true;
      });
    });
  }

  it('reads the wait that an ERROR asks for', async () => {
    const text = '{"type":"ERROR","object":{"code":429,"details":{"retryAfterSeconds":3}}}\n';
    await assert.rejects(read(pieces(text, 64)), { retryAfter: 3000 });
  });

  it('ends when nothing came for too long, counted from the last byte', async () => {
    const clock = new ManualClock();
    const body = new Readable({ read: () => undefined });
    let ended: unknown;
    const reading = readWatch(body, { clock, what: 'watch pods', host: 'api', inactivity: 1000, signal: new AbortController().signal }, () => undefined);
    reading.catch((error: unknown) => {
      ended = error;
    });
    clock.advance(900);
    body.push(event('a', 'BOOKMARK'));
    await settled();
    clock.advance(900);
    await settled();
    assert.equal(ended, undefined);
    clock.advance(100);
    await assert.rejects(reading, { code: 'Timeout', message: 'watch pods: nothing came for 1 s' });
    assert.equal(clock.timers, 0);
  });

  it('leaves no timer behind when it ends by itself', async () => {
    const clock = new ManualClock();
    await readWatch(Readable.from([Buffer.from(event('a'))]), { clock, what: '', host: '', inactivity: 1000, signal: new AbortController().signal }, () => undefined);
    assert.equal(clock.timers, 0);
  });
});
