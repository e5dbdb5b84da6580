import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ownedPids } from '../../hack/controlplane/estate.ts';
import { startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { karmadaPrograms } from '../../hack/controlplane/karmada/programs.ts';
import { freePort } from '../../hack/controlplane/ports.ts';
import { progress } from '../../hack/controlplane/progress.ts';
import { takenPort } from '../support/taken-port.ts';
import { gone, owner } from '../support/owners.ts';

/** Of Karmada and of its member etcd, kube-apiserver and kube-controller-manager, and Karmada's own four. */
const ALL = 10;

describe('a Karmada never outlives its owner', { concurrency: 2 }, () => {
  const cases = {
    'SIGKILL in the middle of the start': { processes: 6, signal: 'SIGKILL' },
    'Ctrl-C when all is up': { processes: ALL, signal: 'SIGINT' },
  } as const;
  for (const [sentence, { processes, signal }] of Object.entries(cases)) {
    it(`after ${sentence} no process and no file is left`, async () => {
      const { child, directory, until, ended } = await owner('karmada');
      const pids = await until(processes);
      child.kill(signal);
      assert.equal(await ended, signal, 'it dies of the signal, so that shells and CI see why');
      if (signal !== 'SIGKILL') assert.equal(existsSync(directory), false, 'what it can clear away itself is gone before it is');
      await gone(pids, directory);
    });
  }
});

describe('starting a Karmada', () => {
  it('asks for other ports when another process has taken one, says which component fails, and leaves nothing of it', async () => {
    const thief = await takenPort();
    const programs = await karmadaPrograms(progress());
    const failing = { ...programs, binaries: { ...programs.binaries, 'karmada-scheduler': '/bin/false' } };
    const asked: number[] = [];
    // The fourth port is the first that is not the control plane's own: a component serves on it.
    const port = async (): Promise<number> => {
      asked.push(asked.length === 3 ? thief.port : await freePort());
      return asked.at(-1) ?? 0;
    };
    try {
      await assert.rejects(startKarmada({ members: 0, programs: failing, port }), /^ServerFailed: karmada-scheduler ended before it was ready; the end of .*karmada-scheduler\.log/);
    } finally {
      thief.close();
    }
    // Control plane, the four components once each, and once more the one whose port was taken.
    assert.equal(asked.length, 3 + 4 * 3 + 3);
    const left = ownedPids();
    // What is left would keep this file from ending.
    for (const pid of left) process.kill(pid, 'SIGKILL');
    assert.deepEqual(left, []);
  });
});
