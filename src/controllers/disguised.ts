import { groupOf } from '../api/object-images.ts';
import type { BindingObject, TemplateRef } from '../karmada/types.ts';
import type { WorkloadObject } from './workload-object.ts';

/** The name of a kind that is not watched, in the form in which watched ones are named: `ConfigMap`, `Widget.acme.example`. */
export function unwatchedName({ apiVersion, kind }: Pick<TemplateRef, 'apiVersion' | 'kind'>): string {
  const group = groupOf(apiVersion);
  return group === '' ? kind : `${kind}.${group}`;
}

/**
 * A template of a kind that holds no images and of which clusters are told to run some all the same: an override may make anything of
 * anything. It has no image of its own and is never written to. WARNING: its kind and labels say nothing of what runs, so that every policy of its namespace means it.
 */
export function disguised({ template }: BindingObject): WorkloadObject {
  const { apiVersion, kind, namespace, name, uid } = template;
  return {
    kind: unwatchedName(template),
    resource: { group: groupOf(apiVersion), version: apiVersion.slice(apiVersion.indexOf('/') + 1), plural: '', kind, namespaced: namespace !== '' },
    namespace,
    name,
    resourceVersion: '',
    uid,
    labels: undefined,
    anyKind: true,
    images: [],
    pullSecrets: [],
    serviceAccount: 'default',
    hasAnnotations: false,
    specHash: '',
    deleting: true,
  };
}
