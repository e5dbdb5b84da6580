import type { Clock } from '../base/clock.ts';
import { messageOf, Waiting } from '../base/errors.ts';
import { isConflict, isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { applyBody } from '../kube/patch.ts';
import { isOlder } from '../kube/recovery.ts';
import type { Reconcile, ReconcileContext } from '../runtime/controller.ts';
import { salvageScope } from '../verification/policy/scope.ts';
import type { Ledger } from './ledger.ts';
import type { Pending } from './pending.ts';
import { POLICY_RESOURCES, policyKeyOf, type PolicyObject } from './policy-object.ts';
import type { PolicySet, PolicyState, SettledState } from './policy-set.ts';
import { isWorthWriting, type KnownStatus, type PolicyStatus, policyStatus } from './policy-status.ts';
import { FIELD_MANAGER } from './workload-object.ts';

/** What the policy controller works with. */
export interface PolicyDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** The policy as the cache has it. */
  readonly policy: (id: string) => PolicyObject | undefined;
  readonly policies: PolicySet;
  readonly ledger: Ledger;
  readonly pending: Pending;
  /** Compiles a policy with what it refers to, and follows that from now on. */
  readonly compile: (id: string, object: PolicyObject, before: PolicyState | undefined) => PolicyState;
  /** Lets go of what a policy that is gone referred to. */
  readonly release: (id: string) => void;
  /** Why it is not known what the clusters of Karmada run; undefined where that is known, and without Karmada. */
  readonly blind: () => string | undefined;
  /** Has everything judged again that either state of a policy governs. */
  readonly governanceChanged: (before: PolicyState | undefined, after: PolicyState | undefined) => void;
}

/** At most one status is computed, and so written, per object and second (api.md, status). */
const INTERVAL = 1000;
const PENDING_WAIT = 1000;
const CACHE_WAIT = 200;
const BLIND_WAIT = 5000;
/** How long the status that is found at a start stands while its workloads are judged again. */
const FIRST_PICTURE = 60_000;

/** What is remembered of one policy object. */
interface Memory {
  readonly uid: string;
  readonly seenAt: number;
  /** Every workload that it governs was judged once, or it took too long. */
  complete: boolean;
  computedAt: number;
  written?: { readonly resourceVersion: string; readonly status: PolicyStatus };
}

/** The reconcile of one policy: read, compile, tell the workloads, write the status if it changed. */
export function createPolicyReconcile(dependencies: PolicyDependencies): Reconcile {
  const memories = new Map<string, Memory>();
  return async (id, context) => {
    const { policies, pending, clock } = dependencies;
    const object = dependencies.policy(id);
    if (object === undefined) {
      memories.delete(id);
      dependencies.release(id);
      const before = policies.remove(id);
      pending.drop(id);
      if (before !== undefined) dependencies.governanceChanged(before, undefined);
      return undefined;
    }
    const state = compileAndTell(dependencies, id, object, context);
    if (state.status === 'pending') return { requeueAfter: PENDING_WAIT };
    const memory = memoryOf(memories, id, object, clock.now());
    const wait = memory.computedAt + INTERVAL - clock.now();
    if (wait > 0) return { requeueAfter: wait };
    // Whoever looks for its workloads has the policy looked at when they are found.
    const blind = dependencies.blind();
    const settled = pending.count(id) === 0 && blind === undefined;
    if (pending.isLooking(id) || !isComplete(memory, object, settled, clock.now())) return { requeueAfter: INTERVAL };
    memory.computedAt = clock.now();
    await update(dependencies, { id, object, state, memory, blind }, context.signal);
    // Nobody says when the first Works are read, if there is none.
    return blind === undefined ? undefined : { requeueAfter: BLIND_WAIT };
  };
}

