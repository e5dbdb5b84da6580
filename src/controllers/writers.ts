/** A reconciler that owns workloads and puts back what its source says, with the labels and annotations that give it away. */
interface Writer {
  readonly name: string;
  readonly keys: readonly string[];
}

const WRITERS: readonly Writer[] = [
  { name: 'Argo CD', keys: ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/instance'] },
  { name: 'Flux', keys: ['kustomize.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/name'] },
  { name: 'Helm', keys: ['meta.helm.sh/release-name'] },
];

/** The reconciler that wrote an object with these labels and annotations, if it is one of those that say so. */
export function writerOf(
  labels: Readonly<Record<string, string>> = {},
  annotations: Readonly<Record<string, string>> = {},
): string | undefined {
  return WRITERS.find(({ keys }) => keys.some((key) => Object.hasOwn(labels, key) || Object.hasOwn(annotations, key)))?.name;
}
