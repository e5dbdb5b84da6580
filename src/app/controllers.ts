import type { WorkloadKind } from '../api/workload-kinds.ts';
import { deadline } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import type { Fleet } from '../controllers/fleet.ts';
import type { KarmadaFleet } from '../controllers/karmada-fleet.ts';
import { connectKarmadaTriggers } from '../controllers/karmada-triggers.ts';
import { Ledger } from '../controllers/ledger.ts';
import { Pending } from '../controllers/pending.ts';
import { createPolicyReconcile } from '../controllers/policy.ts';
import { PolicyCompiler } from '../controllers/policy-compiler.ts';
import { idOf, namespaceOfPolicy } from '../controllers/policy-object.ts';
import { PolicySet } from '../controllers/policy-set.ts';
import { createPredictionReconcile, SETTLING } from '../controllers/prediction.ts';
import { PropagationReporter } from '../controllers/propagation-events.ts';
import { createPullSecrets } from '../controllers/pull-secrets.ts';
import { connectTriggers, governanceChanged, type TriggerDependencies } from '../controllers/triggers.ts';
import { createWorkloadReconcile } from '../controllers/workload.ts';
import { splitWorkloadKey } from '../controllers/workload-object.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../kube/events.ts';
import { parseYaml } from '../kube/yaml.ts';
import type { Keychain, RegistryClient } from '../registry/types.ts';
import { createController, type Reconcile } from '../runtime/controller.ts';
import type { Component } from '../runtime/manager.ts';
import { RESYNC, WorkQueue } from '../runtime/work-queue.ts';
import type { Log } from '../telemetry/log.ts';
import type { FleetState, Metrics } from '../telemetry/metrics.ts';
import { createEngine } from '../verification/engine.ts';
import type { Judging } from './judging.ts';
import type { Options } from './options.ts';
import type { OperatorTrust } from './trust.ts';

/** What all parts of the operator share. */
export interface Ground {
  readonly options: Options;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly client: KubeClient;
  readonly registry: RegistryClient;
  readonly trust: OperatorTrust;
  readonly judging: Judging;
  /** The operator's own registry credentials. */
  readonly operators: Keychain;
  /** The kinds of workloads that are watched. */
  readonly kinds: readonly WorkloadKind[];
}

/** What both controllers work on. */
interface Shared {
  readonly fleet: Fleet;
  readonly karmada: KarmadaFleet;
  readonly policies: PolicySet;
  readonly ledger: Ledger;
  readonly pending: Pending;
  readonly workloadQueue: WorkQueue;
  readonly policyQueue: WorkQueue;
  readonly predictionQueue: WorkQueue;
}

/** The controllers over a fleet, and what must be running before they start, in that order. */
export function createControllers(ground: Ground, fleet: Fleet, karmada: KarmadaFleet): readonly Component[] {
  const { log, metrics, client, clock } = ground;
  const shared: Shared = {
    fleet,
    karmada,
    policies: new PolicySet(),
    ledger: new Ledger(),
    pending: new Pending(),
    // By namespace: one tenant's images may wait for a registry that does not answer, or be ten thousand.
    workloadQueue: new WorkQueue({ clock, observer: metrics.queue('workload'), groupOf: (key) => splitWorkloadKey(key).namespace }),
    policyQueue: new WorkQueue({ clock, observer: metrics.queue('policy'), groupOf: namespaceOfPolicy }),
    predictionQueue: new WorkQueue({ clock, observer: metrics.queue('prediction') }),
  };
  const triggers = { ...shared, clock, renderings: (key: string) => karmada.renderings(key), disguised: (namespace: string | undefined) => karmada.allDisguised(namespace) };
  const events = createEventRecorder({ client, clock, hooks: { onError: (error) => log.warn('an event was not written', { error }) } });
  const compiler = createCompiler(ground, shared.policyQueue);
  ground.trust.onChange(() => [...fleet.allPolicies()].forEach((policy) => shared.policyQueue.add(idOf(policy))));
  metrics.fleet(() => fleetState(shared.ledger));
  return [
    // The last to be stopped: until then others may have something judged.
    ground.judging.component,
    { name: 'events', start: () => undefined, stop: (grace) => stopEvents(events, clock, grace) },
    { name: 'references', start: () => undefined, stop: () => compiler.stop() },
    triggerComponent(triggers, karmada, shared.ledger),
    ...ground.trust.components,
    policyController(ground, shared, compiler, triggers),
    workloadController(ground, shared, events),
    predictionController(ground, shared),
  ];
}

function fleetState(ledger: Ledger): FleetState {
  const { templates, works, dropped } = ledger.propagation();
  return {
    workloads: Object.fromEntries(ledger.workloadsByState()),
    images: ledger.imagesByResult(),
    unmatched: ledger.unmatchedImages(),
    propagation: { templates: Object.fromEntries(templates), works: Object.fromEntries(works), dropped },
  };
}

