/**
 * Which workloads are still to be judged under which policy as it is now; what `Reconciling` and its count come from. A
 * judgement that began before a policy changed does not count for it: whoever judges takes a mark first and settles with it.
 */
export class Pending {
  readonly #byPolicy = new Map<string, Set<string>>();
  /** By workload: each policy that waits for it, with the mark since when. */
  readonly #byWorkload = new Map<string, Map<string, number>>();
  /** Policies of which the workloads are not all found yet: how many have still to be looked at. */
  readonly #unseen = new Map<string, number>();
  #mark = 0;

  /** This moment: what is added later is not settled by it. */
  mark(): number {
    return this.#mark;
  }

  /** The workload is to be judged because this policy changed. */
  add(policy: string, workload: string): void {
    this.#mark += 1;
    const workloads = this.#byPolicy.get(policy) ?? new Set();
    this.#byPolicy.set(policy, workloads.add(workload));
    const policies = this.#byWorkload.get(workload) ?? new Map<string, number>();
    this.#byWorkload.set(workload, policies.set(policy, this.#mark));
  }

  /** The workload was judged as of `mark`, or (without one) is gone; returns the policies that wait for it no longer. */
  settle(workload: string, mark = Infinity): ReadonlySet<string> {
    const policies = this.#byWorkload.get(workload) ?? new Map<string, number>();
    const settled = new Set([...policies].flatMap(([policy, since]) => (since <= mark ? [policy] : [])));
    for (const policy of settled) {
      policies.delete(policy);
      leave(this.#byPolicy, policy, workload);
    }
    if (policies.size === 0) this.#byWorkload.delete(workload);
    return settled;
  }

  /** The policy is gone: nothing waits for it. */
  drop(policy: string): void {
    for (const workload of this.#byPolicy.get(policy) ?? []) {
      const policies = this.#byWorkload.get(workload);
      policies?.delete(policy);
      if (policies?.size === 0) this.#byWorkload.delete(workload);
    }
    this.#byPolicy.delete(policy);
    this.#unseen.delete(policy);
  }

  /** So many workloads more have still to be looked at for whether the policy governs them; negative: they were. */
  look(policy: string, workloads: number): void {
    const unseen = Math.max(0, (this.#unseen.get(policy) ?? 0) + workloads);
    if (unseen === 0) this.#unseen.delete(policy);
    else this.#unseen.set(policy, unseen);
  }

  /** Whether it is not known yet for how many workloads the policy waits. */
  isLooking(policy: string): boolean {
    return this.#unseen.has(policy);
  }

  /** How many workloads the policy waits for. */
  count(policy: string): number {
    return this.#byPolicy.get(policy)?.size ?? 0;
  }
}

function leave(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
}
