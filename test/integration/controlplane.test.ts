import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { auditEvents, auditWrites } from '../support/audit.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { untilHolds } from '../support/until-holds.ts';

let api: Cluster;

before(async () => {
  api = await cluster();
});

async function succeed(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await api.kubectl(args, input);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

async function count(kind: string, namespace: string): Promise<number> {
  const names = await succeed(['get', kind, '-n', namespace, '-o', 'name']);
  return names === '' ? 0 : names.split('\n').length;
}

describe('the control plane of the test bed', () => {
  it('says which Kubernetes it is, because clients that look at versions refuse an unstamped one', async () => {
    const { serverVersion, clientVersion } = JSON.parse(await succeed(['version', '-o', 'json']));
    assert.match(serverVersion.gitVersion, /^v1\.\d+\.\d+$/);
    assert.equal(serverVersion.gitVersion, clientVersion.gitVersion);
    assert.equal(`v${serverVersion.major}.${serverVersion.minor}`, serverVersion.gitVersion.replace(/\.\d+$/, ''));
  });

  it('shows a rollout as one new ReplicaSet: one for a new Deployment, a second one for another image, none for another label', async () => {
    const namespace = await api.namespace('rollout');
    await succeed(['create', 'deployment', 'web', '-n', namespace, '--image=nginx:1.25', '--replicas=2']);
    await untilHolds('two pods', async () => assert.equal(await count('pods', namespace), 2));
    assert.equal(await count('replicasets', namespace), 1);
    await succeed(['label', 'deployment', 'web', '-n', namespace, 'team=a']);
    await succeed(['set', 'image', 'deployment/web', '-n', namespace, 'nginx=nginx:1.26']);
    await untilHolds('the second ReplicaSet', async () => assert.equal(await count('replicasets', namespace), 2));
    const observed = await succeed(['get', 'deployment', 'web', '-n', namespace, '-o', 'jsonpath={.metadata.generation}']);
    await untilHolds('the Deployment to be observed', async () => {
      assert.equal(await succeed(['get', 'deployment', 'web', '-n', namespace, '-o', 'jsonpath={.status.observedGeneration}']), observed);
    });
    assert.equal(await count('replicasets', namespace), 2);
  });

  it('runs the controllers of the other kinds of workload', async () => {
    const namespace = await api.namespace('kinds');
    const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx:1.25' }] } };
    const selector = { matchLabels: { app: 'x' } };
    const items = [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'set' }, spec: { serviceName: 's', selector, template } },
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' }, spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
    ];
    await succeed(['apply', '-n', namespace, '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await untilHolds('a pod of each', async () => {
      const pods = (await succeed(['get', 'pods', '-n', namespace, '-o', 'name'])).split('\n').toSorted();
      assert.equal(pods.length, 2);
      assert.match(pods[0] ?? '', /^pod\/job-/);
      assert.equal(pods[1], 'pod/set-0');
    });
  });

  it('collects what a deleted Deployment owned, and empties a deleted namespace', async () => {
    const namespace = await api.namespace('garbage');
    await succeed(['create', 'deployment', 'web', '-n', namespace, '--image=nginx:1.25']);
    await untilHolds('a pod', async () => assert.equal(await count('pods', namespace), 1));
    await succeed(['delete', 'deployment', 'web', '-n', namespace]);
    await untilHolds('no pod', async () => assert.equal((await count('pods', namespace)) + (await count('replicasets', namespace)), 0));
    await succeed(['delete', 'namespace', namespace, '--timeout=30s']);
    assert.notEqual((await api.kubectl(['get', 'namespace', namespace])).code, 0);
  });

  it('lets a user do what RBAC grants and nothing else', async () => {
    const [namespace, other] = [await api.namespace('rbac'), await api.namespace('rbac-other')];
    const kubeconfig = await api.userKubeconfig('ada', ['readers']);
    const as = (...args: string[]) => api.kubectl([`--kubeconfig=${kubeconfig}`, ...args]);
    assert.match((await as('get', 'secrets', '-n', namespace)).stderr, /Forbidden.*User "ada" cannot list resource "secrets"/);
    await succeed(['create', 'role', 'reader', '-n', namespace, '--verb=list,get', '--resource=secrets']);
    await succeed(['create', 'rolebinding', 'readers', '-n', namespace, '--role=reader', '--group=readers']);
    await untilHolds('the grant to be seen', async () => assert.equal((await as('get', 'secrets', '-n', namespace)).code, 0));
    assert.match((await as('get', 'secrets', '-n', other)).stderr, /Forbidden/);
    assert.match((await as('create', 'secret', 'generic', 'mine', '-n', namespace)).stderr, /User "ada" cannot create resource "secrets"/);
  });

  it('writes down who asked for what, so that writes can be counted', async () => {
    const namespace = await api.namespace('audit');
    const user = `auditee-${namespace}`;
    const kubeconfig = await api.userKubeconfig(user, ['system:masters']);
    const as = (...args: string[]) => api.kubectl([`--kubeconfig=${kubeconfig}`, '-n', namespace, ...args]);
    await as('get', 'configmaps');
    assert.deepEqual(auditWrites(api.auditLog, user), []);
    await as('create', 'configmap', 'one');
    await as('create', 'configmap', 'one');
    const seen = auditWrites(api.auditLog, user).map(({ verb, resource, name, code }) => `${verb} ${resource} ${name} ${code}`);
    assert.deepEqual(seen, ['create configmaps one 201', 'create configmaps one 409']);
    assert.deepEqual(auditEvents(api.auditLog, user).map(({ verb }) => verb), ['list', 'create', 'create']);
  });

  it('issues service account tokens that the API server takes', async () => {
    const namespace = await api.namespace('tokens');
    await untilHolds('the namespace\'s account', () => succeed(['get', 'serviceaccount', 'default', '-n', namespace]));
    const token = await succeed(['create', 'token', 'default', '-n', namespace]);
    const { stdout } = await api.kubectl(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}', '--kubeconfig=/dev/null', `--server=${api.url}`, `--certificate-authority=${api.caFile}`, `--token=${token}`]);
    assert.equal(stdout, `system:serviceaccount:${namespace}:default`);
  });
});
