import { compileRe2, type Re2 } from '../api/re2.ts';
import { isReservedNamespace } from './names.ts';
import type { TemplateRef } from './types.ts';

/** What karmada-controller-manager never propagates. */
export interface PropagationRules {
  /** `--skipped-propagating-namespaces`, each a pattern of the whole name. */
  readonly namespaces: readonly Re2[];
  readonly groups: ReadonlySet<string>;
  /** `group/version`, and `group/version/kind`; the core group is empty. */
  readonly versions: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** pkg/util/apigroup.go, NewSkippedResourceConfig. */
const OWN_GROUPS = ['cluster', 'policy', 'work', 'config', 'networking', 'autoscaling', 'remedy', 'apps'].map((group) => `${group}.karmada.io`);

/**
 * The rules that these two flags of karmada-controller-manager make, on top of what is never propagated.
 * @param skippedApis `--skipped-propagating-apis`: `group`, `group/version` or `group/version/kind,kind`, separated by semicolons
 * @throws Re2Error for a namespace pattern that is none
 */
export function propagationRules(skippedApis = '', skippedNamespaces: readonly string[] = ['kube-.*']): PropagationRules {
  const groups = new Set([...OWN_GROUPS, 'events.k8s.io']);
  const versions = new Set(['coordination.k8s.io/v1']);
  const kinds = new Set(['/v1/Event']);
  for (const token of skippedApis.split(';').filter((one) => one !== '')) {
    const [first = '', second = '', third] = token.split('/');
    if (third !== undefined) for (const kind of third.split(',')) kinds.add(`${first}/${second}/${kind}`);
    // Without a group the first part is a version: `v1/Secret,ConfigMap`.
    else if (token.startsWith('v1') && second !== '') for (const kind of second.split(',')) kinds.add(`/v1/${kind}`);
    else if (second === '') groups.add(first);
    else versions.add(`${first}/${second}`);
  }
  return { namespaces: skippedNamespaces.map((pattern) => compileRe2(`^${pattern}$`)), groups, versions, kinds };
}

/** Why a template is not propagated whatever policies say; undefined where it may be. */
export function skippedBecause({ apiVersion, kind, namespace }: TemplateRef, rules: PropagationRules): 'NamespaceReserved' | 'NamespaceSkipped' | 'ApiSkipped' | undefined {
  if (isReservedNamespace(namespace)) return 'NamespaceReserved';
  if (rules.namespaces.some((pattern) => pattern.search(namespace))) return 'NamespaceSkipped';
  const groupVersion = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
  const group = groupVersion.slice(0, groupVersion.indexOf('/'));
  const skipped = rules.groups.has(group) || rules.versions.has(groupVersion) || rules.kinds.has(`${groupVersion}/${kind}`);
  return skipped ? 'ApiSkipped' : undefined;
}
