import { formatImageReference, parseImageReference } from '../api/image-reference.ts';
import type { PodImage } from '../api/pod-images.ts';
import type { Reason, Result, WorkloadState } from '../api/reasons.ts';
import type { Digest } from '../base/digest.ts';
import type { PolicyVerdict } from '../verification/types.ts';

/** What was found out about one image field of a workload. */
export interface ImageOutcome {
  readonly field: PodImage;
  /** Canonical `host/path`; the text itself where it does not parse. */
  readonly name: string;
  /** What the reference resolved to, absent where nothing was resolved. */
  readonly digest?: Digest;
  /** Whether the field itself holds `digest`. */
  readonly pinned: boolean;
  /** One for each policy that governs this image, exclusions included; empty for an image that nobody governs. */
  readonly verdicts: readonly PolicyVerdict[];
  /** The reference that a pinned field was pinned from (`assay.dev/tags`). */
  readonly tag?: string;
  /** When that tag was last asked for; milliseconds since the epoch. */
  readonly tagAskedAt?: number;
  /** Set when that tag points to another digest by now: which one, and a sentence about it. */
  readonly moved?: { readonly digest: Digest; readonly message: string };
  /** On Karmada: the clusters that run the image as it stands here; names, sorted. */
  readonly clusters?: readonly string[];
}

/** What some clusters run instead of what the template has. */
export interface EffectiveImage extends ImageOutcome {
  /** Names, sorted. */
  readonly clusters: readonly string[];
  /** What the template has for that container; undefined where it has no such container. */
  readonly own: string | undefined;
  /** An override took the digest away that the template has. */
  readonly dropped?: true;
}

/** All that was judged of a workload: its own images, and what clusters run instead. */
export function judgedImages({ images, effective }: { readonly images: readonly ImageOutcome[]; readonly effective?: readonly EffectiveImage[] }): readonly ImageOutcome[] {
  return effective === undefined ? images : [...images, ...effective];
}

/** The one result that stands for an image under all of its policies, and the verdict that it comes from. */
export interface Summary {
  readonly result: Result;
  readonly reason: Reason;
  readonly verdict: PolicyVerdict;
}

// Every policy must pass (api.md, Matching): the worst verdict speaks. A static pass or an exclusion of one policy never
// weakens another, so a real verification outranks them.
const SEVERITY: Readonly<Record<Result, number>> = { Failed: 0, Unknown: 2, Verified: 3, Static: 4, Excluded: 5 };

function severity(verdict: Pick<PolicyVerdict, 'result' | 'reason'>): number {
  return verdict.reason === 'StaticFail' ? 1 : SEVERITY[verdict.result];
}

/** Whether the first of two verdicts is the worse one; equal ones are not. */
export function isWorse(verdict: Pick<PolicyVerdict, 'result' | 'reason'>, than: Pick<PolicyVerdict, 'result' | 'reason'>): boolean {
  return severity(verdict) < severity(than);
}

/** The worst verdict on an image, or undefined for an image that nobody governs. */
export function summarize(outcome: ImageOutcome): Summary | undefined {
  const [verdict] = outcome.verdicts.toSorted((left, right) => severity(left) - severity(right));
  return verdict === undefined ? undefined : { result: verdict.result, reason: verdict.reason, verdict };
}

/**
 * What people know the image by, in canonical form: the reference that was pinned from, while the field holds its digest.
 * A text that does not parse stays as it is.
 */
export function shownReference({ tag, field }: Pick<ImageOutcome, 'tag' | 'field'>): string {
  const text = tag ?? field.image;
  try {
    return formatImageReference(parseImageReference(text));
  } catch {
    return text;
  }
}

/** Whether an image stands in the way of pinning its workload: it is governed, and not passed by all of its policies. */
export function blocks(outcome: ImageOutcome): boolean {
  return outcome.verdicts.some(({ result, reason }) => result === 'Failed' || result === 'Unknown' || reason === 'StaticFail');
}

/** Whether the digest of this image was verified, under every policy that does not excuse it (README.md, invariant 2). */
export function verified(outcome: ImageOutcome): boolean {
  return !blocks(outcome) && outcome.verdicts.some(({ result }) => result === 'Verified');
}

/** The state that a workload counts as in `assay_workloads`: the worst of its images; `contested` before all. */
export function stateOf(images: readonly ImageOutcome[], contested = false): WorkloadState {
  if (contested) return 'contested';
  const governed = images.filter((image) => image.verdicts.length > 0);
  if (governed.length === 0) return 'unmatched';
  const results = governed.map((image) => summarize(image)).filter((summary) => summary !== undefined);
  if (results.some(({ result, reason }) => result === 'Failed' || reason === 'StaticFail')) return 'failed';
  if (results.some(({ result }) => result === 'Unknown')) return 'unknown';
  const checked = governed.filter((image) => verified(image));
  if (checked.length === 0) return 'excluded';
  return checked.every((image) => image.pinned) ? 'pinned' : 'verified';
}
