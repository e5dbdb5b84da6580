import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import { ObjectWatches } from '../../src/kube/object-watches.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { ObjectWatch } from '../../src/kube/watch-object.ts';
import type { ObjectState, WatchedRef } from '../../src/kube/watch-object.ts';
import { cluster } from '../support/cluster.ts';
import type { Cluster } from '../support/cluster.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy, SeenRequest } from '../support/fault-proxy.ts';
import { until } from '../support/until.ts';

const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
const FAST = { base: 50, factor: 2, max: 200 };
const BOUND = { timeout: 60_000 };

interface Secret extends KubeObject {
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

async function put(ref: WatchedRef, value: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: ref.name }, stringData: { value } };
  await direct.patch(SECRETS, ref, { type: 'apply', body, force: true }, { fieldManager: 'test' });
}

function told(state: ObjectState<Secret>): string {
  const what = state.known === 'present' ? Buffer.from(state.object.data?.['value'] ?? '', 'base64').toString() : state.known;
  return state.problem === undefined ? what : `${what}, ${state.problem.code}`;
}

interface Followed {
  readonly watch: ObjectWatch<Secret>;
  readonly ref: WatchedRef;
  readonly states: string[];
  readonly gets: (request: SeenRequest) => boolean;
  readonly watches: (request: SeenRequest) => boolean;
}

/** A watch of a Secret of a namespace of its own, not started. */
async function follow(through = client, inactivity = 150_000): Promise<Followed> {
  const ref = { resource: SECRETS, namespace: await real.namespace('object'), name: 'key' };
  const states: string[] = [];
  const watch = new ObjectWatch<Secret>({ client: through, clock: systemClock, ref, backoff: FAST, inactivity, onChange: (state) => states.push(told(state)) });
  const here = (request: SeenRequest): boolean => request.url.includes(`/${ref.namespace}/`);
  return { watch, ref, states, gets: (request) => here(request) && !request.watch, watches: (request) => here(request) && request.watch };
}

describe('the watch of one object', BOUND, () => {
  it('tells that it is absent, there, changed, deleted and there again', async () => {
    const { watch, ref, states } = await follow();
    watch.start();
    try {
      await until(() => states.at(-1) === 'absent', 'absent');
      await put(ref, '1');
      await until(() => states.at(-1) === '1', 'there');
      await put(ref, '2');
      await until(() => states.at(-1) === '2', 'changed');
      await direct.delete(SECRETS, ref);
      await until(() => states.at(-1) === 'absent', 'deleted');
      await put(ref, '3');
      await until(() => states.at(-1) === '3', 'there again');
      assert.deepEqual(states, ['absent', '1', '2', 'absent', '3']);
    } finally {
      await watch.stop();
    }
  });

  it('says nothing before the API server has: silence is not absence', async () => {
    const { watch, states, gets } = await follow();
    const release = proxy.hold(gets);
    watch.start();
    try {
      await until(() => proxy.seen.some(gets), 'it asks');
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.deepEqual(states, []);
      assert.equal(watch.state.known, 'unknown');
      release();
      await until(() => states.length === 1, 'the answer');
      assert.deepEqual(states, ['absent']);
    } finally {
      await watch.stop();
    }
  });

  it('does not take an object for absent that was created while it began', async () => {
    const { watch, ref, states, gets } = await follow();
    proxy.answer(gets, { status: 404, body: '{"kind":"Status","code":404,"reason":"NotFound"}' });
    await put(ref, '1');
    watch.start();
    try {
      await until(() => states.at(-1) === '1', 'there');
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(states.at(-1), '1');
    } finally {
      await watch.stop();
    }
  });

  const faults: Readonly<Record<string, (followed: Followed) => void>> = {
    'the server ends the watch': ({ watches }) => proxy.endWatches(watches),
    'the connection is reset': ({ watches }) => proxy.resetWatches(watches),
    'an ERROR comes': ({ watches }) => proxy.inject('{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}', watches),
    'garbage comes': ({ watches }) => proxy.inject('garbage', watches),
    'the answers are 500': ({ gets, watches }) => {
      proxy.answer(gets, { status: 500 }, 2);
      proxy.answer(watches, { status: 500 }, 2);
      proxy.endWatches(watches);
    },
    'the stream falls silent': ({ watches }) => proxy.silence(watches),
  };
  for (const [name, happens] of Object.entries(faults)) {
    it(`keeps what it knows when ${name}, and sees what came meanwhile`, async () => {
      const followed = await follow(client, name.includes('silent') ? 700 : 150_000);
      const { watch, ref, states, watches } = followed;
      await put(ref, '1');
      watch.start();
      try {
        await until(() => proxy.openWatches(watches) === 1 && states.at(-1) === '1', 'there');
        happens(followed);
        await put(ref, '2');
        await until(() => states.at(-1) === '2', 'the change');
        assert.ok(states.every((state) => /^[12]/.test(state)), `known throughout: ${states.join('; ')}`);
      } finally {
        await watch.stop();
      }
    });
  }

  it('sees a deletion that happened while it was cut off', async () => {
    const { watch, ref, states, watches } = await follow();
    await put(ref, '1');
    watch.start();
    try {
      await until(() => proxy.openWatches(watches) === 1 && states.at(-1) === '1', 'there');
      const release = proxy.hold(watches);
      proxy.resetWatches(watches);
      await direct.delete(SECRETS, ref);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.notEqual(watch.state.known, 'absent');
      release();
      await until(() => states.at(-1) === 'absent', 'deleted');
    } finally {
      await watch.stop();
    }
  });

  it('needs get and watch on that one name, and says when it lacks them', async () => {
    const user = `follower-${process.pid}`;
    const through = connect({ kubeconfig: await real.userKubeconfig(user) }).client;
    const { watch, ref, states } = await follow(through);
    await put(ref, '1');
    watch.start();
    try {
      await until(() => states.at(-1) === 'unknown, Forbidden', 'forbidden');
      assert.match(watch.state.problem?.message ?? '', new RegExp(`User "${user}" cannot watch resource "secrets" in API group "" in the namespace "${ref.namespace}"`));
      await real.kubectl(['create', 'role', 'one-secret', '-n', ref.namespace, '--resource=secrets', '--resource-name=key', '--verb=get,watch']);
      await real.kubectl(['create', 'rolebinding', 'one-secret', '-n', ref.namespace, '--role=one-secret', `--user=${user}`]);
      await until(() => states.at(-1) === '1', 'there');
    } finally {
      await watch.stop();
      await through.close();
    }
  });

  it('leaves nothing running when it is stopped, also while its get is under way', async () => {
    const { watch, gets, watches } = await follow();
    proxy.hold(gets);
    watch.start();
    await until(() => proxy.seen.some(gets), 'it asks');
    await watch.stop();
    await until(() => proxy.openWatches(watches) === 0, 'no watch is left');
  });
});

