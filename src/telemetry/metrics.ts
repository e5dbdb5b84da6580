import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Reason, Result, WorkloadState } from '../api/reasons.ts';
import type { ReflectorHooks } from '../kube/recovery.ts';
import type { TransportHooks } from '../kube/transport.ts';
import type { RequestKind } from '../registry/types.ts';
import type { ControllerObserver } from '../runtime/outcome.ts';
import type { QueueObserver, QueueView } from '../runtime/work-queue.ts';
import { createInstruments } from './instruments.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel, initialise, outcomes, RECONCILE_RESULTS, UNMATCHED } from './series.ts';
import type { PinMode, PinResult, Vocabulary } from './series.ts';
import { initialiseTrust, trustObserver } from './trust-series.ts';
import type { TrustObserver } from './trust-series.ts';

/** The fleet as it is now; read at each scrape, so it must be cheap. */
export interface FleetState {
  readonly workloads: Readonly<Partial<Record<WorkloadState, number>>>;
  readonly images: Iterable<{ readonly result: Result; readonly reason: Reason; readonly count: number }>;
  /** Distinct images that no policy governs; absent: none. */
  readonly unmatched?: number;
  /** What Karmada propagates; absent: nothing. */
  readonly propagation?: PropagationState;
}

/** What Karmada propagates. */
export interface PropagationState {
  readonly templates: Readonly<Partial<Record<WorkloadState, number>>>;
  readonly works: Readonly<Partial<Record<Result | 'Unmatched', number>>>;
  readonly dropped: number;
}

/** A cache as it is now. */
export interface CacheState {
  /** Plural name. */
  readonly resource: string;
  readonly objects: number;
  readonly synced: boolean;
}

