/** Where in a pod an image stands. */
export const IMAGE_HOLDERS = ['containers', 'initContainers', 'ephemeralContainers', 'volumes'] as const;
export type ImageHolder = (typeof IMAGE_HOLDERS)[number];

/** One image of a pod. */
export interface PodImage {
  /** The list of the pod spec that it is in; sidecars are among the init containers. */
  readonly holder: ImageHolder;
  /** Name of the container or volume. */
  readonly name: string;
  /** The image as it is written there. */
  readonly image: string;
  /** JSON pointer (RFC 6901) of the field with the image, from the root of the object. */
  readonly pointer: string;
  /** JSON pointer of the name of the container or volume: what a patch tests, so that a shifted list is not hit. The same as `pointer` where the field stands alone. */
  readonly namePointer: string;
  /** How `assay.dev/tags` calls it, in an object in which the names of containers are not unique. */
  readonly key?: string;
  /** Set where a patch cannot or should not change it: it is verified and reported. */
  readonly fixed?: true;
  /** Set where this stands for so many images that are not looked at: there is no image then. */
  readonly omitted?: number;
}

/**
 * Every image of a pod spec, in the order of the spec: containers, init containers, ephemeral containers, image volumes.
 * A container without an image (a template may leave it to others) has none to verify. Reads any JSON: what is not a pod
 * spec has no images.
 * @param pointer JSON pointer of the pod spec in its object, such as `/spec/template/spec`
 */
export function imagesOf(podSpec: unknown, pointer: string): readonly PodImage[] {
  return IMAGE_HOLDERS.flatMap((holder) =>
    listOf(podSpec, holder).flatMap((item, index) => imageOf(item, holder, `${pointer}/${holder}/${index}`)),
  );
}

function imageOf(item: unknown, holder: ImageHolder, pointer: string): readonly PodImage[] {
  const isVolume = holder === 'volumes';
  const image = isVolume ? fieldOf(fieldOf(item, 'image'), 'reference') : fieldOf(item, 'image');
  const name = fieldOf(item, 'name');
  if (typeof image !== 'string' || image === '' || typeof name !== 'string') return [];
  return [{ holder, name, image, pointer: `${pointer}/image${isVolume ? '/reference' : ''}`, namePointer: `${pointer}/name` }];
}

function listOf(object: unknown, field: string): readonly unknown[] {
  const value = fieldOf(object, field);
  return Array.isArray(value) ? value : [];
}

function fieldOf(object: unknown, field: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, field)
    ? (object as Record<string, unknown>)[field]
    : undefined;
}
