import type { ConditionReason } from '../api/reasons.ts';
import type { CompiledPolicy, PolicyScope } from '../verification/policy/compiled-policy.ts';
import type { PolicyKey } from '../verification/types.ts';
import { policyId } from './ledger.ts';

interface Known {
  readonly key: PolicyKey;
  readonly uid: string;
  readonly generation: number;
  /** Changes with everything that decides about an image. */
  readonly hash: string;
}

/** A policy that is in force, or suspended. */
export interface CompiledState extends Known {
  readonly status: 'compiled';
  readonly policy: CompiledPolicy;
  /** What is to be said in `Ready` beside the policy's own warnings. */
  readonly notes: readonly string[];
  /** The annotation `assay.dev/requestedAt` that this state has seen. */
  readonly requestedAt: string;
}

/** A policy that is not in force: its images are `Unknown` and nothing in their workloads is pinned (api.md, Authorities). */
interface RefusedState extends Known {
  readonly status: 'refused';
  readonly reason: Extract<ConditionReason, 'PolicyInvalid' | 'ReferenceMissing' | 'TrustRootUnavailable' | 'TrustRootExpired'>;
  /** Path of the field, such as `spec.authorities[0].key`. */
  readonly field: string;
  readonly message: string;
  readonly scope: PolicyScope;
}

/** What the policy refers to was not answered for yet; what it may govern waits. */
interface PendingState extends Known {
  readonly status: 'pending';
  readonly scope: PolicyScope;
}

/** A policy as the operator applies it. */
export type PolicyState = CompiledState | RefusedState | PendingState;

/** A policy of which everything is read. */
export type SettledState = Exclude<PolicyState, { status: 'pending' }>;

/** Which workloads and images a policy is about, also where the rest of it does not compile. */
export function scopeOf(state: PolicyState): PolicyScope {
  return state.status === 'compiled' ? state.policy : state.scope;
}

/** The policies as they were last compiled, in memory. */
export class PolicySet {
  readonly #states = new Map<string, PolicyState>();

  get(id: string): PolicyState | undefined {
    return this.#states.get(id);
  }

  values(): IterableIterator<PolicyState> {
    return this.#states.values();
  }

  /** Puts a policy in; returns what was there, so that what either governs can be looked at again. */
  put(state: PolicyState): PolicyState | undefined {
    const id = policyId(state.key);
    const before = this.#states.get(id);
    this.#states.set(id, state);
    return before;
  }

  remove(id: string): PolicyState | undefined {
    const before = this.#states.get(id);
    this.#states.delete(id);
    return before;
  }
}
