import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackoffOptions } from '../../src/base/backoff.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import type { ReflectorProblem, ReflectorRecord } from '../../src/kube/recovery.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import type { Change, Stored } from '../../src/kube/store.ts';
import { cluster } from '../support/cluster.ts';
import type { Cluster } from '../support/cluster.ts';
import { until } from '../support/until.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy, SeenRequest } from '../support/fault-proxy.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const FAST = { base: 50, factor: 2, max: 400 };

interface Kept extends Stored {
  readonly value: string | undefined;
}

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

let real: Cluster;
let direct: KubeClient;
let proxy: FaultProxy;
let client: KubeClient;

before(async () => {
  real = await cluster();
  direct = connect({ kubeconfig: real.adminKubeconfig }).client;
  proxy = await startFaultProxy(real);
  client = connect({ kubeconfig: proxy.kubeconfig }).client;
});

after(async () => {
  await client.close();
  await direct.close();
  await proxy.stop();
});

interface Watched {
  readonly reflector: Reflector<Kept, ConfigMap>;
  readonly namespace: string;
  readonly changes: Change<Kept>[];
  readonly lists: ReflectorRecord[];
  readonly watches: ReflectorRecord[];
  readonly problems: (ReflectorProblem | undefined)[];
  readonly errors: unknown[];
  put(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Requests of this reflector. */
  readonly here: (request: SeenRequest) => boolean;
  readonly listHere: (request: SeenRequest) => boolean;
  readonly watchHere: (request: SeenRequest) => boolean;
}

interface Given {
  readonly through?: KubeClient;
  readonly inactivity?: number;
  readonly backoff?: BackoffOptions;
  readonly pageSize?: number;
  readonly resource?: Resource;
  readonly labelSelector?: string;
}

/** A reflector of the ConfigMaps of a namespace of its own, behind the proxy, not started. */
async function reflect(given: Given = {}): Promise<Watched> {
  const namespace = await real.namespace('reflector');
  const changes: Change<Kept>[] = [];
  const lists: ReflectorRecord[] = [];
  const watches: ReflectorRecord[] = [];
  const problems: (ReflectorProblem | undefined)[] = [];
  const errors: unknown[] = [];
  const reflector = new Reflector<Kept, ConfigMap>({
    client: given.through ?? client,
    clock: systemClock,
    resource: given.resource ?? CONFIG_MAPS,
    namespace,
    backoff: given.backoff ?? FAST,
    inactivity: given.inactivity ?? 150_000,
    pageSize: given.pageSize ?? 500,
    ...(given.labelSelector === undefined ? {} : { labelSelector: given.labelSelector }),
    indexes: { value: (kept) => (kept.value === undefined ? [] : [kept.value]) },
    project: ({ metadata, data }) => {
      if (metadata.labels?.['poison'] !== undefined) throw new Error('the projection does not like it');
      if (metadata.labels?.['skip'] !== undefined) return undefined;
      return { namespace: metadata.namespace ?? '', name: metadata.name, resourceVersion: metadata.resourceVersion ?? '', value: data?.['value'] };
    },
    hooks: {
      onList: (_resource, record) => lists.push(record),
      onWatch: (_resource, record) => watches.push(record),
      onProblem: (_resource, problem) => problems.push(problem),
      onHandlerError: (_resource, error) => errors.push(error),
    },
  });
  reflector.subscribe((change) => changes.push(change));
  const here = (request: SeenRequest): boolean => request.url.includes(`/namespaces/${namespace}/`);
  return {
    reflector,
    namespace,
    changes,
    lists,
    watches,
    problems,
    errors,
    here,
    listHere: (request) => here(request) && !request.watch && request.method === 'GET',
    watchHere: (request) => here(request) && request.watch,
    put: async (name, value) => {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } };
      await direct.patch(CONFIG_MAPS, { namespace, name }, { type: 'apply', body, force: true }, { fieldManager: 'test' });
    },
    remove: (name) => direct.delete(CONFIG_MAPS, { namespace, name }),
  };
}

async function watching(given: Given = {}): Promise<Watched> {
  const watched = await reflect(given);
  await watched.put('before', '1');
  watched.reflector.start();
  await watched.reflector.whenSynced();
  await until(() => proxy.openWatches(watched.watchHere) === 1, 'the watch is open');
  return watched;
}

