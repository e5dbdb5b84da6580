import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { FURTHER_KINDS, KIND_ENTRIES, SHIPPED_KINDS, UNCOVERABLE_KINDS } from '../../src/api/further-kinds.ts';
import { type AuditEvent, auditEvents } from '../support/audit.ts';
import { type Cluster, clusterAt } from '../support/cluster.ts';
import { applyCrds } from '../support/crds.ts';
import { playScenario, SIGNER } from '../support/every-right.ts';
import { install, objectWith } from '../support/further-kinds.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator, startOperator } from '../support/operator.ts';
import { answers, applyRbac, bindRoles, type Grant, grantsOf, may, operatorKubeconfig, operatorRoles, rendered } from '../support/rbac.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';

// A control plane of its own: the operator watches all namespaces here, as it does where it is installed.
const USER = 'assay-audited';
const ACCOUNT = 'system:serviceaccount:assay-system:assay';
const world = createWorld();
const key = world.key();
const signer = world.keyless(SIGNER);
let plane: ControlPlane;
let cluster: Cluster;
let registry: Registry;
const operators: Operator[] = [];
let grants: Grant[];

before(async () => {
  [plane, registry] = await Promise.all([startControlPlane(), startRegistry()]);
  cluster = clusterAt(plane.connection);
  await applyCrds(cluster);
  // Rights to what is not there cannot be used: everything is there that is watched where it is installed.
  await install(cluster, ...KIND_ENTRIES, ...UNCOVERABLE_KINDS);
  await run(cluster, ['create', 'namespace', 'assay-system']);
  grants = grantsOf((await operatorRoles(cluster)).roles.flatMap(({ rules }) => rules));
});
after(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  await registry?.stop();
  await plane?.stop();
});

/** The operator as `kubeconfig`; it ends with the file at the latest. */
async function start(kubeconfig: string, ...args: string[]): Promise<Operator> {
  const operator = await startOperator({ kubeconfig, registries: [registry.host], args });
  operators.push(operator);
  return operator;
}

const textOf = ({ group, resource, verb }: Grant): string => `${verb} ${group === '' ? resource : `${resource} of ${group}`}`;

describe('what the operator may do', () => {
  test('names every group, resource and verb: no wildcard, nothing that makes or widens rights, no list of Secrets', () => {
    assert.deepEqual(grants.filter((grant) => Object.values(grant).includes('*')), []);
    assert.deepEqual(grants.filter(({ verb }) => !['get', 'list', 'watch', 'patch', 'create'].includes(verb)), []);
    assert.deepEqual(grants.filter(({ verb, resource }) => verb === 'list' && ['secrets', 'configmaps', 'serviceaccounts'].includes(resource)), []);
  });

  test('is stated once', () => {
    const texts = grants.map(textOf);
    assert.deepEqual(texts.filter((text, index) => texts.indexOf(text) !== index), []);
  });

  test('has each kind of workload; a patch of those that can be changed', () => {
    const verbs = (group: string, plural: string): string[] => grants.filter((grant) => grant.group === group && grant.resource === plural).map(({ verb }) => verb).toSorted();
    for (const { group, plural, patchable } of SHIPPED_KINDS) {
      assert.deepEqual(verbs(group, plural), patchable.length === 0 ? ['list', 'watch'] : ['list', 'patch', 'watch'], `${plural} of ${group}`);
    }
  });

  test('is no more than counting of what hides its images', () => {
    for (const { group, plural } of UNCOVERABLE_KINDS) {
      assert.deepEqual(grants.filter((grant) => grant.group === group && grant.resource === plural).map(({ verb }) => verb).toSorted(), ['list', 'watch'], plural);
    }
  });

  test('is what config/rbac binds to its account, and to nobody else', async () => {
    assert.deepEqual(await may(cluster, ACCOUNT, grants), grants.map(() => false));
    await applyRbac(cluster, await rendered(cluster, 'config/rbac'));
    await eventually('the rights of the account', async () => (await may(cluster, ACCOUNT, grants)).every(Boolean));
    assert.deepEqual(await may(cluster, 'somebody', grants), grants.map(() => false));
  });

  test('needs each right by itself: without it the API server says no, with it yes', async () => {
    const name = (without: number): string => `without-${without}`;
    const roles = grants.map((_, without) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: name(without) },
      rules: grants.filter((_grant, index) => index !== without).map(({ group, resource, verb }) => ({ apiGroups: [group], resources: [resource], verbs: [verb] })),
    }));
    const bindings = roles.map(({ kind, metadata }) => bindRoles(metadata.name, { kind: 'ClusterRoleBinding', metadata: {}, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name } }));
    await applyRbac(cluster, [...roles, ...bindings]);
    const others = grants.map((_, without) => ({ ...(grants[(without + 1) % grants.length] as Grant), user: name(without) }));
    await eventually('the roles', async () => (await answers(cluster, others)).every(Boolean));
    const without = await answers(cluster, grants.map((grant, index) => ({ ...grant, user: name(index) })));
    assert.deepEqual(grants.filter((_, index) => without[index]).map(textOf), []);
    assert.deepEqual(await may(cluster, ACCOUNT, grants), grants.map(() => true));
  });

  test('can be asked for by several tests at the same time', async () => {
    const names = ['assay-one', 'assay-one', 'assay-two', 'assay-two'];
    await Promise.all(names.map((name) => operatorKubeconfig(cluster, name)));
    for (const name of names) assert.deepEqual(await may(cluster, name, grants), grants.map(() => true));
  });
});

