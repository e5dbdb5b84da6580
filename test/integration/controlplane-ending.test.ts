import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, describe, it } from 'node:test';
import { binaries } from '../../hack/controlplane/binaries.ts';
import { ownedPids, temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { freePort } from '../../hack/controlplane/ports.ts';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { clusterAt } from '../support/cluster.ts';
import { gone, owner } from '../support/owners.ts';
import { takenPort } from '../support/taken-port.ts';

/** The directories of control planes that this process has. */
function leftFiles(): string[] {
  return readdirSync(dirname(temporaryDirectory('look'))).filter((name) => name.startsWith('controlplane-'));
}

describe('a control plane never outlives its owner', { concurrency: 3 }, () => {
  const cases = {
    'Ctrl-C while etcd starts': { processes: 1, signal: 'SIGINT' },
    'Ctrl-C while the API server starts': { processes: 2, signal: 'SIGINT' },
    'Ctrl-C when all is up': { processes: 3, signal: 'SIGINT' },
    'SIGTERM in the middle of the start': { processes: 2, signal: 'SIGTERM' },
    'SIGKILL in the middle of the start': { processes: 2, signal: 'SIGKILL' },
    'SIGKILL when all is up': { processes: 3, signal: 'SIGKILL' },
  } as const;
  for (const [sentence, { processes, signal }] of Object.entries(cases)) {
    it(`after ${sentence} no process and no file is left`, async () => {
      const { child, directory, until, ended } = await owner();
      const pids = await until(processes);
      child.kill(signal);
      assert.equal(await ended, signal, 'it dies of the signal, so that shells and CI see why');
      if (signal !== 'SIGKILL') assert.equal(existsSync(directory), false, 'what it can clear away itself is gone before it is');
      await gone(pids, directory);
    });
  }

  it('after an uncaught exception in the middle of the start no process and no file is left', async () => {
    const { directory, until, ended } = await owner('crash-at=2');
    const pids = await until(2);
    assert.equal(await ended, 'code 1');
    assert.equal(existsSync(directory), false, 'what it can clear away itself is gone before it is');
    await gone(pids, directory);
  });
});

describe('starting a control plane', () => {
  it('asks for other ports when another process has taken one, and leaves nothing of the first attempt', async () => {
    const thief = await takenPort();
    let asked = 0;
    // The third port of the first attempt is etcd's peer port, the first one of the second attempt is the API server's.
    const port = async (): Promise<number> => ([2, 3].includes(asked++) ? thief.port : freePort());
    const plane = await startControlPlane({ port }).finally(() => thief.close());
    try {
      assert.equal(asked, 9);
      assert.equal(plane.pids().length, 3);
      assert.equal((await plane.kubectl(['get', 'namespaces'])).code, 0);
    } finally {
      await plane.stop();
    }
  });

  it('says which server failed and shows the end of its log, and leaves nothing behind', async () => {
    const programs = { ...(await binaries()), 'kube-apiserver': '/bin/false' };
    await assert.rejects(startControlPlane({ binaries: programs }), /^ServerFailed: kube-apiserver ended before it was ready; the end of .*kube-apiserver\.log/);
    assert.deepEqual(leftFiles(), []);
    assert.deepEqual(ownedPids(), []);
  });
});

describe('a control plane of a test\'s own can be broken', () => {
  let plane: ControlPlane | undefined;
  after(() => plane?.stop());

  it('comes back on the same port with the same objects after the API server was killed', async () => {
    plane = await startControlPlane();
    const api = clusterAt(plane.connection);
    const namespace = await api.namespace('outage');
    await plane.apiServer.stop();
    assert.equal(plane.pids().length, 2);
    assert.match((await api.kubectl(['get', 'namespaces'])).stderr, /refused/);
    await plane.apiServer.start();
    assert.equal((await api.kubectl(['get', 'namespace', namespace])).code, 0);
  });

  it('forgets all objects and counts resource versions from the beginning when etcd starts empty', async () => {
    assert.ok(plane);
    const { apiServer, etcd } = plane;
    const api = clusterAt(plane.connection);
    const namespace = await api.namespace('forgotten');
    const version = async (): Promise<number> => Number(JSON.parse((await api.kubectl(['get', '--raw', '/api/v1/namespaces'])).stdout).metadata.resourceVersion);
    const items = Array.from({ length: 400 }, (_, index) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${index}`, namespace } }));
    assert.equal((await api.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))).code, 0);
    const highest = await version();
    await apiServer.stop();
    await etcd.stop();
    await etcd.start({ empty: true });
    await apiServer.start();
    assert.match((await api.kubectl(['get', 'namespace', namespace])).stderr, /not found/);
    const lower = await version();
    assert.ok(lower > 0 && lower < highest, `the resource version is ${lower} after ${highest}`);
  });

  it('removes its processes and files when it is stopped', async () => {
    assert.ok(plane);
    const pids = plane.pids();
    assert.equal(pids.length, 3);
    await plane.stop();
    await gone(pids, plane.directory);
    assert.deepEqual(leftFiles(), []);
    await plane.stop();
  });
});
