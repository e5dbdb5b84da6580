import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { isAlreadyExists, isConflict, isForbidden, isInvalid, isNotFound, isPatchRefused } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { annotationAt, applyBody, swapAt } from '../../src/kube/patch.ts';
import type { RequestRecord } from '../../src/kube/transport.ts';
import type { WatchEvent } from '../../src/kube/watch-stream.ts';
import { cluster } from '../support/cluster.ts';
import type { Cluster } from '../support/cluster.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy, SeenRequest } from '../support/fault-proxy.ts';
import { until } from '../support/until.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const BOUND = { timeout: 60_000 };

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

let real: Cluster;
let client: KubeClient;
let proxy: FaultProxy;
let broken: KubeClient;
let namespace: string;
const records: RequestRecord[] = [];

before(async () => {
  real = await cluster();
  client = connect({ kubeconfig: real.adminKubeconfig, hooks: { onRequest: (record) => records.push(record) } }).client;
  proxy = await startFaultProxy(real);
  broken = connect({ kubeconfig: proxy.kubeconfig }).client;
  namespace = await real.namespace('client');
});

after(async () => {
  await client.close();
  await broken.close();
  await proxy.stop();
});

function configMap(name: string, data: Readonly<Record<string, string>> = {}): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

describe('the client', BOUND, () => {
  it('creates, reads, patches and deletes an object', async () => {
    const made = await client.create<ConfigMap>(CONFIG_MAPS, namespace, configMap('whole', { a: '1' }));
    assert.equal(made.data?.['a'], '1');
    const ref = { namespace, name: 'whole' };
    const merged = await client.patch<ConfigMap>(CONFIG_MAPS, ref, { type: 'merge', body: { data: { b: '2' } } }, { fieldManager: 'one' });
    assert.deepEqual(merged.data, { a: '1', b: '2' });
    const read = await client.get<ConfigMap>(CONFIG_MAPS, ref);
    assert.deepEqual(read, merged);
    await client.delete(CONFIG_MAPS, ref);
    await assert.rejects(client.get(CONFIG_MAPS, ref), isNotFound);
  });

  it('applies a JSON patch with a test only to what it was made for', async () => {
    await client.create(CONFIG_MAPS, namespace, configMap('tested', { image: 'nginx:1' }));
    const ref = { namespace, name: 'tested' };
    const operations = [...swapAt('/data/image', 'nginx:1', 'nginx@sha256:1'), ...annotationAt(undefined, 'assay.dev/tags', '{}')];
    const patched = await client.patch<ConfigMap>(CONFIG_MAPS, ref, { type: 'json', operations }, { fieldManager: 'assay' });
    assert.equal(patched.data?.['image'], 'nginx@sha256:1');
    assert.deepEqual(patched.metadata.annotations, { 'assay.dev/tags': '{}' });
    await assert.rejects(client.patch(CONFIG_MAPS, ref, { type: 'json', operations }), isPatchRefused);
    // The map of annotations appeared: what was planned without it must not wipe it out.
    await assert.rejects(client.patch(CONFIG_MAPS, ref, { type: 'json', operations: annotationAt(undefined, 'other', 'x') }), isPatchRefused);
  });

  it('does not store a dry run', async () => {
    await client.create(CONFIG_MAPS, namespace, configMap('dry'), { dryRun: true });
    await assert.rejects(client.get(CONFIG_MAPS, { namespace, name: 'dry' }), isNotFound);
  });

  it('applies fields by server-side apply, and takes them over only by force', async () => {
    const ref = { namespace, name: 'applied' };
    const body = (value: string): unknown => applyBody(CONFIG_MAPS, ref, { data: { value } });
    await client.patch(CONFIG_MAPS, ref, { type: 'apply', body: body('1') }, { fieldManager: 'one' });
    await assert.rejects(client.patch(CONFIG_MAPS, ref, { type: 'apply', body: body('2') }, { fieldManager: 'two' }), isConflict);
    const forced = await client.patch<ConfigMap>(CONFIG_MAPS, ref, { type: 'apply', body: body('2'), force: true }, { fieldManager: 'two' });
    assert.equal(forced.data?.['value'], '2');
  });

  it('writes a status, and never to an object that was replaced meanwhile', async () => {
    const pod = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'nginx' }] } };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'a' } }, template: pod };
    const made = await client.create(DEPLOYMENTS, namespace, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'status' }, spec });
    const ref = { namespace, name: 'status' };
    const conditions = [{ type: 'Verified', status: 'True', reason: 'AllVerified' }];
    const status = (uid: string): unknown => applyBody(DEPLOYMENTS, { ...ref, uid }, { status: { conditions } });
    const options = { subresource: 'status', fieldManager: 'assay' };
    const written = await client.patch<KubeObject & { status: { conditions: { type: string }[] } }>(
      DEPLOYMENTS,
      ref,
      { type: 'apply', body: status(made.metadata.uid ?? '') },
      options,
    );
    assert.ok(written.status.conditions.some((condition) => condition.type === 'Verified'));
    await assert.rejects(client.patch(DEPLOYMENTS, ref, { type: 'apply', body: status('another') }, options), isInvalid);
    const gone = applyBody(DEPLOYMENTS, { namespace, name: 'gone', uid: 'another' }, { status: { conditions } });
    await assert.rejects(client.patch(DEPLOYMENTS, { namespace, name: 'gone' }, { type: 'apply', body: gone }, options), isNotFound);
  });

  it('names the fields of a refused object', async () => {
    const made = client.create(DEPLOYMENTS, namespace, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'bad' }, spec: { replicas: -1 } });
    await assert.rejects(made, (error: unknown) => {
      assert.ok(isInvalid(error));
      assert.ok(error.causes.some((cause) => cause.field === 'spec.replicas'));
      assert.match(error.message, /^create deployments\.apps "client-\w+\/bad": Deployment\.apps "bad" is invalid/);
      return true;
    });
  });

  it('tells an object that is there already', async () => {
    await client.create(CONFIG_MAPS, namespace, configMap('twice'));
    await assert.rejects(client.create(CONFIG_MAPS, namespace, configMap('twice')), isAlreadyExists);
  });

  it('deletes only the object with that uid', async () => {
    await client.create(CONFIG_MAPS, namespace, configMap('other-uid'));
    await assert.rejects(client.delete(CONFIG_MAPS, { namespace, name: 'other-uid' }, { uid: 'another' }), isConflict);
    await client.get(CONFIG_MAPS, { namespace, name: 'other-uid' });
  });

  it('lists in pages of one consistent state', async () => {
    const own = await real.namespace('pages');
    for (const name of ['a', 'b', 'c']) await client.create(CONFIG_MAPS, own, configMap(name));
    const first = await client.list<ConfigMap>(CONFIG_MAPS, { namespace: own, limit: 2 });
    assert.equal(first.items.length, 2);
    assert.ok(first.continue !== undefined);
    await client.create(CONFIG_MAPS, own, configMap('d'));
    const second = await client.list<ConfigMap>(CONFIG_MAPS, { namespace: own, limit: 2, continue: first.continue });
    assert.deepEqual([...first.items, ...second.items].map((item) => item.metadata.name), ['a', 'b', 'c']);
    assert.equal(second.continue, undefined);
    assert.equal(second.resourceVersion, first.resourceVersion);
    const one = await client.list(CONFIG_MAPS, { namespace: own, fieldSelector: 'metadata.name=d' });
    assert.deepEqual(one.items.map((item) => item.metadata.name), ['d']);
  });

  it('watches from a version on, until the server ends it', async () => {
    const own = await real.namespace('watch');
    const { resourceVersion } = await client.list(CONFIG_MAPS, { namespace: own });
    await client.create(CONFIG_MAPS, own, configMap('one'));
    const events: WatchEvent[] = [];
    const options = { namespace: own, resourceVersion, timeoutSeconds: 1, inactivity: 10_000, signal: new AbortController().signal };
    await client.watch(CONFIG_MAPS, { ...options, fieldSelector: 'metadata.name=one' }, (event) => events.push(event));
    assert.deepEqual(events.map((event) => `${event.type} ${event.object.metadata.name}`), ['ADDED one']);
  });

  it('reads documents that are no resource', async () => {
    assert.equal(((await client.getPath('/version')) as { major: string }).major, '1');
    await assert.rejects(client.getPath('version'), { code: 'BadRequest' });
    await assert.rejects(client.getPath('/openapi/v2', { maxBytes: 10_000 }), { code: 'TooLarge' });
  });

  it('says which verb on which resource RBAC lacks', async () => {
    const nobody = connect({ kubeconfig: await real.userKubeconfig('nobody') }).client;
    await assert.rejects(nobody.list(DEPLOYMENTS), (error: unknown) => {
      assert.ok(isForbidden(error));
      assert.match(String(error), /User "nobody" cannot list resource "deployments" in API group "apps" at the cluster scope/);
      return true;
    });
    await nobody.close();
  });

  it('tells its hook of each request, by verb, method, code and host', async () => {
    records.length = 0;
    await client.get(NAMESPACES, { name: namespace });
    await client.get(NAMESPACES, { name: 'nowhere' }).catch(() => undefined);
    await client.list(NAMESPACES, { limit: 1 });
    const host = new URL(real.url).host;
    assert.deepEqual(
      records.map(({ seconds: _, serverTime: __, ...record }) => record),
      [
        { verb: 'get', method: 'GET', code: '200', host },
        { verb: 'get', method: 'GET', code: '404', host },
        { verb: 'list', method: 'GET', code: '200', host },
      ],
    );
    assert.ok(records.every(({ seconds }) => seconds >= 0 && seconds < 30));
    // The header is in whole seconds.
    assert.ok(records.every(({ serverTime = 0 }) => Math.abs(serverTime - Date.now()) < 60_000));
  });

  it('uses its connections again', async () => {
    const earlier = proxy.connections;
    for (let count = 0; count < 50; count += 1) await broken.get(NAMESPACES, { name: namespace });
    // A request that begins in the moment the last answer ends may take a second one.
    assert.ok(proxy.connections - earlier <= 3, `${proxy.connections - earlier} connections for 50 requests`);
  });

  it('opens no more than 16 connections for many calls at once', async () => {
    const earlier = proxy.connections;
    await Promise.all(Array.from({ length: 100 }, () => broken.get(NAMESPACES, { name: namespace })));
    assert.ok(proxy.connections - earlier <= 16, `${proxy.connections - earlier} connections`);
  });

  it('does not take the connections of calls for watches', async () => {
    const ending = new AbortController();
    const options = { namespace, timeoutSeconds: 60, inactivity: 60_000, signal: ending.signal };
    const watches = Array.from({ length: 40 }, () => broken.watch(CONFIG_MAPS, options, () => undefined).catch(() => undefined));
    await until(() => proxy.openWatches() === 40, '40 watches are open');
    await broken.get(NAMESPACES, { name: namespace });
    ending.abort();
    await Promise.all(watches);
    await until(() => proxy.openWatches() === 0, 'no watch is left');
  });
});

