/** Which workloads are still to be judged under which policy as it is now; what `Reconciling` and its count come from. */
export class Pending {
  readonly #byPolicy = new Map<string, Set<string>>();
  readonly #byWorkload = new Map<string, Set<string>>();

  /** The workload is to be judged because this policy changed. */
  add(policy: string, workload: string): void {
    join(this.#byPolicy, policy, workload);
    join(this.#byWorkload, workload, policy);
  }

  /** The workload was judged, or is gone; returns the policies that waited for it. */
  settle(workload: string): ReadonlySet<string> {
    const policies = this.#byWorkload.get(workload) ?? new Set<string>();
    this.#byWorkload.delete(workload);
    for (const policy of policies) leave(this.#byPolicy, policy, workload);
    return policies;
  }

  /** The policy is gone: nothing waits for it. */
  drop(policy: string): void {
    for (const workload of this.#byPolicy.get(policy) ?? []) leave(this.#byWorkload, workload, policy);
    this.#byPolicy.delete(policy);
  }

  count(policy: string): number {
    return this.#byPolicy.get(policy)?.size ?? 0;
  }
}

function join(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

function leave(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
}
