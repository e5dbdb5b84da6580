import type { AppliedOverride } from '../karmada/predict.ts';
import type { Claim } from '../karmada/types.ts';
import type { ReconcileContext } from '../runtime/controller.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import type { PolicyVerdict } from '../verification/types.ts';
import { ask, type Asking, beginAsking, type GatherDependencies, isWide, longestWait, refused, unreadable, verdictOf } from './asking.ts';
import type { Effective } from './effective.ts';
import { compiledOf, type DeviantQuestion, deviantQuestionsOf, governanceOf, type ImageQuestion, questionsOf } from './governance.ts';
import { policyId, recordedImage } from './ledger.ts';
import type { EffectiveImage, ImageOutcome } from './outcome.ts';
import { rememberedRef } from './pin-plan.ts';
import { tagFacts } from './tag-facts.ts';
import type { WorkloadObject } from './workload-object.ts';

/** Everything that the judgement of one workload is made from. */
export interface WorkloadFacts {
  readonly workload: WorkloadObject;
  readonly images: readonly ImageOutcome[];
  /** The policies that govern at least one image of it and are neither suspended nor refused. */
  readonly policies: readonly CompiledPolicy[];
  /** Equal as long as the same policies, unchanged, govern the same images. */
  readonly governance: string;
  /** The longest wait that a registry asked for; milliseconds. */
  readonly retryAfter?: number;
  readonly now: number;
  /** What the clusters of Karmada run of it; absent where there is no Karmada. */
  readonly effective?: EffectiveFacts;
}

/** What was found out about what clusters run of one template. */
export interface EffectiveFacts extends Pick<Effective, 'clusters' | 'same' | 'rendering'> {
  /** What some clusters run instead of the template's own images. */
  readonly images: readonly EffectiveImage[];
  /** The policies in force that govern these. */
  readonly policies: readonly CompiledPolicy[];
  /** The override policies that may have taken digests away; the last one wins. */
  readonly overriders: readonly AppliedOverride[];
  /** The policy of Karmada that propagates the template. */
  readonly claim?: Claim | undefined;
}

type Context = Pick<ReconcileContext, 'signal' | 'log'>;

/**
 * Looks up what every governing policy says of every image of a workload. Nothing is decided here.
 * @throws Waiting while a policy that may govern the workload is not known in full.
 */
export async function gather(dependencies: GatherDependencies, workload: WorkloadObject, context: Context): Promise<WorkloadFacts> {
  const questions = questionsOf(dependencies, workload);
  const policies = compiledOf(questions.flatMap(({ states }) => states));
  const asking = await beginAsking(dependencies, workload, policies, context);
  const images = await Promise.all(questions.map((one) => outcomeOf(dependencies, asking, one)));
  const retryAfter = await longestWait(asking);
  return { workload, images, policies, governance: governanceOf(questions), now: dependencies.clock.now(), ...(retryAfter === 0 ? {} : { retryAfter }) };
}

/**
 * Adds what the clusters run to the facts of a template. An image with the digest that was judged for the template's own takes
 * over that verdict, and nobody is asked; another digest, or only a tag, is judged afresh.
 * @throws Waiting as {@link gather}.
 */
export async function gatherEffective(
  dependencies: GatherDependencies,
  facts: WorkloadFacts,
  effective: Effective & Pick<EffectiveFacts, 'claim'> & { readonly overriders: (cluster: string) => readonly AppliedOverride[] },
  context: Context,
): Promise<WorkloadFacts> {
  const { clusters, same, rendering, claim } = effective;
  const questions = deviantQuestionsOf(dependencies, facts.workload, effective.deviations);
  const policies = compiledOf(questions.flatMap(({ states }) => states));
  // Where every verdict is taken over there is nothing to ask, and nobody's credentials are looked for.
  const open = questions.filter((question) => question.states.some(({ key }) => takenBy(question, facts.images)(policyId(key)) === undefined));
  const asking = await beginAsking(dependencies, facts.workload, compiledOf(open.flatMap(({ states }) => states)), context);
  const images = await Promise.all(questions.map((one) => deviantOutcomeOf(dependencies, asking, one, facts.images)));
  const retryAfter = Math.max(facts.retryAfter ?? 0, await longestWait(asking));
  const dropped = images.find((image) => image.dropped === true)?.clusters[0];
  const overriders = dropped === undefined ? [] : effective.overriders(dropped);
  return { ...facts, effective: { clusters, same, rendering, images, policies, overriders, claim }, ...(retryAfter === 0 ? {} : { retryAfter }) };
}

async function outcomeOf(dependencies: GatherDependencies, asking: Asking, question: ImageQuestion): Promise<ImageOutcome> {
  const { outcome, asked } = await judged(dependencies, asking, question, () => undefined);
  const tag = rememberedRef(asking.workload, question.field);
  const keychain = asked.some(isWide) ? asking.keychains.operators : asking.keychains.own;
  if (tag === undefined || asked.length === 0 || keychain === undefined) return outcome;
  const { registry, clock } = dependencies;
  return { ...outcome, ...(await tagFacts({ registry, clock, keychain, signal: asking.signal, tag, outcome, known: recordedImage(asking.before, question.field), policies: asked })) };
}

async function deviantOutcomeOf(dependencies: GatherDependencies, asking: Asking, question: DeviantQuestion, own: readonly ImageOutcome[]): Promise<EffectiveImage> {
  const { deviation } = question;
  const { outcome } = await judged(dependencies, asking, question, takenBy(question, own));
  return { ...outcome, clusters: deviation.clusters, own: deviation.own?.image, ...(deviation.dropped ? { dropped: true } : {}) };
}

/** By a policy's id its verdict on the template's own image, where that has the very digest that runs. */
function takenBy({ deviation, reference }: DeviantQuestion, own: readonly ImageOutcome[]): (id: string) => PolicyVerdict | undefined {
  const template = own.find(({ field }) => field.pointer === deviation.own?.pointer);
  if (reference?.digest === undefined || template?.digest !== reference.digest) return () => undefined;
  return (id) => template.verdicts.find(({ policy }) => policyId(policy) === id);
}

interface Judged {
  readonly outcome: ImageOutcome;
  /** The policies that were asked about it. */
  readonly asked: readonly CompiledPolicy[];
}

/** One image under its policies; of those for which `taken` has a verdict none is asked. */
async function judged(
  dependencies: GatherDependencies,
  asking: Asking,
  { field, reference, problem, states }: ImageQuestion,
  taken: (id: string) => PolicyVerdict | undefined,
): Promise<Judged> {
  const now = dependencies.clock.now();
  if (reference === undefined) {
    const verdicts = states.map((state) => (state.status === 'refused' ? refused(state, now) : unreadable(state, problem ?? 'it cannot be read', now)));
    return { outcome: { field, name: field.image, pinned: false, verdicts }, asked: [] };
  }
  const { name } = reference;
  const excludable = { name, ...(reference.digest === undefined ? {} : { digest: reference.digest }) };
  const asked = compiledOf(states).filter((policy) => taken(policyId(policy.key)) === undefined && policy.exclusion(excludable, now) === undefined);
  const answer = await ask(dependencies, asking, reference, asked);
  const digest = answer.digest ?? reference.digest;
  const known = digest === undefined ? { name } : { name, digest };
  const verdicts = states.map((state) => taken(policyId(state.key)) ?? verdictOf(state, known, now, answer.policies));
  return { outcome: { field, name, pinned: digest !== undefined && reference.digest === digest, verdicts, ...(digest === undefined ? {} : { digest }) }, asked };
}
