import type { Condition } from '../api/conditions.ts';
import type { Clock } from '../base/clock.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { applyBody, sameValue } from '../kube/patch.ts';
import type { Reconcile } from '../runtime/controller.ts';
import type { Ledger } from './ledger.ts';
import type { Pending } from './pending.ts';
import { FIELD_MANAGER } from './pin-writer.ts';
import { POLICY_RESOURCES, type PolicyObject } from './policy-object.ts';
import type { PolicySet, PolicyState } from './policy-set.ts';
import { type PolicyStatus, policyStatus } from './policy-status.ts';

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
  /** Has everything judged again that either state of a policy governs. */
  readonly governanceChanged: (before: PolicyState | undefined, after: PolicyState | undefined) => void;
}

/** At most one status write per object and second (api.md, status). */
const WRITE_INTERVAL = 1000;
const PENDING_WAIT = 1000;

interface Written {
  readonly uid: string;
  readonly at: number;
  readonly resourceVersion: string;
  readonly status: PolicyStatus;
}

/** The reconcile of one policy: read, compile, tell the workloads, write the status if it changed. */
export function createPolicyReconcile(dependencies: PolicyDependencies): Reconcile {
  const writes = new Map<string, Written>();
  return async (id, { signal }) => {
    const { policies, pending, clock } = dependencies;
    const object = dependencies.policy(id);
    if (object === undefined) {
      writes.delete(id);
      dependencies.release(id);
      const before = policies.remove(id);
      pending.drop(id);
      if (before !== undefined) dependencies.governanceChanged(before, undefined);
      return undefined;
    }
    const state = compileAndTell(dependencies, id, object);
    if (state.status === 'pending') return { requeueAfter: PENDING_WAIT };
    const last = writes.get(id);
    const wait = last === undefined ? 0 : last.at + WRITE_INTERVAL - clock.now();
    const known = knownStatus(object, last);
    const status = policyStatus({
      state,
      records: dependencies.ledger.governedBy(id),
      pending: pending.count(id),
      conditions: known.conditions,
      now: clock.now(),
    });
    if (sameValue(known.status, status)) return undefined;
    if (wait > 0) return { requeueAfter: wait };
    const resourceVersion = await writeStatus(dependencies, object, status, signal);
    if (resourceVersion !== undefined) writes.set(id, { uid: object.uid, at: clock.now(), resourceVersion, status });
    return undefined;
  };
}

function compileAndTell({ policies, compile, governanceChanged }: PolicyDependencies, id: string, object: PolicyObject): PolicyState {
  const before = policies.get(id);
  const state = compile(id, object, before);
  policies.put(state);
  if (before === undefined || before.uid !== state.uid || before.status !== state.status || before.hash !== state.hash) {
    governanceChanged(before, state);
  }
  return state;
}

/** The status that the object has: what we wrote last, until the cache has seen that; then what the cache says. */
function knownStatus(object: PolicyObject, last: Written | undefined): { status: unknown; conditions: readonly Condition[] } {
  const ours = last !== undefined && last.uid === object.uid && BigInt(object.resourceVersion) < BigInt(last.resourceVersion);
  return ours ? { status: last.status, conditions: last.status.conditions } : { status: object.status, conditions: object.status?.conditions ?? [] };
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
    throw error;
  }
}