function policyController(ground: Ground, shared: Shared, compiler: PolicyCompiler, triggers: TriggerDependencies): Component {
  const { client, clock } = ground;
  const { fleet, policies, ledger, pending } = shared;
  const reconcile = createPolicyReconcile({
    client,
    clock,
    policies,
    ledger,
    pending,
    policy: (id) => fleet.policy(id),
    compile: (id, object, before) => compiler.compile(id, object, before),
    release: (id) => compiler.release(id),
    blind: () => shared.karmada.blind,
    governanceChanged: (before, after) => governanceChanged(triggers, before, after),
  });
  return controllerOf(ground, 'policy', shared.policyQueue, reconcile);
}

function workloadController(ground: Ground, shared: Shared, events: EventRecorder): Component {
  const { client, clock, registry, log, metrics, operators, judging, options } = ground;
  const { fleet, karmada, policies, ledger, pending, policyQueue, predictionQueue } = shared;
  const reporter = new PropagationReporter({ clock, events, claimed: (claim) => karmada.claimed(claim) });
  const reconcile = createWorkloadReconcile({
    client,
    clock,
    policies,
    ledger,
    pending,
    events,
    registry,
    engine: createEngine({ registry, clock, judge: judging.judge, limits: options.limits, hooks: { onVerification: (event) => metrics.verification(event) } }),
    workload: (key) => fleet.workload(key) ?? karmada.disguised(key),
    propagation: {
      renderings: (key) => karmada.renderings(key),
      overriders: (workload, cluster) => karmada.overriders(workload, cluster),
      claim: (workload) => karmada.claimOf(workload),
      onRecord: (key, record) => {
        reporter.onRecord(key, record);
        if (karmada.isKnown) predictionQueue.add(key, { priority: RESYNC, after: SETTLING });
      },
    },
    namespaceLabels: (name) => fleet.namespaceLabels(name),
    uncompiled: () => [...fleet.allPolicies()].map(idOf).filter((id) => policies.get(id) === undefined),
    keychain: createPullSecrets({ client, clock, operators, onNote: (note) => log.warn('a pull secret is not used', { note }) }),
    policiesTouched: (ids) => [...ids].forEach((id) => policyQueue.add(id)),
    onPin: (result) => (result === 'gone' ? undefined : metrics.pin('Patch', result)),
  });
  return controllerOf(ground, 'workload', shared.workloadQueue, reconcile);
}

function predictionController(ground: Ground, { fleet, karmada, predictionQueue }: Shared): Component {
  const reconcile = createPredictionReconcile({
    client: ground.client,
    clock: ground.clock,
    workload: (key) => fleet.workload(key),
    renderings: (key) => karmada.renderings(key),
    overridesOf: (workload) => karmada.overridesOf(workload),
    cluster: (name) => karmada.clusters.store.get(name),
    imagesOfManifest: karmada.imagesOfManifest,
    readYaml: parseYaml,
    onDifference: () => ground.metrics.predictionDiffers(),
  });
  return controllerOf(ground, 'prediction', predictionQueue, reconcile, 1);
}

function createCompiler({ client, clock, options, trust, judging, kinds }: Ground, policyQueue: WorkQueue): PolicyCompiler {
  const { operatorNamespace } = options;
  return new PolicyCompiler({
    client,
    clock,
    operatorNamespace,
    kinds: kinds.map(({ name }) => name),
    trustRoot: () => trust.current(),
    describeTrust: judging.describeTrust,
    onReferenceChange: (ids) => ids.forEach((id) => policyQueue.add(id)),
  });
}

/** WARNING: connected after the first lists: a workload that is judged before its policy is known would be governed by nobody. */
function triggerComponent(triggers: TriggerDependencies, karmada: KarmadaFleet, ledger: Ledger): Component {
  let endings: readonly (() => void)[] = [];
  return {
    name: 'triggers',
    start: () => {
      endings = [connectTriggers(triggers), connectKarmadaTriggers({ ...triggers, karmada, dropped: (namespace) => ledger.dropped(namespace) })];
    },
    stop: () => endings.forEach((end) => end()),
  };
}

/** What was decided is still told, as far as the grace allows. */
async function stopEvents(events: EventRecorder, clock: Clock, grace: number): Promise<void> {
  const limit = deadline(clock, grace, 'writing the last events');
  await events.flush(limit.signal).catch(() => undefined);
  limit.cancel();
  await events.stop();
}

function controllerOf({ options, log, metrics, clock }: Ground, name: string, queue: WorkQueue, reconcile: Reconcile, concurrency = options.workers): Component {
  return createController({ name, queue, reconcile, concurrency, timeout: options.reconcileTimeout, clock, log, observer: metrics.controller(name, concurrency) });
}
