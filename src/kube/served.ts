import { ApiError } from './api-error.ts';
import { apiVersionOf } from './object.ts';
import type { Resource } from './object.ts';

/** A resource that the API server may have or not, now or later. */
export interface OptionalResource extends Omit<Resource, 'version'> {
  /** The versions that are understood, the preferred one first. Where none of them is served, any other is taken. */
  readonly versions: readonly string[];
}

/** What one answer says of one group version: its resources by plural name, or that its server does not answer. */
export type GroupVersion = { readonly state: 'served'; readonly resources: ReadonlyMap<string, Served> } | { readonly state: 'unavailable' };

/** A resource that is served. */
export interface Served extends Resource {
  /** The last answer did not list it; the next one that does not takes it out. */
  readonly missed?: true;
}

/** Group versions by name (`apps/v1`); one that is not there is not served. */
export type Catalog = ReadonlyMap<string, GroupVersion>;

/** Whether a resource is served. `unavailable`: that is not known, because its server did not answer since the start. */
export type Availability = { readonly state: 'present'; readonly resource: Resource } | { readonly state: 'absent' | 'unavailable' };

interface ApiResource {
  readonly resource?: unknown;
  readonly responseKind?: { readonly kind?: unknown };
  readonly scope?: unknown;
  readonly verbs?: unknown;
}

interface ApiGroup {
  readonly metadata?: { readonly name?: unknown };
  readonly versions?: readonly { readonly version?: unknown; readonly resources?: readonly ApiResource[]; readonly freshness?: unknown }[];
}

/**
 * The groups of interest in an APIGroupDiscoveryList (apidiscovery.k8s.io/v2, KEP-3352). A version that is not `Current` is
 * one whose own server did not answer. Undefined for a document of another kind: a server that does not speak this.
 */
export function parseAggregated(document: unknown, groups: ReadonlySet<string>): Catalog | undefined {
  const { kind, items } = (document ?? {}) as { kind?: unknown; items?: unknown };
  if (kind !== 'APIGroupDiscoveryList') return undefined;
  if (!Array.isArray(items)) throw new ApiError('BadResponse', 'get /apis: the list of groups has no items');
  const catalog = new Map<string, GroupVersion>();
  for (const { metadata, versions = [] } of items as readonly ApiGroup[]) {
    const group = metadata?.name;
    if (typeof group !== 'string' || !groups.has(group)) continue;
    for (const { version, resources = [], freshness } of versions) {
      if (typeof version !== 'string') continue;
      const name = apiVersionOf({ group, version });
      catalog.set(name, freshness === 'Current' ? servedOf(resources.flatMap((one) => readAggregated(one, group, version))) : { state: 'unavailable' });
    }
  }
  return catalog;
}

function readAggregated({ resource: plural, responseKind, scope, verbs }: ApiResource, group: string, version: string): readonly Resource[] {
  const kind = responseKind?.kind;
  if (typeof plural !== 'string' || typeof kind !== 'string' || !isFollowed(verbs)) return [];
  return [{ group, version, plural, kind, namespaced: scope === 'Namespaced' }];
}

/** The group versions of interest in an APIGroupList (meta/v1), for a server that speaks nothing newer. */
export function parseGroups(document: unknown, groups: ReadonlySet<string>): readonly { readonly group: string; readonly version: string }[] {
  const { kind, groups: items } = (document ?? {}) as { kind?: unknown; groups?: unknown };
  if (kind !== 'APIGroupList' || !Array.isArray(items)) throw new ApiError('BadResponse', 'get /apis: the answer is no list of groups');
  return (items as readonly { name?: unknown; versions?: readonly { version?: unknown }[] }[]).flatMap(({ name: group, versions = [] }) =>
    typeof group === 'string' && groups.has(group) ? versions.flatMap(({ version }) => (typeof version === 'string' ? [{ group, version }] : [])) : []);
}

/** The resources of an APIResourceList (meta/v1), without subresources. */
export function parseResources(document: unknown, group: string, version: string): GroupVersion {
  const { kind, resources } = (document ?? {}) as { kind?: unknown; resources?: unknown };
  if (kind !== 'APIResourceList' || !Array.isArray(resources)) throw new ApiError('BadResponse', `get /apis/${group}/${version}: the answer is no list of resources`);
  return servedOf((resources as readonly { name?: unknown; kind?: unknown; namespaced?: unknown; verbs?: unknown }[]).flatMap(({ name: plural, kind: of, namespaced, verbs }) =>
    typeof plural === 'string' && typeof of === 'string' && !plural.includes('/') && isFollowed(verbs) ? [{ group, version, plural, kind: of, namespaced: namespaced === true }] : []));
}

function isFollowed(verbs: unknown): boolean {
  return Array.isArray(verbs) && verbs.includes('list') && verbs.includes('watch');
}

function servedOf(resources: readonly Resource[]): GroupVersion {
  return { state: 'served', resources: new Map(resources.map((one) => [one.plural, one])) };
}

/**
 * What is known after one more answer. An outage changes nothing: what a server that does not answer had before, it has.
 * WARNING: what an answer leaves out stays until the next one leaves it out too: an API server that has just started lists
 * its custom resources one after the other, and a kind that is forgotten for a moment is a fleet that is judged again.
 */
export function mergeCatalog(before: Catalog, answer: Catalog): Catalog {
  const next = new Map<string, GroupVersion>();
  for (const name of new Set([...before.keys(), ...answer.keys()])) {
    const merged = mergeVersion(before.get(name), answer.get(name));
    if (merged !== undefined) next.set(name, merged);
  }
  return next;
}

function mergeVersion(before: GroupVersion | undefined, answer: GroupVersion | undefined): GroupVersion | undefined {
  const known = before?.state === 'served' ? before.resources : new Map<string, Served>();
  if (answer?.state === 'unavailable') return before?.state === 'served' ? before : answer;
  const resources = new Map<string, Served>(answer?.resources ?? []);
  for (const [plural, one] of known) if (!resources.has(plural) && one.missed === undefined) resources.set(plural, { ...one, missed: true });
  return answer === undefined && resources.size === 0 ? undefined : { state: 'served', resources };
}

/** Whether the next answer decides about something. */
export function isInDoubt(catalog: Catalog): boolean {
  return [...catalog.values()].some((one) => one.state === 'served' && [...one.resources.values()].some(({ missed }) => missed));
}

/** Where `wanted` is served, by its preferred version. */
export function lookUp(catalog: Catalog, wanted: OptionalResource): Availability {
  const prefix = `${wanted.group}/`;
  const others = [...catalog.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  let unavailable = false;
  for (const version of new Set([...wanted.versions, ...others])) {
    const found = catalog.get(apiVersionOf({ group: wanted.group, version }));
    if (found?.state === 'unavailable') unavailable = true;
    if (found?.state !== 'served') continue;
    const served = found.resources.get(wanted.plural);
    if (served === undefined || served.kind !== wanted.kind) continue;
    const { missed: _, ...resource } = served;
    return { state: 'present', resource };
  }
  return { state: unavailable ? 'unavailable' : 'absent' };
}
