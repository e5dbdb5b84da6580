import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { parseBindAddress } from '../../src/runtime/bind-address.ts';
import { checkRoute, createEndpoint, ServerError } from '../../src/runtime/servers.ts';
import type { Endpoint, Route } from '../../src/runtime/servers.ts';

const started: Endpoint[] = [];
after(async () => {
  for (const endpoint of started) await endpoint.stop(0);
});

interface Place {
  readonly host: string;
  readonly port: number;
}

function endpointOn(bind: string, routes: Readonly<Record<string, Route>>): Endpoint {
  const address = parseBindAddress(bind);
  assert.ok(address !== undefined);
  return createEndpoint({ name: 'metrics', bind: address, flag: '--metrics-bind-address', routes, clock: systemClock });
}

async function start(routes: Readonly<Record<string, Route>>): Promise<{ endpoint: Endpoint; url: string; place: Place }> {
  const endpoint = endpointOn('127.0.0.1:0', routes);
  await endpoint.start(new AbortController().signal);
  started.push(endpoint);
  const place = endpoint.address() as Place;
  return { endpoint, place, url: `http://127.0.0.1:${place.port}` };
}

/** Sends bytes as they are and reads until the server closes, 15 s at most. */
function raw({ port }: Place, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(15_000, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    // A server that refuses may reset what it did not read; what it said before is what counts.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

const ok: Route = () => ({ status: 200, contentType: 'text/plain', body: 'up 1\n' });

describe('an endpoint', () => {
  test('answers what its routes give, and HEAD without the body', async () => {
    const { url } = await start({ '/metrics': ok });
    const get = await fetch(`${url}/metrics?x=1`);
    assert.deepEqual([get.status, get.headers.get('content-type'), await get.text()], [200, 'text/plain', 'up 1\n']);
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '5', '']);
  });

  test('says what there is when asked for something else', async () => {
    const { url } = await start({ '/healthz': ok, '/readyz': ok });
    for (const path of ['/', '/metrics', '/healthz/', '/__proto__', '/constructor', '/toString']) {
      const answer = await fetch(url + path);
      assert.deepEqual([path, answer.status, await answer.text()], [path, 404, 'not found; here are: /healthz /readyz\n']);
    }
  });

  test('takes no path for a member of the language', async () => {
    const { place } = await start({ '/metrics': ok });
    for (const path of ['constructor', '__proto__', 'toString']) assert.doesNotMatch(await raw(place, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 [25]/);
  });

  test('answers GET and HEAD only', async () => {
    const { url } = await start({ '/metrics': ok });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(`${url}/metrics`, { method, ...(method === 'POST' ? { body: 'x'.repeat(100_000) } : {}) });
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, HEAD']);
      await answer.text();
    }
  });

  test('does not keep a connection on which a body would have to be read', async () => {
    const { place } = await start({ '/metrics': ok });
    const answer = await raw(place, 'GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello');
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /\r\nConnection: close\r\n/);
  });

  test('refuses headers of more than 16 KiB', async () => {
    const { place } = await start({ '/metrics': ok });
    const answer = await raw(place, `GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 431 /);
  });

  test('refuses what is no HTTP and goes on', async () => {
    const { place, url } = await start({ '/metrics': ok });
    assert.match(await raw(place, '\u0000\u0001\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.equal((await fetch(`${url}/metrics`)).status, 200);
  });

  test('does not take more than 128 connections at once', async () => {
    const { place } = await start({ '/metrics': ok });
    const sockets = await Promise.all(
      Array.from({ length: 160 }, () => new Promise<ReturnType<typeof connect>>((resolve) => {
        const socket = connect(place.port, '127.0.0.1', () => resolve(socket));
        socket.on('error', () => undefined);
      })),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded && !socket.closed);
    assert.ok(open.length <= 128, `${open.length} are open`);
    assert.ok(open.length >= 100, `${open.length} are open`);
    for (const socket of sockets) socket.destroy();
  });

  test('a route that fails is a 500 with its message, and the next one works', async () => {
    let fails = true;
    const { url } = await start({
      '/metrics': () => {
        if (fails) throw new Error('collecting failed');
        return { status: 200, contentType: 'text/plain', body: 'fine' };
      },
    });
    const answer = await fetch(`${url}/metrics`);
    assert.deepEqual([answer.status, await answer.text()], [500, 'failed: collecting failed\n']);
    fails = false;
    assert.equal((await fetch(`${url}/metrics`)).status, 200);
  });

  test('checks are ok together, or listed one by one', async () => {
    const problems: string[] = [];
    const { url } = await start({ '/readyz': checkRoute({ ping: () => undefined, caches: () => problems[0] }) });
    const well = await fetch(`${url}/readyz`);
    assert.deepEqual([well.status, await well.text()], [200, 'ok\n']);
    problems.push('waiting for the first list of pods');
    const ill = await fetch(`${url}/readyz`);
    assert.deepEqual([ill.status, await ill.text()], [503, '[+]ping ok\n[-]caches failed: waiting for the first list of pods\n']);
  });

  test('a stop lets an answer finish and takes no new connection', async () => {
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { endpoint, url } = await start({
      '/metrics': async () => {
        asked.resolve();
        await gate.promise;
        return { status: 200, contentType: 'text/plain', body: 'late' };
      },
    });
    const answer = fetch(`${url}/metrics`).then((response) => response.text());
    await asked.promise;
    const stopped = endpoint.stop(10_000);
    await assert.rejects(fetch(`${url}/metrics`));
    gate.resolve();
    assert.equal(await answer, 'late');
    const before = Date.now();
    await stopped;
    // Not until the client closes a connection that it keeps for later.
    assert.ok(Date.now() - before < 1500);
  });

  test('a stop does not wait longer than its grace', async () => {
    const asked = Promise.withResolvers<void>();
    const { endpoint, url } = await start({
      '/metrics': () => {
        asked.resolve();
        return new Promise(() => undefined);
      },
    });
    const answer = fetch(`${url}/metrics`);
    const broken = assert.rejects(answer);
    await asked.promise;
    const before = Date.now();
    // Our timers do not keep a process alive: in the operator the manager does, here this one.
    const hold = setTimeout(() => undefined, 5000);
    await endpoint.stop(200);
    clearTimeout(hold);
    assert.ok(Date.now() - before < 3000);
    await broken;
  });
});

describe('an endpoint that cannot listen', () => {
  test('names the address, what is wrong and the flag: the port is taken', async () => {
    const { place } = await start({ '/metrics': ok });
    const second = endpointOn(`127.0.0.1:${place.port}`, {});
    await assert.rejects(async () => second.start(new AbortController().signal), (error: unknown) => {
      assert.ok(error instanceof ServerError);
      assert.equal(error.code, 'AddressInUse');
      assert.equal(
        error.message,
        `metrics cannot listen on 127.0.0.1:${place.port}: something else listens there; choose another with --metrics-bind-address, or 0 to turn it off`,
      );
      return true;
    });
    await second.stop(0);
  });

  test('this machine has no such address', async () => {
    const endpoint = endpointOn('192.0.2.1:0', {});
    await assert.rejects(async () => endpoint.start(new AbortController().signal), { code: 'AddressNotAvailable' });
  });
});
