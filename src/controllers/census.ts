import type { Reason, Result, WorkloadState } from '../api/reasons.ts';
import type { WorkloadRecord } from './ledger.ts';
import { isWorse, judgedImages, shownReference, summarize } from './outcome.ts';
import { PropagationCensus, type PropagationCount } from './propagation-census.ts';

interface Tally {
  readonly result: Result;
  readonly reason: Reason;
  workloads: number;
}

/** How many images have this result for this reason. */
export interface ImageCount {
  readonly result: Result;
  readonly reason: Reason;
  readonly count: number;
}

/** Counts of the whole fleet for the continuous metrics, kept while records come and go: a scrape must not walk the fleet. */
export class Census {
  readonly #states = new Map<WorkloadState, number>();
  /** By reference and digest; there is one tally for each way in which workloads found that image. */
  readonly #images = new Map<string, Map<string, Tally>>();
  /** References that no policy governs, with how many workloads name each. */
  readonly #unmatched = new Map<string, number>();
  readonly #propagation = new PropagationCensus();

  add(record: WorkloadRecord): void {
    this.#states.set(record.state, (this.#states.get(record.state) ?? 0) + 1);
    this.#propagation.count(record, 1);
    for (const image of unmatchedIn(record)) this.#unmatched.set(image, (this.#unmatched.get(image) ?? 0) + 1);
    for (const { image, key, tally } of tallies(record)) {
      const known = this.#images.get(image) ?? new Map<string, Tally>();
      const same = known.get(key) ?? tally;
      same.workloads += 1;
      known.set(key, same);
      this.#images.set(image, known);
    }
  }

  /** Takes out exactly what {@link add} put in. */
  remove(record: WorkloadRecord): void {
    this.#states.set(record.state, (this.#states.get(record.state) ?? 0) - 1);
    this.#propagation.count(record, -1);
    for (const image of unmatchedIn(record)) {
      const left = (this.#unmatched.get(image) ?? 0) - 1;
      if (left > 0) this.#unmatched.set(image, left);
      else this.#unmatched.delete(image);
    }
    for (const { image, key } of tallies(record)) {
      const known = this.#images.get(image);
      const same = known?.get(key);
      if (known === undefined || same === undefined) continue;
      same.workloads -= 1;
      if (same.workloads === 0) known.delete(key);
      if (known.size === 0) this.#images.delete(image);
    }
  }

  /** Workloads by state. */
  workloads(): Map<WorkloadState, number> {
    return new Map([...this.#states].filter(([, count]) => count > 0));
  }

  /** How many distinct references no policy governs. */
  unmatched(): number {
    return this.#unmatched.size;
  }

  /** What Karmada propagates, as long as it is there. */
  propagation(): PropagationCount {
    return this.#propagation.counts();
  }

  /** Governed images, each (by reference and digest) counted once, by the worst that was found of it. */
  images(): ImageCount[] {
    const counts = new Map<string, { result: Result; reason: Reason; count: number }>();
    for (const known of this.#images.values()) {
      const { result, reason } = worst(known);
      const key = `${result} ${reason}`;
      const row = counts.get(key) ?? { result, reason, count: 0 };
      row.count += 1;
      counts.set(key, row);
    }
    return [...counts.values()];
  }
}

function unmatchedIn(record: WorkloadRecord): ReadonlySet<string> {
  return new Set(judgedImages(record).filter(({ verdicts }) => verdicts.length === 0).map((image) => shownReference(image)));
}

function tallies(record: WorkloadRecord): { image: string; key: string; tally: Tally }[] {
  return judgedImages(record).flatMap((outcome) => {
    const summary = summarize(outcome);
    if (summary === undefined) return [];
    const { result, reason } = summary;
    return [{ image: `${shownReference(outcome)} ${outcome.digest ?? ''}`, key: `${result} ${reason}`, tally: { result, reason, workloads: 0 } }];
  });
}

function worst(known: ReadonlyMap<string, Tally>): Tally {
  return [...known.values()].reduce((one, other) => (isWorse(other, one) ? other : one));
}
