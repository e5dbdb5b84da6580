import type { Unpinned } from './ledger.ts';
import { type EffectiveImage, verified } from './outcome.ts';
import type { WorkloadObject } from './workload-object.ts';

const MAX_NAMED = 3;

/**
 * Why clusters do not run the digests that were verified, where they do not: an override took the digest away, or what they run has
 * only a tag. Undefined where they do. A digest that was dropped speaks first: nothing but an edit brings it back.
 */
export function unpinnedElsewhere(workload: Pick<WorkloadObject, 'kind' | 'namespace' | 'name'>, images: readonly EffectiveImage[]): Unpinned | undefined {
  const dropped = images.filter((image) => image.dropped === true && image.verdicts.length > 0);
  const [first] = dropped;
  if (first !== undefined) return digestDropped(workload, dropped, first);
  const [open] = images.filter((image) => verified(image) && !image.pinned);
  if (open === undefined) return undefined;
  const text = (where: string): string =>
    `${where} ${open.clusters.length === 1 ? 'runs' : 'run'} ${open.field.image} instead of ${open.own ?? 'nothing'}, which holds no digest; Karmada has not brought what the template says there, or an override adds it`;
  return { reason: 'NotPinned', message: text(named(open.clusters)), discreet: text(counted(open.clusters)) };
}

function digestDropped({ kind, namespace, name }: Pick<WorkloadObject, 'kind' | 'namespace' | 'name'>, dropped: readonly EffectiveImage[], first: EffectiveImage): Unpinned {
  const clusters = [...new Set(dropped.flatMap((image) => image.clusters))].toSorted();
  const more = dropped.length === 1 ? '' : ` (and ${dropped.length - 1} more)`;
  const text = (where: string): string =>
    `an override takes the digest of ${first.own ?? ''} in ${kind} ${namespace}/${name} away: ${where} ${clusters.length === 1 ? 'runs' : 'run'} ${first.field.image}${more}; ${whatToDo(first.own ?? '')}`;
  return { reason: 'DigestDroppedByOverride', message: text(named(clusters)), discreet: text(counted(clusters)) };
}

/** Karmada keeps the digest of a reference without a tag unless an override writes a tag (pkg/util/imageparser). */
function whatToDo(own: string): string {
  const hasTag = /:[^/@]+@/.test(own);
  return hasTag ? 'Karmada keeps a digest only where there is no tag: set spec.pin.form to Digest, or write the image without its tag' : 'take the tag out of the override that writes it, or have it write the digest';
}

function named(clusters: readonly string[]): string {
  const more = clusters.length > MAX_NAMED ? ` and ${clusters.length - MAX_NAMED} more` : '';
  return `cluster ${clusters.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function counted({ length }: readonly string[]): string {
  return `${length} ${length === 1 ? 'cluster' : 'clusters'}`;
}
