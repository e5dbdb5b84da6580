import { boundedImages } from '../api/object-limits.ts';
import type { PodImage } from '../api/pod-images.ts';
import { affinitySteps, clusterMatches } from './cluster-affinity.ts';
import type { ReadYaml } from './field-overrider.ts';
import { recordOf, textOf } from './json.ts';
import { selectorSteps } from './label-matching.ts';
import { withoutKarmadas } from './names.ts';
import { applyOverriders, type OverrideContext } from './overriders.ts';
import { Budget, OverrideError, type RefusalCode } from './refusal.ts';
import { highestScore, SCORE, type Score, selectedOf, type Selected } from './selectors.ts';
import type { ClusterObject, ImagesOfManifest, OverridePolicyObject } from './types.ts';

/** An override policy that changed, or would change, what a cluster is told to run. */
export type AppliedOverride = Pick<OverridePolicyObject, 'kind' | 'namespace' | 'name'>;

/** What one cluster is going to be told to run. */
export type Prediction = {
  readonly cluster: string;
  /** Override policies with a rule for this cluster, in the order in which they apply; up to the one that refused. */
  readonly applied: readonly AppliedOverride[];
} & (
  | {
      readonly type: 'Images';
      readonly images: readonly PodImage[];
      /** Labels but for Karmada's own. */
      readonly labels: Readonly<Record<string, string>>;
      /** Set where Karmada panics for another cluster: it renders one after the other, and may not come to this one. */
      readonly uncertain?: true;
    }
  /** Karmada renders no Work, and what the cluster was told before stays. */
  | { readonly type: 'Refused'; readonly code: RefusalCode; readonly reason: string }
);

/** What is asked. */
export interface PredictionQuestion {
  /** The whole template, as plain JSON; it is not changed. */
  readonly template: unknown;
  /** Override policies of any namespace, in any order; those of other namespaces do not apply. */
  readonly overrides: Iterable<OverridePolicyObject>;
  readonly clusters: Iterable<ClusterObject>;
  readonly imagesOfManifest: ImagesOfManifest;
  readonly readYaml?: ReadYaml;
}

/**
 * The images of a template in each cluster, as Karmada is going to render them: all ClusterOverridePolicies that mean it, then all
 * OverridePolicies of its namespace that mean what came out of that; in each class the closer selector later, and the higher name later (pkg/util/overridemanager).
 * Where no rule is for a cluster, its images are those of the template, and the same value. Never throws.
 */
export function predictImages(question: PredictionQuestion): readonly Prediction[] {
  const selected = selectedOf(question.template);
  const all = [...question.overrides];
  const cluster = all.filter(({ kind }) => kind === 'ClusterOverridePolicy');
  const namespaced = selected.namespace === '' ? [] : all.filter(({ kind, namespace }) => kind === 'OverridePolicy' && namespace === selected.namespace);
  const budget = new Budget();
  const run: Run = {
    ...question,
    context: { budget, readYaml: question.readYaml },
    clusterOverrides: once(() => overridesInOrder(cluster, selected, budget)),
    namespaced,
    unchanged: once(() => ({ overrides: overridesInOrder(namespaced, selected, budget), ...rendered(question, question.template) })),
  };
  const predictions = Array.from(question.clusters, (one) => predictFor(one, run));
  const panics = predictions.some((one) => one.type === 'Refused' && one.code === 'Panic');
  return panics ? predictions.map((one) => (one.type === 'Images' ? { ...one, uncertain: true } : one)) : predictions;
}

interface Run extends PredictionQuestion {
  readonly context: OverrideContext;
  readonly clusterOverrides: () => readonly OverridePolicyObject[];
  readonly namespaced: readonly OverridePolicyObject[];
  /** What stands where no rule of a ClusterOverridePolicy applies: the same for every cluster. */
  readonly unchanged: () => Rendered & { readonly overrides: readonly OverridePolicyObject[] };
}

interface Rendered {
  readonly images: readonly PodImage[];
  readonly labels: Readonly<Record<string, string>>;
}

function predictFor(cluster: ClusterObject, run: Run): Prediction {
  const applied: AppliedOverride[] = [];
  try {
    const afterCluster = applyAll(run.template, run.clusterOverrides(), cluster, applied, run.context);
    const overrides = afterCluster === run.template ? run.unchanged().overrides : overridesInOrder(run.namespaced, selectedOf(afterCluster), run.context.budget);
    const object = applyAll(afterCluster, overrides, cluster, applied, run.context);
    const { images, labels } = object === run.template ? run.unchanged() : rendered(run, object);
    return { cluster: cluster.name, applied, type: 'Images', images, labels };
  } catch (error) {
    if (error instanceof OverrideError) return { cluster: cluster.name, applied, type: 'Refused', code: error.code, reason: error.message };
    throw error;
  }
}

function applyAll(object: unknown, overrides: readonly OverridePolicyObject[], cluster: ClusterObject, applied: AppliedOverride[], context: OverrideContext): unknown {
  let current = object;
  for (const { kind, namespace, name, rules, tooLarge } of overrides) {
    const meant = rules.filter(({ targetCluster }) => {
      context.budget.spend(affinitySteps(targetCluster));
      return targetCluster === undefined || clusterMatches(cluster, targetCluster);
    });
    if (meant.length > 0 || tooLarge) applied.push({ kind, namespace, name });
    if (tooLarge) throw new OverrideError('NotModelled', `${kind} "${name}" is too large to be looked at`);
    for (const { overriders } of meant) current = applyOverriders(current, overriders, context);
  }
  return current;
}

/**
 * Of override policies of one class those that mean an object, as they apply one after the other: the last one wins. Those whose selectors are beyond the budget
 * may mean it; they are as if they were too large.
 */
export function overridesInOrder(overrides: readonly OverridePolicyObject[], object: Selected, budget = new Budget()): readonly OverridePolicyObject[] {
  return overrides
    .map((policy) => (budget.allows(selectionSteps(policy)) ? { policy, score: scoreOf(policy, object) } : { policy: tooMuch(policy), score: SCORE.all }))
    .filter(({ score }) => score !== SCORE.none)
    .toSorted((one, other) => one.score - other.score || (one.policy.name < other.policy.name ? -1 : 1))
    .map(({ policy }) => policy);
}

function scoreOf({ resourceSelectors }: OverridePolicyObject, object: Selected): Score {
  return resourceSelectors.length === 0 ? SCORE.all : highestScore(object, resourceSelectors);
}

function selectionSteps({ resourceSelectors }: OverridePolicyObject): number {
  return resourceSelectors.reduce((steps, { labelSelector }) => steps + 1 + selectorSteps(labelSelector), 1);
}

function tooMuch(policy: OverridePolicyObject): OverridePolicyObject {
  return { ...policy, resourceSelectors: [], rules: [], tooLarge: true };
}

function rendered({ imagesOfManifest }: Pick<PredictionQuestion, 'imagesOfManifest'>, object: unknown): Rendered {
  const { apiVersion, kind } = recordOf(object);
  const images = imagesOfManifest(textOf(apiVersion), textOf(kind), object) ?? [];
  return { images: boundedImages(images), labels: withoutKarmadas(selectedOf(object).labels) };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
