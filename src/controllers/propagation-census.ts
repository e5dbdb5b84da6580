import type { Result, WorkloadState } from '../api/reasons.ts';
import type { WorkloadRecord } from './ledger.ts';
import { type ImageOutcome, judgedImages, summarize } from './outcome.ts';

/** The worst result of what a Work has; `Unmatched` where no policy governs any of its images. */
export type WorkResult = Result | 'Unmatched';

/** What is propagated, in numbers. */
export interface PropagationCount {
  /** Templates that Karmada propagates, by state. */
  readonly templates: ReadonlyMap<WorkloadState, number>;
  /** What single clusters are told to run of single templates, by the worst result among its images. */
  readonly works: ReadonlyMap<WorkResult, number>;
  /** Of these, how many lost a digest to an override. */
  readonly dropped: number;
}

// As in outcome.ts: the worst speaks.
const WORST: readonly WorkResult[] = ['Failed', 'Unknown', 'Verified', 'Static', 'Excluded'];

/** Counts of what Karmada propagates for the continuous metrics, kept while records come and go. */
export class PropagationCensus {
  readonly #templates = new Map<WorkloadState, number>();
  readonly #works = new Map<WorkResult, number>();
  #dropped = 0;

  /** Counts a record in (1), or what was counted out again (-1). */
  count(record: WorkloadRecord, by: 1 | -1): void {
    const { clusters, claim, effective, state } = record;
    if (clusters === undefined || (clusters.length === 0 && claim === undefined)) return;
    add(this.#templates, state, by);
    for (const [result, number] of worksOf(record, clusters)) add(this.#works, result, by * number);
    const dropped = (effective ?? []).filter((image) => image.dropped === true && image.verdicts.length > 0);
    this.#dropped += by * new Set(dropped.flatMap((image) => image.clusters)).size;
  }

  counts(): PropagationCount {
    return { templates: this.#templates, works: this.#works, dropped: this.#dropped };
  }
}

function worksOf(record: WorkloadRecord, clusters: readonly string[]): Iterable<readonly [WorkResult, number]> {
  const images = judgedImages(record);
  if (images.every((image) => image.clusters === clusters)) return [[worst(images), clusters.length]];
  const byCluster = new Map<string, ImageOutcome[]>(clusters.map((name) => [name, []]));
  for (const image of images) for (const name of image.clusters ?? []) byCluster.get(name)?.push(image);
  return [...byCluster.values()].map((known) => [worst(known), 1] as const);
}

function worst(images: readonly ImageOutcome[]): WorkResult {
  const results = new Set(images.map((image) => {
    const summary = summarize(image);
    return summary?.reason === 'StaticFail' ? 'Failed' : summary?.result;
  }));
  return WORST.find((result) => result !== 'Unmatched' && results.has(result)) ?? 'Unmatched';
}

function add<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
