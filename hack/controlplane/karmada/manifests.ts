import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

/** What Karmada needs to find in its API server, as its own module has it; addresses and authorities are placeholders in it. */
export interface Manifests {
  readonly crds: readonly Manifest[];
  readonly webhooks: readonly Manifest[];
  /** Roles that its release brings: what `view`, `edit` and a proxy of a cluster mean for its kinds. */
  readonly roles: readonly Manifest[];
  readonly apiService: Manifest;
}

/** Any API object. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Where its parts run on this machine, and who signed their certificates. */
export interface Addresses {
  /** PEM. */
  readonly authority: string;
  readonly webhookPort: number;
}

/** The Go module that Karmada is. */
export const KARMADA = 'github.com/karmada-io/karmada';

const FILE = 'karmada-manifests.json';

/** Reads them out of the folder of the module. */
export function manifestsOf(module: string): Manifests {
  const text = (...path: string[]): string => readFileSync(join(module, ...path), 'utf8');
  // Placeholders stand bare where YAML would take braces for a map.
  const documents = (name: string): Manifest[] =>
    parseAllDocuments(text('artifacts', 'deploy', name).replaceAll(/: \{\{(\w+)\}\}/g, ': "{{$1}}"')).flatMap((document) => (document.toJSON() as Manifest | null) ?? []);
  const crd = (path: string): Manifest => parse(text('charts', 'karmada', '_crds', path)) as Manifest;
  const kustomization = crd('kustomization.yaml') as unknown as { resources: string[]; patches: { path: string }[] };
  const patches = kustomization.patches.map(({ path }) => crd(path));
  const [apiService] = documents('karmada-aggregated-apiserver-apiservice.yaml').filter(({ kind }) => kind === 'APIService');
  if (apiService === undefined) throw new Error(`${module} describes no APIService`);
  return {
    crds: kustomization.resources.map((path) => crd(path)).map((one) => ({ ...one, spec: { ...one.spec, ...patches.find(({ metadata }) => metadata.name === one.metadata.name)?.spec } })),
    webhooks: documents('webhook-configuration.yaml'),
    roles: ['admin-clusterrole-aggregation.yaml', 'cluster-proxy-admin-rbac.yaml'].flatMap((name) => documents(name)),
    apiService,
  };
}

/** Keeps them beside the programs that were built from the same module, because Go's cache can be emptied at any time. */
export function keepManifests(manifests: Manifests, directory: string): void {
  const path = join(directory, FILE);
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(manifests));
  renameSync(`${path}.${process.pid}`, path);
}

/** The manifests that were kept in `directory`; undefined where there are none. */
export function keptManifests(directory: string): Manifests | undefined {
  const path = join(directory, FILE);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifests) : undefined;
}

/** Fills in where webhooks are and who signed for them. */
export function filled<Value>(manifests: Value, { authority, webhookPort }: Addresses): Value {
  const text = JSON.stringify(manifests)
    .replaceAll('{{caBundle}}', Buffer.from(authority).toString('base64'))
    .replaceAll(/https:\/\/(?:karmada-webhook\.karmada-system|\{\{name\}\}\.\{\{namespace\}\})\.svc:443\//g, `https://127.0.0.1:${webhookPort}/`);
  return JSON.parse(text) as Value;
}