function on(method: string, name: string): (request: SeenRequest) => boolean {
  return (request) => request.method === method && request.url.includes(name);
}

function isCreate(request: SeenRequest): boolean {
  return request.method === 'POST';
}

function asked(method: string, name: string): number {
  return proxy.seen.filter(on(method, name)).length;
}

describe('a call that fails on the way', BOUND, () => {
  it('is sent again after the wait that a 429 asks for, whatever its verb', async () => {
    proxy.answer(isCreate, { status: 429, headers: { 'retry-after': '1' } });
    const begun = performance.now();
    await broken.create(CONFIG_MAPS, namespace, configMap('after-429'));
    assert.ok(performance.now() - begun >= 990);
  });

  it('is not sent again for ever', async () => {
    proxy.answer(on('GET', 'never-there'), { status: 429, headers: { 'retry-after': '0' } }, 100);
    await assert.rejects(broken.get(CONFIG_MAPS, { namespace, name: 'never-there' }), { code: 'TooManyRequests', status: 429, retryAfter: 0 });
    assert.equal(asked('GET', 'never-there'), 4);
  });

  it('is not sent again after a 503 when that could do it twice', async () => {
    const earlier = proxy.seen.filter(isCreate).length;
    proxy.answer(isCreate, { status: 503, headers: { 'retry-after': '0' } });
    await assert.rejects(broken.create(CONFIG_MAPS, namespace, configMap('after-503')), { code: 'Unavailable' });
    assert.equal(proxy.seen.filter(isCreate).length, earlier + 1);
    proxy.answer(on('GET', 'after-429'), { status: 503, headers: { 'retry-after': '0' } });
    await broken.get(CONFIG_MAPS, { namespace, name: 'after-429' });
  });

  it('is not sent again when the server does not ask for it', async () => {
    proxy.answer(on('GET', 'plain-500'), { status: 500, body: '<html>oops</html>' });
    await assert.rejects(broken.get(CONFIG_MAPS, { namespace, name: 'plain-500' }), { code: 'ServerError', message: /<html>oops<\/html>$/ });
    assert.equal(asked('GET', 'plain-500'), 1);
  });

  it('reads again over a connection that was reset, and does not write again', async () => {
    proxy.reset(on('GET', 'after-429'));
    await broken.get(CONFIG_MAPS, { namespace, name: 'after-429' });
    proxy.reset((request) => request.method === 'PATCH');
    const patch = { type: 'json', operations: [{ op: 'add', path: '/data', value: {} }] } as const;
    await assert.rejects(broken.patch(CONFIG_MAPS, { namespace, name: 'after-429' }, patch), { code: 'Unreachable', status: 0 });
    assert.equal(asked('PATCH', 'after-429'), 1);
  });

  it('asks once more with fresh credentials after a 401, and not again', async () => {
    proxy.answer(on('GET', 'after-429'), { status: 401 }, 1);
    await broken.get(CONFIG_MAPS, { namespace, name: 'after-429' });
    proxy.answer(on('GET', 'always-401'), { status: 401 }, 100);
    await assert.rejects(broken.get(CONFIG_MAPS, { namespace, name: 'always-401' }), { code: 'Unauthorized' });
    assert.equal(asked('GET', 'always-401'), 2);
  });

  it('ends at its deadline', async () => {
    proxy.hold(on('GET', 'held-for-ever'));
    const got = broken.get(CONFIG_MAPS, { namespace, name: 'held-for-ever' }, { deadline: 200 });
    await assert.rejects(got, { code: 'Timeout', message: /^get configmaps "client-\w+\/held-for-ever" did not finish within 0\.2 s$/ });
  });

  it('ends at once when its caller gives up, with the caller’s own reason', async () => {
    proxy.hold(on('GET', 'given-up'));
    const ending = new AbortController();
    const got = broken.get(CONFIG_MAPS, { namespace, name: 'given-up' }, { signal: ending.signal });
    await until(() => asked('GET', 'given-up') === 1, 'it is on its way');
    const reason = new Error('enough');
    ending.abort(reason);
    await assert.rejects(got, (error) => error === reason);
    await assert.rejects(broken.get(CONFIG_MAPS, { namespace, name: 'given-up' }, { signal: ending.signal }), (error) => error === reason);
    assert.equal(asked('GET', 'given-up'), 1);
  });

  it('ends when the client is closed', async () => {
    const other = connect({ kubeconfig: proxy.kubeconfig }).client;
    proxy.hold(on('GET', 'closed-under'));
    const got = other.get(CONFIG_MAPS, { namespace, name: 'closed-under' });
    await until(() => asked('GET', 'closed-under') === 1, 'it is on its way');
    await other.close();
    await assert.rejects(got, { code: 'Unreachable' });
    await assert.rejects(other.getPath('/version'), { code: 'Unreachable', message: /is closed/ });
  });

  const answers: Readonly<Record<string, readonly [string, string]>> = {
    'that is not JSON': ['<html>', 'BadResponse'],
    'that is no object': ['[]', 'BadResponse'],
    'that is null': ['null', 'BadResponse'],
  };
  for (const [name, [body, code]] of Object.entries(answers)) {
    it(`refuses an answer ${name}`, async () => {
      proxy.answer(on('GET', 'strange'), { status: 200, body });
      await assert.rejects(broken.get(CONFIG_MAPS, { namespace, name: 'strange' }), { code });
      proxy.answer(on('GET', 'limit=7'), { status: 200, body });
      await assert.rejects(broken.list(CONFIG_MAPS, { limit: 7 }), { code });
    });
  }
});