function compileAndTell({ policies, compile, governanceChanged }: PolicyDependencies, id: string, object: PolicyObject, { log }: ReconcileContext): PolicyState {
  const before = policies.get(id);
  const state = compileOrRefuse(() => compile(id, object, before), object, log);
  policies.put(state);
  if (before === undefined || before.uid !== state.uid || before.status !== state.status || before.hash !== state.hash) {
    governanceChanged(before, state);
  }
  return state;
}

/** WARNING: every workload waits for policies that are not compiled: one object that breaks us must not stop the fleet. */
function compileOrRefuse(compile: () => PolicyState, object: PolicyObject, log: ReconcileContext['log']): PolicyState {
  try {
    return compile();
  } catch (error) {
    log.error('a policy could not be compiled', { error });
    const key = policyKeyOf(object);
    const { uid, generation, spec } = object;
    const message = `cannot be read by this build, which is a defect of it: ${messageOf(error, 300)}`;
    return { key, uid, generation, hash: `${generation} ${message}`, status: 'refused', reason: 'PolicyInvalid', field: 'spec', message, scope: salvageScope(key, spec) };
  }
}

function memoryOf(memories: Map<string, Memory>, id: string, { uid }: PolicyObject, now: number): Memory {
  const known = memories.get(id);
  if (known !== undefined && known.uid === uid) return known;
  const memory: Memory = { uid, seenAt: now, complete: false, computedAt: -Infinity };
  memories.set(id, memory);
  return memory;
}

/**
 * Whether a status may be computed. WARNING: a start finds a status that was true and a fleet of which nothing is judged yet:
 * written at once, it would say for a while that no workload has an image, or that no cluster runs anything.
 */
function isComplete(memory: Memory, { generation, status }: PolicyObject, settled: boolean, now: number): boolean {
  memory.complete ||= settled || status?.observedGeneration !== generation || now - memory.seenAt >= FIRST_PICTURE;
  return memory.complete;
}

interface Update {
  readonly id: string;
  readonly object: PolicyObject;
  readonly state: SettledState;
  readonly memory: Memory;
  readonly blind: string | undefined;
}

async function update(dependencies: PolicyDependencies, { id, object, state, memory, blind }: Update, signal: AbortSignal): Promise<void> {
  const { ledger, pending, clock } = dependencies;
  const known = knownStatus(object, memory);
  const status = policyStatus({ state, picture: ledger.picture(id), pending: pending.count(id), blind, conditions: known?.conditions ?? [], now: clock.now() });
  if (!isWorthWriting(known, status)) return;
  const resourceVersion = await writeStatus(dependencies, object, status, signal);
  if (resourceVersion !== undefined) memory.written = { resourceVersion, status };
}

/** The status that the object has: what we wrote last, until the cache has something later; then what the cache says. */
function knownStatus(object: PolicyObject, { written }: Memory): KnownStatus | undefined {
  const later = written === undefined || isOlder(written.resourceVersion, object.resourceVersion);
  return later ? object.status : written.status;
}

/** The version after the write; undefined when the object is gone. */
async function writeStatus({ client }: PolicyDependencies, object: PolicyObject, status: PolicyStatus, signal: AbortSignal): Promise<string | undefined> {
  const resource = POLICY_RESOURCES[object.kind];
  const ref = { name: object.name, uid: object.uid, ...(object.namespace === '' ? {} : { namespace: object.namespace }) };
  try {
    const after = await client.patch(
      resource,
      ref,
      { type: 'apply', body: applyBody(resource, ref, { status }), force: true },
      { fieldManager: FIELD_MANAGER, subresource: 'status', signal },
    );
    return after.metadata.resourceVersion;
  } catch (error) {
    // A namespace that is being deleted takes no writes any more, and its policies go with it.
    if (isNotFound(error) || (isForbidden(error) && object.deleting)) return undefined;
    if (isConflict(error)) throw new Waiting('the policy was replaced by another of its name, which the cache has not seen yet', CACHE_WAIT, { cause: error });
    throw error;
  }
}
