import type { Clock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, Resource } from '../kube/object.ts';
import { ObjectWatches } from '../kube/object-watches.ts';
import type { ObjectState, WatchedRef } from '../kube/watch-object.ts';
import type { DescribedTrust } from '../signatures/trust-recipe.ts';
import { canonicalHash } from '../verification/policy/canonical-hash.ts';
import { compilePolicy, type RawPolicyObject } from '../verification/policy/compile.ts';
import type { CompiledPolicy, CompileResult } from '../verification/policy/compiled-policy.ts';
import { type Reference, referenceId, referencesOf, type ResolvedReference, type ResolvedReferences } from '../verification/policy/references.ts';
import { salvageScope } from '../verification/policy/scope.ts';
import { trustTextsOf } from '../verification/policy/trust.ts';
import { type PolicyObject, policyKeyOf } from './policy-object.ts';
import type { CompiledState, PolicyState } from './policy-set.ts';
import { type DescribeTrust, PolicyTrust, type TrustLookup } from './policy-trust.ts';

/** A Secret or ConfigMap, as far as it is read. */
interface DataObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const RESOURCES: Readonly<Record<Reference['kind'], Resource>> = {
  Secret: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true },
  ConfigMap: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
};

/** The operator's own trust root, and what is worth saying of it in `Ready` of the policies that it counts for. */
export interface OperatorRoot extends DescribedTrust {
  readonly note?: string;
}

export interface PolicyCompilerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Where the references of a ClusterImageVerification are looked up. */
  readonly operatorNamespace: string;
  /** The names of the kinds that are watched; the shipped ones unless told otherwise. */
  readonly kinds?: readonly string[];
  /** The operator's own trust root, as it is now. */
  readonly trustRoot: () => OperatorRoot;
  readonly describeTrust: DescribeTrust;
  /** Something that these policies refer to has changed, or is known now. */
  readonly onReferenceChange: (ids: readonly string[]) => void;
}

/**
 * Compiles policies with the Secrets and ConfigMaps that they name, and follows these one by one. While one cannot be
 * reached, what was last known of it counts, and `Ready` says so; one that was deleted does not count any more.
 */
export class PolicyCompiler {
  readonly #options: PolicyCompilerOptions;
  readonly #watches: ObjectWatches<DataObject>;
  readonly #trust: PolicyTrust;
  /** From what each policy was compiled last. */
  readonly #basis = new Map<string, string>();

  constructor(options: PolicyCompilerOptions) {
    this.#options = options;
    const { client, clock, describeTrust: describe, operatorNamespace } = options;
    this.#trust = new PolicyTrust({ clock, describe, onDescribed: (id) => options.onReferenceChange([id]) });
    this.#watches = new ObjectWatches<DataObject>({ client, clock, reserved: operatorNamespace, onChange: (_, owners) => options.onReferenceChange(owners) });
  }

