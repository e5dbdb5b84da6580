import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import { createEventRecorder } from '../../src/kube/events.ts';
import type { EventInput, EventRecorder, EventRecorderOptions } from '../../src/kube/events.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { cluster } from '../support/cluster.ts';
import type { Cluster } from '../support/cluster.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { ManualClock } from '../support/manual-clock.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
const BOUND = { timeout: 60_000 };

interface Event extends KubeObject {
  readonly note: string;
  readonly reason: string;
  readonly type: string;
  readonly action: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly eventTime: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

let real: Cluster;
let client: KubeClient;
let user: KubeClient;
let proxy: FaultProxy;
let broken: KubeClient;

before(async () => {
  real = await cluster();
  client = connect({ kubeconfig: real.adminKubeconfig }).client;
  // With exactly the rights that the recorder says it needs.
  const name = `recorder-${process.pid}`;
  await real.kubectl(['create', 'clusterrole', name, '--verb=create,patch', '--resource=events.events.k8s.io']);
  await real.kubectl(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, `--user=${name}`]);
  user = connect({ kubeconfig: await real.userKubeconfig(name) }).client;
  proxy = await startFaultProxy(real);
  broken = connect({ kubeconfig: proxy.kubeconfig }).client;
});

after(async () => {
  await client.close();
  await user.close();
  await broken.close();
  await proxy.stop();
});

interface Recording {
  readonly recorder: EventRecorder;
  readonly clock: ManualClock;
  readonly input: EventInput;
  readonly dropped: string[];
  readonly errors: unknown[];
  readonly events: () => Promise<readonly Event[]>;
  readonly flush: () => Promise<void>;
}

async function recording(through = user, options: Partial<EventRecorderOptions> = {}): Promise<Recording> {
  const namespace = await real.namespace('events');
  const subject = await client.create(CONFIG_MAPS, namespace, { metadata: { name: 'subject' } });
  const clock = new ManualClock(Date.now());
  const dropped: string[] = [];
  const errors: unknown[] = [];
  const hooks = { onDropped: (why: string) => dropped.push(why), onError: (error: unknown) => errors.push(error) };
  const recorder = createEventRecorder({ client: through, clock, instance: 'pod-1', hooks, ...options });
  const { uid = '' } = subject.metadata;
  return {
    recorder,
    clock,
    dropped,
    errors,
    input: { type: 'Warning', reason: 'Refused', action: 'Verify', note: 'it is not signed', regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'subject', uid } },
    events: async () => (await client.list<Event>(EVENTS, { namespace })).items,
    flush: () => recorder.flush(AbortSignal.timeout(20_000)),
  };
}

