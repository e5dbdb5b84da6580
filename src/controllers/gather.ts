import { type ImageReference, parseImageReference } from '../api/image-reference.ts';
import type { PodImage } from '../api/pod-images.ts';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { messageOf, Waiting } from '../base/errors.ts';
import type { Keychain, RegistryClient } from '../registry/types.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import type { PolicyVerdict, VerificationEngine } from '../verification/types.ts';
import type { Ledger, WorkloadRecord } from './ledger.ts';
import { policyId, recordedImage } from './ledger.ts';
import type { ImageOutcome } from './outcome.ts';
import { rememberedRef } from './pin-plan.ts';
import { type PolicySet, type PolicyState, scopeOf } from './policy-set.ts';
import { type WorkloadObject, workloadKey } from './workload-object.ts';

/** What gathering asks of the world. */
export interface GatherDependencies {
  readonly policies: PolicySet;
  /** Ids of policies that exist but were not compiled yet: what they may govern must wait for them. */
  readonly uncompiled: () => readonly string[];
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
  readonly keychain: (workload: WorkloadObject, options: { readonly operators: boolean; readonly signal: AbortSignal }) => Promise<Keychain>;
  readonly engine: VerificationEngine;
  readonly registry: Pick<RegistryClient, 'resolveTag'>;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** Everything that the judgement of one workload is made from. */
export interface WorkloadFacts {
  readonly workload: WorkloadObject;
  readonly images: readonly ImageOutcome[];
  /** The policies that govern at least one image of it and are neither suspended nor refused. */
  readonly policies: readonly CompiledPolicy[];
  /** The longest wait that a registry asked for; milliseconds. */
  readonly retryAfter?: number;
  readonly now: number;
}

const UNCOMPILED_WAIT = 250;

interface ImageQuestion {
  readonly field: PodImage;
  readonly reference?: ImageReference;
  readonly problem?: string;
  readonly states: readonly PolicyState[];
}

/**
 * Looks up what every governing policy says of every image of a workload. Nothing is decided here.
 * @throws Waiting while a policy that may govern the workload is not compiled yet.
 */
export async function gather(dependencies: GatherDependencies, workload: WorkloadObject, signal: AbortSignal): Promise<WorkloadFacts> {
  const states = governingStates(dependencies, workload);
  const questions = workload.images.map((field) => question(field, states));
  const compiled = compiledOf(questions.flatMap((one) => one.states));
  const before = dependencies.ledger.get(workloadKey(workload));
  const operators = compiled.some((policy) => policy.key.kind === 'ClusterImageVerification');
  const keychain = compiled.length === 0 ? undefined : await dependencies.keychain(workload, { operators, signal });
  const waits: number[] = [];
  const images = await Promise.all(
    questions.map((one) => answer(dependencies, { workload, before, keychain, signal, waits }, one)),
  );
  return {
    workload,
    images,
    policies: compiled,
    now: dependencies.clock.now(),
    ...(waits.length === 0 ? {} : { retryAfter: Math.max(...waits) }),
  };
}

function governingStates({ policies, uncompiled, namespaceLabels }: GatherDependencies, workload: WorkloadObject): readonly PolicyState[] {
  const [missing] = uncompiled();
  if (missing !== undefined) throw new Waiting(`policy ${missing} is not compiled yet`, UNCOMPILED_WAIT);
  const labels = namespaceLabels(workload.namespace) ?? {};
  const states = [...policies.values()].filter((state) => scopeOf(state).governsWorkload({ ...workload, namespaceLabels: labels }));
  const pending = states.find((state) => state.status === 'pending');
  if (pending !== undefined) throw new Waiting(`the references of policy ${policyId(pending.key)} are not read yet`, UNCOMPILED_WAIT);
  return states.filter((state) => !(state.status === 'compiled' && state.policy.suspend));
}

function question(field: PodImage, states: readonly PolicyState[]): ImageQuestion {
  try {
    const reference = parseImageReference(field.image);
    return { field, reference, states: states.filter((state) => scopeOf(state).governsImage(reference.name)) };
  } catch (error) {
    // It has no name that a glob could be held against, so every policy of the workload must be taken to mean it.
    return { field, problem: messageOf(error, 400), states };
  }
}

function compiledOf(states: readonly PolicyState[]): CompiledPolicy[] {
  const policies = states.flatMap((state) => (state.status === 'compiled' ? [state.policy] : []));
  return [...new Map(policies.map((policy) => [policyId(policy.key), policy])).values()];
}

interface Asking {
  readonly workload: WorkloadObject;
  readonly before: WorkloadRecord | undefined;
  readonly keychain: Keychain | undefined;
  readonly signal: AbortSignal;
  readonly waits: number[];
}

async function answer(dependencies: GatherDependencies, asking: Asking, { field, reference, problem, states }: ImageQuestion): Promise<ImageOutcome> {
  const now = dependencies.clock.now();
  if (reference === undefined || asking.keychain === undefined) {
    const digest = reference?.digest;
    const verdicts = states.map((state) => unreadable(state, problem ?? 'the policy is not in force', now));
    return { field, name: reference?.name ?? field.image, pinned: digest !== undefined, verdicts, ...(digest === undefined ? {} : { digest }) };
  }
  const asked = compiledOf(states).filter((policy) => policy.exclusion({ name: reference.name }, now) === undefined);
  const verdict = await dependencies.engine.verify({ image: reference, policies: asked, keychain: asking.keychain, signal: asking.signal });
  if (verdict.retryAfter !== undefined) asking.waits.push(verdict.retryAfter);
  const digest = verdict.digest ?? reference.digest;
  const verdicts = states.map((state) => verdictOf(state, { name: reference.name, digest, now }, verdict.policies));
  const pinned = digest !== undefined && reference.digest === digest;
  const outcome = { field, name: reference.name, pinned, verdicts, ...(digest === undefined ? {} : { digest }) };
  return { ...outcome, ...(await tagFacts(dependencies, { ...asking, keychain: asking.keychain }, outcome, asked)) };
}

function unreadable(state: PolicyState, problem: string, now: number): PolicyVerdict {
  if (state.status === 'refused') return refused(state, now);
  const message = `${problem}; correct the reference`;
  return { policy: state.key, result: 'Unknown', reason: 'ManifestInvalid', message, verifiedAt: now };
}

function refused(state: Extract<PolicyState, { status: 'refused' }>, now: number): PolicyVerdict {
  const message = `the policy is not valid (${state.field}: ${state.message}); nothing is verified under it until it is corrected`;
  return { policy: state.key, result: 'Unknown', reason: 'PolicyInvalid', message: messageOf(message), verifiedAt: now };
}

interface Subject {
  readonly name: string;
  readonly digest: Digest | undefined;
  readonly now: number;
}

function verdictOf(state: PolicyState, { name, digest, now }: Subject, verdicts: readonly PolicyVerdict[]): PolicyVerdict {
  if (state.status === 'refused') return refused(state, now);
  if (state.status === 'compiled') {
    const exclusion = state.policy.exclusion(digest === undefined ? { name } : { name, digest }, now);
    if (exclusion !== undefined) {
      return { policy: state.key, result: 'Excluded', reason: 'Excluded', message: messageOf(`excluded by the policy: ${exclusion.reason}`), verifiedAt: now };
    }
  }
  const id = policyId(state.key);
  const verdict = verdicts.find((one) => policyId(one.policy) === id);
  return verdict ?? unreadable(state, 'no verdict was reached', now);
}

/** What is known of the tag that a pinned field came from; asked again once in each re-check interval at most. */
async function tagFacts(
  { registry, clock }: GatherDependencies,
  { workload, before, keychain, signal }: Asking & { keychain: Keychain },
  outcome: ImageOutcome,
  policies: readonly CompiledPolicy[],
): Promise<Pick<ImageOutcome, 'tag' | 'moved' | 'tagAskedAt'>> {
  const { field, digest } = outcome;
  const tag = rememberedRef(workload, field);
  if (tag === undefined || digest === undefined || policies.length === 0) return {};
  const known = recordedImage(before, field);
  const interval = Math.min(...policies.map((policy) => policy.recheckInterval));
  const since = Math.max(0, ...policies.map((policy) => policy.freshSince ?? 0));
  const askedAt = known?.tag === tag ? known.tagAskedAt : undefined;
  // A tag that was just pinned from, or that an operator which starts afresh finds, was resolved not long ago.
  if (askedAt === undefined && since === 0) return { tag, tagAskedAt: clock.now() };
  if (askedAt !== undefined && askedAt >= since && clock.now() - askedAt < interval) {
    return { tag, tagAskedAt: askedAt, ...(known?.moved === undefined ? {} : { moved: known.moved }) };
  }
  const reference = parseImageReference(tag);
  try {
    const current = await registry.resolveTag(reference, reference.tag ?? 'latest', { keychain, signal });
    if (current === digest) return { tag, tagAskedAt: clock.now() };
    const message = `${tag} points to ${current} by now; the digest stays because spec.pin.follow is Never, apply ${tag} again to take the new one.`;
    return { tag, tagAskedAt: clock.now(), moved: { digest: current, message } };
  } catch {
    signal.throwIfAborted();
    // Whether the tag moved is only news: what is pinned was judged by its digest.
    return { tag, tagAskedAt: clock.now(), ...(known?.moved === undefined ? {} : { moved: known.moved }) };
  }
}
