import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';
import { type Any, run } from './installation.ts';
import { eventually } from './operator.ts';

/** A right that RBAC grants, one verb on one resource. */
export interface Grant {
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource: `imageverifications/status`. */
  readonly resource: string;
  readonly verb: string;
}

/** A rule of a role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The roles that config/rbac gives to the operator's account, and how they are bound to it. */
export interface OperatorRoles {
  readonly roles: readonly { readonly kind: string; readonly metadata: { readonly name: string }; readonly rules: readonly Rule[] }[];
  readonly bindings: readonly Binding[];
}

/** A ClusterRoleBinding or RoleBinding without its subjects. */
export interface Binding {
  readonly kind: string;
  readonly metadata: object;
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The objects of a kustomization of this repository, such as `config/default`, as `kubectl kustomize` renders them. */
export async function rendered(cluster: Cluster, path: string): Promise<Any[]> {
  return objectsIn(await run(cluster, ['kustomize', ROOT + path]));
}

/** The objects in a file or a stream of YAML. */
export function objectsIn(text: string): Any[] {
  return parseAllDocuments(text).map((document) => document.toJS()).filter((object) => object !== null);
}

/** What config/rbac gives to the operator. */
export async function operatorRoles(cluster: Cluster): Promise<OperatorRoles> {
  const objects = await rendered(cluster, 'config/rbac');
  const account = objects.find(({ kind }) => kind === 'ServiceAccount').metadata.name;
  const bindings = objects.filter(({ subjects = [] }) => subjects.some((one: Any) => one.kind === 'ServiceAccount' && one.name === account));
  const roles = objects.filter(({ kind, metadata }) => bindings.some(({ roleRef }) => roleRef.kind === kind && roleRef.name === metadata.name));
  return { roles, bindings };
}

/** Every right of these rules, one by one. */
export function grantsOf(rules: readonly Rule[]): Grant[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb })))));
}

/**
 * A kubeconfig of the user `name`, who may do what config/rbac lets the operator do, and nothing else. Can be asked for any number of
 * times, at the same time too. When it comes, the API server acts on the rights.
 */
export async function operatorKubeconfig(cluster: Cluster, name = 'assay-operator'): Promise<string> {
  const { roles, bindings } = await operatorRoles(cluster);
  await applyRbac(cluster, [...roles, ...bindings.map((binding) => bindRoles(name, binding))]);
  await granted(cluster, name, grantsOf(roles.flatMap(({ rules }) => rules)));
  return cluster.userKubeconfig(name);
}

/** The binding of the same role to the user `name`. */
export function bindRoles(name: string, { kind, metadata, roleRef }: Binding): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { ...metadata, name: `${name}:${roleRef.name}` },
    roleRef,
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  };
}

/** Applies roles and bindings. */
export async function applyRbac(cluster: Cluster, objects: readonly object[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  // Of two that create the same object at the same moment one is refused; it then finds what it wanted.
  await eventually('roles and bindings', async () => {
    const { code, stderr } = await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '--field-manager=assay-tests', '-f', '-'], input);
    if (code !== 0) throw new Error(stderr);
    return true;
  });
}

/** Whether a user may do something, in one namespace or in all. */
export interface Question extends Grant {
  readonly user: string;
  readonly namespace?: string;
}

/** What the API server's RBAC answers to each of these, at this moment. */
export async function answers(cluster: Cluster, questions: readonly Question[]): Promise<boolean[]> {
  const reviews = questions.map(({ user, group, resource: path, verb, namespace = '' }) => {
    const [resource, subresource] = path.split('/');
    const resourceAttributes = { namespace, group, resource, verb, ...(subresource === undefined ? {} : { subresource }) };
    return JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user, groups: ['system:authenticated'], resourceAttributes } });
  });
  const said = await run(cluster, ['create', '-f', '-', '-o', 'jsonpath={.status.allowed}{"\\n"}'], reviews.join('\n---\n'));
  return said.trim().split('\n').map((answer) => answer === 'true');
}

/** Which of these a user may do in all namespaces. */
export function may(cluster: Cluster, user: string, grants: readonly Grant[]): Promise<boolean[]> {
  return answers(cluster, grants.map((grant) => ({ ...grant, user })));
}

/** The API server's own view of RBAC is a moment behind what was applied. */
async function granted(cluster: Cluster, user: string, grants: readonly Grant[]): Promise<void> {
  await eventually(`the rights of ${user}`, async () => (await may(cluster, user, grants)).every(Boolean));
}
