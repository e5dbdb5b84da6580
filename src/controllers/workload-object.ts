import { TAGS_ANNOTATION } from '../api/annotations.ts';
import { boundedImages, boundedLabels } from '../api/object-limits.ts';
import { IMAGE_HOLDERS, imagesOf, type PodImage } from '../api/pod-images.ts';
import { pointerOf, WORKLOAD_KINDS, type WorkloadKind } from '../api/workload-kinds.ts';
import { digestOf } from '../base/digest.ts';
import type { KubeObject } from '../kube/object.ts';
import type { Stored } from '../kube/store.ts';
import { boundedSecrets, boundedTags } from './workload-limits.ts';
import { imageManager, writerOf } from './writers.ts';

/** Who writes, as `managedFields` names it. */
export const FIELD_MANAGER = 'assay';

/** What is kept in memory of a workload: what decides about it, and nothing of its status. */
export interface WorkloadObject extends Stored {
  readonly kind: string;
  readonly uid: string;
  /** Undefined where there are too many to be kept: then every choice by labels chooses it. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Every image field that this object answers for. */
  readonly images: readonly PodImage[];
  /** `spec.imagePullSecrets` of its pods, by name. */
  readonly pullSecrets: readonly string[];
  readonly serviceAccount: string;
  /** The annotation `assay.dev/tags` as it stands there. */
  readonly tags?: string;
  readonly hasAnnotations: boolean;
  /** The reconciler that its labels, its annotations or the field manager of its images give away (`Argo CD`, `Flux`, `Helm`). */
  readonly writer?: string;
  /** The field manager that wrote an image of it last, other than ourselves. */
  readonly manager?: string;
  /** Changes with the pod spec but for its images. */
  readonly specHash: string;
  /** Being deleted: judged and told, never written to. */
  readonly deleting: boolean;
}

/** The kinds by name; no two watched kinds share one. */
export const KINDS: ReadonlyMap<string, WorkloadKind> = new Map(WORKLOAD_KINDS.map((kind) => [kind.kind, kind]));

/** `Deployment/web/api`: the key of a workload in queues, ledger and logs. */
export function workloadKey(workload: Pick<WorkloadObject, 'kind' | 'namespace' | 'name'>): string {
  return `${workload.kind}/${workload.namespace}/${workload.name}`;
}

/** The parts of a {@link workloadKey}. */
export function splitWorkloadKey(key: string): { kind: string; namespace: string; name: string } {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return { kind, namespace, name };
}

/**
 * The projection of a workload for its store; undefined for one that is looked at through its owner (api.md, Workloads):
 * of an owned Pod only the ephemeral containers are its own, of any other owned object nothing is.
 */
export function projectWorkload(kind: WorkloadKind, object: KubeObject): WorkloadObject | undefined {
  const { metadata } = object;
  const owned = kind.mayBeOwned && (metadata.ownerReferences ?? []).some((owner) => owner.controller === true);
  const podSpec = podSpecOf(kind, object);
  const images = allImages(kind, object, podSpec).filter((image) => !owned || (kind.kind === 'Pod' && image.holder === 'ephemeralContainers'));
  if (owned && images.length === 0) return undefined;
  const annotations = metadata.annotations;
  const tags = boundedTags(annotations?.[TAGS_ANNOTATION]);
  const manager = kind.images.type === 'PodSpec' ? imageManager(metadata.managedFields, kind.images.path, FIELD_MANAGER) : undefined;
  const writer = writerOf(metadata.labels, annotations, manager);
  return {
    kind: kind.kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    resourceVersion: metadata.resourceVersion ?? '',
    uid: metadata.uid ?? '',
    labels: boundedLabels(metadata.labels ?? {}),
    images: boundedImages(images),
    pullSecrets: boundedSecrets(pullSecretsOf(podSpec)),
    serviceAccount: stringOf(podSpec['serviceAccountName']) ?? 'default',
    hasAnnotations: annotations !== undefined,
    deleting: metadata.deletionTimestamp !== undefined,
    ...(tags === undefined ? {} : { tags }),
    ...(writer === undefined ? {} : { writer }),
    ...(manager === undefined ? {} : { manager }),
    specHash: hashWithoutImages(podSpec),
  };
}

/** Whether two states of a workload differ in nothing that decides: such a change is not looked at. */
export function sameWorkload(left: WorkloadObject, right: WorkloadObject): boolean {
  return fingerprint(left) === fingerprint(right);
}

// Whether there are annotations only decides how a patch is written: the API server's own controllers add the first one to
// every new Deployment.
function fingerprint({ resourceVersion: _, hasAnnotations: __, ...rest }: WorkloadObject): string {
  return JSON.stringify({ ...rest, labels: Object.entries(rest.labels ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1)) });
}

function podSpecOf(kind: WorkloadKind, object: KubeObject): Readonly<Record<string, unknown>> {
  if (kind.images.type !== 'PodSpec') return {};
  return recordOf(kind.images.path.reduce<unknown>((value, part) => recordOf(value)[part], object));
}

function allImages(kind: WorkloadKind, object: KubeObject, podSpec: Readonly<Record<string, unknown>>): readonly PodImage[] {
  if (kind.images.type === 'PodSpec') return imagesOf(podSpec, pointerOf(kind.images.path));
  return kind.images.paths.flatMap((path): PodImage[] => {
    const image = path.reduce<unknown>((value, part) => recordOf(value)[part], object);
    const pointer = pointerOf(path);
    return typeof image === 'string' && image !== '' ? [{ holder: 'containers', name: pointer, image, pointer, namePointer: pointer }] : [];
  });
}

function pullSecretsOf(podSpec: Readonly<Record<string, unknown>>): string[] {
  const list = podSpec['imagePullSecrets'];
  return Array.isArray(list) ? list.flatMap((one) => stringOf(recordOf(one)['name']) ?? []) : [];
}

function hashWithoutImages(podSpec: Readonly<Record<string, unknown>>): string {
  const lists = IMAGE_HOLDERS.flatMap((holder) => {
    const list = podSpec[holder];
    return Array.isArray(list) ? [[holder, list.map((item: unknown) => ({ ...recordOf(item), image: undefined }))]] : [];
  });
  return digestOf(JSON.stringify({ ...podSpec, ...Object.fromEntries(lists) })).slice('sha256:'.length, 24);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
