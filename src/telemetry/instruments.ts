import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** Upper bounds in seconds, as controller-runtime has them (pkg/internal/controller/metrics). */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** 10e-9 times 10^n, twelve of them, as controller-runtime has them (pkg/internal/metrics/workqueue.go). */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
/** As client-go's metrics have them (k8s.io/component-base/metrics/prometheus/restclient). */
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
/** From a verdict without any request to a registry that is about to be given up on. */
const VERIFICATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What makes instruments in one registry. */
interface Maker {
  readonly counter: <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => Counter<Label>;
  readonly gauge: <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => Gauge<Label>;
  readonly histogram: <Label extends string>(name: string, help: string, labelNames: readonly Label[], buckets: number[]) => Histogram<Label>;
}

function makerIn(registry: Registry): Maker {
  const registers = [registry];
  return {
    counter: (name, help, labelNames) => new Counter({ name, help, labelNames, registers }),
    gauge: (name, help, labelNames) => new Gauge({ name, help, labelNames, registers }),
    histogram: (name, help, labelNames, buckets) => new Histogram({ name, help, labelNames, buckets, registers }),
  };
}

/** Every metric that Assay exposes: this file is the only one that names them. Those of controller-runtime keep its names, so that its dashboards and alerts work. */
export type Instruments = ReturnType<typeof createInstruments>;

/** Registers all instruments with `registry`. */
export function createInstruments(registry: Registry) {
  const make = makerIn(registry);
  return { queue: queue(make), controller: controller(make), client: client(make), watch: watch(make), trust: trust(make), karmada: karmada(make), ...own(make) };
}

function queue({ counter, gauge, histogram }: Maker) {
  return {
    depth: gauge('workqueue_depth', 'Keys that are ready, by workqueue and priority.', [
      'name',
      'controller',
      'priority',
    ]),
    adds: counter('workqueue_adds_total', 'Keys added to the workqueue.', ['name', 'controller']),
    retries: counter('workqueue_retries_total', 'Keys put back after a failure.', ['name', 'controller']),
    waited: histogram(
      'workqueue_queue_duration_seconds',
      'How long a key stays in the workqueue before it is taken.',
      ['name', 'controller'],
      QUEUE_BUCKETS,
    ),
    worked: histogram(
      'workqueue_work_duration_seconds',
      'How long working on a key takes.',
      ['name', 'controller'],
      QUEUE_BUCKETS,
    ),
    unfinished: gauge('workqueue_unfinished_work_seconds', 'Time spent so far on keys that are being worked on.', [
      'name',
      'controller',
    ]),
    longest: gauge('workqueue_longest_running_processor_seconds', 'Time spent so far on the longest running key.', [
      'name',
      'controller',
    ]),
  };
}

function controller({ counter, gauge, histogram }: Maker) {
  return {
    total: counter('controller_runtime_reconcile_total', 'Reconciliations by controller and result.', [
      'controller',
      'result',
    ]),
    errors: counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed.', ['controller']),
    terminal: counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciliations that failed and are not tried again until the object changes.',
      ['controller'],
    ),
    panics: counter('controller_runtime_reconcile_panics_total', 'Reconciliations that failed by a defect.', [
      'controller',
    ]),
    timeouts: counter('controller_runtime_reconcile_timeouts_total', 'Reconciliations that took too long.', [
      'controller',
    ]),
    seconds: histogram(
      'controller_runtime_reconcile_time_seconds',
      'How long a reconciliation takes.',
      ['controller'],
      RECONCILE_BUCKETS,
    ),
    workers: gauge('controller_runtime_max_concurrent_reconciles', 'Reconciliations allowed at the same time.', [
      'controller',
    ]),
    active: gauge('controller_runtime_active_workers', 'Reconciliations under way.', ['controller']),
  };
}

function client({ counter, histogram }: Maker) {
  return {
    requests: counter('rest_client_requests_total', 'Requests to the API server by status code, method and host.', [
      'code',
      'method',
      'host',
    ]),
    seconds: histogram(
      'rest_client_request_duration_seconds',
      'How long the API server takes to answer, by verb and host.',
      ['verb', 'host'],
      REQUEST_BUCKETS,
    ),
  };
}

function watch({ counter, gauge }: Maker) {
  return {
    ends: counter('assay_watch_restarts_total', 'Watches that ended, in good order or not, and were begun again.', [
      'resource',
    ]),
    lists: counter('assay_watch_lists_total', 'Lists that were asked for, by whether they were read to the end.', [
      'resource',
      'result',
    ]),
    failing: gauge('assay_watch_failing', 'Whether the API server cannot be followed at the moment (1) or can (0).', [
      'resource',
    ]),
    objects: gauge('assay_watch_objects', 'Objects held in memory.', ['resource']),
    synced: gauge('assay_watch_synced', 'Whether the first list was read (1) or not yet (0).', ['resource']),
  };
}

function trust({ counter, gauge }: Maker) {
  return {
    attempts: counter('assay_trust_root_refreshes_total', "Attempts to refresh the operator's own trust root by TUF, by what became of them.", [
      'result',
    ]),
    origin: gauge('assay_trust_root_origin', "Where the operator's own trust root comes from (1) and where not (0).", ['origin']),
    refreshed: gauge('assay_trust_root_refreshed_timestamp_seconds', "When the operator's own trust root was last refreshed; 0 where it never was.", []),
    expires: gauge(
      'assay_trust_root_expiry_timestamp_seconds',
      "Until when TUF vouches for the operator's own trust root; 0 where it never did.",
      [],
    ),
  };
}

function karmada({ counter, gauge }: Maker) {
  return {
    templates: gauge('assay_karmada_templates', 'Workloads that Karmada propagates, by state.', ['state']),
    works: gauge('assay_karmada_works', 'What single clusters are told to run of single workloads, by the worst result of its images.', ['result']),
    dropped: gauge('assay_karmada_digests_dropped', 'What single clusters are told to run of single workloads without the digest that the workload has: an override took it away.', []),
    differences: counter('assay_karmada_prediction_differences_total', 'Templates of which clusters are told to run something else than overrides say.', []),
  };
}

function own({ counter, gauge, histogram }: Maker) {
  return {
    verifications: counter('assay_verifications_total', 'Images judged under a policy, by result and reason.', [
      'result',
      'reason',
    ]),
    verificationSeconds: histogram(
      'assay_verification_duration_seconds',
      'How long it takes to judge one image under one policy, with all look-ups.',
      [],
      VERIFICATION_BUCKETS,
    ),
    overruns: counter('assay_judgement_overruns_total', 'Judgements that were ended because they overran their time or memory, or broke their worker.', [
      'code',
    ]),
    judges: gauge('assay_judgement_workers', 'Threads that judge, by whether they have something to do.', ['state']),
    unjudged: gauge('assay_judgement_waiting', 'Judgements that wait for a thread.', []),
    pins: counter('assay_pins_total', 'Patches that write verified digests, by pin mode and what became of them.', [
      'mode',
      'result',
    ]),
    workloads: gauge('assay_workloads', 'Workloads by state.', ['state']),
    images: gauge('assay_images', 'Distinct images that are governed, by result and reason.', ['result', 'reason']),
    unmatched: gauge('assay_images_unmatched', 'Distinct images that no policy governs.', []),
    registryRequests: counter('assay_registry_requests_total', 'Requests to registries by kind and status code.', [
      'kind',
      'code',
    ]),
    buildInfo: gauge('assay_build_info', 'Always 1; what is running.', ['version', 'node']),
  };
}
