import type { ManagedFields } from '../kube/object.ts';

/** A reconciler that owns workloads and puts back what its source says, with what gives it away. */
interface Writer {
  readonly name: string;
  /** Labels or annotations. */
  readonly keys: readonly string[];
  /** Field managers. */
  readonly managers: readonly string[];
}

const WRITERS: readonly Writer[] = [
  { name: 'Argo CD', keys: ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/instance'], managers: ['argocd-controller', 'argocd-application-controller'] },
  {
    name: 'Flux',
    keys: ['kustomize.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/name'],
    managers: ['kustomize-controller', 'helm-controller'],
  },
  { name: 'Helm', keys: ['meta.helm.sh/release-name'], managers: ['helm', 'Helm'] },
];

/** The reconciler that an object with these labels and annotations, or images written by this field manager, belongs to. */
export function writerOf(
  labels: Readonly<Record<string, string>> = {},
  annotations: Readonly<Record<string, string>> = {},
  manager?: string,
): string | undefined {
  const byKey = WRITERS.find(({ keys }) => keys.some((key) => Object.hasOwn(labels, key) || Object.hasOwn(annotations, key)));
  const found = byKey ?? (manager === undefined ? undefined : WRITERS.find(({ managers }) => managers.includes(manager)));
  return found?.name;
}

/**
 * Who wrote an image of a pod spec last, by `managedFields` (fieldsV1, KEP-555): the manager with the latest time that owns
 * an `image` below `path`. `except` is not looked at.
 * @param path of the pod spec in the object
 */
export function imageManager(managedFields: readonly ManagedFields[] = [], path: readonly string[], except: string): string | undefined {
  const owners = managedFields.filter(({ manager, subresource, fieldsV1 }) =>
    manager !== undefined && manager !== except && subresource === undefined && ownsImage(below(fieldsV1, path)));
  const [latest] = owners.toSorted((left, right) => ((left.time ?? '') < (right.time ?? '') ? 1 : -1));
  return latest?.manager;
}

/** Every list of a pod that holds images; `f:volumes` has `f:image` too, with `f:reference` in it. */
const HOLDERS = ['f:containers', 'f:initContainers', 'f:ephemeralContainers', 'f:volumes'];

function ownsImage(podSpec: unknown): boolean {
  return HOLDERS.some((holder) => Object.values(recordOf(recordOf(podSpec)[holder])).some((item) => Object.hasOwn(recordOf(item), 'f:image')));
}

function below(fields: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, part) => recordOf(value)[`f:${part}`], fields);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
