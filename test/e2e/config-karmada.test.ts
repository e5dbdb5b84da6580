import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { type Karmada, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { KIND_ENTRIES, UNCOVERABLE_KINDS } from '../../src/api/further-kinds.ts';
import { type AuditEvent, auditEvents } from '../support/audit.ts';
import { playScenario, SIGNER } from '../support/every-right.ts';
import { install } from '../support/further-kinds.ts';
import { type Any, apply, get, run } from '../support/installation.ts';
import { fleetAt, type KarmadaFleet, type MemberCluster } from '../support/karmada.ts';
import { CLI, eventually, type Operator, startOperator } from '../support/operator.ts';
import { answers, applyRbac, bindRoles, type Grant, grantsOf, may, rendered } from '../support/rbac.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { runToEnd } from '../support/run-to-end.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';

// A Karmada of its own: the operator watches all namespaces here, and every kind is there. Its member stands for the host cluster too.
const ROOT = join(import.meta.dirname, '../..');
const ACCOUNT = 'system:serviceaccount:assay-system:assay';
const ADDRESS = 'https://karmada-apiserver.karmada-system.svc.cluster.local:5443';
const world = createWorld();
const key = world.key();
let karmada: Karmada;
let fleet: KarmadaFleet;
let host: MemberCluster;
let registry: Registry;
let grants: Grant[];
let folder: string;
const operators: Operator[] = [];

before(async () => {
  [karmada, registry] = await Promise.all([startKarmada({ members: 1 }), startRegistry()]);
  fleet = fleetAt(karmada.connection);
  [host] = fleet.members as [MemberCluster];
  await install(fleet, ...KIND_ENTRIES, ...UNCOVERABLE_KINDS);
  grants = grantsOf((await rolesOfAccount()).flatMap(({ rules }) => rules));
  folder = temporaryDirectory('karmada-config');
});
after(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  await registry?.stop();
  await karmada?.stop();
});

const textOf = ({ group, resource, verb }: Grant): string => `${verb} ${group === '' ? resource : `${resource} of ${group}`}`;

/** The roles that config/karmada/control-plane binds to the operator's account. */
async function rolesOfAccount(): Promise<Any[]> {
  const objects = await rendered(fleet, 'config/karmada/control-plane');
  const bound = new Set(objects.filter(({ subjects = [] }) => subjects.some(({ name }: Any) => name === 'assay')).map(({ roleRef }) => roleRef.name));
  return objects.filter(({ kind, metadata }) => kind === 'ClusterRole' && bound.has(metadata.name));
}

/** The commands of a section of docs/install.md, in the order in which they stand there. */
function commands(heading: string): string[] {
  const text = readFileSync(join(ROOT, 'docs/install.md'), 'utf8');
  const [, section = ''] = text.split(`\n## ${heading}\n`);
  const [lines = ''] = section.split('\n## ');
  return [...lines.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => block.replaceAll(/^ {4}/gm, ''));
}