function summary(changes: readonly Change<Kept>[]): string[] {
  return changes.map((change) => `${change.type} ${change.key.split('/')[1]}${change.type === 'deleted' ? '' : ` ${change.value.value}`}`);
}

function bookmark(resourceVersion: string): string {
  return JSON.stringify({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } } });
}

function errorFrame(code: number, reason: string): string {
  return JSON.stringify({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `${reason}, says the proxy` } });
}

interface Fault {
  /** What happens to the open watch, or stands in the way of what follows it. */
  readonly happens: (watched: Watched) => void;
  /** What has to be seen afterwards, besides the next event. */
  readonly seen?: (watched: Watched) => void;
  readonly inactivity?: number;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'the server ends the watch': { happens: (w) => proxy.endWatches(w.watchHere), seen: (w) => assert.equal(w.lists.length, 1) },
  'the connection is reset': {
    happens: (w) => proxy.resetWatches(w.watchHere),
    seen: (w) => {
      assert.equal(w.watches[0]?.code, 'Unreachable');
      assert.equal(w.lists.length, 1);
    },
  },
  'an ERROR 410 comes in the stream, which stays open': {
    happens: (w) => proxy.inject(errorFrame(410, 'Expired'), w.watchHere),
    seen: (w) => {
      assert.equal(w.watches[0]?.code, 'Gone');
      assert.equal(w.lists.length, 2);
    },
  },
  'the watch is answered with 410': {
    happens: (w) => {
      proxy.answer(w.watchHere, { status: 410, body: '{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}' });
      proxy.endWatches(w.watchHere);
    },
    seen: (w) => assert.equal(w.lists.length, 2),
  },
  'an ERROR 500 comes in the stream, which stays open': {
    happens: (w) => proxy.inject(errorFrame(500, 'InternalError'), w.watchHere),
    seen: (w) => assert.equal(w.watches[0]?.code, 'ServerError'),
  },
  'a line is garbage': {
    happens: (w) => proxy.inject('{"type":"ADDED","object":{"meta', w.watchHere),
    seen: (w) => {
      assert.equal(w.watches[0]?.code, 'BadResponse');
      assert.equal(w.lists.length, 1, 'it resumes and does not list');
    },
  },
  'a line has no object': { happens: (w) => proxy.inject('{"type":"ADDED"}', w.watchHere), seen: (w) => assert.equal(w.watches[0]?.code, 'BadResponse') },
  'a line is null': { happens: (w) => proxy.inject('null', w.watchHere), seen: (w) => assert.equal(w.watches[0]?.code, 'BadResponse') },
  'an event is cut off and the answer ends': { happens: (w) => proxy.truncateNext(w.watchHere), seen: (w) => assert.equal(w.watches[0]?.code, 'BadResponse') },
  'the watch is answered with 500': {
    happens: (w) => {
      proxy.answer(w.watchHere, { status: 500, body: 'not even JSON' }, 3);
      proxy.endWatches(w.watchHere);
    },
    seen: (w) => assert.deepEqual(w.watches.slice(1, 4).map((watch) => watch.code), ['ServerError', 'ServerError', 'ServerError']),
  },
  'the list after a 410 is answered with 500': {
    happens: (w) => {
      proxy.answer(w.listHere, { status: 500 }, 2);
      proxy.inject(errorFrame(410, 'Expired'), w.watchHere);
    },
    seen: (w) => assert.deepEqual(w.lists.map((list) => list.code), ['ok', 'ServerError', 'ServerError', 'ok']),
  },
  'the list after a 410 is reset': {
    happens: (w) => {
      proxy.reset(w.listHere, 6);
      proxy.inject(errorFrame(410, 'Expired'), w.watchHere);
    },
    seen: (w) => assert.ok(w.lists.some((list) => list.code === 'Unreachable')),
  },
  'the watch is refused with 401 once': {
    happens: (w) => {
      proxy.answer(w.watchHere, { status: 401 });
      proxy.endWatches(w.watchHere);
    },
    seen: (w) => assert.equal(w.lists.length, 1),
  },
  'the stream falls silent': {
    inactivity: 700,
    happens: (w) => proxy.silence(w.watchHere),
    seen: (w) => assert.equal(w.watches[0]?.code, 'Timeout'),
  },
  'the resource version goes back, as after a restored etcd': {
    happens: (w) => proxy.inject(bookmark('1'), w.watchHere),
    seen: (w) => {
      assert.equal(w.watches[0]?.code, 'Gone');
      assert.equal(w.lists.length, 2);
    },
  },
};

