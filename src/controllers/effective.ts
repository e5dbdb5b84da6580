import { parseImageReference } from '../api/image-reference.ts';
import type { PodImage } from '../api/pod-images.ts';
import { digestOf } from '../base/digest.ts';
import { sameValue } from '../kube/patch.ts';
import { slotOf } from '../karmada/compare-images.ts';
import { withoutKarmadas } from '../karmada/names.ts';
import type { WorkObject } from '../karmada/types.ts';
import type { WorkloadRecord } from './ledger.ts';
import type { WorkloadObject } from './workload-object.ts';

/** What one cluster is told to run of a template. */
export interface Rendering {
  readonly work: WorkObject;
  /** Karmada moves the template away from this cluster: what its Work says is what runs until it is gone. */
  readonly leaving: boolean;
}

/** An image that some clusters run and that is not the template's own, or is chosen there by other labels. */
export interface Deviation {
  /** The field of the manifest. */
  readonly field: PodImage;
  /** The template's image of the same container; absent for a container that the template does not have. */
  readonly own?: PodImage;
  /** Names, sorted. */
  readonly clusters: readonly string[];
  /** Labels of the manifests, where they are not the template's; undefined labels are too many to be kept. */
  readonly labels?: { readonly of: Readonly<Record<string, string>> | undefined };
  /** The template has a digest for this container, and what Karmada made of this very template has none. */
  readonly dropped: boolean;
}

/** What the clusters are told to run of one template. */
export interface Effective {
  /** Clusters that it is propagated to; names, sorted. */
  readonly clusters: readonly string[];
  /** By the pointer of an image field of the template: the clusters that run it as it stands there, where these are not all. */
  readonly same: ReadonlyMap<string, readonly string[]>;
  readonly deviations: readonly Deviation[];
  /** Whether Karmada has not brought some cluster to the template as it is now; what it says meanwhile is the past. */
  readonly rendering: boolean;
}

/** What is known beside the template and its Works. */
export interface EffectiveContext {
  /** What was last recorded of this very template: a deviation that stood before its template's generation moved on still stands. */
  readonly before: WorkloadRecord | undefined;
  /** Whether clusters that lag are still waited for. */
  readonly patient: boolean;
}

/** Different images of one template that are judged beside its own. */
export const MAX_DEVIATIONS = 256;

interface Group {
  readonly field: PodImage;
  readonly own: PodImage | undefined;
  readonly labels: Deviation['labels'];
  readonly dropped: boolean;
  readonly clusters: Set<string>;
}

/** Compares what clusters are told to run with the template. Pure; a Work that is being deleted is nobody's order any more. */
export function effectiveOf(workload: WorkloadObject, renderings: readonly Rendering[], context: EffectiveContext): Effective {
  const known = renderings.filter(({ work }) => !work.deleting).toSorted((one, other) => (one.work.cluster < other.work.cluster ? -1 : 1));
  const clusters = [...new Set(known.map(({ work }) => work.cluster))];
  const comparison = new Comparison(workload, context);
  for (const rendering of known) comparison.take(rendering);
  return { clusters, ...comparison.result(clusters) };
}

class Comparison {
  readonly #workload: WorkloadObject;
  readonly #context: EffectiveContext;
  readonly #own: ReadonlyMap<string, PodImage>;
  readonly #labels: Readonly<Record<string, string>> | undefined;
  readonly #groups = new Map<string, Group>();
  /** By the images of a manifest, which those of many clusters share: whether they are the template's, container by container. */
  readonly #sameImages = new Map<readonly PodImage[], boolean>();
  /** The same for labels. */
  readonly #sameLabels = new Map<WorkObject['labels'], boolean>();
  /** What stands for labels in the names of groups: an override may write tens of thousands of characters of them, for each cluster others. */
  readonly #labelIds = new Map<Readonly<Record<string, string>> | undefined, string>();
  /** By pointer of the template's field: clusters that do not run it as it stands there. */
  readonly #elsewhere = new Map<string, Set<string>>();
  #rendering = false;

  constructor(workload: WorkloadObject, context: EffectiveContext) {
    this.#workload = workload;
    this.#context = context;
    this.#own = new Map(workload.images.map((image) => [placeOf(image), image]));
    this.#labels = workload.labels === undefined ? undefined : withoutKarmadas(workload.labels);
  }

