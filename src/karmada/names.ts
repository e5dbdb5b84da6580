/** Labels and annotations by which Karmada's objects point at each other (pkg/apis/policy/v1alpha1 and pkg/apis/work/v1alpha2, well_known_constants.go). */
export const POLICY_ID_LABEL = 'propagationpolicy.karmada.io/permanent-id';
export const POLICY_NAMESPACE_ANNOTATION = 'propagationpolicy.karmada.io/namespace';
export const POLICY_NAME_ANNOTATION = 'propagationpolicy.karmada.io/name';
export const CLUSTER_POLICY_ID_LABEL = 'clusterpropagationpolicy.karmada.io/permanent-id';
export const CLUSTER_POLICY_NAME_ANNOTATION = 'clusterpropagationpolicy.karmada.io/name';
export const BINDING_ID_LABEL = 'resourcebinding.karmada.io/permanent-id';
export const CLUSTER_BINDING_ID_LABEL = 'clusterresourcebinding.karmada.io/permanent-id';
export const BINDING_NAMESPACE_ANNOTATION = 'resourcebinding.karmada.io/namespace';
export const TEMPLATE_UID_ANNOTATION = 'resourcetemplate.karmada.io/uid';
export const TEMPLATE_GENERATION_ANNOTATION = 'resourcetemplate.karmada.io/generation';
/** A template with this label is left to whoever set it. */
export const CLAIMED_BY_LABEL = 'resourcetemplate.karmada.io/claimed-by';

const KARMADAS_OWN = /(?:^|\.)karmada\.io\//;

/** Labels without those that Karmada puts on what it handles; the same value where there are none of them. */
export function withoutKarmadas(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  const own = entries.filter(([name]) => !KARMADAS_OWN.test(name));
  return own.length === entries.length ? labels : Object.fromEntries(own);
}

const EXECUTION_SPACE = 'karmada-es-';

/** The namespace with the Works of a member cluster. */
export function executionSpaceName(cluster: string): string {
  return `${EXECUTION_SPACE}${cluster}`;
}

/** The member cluster whose Works are in a namespace; undefined for a namespace that holds no cluster's. */
export function clusterOfSpace(namespace: string): string | undefined {
  return namespace.startsWith(EXECUTION_SPACE) ? namespace.slice(EXECUTION_SPACE.length) : undefined;
}

/** Whether a namespace is Karmada's own: nothing in it is propagated. */
export function isReservedNamespace(namespace: string): boolean {
  return namespace === 'karmada-system' || namespace === 'karmada-cluster' || namespace.startsWith(EXECUTION_SPACE);
}

/** The name of the binding of a template. Kinds of one name in several groups share it. */
export function bindingName(kind: string, name: string): string {
  return `${name.replaceAll(':', '.')}-${kind}`.toLowerCase();
}

/** The name of the Works of a template: with a hash, as one execution space holds the Works of all namespaces. */
export function workName(kind: string, name: string, namespace: string): string {
  const plain = name.replaceAll(':', '.').toLowerCase();
  const whole = `${namespace === '' ? '' : `${namespace}-`}${plain}-${kind}`.toLowerCase();
  return `${plain}-${hashOf(whole)}`;
}

/** The name of the policy that karmadactl makes for an object that it promotes. */
export function policyName(namespace: string, name: string, groupVersionKind: string): string {
  return `${name.replaceAll(':', '.')}-${hashOf(namespace + groupVersionKind)}`.toLowerCase();
}

/** Consonants and digits: no word can come of them (apimachinery, rand.SafeEncodeString). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1a in 32 bits, its decimal digits as letters. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return String(hash).replaceAll(/\d/g, (digit) => SAFE[digit.charCodeAt(0) % SAFE.length] ?? '');
}
