import { TAGS_ANNOTATION } from '../api/annotations.ts';
import { boundedImages, boundedLabels } from '../api/object-limits.ts';
import { SHIPPED_KINDS } from '../api/further-kinds.ts';
import { groupOf, imagePartsOf, type ImageParts } from '../api/object-images.ts';
import { IMAGE_HOLDERS, type PodImage } from '../api/pod-images.ts';
import type { WorkloadKind } from '../api/workload-kinds.ts';
import { digestOf } from '../base/digest.ts';
import type { KubeObject, Resource } from '../kube/object.ts';
import type { Stored } from '../kube/store.ts';
import { boundedSecrets, boundedTags } from './workload-limits.ts';
import { imageManager, writerOf } from './writers.ts';

/** Who writes, as `managedFields` names it. */
export const FIELD_MANAGER = 'assay';

/** What is kept in memory of a workload: what decides about it, and nothing of its status. */
export interface WorkloadObject extends Stored {
  /** The name of its kind: `Deployment`, `CloneSet.apps.kruise.io`. */
  readonly kind: string;
  /** Where it lives, in the version that is served. */
  readonly resource: Resource;
  readonly uid: string;
  /** Undefined where there are too many to be kept: then every choice by labels chooses it. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Set where the kind says nothing of what clusters run of it: every choice by kinds chooses it. */
  readonly anyKind?: true;
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
  /** The key of the workload of another watched kind that made it: as long as that one is watched, it answers for this one. */
  readonly owner?: string;
  /** `metadata.generation`: by it what Karmada made of the object is told from what it made of an earlier state. */
  readonly generation?: number;
  /** Being deleted: judged and told, never written to. */
  readonly deleting: boolean;
}

/** The shipped kinds by name. */
export const KINDS: ReadonlyMap<string, WorkloadKind> = new Map(SHIPPED_KINDS.map((kind) => [kind.name, kind]));

/** Where objects of a kind live, in the version that is preferred. */
export function resourceFor({ group, version, plural, kind, namespaced }: WorkloadKind): Resource {
  return { group, version, plural, kind, namespaced };
}

/** `Deployment/web/api`: the key of a workload in queues, ledger and logs; without a namespace `SidecarSet.apps.kruise.io//logs`. */
export function workloadKey(workload: Pick<WorkloadObject, 'kind' | 'namespace' | 'name'>): string {
  return `${workload.kind}/${workload.namespace}/${workload.name}`;
}

/** The parts of a {@link workloadKey}. */
export function splitWorkloadKey(key: string): { kind: string; namespace: string; name: string } {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return { kind, namespace, name };
}

/** The name of the watched kind that an object of this `apiVersion` and `kind` is of, if any. */
export type KindName = (apiVersion: string, kind: string) => string | undefined;

/** The names of these kinds. */
export function kindNames(kinds: readonly WorkloadKind[]): KindName {
  const names = new Map(kinds.map(({ group, kind, name }) => [`${group}/${kind}`, name]));
  return (apiVersion, kind) => names.get(`${groupOf(apiVersion)}/${kind}`);
}

/**
 * The projection of a workload for its store; undefined for one that is looked at through its owner (api.md, Workloads):
 * of an owned Pod only the ephemeral containers are its own, of any other owned object nothing is.
 * @param resource as it is served
 */
