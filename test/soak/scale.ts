/**
 * How the operator does on a large fleet, on a control plane and a registry of its own:
 * `node test/soak/scale.ts --workloads 10000 --images 2000` (both default to a tenth of that). Prints a line for each measurement.
 * Deployments are paused and have no replicas, so that what is measured is the operator and not the deployment controller.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startControlPlane } from '../../hack/controlplane/start.ts';
import { auditWrites } from '../support/audit.ts';
import { connectBulk } from '../support/bulk.ts';
import { clusterAt } from '../support/cluster.ts';
import { startGate } from '../support/gate.ts';
import { applyCrds } from '../support/crds.ts';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { eventually, type Operator, startOperator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { startRegistry } from '../support/registry.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';
import { memoryOf, watchVitals } from '../support/vitals.ts';

const { values } = parseArgs({ options: { workloads: { type: 'string', default: '1000' }, images: { type: 'string', default: '200' }, unsigned: { type: 'string', default: '0.05' } } });
const [workloads, distinct] = [Number(values.workloads), Number(values.images)];
const unsigned = Math.round(distinct * Number(values.unsigned));
const USER = 'assay-soak';
const NAMESPACES = 20;
const PATIENCE = 900;

const say = (what: string, facts: Readonly<Record<string, number>>): void => console.log(`${what}: ${Object.entries(facts).map(([name, value]) => `${name} ${Math.round(value * 10) / 10}`).join(', ')}`);

const plane = await startControlPlane();
const cluster = clusterAt(plane.connection);
const registry = await startRegistry();
const gate = await startGate(registry.host);
const bulk = connectBulk(cluster.adminKubeconfig, 24);
try {
  await prepare();
  const judged = await coldStart();
  await idle(judged);
  await statusOnly(judged);
  await recheck(judged);
  await judged.stop();
  const again = await restart();
  await again.stop();
} finally {
  await bulk.close();
  await gate.stop();
  await registry.stop();
  await plane.stop();
}

/** Images, half as legacy signatures and half as bundles, policy and fleet. */
async function prepare(): Promise<void> {
  const begun = Date.now();
  await applyCrds(cluster);
  const world = createWorld();
  const key = world.key();
  const references: string[] = [];
  for (let index = 0; index < distinct; index += 1) {
    const image = await pushImage(registry.host, `soak/app${index}:1.0`);
    if (index >= unsigned) await world.signImage(image, key, { format: index % 2 === 0 ? 'legacy' : 'bundle', log: 'none' });
    references.push(image.reference.replace(registry.host, gate.host));
  }
  const namespaces = await Promise.all(Array.from({ length: NAMESPACES }, (_, index) => cluster.namespace(`soak-${index}`)));
  const { metadata: _, ...policy } = keyedPolicy('', 'soak', `${gate.host}/soak/**`, key.key.pem);
  await apply(cluster, { ...policy, kind: 'ClusterImageVerification', metadata: { name: 'soak' } });
  const fleet = Array.from({ length: workloads }, (_one, index): Any => {
    const one = deployment(namespaces[index % NAMESPACES] as string, `w${index}`, [references[index % distinct] as string]);
    return { ...one, spec: { ...one.spec, replicas: 0, paused: true } };
  });
  await bulk.create(fleet);
  say('prepared', { workloads, images: distinct, unsigned, seconds: (Date.now() - begun) / 1000 });
}

async function start(): Promise<Operator> {
  return startOperator({ kubeconfig: await operatorKubeconfig(cluster, USER), registries: [gate.host], args: ['--log-level=info'], ready: false });
}

async function untilJudged(operator: Operator): Promise<void> {
  const failed = Array.from({ length: workloads }, (_, index) => index % distinct).filter((image) => image < unsigned).length;
  const count = async (state: string): Promise<number | undefined> => operator.metric(`assay_workloads{state="${state}"}`);
  await eventually('every judgement', async () => (await count('pinned')) === workloads - failed && (await count('failed')) === failed, () => operator.process.tail(3), PATIENCE);
}

