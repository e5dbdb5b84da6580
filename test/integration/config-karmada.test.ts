import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { Options } from '../../src/app/options.ts';
import { EXIT, runProgram } from '../../src/app/program.ts';
import { isSameRight, NEEDED_RIGHTS } from '../../src/cli/doctor/rights.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { applyCrds } from '../support/crds.ts';
import { type Any, run } from '../support/installation.ts';
import { type Grant, grantsOf, rendered } from '../support/rbac.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'assay-system';

let api: Cluster;
let controlPlane: Any[];
let host: Any[];

before(async () => {
  api = await cluster();
  await applyCrds(api);
  [controlPlane, host] = await Promise.all([rendered(api, 'config/karmada/control-plane'), rendered(api, 'config/karmada/host')]);
});

const names = (objects: readonly Any[]): string[] => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
const one = (kind: string, from: readonly Any[]): Any => {
  const found = from.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, `${kind}: ${found.length}`);
  return found[0];
};

/** What the API server says of a kustomization that is applied without being stored. */
async function tried(path: string): Promise<{ code: number; warnings: string[] }> {
  const { code, stderr } = await api.kubectl(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-k', join(ROOT, path)]);
  // What kubectl says of how others applied the same before is no warning about it.
  return { code, warnings: stderr.split('\n').filter((line) => line !== '' && !line.includes('last-applied-configuration')) };
}

/** What the account of the operator is given, wherever it is bound. */
function granted(objects: readonly Any[]): Grant[] {
  const bindings = objects.filter(({ subjects = [] }) => subjects.some((subject: Any) => subject.kind === 'ServiceAccount' && subject.name === 'assay' && subject.namespace === NAMESPACE));
  const roles = objects.filter(({ kind, metadata }) => bindings.some(({ roleRef }) => roleRef.kind === kind && roleRef.name === metadata.name));
  return grantsOf(roles.flatMap(({ rules }) => rules));
}

describe('config/karmada/control-plane', () => {
  test('is definitions, account, rights and roles for people; nothing that would have to run there', () => {
    assert.deepEqual(names(controlPlane), [
      'ClusterRole assay',
      'ClusterRole assay-cluster-edit',
      'ClusterRole assay-edit',
      'ClusterRole assay-further-kinds',
      'ClusterRole assay-karmada',
      'ClusterRole assay-references',
      'ClusterRole assay-view',
      'ClusterRoleBinding assay',
      'ClusterRoleBinding assay-further-kinds',
      'ClusterRoleBinding assay-karmada',
      'ClusterRoleBinding assay-references',
      'CustomResourceDefinition clusterimageverifications.assay.dev',
      'CustomResourceDefinition imageverifications.assay.dev',
      `Namespace ${NAMESPACE}`,
      'ServiceAccount assay',
    ]);
    for (const { metadata } of controlPlane) assert.equal(metadata.labels?.['app.kubernetes.io/part-of'], 'assay', metadata.name);
  });

  test('is taken by an API server as it stands, without a warning', async () => {
    await run(api, ['apply', '-f', '-'], JSON.stringify(one('Namespace', controlPlane)));
    assert.deepEqual(await tried('config/karmada/control-plane'), { code: 0, warnings: [] });
  });

  test('gives what config/rbac gives, and to read what Karmada makes of templates', async () => {
    const [all, plain] = [granted(controlPlane), granted(await rendered(api, 'config/rbac'))];
    const added = all.filter((grant) => !plain.some((other) => isSameRight(other, grant)));
    assert.deepEqual(plain.filter((grant) => !all.some((other) => isSameRight(other, grant))), []);
    assert.deepEqual([...new Set(added.map(({ group }) => group))].toSorted(), ['cluster.karmada.io', 'policy.karmada.io', 'work.karmada.io']);
    assert.deepEqual([...new Set(added.map(({ verb }) => verb))].toSorted(), ['list', 'watch']);
    assert.deepEqual(added.filter(({ resource }) => resource.includes('*') || resource.includes('/')), []);
  });

  test('has its namespace left out of the members', () => {
    assert.equal(one('Namespace', controlPlane).metadata.labels['namespace.karmada.io/skip-auto-propagation'], 'true');
  });
});

describe('the rights that assay doctor asks for', () => {
  const texts = (rights: readonly Grant[]): string[] => rights.map(({ group, resource, verb }) => `${verb} ${resource}.${group}`).toSorted();

  test('are those that config/karmada/control-plane gives', () => {
    assert.deepEqual(texts(NEEDED_RIGHTS), texts(granted(controlPlane)));
  });

  test('are, on a plain cluster, those that config/rbac gives', async () => {
    assert.deepEqual(texts(NEEDED_RIGHTS.filter(({ of }) => of !== 'karmada')), texts(granted(await rendered(api, 'config/rbac'))));
  });
});

describe('config/karmada/host', () => {
  test('is the operator, without any right in that cluster', () => {
    assert.deepEqual(names(host), ['Deployment assay', `Namespace ${NAMESPACE}`, 'Service assay-metrics', 'ServiceAccount assay']);
    const { spec } = one('Deployment', host).spec.template;
    assert.equal(spec.automountServiceAccountToken, false);
    assert.equal(one('ServiceAccount', host).automountServiceAccountToken, false);
    assert.deepEqual(spec.volumes.filter((volume: Any) => volume.projected !== undefined), []);
  });

  test('is taken by an API server as it stands, and its pod by what is restricted, without a warning', async () => {
    await run(api, ['apply', '-f', '-'], JSON.stringify(one('Namespace', host)));
    assert.deepEqual(await tried('config/karmada/host'), { code: 0, warnings: [] });
  });

  test('differs from config/manager in where the kubeconfig comes from, and in no more', async () => {
    const [here, there] = [one('Deployment', host), one('Deployment', await rendered(api, 'config/manager'))].map((deployment) => deployment.spec.template.spec);
    const [container, plain] = [here.containers[0], there.containers[0]];
    assert.deepEqual(container.args.slice(plain.args.length), ['--kubeconfig=/etc/assay/karmada/kubeconfig', `--operator-namespace=${NAMESPACE}`]);
    assert.deepEqual({ ...container, args: plain.args, volumeMounts: plain.volumeMounts }, plain);
    assert.deepEqual({ ...here, containers: [], volumes: [], automountServiceAccountToken: true }, { ...there, containers: [], volumes: [] });
  });

  test('mounts the kubeconfig where the operator looks for it, and is the operator of the namespace on Karmada', async () => {
    const { spec } = one('Deployment', host).spec.template;
    const [{ args, env, volumeMounts }] = spec.containers;
    const variables = Object.fromEntries(env.map(({ name, value }: Any) => [name, value ?? 'elsewhere']));
    let options: Options | undefined;
    const complaints: string[] = [];
    const code = await runProgram(args, { env: variables, print: () => undefined, complain: (text) => void complaints.push(text), run: async (given) => void (options = given) });
    assert.deepEqual([code, complaints], [EXIT.ok, []]);
    const { kubeconfig = '' } = (options as unknown as Options).cluster;
    const mount = volumeMounts.find(({ mountPath }: Any) => kubeconfig === `${mountPath}/kubeconfig`);
    assert.ok(mount?.readOnly === true && mount.subPath === undefined, 'a file by subPath is never renewed');
    assert.equal(spec.volumes.find(({ name }: Any) => name === mount.name).secret.secretName, 'assay-karmada');
    assert.equal((options as unknown as Options).operatorNamespace, one('Namespace', controlPlane).metadata.name);
  });
});
