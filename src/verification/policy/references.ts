import { Refused } from './refused.ts';

/** An entry of a Secret or ConfigMap that a policy names. */
export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  /** Which entry of it. */
  readonly key: string;
  /** Path of the field that names it. */
  readonly field: string;
  /** What the entry is read as. */
  readonly holds: 'Key' | 'TrustRoot' | 'PullSecret';
}

/** What was found there. Unreachable is none of these: then the last good policy stays in use. */
export type ResolvedReference =
  | { readonly status: 'Found'; readonly value: string }
  | { readonly status: 'ObjectMissing' }
  | { readonly status: 'KeyMissing'; readonly keys: readonly string[] };

/** What the references of a policy were resolved to, by {@link referenceId}. */
export type ResolvedReferences = ReadonlyMap<string, ResolvedReference>;

/** Equal for references to the same entry. */
export function referenceId({ kind, name, key }: Pick<Reference, 'kind' | 'name' | 'key'>): string {
  return `${kind}/${name}/${key}`;
}

/**
 * The Secrets and ConfigMaps that a spec names, in its order: in the policy's own namespace for an ImageVerification, in the
 * operator's for a ClusterImageVerification. Reads any JSON; what does not have the form of a reference is left to compilation.
 */
export function referencesOf(spec: unknown): readonly Reference[] {
  return listOf(spec, 'authorities').flatMap((authority, index) => {
    const field = `spec.authorities[${index}]`;
    return [
      ...read(at(authority, 'key', 'secretRef'), `${field}.key.secretRef`, 'cosign.pub', 'Key'),
      ...read(at(authority, 'keyless', 'trustRootRef'), `${field}.keyless.trustRootRef`, 'trusted_root.json', 'TrustRoot'),
      ...read(at(authority, 'ctlog', 'trustRootRef'), `${field}.ctlog.trustRootRef`, 'trusted_root.json', 'TrustRoot'),
      ...read(at(authority, 'rfc3161timestamp', 'trustRootRef'), `${field}.rfc3161timestamp.trustRootRef`, 'trusted_root.json', 'TrustRoot'),
      ...listOf(authority, 'source').flatMap((source, at_) => pullSecretsOf(source, `${field}.source[${at_}]`)),
    ];
  });
}

/** Which entry of a Secret of type kubernetes.io/dockerconfigjson holds the credentials. */
export const PULL_SECRET_KEY = '.dockerconfigjson';

/** The schema allows no more. */
const MAX_PULL_SECRETS = 4;

function pullSecretsOf(source: unknown, field: string): readonly Reference[] {
  const secrets = listOf(source, 'signaturePullSecrets').slice(0, MAX_PULL_SECRETS);
  return secrets.flatMap((secret, index) => {
    const name = at(secret, 'name');
    const path = `${field}.signaturePullSecrets[${index}]`;
    return typeof name === 'string' ? [{ kind: 'Secret', name, key: PULL_SECRET_KEY, field: path, holds: 'PullSecret' } as const] : [];
  });
}

/**
 * The text of an entry.
 * @throws Refused with `ReferenceMissing` where it is not there.
 */
export function resolve(reference: Omit<Reference, 'holds'>, references: ResolvedReferences): string {
  const resolved = references.get(referenceId(reference));
  if (resolved?.status === 'Found') return resolved.value;
  const { kind, name, key, field } = reference;
  if (resolved?.status !== 'KeyMissing') throw new Refused(field, `there is no ${kind} ${name}; create it, with an entry ${key}`, 'ReferenceMissing');
  const shown = resolved.keys.slice(0, 5).join(', ');
  const has = shown === '' ? 'is empty' : `has ${shown}${resolved.keys.length > 5 ? ', …' : ''}`;
  throw new Refused(field, `${kind} ${name} has no entry ${key} (it ${has}); add it, or name the right one in key`, 'ReferenceMissing');
}

function read(value: unknown, field: string, defaultKey: string, holds: Reference['holds']): readonly Reference[] {
  const name = at(value, 'name');
  const key = at(value, 'key') ?? defaultKey;
  const of = holds === 'Key' ? 'Secret' : at(value, 'kind');
  if (typeof name !== 'string' || typeof key !== 'string' || (of !== 'Secret' && of !== 'ConfigMap')) return [];
  return [{ kind: of, name, key, field, holds }];
}

function listOf(value: unknown, field: string): readonly unknown[] {
  const list = at(value, field);
  return Array.isArray(list) ? list : [];
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step) ? (inner as Record<string, unknown>)[step] : undefined),
    value,
  );
}