const BOUND = { timeout: 60_000 };

describe('a reflector sees the next event by itself after', BOUND, () => {
  for (const [name, fault] of Object.entries(FAULTS)) {
    it(name, async () => {
      const watched = await watching(fault.inactivity === undefined ? {} : { inactivity: fault.inactivity });
      try {
        fault.happens(watched);
        await watched.put('after', '2');
        const key = `${watched.namespace}/after`;
        await until(() => watched.reflector.store.get(key)?.value === '2', 'the event after the fault');
        fault.seen?.(watched);
        assert.deepEqual(summary(watched.changes), ['added before 1', 'added after 2'], 'each change is told once');
        await until(() => watched.reflector.problem === undefined, 'the problem is over');
      } finally {
        await watched.reflector.stop();
      }
    });
  }
});

describe('a reflector whose server was away', BOUND, () => {
  it('lists at once when the server is back and does not know its version any more', async () => {
    const watched = await watching({ backoff: { base: 3000, factor: 1, max: 3000 } });
    try {
      proxy.reset(watched.watchHere);
      proxy.answer(({ url, watch }) => watch && url.includes(watched.namespace) && watched.watches.length >= 2, { status: 410, body: '{"kind":"Status","code":410,"reason":"Expired"}' });
      proxy.endWatches(watched.watchHere);
      await watched.put('after', '2');
      await until(() => watched.watches.at(-1)?.code === 'Gone', 'the answer that the version is too old');
      assert.deepEqual(watched.watches.map(({ code }) => code), ['ok', 'Unreachable', 'Gone']);
      await until(() => watched.reflector.store.get(`${watched.namespace}/after`) !== undefined, 'the list', 1000);
    } finally {
      await watched.reflector.stop();
    }
  });
});

describe('a reflector that the server asks to wait', BOUND, () => {
  for (const what of ['watch', 'list'] as const) {
    it(`tries its ${what} again no sooner than Retry-After says`, async () => {
      const watched = await watching();
      try {
        const refused = what === 'watch' ? watched.watchHere : watched.listHere;
        proxy.answer(refused, { status: 429, headers: { 'retry-after': '1' } });
        const begun = performance.now();
        if (what === 'watch') proxy.endWatches(watched.watchHere);
        else proxy.inject(errorFrame(410, 'Expired'), watched.watchHere);
        await watched.put('after', '2');
        await until(() => watched.reflector.store.get(`${watched.namespace}/after`) !== undefined, 'the event after the wait');
        assert.ok(performance.now() - begun >= 990, `it waited ${performance.now() - begun} ms`);
        if (what === 'watch') assert.equal(watched.problems[0]?.code ?? watched.problems[1]?.code, 'TooManyRequests');
      } finally {
        await watched.reflector.stop();
      }
    });
  }
});

