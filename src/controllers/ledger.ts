import type { PodImage } from '../api/pod-images.ts';
import type { Reason, Result, WorkloadState } from '../api/reasons.ts';
import type { PolicyKey } from '../verification/types.ts';
import { type ImageOutcome, summarize } from './outcome.ts';

/** What is known of one workload after its last judgement. */
export interface WorkloadRecord {
  /** `Deployment/web/api`. */
  readonly key: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly state: WorkloadState;
  readonly images: readonly ImageOutcome[];
  /** Why verified images of it are not pinned, where they are not. */
  readonly unpinned?: { readonly reason: Reason; readonly message: string };
}

/** A policy as text, for maps: `ImageVerification/web/release` or `ClusterImageVerification/karmada`. */
export function policyId(key: PolicyKey): string {
  return key.namespace === undefined ? `${key.kind}/${key.name}` : `${key.kind}/${key.namespace}/${key.name}`;
}

/** What was last known of the same field: same place, same text. */
export function recordedImage(record: WorkloadRecord | undefined, field: PodImage): ImageOutcome | undefined {
  return record?.images.find((image) => image.field.pointer === field.pointer && image.field.image === field.image);
}

/**
 * The outcome of every judged workload, in memory: what statuses and continuous metrics are computed from. It is only a
 * view: after a restart it is built again by judging again.
 */
export class Ledger {
  readonly #records = new Map<string, WorkloadRecord>();
  readonly #byPolicy = new Map<string, Set<string>>();

  /** Replaces what is known of a workload; returns the ids of all policies whose picture may have changed. */
  record(record: WorkloadRecord): Set<string> {
    const touched = this.forget(record.key);
    this.#records.set(record.key, record);
    for (const id of policiesOf(record)) {
      touched.add(id);
      const keys = this.#byPolicy.get(id) ?? new Set();
      keys.add(record.key);
      this.#byPolicy.set(id, keys);
    }
    return touched;
  }

  /** Drops a workload; returns the ids of the policies that governed it. */
  forget(key: string): Set<string> {
    const before = this.#records.get(key);
    if (before === undefined) return new Set();
    this.#records.delete(key);
    const touched = policiesOf(before);
    for (const id of touched) {
      const keys = this.#byPolicy.get(id);
      keys?.delete(key);
      if (keys?.size === 0) this.#byPolicy.delete(id);
    }
    return touched;
  }

  get(key: string): WorkloadRecord | undefined {
    return this.#records.get(key);
  }

  /** Every workload that this policy governed when it was last judged. */
  governedBy(id: string): WorkloadRecord[] {
    return [...(this.#byPolicy.get(id) ?? [])].flatMap((key) => this.#records.get(key) ?? []);
  }

  /** Workloads by state, for `assay_workloads`. */
  workloadsByState(): Map<WorkloadState, number> {
    const counts = new Map<WorkloadState, number>();
    for (const { state } of this.#records.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  /** Distinct images (reference and digest) by their worst verdict, for `assay_images`. */
  imagesByResult(): { result: Result; reason: Reason; count: number }[] {
    const worst = new Map<string, { result: Result; reason: Reason }>();
    for (const { images } of this.#records.values()) {
      for (const image of images) {
        const summary = summarize(image);
        if (summary === undefined) continue;
        worst.set(`${image.field.image} ${image.digest ?? ''} ${summary.result} ${summary.reason}`, summary);
      }
    }
    const counts = new Map<string, { result: Result; reason: Reason; count: number }>();
    for (const { result, reason } of worst.values()) {
      const row = counts.get(`${result} ${reason}`) ?? { result, reason, count: 0 };
      row.count += 1;
      counts.set(`${result} ${reason}`, row);
    }
    return [...counts.values()];
  }
}

function policiesOf(record: WorkloadRecord): Set<string> {
  return new Set(record.images.flatMap((image) => image.verdicts.map((verdict) => policyId(verdict.policy))));
}
