import { formatImageReference, type ImageReference } from '../api/image-reference.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Keychain, RegistryClient } from '../registry/types.ts';
import type { ReconcileContext } from '../runtime/controller.ts';
import { failureVerdict } from '../verification/failure.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import type { ImageVerdict, PolicyVerdict, VerificationEngine } from '../verification/types.ts';
import type { GovernanceDependencies, SettledGovernor } from './governance.ts';
import { type Ledger, policyId, type WorkloadRecord } from './ledger.ts';
import type { PullSecrets } from './pull-secrets.ts';
import { type WorkloadObject, workloadKey } from './workload-object.ts';

/** What gathering asks of the world. */
export interface GatherDependencies extends GovernanceDependencies {
  readonly keychain: PullSecrets;
  readonly engine: VerificationEngine;
  readonly registry: Pick<RegistryClient, 'resolveTag'>;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

type Context = Pick<ReconcileContext, 'signal' | 'log'>;

/** All that is asked about one workload. */
export interface Asking extends Context {
  readonly workload: WorkloadObject;
  readonly before: WorkloadRecord | undefined;
  /** The credentials that policies of a kind may use. */
  readonly keychains: Keychains;
  /** The engine's answers, by canonical reference and policies: a tag that several containers name is resolved once. */
  readonly answers: Map<string, Promise<ImageVerdict>>;
}

/** Begins to ask about a workload under these policies. */
export async function beginAsking(dependencies: GatherDependencies, workload: WorkloadObject, policies: readonly CompiledPolicy[], { signal, log }: Context): Promise<Asking> {
  const recorded = dependencies.ledger.get(workloadKey(workload));
  const before = recorded?.uid === workload.uid ? recorded : undefined;
  return { workload, before, signal, log, keychains: await keychainsOf(dependencies, workload, policies, signal), answers: new Map() };
}

/** The longest wait that a registry asked for; milliseconds. */
export async function longestWait({ answers }: Asking): Promise<number> {
  return Math.max(0, ...(await Promise.all([...answers.values()].map(async (answer) => (await answer).retryAfter ?? 0))));
}

export interface Keychains {
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

/** Whether it is a policy of all namespaces, which asks with the operator's own credentials too. */
export function isWide({ key }: CompiledPolicy): boolean {
  return key.kind === 'ClusterImageVerification';
}

/** The engine's answer for one reference, asked once for a workload. */
export function ask(dependencies: GatherDependencies, asking: Asking, image: ImageReference, policies: readonly CompiledPolicy[]): Promise<ImageVerdict> {
  const key = [formatImageReference(image), ...policies.map((policy) => policyId(policy.key))].join(' ');
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

/** What one policy says of an image: what it excuses, what it refuses, or what was answered under it. */
export function verdictOf(state: SettledGovernor, image: Parameters<CompiledPolicy['exclusion']>[0], now: number, verdicts: readonly PolicyVerdict[]): PolicyVerdict {
  if (state.status === 'refused') return refused(state, now);
  const exclusion = state.policy.exclusion(image, now);
  if (exclusion !== undefined) {
    return { policy: state.key, result: 'Excluded', reason: 'Excluded', message: messageOf(`excluded by the policy: ${exclusion.reason}`), verifiedAt: now };
  }
  const id = policyId(state.key);
  return verdicts.find((one) => policyId(one.policy) === id) ?? unreadable(state, 'no verdict was reached', now);
}

/** An image that has no reference to ask about. */
export function unreadable({ key }: SettledGovernor, message: string, now: number): PolicyVerdict {
  return { policy: key, result: 'Unknown', reason: 'ManifestInvalid', message, verifiedAt: now };
}

/** What a policy that is not in force says. */
export function refused({ key, field, message, reason }: Extract<SettledGovernor, { status: 'refused' }>, now: number): PolicyVerdict {
  if (reason === 'TrustRootUnavailable' || reason === 'TrustRootExpired') return { policy: key, result: 'Unknown', reason, message: messageOf(`${message} (${field})`), verifiedAt: now };
  const sentence = `the policy is not valid (${field}: ${message}); nothing is verified under it until it is corrected`;
  return { policy: key, result: 'Unknown', reason: 'PolicyInvalid', message: messageOf(sentence), verifiedAt: now };
}