/** What is written and asked while `work` runs. */
async function costOf(work: () => Promise<unknown>): Promise<{ patches: number; refused: number; statuses: number; events: number; requests: number }> {
  const [since, asked] = [Date.now(), gate.requests()];
  await work();
  const writes = auditWrites(cluster.auditLog, USER, since);
  const patches = writes.filter(({ resource }) => resource === 'deployments');
  return {
    patches: patches.length,
    refused: patches.filter(({ code }) => code !== 200).length,
    statuses: writes.filter(({ resource }) => resource.endsWith('/status')).length,
    events: writes.filter(({ resource }) => resource === 'events').length,
    requests: gate.requests() - asked,
  };
}

async function untilQuiet(): Promise<void> {
  await eventually('quiet', () => auditWrites(cluster.auditLog, USER, Date.now() - 3000).length === 0, undefined, PATIENCE);
}

async function coldStart(): Promise<Operator> {
  const begun = Date.now();
  const operator = await start();
  const vitals = watchVitals(operator);
  let seconds = 0;
  const cost = await costOf(async () => {
    await untilJudged(operator);
    seconds = (Date.now() - begun) / 1000;
    await untilQuiet();
  });
  const { slowestAnswer, peakMemory, cpu } = await vitals.stop();
  say('cold start, everything judged and pinned', { seconds, cpuSeconds: cpu, peakMiB: peakMemory, slowestHealthzMs: slowestAnswer, loopLagMs: ((await operator.metric('nodejs_eventloop_lag_max_seconds')) ?? 0) * 1000, ...cost, connections: gate.connections() });
  return operator;
}

async function idle(operator: Operator): Promise<void> {
  say('idle for 10 s', { ...(await costOf(() => sleep(10_000))), residentMiB: memoryOf(operator.process.pid) });
}

async function statusOnly(operator: Operator): Promise<void> {
  const vitals = watchVitals(operator);
  const namespaces = JSON.parse((await cluster.kubectl(['get', 'namespaces', '-o', 'json'])).stdout).items.map(({ metadata }: Any) => metadata.name).filter((name: string) => name.startsWith('soak-'));
  const cost = await costOf(async () => {
    for (const namespace of namespaces) {
      const names = (await bulk.list(namespace)).map(({ metadata }) => metadata.name);
      await bulk.merge(namespace, names, { status: { conditions: [{ type: 'Progressing', status: 'True', reason: 'Soak', message: 'as a controller would' }] } }, 'status');
    }
    await sleep(3000);
  });
  say('every status changed', { ...cost, slowestHealthzMs: (await vitals.stop()).slowestAnswer });
}

/** Everything is asked for afresh: the digests, their signatures, the tags. */
async function recheck(operator: Operator): Promise<void> {
  const vitals = watchVitals(operator);
  const begun = Date.now();
  let seconds = 0;
  const cost = await costOf(async () => {
    await cluster.kubectl(['annotate', 'civ', 'soak', 'assay.dev/requestedAt=now']);
    await sleep(2000);
    const pending = async (): Promise<boolean> => !(await cluster.kubectl(['get', 'civ', 'soak', '-o', 'json'])).stdout.includes('"Reconciling"');
    await eventually('the end of reconciling', pending, undefined, PATIENCE);
    seconds = (Date.now() - begun) / 1000;
    await untilQuiet();
  });
  say('everything judged afresh', { seconds, ...cost, slowestHealthzMs: (await vitals.stop()).slowestAnswer, residentMiB: memoryOf(operator.process.pid) });
}

async function restart(): Promise<Operator> {
  const begun = Date.now();
  const operator = await start();
  const vitals = watchVitals(operator);
  let seconds = 0;
  const cost = await costOf(async () => {
    await untilJudged(operator);
    seconds = (Date.now() - begun) / 1000;
    await untilQuiet();
  });
  const { slowestAnswer, peakMemory, cpu } = await vitals.stop();
  say('restart on the pinned fleet', { seconds, cpuSeconds: cpu, peakMiB: peakMemory, slowestHealthzMs: slowestAnswer, ...cost });
  return operator;
}
