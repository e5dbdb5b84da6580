import type { Reason } from '../api/reasons.ts';
import type { PolicyVerdict } from '../verification/types.ts';
import type { WorkloadRecord } from './ledger.ts';
import { type ImageOutcome, shownReference } from './outcome.ts';
import { PropagationPicture } from './propagation-picture.ts';

/** An image of a workload with what one policy says of it. */
export interface Governed {
  readonly image: ImageOutcome;
  readonly verdict: PolicyVerdict;
}

/** One workload of a row. */
export interface Member extends Governed {
  readonly record: WorkloadRecord;
  /** On Karmada: where it runs this image; several of its containers may do. */
  readonly clusters?: readonly string[];
}

/** The same image and digest with the same result for the same reason, in however many workloads. */
export interface PictureRow {
  /** Orders rows of one result. */
  readonly key: string;
  readonly reference: string;
  /** By the key of the workload. */
  readonly members: ReadonlyMap<string, Member>;
}

interface Row extends PictureRow {
  readonly members: Map<string, Member>;
}

/**
 * What one policy governs, kept while workloads come and go: a policy over ten thousand workloads must not be counted anew
 * for each of them that changes.
 */
export class PolicyPicture {
  readonly #rows = new Map<string, Row>();
  readonly #workloads = new Set<string>();
  readonly #open = new Map<string, WorkloadRecord>();
  readonly #stale = new Map<string, ImageOutcome>();
  /** What clusters and policies of Karmada have of it. */
  readonly propagation = new PropagationPicture();
  #pinned = 0;

  /** How many workloads have an image that the policy governs. */
  get workloads(): number {
    return this.#workloads.size;
  }

  /** How many of them run every digest that was to be verified, verified. */
  get pinned(): number {
    return this.#pinned;
  }

  get rows(): Iterable<PictureRow> {
    return this.#rows.values();
  }

  /** The workloads that do not run what was verified; one in which everything is excluded has nothing to run verified. */
  get open(): ReadonlyMap<string, WorkloadRecord> {
    return this.#open;
  }

  /** An image that stands on its last verdict, by workload and field. */
  get stale(): ReadonlyMap<string, ImageOutcome> {
    return this.#stale;
  }

  /** Takes a workload in; `governed` is what the policy says of its images. */
  add(record: WorkloadRecord, governed: readonly Governed[]): void {
    this.#workloads.add(record.key);
    for (const one of governed) {
      const key = rowKey(one);
      const row = this.#rows.get(key) ?? { key, reference: shownReference(one.image), members: new Map<string, Member>() };
      row.members.set(record.key, memberOf(record, one, row.members.get(record.key)));
      this.#rows.set(key, row);
      if (one.verdict.stale === true) this.#stale.set(staleKey(record, one), one.image);
    }
    this.propagation.count(record, governed, 1);
    if (runsPinned(governed)) this.#pinned += 1;
    else if (toVerify(governed).length > 0) this.#open.set(record.key, record);
  }

  /** Takes out exactly what {@link add} put in. */
  remove(record: WorkloadRecord, governed: readonly Governed[]): void {
    this.#workloads.delete(record.key);
    for (const one of governed) {
      const key = rowKey(one);
      const row = this.#rows.get(key);
      row?.members.delete(record.key);
      if (row?.members.size === 0) this.#rows.delete(key);
      this.#stale.delete(staleKey(record, one));
    }
    this.propagation.count(record, governed, -1);
    if (runsPinned(governed)) this.#pinned -= 1;
    this.#open.delete(record.key);
  }
}

/** A policy that governs nothing. */
export const EMPTY_PICTURE: PolicyPicture = new PolicyPicture();

/** Of several workloads the same one speaks each time, or the status would change with the order of judging. */
export function firstOf<Value>(values: ReadonlyMap<string, Value>): Value | undefined {
  let first: string | undefined;
  for (const key of values.keys()) if (first === undefined || key < first) first = key;
  return first === undefined ? undefined : values.get(first);
}

/** The reason that all of these have in common, if it is one. */
export function commonReason(records: ReadonlyMap<string, WorkloadRecord>): Reason | undefined {
  const reasons = new Set<Reason | undefined>();
  for (const { unpinned } of records.values()) reasons.add(unpinned?.reason);
  return reasons.size === 1 ? [...reasons][0] : undefined;
}

function memberOf(record: WorkloadRecord, one: Governed, other: Member | undefined): Member {
  const { clusters } = one.image;
  if (clusters === undefined) return { ...one, record };
  const both = other?.clusters === undefined || other.clusters === clusters ? clusters : [...new Set([...other.clusters, ...clusters])];
  return { ...one, record, clusters: both };
}

function rowKey({ image, verdict }: Governed): string {
  return [shownReference(image), image.digest ?? '', verdict.result, verdict.reason].join(' ');
}

function staleKey(record: WorkloadRecord, { image }: Governed): string {
  return `${record.key} ${image.field.pointer}`;
}

function toVerify(governed: readonly Governed[]): readonly Governed[] {
  return governed.filter(({ verdict }) => verdict.result !== 'Excluded');
}

function runsPinned(governed: readonly Governed[]): boolean {
  const all = toVerify(governed);
  return all.length > 0 && all.every(({ image, verdict }) => verdict.result === 'Verified' && image.pinned);
}