describe('a reflector', BOUND, () => {
  it('keeps its content until a new list is complete, and then tells the difference only', async () => {
    const watched = await reflect({ pageSize: 1 });
    try {
      await watched.put('changed', '1');
      await watched.put('deleted', '1');
      await watched.put('kept', '1');
      watched.reflector.start();
      await until(() => proxy.openWatches(watched.watchHere) === 1, 'the watch is open');
      assert.equal(watched.lists[0]?.count, 3);
      watched.changes.length = 0;
      const secondPage = (request: SeenRequest): boolean => watched.listHere(request) && request.url.includes('continue=');
      const release = proxy.hold(secondPage);
      const releaseWatch = proxy.hold(watched.watchHere);
      proxy.inject(errorFrame(410, 'Expired'), watched.watchHere);
      proxy.silence(watched.watchHere);
      await watched.remove('deleted');
      await watched.put('changed', '2');
      await watched.put('new', '1');
      await until(() => proxy.seen.some(secondPage) && watched.watches.length > 0, 'the second page is asked for');
      assert.equal(watched.reflector.store.size, 3);
      assert.equal(watched.reflector.store.get(`${watched.namespace}/deleted`)?.value, '1');
      release();
      releaseWatch();
      await until(() => watched.changes.length >= 3, 'the difference');
      assert.deepEqual(new Set(summary(watched.changes)), new Set(['deleted deleted', 'updated changed 2', 'added new 1']));
      assert.deepEqual([...watched.reflector.store.byIndex('value', '2')].map((kept) => kept.name), ['changed']);
    } finally {
      await watched.reflector.stop();
    }
  });

  it('lists again when the same event cannot be read twice', async () => {
    const watched = await watching();
    try {
      proxy.inject('garbage', watched.watchHere);
      const opened = (): number => proxy.seen.filter((request) => request.watch && watched.watchHere(request)).length;
      await until(() => watched.watches.length === 1 && opened() === 2, 'it resumes');
      // The old one counts as open until the proxy hears that it was ended, and the new one only when it is answered.
      await sleep(500);
      await until(() => proxy.openWatches(watched.watchHere) === 1, 'the new watch alone is open');
      assert.equal(watched.lists.length, 1);
      proxy.inject('garbage', watched.watchHere);
      await until(() => watched.lists.length === 2, 'it lists');
      await watched.put('after', '2');
      await until(() => watched.reflector.store.get(`${watched.namespace}/after`) !== undefined, 'the next event');
    } finally {
      await watched.reflector.stop();
    }
  });

  it('goes on when a handler or the projection throws', async () => {
    const watched = await watching();
    try {
      watched.reflector.subscribe(() => {
        throw new Error('a handler that throws');
      });
      await watched.put('after', '2');
      await until(() => watched.changes.length === 2, 'the handler beside it is told');
      assert.match(String(watched.errors.at(-1)), /a handler that throws/);
      await direct.create(CONFIG_MAPS, watched.namespace, { metadata: { name: 'poison', labels: { poison: '' } } });
      await watched.put('later', '3');
      await until(() => watched.reflector.store.get(`${watched.namespace}/later`) !== undefined, 'the next event');
      assert.ok(watched.errors.some((error) => String(error).includes('the projection does not like it')));
    } finally {
      await watched.reflector.stop();
    }
  });

  it('forgets an object that the projection no longer wants, and tells a late subscriber all that is there', async () => {
    const watched = await watching();
    try {
      await direct.patch(CONFIG_MAPS, { namespace: watched.namespace, name: 'before' }, { type: 'merge', body: { metadata: { labels: { skip: '' } } } });
      await until(() => watched.reflector.store.size === 0, 'it is forgotten');
      await watched.put('other', '2');
      await until(() => watched.reflector.store.size === 1, 'the other is there');
      const late: Change<Kept>[] = [];
      const leave = watched.reflector.subscribe((change) => late.push(change));
      assert.deepEqual(summary(late), ['added other 2']);
      leave();
      await watched.remove('other');
      await until(() => watched.reflector.store.size === 0, 'the other is gone');
      assert.equal(late.length, 1);
      assert.deepEqual(summary(watched.changes), ['added before 1', 'deleted before', 'added other 2', 'deleted other']);
    } finally {
      await watched.reflector.stop();
    }
  });

  it('asks for a page that is too large in halves', async () => {
    const watched = await reflect({ pageSize: 4 });
    try {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await watched.put(name, 'x');
      proxy.answer((request) => watched.listHere(request) && request.url.includes('limit=4'), { status: 413 }, 9);
      watched.reflector.start();
      await watched.reflector.whenSynced();
      assert.equal(watched.reflector.store.size, 5);
    } finally {
      await watched.reflector.stop();
    }
  });

  it('says that its kind is missing, and begins when the CRD is there', async () => {
    const group = `${(await real.namespace('crd')).replaceAll('-', '')}.example.com`;
    const things: Resource = { group, version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
    const watched = await reflect({ resource: things });
    try {
      watched.reflector.start();
      await until(() => watched.reflector.problem !== undefined, 'the problem');
      assert.equal(watched.reflector.problem?.code, 'NotFound');
      assert.equal(watched.reflector.problem?.message, `the API server has no things.${group} in ${group}/v1: install its CustomResourceDefinition`);
      assert.equal(watched.reflector.hasSynced, false);
      const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
      const crd = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `things.${group}` },
        spec: { group, scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema }] },
      };
      const applied = await real.kubectl(['create', '-f', '-'], JSON.stringify(crd));
      assert.equal(applied.code, 0, applied.stderr);
      await watched.reflector.whenSynced();
      await direct.create(things, watched.namespace, { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 'one' }, data: { value: '1' } });
      await until(() => watched.reflector.store.size === 1, 'the first thing');
      assert.equal(watched.reflector.problem, undefined);
    } finally {
      await watched.reflector.stop();
    }
  });

  it('says which verb on which resource RBAC lacks, and begins when it is granted', async () => {
    const user = `reader-${process.pid}`;
    const through = connect({ kubeconfig: await real.userKubeconfig(user) }).client;
    const watched = await reflect({ through });
    try {
      watched.reflector.start();
      await until(() => watched.reflector.problem !== undefined, 'the problem');
      assert.equal(watched.reflector.problem?.code, 'Forbidden');
      assert.match(watched.reflector.problem?.message ?? '', new RegExp(`User "${user}" cannot list resource "configmaps" in API group "" in the namespace "${watched.namespace}"`));
      const role = ['create', 'role', 'reader', '-n', watched.namespace, '--resource=configmaps'];
      await real.kubectl([...role, '--verb=list']);
      await real.kubectl(['create', 'rolebinding', 'reader', '-n', watched.namespace, '--role=reader', `--user=${user}`]);
      await until(() => watched.reflector.problem?.verb === 'watch', 'list is granted, watch is not');
      assert.match(watched.reflector.problem?.message ?? '', /cannot watch resource "configmaps"/);
      assert.equal(watched.reflector.hasSynced, true);
      await real.kubectl(['patch', 'role', 'reader', '-n', watched.namespace, '--type=json', '-p', '[{"op":"add","path":"/rules/0/verbs/-","value":"watch"}]']);
      await until(() => watched.reflector.problem === undefined, 'all is granted');
      await watched.put('after', '2');
      await until(() => watched.reflector.store.size === 1, 'the event');
    } finally {
      await watched.reflector.stop();
      await through.close();
    }
  });

  it('knows how long ago it heard of the server', async () => {
    const watched = await watching();
    try {
      const age = watched.reflector.lastEventAge() ?? Number.NaN;
      await new Promise((resolve) => setTimeout(resolve, 60));
      assert.ok((watched.reflector.lastEventAge() ?? 0) >= age + 50);
      await watched.put('after', '2');
      await until(() => (watched.reflector.lastEventAge() ?? 1000) < 50, 'an event makes it young');
    } finally {
      await watched.reflector.stop();
    }
  });
});

