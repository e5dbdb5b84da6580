import type { PodImage } from './pod-images.ts';

/** Images of one object that are looked at. */
export const MAX_IMAGES = 256;
/** Characters of an image: one more than a reference may have, so that what was cut is still none. */
const MAX_IMAGE = 1025;
const MAX_LABELS = 256;

/*
 * Whoever may create objects writes what is kept of them, and the API server bounds little of it but the size of the whole: thousands of containers, or
 * an image of a MiB. What is kept of each is bounded here, so that a namespace cannot use up the memory of the operator for all.
 */

/** The first images, each as far as it can be one; what is beyond is one entry more, which is no image and cannot be verified. */
export function boundedImages(images: readonly PodImage[]): readonly PodImage[] {
  const kept = images.slice(0, MAX_IMAGES).map((one) => ({ ...one, image: cut(one.image, MAX_IMAGE) }));
  const next = images[MAX_IMAGES];
  const omitted = images.length - MAX_IMAGES;
  return next === undefined ? kept : [...kept, { ...next, image: `(${omitted} more)`, omitted }];
}

/** The labels, or undefined for too many: some of them alone could lead a policy to pass by what it chooses by another. */
export function boundedLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(labels).length <= MAX_LABELS ? labels : undefined;
}

/** A copy: what `slice` gives keeps the whole text in memory. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
}