describe('the event recorder', BOUND, () => {
  it('writes an event that kubectl shows at its object', async () => {
    const { recorder, input, events, flush, errors } = await recording();
    recorder.record(input);
    await flush();
    assert.deepEqual(errors, []);
    const [event, ...more] = await events();
    assert.equal(more.length, 0);
    assert.deepEqual(
      [event?.type, event?.reason, event?.action, event?.note, event?.reportingController, event?.reportingInstance, event?.series],
      ['Warning', 'Refused', 'Verify', 'it is not signed', 'assay.dev/operator', 'pod-1', undefined],
    );
    const shown = await real.kubectl(['describe', 'configmap', 'subject', '-n', input.regarding.namespace ?? '']);
    assert.match(shown.stdout, /Warning\s+Refused\s+.*assay\.dev\/operator.*\s+it is not signed/);
  });

  it('counts up the event that is there when it comes again', async () => {
    const { recorder, clock, input, events, flush, errors } = await recording();
    recorder.record(input);
    await flush();
    clock.advance(60_000);
    recorder.record(input);
    await flush();
    clock.advance(60_000);
    recorder.record(input);
    await flush();
    recorder.record({ ...input, note: 'another sentence' });
    await flush();
    assert.deepEqual(errors, []);
    const found = await events();
    assert.deepEqual(found.map((event) => [event.note, event.series?.count]).toSorted(), [['another sentence', undefined], ['it is not signed', 3]]);
    const repeated = found.find((event) => event.series !== undefined);
    assert.equal(Date.parse(repeated?.series?.lastObservedTime ?? '') - Date.parse(repeated?.eventTime ?? ''), 120_000);
  });

  it('writes what came again before it was written as one event', async () => {
    const { recorder, input, events, flush } = await recording();
    for (let count = 0; count < 5; count += 1) recorder.record(input);
    await flush();
    assert.equal((await events()).length, 1);
  });

  it('begins a new event when the API server has forgotten the old one', async () => {
    const { recorder, input, events, flush, errors } = await recording();
    recorder.record(input);
    await flush();
    const [first] = await events();
    await client.delete(EVENTS, { namespace: input.regarding.namespace ?? '', name: first?.metadata.name ?? '' });
    recorder.record(input);
    await flush();
    assert.deepEqual(errors, []);
    assert.deepEqual((await events()).map((event) => event.series?.count), [2]);
  });

  it('writes no more than 25 events about one object at once, and one in 5 minutes after that', async () => {
    const { recorder, clock, input, events, flush, dropped } = await recording();
    for (let count = 0; count < 40; count += 1) recorder.record({ ...input, note: `sentence ${count}` });
    await flush();
    assert.equal((await events()).length, 25);
    assert.equal(dropped.length, 15);
    clock.advance(300_000);
    for (let count = 40; count < 45; count += 1) recorder.record({ ...input, note: `sentence ${count}` });
    await flush();
    assert.equal((await events()).length, 26);
    recorder.record({ ...input, regarding: { ...input.regarding, uid: 'another' } });
    await flush();
    assert.equal((await events()).length, 27, 'another object has its own');
  });

  it('puts the event of a cluster-scoped object into the namespace default', async () => {
    const { recorder, input, flush, errors } = await recording();
    const uid = `cluster-scoped-${process.pid}-${Date.now()}`;
    recorder.record({ ...input, regarding: { apiVersion: 'assay.dev/v1alpha1', kind: 'ClusterImageVerification', name: 'All:Images', uid } });
    await flush();
    assert.deepEqual(errors, []);
    const found = await client.list<Event & { regarding: { uid: string } }>(EVENTS, { namespace: 'default' });
    assert.equal(found.items.filter((event) => event.regarding.uid === uid).length, 1);
  });

  it('cuts a note at 1 kB, so that the API server takes it', async () => {
    const { recorder, input, events, flush, errors } = await recording();
    recorder.record({ ...input, note: 'ü'.repeat(2000) });
    await flush();
    assert.deepEqual(errors, []);
    assert.ok(Buffer.byteLength((await events())[0]?.note ?? '') <= 1024);
  });

  it('tells its hook what it could not write, and throws nothing', async () => {
    const hook = (): never => {
      throw new Error('the hook throws, too');
    };
    const { recorder, input, flush } = await recording(broken, { hooks: { onError: hook, onWritten: hook, onDropped: hook } });
    proxy.answer((request) => request.method === 'POST', { status: 500 });
    recorder.record(input);
    await flush();
    for (let count = 0; count < 30; count += 1) recorder.record({ ...input, note: `sentence ${count}` });
    await flush();
    const other = await recording(broken);
    proxy.answer((request) => request.method === 'POST', { status: 403, body: '{"kind":"Status","code":403,"message":"you may not"}' });
    other.recorder.record(other.input);
    await other.flush();
    assert.match(String(other.errors[0]), /you may not/);
    other.recorder.record(other.input);
    await other.flush();
    assert.deepEqual((await other.events()).map((event) => event.series?.count), [2], 'the next time it is written');
  });

  it('stops at once and writes nothing afterwards', async () => {
    const { recorder, input, events } = await recording(broken);
    const release = proxy.hold((request) => request.method === 'POST');
    recorder.record(input);
    recorder.record({ ...input, note: 'another' });
    await recorder.stop();
    release();
    recorder.record({ ...input, note: 'later' });
    await recorder.flush(AbortSignal.timeout(1000));
    assert.deepEqual((await events()).filter((event) => event.note !== input.note), []);
  });
});
