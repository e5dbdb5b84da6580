import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Store, keyOf } from '../../../src/kube/store.ts';
import type { Stored } from '../../../src/kube/store.ts';

interface Pod extends Stored {
  readonly images: readonly string[];
}

function pod(name: string, resourceVersion: string, ...images: string[]): Pod {
  return { namespace: 'web', name, resourceVersion, images };
}

function names(found: Iterable<Pod>): string[] {
  return [...found].map((item) => item.name).toSorted();
}

function store(...pods: Pod[]): Store<Pod> {
  const made = new Store<Pod>({ image: (item) => item.images });
  for (const item of pods) made.put(item);
  return made;
}

describe('a store', () => {
  it('finds an object under each of its index values', () => {
    const pods = store(pod('a', '1', 'nginx', 'envoy'), pod('b', '1', 'nginx'));
    assert.deepEqual(names(pods.byIndex('image', 'nginx')), ['a', 'b']);
    assert.deepEqual(names(pods.byIndex('image', 'envoy')), ['a']);
    assert.deepEqual(names(pods.byIndex('image', 'redis')), []);
    assert.equal(pods.countByIndex('image', 'nginx'), 2);
  });

  it('takes each object anew, once, after it was told that what it holds is outdated', () => {
    const pods = store(pod('a', '1', 'nginx'));
    assert.equal(pods.put(pod('a', '1', 'redis')), undefined);
    pods.outdate();
    assert.equal(pods.put(pod('a', '1', 'redis'))?.type, 'updated');
    assert.deepEqual(names(pods.byIndex('image', 'redis')), ['a']);
    assert.equal(pods.put(pod('a', '1', 'envoy')), undefined);
  });

  it('files a changed object anew and forgets where it was', () => {
    const pods = store(pod('a', '1', 'nginx', 'envoy'));
    const change = pods.put(pod('a', '2', 'envoy', 'redis'));
    assert.equal(change?.type, 'updated');
    assert.deepEqual(names(pods.byIndex('image', 'nginx')), []);
    assert.deepEqual(names(pods.byIndex('image', 'envoy')), ['a']);
    assert.deepEqual(names(pods.byIndex('image', 'redis')), ['a']);
  });

  it('tells no change for the same version', () => {
    const pods = store(pod('a', '1', 'nginx'));
    assert.equal(pods.put(pod('a', '1', 'nginx')), undefined);
  });

  it('files a removed object nowhere', () => {
    const pods = store(pod('a', '1', 'nginx'));
    assert.deepEqual(pods.remove('web/a'), { type: 'deleted', key: 'web/a', old: pod('a', '1', 'nginx') });
    assert.equal(pods.remove('web/a'), undefined);
    assert.deepEqual([pods.size, pods.countByIndex('image', 'nginx')], [0, 0]);
  });

  it('replaced by a new list says exactly what differs', () => {
    const pods = store(pod('gone', '1'), pod('same', '1', 'nginx'), pod('new-version', '1', 'nginx'));
    const next = new Map([pod('same', '1', 'nginx'), pod('new-version', '2', 'envoy'), pod('new', '1', 'envoy')].map((item) => [keyOf(item), item]));
    const changes = pods.replace(next).map((change) => `${change.type} ${change.key}`);
    assert.deepEqual(changes.toSorted(), ['added web/new', 'deleted web/gone', 'updated web/new-version']);
    assert.deepEqual(names(pods.byIndex('image', 'envoy')), ['new', 'new-version']);
    assert.deepEqual([...pods.keys()].toSorted(), ['web/new', 'web/new-version', 'web/same']);
  });

  for (const [sentence, before] of Object.entries({ 'an empty one': [], 'one that has something': [pod('gone', '1', 'redis'), pod('same', '1', 'nginx')] })) {
    it(`takes over a state that was put together beside ${sentence}, files all of it, and says what that changed`, () => {
      const pods = store(...before);
      const next = pods.staging();
      for (const one of [pod('same', '1', 'nginx'), pod('new', '1', 'envoy')]) next.put(one);
      assert.deepEqual([pods.size, [...pods.byIndex('image', 'envoy')]], [before.length, []], 'nothing of it is there before it is whole');
      const known = before.length > 0;
      assert.deepEqual(pods.adopt(next).map(({ type, key }) => `${type} ${key}`), known ? ['deleted web/gone', 'added web/new'] : ['added web/same', 'added web/new']);
      assert.deepEqual([names(pods.byIndex('image', 'nginx')), names(pods.byIndex('image', 'envoy')), names(pods.byIndex('image', 'redis'))], [['same'], ['new'], []]);
      pods.put(pod('new', '2', 'redis'));
      assert.deepEqual([pods.size, names(pods.byIndex('image', 'envoy')), names(pods.byIndex('image', 'redis'))], [2, [], ['new']]);
    });
  }

  it('files a first list as it comes, and not once more when it is whole', () => {
    let filed = 0;
    const pods = new Store<Pod>({ image: ({ images }) => ((filed += 1), images) });
    const next = pods.staging();
    for (const name of ['a', 'b', 'c']) next.put(pod(name, '1', 'nginx'));
    assert.equal(filed, 3);
    assert.equal(pods.adopt(next).length, 3);
    assert.equal(filed, 3);
  });

  it('refuses an index that was not declared, instead of finding nothing', () => {
    assert.throws(() => [...store().byIndex('imgae', 'nginx')], /the store has no index "imgae"/);
  });

  it('keeps cluster-scoped objects under their name alone', () => {
    assert.equal(keyOf({ name: 'node' }), 'node');
    assert.equal(keyOf({ namespace: '', name: 'node' }), 'node');
    assert.equal(keyOf({ namespace: 'web', name: 'node' }), 'web/node');
  });
});
