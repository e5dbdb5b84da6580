import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test, type TestContext } from 'node:test';
import { apply, deployment, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { pushImage } from '../support/sigstore/push.ts';

const SIGNED = 5;
const UNSIGNED = 2;
const FREE = 1;
let scene: Scene;
let operator: Operator;
let prometheus: Prometheus | { readonly missing: string };
let atStart: ReadonlySet<string>;

before(async () => {
  scene = await setScene('metrics');
  operator = await scene.start();
  atStart = seriesOf(await operator.metrics());
  prometheus = await startPrometheus({ scrape: [{ job_name: 'assay', static_configs: [{ targets: [new URL(operator.metricsUrl).host] }] }] });
});
after(() => scene?.stop());

/** Signed, unsigned and ungoverned Deployments, each with an image of its own. */
async function playScenario(): Promise<void> {
  const { host } = scene.registry;
  const images = await Promise.all(Array.from({ length: SIGNED + UNSIGNED }, (_, index) => pushImage(host, `metered/app${index}:1.0`)));
  const key = scene.world.key();
  for (const image of images.slice(0, SIGNED)) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const workloads = images.map(({ reference }, index) => deployment(scene.namespace, `metered-${index}`, [reference]));
  const free = Array.from({ length: FREE }, (_, index) => deployment(scene.namespace, `free-${index}`, ['registry.example/free:1']));
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'metered', `${host}/metered/**`, key.key.pem), ...workloads, ...free);
  await eventually('every judgement', async () => {
    const count = async (state: string): Promise<number> => (await operator.metric(`assay_workloads{state="${state}"}`)) ?? 0;
    return (await count('pinned')) === SIGNED && (await count('failed')) === UNSIGNED && (await count('unmatched')) === FREE;
  }, () => operator.process.tail(8));
}

/** Name and labels of every series of an exposition, but for those of the Node runtime itself. */
function seriesOf(exposition: string): Set<string> {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !/^(?:nodejs|process)_/.test(line));
  return new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' '))));
}

function running(context: TestContext): Prometheus | undefined {
  if (!('missing' in prometheus)) return prometheus;
  context.skip(prometheus.missing);
  return undefined;
}

/** Every metric that the documentation promises, and how many series it has before anything happened; undefined: at least one. */
const PROMISED: Readonly<Record<string, number | undefined>> = {
  workqueue_depth: 6,
  workqueue_adds_total: 3,
  workqueue_retries_total: 3,
  workqueue_queue_duration_seconds_count: 3,
  workqueue_work_duration_seconds_count: 3,
  workqueue_unfinished_work_seconds: 3,
  workqueue_longest_running_processor_seconds: 3,
  controller_runtime_reconcile_total: 12,
  controller_runtime_reconcile_errors_total: 3,
  controller_runtime_reconcile_time_seconds_count: 3,
  controller_runtime_max_concurrent_reconciles: 3,
  controller_runtime_active_workers: 3,
  rest_client_requests_total: undefined,
  rest_client_request_duration_seconds_count: undefined,
  assay_verifications_total: undefined,
  assay_verification_duration_seconds_count: 1,
  assay_pins_total: 5,
  assay_workloads: 8,
  assay_images: undefined,
  assay_images_unmatched: 1,
  assay_karmada_templates: 8,
  assay_karmada_works: 6,
  assay_karmada_digests_dropped: 1,
  assay_karmada_prediction_differences_total: 1,
  assay_registry_requests_total: undefined,
  assay_build_info: 1,
};

test('Prometheus finds every promised metric, with all of its series, before the first event', async (context) => {
  const found = running(context);
  if (found === undefined) return;
  await found.until('up{job="assay"}', ([sample]) => sample?.value === 1);
  for (const [name, wanted] of Object.entries(PROMISED)) {
    const samples = await found.query(name);
    if (wanted === undefined) assert.ok(samples.length > 0, name);
    else assert.equal(samples.length, wanted, `${name}: ${JSON.stringify(samples.map(({ metric }) => metric))}`);
  }
  for (const series of ['assay_verifications_total{result="Failed",reason="NoSignature"}', 'assay_images{result="Failed",reason="KeyMismatch"}', 'assay_pins_total{mode="Patch",result="forbidden"}', 'assay_registry_requests_total{kind="head",code="429"}']) {
    assert.deepEqual((await found.query(series)).map(({ value }) => value), [0], series);
  }
});

test('promtool has nothing to say about the exposition', async (context) => {
  const found = running(context);
  if (found === undefined) return;
  const { status, stdout, stderr } = spawnSync(found.promtool, ['check', 'metrics'], { input: await operator.metrics(), encoding: 'utf8' });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
});

test('no event makes a new series, and no label holds an image, a digest, a namespace, a workload or a user', async () => {
  await playScenario();
  const now = seriesOf(await operator.metrics());
  assert.deepEqual([...now].filter((one) => !atStart.has(one)), []);
  for (const word of [scene.namespace, 'sha256:', 'metered', scene.registry.host, 'admin']) {
    assert.deepEqual([...now].filter((one) => one.includes(word)), [], word);
  }
  assert.ok(now.size < 2000, `${now.size} series`);
});

test('after a known scenario every number is right', async (context) => {
  const found = running(context);
  if (found === undefined) return;
  const wanted: Readonly<Record<string, number>> = {
    'assay_workloads{state="pinned"}': SIGNED,
    'assay_workloads{state="failed"}': UNSIGNED,
    'assay_workloads{state="unmatched"}': FREE,
    'sum(assay_workloads)': SIGNED + UNSIGNED + FREE,
    'assay_images{result="Verified",reason="SignatureValid"}': SIGNED,
    'assay_images{result="Failed",reason="NoSignature"}': UNSIGNED,
    'sum(assay_images)': SIGNED + UNSIGNED,
    'assay_pins_total{mode="Patch",result="pinned"}': SIGNED,
    'sum(assay_pins_total)': SIGNED,
    'assay_verifications_total{result="Verified",reason="SignatureValid"}': SIGNED,
    'assay_verifications_total{result="Failed",reason="NoSignature"}': UNSIGNED,
    'assay_verification_duration_seconds_count': SIGNED + UNSIGNED,
    // One HEAD for each tag; a digest is not asked for again.
    'assay_registry_requests_total{kind="head",code="200"}': SIGNED + UNSIGNED,
    'sum(assay_registry_requests_total{kind="blob"})': SIGNED,
    'assay_watch_objects{resource="deployments"}': SIGNED + UNSIGNED + FREE,
    'assay_watch_objects{resource="imageverifications"}': 1,
    'sum(workqueue_depth)': 0,
    'sum(controller_runtime_active_workers)': 0,
    'sum(controller_runtime_reconcile_errors_total)': 0,
    'sum(controller_runtime_reconcile_panics_total)': 0,
    'sum(rest_client_requests_total{method="PATCH",code="200"}) >= bool 6': 1,
    'rate(workqueue_adds_total{name="workload"}[1m]) > bool 0': 1,
  };
  for (const [promql, value] of Object.entries(wanted)) await found.until(promql, ([sample]) => sample?.value === value);
});

test('what goes away is not counted any more, what happened still is', async (context) => {
  const found = running(context);
  if (found === undefined) return;
  await run(scene.cluster, ['delete', 'deployment', '--all', '-n', scene.namespace]);
  for (const gone of ['sum(assay_workloads)', 'sum(assay_images)', 'assay_watch_objects{resource="deployments"}']) await found.until(gone, ([sample]) => sample?.value === 0);
  assert.deepEqual((await found.query('assay_pins_total{result="pinned"}')).map(({ value }) => value), [SIGNED]);
});
