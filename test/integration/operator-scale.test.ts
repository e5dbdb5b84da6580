import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, auditWrites } from '../support/audit.ts';
import { type Bulk, connectBulk } from '../support/bulk.ts';
import { type Gate, startGate } from '../support/gate.ts';
import { apply, deployment, keyedPolicy } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { watchVitals } from '../support/vitals.ts';

const USER = 'assay-scale';
const IMAGES = 30;
const SIGNED = 25;
const EACH = 10;
const PINNED = SIGNED * EACH;
const WORKLOADS = IMAGES * EACH;
let scene: Scene;
let gate: Gate;
let bulk: Bulk;
let operator: Operator;

before(async () => {
  scene = await setScene('scale');
  [gate, bulk] = [await startGate(scene.registry.host), connectBulk(scene.cluster.adminKubeconfig)];
});
after(async () => {
  await scene?.stop();
  await bulk?.close();
  await gate?.stop();
});

const names = Array.from({ length: WORKLOADS }, (_, index) => `w${index}`);
const writesSince = (since: number): AuditEvent[] => auditWrites(scene.cluster.auditLog, USER, since);
const start = async (): Promise<Operator> => scene.start({ kubeconfig: await scene.cluster.userKubeconfig(USER, ['system:masters']), registries: [gate.host], args: ['--log-level=info'] });
const judged = (): Promise<unknown> =>
  eventually('every judgement', async () => {
    const [pinned, failed] = [await operator.metric('assay_workloads{state="pinned"}'), await operator.metric('assay_workloads{state="failed"}')];
    return pinned === PINNED && failed === WORKLOADS - PINNED;
  }, () => operator.process.tail(5), 40);

/** Waits until nothing was written for a second, and returns what is written and asked of the registry in the `seconds` after. */
async function quiet(seconds: number): Promise<{ writes: AuditEvent[]; requests: number; adds: number }> {
  const added = async (): Promise<number> => (await operator.metric('workqueue_adds_total{name="workload",controller="workload"}')) ?? 0;
  await eventually('quiet', () => writesSince(Date.now() - 1500).length === 0);
  const [since, requests, adds] = [Date.now(), gate.requests(), await added()];
  await sleep(seconds * 1000);
  return { writes: writesSince(since), requests: gate.requests() - requests, adds: (await added()) - adds };
}

test(`${WORKLOADS} Deployments with ${IMAGES} images are judged with one patch each, a status write a second at most, and without holding up the event loop`, async (context) => {
  const key = scene.world.key();
  const images = await Promise.all(Array.from({ length: IMAGES }, (_, index) => pushImage(scene.registry.host, `fleet/app${index}:1.0`)));
  for (const image of images.slice(0, SIGNED)) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const references = images.map(({ reference }) => reference.replace(scene.registry.host, gate.host));
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'fleet', `${gate.host}/fleet/**`, key.key.pem));
  const workloads = names.map((name, index) => deployment(scene.namespace, name, [references[index % IMAGES] as string]));
  await bulk.create(workloads.map((one) => ({ ...one, spec: { ...one.spec, replicas: 0 } })));
  await eventually('the rollouts', async () => (await bulk.list(scene.namespace)).every(({ metadata, status }) => status?.observedGeneration === metadata.generation));
  const started = Date.now();
  operator = await start();
  const vitals = watchVitals(operator);
  await judged();
  const seconds = (Date.now() - started) / 1000;
  const { slowestAnswer, peakMemory, cpu } = await vitals.stop();
  const lag = await operator.metric('nodejs_eventloop_lag_max_seconds');
  await quiet(0);
  const writes = writesSince(started);
  const of = (resource: string): AuditEvent[] => writes.filter((one) => one.resource === resource);
  const status = of('imageverifications/status');
  context.diagnostic(JSON.stringify({ seconds, cpu, lag, peakMemory: Math.round(peakMemory), slowestAnswer: Math.round(slowestAnswer), requests: gate.requests(), connections: gate.connections(), status: status.length, events: of('events').length }));
  const pins = of('deployments');
  assert.deepEqual(pins.filter(({ code }) => code === 200).map(({ name }) => name).toSorted(), names.filter((_, index) => index % IMAGES < SIGNED).toSorted());
  assert.equal(pins.length, PINNED, 'every patch was taken');
  // They are planned a second apart; each may be on its way for a while on a busy machine.
  const since = status.map(({ at }) => at - (status[0]?.at ?? 0));
  assert.ok(since.every((at, index) => at >= 1000 * index - 500), `status writes after ${since.join(', ')} ms`);
  assert.deepEqual([...new Set(writes.map(({ resource }) => resource))].toSorted(), ['deployments', 'events', 'imageverifications/status']);
  // A HEAD for each workload's tag at most; referrers, .sig and payload once for each digest, and a ping.
  assert.ok(gate.requests() <= WORKLOADS + 4 * IMAGES + 10, `${gate.requests()} requests to the registry`);
  assert.ok(gate.connections() <= 32, `${gate.connections()} connections to the registry`);
  assert.ok(slowestAnswer < 2000, `/healthz took ${slowestAnswer} ms`);
  assert.ok(peakMemory < 300, `${peakMemory} MiB`);
});

test('once all is judged an idle fleet costs no API write, no registry request and no second look', async () => {
  const { writes, requests, adds } = await quiet(5);
  assert.deepEqual({ writes, requests, adds }, { writes: [], requests: 0, adds: 0 });
});

test('a change of status alone costs no registry request, no write and no look', async () => {
  const before_ = await operator.metric('assay_watch_objects{resource="deployments"}');
  const [since, asked] = [Date.now(), gate.requests()];
  for (const round of [1, 2]) await bulk.merge(scene.namespace, names, { status: { conditions: [{ type: 'Progressing', status: 'True', reason: `Round${round}`, message: 'as a kubelet would' }] } }, 'status');
  const { writes, requests, adds } = await quiet(2);
  assert.deepEqual({ writes, requests, adds, since: writesSince(since), asked: gate.requests() }, { writes: [], requests: 0, adds: 0, since: [], asked });
  assert.equal(await operator.metric('assay_watch_objects{resource="deployments"}'), before_);
});

test('an operator that starts on a fleet that is pinned writes to no workload and resolves no tag of it', async (context) => {
  await operator.stop();
  const [since, asked] = [Date.now(), gate.requests()];
  operator = await start();
  await judged();
  context.diagnostic(JSON.stringify({ seconds: (Date.now() - since) / 1000, requests: gate.requests() - asked }));
  const { writes } = await quiet(1);
  assert.deepEqual(writesSince(since).filter(({ resource }) => resource === 'deployments'), []);
  assert.deepEqual(writes, []);
  assert.ok(gate.requests() - asked <= WORKLOADS - PINNED + 4 * IMAGES + 10, `${gate.requests() - asked} requests to the registry`);
});

test('deleting the whole fleet brings every count back to nothing', async () => {
  await bulk.remove(scene.namespace, names);
  await scene.condition('fleet', 'Verified', 'Unknown', 'NoImages');
  await eventually('no workload', async () => (await operator.metrics()).split('\n').every((line) => !/^assay_(?:workloads|images)\{/.test(line) || line.endsWith(' 0')));
});
