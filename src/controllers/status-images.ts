import { formatTime, parseTime } from '../api/conditions.ts';
import type { Result } from '../api/reasons.ts';
import { printable } from '../base/text.ts';
import type { PolicyVerdict } from '../verification/types.ts';
import type { Member, PictureRow, PolicyPicture } from './policy-picture.ts';
import { propagationSummary } from './status-propagation.ts';

/** `status.images[]` (api.md, status). */
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
  /** On Karmada: in how many clusters it runs. */
  readonly clusters?: number;
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
  /** On Karmada: clusters that governed workloads are propagated to. */
  readonly clusters?: number;
  /** On Karmada: PropagationPolicies and ClusterPropagationPolicies that propagate governed workloads. */
  readonly propagationPolicies?: number;
}

const MAX_IMAGES = 100;
/**
 * Bytes of JSON of all rows. WARNING: bounds of characters are none of bytes: a hundred rows of three bytes a character do not fit into an object
 * that etcd takes (1.5 MiB, with the spec), and then nothing is told at all.
 */
const MAX_BYTES = 524_288;
const MAX_EXAMPLES = 5;
const MAX_MESSAGE = 512;
/** The longest reference that parses. */
const MAX_IMAGE = 1024;
const MAX_ISSUER = 1024;
const MAX_SUBJECT = 2048;
const MAX_AUTHORITY = 1100;
// An image that does not verify is asked for again every few minutes: that alone is no news.
const TIME_TO_TELL = 3_600_000;

// Failures first: what needs somebody is never among what was left out.
const ORDER: Readonly<Record<Result, number>> = { Failed: 0, Unknown: 1, Static: 2, Verified: 3, Excluded: 4 };

interface Sortable {
  readonly row: PictureRow;
  readonly speaker: Member;
}

/** The rows of the images that a policy governs, failures first, and how many did not fit. */
export function imageRows(picture: PolicyPicture): { rows: ImageRow[]; omitted: number } {
  const all = [...picture.rows].map((row): Sortable => ({ row, speaker: anyOf(row) }));
  const sorted = all.toSorted((left, right) =>
    ORDER[left.speaker.verdict.result] - ORDER[right.speaker.verdict.result] || (left.row.key < right.row.key ? -1 : 1));
  const rows = thatFit(sorted.slice(0, MAX_IMAGES).map(({ row }) => rowOf(row)));
  return { rows, omitted: sorted.length - rows.length };
}

function thatFit(rows: ImageRow[]): ImageRow[] {
  let left = MAX_BYTES;
  const tooMuch = rows.findIndex((row) => (left -= Buffer.byteLength(JSON.stringify(row))) < 0);
  return tooMuch === -1 ? rows : rows.slice(0, tooMuch);
}

/** The counts over everything that the policy governs, also what the rows leave out. */
export function summaryOf(picture: PolicyPicture): SummaryStatus {
  const counts: Record<Result, number> = { Verified: 0, Failed: 0, Unknown: 0, Excluded: 0, Static: 0 };
  let images = 0;
  for (const row of picture.rows) {
    counts[anyOf(row).verdict.result] += 1;
    images += 1;
  }
  return {
    workloads: picture.workloads,
    images,
    verified: counts.Verified,
    failed: counts.Failed,
    unknown: counts.Unknown,
    excluded: counts.Excluded,
    pinned: picture.pinned,
    held: 0,
    ratio: `${counts.Verified}/${images - counts.Excluded}`,
    ...propagationSummary(picture.propagation),
  };
}

/** Whether two lists of rows that are otherwise equal differ so much in when they were judged that it is worth a write. */
export function timesAreOld(before: readonly Pick<ImageRow, 'lastVerifiedTime'>[], after: readonly Pick<ImageRow, 'lastVerifiedTime'>[]): boolean {
  return after.some(({ lastVerifiedTime }, at) => {
    const then = parseTime(before[at]?.lastVerifiedTime ?? '');
    return then === undefined || (parseTime(lastVerifiedTime) ?? 0) - then >= TIME_TO_TELL;
  });
}

/** All members of a row have the same result and reason. */
function anyOf({ members }: PictureRow): Member {
  const [member] = members.values();
  if (member === undefined) throw new Error('a row without workloads is kept');
  return member;
}

function rowOf(row: PictureRow): ImageRow {
  const { speaker, verifiedAt } = speakerOf(row);
  const { image, verdict } = speaker;
  return {
    image: clip(row.reference, MAX_IMAGE),
    ...(image.digest === undefined ? {} : { digest: image.digest }),
    result: verdict.result,
    reason: verdict.reason,
    message: clip(image.moved === undefined ? verdict.message : `${image.moved.message} ${verdict.message}`, MAX_MESSAGE),
    ...(verdict.authority === undefined ? {} : { authority: clip(verdict.authority, MAX_AUTHORITY) }),
    ...(verdict.signer === undefined ? {} : { signer: signerOf(verdict.signer) }),
    ...(verdict.signedAt === undefined ? {} : { signedAt: formatTime(verdict.signedAt) }),
    lastVerifiedTime: formatTime(verifiedAt),
    workloads: { count: row.members.size, examples: examplesOf(row) },
    ...clustersOf(row),
  };
}

function clustersOf({ members }: PictureRow): { clusters?: number } {
  // Thousands of workloads run in the same few sets of clusters.
  const sets = new Set<readonly string[]>();
  for (const { clusters } of members.values()) if (clusters !== undefined) sets.add(clusters);
  return sets.size === 0 ? {} : { clusters: new Set([...sets].flat()).size };
}

/**
 * Who speaks for a row, and when it was judged last. One with news of its tag first, then by name: always the same one, or
 * the status would change with the order of judging.
 */
function speakerOf({ members }: PictureRow): { speaker: Member; verifiedAt: number } {
  let [speaker, verifiedAt]: [Member | undefined, number] = [undefined, 0];
  for (const member of members.values()) {
    verifiedAt = Math.max(verifiedAt, member.verdict.verifiedAt);
    if (speaker === undefined || speaksBefore(member, speaker)) speaker = member;
  }
  return { speaker: speaker as Member, verifiedAt };
}

function speaksBefore(one: Member, other: Member): boolean {
  const [hasNews, otherHas] = [one.image.moved !== undefined, other.image.moved !== undefined];
  return hasNews === otherHas ? one.record.key < other.record.key : hasNews;
}

/** The first few by name, without sorting thousands. */
function examplesOf({ members }: PictureRow): readonly string[] {
  let first: string[] = [];
  for (const { record } of members.values()) {
    const name = `${record.namespace}/${record.name}`;
    if (first.length === MAX_EXAMPLES && name >= (first.at(-1) ?? '')) continue;
    if (!first.includes(name)) first = [...first, name].toSorted().slice(0, MAX_EXAMPLES);
  }
  return first;
}

function signerOf(signer: NonNullable<PolicyVerdict['signer']>): NonNullable<ImageRow['signer']> {
  return signer.kind === 'key' ? { keyId: signer.keyId } : { issuer: clip(signer.issuer, MAX_ISSUER), subject: clip(signer.subject, MAX_SUBJECT) };
}

/** WARNING: half of a surrogate pair comes back from the API server as another character, and would be written again for ever. */
function clip(text: string, limit: number): string {
  const shown = printable(text);
  return shown.length <= limit ? shown : `${shown.slice(0, limit - 1).toWellFormed()}…`;
}
