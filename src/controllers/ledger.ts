import type { PodImage } from '../api/pod-images.ts';
import type { Reason, WorkloadState } from '../api/reasons.ts';
import type { Claim } from '../karmada/types.ts';
import { sameValue } from '../kube/patch.ts';
import type { PolicyKey } from '../verification/types.ts';
import { Census, type ImageCount } from './census.ts';
import { type EffectiveImage, type ImageOutcome, judgedImages } from './outcome.ts';
import type { PropagationCount } from './propagation-census.ts';
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
  readonly unpinned?: Unpinned;
  /** The policy of Karmada that propagates it, as it says itself. */
  readonly claim?: Claim;
  /** On Karmada: the clusters that it is propagated to; names, sorted. Absent where there is no Karmada. */
  readonly clusters?: readonly string[];
  /** On Karmada: what some clusters run instead of what it has; absent where there is nothing of that. */
  readonly effective?: readonly EffectiveImage[];
}

/** Why what was verified is not what runs. */
export interface Unpinned {
  readonly reason: Reason;
  readonly message: string;
  /** The same without what a namespace is not to know: names of clusters, and of what is cluster-wide. Absent where the message has none. */
  readonly discreet?: string;
}

/** A policy as text, for maps: `ImageVerification/web/release` or `ClusterImageVerification/karmada`. */
export function policyId(key: PolicyKey): string {
  return key.namespace === undefined ? `${key.kind}/${key.name}` : `${key.kind}/${key.namespace}/${key.name}`;
}

/** What was last known of the same field: same place, same text. */
export function recordedImage(record: Pick<WorkloadRecord, 'images'> | undefined, field: PodImage): ImageOutcome | undefined {
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
  /** Keys of workloads of which an override drops a digest. */
  readonly #dropped = new Set<string>();

  /** Replaces what is known of a workload; returns the ids of all policies whose picture changed. */
  record(record: WorkloadRecord): Set<string> {
    if (sameValue(this.#records.get(record.key), record)) return new Set();
    const touched = this.forget(record.key);
    this.#records.set(record.key, record);
    this.#census.add(record);
    if (record.unpinned?.reason === 'DigestDroppedByOverride') this.#dropped.add(record.key);
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
    this.#dropped.delete(key);
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

  /** The keys of the workloads of which an override drops a digest: of a namespace, or of all. */
  dropped(namespace?: string): readonly string[] {
    return [...this.#dropped].filter((key) => namespace === undefined || this.#records.get(key)?.namespace === namespace);
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

  /** Distinct references that no policy governs, for `assay_images_unmatched`. */
  unmatchedImages(): number {
    return this.#census.unmatched();
  }

  /** What Karmada propagates, for its metrics. */
  propagation(): PropagationCount {
    return this.#census.propagation();
  }
}

function governedIn(record: WorkloadRecord): Map<string, Governed[]> {
  const byPolicy = new Map<string, Governed[]>();
  for (const image of judgedImages(record)) {
    for (const verdict of image.verdicts) {
      const id = policyId(verdict.policy);
      const governed = byPolicy.get(id) ?? [];
      governed.push({ image, verdict });
      byPolicy.set(id, governed);
    }
  }
  return byPolicy;
}