describe('what the operator does', () => {
  let asked: AuditEvent[] = [];

  test('with no more than that, is all that it is for', async () => {
    const namespace = await cluster.namespace('audited');
    const [signed, unsigned] = await Promise.all([pushImage(registry.host, 'acme/app:1.0'), pushImage(registry.host, 'acme/unsigned:1.0')]);
    await world.signImage(signed, key, { format: 'legacy', log: 'none' });
    await world.signImage(signed, signer);
    await playScenario({ cluster, host: registry.host, world, key, kinds: KIND_ENTRIES, start: async () => start(await operatorKubeconfig(cluster, USER), '--log-level=debug') }, namespace, signed, unsigned);
    asked = auditEvents(cluster.auditLog, USER);
  });

  test('is never forbidden', () => {
    assert.ok(asked.length > 0);
    assert.deepEqual(asked.filter(({ code }) => code === 401 || code === 403), []);
  });

  test('is what it may do: it uses each right, and asks for nothing else', () => {
    const used = asked.filter(({ code }) => code < 400).map(textOf);
    assert.deepEqual([...new Set(used)].toSorted(), grants.map(textOf).toSorted());
  });

  test('reads Secrets and ConfigMaps by name only', () => {
    const reads = asked.filter(({ resource }) => ['secrets', 'configmaps', 'serviceaccounts'].includes(resource));
    assert.ok(reads.length > 0);
    assert.deepEqual(reads.filter(({ name, namespace }) => name === '' || namespace === ''), []);
  });
});

describe('without the rights of further-kinds.yaml', () => {
  test('the operator starts, names each kind once that it may not read, and does everything else', async () => {
    const name = 'assay-plain';
    const { roles, bindings } = await operatorRoles(cluster);
    const plain = bindings.filter(({ roleRef }) => roleRef.name !== 'assay-further-kinds');
    assert.equal(plain.length, bindings.length - 1);
    await applyRbac(cluster, [...roles, ...plain.map((binding) => bindRoles(name, binding))]);
    const namespace = await cluster.namespace('plain');
    const image = await pushImage(registry.host, 'plain/app:1.0');
    await world.signImage(image, key, { format: 'legacy', log: 'none' });
    const [cloneSet] = KIND_ENTRIES;
    assert.ok(cloneSet !== undefined);
    await apply(cluster, keyedPolicy(namespace, 'plain', `${registry.host}/plain/**`, key.key.pem), deployment(namespace, 'app', [image.reference]), objectWith(cloneSet, namespace, 'app', image.reference));
    await eventually('the rights', async () => (await may(cluster, name, grants)).some(Boolean));
    const operator = await start(await cluster.userKubeconfig(name), `--namespace=${namespace}`);
    await eventually('the pin', async () => JSON.stringify((await get(cluster, namespace, 'deployment', 'app')).spec).includes(`@${image.digest}`), () => operator.process.tail(8));
    const refused = operator.log().filter((line) => line['code'] === 'Forbidden').map((line) => line['resource']);
    const namespaced = [...FURTHER_KINDS, ...UNCOVERABLE_KINDS].filter((kind) => kind.namespaced).map(({ plural, group }) => `${plural}.${group}`);
    assert.deepEqual(refused.toSorted(), namespaced.toSorted());
    assert.deepEqual(operator.log().filter(({ level }) => level === 'error'), []);
    assert.equal(JSON.stringify(await get(cluster, namespace, 'clonesets.apps.kruise.io', 'app')).includes(image.digest), false);
  });
});