  take({ work, leaving }: Rendering): void {
    const labels = this.#labelsOf(work);
    if (labels === undefined && this.#isTemplates(work.images)) return;
    const behind = isBehind(this.#workload, work);
    const seen = new Set<string>();
    for (const field of work.images) {
      const own = this.#own.get(placeOf(field));
      if (own !== undefined) seen.add(own.pointer);
      const differs = own?.image !== field.image;
      if (!differs && labels === undefined) continue;
      if (differs && behind && !leaving && this.#context.patient && !this.#stood(own, field, work.cluster)) {
        this.#rendering = true;
        continue;
      }
      if (differs && own !== undefined) this.#note(own, work.cluster);
      this.#group({ field, own, labels, dropped: differs && !behind && dropsDigest(own, field) }, work.cluster);
    }
    if (behind && !leaving && this.#context.patient) return;
    for (const own of this.#own.values()) if (!seen.has(own.pointer)) this.#note(own, work.cluster);
  }

  result(clusters: readonly string[]): Omit<Effective, 'clusters'> {
    const same = [...this.#elsewhere].map(([pointer, others]): [string, readonly string[]] => [pointer, clusters.filter((name) => !others.has(name))]);
    const deviations = [...this.#groups].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => deviationOf(group));
    return { same: new Map(same), deviations: bounded(deviations), rendering: this.#rendering };
  }

  #labelsOf(work: WorkObject): Deviation['labels'] {
    if (this.#labels === undefined) return undefined;
    if (work.labelsOmitted === true) return { of: undefined };
    const labels = work.labels ?? {};
    return recall(this.#sameLabels, work.labels, () => sameValue(labels, this.#labels)) ? undefined : { of: labels };
  }

  /** Whether every image of the template is where it is in the template, and nothing else. */
  #isTemplates(images: readonly PodImage[]): boolean {
    return recall(this.#sameImages, images, () => {
      const places = new Set(images.map(placeOf));
      return places.size === this.#own.size && images.every((image) => this.#own.get(placeOf(image))?.image === image.image);
    });
  }

  /** WARNING: every scaling moves the generation on for a moment, and must not make what an override says come and go in the status. */
  #stood(own: PodImage | undefined, field: PodImage, cluster: string): boolean {
    const { before } = this.#context;
    if (before === undefined) return false;
    const unchanged = own === undefined || before.images.some((image) => image.field.pointer === own.pointer && image.field.image === own.image);
    return unchanged && (before.effective ?? []).some((image) => image.field.pointer === field.pointer && image.field.image === field.image && image.clusters?.includes(cluster));
  }

  #labelId(labels: Readonly<Record<string, string>> | undefined): string {
    const known = this.#labelIds.get(labels) ?? digestOf(JSON.stringify(labels ?? null));
    this.#labelIds.set(labels, known);
    return known;
  }

  #note(own: PodImage, cluster: string): void {
    const others = this.#elsewhere.get(own.pointer) ?? new Set<string>();
    this.#elsewhere.set(own.pointer, others.add(cluster));
  }

  #group(group: Omit<Group, 'clusters'>, cluster: string): void {
    const key = JSON.stringify([group.field.pointer, group.field.image, group.dropped, group.labels === undefined ? '' : this.#labelId(group.labels.of)]);
    const known = this.#groups.get(key) ?? { ...group, clusters: new Set<string>() };
    known.clusters.add(cluster);
    this.#groups.set(key, known);
  }
}

/** Whether a Work was made of another state of the template than the one that is looked at: an earlier one, a later one, or another object of its name. */
export function isBehind({ uid, generation }: WorkloadObject, work: WorkObject): boolean {
  if (work.templateUid !== undefined && work.templateUid !== uid) return true;
  return work.generation !== undefined && generation !== undefined && work.generation !== generation;
}

function recall<Key>(known: Map<Key, boolean>, key: Key, find: () => boolean): boolean {
  const found = known.get(key) ?? find();
  known.set(key, found);
  return found;
}

function placeOf(image: PodImage): string {
  return image.omitted === undefined ? slotOf(image) : '';
}

function dropsDigest(own: PodImage | undefined, field: PodImage): boolean {
  return own !== undefined && field.omitted === undefined && hasDigest(own.image) && !hasDigest(field.image);
}

function hasDigest(image: string): boolean {
  try {
    return parseImageReference(image).digest !== undefined;
  } catch {
    return false;
  }
}

function deviationOf({ field, own, labels, dropped, clusters }: Group): Deviation {
  return { field, clusters: [...clusters], dropped, ...(own === undefined ? {} : { own }), ...(labels === undefined ? {} : { labels }) };
}

/** WARNING: what is beyond the bound is one entry that is no image and cannot be verified; left out it would count as looked at. */
function bounded(deviations: readonly Deviation[]): readonly Deviation[] {
  const [kept, rest] = [deviations.slice(0, MAX_DEVIATIONS), deviations.slice(MAX_DEVIATIONS)];
  const [first] = rest;
  if (first === undefined) return kept;
  const clusters = [...new Set(rest.flatMap((one) => one.clusters))].toSorted();
  const field = { ...first.field, image: `(${rest.length} more)`, omitted: rest.length };
  return [...kept, { field, clusters, dropped: false }];
}