  /** The policy as it is to be applied now; `before` is what it was, and is returned where nothing changed since. */
  compile(id: string, object: PolicyObject, before: PolicyState | undefined): PolicyState {
    const references = referencesOf(object.spec);
    const watched = references.map((reference) => this.#watched(object, reference));
    this.#watches.want(id, watched);
    const states = watched.map((ref) => this.#watches.state(ref));
    const basis = basisOf(object, states, this.#options.trustRoot());
    // A policy is looked at whenever one of its workloads changes.
    if (before !== undefined && this.#basis.get(id) === basis) return before;
    const looks = references.map((reference, index) => look(reference, states[index] as ObjectState<DataObject>));
    const resolved = new Map(looks.flatMap(({ id: key, resolved: value }) => (value === undefined ? [] : [[key, value] as const])));
    const trust = this.#trust.lookup(id, trustTextsOf(object.spec, references, resolved));
    if (trust === undefined) {
      this.#basis.delete(id);
      return undescribed(object);
    }
    const state = this.#compile(object, before, looks, { resolved, trust });
    this.#basis.set(id, basis);
    return state;
  }

  /** Follows nothing for this policy any more. */
  release(id: string): void {
    this.#basis.delete(id);
    this.#trust.release(id);
    this.#watches.want(id, []);
  }

  #compile(object: PolicyObject, before: PolicyState | undefined, looks: readonly Look[], { resolved, trust }: Resolved): PolicyState {
    const trustRoot = this.#options.trustRoot();
    const describe: TrustLookup = (form, text) => (text === trustRoot.source.text && form === trustRoot.source.form ? trustRoot : trust(form, text));
    const { kinds } = this.#options;
    const result = compilePolicy(rawOf(object), { references: resolved, trustRoot: trustRoot.source, describe, ...(kinds === undefined ? {} : { kinds }) });
    const open = looks.find((one) => one.resolved === undefined);
    if (open !== undefined && !(result.status === 'refused' && result.reason === 'PolicyInvalid')) {
      return unresolved(result, open);
    }
    if (result.status === 'refused') return result;
    const notes = [...looks.flatMap(({ note }) => note ?? []), ...(trustRoot.note !== undefined && uses(result.policy, trustRoot) ? [trustRoot.note] : [])];
    return { ...result, ...withFreshness(result.policy, object, before, this.#options.clock.now()), notes };
  }

  /** Resolves when nothing is followed any more. */
  stop(): Promise<void> {
    this.#trust.stop();
    return this.#watches.stop();
  }

  #watched(object: PolicyObject, { kind, name }: Reference): WatchedRef {
    const namespace = object.kind === 'ImageVerification' ? object.namespace : this.#options.operatorNamespace;
    return { resource: RESOURCES[kind], namespace, name };
  }
}

/** Equal as long as compiling would come to the same. */
function basisOf({ uid, generation, requestedAt }: PolicyObject, states: readonly ObjectState<DataObject>[], { source, description, note }: OperatorRoot): string {
  const seen = states.map((state) => [state.known, state.known === 'present' ? [state.object.metadata.uid, state.object.metadata.resourceVersion] : [], state.problem?.code, state.problem?.message]);
  return JSON.stringify([uid, generation, requestedAt, seen, source.hash, 'problem' in description ? description.problem : '', note]);
}

function uses({ authorities }: CompiledPolicy, { source: { hash } }: OperatorRoot): boolean {
  return authorities.some(({ trust }) => trust !== undefined && [trust.authorities, trust.logs, trust.ctLogs, trust.timestampAuthorities].some((source) => source.hash === hash));
}

/** What a policy is compiled with. */
interface Resolved {
  readonly resolved: ResolvedReferences;
  readonly trust: TrustLookup;
}

interface Look {
  readonly reference: Reference;
  readonly id: string;
  /** Absent: the API server has not answered for it. */
  readonly resolved?: ResolvedReference;
  /** What is in the way of following it. */
  readonly problem?: string;
  /** To be said in `Ready`. */
  readonly note?: string;
}

function look(reference: Reference, state: ObjectState<DataObject>): Look {
  const found = { reference, id: referenceId(reference) };
  const problem = state.problem?.message;
  if (state.known === 'unknown') return { ...found, ...(problem === undefined ? {} : { problem }) };
  const note = problem === undefined ? {} : { note: `${reference.field}: ${reference.kind} ${reference.name} cannot be followed (${problem}), so its last known content counts` };
  if (state.known === 'absent') return { ...found, ...note, resolved: { status: 'ObjectMissing' } };
  return { ...found, ...note, resolved: entryOf(reference, state.object) };
}

/**
 * The entries that were read of each object. WARNING: a Secret is another text each time that it is decoded, and policies keep what they were compiled
 * from: a thousand small policies that name one large Secret would keep it a thousand times.
 */
const entries = new WeakMap<DataObject, Map<string, ResolvedReference>>();

function entryOf({ kind, key }: Reference, object: DataObject): ResolvedReference {
  const known = entries.get(object) ?? new Map<string, ResolvedReference>();
  entries.set(object, known);
  const before = known.get(key);
  if (before !== undefined) return before;
  const { data = {} } = object;
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined) return { status: 'KeyMissing', keys: Object.keys(data).toSorted() };
  const found: ResolvedReference = { status: 'Found', value: kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value };
  known.set(key, found);
  return found;
}

function rawOf(object: PolicyObject): RawPolicyObject {
  return { kind: object.kind, metadata: { ...policyKeyOf(object), uid: object.uid, generation: object.generation }, spec: object.spec };
}

/** The state while it is found out what is in the policy's trust roots. */
function undescribed(object: PolicyObject): PolicyState {
  const key = policyKeyOf(object);
  const { uid, generation, spec } = object;
  return { key, uid, generation, hash: canonicalHash({ key, spec: spec ?? null, pending: generation }), status: 'pending', scope: salvageScope(key, spec) };
}

/** The state while a reference was never answered for: it waits, or, where it cannot be reached at all, says so. */
function unresolved(result: CompileResult, { reference, problem }: Look): PolicyState {
  const { key, uid, generation, hash } = result;
  const scope = result.status === 'refused' ? result.scope : result.policy;
  if (problem === undefined) return { key, uid, generation, hash, status: 'pending', scope };
  const message = `${reference.kind} ${reference.name} cannot be read: ${problem}`;
  return { key, uid, generation, hash: `${hash} ${problem}`, status: 'refused', reason: 'ReferenceMissing', field: reference.field, message, scope };
}

/** A request to judge afresh counts from the moment when it was seen to change; the one that was there at the start is old. */
function withFreshness(policy: CompiledPolicy, { requestedAt = '' }: PolicyObject, before: PolicyState | undefined, now: number): Pick<CompiledState, 'policy' | 'hash' | 'requestedAt'> {
  const known = before?.status === 'compiled' && before.uid === policy.uid ? before : undefined;
  const freshSince = known !== undefined && known.requestedAt !== requestedAt ? now : known?.policy.freshSince;
  return { policy: freshSince === undefined ? policy : { ...policy, freshSince }, hash: [policy.hash, requestedAt, ...credentialsOf(policy)].join(' '), requestedAt };
}

/** Which credentials the policy's sources are read with; of this process only. */
function credentialsOf({ authorities, sourceKeychain }: CompiledPolicy): readonly string[] {
  return authorities.flatMap(({ sources }) => sources.flatMap((source) => sourceKeychain?.(source)?.scope ?? []));
}
