import { locate, pointerOf } from './image-paths.ts';
import { imagesOf, type PodImage } from './pod-images.ts';
import type { WorkloadKind } from './workload-kinds.ts';

/** The parts of an object that decide about its images. */
export interface ImageParts {
  /** Every image, in the order of its places; each once. */
  readonly images: readonly PodImage[];
  /** Its pod specs, or what stands in for them. */
  readonly podSpecs: readonly Readonly<Record<string, unknown>>[];
}

/** Every image of an object of a kind, as a patch would find it. Reads any JSON: what does not have the kind's form has no images. */
export function imagePartsOf(kind: WorkloadKind, object: unknown): ImageParts {
  const { images, podSpecs } = placesOf(kind, object);
  const { patchable } = kind;
  const isOne = kind.images.type === 'PodSpec';
  return {
    podSpecs,
    images: images.map((image) => ({ ...image, ...(isOne ? {} : { key: image.pointer }), ...(patchable.includes(image.holder) ? {} : { fixed: true }) })),
  };
}

function placesOf({ images: location }: WorkloadKind, object: unknown): ImageParts {
  if (location.type === 'PodSpec') {
    const podSpec = location.path.reduce<unknown>((value, part) => recordOf(value)[part], object);
    return { images: imagesOf(podSpec, pointerOf(location.path)), podSpecs: [recordOf(podSpec)] };
  }
  const podSpecs = location.podSpecs.flatMap((path) => locate(object, path));
  const fields = location.images.flatMap((path) => locate(object, path));
  const images = [
    ...podSpecs.flatMap(({ value, pointer }) => imagesOf(value, pointer)),
    ...fields.flatMap(({ value: image, pointer }): PodImage[] =>
      typeof image === 'string' && image !== '' ? [{ holder: 'containers', name: pointer, image, pointer, namePointer: pointer }] : []),
  ];
  // Paths may overlap: what is in a pod spec has its name beside it, and counts as that.
  const unique = new Map(images.toReversed().map((image) => [image.pointer, image]));
  return { images: [...unique.values()].toReversed(), podSpecs: podSpecs.map(({ value }) => recordOf(value)) };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/**
 * The images of a manifest by its `apiVersion` and `kind`; undefined for a kind that is not among `kinds`. Any version of a known
 * group is read the same way.
 */
export function manifestImages(kinds: readonly WorkloadKind[]): (apiVersion: string, kind: string, object: unknown) => readonly PodImage[] | undefined {
  const known = new Map(kinds.map((kind) => [`${kind.group}/${kind.kind}`, kind]));
  return (apiVersion, kind, object) => {
    const found = known.get(`${groupOf(apiVersion)}/${kind}`);
    return found === undefined ? undefined : placesOf(found, object).images;
  };
}

/** `apps` of `apps/v1`; empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
