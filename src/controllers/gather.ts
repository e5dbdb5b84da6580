import { formatImageReference, type ImageReference } from '../api/image-reference.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Keychain, RegistryClient } from '../registry/types.ts';
import type { ReconcileContext } from '../runtime/controller.ts';
import { failureVerdict } from '../verification/failure.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import type { ImageVerdict, PolicyVerdict, VerificationEngine } from '../verification/types.ts';
import { compiledOf, type GovernanceDependencies, governanceOf, type ImageQuestion, questionsOf, type SettledGovernor } from './governance.ts';
import { type Ledger, policyId, recordedImage, type WorkloadRecord } from './ledger.ts';
import type { ImageOutcome } from './outcome.ts';
import { rememberedRef } from './pin-plan.ts';
import type { PullSecrets } from './pull-secrets.ts';
import { tagFacts } from './tag-facts.ts';
import { type WorkloadObject, workloadKey } from './workload-object.ts';

/** What gathering asks of the world. */
export interface GatherDependencies extends GovernanceDependencies {
  readonly keychain: PullSecrets;
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
  /** Equal as long as the same policies, unchanged, govern the same images. */
  readonly governance: string;
  /** The longest wait that a registry asked for; milliseconds. */
  readonly retryAfter?: number;
  readonly now: number;
}

type Context = Pick<ReconcileContext, 'signal' | 'log'>;

interface Asking extends Context {
  readonly workload: WorkloadObject;
  readonly before: WorkloadRecord | undefined;
  /** The credentials that policies of a kind may use. */
  readonly keychains: Keychains;
  /** The engine's answers, by canonical reference: a tag that several containers name is resolved once. */
  readonly answers: Map<string, Promise<ImageVerdict>>;
}

/**
 * Looks up what every governing policy says of every image of a workload. Nothing is decided here.
 * @throws Waiting while a policy that may govern the workload is not known in full.
 */
export async function gather(dependencies: GatherDependencies, workload: WorkloadObject, { signal, log }: Context): Promise<WorkloadFacts> {
  const questions = questionsOf(dependencies, workload);
  const policies = compiledOf(questions.flatMap(({ states }) => states));
  const recorded = dependencies.ledger.get(workloadKey(workload));
  const before = recorded?.uid === workload.uid ? recorded : undefined;
  const asking: Asking = { workload, before, signal, log, keychains: await keychainsOf(dependencies, workload, policies, signal), answers: new Map() };
  const images = await Promise.all(questions.map((one) => outcomeOf(dependencies, asking, one)));
  const waits = await Promise.all([...asking.answers.values()].map(async (answer) => (await answer).retryAfter ?? 0));
  const retryAfter = Math.max(0, ...waits);
  return { workload, images, policies, governance: governanceOf(questions), now: dependencies.clock.now(), ...(retryAfter === 0 ? {} : { retryAfter }) };
}

interface Keychains {
  readonly own?: Keychain;
  readonly operators?: Keychain;
}

/** A namespaced policy asks with the pull secrets of its namespace alone; the operator's own serve the cluster kind (api.md, Authorities). */
async function keychainsOf({ keychain }: GatherDependencies, workload: WorkloadObject, policies: readonly CompiledPolicy[], signal: AbortSignal): Promise<Keychains> {
  const [namespaced, wide] = [policies.some((policy) => !isWide(policy)), policies.some(isWide)];
  const [own, operators] = await Promise.all([
    namespaced ? keychain(workload, { operators: false, signal }) : undefined,
    wide ? keychain(workload, { operators: true, signal }) : undefined,
  ]);
  return { ...(own === undefined ? {} : { own }), ...(operators === undefined ? {} : { operators }) };
}

function isWide({ key }: CompiledPolicy): boolean {
  return key.kind === 'ClusterImageVerification';
}