describe('a stopped reflector leaves nothing running', BOUND, () => {
  const moments: Readonly<Record<string, (watched: Watched) => Promise<void>>> = {
    'before it was started': async () => undefined,
    'in the moment of its start': async (watched) => watched.reflector.start(),
    'while it lists': async (watched) => {
      proxy.hold(watched.listHere);
      watched.reflector.start();
      await until(() => proxy.seen.some(watched.listHere), 'the list is under way');
    },
    'while its watch is opened': async (watched) => {
      proxy.hold(watched.watchHere);
      watched.reflector.start();
      await until(() => proxy.seen.some(watched.watchHere), 'the watch is asked for');
    },
    'while it watches': async (watched) => {
      watched.reflector.start();
      await until(() => proxy.openWatches(watched.watchHere) === 1, 'the watch is open');
    },
    'while it waits to try again': async (watched) => {
      proxy.answer(watched.listHere, { status: 503, headers: { 'retry-after': '20' } }, 100);
      watched.reflector.start();
      await until(() => proxy.seen.some(watched.listHere), 'it was refused');
    },
  };
  for (const [name, moment] of Object.entries(moments)) {
    it(name, async () => {
      const watched = await reflect();
      await moment(watched);
      const begun = performance.now();
      await watched.reflector.stop();
      assert.ok(performance.now() - begun < 500, 'it stops at once');
      await until(() => proxy.openWatches(watched.watchHere) === 0, 'no watch is left');
      const asked = proxy.seen.filter(watched.here).length;
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.equal(proxy.seen.filter(watched.here).length, asked, 'nothing is asked any more');
      const synced = watched.reflector.whenSynced();
      await (watched.reflector.hasSynced ? synced : assert.rejects(synced, /was stopped/));
    });
  }
});
