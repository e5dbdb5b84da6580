import type { KindEntry } from '../../src/api/workload-kinds.ts';
import type { Cluster } from './cluster.ts';
import { type Any, apply, run } from './installation.ts';

/** What a definition is made of. */
export type Definable = Pick<KindEntry, 'group' | 'versions' | 'kind' | 'plural' | 'scope'>;

/** A definition of a kind that takes any object, served in these versions. */
export function definition({ group, versions, kind, plural, scope = 'Namespaced' }: Definable): Any {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // Groups under k8s.io are the community's own; the API server asks for this.
    metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } },
    spec: { group, scope, names: { plural, kind, singular: kind.toLowerCase() }, versions: versions.map((name, index) => ({ name, served: true, storage: index === 0, schema })) },
  };
}

/** Installs these kinds and waits until they are served. */
export async function install(cluster: Cluster, ...kinds: readonly Definable[]): Promise<void> {
  await apply(cluster, ...kinds.map(definition));
  await run(cluster, ['wait', '--for=condition=Established', '--timeout=30s', ...kinds.map(({ plural, group }) => `crd/${plural}.${group}`)]);
}

/** An object with `image` at the first of the paths where its kind has images. */
export function objectWith({ group, versions, kind, scope, podSpecs = [], images = [] }: KindEntry, namespace: string, name: string, image: string): Any {
  const [podSpec] = podSpecs;
  const inPodSpec = podSpec === undefined ? undefined : placed(podSpec, { containers: [{ name: 'c0', image }] });
  const body = inPodSpec ?? placed(images[0] ?? '', image);
  const apiVersion = `${group}/${versions[0] ?? ''}`;
  return { apiVersion, kind, metadata: scope === 'Cluster' ? { name } : { namespace, name }, ...(body as object) };
}

/** `value` at a path: a list of one for `[*]`, a map of one for `*`. */
function placed(path: string, value: unknown): unknown {
  return path.split('.').toReversed().reduce<unknown>((inner, part) => {
    const lists = part.split('[*]').length - 1;
    const nested = Array.from({ length: lists }).reduce<unknown>((one) => [one], inner);
    const field = part.replaceAll('[*]', '');
    return { [field === '*' ? 'Worker' : field]: nested };
  }, value);
}