async function outcomeOf(dependencies: GatherDependencies, asking: Asking, { field, reference, problem, states }: ImageQuestion): Promise<ImageOutcome> {
  const now = dependencies.clock.now();
  if (reference === undefined) {
    const verdicts = states.map((state) => (state.status === 'refused' ? refused(state, now) : unreadable(state, problem ?? 'it cannot be read', now)));
    return { field, name: field.image, pinned: false, verdicts };
  }
  const { name } = reference;
  const excludable = { name, ...(reference.digest === undefined ? {} : { digest: reference.digest }) };
  const asked = compiledOf(states).filter((policy) => policy.exclusion(excludable, now) === undefined);
  const answer = await ask(dependencies, asking, reference, asked);
  const digest = answer.digest ?? reference.digest;
  const known = digest === undefined ? { name } : { name, digest };
  const verdicts = states.map((state) => verdictOf(state, known, now, answer.policies));
  const outcome = { field, name, pinned: digest !== undefined && reference.digest === digest, verdicts, ...(digest === undefined ? {} : { digest }) };
  const tag = rememberedRef(asking.workload, field);
  const keychain = asked.some(isWide) ? asking.keychains.operators : asking.keychains.own;
  if (tag === undefined || asked.length === 0 || keychain === undefined) return outcome;
  const { registry, clock } = dependencies;
  return { ...outcome, ...(await tagFacts({ registry, clock, keychain, signal: asking.signal, tag, outcome, known: recordedImage(asking.before, field), policies: asked })) };
}

/** The engine's answer for one reference, asked once for a workload. */
function ask(dependencies: GatherDependencies, asking: Asking, image: ImageReference, policies: readonly CompiledPolicy[]): Promise<ImageVerdict> {
  const key = formatImageReference(image);
  const known = asking.answers.get(key);
  if (known !== undefined) return known;
  const answer = askAs(dependencies, asking, image, policies);
  asking.answers.set(key, answer);
  return answer;
}

/** Both kinds of policy are asked with their own credentials, and about one digest. */
async function askAs(dependencies: GatherDependencies, asking: Asking, image: ImageReference, policies: readonly CompiledPolicy[]): Promise<ImageVerdict> {
  const { own, operators } = asking.keychains;
  const [wide, namespaced] = [policies.filter(isWide), policies.filter((policy) => !isWide(policy))];
  if (namespaced.length === 0 || own === undefined) return verify(dependencies, asking, image, wide, operators);
  if (wide.length === 0 || own.scope === operators?.scope) return verify(dependencies, asking, image, policies, own);
  const first = await verify(dependencies, asking, image, wide, operators);
  const resolved = first.digest === undefined ? image : { ...image, digest: first.digest };
  const second = await verify(dependencies, asking, resolved, namespaced, own);
  const digest = first.digest ?? second.digest;
  const retryAfter = Math.max(first.retryAfter ?? 0, second.retryAfter ?? 0);
  return { image, policies: [...first.policies, ...second.policies], ...(digest === undefined ? {} : { digest }), ...(retryAfter === 0 ? {} : { retryAfter }) };
}

/** An engine that throws, which it is not to do but on abort, costs this image its verdict, and no other image theirs. */
async function verify(
  { engine, clock }: GatherDependencies,
  { signal, log }: Asking,
  image: ImageReference,
  policies: readonly CompiledPolicy[],
  keychain: Keychain | undefined,
): Promise<ImageVerdict> {
  if (policies.length === 0 || keychain === undefined) return { image, policies: [] };
  try {
    return await engine.verify({ image, policies, keychain, signal });
  } catch (error) {
    signal.throwIfAborted();
    log.error('an image could not be judged', { image: image.original, error });
    return { image, policies: policies.map(({ key }) => ({ ...failureVerdict(error), policy: key, verifiedAt: clock.now() })) };
  }
}

function verdictOf(state: SettledGovernor, image: Parameters<CompiledPolicy['exclusion']>[0], now: number, verdicts: readonly PolicyVerdict[]): PolicyVerdict {
  if (state.status === 'refused') return refused(state, now);
  const exclusion = state.policy.exclusion(image, now);
  if (exclusion !== undefined) {
    return { policy: state.key, result: 'Excluded', reason: 'Excluded', message: messageOf(`excluded by the policy: ${exclusion.reason}`), verifiedAt: now };
  }
  const id = policyId(state.key);
  return verdicts.find((one) => policyId(one.policy) === id) ?? unreadable(state, 'no verdict was reached', now);
}

function unreadable({ key }: SettledGovernor, message: string, now: number): PolicyVerdict {
  return { policy: key, result: 'Unknown', reason: 'ManifestInvalid', message, verifiedAt: now };
}

function refused({ key, field, message, reason }: Extract<SettledGovernor, { status: 'refused' }>, now: number): PolicyVerdict {
  if (reason === 'TrustRootUnavailable' || reason === 'TrustRootExpired') return { policy: key, result: 'Unknown', reason, message: messageOf(`${message} (${field})`), verifiedAt: now };
  const sentence = `the policy is not valid (${field}: ${message}); nothing is verified under it until it is corrected`;
  return { policy: key, result: 'Unknown', reason: 'PolicyInvalid', message: messageOf(sentence), verifiedAt: now };
}