/** Runs commands with bash, in a folder with the repository's config/ and with the kubeconfigs of both administrators. */
function shell(script: string): Promise<{ code: number; output: string }> {
  const env = { PATH: `${folder}/bin:${process.env['PATH']}`, HOME: folder };
  return new Promise((resolve) => {
    execFile('bash', ['--norc', '-euo', 'pipefail', '-c', script], { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` }));
  });
}

async function prepare(): Promise<void> {
  symlinkSync(join(ROOT, 'config'), join(folder, 'config'));
  symlinkSync(join(ROOT, 'crds'), join(folder, 'crds'));
  copyFileSync(fleet.adminKubeconfig, join(folder, 'karmada-apiserver.config'));
  copyFileSync(host.adminKubeconfig, join(folder, 'host.config'));
  await shell('mkdir bin');
  symlinkSync(karmada.plane.kubectlProgram, join(folder, 'bin/kubectl'));
  writeFileSync(join(folder, 'bin/assay'), `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`);
  chmodSync(join(folder, 'bin/assay'), 0o755);
  // What runs Karmada in a host cluster, as far as it is looked at.
  const container = { name: 'm', image: 'docker.io/karmada/karmada-controller-manager:v1.18.2', command: ['/bin/karmada-controller-manager', '--v=4'] };
  const labels = { app: 'karmada-controller-manager' };
  await apply(host,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'karmada-system', name: 'karmada-controller-manager' }, spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } } });
}

describe('docs/install.md, "On Karmada"', () => {
  const [controlPlane = '', kubeconfig = '', theOperator = '', endless = '', skipping = '', looking = ''] = commands('On Karmada');

  test('installs both halves by its commands, and the Secret has a kubeconfig for the account', async () => {
    await prepare();
    assert.ok(kubeconfig.includes(ADDRESS));
    const here = kubeconfig.replace(ADDRESS, fleet.url);
    const { code, output } = await shell([controlPlane, here, theOperator.replace(/^rm .*$/m, '')].join('\n'));
    assert.equal(code, 0, output);
    const stored = (await get(host, 'assay-system', 'secret', 'assay-karmada')).data.kubeconfig as string;
    assert.equal(Buffer.from(stored, 'base64').toString('utf8'), readFileSync(join(folder, 'assay.kubeconfig'), 'utf8'));
    assert.equal((await shell('kubectl --kubeconfig assay.kubeconfig auth whoami -o jsonpath={.status.userInfo.username}')).output, ACCOUNT);
    assert.equal((await shell('stat -c %a assay.kubeconfig')).output.trim(), '600');
  });

  test('makes a token without an end, by a Secret', async () => {
    const { code, output } = await shell(`${endless.replace('\nTOKEN=', '\nsleep 2\nTOKEN=')}\nkubectl --server ${fleet.url} --insecure-skip-tls-verify --token "$TOKEN" auth whoami -o jsonpath={.status.userInfo.username}`);
    assert.equal(code, 0, output);
    assert.ok(output.endsWith(ACCOUNT), output);
  });

  test('has Karmada leave our own objects alone, and assay doctor sees both', async () => {
    const look = looking.replace('assay doctor', 'assay doctor --operator-namespace assay-system');
    const before_ = await shell(look);
    assert.match(before_.output, /problem +propagation +karmada-controller-manager follows all objects of assay\.dev/);
    // The first of the two only shows what is there: at first nothing.
    const [, patch = ''] = skipping.split('\n');
    const { code, output } = await shell(patch);
    assert.equal(code, 0, output);
    assert.match((await shell(look)).output, /ok +propagation +karmada-controller-manager leaves assay\.dev alone/);
    assert.match((await shell(skipping.split('\n')[0] ?? '')).output, /--skipped-propagating-apis=assay\.dev/);
  });

  test('gives the operator no right in the host cluster', async () => {
    const rights = [...grants, { group: '', resource: 'secrets', verb: 'list' }, { group: '*', resource: '*', verb: '*' }];
    assert.deepEqual((await may(host, ACCOUNT, rights)).filter(Boolean), []);
  });
});

describe('what the operator may do on karmada-apiserver', () => {
  test('is what config/karmada/control-plane gives to its account, and to nobody else', async () => {
    assert.deepEqual(await may(fleet, ACCOUNT, grants), grants.map(() => true));
    assert.deepEqual(await may(fleet, 'somebody', grants), grants.map(() => false));
  });

  test('is nothing that changes what Karmada propagates, nor a list of Secrets', async () => {
    const kinds = grants.filter(({ group }) => group.endsWith('.karmada.io')).map(({ group, resource }) => ({ group, resource }));
    const writes = kinds.flatMap((kind) => ['create', 'update', 'patch', 'delete'].map((verb) => ({ ...kind, verb })));
    assert.deepEqual((await may(fleet, ACCOUNT, [...writes, { group: '', resource: 'secrets', verb: 'list' }])).filter(Boolean), []);
  });

  test('needs each right of assay-karmada by itself: without it the API server says no, with it yes', async () => {
    const own = grants.filter(({ group }) => group.endsWith('.karmada.io'));
    assert.equal(own.length, 16);
    const name = (without: number): string => `karmada-without-${without}`;
    const roles = own.map((_, without) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: name(without) },
      rules: own.filter((_grant, index) => index !== without).map(({ group, resource, verb }) => ({ apiGroups: [group], resources: [resource], verbs: [verb] })),
    }));
    const bindings = roles.map(({ kind, metadata }) => bindRoles(metadata.name, { kind: 'ClusterRoleBinding', metadata: {}, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name } }));
    await applyRbac(fleet, [...roles, ...bindings]);
    const others = own.map((_, without) => ({ ...(own[(without + 1) % own.length] as Grant), user: name(without) }));
    await eventually('the roles', async () => (await answers(fleet, others)).every(Boolean));
    const without = await answers(fleet, own.map((grant, index) => ({ ...grant, user: name(index) })));
    assert.deepEqual(own.filter((_, index) => without[index]).map(textOf), []);
  });
});

describe('what the operator does on karmada-apiserver', () => {
  let asked: AuditEvent[] = [];

  test('with the kubeconfig of the Secret, is all that it is for', async () => {
    const namespace = await fleet.namespace('audited');
    const [signed, unsigned] = await Promise.all([pushImage(registry.host, 'acme/app:1.0'), pushImage(registry.host, 'acme/unsigned:1.0')]);
    await world.signImage(signed, key, { format: 'legacy', log: 'none' });
    await world.signImage(signed, world.keyless(SIGNER));
    await apply(fleet, {
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { namespace, name: 'all' },
      spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], placement: { clusterAffinity: { clusterNames: [host.name] } } },
    });
    const start = async (): Promise<Operator> => {
      const operator = await startOperator({ kubeconfig: join(folder, 'assay.kubeconfig'), registries: [registry.host], args: ['--operator-namespace=assay-system', '--log-level=debug'] });
      operators.push(operator);
      return operator;
    };
    const since = Date.now();
    await playScenario({ cluster: fleet, host: registry.host, world, key, kinds: KIND_ENTRIES, start }, namespace, signed, unsigned);
    // What another server answers (clusters) is in the log a moment after its watch ended.
    await eventually('the last watch in the audit log', () => {
      asked = auditEvents(fleet.auditLog, ACCOUNT, since);
      return grants.every((grant) => asked.some((event) => textOf(event) === textOf(grant)));
    }).catch(() => undefined);
    const pinned = await eventually('the digest in the member', async () => (await get(host, namespace, 'deployment', 'kind-deployment')).spec.template.spec.containers[0].image.includes('@sha256:'));
    assert.ok(pinned);
  });

  test('is never forbidden', () => {
    assert.ok(asked.length > 0);
    assert.deepEqual(asked.filter(({ code }) => code === 401 || code === 403), []);
  });

  test('is what it may do: it uses each right, and asks for nothing else', () => {
    // Nothing was forbidden. Karmada makes no account default (404), and whoever leaves a watch of another server's is in the log with a 5xx.
    const used = asked.map(textOf);
    assert.deepEqual([...new Set(used)].toSorted(), grants.map(textOf).toSorted());
  });

  test('reads Secrets and ConfigMaps by name only', () => {
    const reads = asked.filter(({ resource }) => ['secrets', 'configmaps', 'serviceaccounts'].includes(resource));
    assert.ok(reads.length > 0);
    assert.deepEqual(reads.filter(({ name, namespace }) => name === '' || namespace === ''), []);
  });
});

test('assay doctor has nothing to ask for of the account, and says until when its token is good', async () => {
  assert.ok(existsSync(join(folder, 'assay.kubeconfig')));
  const { stdout } = await runToEnd([CLI, 'doctor', '--kubeconfig', join(folder, 'assay.kubeconfig'), '-o', 'json'], { HOME: folder, TUF_MIRROR: '0' });
  const { findings } = JSON.parse(stdout) as { findings: { check: string; result: string; what: string }[] };
  const about = (check: string): string[] => findings.filter((finding) => finding.check === check).map(({ result, what }) => `${result} ${what}`);
  assert.deepEqual(about('rights'), [`ok ${ACCOUNT} may do all ${grants.length} things that the operator needs`]);
  assert.match(about('credentials').join(), new RegExp(`^ok we are ${ACCOUNT}; the token is good until \\d{4}-`));
  assert.deepEqual(about('karmada'), ["ok Karmada's groups are served, and have what is needed"]);
});

test('config/karmada/control-plane is taken by karmada-apiserver without a warning', async () => {
  const { code, stderr } = await fleet.kubectl(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-k', join(ROOT, 'config/karmada/control-plane')]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  // Karmada makes other namespaces in its members.
  await eventually('another namespace in the member', async () => (await host.kubectl(['get', 'namespace', 'default'])).code === 0);
  assert.equal((await run(host, ['get', 'namespace', 'assay-system', '-o', 'jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}'])), 'restricted');
});
