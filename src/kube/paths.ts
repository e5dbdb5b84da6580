import { ApiError } from './api-error.ts';
import { resourceName } from './object.ts';
import type { ObjectRef, Resource } from './object.ts';

/** One segment of an API path, or an error where it could lead elsewhere (apimachinery, IsValidPathSegmentName). */
function segment(value: string, what: string): string {
  if (value === '' || value === '.' || value === '..' || value.length > 253 || /[/%?#\s\p{Cc}]/u.test(value)) {
    throw new ApiError('BadRequest', `${what} ${JSON.stringify(value.slice(0, 64))} is not a name that an API path can hold`);
  }
  return encodeURIComponent(value);
}

/** The path of all objects of a resource, in one namespace or in all of them. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? '/api' : `/apis/${segment(resource.group, 'the group')}`;
  const base = `${root}/${segment(resource.version, 'the version')}`;
  const plural = segment(resource.plural, 'the resource');
  if (namespace === undefined || !resource.namespaced) return `${base}/${plural}`;
  return `${base}/namespaces/${segment(namespace, 'the namespace')}/${plural}`;
}

/** The path of one object, or of one of its subresources. */
export function objectPath(resource: Resource, ref: ObjectRef, subresource?: string): string {
  requireNamespace(resource, ref.namespace);
  const path = `${collectionPath(resource, ref.namespace)}/${segment(ref.name, 'the name')}`;
  return subresource === undefined ? path : `${path}/${segment(subresource, 'the subresource')}`;
}

/** Refuses to address a namespaced object without its namespace. */
export function requireNamespace(resource: Resource, namespace: string | undefined): void {
  if (resource.namespaced && namespace === undefined) {
    throw new ApiError('BadRequest', `${resourceName(resource)} are namespaced: the namespace is missing`);
  }
}

/** `?a=1&b=2` of what is set; empty where nothing is. */
export function queryString(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** `deployments.apps "web/api"`, for messages. */
export function describe(resource: Resource, ref: { readonly namespace?: string | undefined; readonly name?: string | undefined }): string {
  const name = ref.name ?? '';
  if (ref.namespace === undefined) return name === '' ? resourceName(resource) : `${resourceName(resource)} "${name}"`;
  return name === '' ? `${resourceName(resource)} in "${ref.namespace}"` : `${resourceName(resource)} "${ref.namespace}/${name}"`;
}
