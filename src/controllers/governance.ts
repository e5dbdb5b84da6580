import { type ImageReference, parseImageReference } from '../api/image-reference.ts';
import { MAX_IMAGES } from '../api/object-limits.ts';
import type { PodImage } from '../api/pod-images.ts';
import { messageOf, Waiting } from '../base/errors.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import { type Deviation, MAX_DEVIATIONS } from './effective.ts';
import { policyId } from './ledger.ts';
import { namespaceOfPolicy } from './policy-object.ts';
import { type PolicySet, type PolicyState, scopeOf } from './policy-set.ts';
import type { WorkloadObject } from './workload-object.ts';

/** What is asked to know who governs a workload. */
export interface GovernanceDependencies {
  readonly policies: PolicySet;
  /** Ids of policies that exist but were not compiled yet: what they may govern must wait for them. */
  readonly uncompiled: () => readonly string[];
  /** Undefined for a namespace that is not known (yet). */
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
}

/** One image field with the policies that govern it. */
export interface ImageQuestion {
  readonly field: PodImage;
  readonly reference?: ImageReference;
  /** Why there is no reference, and what to do. */
  readonly problem?: string;
  readonly states: readonly SettledGovernor[];
}

/** A policy in force, or one that does not compile. */
export type SettledGovernor = Exclude<PolicyState, { status: 'pending' }>;

const SHORT_WAIT = 250;
// What the policy refers to being read is an event of its own, which has its workloads judged: this only bounds the loss of one.
const REFERENCES_WAIT = 30_000;

/**
 * Who governs which image of a workload; suspended policies govern nothing.
 * @throws Waiting while that cannot be said, because a policy or the namespace is not known yet: acting on half of the
 *   policies could pin what another forbids.
 */
export function questionsOf(dependencies: GovernanceDependencies, workload: WorkloadObject): readonly ImageQuestion[] {
  const states = governorsOf(dependencies, workload, [workload.labels]);
  return workload.images.map((field) => questionOf(field, states));
}

/** One image that clusters run instead of the template's own, with the policies that govern it there. */
export interface DeviantQuestion extends ImageQuestion {
  readonly deviation: Deviation;
}

/**
 * Who governs what clusters run instead: governance follows the image, so a policy does that matches the template's reference or
 * the one that runs, by the labels of the template or of the manifest; no override takes an image out of a policy's reach.
 * Where only labels differ, nothing is asked unless they bring in a policy that does not govern the template's own image.
 * @throws Waiting as {@link questionsOf}.
 */
export function deviantQuestionsOf(dependencies: GovernanceDependencies, workload: WorkloadObject, deviations: readonly Deviation[]): readonly DeviantQuestion[] {
  if (deviations.length === 0) return [];
  const own = governorsOf(dependencies, workload, [workload.labels]);
  const known = new Map<Labels, readonly PolicyState[]>();
  const governors = (labels: Labels): readonly PolicyState[] => {
    const states = known.get(labels) ?? governorsOf(dependencies, workload, [workload.labels, labels]);
    known.set(labels, states);
    return states;
  };
  return deviations.flatMap((deviation): DeviantQuestion[] => {
    const states = deviation.labels === undefined ? own : governors(deviation.labels.of);
    const question = { ...deviantQuestionOf(deviation, states), deviation };
    if (deviation.own?.image !== deviation.field.image) return [question];
    const before = new Set(questionOf(deviation.own, own).states.map(({ key }) => policyId(key)));
    return question.states.some(({ key }) => !before.has(policyId(key))) ? [question] : [];
  });
}

function deviantQuestionOf({ field, own }: Deviation, states: readonly PolicyState[]): ImageQuestion {
  if (field.omitted !== undefined) {
    const problem = `clusters run ${field.omitted} images more of it than the ${MAX_DEVIATIONS} different ones that are looked at; override it in fewer ways`;
    return { field, problem, states: settled(states) };
  }
  const question = questionOf(field, states);
  if (own === undefined) return question;
  const ids = new Set([...question.states, ...questionOf(own, states).states].map(({ key }) => policyId(key)));
  return { ...question, states: settled(states.filter(({ key }) => ids.has(policyId(key)))) };
}

type Labels = Readonly<Record<string, string>> | undefined;

/** The policies that govern a workload that has any of these sets of labels. */
function governorsOf({ policies, uncompiled, namespaceLabels }: GovernanceDependencies, workload: WorkloadObject, either: readonly Labels[]): readonly PolicyState[] {
  // WARNING: those of other namespaces are not waited for, or whoever makes many policies in one would stop the fleet.
  const missing = uncompiled().find((id) => ['', workload.namespace].includes(namespaceOfPolicy(id)));
  if (missing !== undefined) throw new Waiting(`policy ${missing} is not compiled yet`, SHORT_WAIT);
  const { namespace } = workload;
  const kind = workload.anyKind === true ? undefined : workload.kind;
  const known = namespaceLabels(namespace);
  return [...policies.values()].filter((state) => {
    if (state.status === 'compiled' && state.policy.suspend) return false;
    if (known === undefined && state.key.namespace === undefined) throw new Waiting(`namespace ${namespace} is not known yet`, SHORT_WAIT);
    return either.some((labels) => scopeOf(state).governsWorkload({ kind, namespace, labels, namespaceLabels: known ?? {} }));
  });
}

function questionOf(field: PodImage, states: readonly PolicyState[]): ImageQuestion {
  if (field.omitted !== undefined) {
    const problem = `it has ${field.omitted} images more than the ${MAX_IMAGES} of a workload that are looked at; make several workloads of it`;
    return { field, problem, states: settled(states) };
  }
  try {
    const reference = parseImageReference(field.image);
    return { field, reference, states: settled(states.filter((state) => scopeOf(state).governsImage(reference.name))) };
  } catch (error) {
    if (error instanceof Waiting) throw error;
    // It has no name that a glob could be held against, so every policy of the workload must be taken to mean it.
    return { field, problem: `${messageOf(error, 400)}; correct the reference`, states: settled(states) };
  }
}

function settled(states: readonly PolicyState[]): readonly SettledGovernor[] {
  return states.map((state) => {
    if (state.status === 'pending') throw new Waiting(`the references of policy ${policyId(state.key)} are not read yet`, REFERENCES_WAIT);
    return state;
  });
}

/** The policies in force among these, each once. */
export function compiledOf(states: readonly PolicyState[]): CompiledPolicy[] {
  const policies = states.flatMap((state) => (state.status === 'compiled' ? [state.policy] : []));
  return [...new Map(policies.map((policy) => [policyId(policy.key), policy])).values()];
}

/** Equal as long as the same policies, unchanged, govern the same images. */
export function governanceOf(questions: readonly ImageQuestion[]): string {
  return JSON.stringify(questions.map(({ states }) => states.map(({ key, uid, status, hash }) => [policyId(key), uid, status, hash])));
}
