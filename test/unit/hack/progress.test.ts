import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainProgress, seconds } from '../../../hack/controlplane/progress.ts';

describe('progress in a log', () => {
  it('is a line for each new step, and for the same step one every 15 seconds', () => {
    const written: string[] = [];
    let now = 1_000_000;
    const progress = plainProgress({ write: (text) => written.push(text) }, () => now);
    progress.step('building', '0 s');
    now += 14_000;
    progress.step('building', '14 s');
    now += 1_000;
    progress.step('building', '15 s');
    progress.step('linking');
    progress.say('Done.');
    assert.deepEqual(written, ['building: 0 s\n', 'building: 15 s\n', 'linking\n', 'Done.\n']);
  });

  it('names times as people do', () => {
    assert.deepEqual([0.4, 59, 60, 362].map(seconds), ['0 s', '59 s', '1 min 0 s', '6 min 2 s']);
  });
});
