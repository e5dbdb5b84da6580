import assert from 'node:assert/strict';
import test from 'node:test';
import { WORKLOAD_KINDS } from '../../../src/api/workload-kinds.ts';

test('the watched kinds are those of the documentation', () => {
  assert.deepEqual(
    WORKLOAD_KINDS.map(({ kind }) => kind).toSorted(),
    ['CronJob', 'DaemonSet', 'Deployment', 'Job', 'Pod', 'ReplicaSet', 'ReplicationController', 'StatefulSet'],
  );
});

test('a Job cannot be patched, of a Pod the image of its containers only', () => {
  const patchable = Object.fromEntries(WORKLOAD_KINDS.map((kind) => [kind.kind, kind.patchable]));
  assert.deepEqual(patchable['Job'], []);
  assert.deepEqual(patchable['Pod'], ['containers', 'initContainers']);
  assert.deepEqual(patchable['Deployment'], ['containers', 'initContainers', 'volumes']);
});

test('kinds that other watched kinds make are marked', () => {
  assert.deepEqual(
    WORKLOAD_KINDS.filter(({ mayBeOwned }) => mayBeOwned).map(({ kind }) => kind).toSorted(),
    ['Job', 'Pod', 'ReplicaSet', 'ReplicationController'],
  );
});
