import { TAGS_ANNOTATION } from '../api/annotations.ts';
import { parseImageReference } from '../api/image-reference.ts';
import type { PodImage } from '../api/pod-images.ts';
import { type Digest, isDigest } from '../base/digest.ts';
import { annotationAt, type JsonPatchOperation, swapAt, testAt } from '../kube/patch.ts';
import { blocks, type ImageOutcome, verified } from './outcome.ts';
import type { WorkloadObject } from './workload-object.ts';

/** How a reference is written: `repo@sha256:…`, or `repo:tag@sha256:…`. */
export type PinForm = 'Digest' | 'TagAndDigest';

/** What `assay.dev/tags` says of one image field: the reference that stood there, and the digest that replaced it. */
export interface RememberedTag {
  readonly ref: string;
  readonly digest: Digest;
  /** How often `ref` came back before this pin; absent: never. */
  readonly reverts?: number;
}

/** One image field to rewrite. */
export interface Pin {
  readonly field: PodImage;
  readonly from: string;
  readonly to: string;
  readonly digest: Digest;
  /** What the field was first pinned from, where `from` is our own pin in another form; absent: `from`. */
  readonly ref?: string;
}

/** One JSON patch for all containers of a workload, and what it replaces. */
export interface PinPlan {
  readonly pins: readonly Pin[];
  readonly patch: readonly JsonPatchOperation[];
}

const MAX_ANNOTATION = 65_536;
const MAX_REVERTS = 1000;

/** The key of an image field in `assay.dev/tags`: a container's name; `volumes/<name>` for an image volume; its JSON pointer in an object of several pod specs. */
export function tagKey(field: PodImage): string {
  if (field.key !== undefined) return field.key;
  return field.holder === 'volumes' ? `volumes/${field.name}` : field.name;
}

/** Reads `assay.dev/tags`; anything that is not in its form counts as absent, because anybody may write an annotation. */
export function readTags(annotation: string | undefined): Readonly<Record<string, RememberedTag>> {
  if (annotation === undefined || annotation.length > MAX_ANNOTATION) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(annotation);
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return {};
  return Object.fromEntries(Object.entries(parsed as Record<string, unknown>).flatMap(([key, value]) => {
    const tag = rememberedTag(value);
    return tag === undefined ? [] : [[key, tag]];
  }));
}

const read = new WeakMap<WorkloadObject, Readonly<Record<string, RememberedTag>>>();

/** The same of a workload, read once: it is asked for with each of its images. */
function tagsOf(workload: WorkloadObject): Readonly<Record<string, RememberedTag>> {
  const tags = read.get(workload) ?? readTags(workload.tags);
  read.set(workload, tags);
  return tags;
}

function rememberedTag(value: unknown): RememberedTag | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { ref, digest, reverts } = value as Record<string, unknown>;
  if (typeof ref !== 'string' || !isDigest(digest)) return undefined;
  const counts = typeof reverts === 'number' && Number.isInteger(reverts) && reverts > 0 && reverts <= MAX_REVERTS;
  return counts ? { ref, digest, reverts } : { ref, digest };
}

/** The reference that pins `image` to `digest`: by its canonical name, because that is the repository that was verified. */
export function pinnedReference(image: string, digest: Digest, form: PinForm): string {
  const { name, tag } = parseImageReference(image);
  return form === 'TagAndDigest' && tag !== undefined ? `${name}:${tag}@${digest}` : `${name}@${digest}`;
}

/**
 * The fields to rewrite so that every verified image of a workload is pinned. None where a governed image did not verify
 * (invariant 2), or where every field holds its digest already (invariants 5 and 6).
 */
export function pinsOf(images: readonly ImageOutcome[], form: PinForm): readonly Pin[] {
  if (images.some((image) => blocks(image))) return [];
  return images.flatMap((image): Pin[] => {
    if (image.pinned || image.digest === undefined || !verified(image)) return [];
    const to = pinnedReference(image.field.image, image.digest, form);
    return [{ field: image.field, from: image.field.image, to, digest: image.digest }];
  });
}

/**
 * The fields that hold their digest behind a tag, as we wrote it, and of which an override drops the digest for that: in the form that Karmada keeps
 * (pkg/util/imageparser). Others are left as they are, because each rewrite is a rollout; and so is a digest that somebody else wrote.
 */
export function reformedPins(workload: WorkloadObject, images: readonly ImageOutcome[], dropped: ReadonlySet<string>): readonly Pin[] {
  if (images.some((image) => blocks(image))) return [];
  return images.flatMap((image): Pin[] => {
    const { field, digest, pinned } = image;
    if (!pinned || digest === undefined || !dropped.has(field.image) || !verified(image)) return [];
    const ref = rememberedRef(workload, field);
    const to = pinnedReference(field.image, digest, 'Digest');
    return ref === undefined || to === field.image ? [] : [{ field, from: field.image, to, digest, ref }];
  });
}

/** The one patch that writes these pins, and nothing else but what they replaced; `reverts`: how often they came back before. */
export function planPins(workload: WorkloadObject, pins: readonly Pin[], reverts = 0): PinPlan {
  const tags = JSON.stringify(Object.fromEntries(nextTags(workload, pins, reverts)));
  // The uid: a re-created object of the same name is another intention. The name beside each image: a list whose order
  // changed must not get its neighbour's digest. The old image: a concurrent edit wins, and is judged afresh.
  const patch = [
    testAt('/metadata/uid', workload.uid),
    ...pins.flatMap((pin) => [...testName(pin.field), ...swapAt(pin.field.pointer, pin.from, pin.to)]),
    ...annotationAt(ownAnnotations(workload), TAGS_ANNOTATION, tags),
  ];
  return { pins, patch };
}

/** A field that stands alone has no name beside it. */
function testName({ pointer, namePointer, name }: PodImage): readonly JsonPatchOperation[] {
  return namePointer === pointer ? [] : [testAt(namePointer, name)];
}

/** The annotations as far as they are kept in memory: ours, and whether there are any at all. */
function ownAnnotations(workload: WorkloadObject): Record<string, string> | undefined {
  if (workload.tags !== undefined) return { [TAGS_ANNOTATION]: workload.tags };
  return workload.hasAnnotations ? {} : undefined;
}

/** What is to be remembered after these pins: the new ones, and the old ones of fields that still hold their digest. */
function nextTags(workload: WorkloadObject, pins: readonly Pin[], reverts: number): [string, RememberedTag][] {
  const before = tagsOf(workload);
  return workload.images.flatMap((field): [string, RememberedTag][] => {
    const key = tagKey(field);
    const pin = pins.find((one) => one.field.pointer === field.pointer);
    if (pin !== undefined) return [[key, { ref: pin.ref ?? pin.from, digest: pin.digest, ...(reverts === 0 ? {} : { reverts }) }]];
    const kept = Object.hasOwn(before, key) ? before[key] : undefined;
    return kept !== undefined && field.image.endsWith(`@${kept.digest}`) ? [[key, kept]] : [];
  });
}

/** What a pinned field was pinned from, if the annotation says so for this very digest and repository. */
export function rememberedRef(workload: WorkloadObject, field: PodImage): string | undefined {
  const tags = tagsOf(workload);
  const key = tagKey(field);
  const tag = Object.hasOwn(tags, key) ? tags[key] : undefined;
  if (tag === undefined || !field.image.endsWith(`@${tag.digest}`)) return undefined;
  try {
    // Anybody may write the annotation: it counts only for the repository that the field itself names.
    return parseImageReference(tag.ref).name === parseImageReference(field.image).name ? tag.ref : undefined;
  } catch {
    return undefined;
  }
}
