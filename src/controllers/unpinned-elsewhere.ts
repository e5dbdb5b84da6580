import { parseImageReference } from '../api/image-reference.ts';
import type { AppliedOverride } from '../karmada/predict.ts';
import type { Unpinned } from './ledger.ts';
import { type EffectiveImage, verified } from './outcome.ts';
import { rememberedRef } from './pin-plan.ts';
import type { WorkloadObject } from './workload-object.ts';

const MAX_NAMED = 3;

/**
 * Why clusters do not run the digests that were verified, where they do not: an override took the digest away, or what they run has
 * only a tag. Undefined where they do. A digest that was dropped speaks first: nothing but an edit brings it back.
 */
export function unpinnedElsewhere(workload: WorkloadObject, images: readonly EffectiveImage[], overriders: readonly AppliedOverride[] = []): Unpinned | undefined {
  const dropped = images.filter((image) => image.dropped === true && image.verdicts.length > 0);
  const [first] = dropped;
  if (first !== undefined) return digestDropped(workload, dropped, first, overriders);
  const [open] = images.filter((image) => verified(image) && !image.pinned);
  if (open === undefined) return undefined;
  const text = (where: string): string => `${where} ${open.clusters.length === 1 ? 'runs' : 'run'} ${whatRuns(open)}`;
  return { reason: 'NotPinned', message: text(named(open.clusters)), discreet: text(counted(open.clusters)) };
}

function whatRuns({ field: { image }, own }: EffectiveImage): string {
  if (own === undefined) return `${image}, which an override adds without a digest; write it there with its digest`;
  if (own.includes('@')) return `${image}, and Karmada has not brought ${own} there; the conditions of its ResourceBinding say why`;
  return `${image} in place of ${own}, and neither holds a digest`;
}

function digestDropped(workload: WorkloadObject, dropped: readonly EffectiveImage[], first: EffectiveImage, overriders: readonly AppliedOverride[]): Unpinned {
  const { kind, namespace, name } = workload;
  const clusters = [...new Set(dropped.flatMap((image) => image.clusters))].toSorted();
  const more = dropped.length === 1 ? '' : ` (and ${dropped.length - 1} more)`;
  const runs = `${clusters.length === 1 ? 'runs' : 'run'} ${first.field.image}${more}`;
  const text = (who: string, where: string): string =>
    `${who} takes the digest of ${first.own ?? ''} in ${kind} ${namespace}/${name} away: ${where} ${runs}; ${whatToDo(workload, first)}`;
  // The last one has the last word.
  const last = overriders.at(-1);
  return { reason: 'DigestDroppedByOverride', message: text(nameOf(last, false), named(clusters)), discreet: text(nameOf(last, true), counted(clusters)) };
}

/** A namespace may know its own OverridePolicies, and of a ClusterOverridePolicy only that there is one. */
function nameOf(override: AppliedOverride | undefined, discreet: boolean): string {
  if (override === undefined) return 'an override';
  const { kind, namespace, name } = override;
  if (kind === 'OverridePolicy') return `OverridePolicy ${namespace}/${name}`;
  return discreet ? 'a ClusterOverridePolicy' : `ClusterOverridePolicy ${name}`;
}

/** Karmada keeps the digest of a reference without a tag unless an override writes a tag (pkg/util/imageparser). */
function whatToDo(workload: WorkloadObject, image: EffectiveImage): string {
  if (!isForTag(image)) return 'take the tag out of it, or have it write the digest';
  const ours = workload.images.some((field) => field.image === image.own && rememberedRef(workload, field) !== undefined);
  return `Karmada keeps a digest only where there is no tag: ${ours ? 'set spec.pin.form to Digest' : 'write the image without its tag'}`;
}

/** The template's images of which an override dropped the digest for no other reason than the tag before it. */
export function droppedForTag(images: readonly EffectiveImage[]): ReadonlySet<string> {
  return new Set(images.flatMap((image) => (image.dropped === true && image.own !== undefined && isForTag(image) ? [image.own] : [])));
}

/** Another tag than the template's is an override's own, which would take any digest away. */
function isForTag({ own = '', field }: EffectiveImage): boolean {
  const tag = tagOf(own);
  return tag !== undefined && tag === tagOf(field.image);
}

function tagOf(image: string): string | undefined {
  try {
    return parseImageReference(image).tag;
  } catch {
    return undefined;
  }
}

function named(clusters: readonly string[]): string {
  const more = clusters.length > MAX_NAMED ? ` and ${clusters.length - MAX_NAMED} more` : '';
  return `cluster ${clusters.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function counted({ length }: readonly string[]): string {
  return `${length} ${length === 1 ? 'cluster' : 'clusters'}`;
}