describe('the objects that policies name', BOUND, () => {
  it('are watched once each, and only as long as somebody wants them', async () => {
    const namespace = await real.namespace('objects');
    const [a, b]: readonly WatchedRef[] = ['a', 'b'].map((name) => ({ resource: SECRETS, namespace, name }));
    assert.ok(a !== undefined && b !== undefined);
    const heard: string[] = [];
    const watches = new ObjectWatches<Secret>({ client, clock: systemClock, backoff: FAST, onChange: (ref, owners) => heard.push(`${ref.name}: ${owners.join()}`) });
    const here = (request: SeenRequest): boolean => request.watch && request.url.includes(`/${namespace}/`);
    try {
      watches.want('policy-1', [a, b]);
      watches.want('policy-2', [a]);
      await until(() => proxy.openWatches(here) === 2, 'two watches for three wishes');
      await until(() => watches.state(a).known === 'absent' && watches.state(b).known === 'absent', 'both are known to be absent');
      heard.length = 0;
      await put(a, '1');
      await until(() => watches.state(a).known === 'present', 'a is there');
      assert.deepEqual(heard, ['a: policy-1,policy-2']);
      watches.want('policy-1', [b]);
      assert.equal(watches.size, 2);
      watches.want('policy-2', []);
      assert.equal(watches.size, 1);
      await until(() => proxy.openWatches(here) === 1, 'a is let go');
      assert.equal(watches.state(a).known, 'unknown');
    } finally {
      await watches.stop();
    }
    await until(() => proxy.openWatches(here) === 0, 'nothing is left');
    watches.want('policy-3', [a]);
    assert.equal(watches.size, 0, 'stopped for good');
  });

  it('are bounded; who came too late is told so, and comes in when there is room', async () => {
    const namespace = await real.namespace('objects');
    const [a, b]: readonly WatchedRef[] = ['a', 'b'].map((name) => ({ resource: SECRETS, namespace, name }));
    assert.ok(a !== undefined && b !== undefined);
    const watches = new ObjectWatches<Secret>({ client, clock: systemClock, limit: 1, backoff: FAST, onChange: () => undefined });
    try {
      watches.want('policy-1', [a]);
      watches.want('policy-2', [b]);
      assert.equal(watches.size, 1);
      assert.match(watches.state(b).problem?.message ?? '', /more than 1 Secrets and ConfigMaps are named by policies/);
      watches.want('policy-1', []);
      await until(() => watches.state(b).known === 'absent', 'b is followed');
    } finally {
      await watches.stop();
    }
  });
});
