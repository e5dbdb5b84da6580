import assert from 'node:assert/strict';
import test from 'node:test';
import { REASONS, RESULTS, WORKLOAD_STATES } from '../../../src/api/reasons.ts';
import { Terminal, Waiting } from '../../../src/base/errors.ts';
import { REQUEST_KINDS } from '../../../src/registry/types.ts';
import { PRIORITIES, RESYNC, WorkQueue } from '../../../src/runtime/work-queue.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import type { Metrics } from '../../../src/telemetry/metrics.ts';
import { OVERRUNS } from '../../../src/verification/worker/worker-judge.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function metrics(): Metrics {
  return createMetrics(
    {
      results: RESULTS,
      reasons: REASONS,
      workloadStates: WORKLOAD_STATES,
      requestKinds: REQUEST_KINDS,
      priorities: PRIORITIES,
      overruns: OVERRUNS,
      resources: ['deployments', 'secrets'],
      apiServer: '10.0.0.1:443',
    },
    { version: '1.2.3', node: 'v24.0.0' },
  );
}

/** The samples of a family (name and labels as written) and their values. */
async function samples(of: Metrics, name: string): Promise<Map<string, number>> {
  const { body } = await of.exposition();
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(name.length, at), Number(line.slice(at + 1))];
    }),
  );
}

/** Families, labels and upper bounds of controller-runtime and client-go that dashboards and alerts rely on. */
const FAMILIES: Record<string, { readonly type: string; readonly labels: string[]; readonly bounds?: [string, string, number] }> = {
  workqueue_depth: { type: 'gauge', labels: ['name', 'controller', 'priority'] },
  workqueue_adds_total: { type: 'counter', labels: ['name', 'controller'] },
  workqueue_retries_total: { type: 'counter', labels: ['name', 'controller'] },
  workqueue_queue_duration_seconds: { type: 'histogram', labels: ['name', 'controller'], bounds: ['1e-8', '1000', 12] },
  workqueue_work_duration_seconds: { type: 'histogram', labels: ['name', 'controller'], bounds: ['1e-8', '1000', 12] },
  workqueue_unfinished_work_seconds: { type: 'gauge', labels: ['name', 'controller'] },
  workqueue_longest_running_processor_seconds: { type: 'gauge', labels: ['name', 'controller'] },
  controller_runtime_reconcile_total: { type: 'counter', labels: ['controller', 'result'] },
  controller_runtime_reconcile_errors_total: { type: 'counter', labels: ['controller'] },
  controller_runtime_terminal_reconcile_errors_total: { type: 'counter', labels: ['controller'] },
  controller_runtime_reconcile_panics_total: { type: 'counter', labels: ['controller'] },
  controller_runtime_reconcile_timeouts_total: { type: 'counter', labels: ['controller'] },
  controller_runtime_reconcile_time_seconds: { type: 'histogram', labels: ['controller'], bounds: ['0.005', '60', 40] },
  controller_runtime_max_concurrent_reconciles: { type: 'gauge', labels: ['controller'] },
  controller_runtime_active_workers: { type: 'gauge', labels: ['controller'] },
  rest_client_requests_total: { type: 'counter', labels: ['code', 'method', 'host'] },
  rest_client_request_duration_seconds: { type: 'histogram', labels: ['verb', 'host'], bounds: ['0.005', '60', 12] },
  assay_verifications_total: { type: 'counter', labels: ['result', 'reason'] },
  assay_verification_duration_seconds: { type: 'histogram', labels: [], bounds: ['0.001', '30', 14] },
  assay_judgement_overruns_total: { type: 'counter', labels: ['code'] },
  assay_judgement_workers: { type: 'gauge', labels: ['state'] },
  assay_judgement_waiting: { type: 'gauge', labels: [] },
  assay_trust_root_refreshes_total: { type: 'counter', labels: ['result'] },
  assay_trust_root_origin: { type: 'gauge', labels: ['origin'] },
  assay_trust_root_refreshed_timestamp_seconds: { type: 'gauge', labels: [] },
  assay_trust_root_expiry_timestamp_seconds: { type: 'gauge', labels: [] },
  assay_pins_total: { type: 'counter', labels: ['mode', 'result'] },
  assay_workloads: { type: 'gauge', labels: ['state'] },
  assay_images: { type: 'gauge', labels: ['result', 'reason'] },
  assay_images_unmatched: { type: 'gauge', labels: [] },
  assay_karmada_templates: { type: 'gauge', labels: ['state'] },
  assay_karmada_works: { type: 'gauge', labels: ['result'] },
  assay_karmada_digests_dropped: { type: 'gauge', labels: [] },
  assay_karmada_prediction_differences_total: { type: 'counter', labels: [] },
  assay_registry_requests_total: { type: 'counter', labels: ['kind', 'code'] },
  assay_watch_restarts_total: { type: 'counter', labels: ['resource'] },
  assay_watch_lists_total: { type: 'counter', labels: ['resource', 'result'] },
  assay_watch_failing: { type: 'gauge', labels: ['resource'] },
  assay_watch_objects: { type: 'gauge', labels: ['resource'] },
  assay_watch_synced: { type: 'gauge', labels: ['resource'] },
  assay_build_info: { type: 'gauge', labels: ['version', 'node'] },
};