/** Everything that is counted, by what happened; nothing outside of telemetry names a metric or a label. */
export interface Metrics {
  /** The observer of the work queue of this controller. */
  queue(controller: string): QueueObserver;
  controller(controller: string, concurrency: number): ControllerObserver;
  /** Each attempt of a request to the API server, at its headers. */
  readonly transport: Required<TransportHooks>;
  readonly reflector: Required<Pick<ReflectorHooks, 'onList' | 'onWatch' | 'onProblem'>>;
  /** One image judged under one policy; seconds. */
  verification(event: { readonly result: Result; readonly reason: Reason; readonly seconds: number }): void;
  /** A judgement was ended. */
  overrun(code: string): void;
  /** Has `state` asked at each scrape; the last one given counts. */
  judging(state: () => { readonly workers: number; readonly busy: number; readonly waiting: number }): void;
  pin(mode: PinMode, result: PinResult): void;
  /** `code` is absent when no answer came. */
  registryRequest(kind: RequestKind, code: number | string | undefined): void;
  /** Clusters are told to run something else of a template than overrides say. */
  predictionDiffers(): void;
  readonly trust: TrustObserver;
  /** Has `state` asked at each scrape; the last one given counts. */
  fleet(state: () => FleetState): void;
  /** Has `state` asked at each scrape; the last one given counts. */
  caches(state: () => Iterable<CacheState>): void;
  /** What a scraper is to be answered. */
  exposition(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** `promtool check metrics` rightly objects to these of prom-client's own: gauges called totals. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A registry of its own with all series of `vocabulary` at 0, so that the first failure is already an increase. */
export function createMetrics(vocabulary: Vocabulary, build: { version: string; node: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const instruments = createInstruments(registry);
  initialise(instruments, vocabulary);
  initialiseTrust(instruments);
  instruments.buildInfo.set(build, 1);
  const collectors: (() => void)[] = [];
  let fleet: (() => FleetState) | undefined;
  let caches: (() => Iterable<CacheState>) | undefined;
  let judging: Parameters<Metrics['judging']>[0] | undefined;
  collectors.push(
    () => collectFleet(instruments, vocabulary, fleet?.()),
    () => collectCaches(instruments, caches?.() ?? []),
    () => collectJudging(instruments, judging?.()),
  );
  return {
    queue: (controller) => queueObserver(instruments, vocabulary, controller, collectors),
    controller: (controller, concurrency) => controllerObserver(instruments, controller, concurrency),
    transport: transportHooks(instruments, vocabulary),
    reflector: reflectorHooks(instruments),
    verification: ({ result, reason, seconds }) => {
      instruments.verifications.inc({ result, reason });
      instruments.verificationSeconds.observe(seconds);
    },
    overrun: (code) => instruments.overruns.inc({ code }),
    judging: (state) => {
      judging = state;
    },
    pin: (mode, result) => instruments.pins.inc({ mode, result }),
    registryRequest: (kind, code) => instruments.registryRequests.inc({ kind, code: codeLabel(code) }),
    predictionDiffers: () => instruments.karmada.differences.inc(),
    trust: trustObserver(instruments),
    fleet: (state) => {
      fleet = state;
    },
    caches: (state) => {
      caches = state;
    },
    exposition: async () => {
      for (const collect of collectors) collect();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

function collectFleet(instruments: Instruments, vocabulary: Vocabulary, state: FleetState | undefined): void {
  for (const name of vocabulary.workloadStates) instruments.workloads.set({ state: name }, state?.workloads[name] ?? 0);
  for (const labels of outcomes(vocabulary)) instruments.images.set(labels, 0);
  for (const { result, reason, count } of state?.images ?? []) instruments.images.inc({ result, reason }, count);
  instruments.unmatched.set(state?.unmatched ?? 0);
  const { templates, works, dropped } = instruments.karmada;
  for (const name of vocabulary.workloadStates) templates.set({ state: name }, state?.propagation?.templates[name] ?? 0);
  for (const result of [...vocabulary.results, UNMATCHED] as const) works.set({ result }, state?.propagation?.works[result] ?? 0);
  dropped.set(state?.propagation?.dropped ?? 0);
}

function collectJudging({ judges, unjudged }: Instruments, state = { workers: 0, busy: 0, waiting: 0 }): void {
  judges.set({ state: 'busy' }, state.busy);
  judges.set({ state: 'idle' }, state.workers - state.busy);
  unjudged.set(state.waiting);
}

function queueObserver(
  { queue }: Instruments,
  { priorities }: Vocabulary,
  controller: string,
  collectors: (() => void)[],
): QueueObserver {
  const labels = { name: controller, controller };
  queue.adds.inc(labels, 0);
  queue.retries.inc(labels, 0);
  queue.waited.zero(labels);
  queue.worked.zero(labels);
  return {
    attached: (view: QueueView) => {
      collectors.push(() => {
        for (const priority of priorities) {
          queue.depth.set({ ...labels, priority: String(priority) }, view.depth(priority));
        }
        queue.unfinished.set(labels, view.unfinishedSeconds());
        queue.longest.set(labels, view.longestRunningSeconds());
      });
    },
    added: () => queue.adds.inc(labels),
    retried: () => queue.retries.inc(labels),
    started: (seconds) => queue.waited.observe(labels, seconds),
    finished: (seconds) => queue.worked.observe(labels, seconds),
  };
}

function controllerObserver(instruments: Instruments, name: string, concurrency: number): ControllerObserver {
  const metrics = instruments.controller;
  const labels = { controller: name };
  for (const result of RECONCILE_RESULTS) metrics.total.inc({ ...labels, result }, 0);
  for (const counter of [metrics.errors, metrics.terminal, metrics.panics, metrics.timeouts]) counter.inc(labels, 0);
  metrics.seconds.zero(labels);
  metrics.workers.set(labels, concurrency);
  metrics.active.set(labels, 0);
  return {
    started: () => metrics.active.inc(labels),
    finished: (outcome, seconds) => {
      metrics.active.dec(labels);
      metrics.seconds.observe(labels, seconds);
      const failed = outcome.kind === 'error' || outcome.kind === 'terminal';
      const result = failed ? 'error' : outcome.kind === 'success' ? 'success' : 'requeue_after';
      metrics.total.inc({ ...labels, result });
      if (failed) metrics.errors.inc(labels);
      if (outcome.kind === 'terminal') metrics.terminal.inc(labels);
      if (outcome.kind === 'error' && outcome.defect) metrics.panics.inc(labels);
      if (outcome.kind === 'error' && outcome.timedOut) metrics.timeouts.inc(labels);
    },
    abandoned: () => metrics.active.dec(labels),
  };
}

function collectCaches({ watch }: Instruments, caches: Iterable<CacheState>): void {
  for (const { resource, objects, synced } of caches) {
    watch.objects.set({ resource }, objects);
    watch.synced.set({ resource }, synced ? 1 : 0);
  }
}

function transportHooks({ client }: Instruments, { apiServer: host }: Vocabulary): Metrics['transport'] {
  return {
    onRequest: ({ method, verb, code, seconds }) => {
      client.requests.inc({ code: codeLabel(code), method, host });
      client.seconds.observe({ verb, host }, seconds);
    },
  };
}

function reflectorHooks({ watch }: Instruments): Metrics['reflector'] {
  return {
    onList: ({ plural }, { code }) => watch.lists.inc({ resource: plural, result: code === 'ok' ? 'ok' : 'error' }),
    onWatch: ({ plural }) => watch.ends.inc({ resource: plural }),
    onProblem: ({ plural }, problem) => watch.failing.set({ resource: plural }, problem === undefined ? 0 : 1),
  };
}