describe('without the rights of references.yaml', () => {
  test('a policy that names a Secret says so, and what needs none of them works', async () => {
    const name = 'assay-narrow';
    const { roles, bindings } = await operatorRoles(cluster);
    const narrow = bindings.filter(({ roleRef }) => roleRef.name !== 'assay-references');
    assert.equal(narrow.length, bindings.length - 1);
    await applyRbac(cluster, [...roles, ...narrow.map((binding) => bindRoles(name, binding))]);
    const namespace = await cluster.namespace('narrow');
    const image = await pushImage(registry.host, 'narrow/app:1.0');
    await world.signImage(image, key, { format: 'legacy', log: 'none' });
    await apply(cluster,
      keyedPolicy(namespace, 'by-data', `${registry.host}/narrow/**`, key.key.pem),
      { ...keyedPolicy(namespace, 'by-secret', `${registry.host}/elsewhere/**`, ''), spec: { images: [{ glob: `${registry.host}/elsewhere/**` }], authorities: [{ name: 'release-key', key: { secretRef: { name: 'release-pub' } } }] } },
      deployment(namespace, 'app', [image.reference]));
    await eventually('the rights', async () => (await may(cluster, name, grants)).some(Boolean));
    const operator = await start(await cluster.userKubeconfig(name), `--namespace=${namespace}`);
    const tail = (): string => operator.process.tail(8);
    await eventually('the pin', async () => JSON.stringify((await get(cluster, namespace, 'deployment', 'app')).spec).includes(`@${image.digest}`), tail);
    const ready = await eventually('what by-secret says', async () =>
      (await get(cluster, namespace, 'iv', 'by-secret')).status?.conditions?.find((one: Any) => one.type === 'Ready' && one.status === 'False'), tail);
    assert.equal(ready.reason, 'ReferenceMissing');
    assert.match(ready.message, /secrets?.*(forbidden|not allowed|may not)/i);
  });
});

describe('the roles for people', () => {
  const POLICY = 'imageverifications';
  const ask = async (user: string, verb: string, resource: string, namespace?: string): Promise<boolean> =>
    (await answers(cluster, [{ user, group: 'assay.dev', resource, verb, ...(namespace === undefined ? {} : { namespace }) }]))[0] === true;

  test('make view, edit and admin of a namespace reach its policies, and no policy of the cluster', async () => {
    await applyRbac(cluster, await rendered(cluster, 'config/rbac'));
    const namespace = await cluster.namespace('people');
    const users = ['view', 'edit', 'admin'];
    for (const role of users) await run(cluster, ['create', 'rolebinding', role, '-n', namespace, `--clusterrole=${role}`, `--user=a-${role}`]);
    await eventually('the aggregation', async () => (await Promise.all(users.map((role) => ask(`a-${role}`, 'get', POLICY, namespace)))).every(Boolean));
    await eventually('the aggregation of edit', async () => (await Promise.all(['edit', 'admin'].map((role) => ask(`a-${role}`, 'delete', POLICY, namespace)))).every(Boolean));
    assert.equal(await ask('a-view', 'update', POLICY, namespace), false);
    for (const user of users.map((role) => `a-${role}`)) {
      assert.equal(await ask(user, 'get', POLICY, 'default'), false);
      assert.equal(await ask(user, 'update', 'clusterimageverifications'), false);
      assert.equal(await ask(user, 'patch', `${POLICY}/status`, namespace), false);
    }
    await run(cluster, ['create', 'clusterrolebinding', 'edit-everywhere', '--clusterrole=edit', '--user=a-edit-everywhere']);
    await eventually('the binding', () => ask('a-edit-everywhere', 'update', POLICY));
    assert.equal(await ask('a-edit-everywhere', 'update', 'clusterimageverifications'), false);
    assert.equal(await ask('a-edit-everywhere', 'get', 'clusterimageverifications'), true);
  });

  test('let somebody write the policies of the cluster by a role of its own', async () => {
    await run(cluster, ['create', 'clusterrolebinding', 'security', '--clusterrole=assay-cluster-edit', '--user=a-security']);
    await eventually('the right', () => ask('a-security', 'create', 'clusterimageverifications'));
    assert.equal(await ask('a-security', 'create', POLICY), false);
  });
});
