import { formatTime } from '../api/conditions.ts';
import type { Result } from '../api/reasons.ts';
import type { PolicyVerdict } from '../verification/types.ts';
import { policyId, type WorkloadRecord } from './ledger.ts';
import type { ImageOutcome } from './outcome.ts';

/** `status.images[]` and what counts them (api.md, status). */
export interface ImageRow {
  readonly image: string;
  readonly digest?: string;
  readonly result: Result;
  readonly reason: string;
  readonly message: string;
  readonly authority?: string;
  readonly signer?: { readonly issuer?: string; readonly subject?: string; readonly keyId?: string };
  readonly signedAt?: string;
  readonly lastVerifiedTime: string;
  readonly workloads: { readonly count: number; readonly examples: readonly string[] };
}

/** `status.summary`. */
export interface SummaryStatus {
  readonly workloads: number;
  readonly images: number;
  readonly verified: number;
  readonly failed: number;
  readonly unknown: number;
  readonly excluded: number;
  readonly pinned: number;
  readonly held: number;
  /** `40/41`: verified of those that are to be verified; excluded images count in neither. */
  readonly ratio: string;
}

const MAX_IMAGES = 100;
const MAX_EXAMPLES = 5;
const MAX_TEXT = 512;

interface Row {
  readonly image: ImageOutcome;
  readonly verdict: PolicyVerdict;
  /** `namespace/name` by the key of the workload. */
  readonly workloads: Map<string, string>;
}

// Failures first: what needs somebody is never among what was left out.
const ORDER: Readonly<Record<Result, number>> = { Failed: 0, Unknown: 1, Static: 2, Verified: 3, Excluded: 4 };

/** The images that policy `id` governs in these workloads: one row for each image, digest and verdict, failures first. */
export function imageRows(id: string, records: readonly WorkloadRecord[]): { rows: ImageRow[]; omitted: number; all: readonly Result[] } {
  const rows = new Map<string, Row>();
  for (const record of records) {
    for (const image of record.images) {
      const verdict = image.verdicts.find((one) => policyId(one.policy) === id);
      if (verdict === undefined) continue;
      const key = [referenceOf(image), image.digest, verdict.result, verdict.reason].join(' ');
      const row = rows.get(key) ?? { image, verdict, workloads: new Map() };
      row.workloads.set(record.key, `${record.namespace}/${record.name}`);
      rows.set(key, row);
    }
  }
  const sorted = [...rows.entries()].toSorted(([leftKey, left], [rightKey, right]) =>
    ORDER[left.verdict.result] - ORDER[right.verdict.result] || (leftKey < rightKey ? -1 : 1));
  return {
    rows: sorted.slice(0, MAX_IMAGES).map(([, row]) => rowOf(row)),
    omitted: Math.max(0, sorted.length - MAX_IMAGES),
    all: sorted.map(([, { verdict }]) => verdict.result),
  };
}

/** What people know the image by: the reference that was pinned from, while the field holds its digest. */
function referenceOf(image: ImageOutcome): string {
  return image.tag ?? image.field.image;
}

function rowOf({ image, verdict, workloads }: Row): ImageRow {
  const names = [...new Set(workloads.values())].toSorted();
  return {
    image: clip(referenceOf(image)),
    ...(image.digest === undefined ? {} : { digest: image.digest }),
    result: verdict.result,
    reason: verdict.reason,
    message: clip(image.moved === undefined ? verdict.message : `${image.moved.message} ${verdict.message}`),
    ...(verdict.authority === undefined ? {} : { authority: verdict.authority }),
    ...(verdict.signer === undefined ? {} : { signer: signerOf(verdict.signer) }),
    ...(verdict.signedAt === undefined ? {} : { signedAt: formatTime(verdict.signedAt) }),
    lastVerifiedTime: formatTime(verdict.verifiedAt),
    workloads: { count: workloads.size, examples: names.slice(0, MAX_EXAMPLES) },
  };
}

function signerOf(signer: NonNullable<PolicyVerdict['signer']>): NonNullable<ImageRow['signer']> {
  return signer.kind === 'key' ? { keyId: signer.keyId } : { issuer: clip(signer.issuer), subject: clip(signer.subject) };
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}

/** The counts over everything that the policy governs, also what the rows leave out. */
export function summaryOf(id: string, records: readonly WorkloadRecord[], results: readonly Result[]): SummaryStatus {
  const count = (result: Result): number => results.filter((one) => one === result).length;
  const excluded = count('Excluded');
  const verified = count('Verified');
  return {
    workloads: records.length,
    images: results.length,
    verified,
    failed: count('Failed'),
    unknown: count('Unknown'),
    excluded,
    pinned: records.filter((record) => runsPinned(id, record)).length,
    held: 0,
    ratio: `${verified}/${results.length - excluded}`,
  };
}

/** Whether everything that the policy governs in this workload runs by the digest that was verified. */
export function runsPinned(id: string, { images }: WorkloadRecord): boolean {
  const governed = images.flatMap((image) => {
    const verdict = image.verdicts.find((one) => policyId(one.policy) === id);
    return verdict === undefined || verdict.result === 'Excluded' ? [] : [{ image, verdict }];
  });
  return governed.length > 0 && governed.every(({ image, verdict }) => verdict.result === 'Verified' && image.pinned);
}
