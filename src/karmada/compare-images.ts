import type { PodImage } from '../api/pod-images.ts';
import type { Digest } from '../base/digest.ts';
import { parseImageReference } from '../api/image-reference.ts';

/** One place where two lists of images of an object differ. */
export interface ImageDifference {
  readonly pointer: string;
  /** Undefined where nothing stands there. */
  readonly predicted?: string;
  readonly observed?: string;
}

/** Where what was predicted is not what Karmada did: by pointer, empty where both agree. What was observed is right. */
export function compareImages(predicted: readonly PodImage[], observed: readonly PodImage[]): readonly ImageDifference[] {
  if (predicted === observed) return [];
  const [left, right] = [byPointer(predicted), byPointer(observed)];
  return [...new Set([...left.keys(), ...right.keys()])].toSorted().flatMap((pointer): ImageDifference[] => {
    const [one, other] = [left.get(pointer), right.get(pointer)];
    if (one === other) return [];
    return [{ pointer, ...(one === undefined ? {} : { predicted: one }), ...(other === undefined ? {} : { observed: other }) }];
  });
}

/** An image of a template that has a digest, and what overrides made of it for a cluster. */
export interface DigestChange {
  /** The container or volume, as it stands in the template. */
  readonly image: PodImage;
  /** The image that the cluster is told to run; undefined where the container is gone. */
  readonly effective?: PodImage;
  /** `Dropped`: by a tag alone, which anybody may move who may push it. `Changed`: by another digest. `Removed`: not at all. */
  readonly change: 'Dropped' | 'Changed' | 'Removed';
}

/**
 * What became of the digests of a template in a cluster; nothing is said of images that have none, or kept theirs (in whatever registry). Containers are
 * told by name, so that one that an override puts before them changes nothing.
 */
export function digestDropped(templateImages: readonly PodImage[], effectiveImages: readonly PodImage[]): readonly DigestChange[] {
  if (templateImages === effectiveImages) return [];
  const effective = new Map(effectiveImages.map((image) => [slotOf(image), image]));
  return templateImages.flatMap((image): DigestChange[] => {
    const digest = digestOf(image.image);
    if (digest === undefined) return [];
    const found = effective.get(slotOf(image));
    if (found === undefined) return [{ image, change: 'Removed' }];
    const now = digestOf(found.image);
    if (now === digest) return [];
    return [{ image, effective: found, change: now === undefined ? 'Dropped' : 'Changed' }];
  });
}

function byPointer(images: readonly PodImage[]): ReadonlyMap<string, string> {
  return new Map(images.map(({ pointer, image }) => [pointer, image]));
}

/** What tells a container or volume from the others of its object, wherever in its list an override moves it: the list, and its name there. */
export function slotOf({ pointer, holder, name }: PodImage): string {
  const list = pointer.lastIndexOf(`/${holder}/`);
  return `${list === -1 ? pointer : pointer.slice(0, list)}\0${holder}\0${name}`;
}

function digestOf(image: string): Digest | undefined {
  try {
    return parseImageReference(image).digest;
  } catch {
    return undefined;
  }
}