describe('a server that cannot be reached is one sentence', BOUND, () => {
  it('when nothing listens', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await until(() => listener.listening, 'a free port');
    const { port } = listener.address() as AddressInfo;
    await new Promise((resolve) => listener.close(resolve));
    await assert.rejects(at(`https://127.0.0.1:${port}`), {
      code: 'Unreachable',
      message: `get /version: the API server 127.0.0.1:${port} cannot be reached: nothing listens there; check the server address and that the API server runs (ECONNREFUSED)`,
    });
  });

  it('when its certificate is not of the configured authority', async () => {
    await assert.rejects(at(real.url), { code: 'Unreachable', message: /its certificate is not signed by the configured certificate authority/ });
  });

  it('when its certificate is for another name', async () => {
    await assert.rejects(at(proxy.url, 'other.example'), { code: 'Unreachable', message: /its certificate is for another name; check the server address or set tls-server-name/ });
  });
});

/** Asks `server` through the kubeconfig of the proxy, whose authority it trusts. */
async function at(server: string, tlsServerName?: string): Promise<unknown> {
  const { access } = connect({ kubeconfig: proxy.kubeconfig });
  const config = JSON.parse(access.kubeConfig.exportConfig());
  config.clusters[0].cluster.server = server;
  if (tlsServerName !== undefined) config.clusters[0].cluster['tls-server-name'] = tlsServerName;
  const { client: other } = connect({ kubeconfig: proxy.write(JSON.stringify(config)) });
  try {
    return await other.getPath('/version');
  } finally {
    await other.close();
  }
}
