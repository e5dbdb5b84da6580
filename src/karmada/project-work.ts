import { boundedImages, boundedLabels } from '../api/object-limits.ts';
import type { PodImage } from '../api/pod-images.ts';
import type { KubeObject } from '../kube/object.ts';
import { listOf, recordOf, textMapOf, textOf } from './json.ts';
import { BINDING_ID_LABEL, CLUSTER_BINDING_ID_LABEL, clusterOfSpace, TEMPLATE_GENERATION_ANNOTATION, TEMPLATE_UID_ANNOTATION, withoutKarmadas } from './names.ts';
import { isDeleting, storedOf } from './project-policy.ts';
import { SharedValues } from './shared-values.ts';
import type { ImagesOfManifest, TemplateRef, WorkObject } from './types.ts';

/** Manifests of one Work that are looked at: Karmada itself writes exactly one. */
const MAX_MANIFESTS = 64;
/** Characters of labels that are kept: overriders may write any there. */
const MAX_LABELS = 65_536;
/** Characters of a name: overriders may write any there too. */
const MAX_NAME = 1024;
const DECIMAL = /^\d{1,15}$/;

/**
 * Projects Works: what one cluster is told to run. Equal parts of the Works of all clusters are one value in memory.
 * Undefined for what is in no execution space, and for a Work of kinds that hold no images.
 */
export function workProjection(imagesOfManifest: ImagesOfManifest, shared = new SharedValues()): (object: KubeObject) => WorkObject | undefined {
  return (object) => projectWork(object, imagesOfManifest, shared);
}

/**
 * What is kept of a Work (work.karmada.io/v1alpha1). Pointers start at the root of its manifest; those of a second and later manifest, which
 * others than Karmada may have put there, at the root of the Work. What a template is called is read from the first manifest.
 * @param shared what values that are equal to earlier ones are taken from
 */
export function projectWork(object: KubeObject, imagesOfManifest: ImagesOfManifest, shared: SharedValues = new SharedValues()): WorkObject | undefined {
  const stored = storedOf(object);
  const cluster = clusterOfSpace(stored.namespace);
  if (cluster === undefined) return undefined;
  const spec = recordOf(recordOf(object)['spec']);
  const manifests = listOf(recordOf(spec['workload'])['manifests']);
  const found = manifests.slice(0, MAX_MANIFESTS).map((manifest, index) => imagesIn(manifest, index, imagesOfManifest));
  if (manifests.length > 0 && found.every((images) => images === undefined)) return undefined;
  const labels = recordOf(recordOf(object.metadata)['labels']);
  const bindingId = textOf(labels[BINDING_ID_LABEL]) || textOf(labels[CLUSTER_BINDING_ID_LABEL]);
  return {
    namespace: shared.text(stored.namespace),
    name: shared.text(stored.name),
    resourceVersion: stored.resourceVersion,
    cluster: shared.text(cluster),
    ...(bindingId === '' ? {} : { bindingId: shared.text(bindingId) }),
    ...aboutTemplate(recordOf(manifests[0]), shared),
    images: imagesOf([...found, ...omitted(manifests.length)], shared),
    suspended: spec['suspendDispatching'] === true,
    deleting: isDeleting(object),
  };
}

type AboutTemplate = Pick<WorkObject, 'template' | 'generation' | 'templateUid' | 'labels' | 'labelsOmitted'>;

function aboutTemplate(manifest: Readonly<Record<string, unknown>>, shared: SharedValues): AboutTemplate {
  const metadata = recordOf(manifest['metadata']);
  const annotations = recordOf(metadata['annotations']);
  const generation = textOf(annotations[TEMPLATE_GENERATION_ANNOTATION]);
  const templateUid = nameOf(annotations[TEMPLATE_UID_ANNOTATION], shared);
  const template: TemplateRef = {
    apiVersion: nameOf(manifest['apiVersion'], shared),
    kind: nameOf(manifest['kind'], shared),
    namespace: nameOf(metadata['namespace'], shared),
    name: shortOf(metadata['name']),
  };
  return {
    template: shared.value(template),
    ...(DECIMAL.test(generation) ? { generation: Number(generation) } : {}),
    ...(templateUid === '' ? {} : { templateUid }),
    ...labelsOf(metadata['labels'], shared),
  };
}

function labelsOf(value: unknown, shared: SharedValues): Pick<WorkObject, 'labels' | 'labelsOmitted'> {
  const own = withoutKarmadas(textMapOf(value));
  if (Object.keys(own).length === 0) return {};
  const labels = boundedLabels(own);
  return labels === undefined || JSON.stringify(labels).length > MAX_LABELS ? { labelsOmitted: true } : { labels: shared.value(labels) };
}

function imagesIn(manifest: unknown, index: number, imagesOfManifest: ImagesOfManifest): readonly PodImage[] | undefined {
  const { apiVersion, kind } = recordOf(manifest);
  const images = imagesOfManifest(textOf(apiVersion), textOf(kind), manifest);
  if (images === undefined || index === 0) return images;
  const root = `/spec/workload/manifests/${index}`;
  return images.map((image) => ({ ...image, pointer: `${root}${image.pointer}`, namePointer: `${root}${image.namePointer}` }));
}

/** Manifests that were not looked at are images that nobody can vouch for. */
function omitted(manifests: number): readonly (readonly PodImage[])[] {
  if (manifests <= MAX_MANIFESTS) return [];
  const pointer = `/spec/workload/manifests/${MAX_MANIFESTS}`;
  const count = manifests - MAX_MANIFESTS;
  return [[{ holder: 'containers', name: '', image: `(${count} more manifests)`, pointer, namePointer: pointer, omitted: count }]];
}

function imagesOf(found: readonly (readonly PodImage[] | undefined)[], shared: SharedValues): readonly PodImage[] {
  return shared.value(boundedImages(found.flatMap((images) => images ?? [])), (images) =>
    images.map((image) => ({
      ...image,
      name: nameOf(image.name, shared),
      pointer: shared.text(image.pointer),
      namePointer: shared.text(image.namePointer),
    })),
  );
}

function nameOf(value: unknown, shared: SharedValues): string {
  return shared.text(shortOf(value));
}

function shortOf(value: unknown): string {
  return textOf(value).slice(0, MAX_NAME);
}
