import { digestOf } from '../base/digest.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { compareImages } from '../karmada/compare-images.ts';
import type { ReadYaml } from '../karmada/field-overrider.ts';
import { predictImages } from '../karmada/predict.ts';
import type { ClusterObject, ImagesOfManifest, OverridePolicyObject } from '../karmada/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { apiVersionOf, type KubeObject } from '../kube/object.ts';
import type { Reconcile } from '../runtime/controller.ts';
import { isBehind, type Rendering } from './effective.ts';
import type { WorkloadObject } from './workload-object.ts';

/** What comparing predictions with what Karmada did works with. */
export interface PredictionDependencies {
  readonly client: Pick<KubeClient, 'list'>;
  readonly clock: Clock;
  readonly workload: (key: string) => WorkloadObject | undefined;
  readonly renderings: (key: string) => readonly Rendering[] | undefined;
  /** The override policies that mean a template. */
  readonly overridesOf: (workload: WorkloadObject) => readonly OverridePolicyObject[];
  /** A member cluster by its name. */
  readonly cluster: (name: string) => ClusterObject | undefined;
  readonly imagesOfManifest: ImagesOfManifest;
  readonly readYaml: ReadYaml;
  /** A template was found of which clusters are told to run something else than what overrides say. */
  readonly onDifference: () => void;
}

/** How long after a change a template is looked at: by then Karmada has brought it everywhere. */
export const SETTLING = 10_000;
// What differs is believed when it does so twice: an override policy that was just edited is known before what Karmada makes of it.
const AGAIN = 30_000;
/** Time between two templates: each costs a request, and there may be thousands. */
const PACE = 200;
const MAX_NAMED = 3;

interface Memory {
  /** What was last found to agree, or was told. */
  readonly settled?: string;
  /** What was found to differ, and in what. */
  readonly suspected?: string;
  readonly told?: string;
}

/**
 * The reconcile of one template that Karmada propagates: predicts what each cluster is to run and compares it with what it is told. What was observed is right
 * and judged; a difference means that something beside overrides changes images, or that Karmada does not do as was understood, and is told once.
 */
export function createPredictionReconcile(dependencies: PredictionDependencies): Reconcile {
  const memories = new Map<string, Memory>();
  return async (key, { signal, log }) => {
    const workload = dependencies.workload(key);
    const renderings = dependencies.renderings(key) ?? [];
    if (workload === undefined || renderings.length === 0) return void memories.delete(key);
    // It will be looked at when it has come to rest.
    if (workload.deleting || renderings.some(({ work }) => work.deleting || isBehind(workload, work))) return undefined;
    const overrides = dependencies.overridesOf(workload);
    const memory = memories.get(key) ?? {};
    const state = stateOf(workload, renderings, overrides);
    if (memory.settled === state) return undefined;
    const differences = await differencesOf(dependencies, workload, renderings, overrides, signal);
    if (differences === undefined) return undefined;
    const found = differences.join('; ');
    if (found !== '' && memory.suspected !== `${state} ${found}`) {
      memories.set(key, { ...memory, suspected: `${state} ${found}` });
      return { requeueAfter: AGAIN };
    }
    if (found !== '' && memory.told !== found) {
      log.warn('clusters are told to run something else than the overrides say; what they are told is what is judged', { template: key, differences: differences.slice(0, MAX_NAMED), more: Math.max(0, differences.length - MAX_NAMED) });
      dependencies.onDifference();
    }
    memories.set(key, { settled: state, ...(found === '' ? {} : { told: found }) });
    return undefined;
  };
}

/** Changes with everything that a comparison is made of. */
function stateOf({ uid, generation }: WorkloadObject, renderings: readonly Rendering[], overrides: readonly OverridePolicyObject[]): string {
  const works = renderings.map(({ work: { cluster, images } }) => [cluster, images.map(({ image }) => image)]);
  return digestOf(JSON.stringify([uid, generation, works, overrides.map(({ namespace, name, resourceVersion }) => [namespace, name, resourceVersion])]));
}

/** A sentence for each cluster that differs; undefined where it cannot be said now. Without an override policy the template is what is to run, and nobody is asked for it. */
async function differencesOf(
  dependencies: PredictionDependencies,
  workload: WorkloadObject,
  renderings: readonly Rendering[],
  overrides: readonly OverridePolicyObject[],
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const placed = renderings.filter(({ leaving }) => !leaving);
  if (overrides.length === 0) return placed.flatMap(({ work }) => sentence(work.cluster, compareImages(workload.images, work.images)));
  const template = await wholeTemplate(dependencies, workload, signal);
  await sleep(dependencies.clock, PACE, signal);
  if (template === undefined) return undefined;
  const clusters = placed.flatMap(({ work }) => dependencies.cluster(work.cluster) ?? []);
  const predictions = predictImages({ template, overrides, clusters, imagesOfManifest: dependencies.imagesOfManifest, readYaml: dependencies.readYaml });
  return predictions.flatMap((prediction) => {
    // What cannot be rendered stays as it was rendered before, whatever that was.
    if (prediction.type === 'Refused' || prediction.uncertain === true) return [];
    const observed = placed.find(({ work }) => work.cluster === prediction.cluster)?.work.images ?? [];
    return sentence(prediction.cluster, compareImages(prediction.images, observed));
  });
}

function sentence(cluster: string, differences: ReturnType<typeof compareImages>): string[] {
  return differences.slice(0, 1).map(({ pointer, predicted = 'nothing', observed = 'nothing' }) => `${cluster}: ${predicted} was expected at ${pointer}, and there is ${observed}`);
}

/** The object with all that overrides may look at; undefined when it is not the one in the cache. Asked for as a list of one, which needs no right of its own. */
async function wholeTemplate({ client }: PredictionDependencies, { resource, namespace, name, uid, generation }: WorkloadObject, signal: AbortSignal): Promise<unknown> {
  const scope = resource.namespaced ? { namespace } : {};
  const { items } = await client.list<KubeObject>(resource, { ...scope, fieldSelector: `metadata.name=${name}`, limit: 1, signal });
  const [object] = items;
  if (object?.metadata.uid !== uid || object.metadata.generation !== generation) return undefined;
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}
