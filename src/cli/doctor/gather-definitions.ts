import { isForbidden, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { canonicalHash } from '../../verification/policy/canonical-hash.ts';
import { SPEC_SCHEMA } from '../../verification/policy/schema.gen.ts';
import type { SchemaNode } from '../../verification/policy/schema.ts';
import { DEFINITION_HASHES } from './definitions.gen.ts';
import type { DefinitionFacts } from './types.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false } as const;
const MAX_DIFFERENCES = 64;

/** An OpenAPI schema, as far as it names fields. */
interface OpenApi {
  readonly properties?: Readonly<Record<string, OpenApi>>;
  readonly items?: OpenApi;
}

interface Definition extends KubeObject {
  readonly spec: { readonly scope: string; readonly versions: readonly { readonly name: string; readonly schema?: { readonly openAPIV3Schema?: OpenApi } }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** What is installed of our definitions. Rejects with ApiError where not even that is answered. */
export function definitionFacts(client: KubeClient, deadline: number): Promise<readonly DefinitionFacts[]> {
  return Promise.all(Object.keys(DEFINITION_HASHES).map(async (name): Promise<DefinitionFacts> => {
    try {
      return compare(await client.get<Definition>(DEFINITIONS, { name }, { deadline }));
    } catch (error) {
      if (isNotFound(error)) return { name, state: 'absent' };
      if (isForbidden(error)) return { name, state: 'unreadable' };
      throw error;
    }
  }));
}

/** Holds an installed definition against this build's. Pure. */
export function compare({ metadata: { name }, spec, status }: Definition): DefinitionFacts {
  const schema = spec.versions.find((version) => version.name === 'v1alpha1')?.schema?.openAPIV3Schema?.properties?.['spec'] ?? {};
  const [installed, ours] = [openApiPaths(schema, 'spec'), schemaPaths(SPEC_SCHEMA, 'spec')];
  return {
    name,
    state: 'installed',
    established: status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') ?? false,
    same: canonicalHash({ scope: spec.scope, versions: spec.versions }) === DEFINITION_HASHES[name],
    lacks: without(ours, installed),
    adds: without(installed, ours),
  };
}

/** Those of `these` that are not among `others`; of fields inside of a field that is missing only that one. */
function without(these: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  const missing = these.filter((path) => !known.has(path));
  return missing.filter((path) => !missing.some((outer) => path.startsWith(`${outer}.`))).slice(0, MAX_DIFFERENCES);
}

function openApiPaths(schema: OpenApi, path: string): readonly string[] {
  if (schema.items !== undefined) return openApiPaths(schema.items, path);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [`${path}.${name}`, ...openApiPaths(field, `${path}.${name}`)]);
}

function schemaPaths(node: SchemaNode, path: string): readonly string[] {
  if (node.type === 'list') return schemaPaths(node.items, path);
  if (node.type !== 'object') return [];
  return Object.entries(node.fields).flatMap(([name, field]) => [`${path}.${name}`, ...schemaPaths(field, `${path}.${name}`)]);
}
