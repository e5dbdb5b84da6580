import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdictEvents } from '../../../src/controllers/workload-events.ts';
import { createEventRecorder } from '../../../src/kube/events.ts';
import type { KubeObject, Resource } from '../../../src/kube/object.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { failed, field, NOW, outcome, record, verdict, workload } from './builders.ts';
import { StandInClient } from './stand-ins.ts';

/** Events by the kind that they are about. */
class Written extends StandInClient {
  readonly kinds: Record<string, number> = {};

  override create<T extends KubeObject>(_: Resource, __: string | undefined, body: unknown): Promise<T> {
    const { regarding, metadata } = body as KubeObject & { regarding: { kind: string } };
    this.kinds[regarding.kind] = (this.kinds[regarding.kind] ?? 0) + 1;
    return Promise.resolve({ metadata } as T);
  }
}

test('nine hundred workloads that fail under one policy, again and again, are told of once each, and of the policy 25 times', async () => {
  const client = new Written();
  const recorder = createEventRecorder({ client, clock: new ManualClock(NOW) });
  const all = Array.from({ length: 900 }, (_, at) => workload([field('bad:1')], { name: `w${at}`, uid: `u${at}` }));
  const bad = record([outcome('bad:1', { verdicts: [failed()] })]);
  let known: typeof bad | undefined;
  for (let round = 0; round < 5; round += 1) {
    for (const object of all) for (const event of verdictEvents(object, known, bad, () => 'p1')) recorder.record(event);
    known = bad;
    await recorder.flush(new AbortController().signal);
  }
  assert.deepEqual(client.kinds, { Deployment: 900, ImageVerification: 25 });
});

test('a registry that comes and goes is not told of each time for ever', async () => {
  const client = new Written();
  const recorder = createEventRecorder({ client, clock: new ManualClock(NOW) });
  const object = workload([field('app:1')]);
  const up = record([outcome('app:1')]);
  for (let round = 0; round < 100; round += 1) {
    const down = record([outcome('app:1', { verdicts: [verdict({ result: 'Unknown', reason: 'RegistryUnavailable', message: `attempt ${round}` })] })]);
    for (const [before, after] of [[up, down], [down, up]] as const) for (const event of verdictEvents(object, before, after, () => 'p1')) recorder.record(event);
  }
  await recorder.flush(new AbortController().signal);
  for (const [kind, count] of Object.entries(client.kinds)) assert.ok(count <= 25, `${kind}: ${count}`);
});
