import type { PodImage } from '../api/pod-images.ts';
import type { Reason, WorkloadState } from '../api/reasons.ts';
import { sameValue } from '../kube/patch.ts';
import type { PolicyKey } from '../verification/types.ts';
import { Census, type ImageCount } from './census.ts';
import type { ImageOutcome } from './outcome.ts';
import { EMPTY_PICTURE, type Governed, PolicyPicture } from './policy-picture.ts';

/** What is known of one workload after its last judgement. */
export interface WorkloadRecord {
  /** `Deployment/web/api`. */
  readonly key: string;
  /** Which object it was: one of the same name that came later is another. */
  readonly uid: string;
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
  readonly #pictures = new Map<string, PolicyPicture>();
  readonly #census = new Census();

  /** Replaces what is known of a workload; returns the ids of all policies whose picture changed. */
  record(record: WorkloadRecord): Set<string> {
    if (sameValue(this.#records.get(record.key), record)) return new Set();
    const touched = this.forget(record.key);
    this.#records.set(record.key, record);
    this.#census.add(record);
    for (const [id, governed] of governedIn(record)) {
      touched.add(id);
      const picture = this.#pictures.get(id) ?? new PolicyPicture();
      picture.add(record, governed);
      this.#pictures.set(id, picture);
    }
    return touched;
  }

  /** Drops a workload; returns the ids of the policies that governed it. */
  forget(key: string): Set<string> {
    const before = this.#records.get(key);
    if (before === undefined) return new Set();
    this.#records.delete(key);
    this.#census.remove(before);
    const governed = governedIn(before);
    for (const [id, images] of governed) {
      const picture = this.#pictures.get(id);
      picture?.remove(before, images);
      if (picture?.workloads === 0) this.#pictures.delete(id);
    }
    return new Set(governed.keys());
  }

  get(key: string): WorkloadRecord | undefined {
    return this.#records.get(key);
  }

  /** What this policy governed when its workloads were last judged. */
  picture(id: string): PolicyPicture {
    return this.#pictures.get(id) ?? EMPTY_PICTURE;
  }

  /** Workloads by state, for `assay_workloads`. */
  workloadsByState(): Map<WorkloadState, number> {
    return this.#census.workloads();
  }

  /** Distinct images by their worst verdict, for `assay_images`. */
  imagesByResult(): readonly ImageCount[] {
    return this.#census.images();
  }
}

function governedIn({ images }: WorkloadRecord): Map<string, Governed[]> {
  const byPolicy = new Map<string, Governed[]>();
  for (const image of images) {
    for (const verdict of image.verdicts) {
      const id = policyId(verdict.policy);
      const governed = byPolicy.get(id) ?? [];
      governed.push({ image, verdict });
      byPolicy.set(id, governed);
    }
  }
  return byPolicy;
}