for (const [family, want] of Object.entries(FAMILIES)) {
  test(`${family} has its type, its labels and its series before anything happened`, async () => {
    const given = metrics();
    const queue = new WorkQueue({ clock: new ManualClock(), observer: given.queue('workload') });
    assert.equal(queue.size, 0);
    given.controller('workload', 4);
    const { body } = await given.exposition();
    const lines = body.split('\n');
    assert.ok(lines.includes(`# TYPE ${family} ${want.type}`), 'type');
    const sample = want.type === 'histogram' ? `${family}_count` : family;
    const series = [...(await samples(given, sample)).keys()];
    assert.ok(series.length > 0, 'no series');
    for (const text of series) {
      const names = [...text.matchAll(/([a-z]+)="/g)].map(([, name]) => name);
      assert.deepEqual(new Set(names), new Set(want.labels));
    }
    if (want.bounds !== undefined) {
      const bounds = [...(await samples(given, `${family}_bucket`)).keys()]
        .map((text) => /le="([^"]+)"/.exec(text)?.[1])
        .filter((bound) => bound !== '+Inf');
      const unique = [...new Set(bounds)];
      assert.deepEqual([unique[0], unique.at(-1), unique.length], want.bounds);
    }
  });
}

const CASES: Record<string, (given: Metrics) => Promise<void>> = {
  'nothing of ours is exposed that the table above does not name': async (given) => {
    const { body } = await given.exposition();
    const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
    const foreign = names.filter((name) => !/^(process|nodejs)_/.test(name));
    assert.deepEqual(foreign.filter((name) => !(name in FAMILIES)), []);
  },
  'every series of ours begins at 0, so that the first failure is an increase': async (given) => {
    for (const family of ['assay_verifications_total', 'assay_images', 'assay_pins_total', 'assay_workloads']) {
      for (const [series, value] of await samples(given, family)) assert.equal(value, 0, `${family}${series}`);
    }
  },
  'every reason can fail or leave unknown from the start; the four settled ones have one result': async (given) => {
    const series = await samples(given, 'assay_verifications_total');
    for (const reason of REASONS) {
      const found = [...series.keys()].filter((text) => text.includes(`reason="${reason}"`)).length;
      const settled = ['SignatureValid', 'Excluded', 'StaticPass', 'StaticFail'].includes(reason);
      assert.equal(found, settled ? 1 : 2, reason);
    }
  },
  'outcomes of a reconcile are counted as controller-runtime counts them': async (given) => {
    const observer = given.controller('policy', 1);
    observer.started();
    observer.finished({ kind: 'success' }, 1);
    observer.started();
    observer.finished({ kind: 'requeue_after', after: 1000 }, 1);
    observer.started();
    observer.finished({ kind: 'waiting', after: 1000, error: new Waiting('w', 1000) }, 1);
    observer.started();
    observer.finished({ kind: 'terminal', error: new Terminal('t') }, 1);
    observer.started();
    observer.finished({ kind: 'error', error: new Error('e'), defect: true, timedOut: false }, 1);
    observer.started();
    observer.finished({ kind: 'error', error: new Error('e'), defect: false, timedOut: true }, 1);
    observer.started();
    const value = async (name: string, labels: string): Promise<number | undefined> =>
      (await samples(given, `controller_runtime_${name}`)).get(labels);
    assert.equal(await value('reconcile_total', '{controller="policy",result="success"}'), 1);
    assert.equal(await value('reconcile_total', '{controller="policy",result="requeue_after"}'), 2);
    assert.equal(await value('reconcile_total', '{controller="policy",result="error"}'), 3);
    assert.equal(await value('reconcile_total', '{controller="policy",result="requeue"}'), 0);
    assert.equal(await value('reconcile_errors_total', '{controller="policy"}'), 3);
    assert.equal(await value('terminal_reconcile_errors_total', '{controller="policy"}'), 1);
    assert.equal(await value('reconcile_panics_total', '{controller="policy"}'), 1);
    assert.equal(await value('reconcile_timeouts_total', '{controller="policy"}'), 1);
    assert.equal(await value('reconcile_time_seconds_count', '{controller="policy"}'), 6);
    assert.equal(await value('active_workers', '{controller="policy"}'), 1);
    observer.abandoned();
    assert.equal(await value('active_workers', '{controller="policy"}'), 0);
  },
  'a work queue is read at each scrape': async (given) => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, observer: given.queue('policy') });
    queue.add('a');
    queue.add('b', { priority: RESYNC });
    queue.take();
    clock.advance(2500);
    const labels = 'name="policy",controller="policy"';
    assert.equal((await samples(given, 'workqueue_depth')).get(`{${labels},priority="0"}`), 0);
    assert.equal((await samples(given, 'workqueue_depth')).get(`{${labels},priority="-100"}`), 1);
    assert.equal((await samples(given, 'workqueue_adds_total')).get(`{${labels}}`), 2);
    assert.equal((await samples(given, 'workqueue_unfinished_work_seconds')).get(`{${labels}}`), 2.5);
  },
  'the fleet is what it is now, not what it was': async (given) => {
    given.fleet(() => ({ workloads: { pinned: 3 }, images: [{ result: 'Failed', reason: 'NoSignature', count: 2 }] }));
    assert.equal((await samples(given, 'assay_workloads')).get('{state="pinned"}'), 3);
    assert.equal((await samples(given, 'assay_images')).get('{result="Failed",reason="NoSignature"}'), 2);
    given.fleet(() => ({ workloads: { failed: 1 }, images: [] }));
    assert.equal((await samples(given, 'assay_workloads')).get('{state="pinned"}'), 0);
    assert.equal((await samples(given, 'assay_workloads')).get('{state="failed"}'), 1);
    assert.equal((await samples(given, 'assay_images')).get('{result="Failed",reason="NoSignature"}'), 0);
  },
  'what Karmada propagates is what it is now, and nothing without it': async (given) => {
    given.fleet(() => ({ workloads: {}, images: [], unmatched: 4, propagation: { templates: { failed: 1 }, works: { Failed: 2, Unmatched: 3 }, dropped: 5 } }));
    assert.equal((await samples(given, 'assay_images_unmatched')).get(''), 4);
    assert.equal((await samples(given, 'assay_karmada_templates')).get('{state="failed"}'), 1);
    assert.equal((await samples(given, 'assay_karmada_works')).get('{result="Failed"}'), 2);
    assert.equal((await samples(given, 'assay_karmada_works')).get('{result="Unmatched"}'), 3);
    assert.equal((await samples(given, 'assay_karmada_digests_dropped')).get(''), 5);
    given.fleet(() => ({ workloads: {}, images: [] }));
    for (const name of ['assay_images_unmatched', 'assay_karmada_templates', 'assay_karmada_works', 'assay_karmada_digests_dropped']) {
      for (const [series, value] of await samples(given, name)) assert.equal(value, 0, `${name}${series}`);
    }
  },
  'the same image state reported in two parts is added up': async (given) => {
    const part = { result: 'Unknown', reason: 'RegistryThrottled', count: 2 } as const;
    given.fleet(() => ({ workloads: {}, images: [part, part] }));
    assert.equal((await samples(given, 'assay_images')).get('{result="Unknown",reason="RegistryThrottled"}'), 4);
  },
  'any status code a server may think of ends in a bounded label': async (given) => {
    const before = (await samples(given, 'assay_registry_requests_total')).size;
    for (let code = 100; code < 1000; code += 1) given.registryRequest('head', code);
    for (const none of [undefined, 'timeout', 'refused', 'LimitExceeded']) given.registryRequest('head', none);
    const after = await samples(given, 'assay_registry_requests_total');
    assert.equal(after.size, before);
    assert.equal(after.get('{kind="head",code="404"}'), 1);
    assert.equal(after.get('{kind="head",code="<error>"}'), 4);
    assert.ok((after.get('{kind="head",code="other"}') ?? 0) > 800);
  },
  'requests to the API server are counted by code, method and host, and timed by verb': async (given) => {
    const host = '10.0.0.1:443';
    given.transport.onRequest({ method: 'PATCH', verb: 'patch', code: '200', seconds: 0.01, host });
    given.transport.onRequest({ method: 'GET', verb: 'list', code: '<error>', seconds: 5, host });
    given.transport.onRequest({ method: 'GET', verb: 'list', code: '799', seconds: 0, host });
    const requests = await samples(given, 'rest_client_requests_total');
    assert.equal(requests.get('{code="200",method="PATCH",host="10.0.0.1:443"}'), 1);
    assert.equal(requests.get('{code="<error>",method="GET",host="10.0.0.1:443"}'), 1);
    const seconds = await samples(given, 'rest_client_request_duration_seconds_sum');
    assert.equal(seconds.get('{verb="list",host="10.0.0.1:443"}'), 5);
    assert.equal(requests.get('{code="other",method="GET",host="10.0.0.1:443"}'), 1);
  },
  'verifications, their time, pins and watches are counted': async (given) => {
    given.verification({ result: 'Failed', reason: 'IdentityMismatch', seconds: 0.3 });
    given.pin('Patch', 'conflict');
    const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
    given.reflector.onWatch(secrets, { code: 'Gone', seconds: 3, count: 0 });
    given.reflector.onList(secrets, { code: 'ok', seconds: 1, count: 7 });
    given.reflector.onList(secrets, { code: 'Forbidden', seconds: 1, count: 0 });
    given.reflector.onProblem(secrets, { code: 'Forbidden', verb: 'list', message: 'forbidden', since: 0 });
    given.caches(() => [{ resource: 'secrets', objects: 7, synced: true }]);
    const value = async (name: string, labels: string): Promise<number | undefined> =>
      (await samples(given, name)).get(labels);
    assert.equal(await value('assay_verifications_total', '{result="Failed",reason="IdentityMismatch"}'), 1);
    assert.equal(await value('assay_verification_duration_seconds_sum', ''), 0.3);
    assert.equal(await value('assay_pins_total', '{mode="Patch",result="conflict"}'), 1);
    assert.equal(await value('assay_watch_restarts_total', '{resource="secrets"}'), 1);
    assert.equal(await value('assay_watch_lists_total', '{resource="secrets",result="ok"}'), 1);
    assert.equal(await value('assay_watch_lists_total', '{resource="secrets",result="error"}'), 1);
    assert.equal(await value('assay_watch_failing', '{resource="secrets"}'), 1);
    given.reflector.onProblem(secrets, undefined);
    assert.equal(await value('assay_watch_failing', '{resource="secrets"}'), 0);
    assert.equal(await value('assay_watch_objects', '{resource="secrets"}'), 7);
    assert.equal(await value('assay_watch_synced', '{resource="secrets"}'), 1);
    assert.equal(await value('assay_watch_synced', '{resource="deployments"}'), 0);
  },
  'what runs can be seen': async (given) => {
    assert.equal((await samples(given, 'assay_build_info')).get('{version="1.2.3",node="v24.0.0"}'), 1);
  },
  'two operators in one process do not share series': async (given) => {
    given.pin('Patch', 'pinned');
    assert.equal((await samples(metrics(), 'assay_pins_total')).get('{mode="Patch",result="pinned"}'), 0);
  },
};

for (const [sentence, run] of Object.entries(CASES)) test(sentence, () => run(metrics()));
