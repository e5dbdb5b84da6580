import type { Claim } from '../karmada/types.ts';
import type { WorkloadRecord } from './ledger.ts';
import type { Governed } from './policy-picture.ts';

/** What one cluster runs of what a policy governs, in workloads. */
export interface ClusterCounts {
  readonly workloads: number;
  /** Every image there is verified. */
  readonly verified: number;
  readonly failed: number;
  /** Not running the digests that were verified. */
  readonly unpinned: number;
}

/** What a policy of Karmada propagates of what a policy governs, in templates; what clusters run instead counts, too. */
export interface ClaimCounts {
  readonly claim: Claim;
  readonly templates: number;
  readonly verified: number;
  readonly failed: number;
  readonly unknown: number;
}

const NOTHING: ClusterCounts = { workloads: 0, verified: 0, failed: 0, unpinned: 0 };

/** The part of a policy's picture that is about Karmada, kept while workloads come and go: a fleet is not counted anew for each that changes. */
export class PropagationPicture {
  readonly #clusters = new Map<string, ClusterCounts>();
  readonly #claims = new Map<string, ClaimCounts>();
  #propagated = 0;

  /** Whether any of it was looked at on Karmada. */
  get isThere(): boolean {
    return this.#propagated > 0;
  }

  /** By the name of the cluster. */
  get clusters(): ReadonlyMap<string, ClusterCounts> {
    return this.#clusters;
  }

  get claims(): Iterable<ClaimCounts> {
    return this.#claims.values();
  }

  /** Counts a workload with what the policy says of its images in (1), or what was counted out again (-1). */
  count(record: WorkloadRecord, governed: readonly Governed[], by: 1 | -1): void {
    if (record.clusters === undefined) return;
    this.#propagated += by;
    this.#countClusters(governed, by);
    if (record.claim !== undefined) this.#countClaim(record.claim, governed, by);
  }

  #countClusters(governed: readonly Governed[], by: 1 | -1): void {
    for (const [names, images] of byClusters(governed)) {
      const counts = countsOf(images);
      for (const name of names) {
        const before = this.#clusters.get(name) ?? NOTHING;
        const after = {
          workloads: before.workloads + by,
          verified: before.verified + by * counts.verified,
          failed: before.failed + by * counts.failed,
          unpinned: before.unpinned + by * counts.unpinned,
        };
        if (after.workloads === 0) this.#clusters.delete(name);
        else this.#clusters.set(name, after);
      }
    }
  }

  #countClaim(claim: Claim, governed: readonly Governed[], by: 1 | -1): void {
    const key = `${claim.kind}/${claim.namespace}/${claim.name}`;
    const before = this.#claims.get(key) ?? { claim, templates: 0, verified: 0, failed: 0, unknown: 0 };
    const failed = governed.some(isFailed);
    const unknown = !failed && governed.some(({ verdict }) => verdict.result === 'Unknown');
    const verified = countsOf(governed).verified === 1;
    const after = {
      claim,
      templates: before.templates + by,
      verified: before.verified + (verified ? by : 0),
      failed: before.failed + (failed ? by : 0),
      unknown: before.unknown + (unknown ? by : 0),
    };
    if (after.templates === 0) this.#claims.delete(key);
    else this.#claims.set(key, after);
  }
}

/** The images that run together in the same clusters. In a fleet without overrides these are all images in all clusters. */
function byClusters(governed: readonly Governed[]): Iterable<readonly [clusters: readonly string[], images: readonly Governed[]]> {
  const [first] = governed;
  const everywhere = first?.image.clusters;
  if (everywhere !== undefined && governed.every(({ image }) => image.clusters === everywhere)) return [[everywhere, governed]];
  const images = new Map<string, Governed[]>();
  for (const one of governed) {
    for (const name of one.image.clusters ?? []) {
      const known = images.get(name);
      if (known === undefined) images.set(name, [one]);
      else known.push(one);
    }
  }
  return [...images].map(([name, known]) => [[name], known] as const);
}

function countsOf(images: readonly Governed[]): Readonly<Record<'verified' | 'failed' | 'unpinned', 0 | 1>> {
  const judged = images.filter(({ verdict }) => verdict.result !== 'Excluded');
  const verified = judged.length > 0 && judged.every(({ verdict }) => verdict.result === 'Verified');
  const pinned = judged.length === 0 || (verified && judged.every(({ image }) => image.pinned));
  return { verified: verified ? 1 : 0, failed: images.some(isFailed) ? 1 : 0, unpinned: pinned ? 0 : 1 };
}

function isFailed({ verdict }: Governed): boolean {
  return verdict.result === 'Failed' || verdict.reason === 'StaticFail';
}