export function projectWorkload(kind: WorkloadKind, object: KubeObject, resource = resourceFor(kind), nameOf: KindName = () => undefined): WorkloadObject | undefined {
  const { metadata } = object;
  const controller = (metadata.ownerReferences ?? []).find((owner) => owner.controller === true);
  const owned = kind.mayBeOwned && controller !== undefined;
  const parts = imagePartsOf(kind, object);
  const images = parts.images.filter((image) => !owned || (kind.name === 'Pod' && image.holder === 'ephemeralContainers'));
  if (owned && images.length === 0) return undefined;
  const annotations = metadata.annotations;
  const tags = boundedTags(annotations?.[TAGS_ANNOTATION]);
  const manager = kind.images.type === 'PodSpec' ? imageManager(metadata.managedFields, kind.images.path, FIELD_MANAGER) : undefined;
  const writer = writerOf(metadata.labels, annotations, manager);
  const owner = owned || controller === undefined ? undefined : nameOf(controller.apiVersion, controller.kind);
  const namespace = metadata.namespace ?? '';
  return {
    kind: kind.name,
    resource,
    namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion ?? '',
    uid: metadata.uid ?? '',
    labels: boundedLabels(metadata.labels ?? {}),
    images: boundedImages(images),
    ...podSettings(kind, object, parts),
    hasAnnotations: annotations !== undefined,
    deleting: metadata.deletionTimestamp !== undefined,
    ...(tags === undefined ? {} : { tags }),
    ...(writer === undefined ? {} : { writer }),
    ...(manager === undefined ? {} : { manager }),
    ...(metadata.generation === undefined ? {} : { generation: metadata.generation }),
    ...(owner === undefined || controller === undefined ? {} : { owner: workloadKey({ kind: owner, namespace, name: controller.name }) }),
  };
}

/** What else decides of its pods; a kind of another form may have the pull secrets and the account beside its pod specs. */
function podSettings(kind: WorkloadKind, object: KubeObject, { images, podSpecs }: ImageParts): Pick<WorkloadObject, 'pullSecrets' | 'serviceAccount' | 'specHash'> {
  const isOne = kind.images.type === 'PodSpec';
  const spec = recordOf(recordOf(object)['spec']);
  const holders = isOne ? podSpecs : [...podSpecs, spec];
  const accounts = holders.flatMap((holder) => stringOf(holder['serviceAccountName']) ?? (isOne ? [] : (stringOf(holder['serviceAccount']) ?? [])));
  return {
    pullSecrets: boundedSecrets(holders.flatMap(pullSecretsOf)),
    serviceAccount: accounts[0] ?? 'default',
    specHash: isOne ? hashWithoutImages(podSpecs[0] ?? {}) : hashWithout(spec, new Set(images.map(({ image }) => image))),
  };
}

/** Whether two states of a workload differ in nothing that decides: such a change is not looked at. */
export function sameWorkload(left: WorkloadObject, right: WorkloadObject): boolean {
  return left === right || fingerprint(left) === fingerprint(right);
}

// Whether there are annotations only decides how a patch is written: the API server's own controllers add the first one to
// every new Deployment. A generation moves on with every scaling; what Karmada makes of it is a change of its own.
function fingerprint({ resourceVersion: _, hasAnnotations: __, resource: ___, generation: ____, ...rest }: WorkloadObject): string {
  return JSON.stringify({ ...rest, labels: Object.entries(rest.labels ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1)) });
}

function pullSecretsOf(podSpec: Readonly<Record<string, unknown>>): string[] {
  const list = podSpec['imagePullSecrets'];
  return Array.isArray(list) ? list.flatMap((one) => stringOf(recordOf(one)['name']) ?? stringOf(one) ?? []) : [];
}

function hashWithoutImages(podSpec: Readonly<Record<string, unknown>>): string {
  const lists = IMAGE_HOLDERS.flatMap((holder) => {
    const list = podSpec[holder];
    return Array.isArray(list) ? [[holder, list.map((item: unknown) => ({ ...recordOf(item), image: undefined }))]] : [];
  });
  return digestOf(JSON.stringify({ ...podSpec, ...Object.fromEntries(lists) })).slice('sha256:'.length, 24);
}

/** Of a kind that has its images anywhere: everything but the texts that are images. */
function hashWithout(spec: Readonly<Record<string, unknown>>, images: ReadonlySet<string>): string {
  const text = JSON.stringify(spec, (_, value: unknown) => (typeof value === 'string' && images.has(value) ? null : value));
  return digestOf(text).slice('sha256:'.length, 24);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
