import { FURTHER_KINDS, UNCOVERABLE_KINDS } from '../../api/further-kinds.ts';
import { WORKLOAD_KINDS, type WorkloadKind } from '../../api/workload-kinds.ts';
import type { Right } from './types.ts';

/** A right that an installation gives to the operator, and where it is written. */
export interface NeededRight extends Right {
  /** `operator`, `references`: everywhere. `karmada`: on a Karmada API server only. `further`: of kinds that are not everywhere. */
  readonly of: 'operator' | 'references' | 'karmada' | 'further';
}

function all(of: NeededRight['of'], group: string, resources: readonly string[], verbs: readonly string[]): readonly NeededRight[] {
  return resources.flatMap((resource) => verbs.map((verb) => ({ of, group, resource, verb })));
}

function kindRights(of: NeededRight['of'], kinds: readonly WorkloadKind[]): readonly NeededRight[] {
  return kinds.flatMap(({ group, plural, patchable }) => all(of, group, [plural], patchable.length === 0 ? ['list', 'watch'] : ['list', 'watch', 'patch']));
}

/** Every right that config/rbac and config/karmada/control-plane give to the operator; a test holds them against each other. */
export const NEEDED_RIGHTS: readonly NeededRight[] = [
  ...all('operator', 'assay.dev', ['imageverifications', 'clusterimageverifications'], ['list', 'watch']),
  ...all('operator', 'assay.dev', ['imageverifications/status', 'clusterimageverifications/status'], ['patch']),
  ...all('operator', '', ['namespaces'], ['list', 'watch']),
  ...kindRights('operator', WORKLOAD_KINDS),
  ...all('operator', 'events.k8s.io', ['events'], ['create', 'patch']),
  ...all('references', '', ['secrets', 'configmaps'], ['get', 'watch']),
  ...all('references', '', ['serviceaccounts'], ['get']),
  ...all('karmada', 'policy.karmada.io', ['propagationpolicies', 'clusterpropagationpolicies', 'overridepolicies', 'clusteroverridepolicies'], ['list', 'watch']),
  ...all('karmada', 'work.karmada.io', ['resourcebindings', 'clusterresourcebindings', 'works'], ['list', 'watch']),
  ...all('karmada', 'cluster.karmada.io', ['clusters'], ['list', 'watch']),
  ...kindRights('further', FURTHER_KINDS),
  ...UNCOVERABLE_KINDS.flatMap(({ group, plural }) => all('further', group, [plural], ['list', 'watch'])),
];

/** Whether it is a right without which only what names it, or is of that kind, is left alone. */
export function isOptional(right: Right): boolean {
  return NEEDED_RIGHTS.some((needed) => (needed.of === 'further' || needed.of === 'references') && isSameRight(needed, right));
}

/** Rights that the operator has no use for, and whoever steals its credentials would. */
export const EXCESSIVE_RIGHTS: readonly Right[] = [
  { group: '*', resource: '*', verb: '*' },
  { group: '', resource: 'secrets', verb: 'list' },
  { group: '', resource: 'secrets', verb: 'update' },
  { group: '', resource: 'pods', verb: 'create' },
  { group: '', resource: 'pods/exec', verb: 'create' },
  { group: '', resource: 'serviceaccounts/token', verb: 'create' },
  { group: '', resource: 'users', verb: 'impersonate' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterroles', verb: 'escalate' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings', verb: 'create' },
  { group: 'assay.dev', resource: 'clusterimageverifications', verb: 'update' },
  { group: 'work.karmada.io', resource: 'works', verb: 'update' },
];

/** Whether two rights are one. */
export function isSameRight(one: Right, other: Right): boolean {
  return one.group === other.group && one.resource === other.resource && one.verb === other.verb;
}

/** `list works.work.karmada.io`, as kubectl writes it. */
export function rightText({ group, resource, verb }: Right): string {
  const [plural = '', subresource] = resource.split('/');
  return `${verb} ${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** The rules that grant these rights, each in the flow style of YAML: as few as say it. */
export function rulesOf(list: readonly Right[]): readonly string[] {
  const verbs = new Map<string, { readonly group: string; readonly resource: string; readonly verbs: string[] }>();
  for (const { group, resource, verb } of list) {
    const key = `${group}/${resource}`;
    const known = verbs.get(key) ?? { group, resource, verbs: [] };
    known.verbs.push(verb);
    verbs.set(key, known);
  }
  const rules = new Map<string, { readonly group: string; readonly resources: string[]; readonly verbs: string }>();
  for (const { group, resource, verbs: own } of verbs.values()) {
    const key = `${group} ${own.join()}`;
    const known = rules.get(key) ?? { group, resources: [], verbs: own.join(', ') };
    known.resources.push(resource);
    rules.set(key, known);
  }
  return [...rules.values()].map(({ group, resources, verbs: own }) => `- {apiGroups: [${group === '' ? '""' : group}], resources: [${resources.join(', ')}], verbs: [${own}]}`);
}
