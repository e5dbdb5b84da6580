import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/client.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { ObjectWatches } from '../../src/kube/object-watches.ts';
import type { WatchedRef } from '../../src/kube/watch-object.ts';
import { ManualClock } from '../support/manual-clock.ts';

/*
 * Each Secret and ConfigMap that a policy names is followed by a connection of its own. Whoever may write policies in one namespace can name any number of
 * them, and make each as large as the API server takes; the places and the memory are for all namespaces, and the operator's own is never crowded out.
 */

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const refs = (namespace: string, count: number, from = 0): WatchedRef[] => Array.from({ length: count }, (_, index) => ({ resource: CONFIG_MAPS, namespace, name: `root-${index + from}` }));

/** An API server that opens each watch and says of each object what a test says. */
function serving(object: (name: string) => KubeObject): KubeClient {
  const waiting = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  return {
    get: (_: Resource, { name }: { name: string }) => Promise.resolve(object(name)),
    watch: async (_: Resource, { onOpen, signal }: { onOpen: () => void; signal: AbortSignal }) => {
      onOpen();
      await waiting(signal);
    },
  } as unknown as KubeClient;
}

const small = (name: string): KubeObject => ({ metadata: { namespace: 'a', name, uid: name, resourceVersion: '1' } });

async function watching(work: (watches: ObjectWatches<KubeObject>) => Promise<void>, object = small): Promise<void> {
  const watches = new ObjectWatches<KubeObject>({ client: serving(object), clock: new ManualClock(), onChange: () => undefined, reserved: 'assay-system' });
  try {
    await work(watches);
  } finally {
    await watches.stop();
  }
}

const followed = async (watches: ObjectWatches<KubeObject>, wanted: readonly WatchedRef[]): Promise<number> => {
  await nextTurn();
  return wanted.filter((ref) => watches.state(ref).known === 'present').length;
};

describe('the references of one namespace', () => {
  test('take no more than its share of the places, whatever the number of its policies, and the rest is told', () =>
    watching(async (watches) => {
      for (let index = 0; index < 40; index += 1) watches.want(`policy-${index}`, refs('greedy', 32, index * 32));
      watches.want('modest', refs('modest', 3));
      assert.equal(await followed(watches, refs('greedy', 1280)), 64);
      assert.equal(await followed(watches, refs('modest', 3)), 3);
      assert.match(JSON.stringify(watches.state({ resource: CONFIG_MAPS, namespace: 'greedy', name: 'root-1279' })), /more than 64 Secrets and ConfigMaps of this namespace/);
    }));

  test('of many namespaces take no place of the operator’s own', () =>
    watching(async (watches) => {
      for (let index = 0; index < 20; index += 1) watches.want(`policy-${index}`, refs(`greedy-${index}`, 64));
      watches.want('fleet', refs('assay-system', 100));
      assert.equal(watches.size, 612);
      assert.equal(await followed(watches, refs('assay-system', 100)), 100);
    }));

  test('get the places that others leave', () =>
    watching(async (watches) => {
      watches.want('first', refs('a', 64));
      watches.want('second', refs('a', 10, 64));
      assert.equal(await followed(watches, refs('a', 74)), 64);
      watches.want('first', refs('a', 4));
      assert.equal(await followed(watches, refs('a', 10, 64)), 10);
    }));

  test('are not kept where they are too large, which is told', () =>
    watching(
      async (watches) => {
        watches.want('policy', refs('a', 1));
        await nextTurn();
        const state = JSON.stringify(watches.state(refs('a', 1)[0] ?? assert.fail()));
        assert.ok(state.length < 300 && state.includes('it is larger than'), state.slice(0, 300));
      },
      (name) => ({ ...small(name), data: { 'trusted_root.json': ' '.repeat(900 * 1024) } }) as KubeObject,
    ));
});
