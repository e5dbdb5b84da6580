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

/** The images of one manifest, which those of many clusters share, beside the template's; compared once for all of them. */
interface Manifest {
  readonly fields: readonly { readonly field: PodImage; readonly own: PodImage | undefined; readonly differs: boolean }[];
  /** The template's images that it does not have. */
  readonly missing: readonly PodImage[];
  readonly isTemplates: boolean;
}

/** An image in place of the template's, with one set of labels. */
interface Group {
  readonly field: PodImage;
  readonly own: PodImage | undefined;
  readonly labels: Deviation['labels'];
  /** Clusters that have it of the template as it is now (or as it was, with this very digest), and of the template as it was. */
  readonly current: Set<string>;
  readonly past: Set<string>;
}

/** By image. */
type Images = Map<string, Group>;
/** By pointer, and by the template's image that they stand for. */
type Places = Map<string, Map<PodImage | undefined, Images>>;

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
  /** The same by pointer: most manifests have their images where the template has them. */
  readonly #ownAt: ReadonlyMap<string, PodImage>;
  readonly #labels: Readonly<Record<string, string>> | undefined;
  /** By what stands for labels, empty where they are the template's: an override may write tens of thousands of characters of them, for each cluster others. */
  readonly #groups = new Map<string, Places>();
  readonly #manifests = new Map<readonly PodImage[], Manifest>();
  /** By labels: whether they are the template's. */
  readonly #sameLabels = new Map<WorkObject['labels'], boolean>();
  readonly #labelIds = new Map<Readonly<Record<string, string>> | undefined, string>();
  /** By pointer of the template's field: clusters that do not run it as it stands there. */
  readonly #elsewhere = new Map<string, Set<string>>();
  #stoodBefore: StoodBefore | undefined;
  #rendering = false;

  constructor(workload: WorkloadObject, context: EffectiveContext) {
    this.#workload = workload;
    this.#context = context;
    this.#own = new Map(workload.images.map((image) => [placeOf(image), image]));
    this.#ownAt = new Map(Array.from(this.#own.values(), (image) => [image.pointer, image]));
    this.#labels = workload.labels === undefined ? undefined : withoutKarmadas(workload.labels);
  }

  take({ work, leaving }: Rendering): void {
    const { cluster } = work;
    const labels = this.#labelsOf(work);
    const manifest = recall(this.#manifests, work.images, () => this.#compare(work.images));
    if (labels === undefined && manifest.isTemplates) return;
    const behind = isBehind(this.#workload, work);
    const waiting = behind && !leaving && this.#context.patient;
    const places = recall(this.#groups, labels === undefined ? '' : this.#labelId(labels.of), (): Places => new Map());
    for (const { field, own, differs } of manifest.fields) {
      if (!differs && labels === undefined) continue;
      const stood = differs && behind ? this.#stood(own, field, cluster) : undefined;
      if (differs && waiting && stood === undefined) {
        this.#rendering = true;
        continue;
      }
      if (differs && own !== undefined) this.#note(own, cluster);
      const images = recall(recall(places, field.pointer, () => new Map<PodImage | undefined, Images>()), own, (): Images => new Map());
      const group = recall(images, field.image, (): Group => ({ field, own, labels, current: new Set(), past: new Set() }));
      (behind && stood !== 'dropped' ? group.past : group.current).add(cluster);
    }
    if (!waiting) for (const own of manifest.missing) this.#note(own, cluster);
  }

  result(clusters: readonly string[]): Omit<Effective, 'clusters'> {
    const same = [...this.#elsewhere].map(([pointer, others]): [string, readonly string[]] => [pointer, clusters.filter((name) => !others.has(name))]);
    return { same: new Map(same), deviations: deviationsOf(this.#groups), rendering: this.#rendering };
  }

  #compare(images: readonly PodImage[]): Manifest {
    const fields = images.map((field) => {
      const own = this.#ownOf(field);
      return { field, own, differs: own?.image !== field.image };
    });
    const seen = new Set(fields.map(({ own }) => own));
    const missing = [...this.#own.values()].filter((own) => !seen.has(own));
    return { fields, missing, isTemplates: missing.length === 0 && fields.every(({ differs }) => !differs) };
  }

  /** The template's image of the same container. */
  #ownOf(field: PodImage): PodImage | undefined {
    const there = this.#ownAt.get(field.pointer);
    const isSame = there !== undefined && there.name === field.name && there.holder === field.holder && there.omitted === undefined && field.omitted === undefined;
    return isSame ? there : this.#own.get(placeOf(field));
  }

  #labelsOf(work: WorkObject): Deviation['labels'] {
    if (this.#labels === undefined) return undefined;
    if (work.labelsOmitted === true) return { of: undefined };
    const labels = work.labels ?? {};
    return recall(this.#sameLabels, work.labels, () => sameValue(labels, this.#labels)) ? undefined : { of: labels };
  }

  /** WARNING: every scaling, and every pin of another container, moves the generation on for a moment, and must not make what an override says come and go in the status. */
  #stood(own: PodImage | undefined, field: PodImage, cluster: string): Stood | undefined {
    const { before } = this.#context;
    if (before === undefined) return undefined;
    this.#stoodBefore ??= stoodIn(before);
    const { images, effective } = this.#stoodBefore;
    return own === undefined || images.get(own.pointer) === own.image ? effective.get(field.pointer)?.get(field.image)?.get(cluster) : undefined;
  }

  #labelId(labels: Readonly<Record<string, string>> | undefined): string {
    return recall(this.#labelIds, labels, () => digestOf(JSON.stringify(labels ?? null)));
  }

  #note({ pointer }: PodImage, cluster: string): void {
    recall(this.#elsewhere, pointer, () => new Set<string>()).add(cluster);
  }
}

/** Whether a Work was made of another state of the template than the one that is looked at: an earlier one, a later one, or another object of its name. */
export function isBehind({ uid, generation }: WorkloadObject, work: WorkObject): boolean {
  if (work.templateUid !== undefined && work.templateUid !== uid) return true;
  return work.generation !== undefined && generation !== undefined && work.generation !== generation;
}

function recall<Key, Value>(known: Map<Key, Value>, key: Key, find: () => Value): Value {
  const found = known.get(key) ?? find();
  known.set(key, found);
  return found;
}

/** How an image stood in place of the template's. */
type Stood = 'instead' | 'dropped';

/** By pointer what a template had, and by pointer, image and cluster what ran instead. */
interface StoodBefore {
  readonly images: ReadonlyMap<string, string>;
  readonly effective: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, Stood>>>;
}

function stoodIn({ images, effective = [] }: WorkloadRecord): StoodBefore {
  const stood = new Map<string, Map<string, Map<string, Stood>>>();
  for (const { field, clusters, dropped } of effective) {
    const names = recall(recall(stood, field.pointer, () => new Map<string, Map<string, Stood>>()), field.image, () => new Map<string, Stood>());
    for (const name of clusters) names.set(name, dropped === true ? 'dropped' : 'instead');
  }
  return { images: new Map(images.map(({ field }) => [field.pointer, field.image])), effective: stood };
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

/**
 * The first of them in an order that does not change from look to look. WARNING: what is beyond the bound is one entry that is no image and cannot be verified; left out it
 * would count as looked at. Only what is kept is sorted and read: each cluster may run others of each image, and these are many thousands.
 */
function deviationsOf(groups: ReadonlyMap<string, Places>): readonly Deviation[] {
  const kept: Deviation[] = [];
  const rest: Group[] = [];
  for (const images of byPlace(groups)) {
    const ordered = kept.length < MAX_DEVIATIONS ? sorted(images) : images.values();
    for (const group of ordered) {
      if (kept.length < MAX_DEVIATIONS) kept.push(...withDropped(group));
      else rest.push(group);
    }
  }
  const [first] = rest;
  if (first === undefined) return kept;
  const clusters = [...new Set(rest.flatMap(({ current, past }) => [...current, ...past]))].toSorted();
  const field = { ...first.field, image: `(${rest.length} more)`, omitted: rest.length };
  return [...kept, { field, clusters, dropped: false }];
}

function byPlace(groups: ReadonlyMap<string, Places>): readonly Images[] {
  return sorted(groups).flatMap((places) => sorted(places).flatMap((owners) => [...owners.values()]));
}

function sorted<Value>(values: ReadonlyMap<string, Value>): readonly Value[] {
  return [...values].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, value]) => value);
}

/** What was made of the template as it was lost no digest that the template has, unless it had that then, too. */
function withDropped({ field, own, labels, current, past }: Group): readonly Deviation[] {
  const about = { field, ...(own === undefined ? {} : { own }), ...(labels === undefined ? {} : { labels }) };
  if (current.size > 0 && dropsDigest(own, field)) {
    const before = past.size === 0 ? [] : [{ ...about, clusters: [...past], dropped: false }];
    return [...before, { ...about, clusters: [...current], dropped: true }];
  }
  return [{ ...about, clusters: past.size === 0 ? [...current] : [...past.union(current)].toSorted(), dropped: false }];
}
