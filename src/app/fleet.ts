import { manifestImages } from '../api/object-images.ts';
import type { WorkloadKind } from '../api/workload-kinds.ts';
import type { Clock } from '../base/clock.ts';
import { Fleet, namespaceMatcher, optionalGroups, watchedResources, watchLabel } from '../controllers/fleet.ts';
import { KarmadaFleet } from '../controllers/karmada-fleet.ts';
import { kindNames } from '../controllers/workload-object.ts';
import type { KubeClient } from '../kube/client.ts';
import { Discovery } from '../kube/discovery.ts';
import type { Resource } from '../kube/object.ts';
import type { ReflectorHooks } from '../kube/recovery.ts';
import type { Source } from '../runtime/manager.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Options } from './options.ts';
import { discoverySource, optionalSourceOf, sourceOf } from './sources.ts';

/** What the caches are made of. */
export interface FleetGround {
  readonly options: Pick<Options, 'excludedNamespaces' | 'namespace'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly client: KubeClient;
  /** The kinds of workloads that are watched, where the API server has them. */
  readonly kinds: readonly WorkloadKind[];
}

/** The names of all caches, for metrics. */
export function cacheLabels(kinds: readonly WorkloadKind[]): readonly string[] {
  return [...watchedResources(kinds), ...KarmadaFleet.resources].map(watchLabel);
}

/** The caches, and what fills them, in the order in which it starts. */
export function createFleet({ options, clock, log, metrics, client, kinds }: FleetGround): { readonly fleet: Fleet; readonly karmada: KarmadaFleet; readonly sources: readonly Source[] } {
  const discovery = new Discovery({
    client,
    clock,
    groups: new Set([...optionalGroups(kinds), ...KarmadaFleet.resources.map(({ group }) => group)]),
    onProblem: (problem) => {
      if (problem === undefined) log.info('discovery is well again');
      else log.warn('the API server does not say what it serves, it is asked again', { code: problem.code, why: problem.message });
    },
  });
  const scope = options.namespace === undefined ? {} : { namespace: options.namespace };
  const common = { client, clock, discovery, ...scope, hooks: hooksOf(log, metrics) };
  const fleet = new Fleet({ ...common, kinds, excludedNamespaces: options.excludedNamespaces });
  const karmada = new KarmadaFleet({ ...common, nameOfKind: kindNames(kinds), isExcluded: namespaceMatcher(options.excludedNamespaces), imagesOfManifest: manifestImages(kinds) });
  metrics.caches(() => [...fleet.reflectors, ...fleet.optional, ...karmada.caches].map(({ resource, store, hasSynced }) => ({ resource: watchLabel(resource), objects: store.size, synced: hasSynced })));
  const sources = [discoverySource(discovery), ...fleet.reflectors.map((one) => sourceOf(one, clock)), ...[...fleet.optional, ...karmada.caches].map((one) => optionalSourceOf(one, clock))];
  return { fleet, karmada, sources };
}

const labelled = (resource: Resource): Resource => ({ ...resource, plural: watchLabel(resource) });

function hooksOf(log: Log, { reflector }: Metrics): ReflectorHooks {
  return {
    onList: (resource, record) => reflector.onList(labelled(resource), record),
    onWatch: (resource, record) => reflector.onWatch(labelled(resource), record),
    onProblem: (resource, problem) => {
      reflector.onProblem(labelled(resource), problem);
      if (problem === undefined) log.info('the watch is well again', { resource: watchLabel(resource) });
      else log.warn('the watch has a problem, it is tried again', { resource: watchLabel(resource), code: problem.code, why: problem.message });
    },
    onHandlerError: (resource, error) => log.error('an object could not be taken in', { resource: watchLabel(resource), error }),
  };
}
