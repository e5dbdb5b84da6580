import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { before, describe, test } from 'node:test';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import type { Options } from '../../src/app/options.ts';
import { EXIT, runProgram } from '../../src/app/program.ts';
import { readOptions } from '../../src/app/options.ts';
import { embeddedTrustSource } from '../../src/signatures/trust-recipe.ts';
import { compilePolicy } from '../../src/verification/policy/compile.ts';
import { referenceId, referencesOf, type ResolvedReferences } from '../../src/verification/policy/references.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { applyCrds } from '../support/crds.ts';
import { type Any, run } from '../support/installation.ts';
import { objectsIn, rendered } from '../support/rbac.ts';
import { runToEnd } from '../support/run-to-end.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'assay-system';

let api: Cluster;
let objects: Any[];
let deployment: Any;
let pod: Any;
let container: Any;

before(async () => {
  api = await cluster();
  await applyCrds(api);
  objects = await rendered(api, 'config/default');
  deployment = one('Deployment');
  pod = deployment.spec.template.spec;
  container = pod.containers[0];
});

function one(kind: string, from: readonly Any[] = objects): Any {
  const found = from.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, `${kind}: ${found.length}`);
  return found[0];
}

/** What `kubectl kustomize` makes of a kustomization of a user's own over config/default. */
async function overlay(content: string): Promise<Any[]> {
  const directory = join(temporaryDirectory('overlay'), 'mine');
  mkdirSync(directory);
  writeFileSync(join(directory, 'kustomization.yaml'), `resources: [${relative(directory, join(ROOT, 'config/default'))}]\n${content}\n`);
  return objectsIn(await run(api, ['kustomize', directory]));
}

describe('config/default', () => {
  test('is what docs/install.md says: definitions, account and rights, roles for people, Deployment, Service', () => {
    assert.deepEqual(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted(), [
      'ClusterRole assay',
      'ClusterRole assay-cluster-edit',
      'ClusterRole assay-edit',
      'ClusterRole assay-further-kinds',
      'ClusterRole assay-references',
      'ClusterRole assay-view',
      'ClusterRoleBinding assay',
      'ClusterRoleBinding assay-further-kinds',
      'ClusterRoleBinding assay-references',
      'CustomResourceDefinition clusterimageverifications.assay.dev',
      'CustomResourceDefinition imageverifications.assay.dev',
      'Deployment assay',
      `Namespace ${NAMESPACE}`,
      'Service assay-metrics',
      'ServiceAccount assay',
    ]);
    for (const { metadata } of objects) assert.equal(metadata.labels?.['app.kubernetes.io/part-of'], 'assay', metadata.name);
  });

  test('is taken by the API server as it stands, without a warning', async () => {
    await run(api, ['apply', '-f', '-'], JSON.stringify(one('Namespace')));
    const { code, stdout, stderr } = await api.kubectl(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-k', join(ROOT, 'config/default')]);
    // What kubectl says of how others applied the definitions before is no warning about them.
    const warnings = stderr.split('\n').filter((line) => line !== '' && !line.includes('last-applied-configuration'));
    assert.deepEqual({ code, warnings }, { code: 0, warnings: [] });
    assert.equal(stdout.trim().split('\n').length, objects.length);
  });

  test('goes to another namespace, and takes another image, by a kustomization of two lines', async () => {
    const moved = await overlay('namespace: elsewhere\nimages: [{name: assay, newName: registry.example/assay, digest: "sha256:aa"}]');
    assert.equal(one('Namespace', moved).metadata.name, 'elsewhere');
    assert.equal(one('Deployment', moved).spec.template.spec.containers[0].image, 'registry.example/assay@sha256:aa');
    assert.ok(!JSON.stringify(moved.filter(({ kind }) => kind !== 'CustomResourceDefinition')).includes(NAMESPACE));
  });

  test('the definitions are those of crds/', async () => {
    const kept = globSync('crds/*.yaml', { cwd: ROOT }).flatMap((path) => objectsIn(readFileSync(join(ROOT, path), 'utf8')));
    const specs = (from: readonly Any[]): Any => Object.fromEntries(from.filter(({ kind }) => kind === 'CustomResourceDefinition').map(({ metadata, spec }) => [metadata.name, spec]));
    assert.deepEqual(specs(objects), specs(kept));
    const { code, stderr } = await api.kubectl(['apply', '--dry-run=server', '-f', join(ROOT, 'crds')]);
    assert.equal(code, 0, stderr);
  });
});

/** The options that the container's command line and variables make. */
async function optionsOf({ args, env }: Any): Promise<Options> {
  const variables = Object.fromEntries(env.map(({ name, value, valueFrom }: Any) => [name, value ?? (valueFrom.fieldRef.fieldPath === 'metadata.namespace' ? NAMESPACE : '')]));
  let found: Options | undefined;
  let complaint = '';
  const parts = { env: variables, print: () => undefined, complain: (text: string) => void (complaint += text), run: (options: Options) => Promise.resolve(void (found = options)) };
  assert.equal(await runProgram(args, parts), EXIT.ok, complaint);
  return found as unknown as Options;
}

describe('the Deployment', () => {
  test('gives options that the operator takes, and its ports are those that it listens on', async () => {
    const options = await optionsOf(container);
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: Any) => [name, containerPort]));
    assert.deepEqual(ports, { metrics: options.metricsBindAddress?.port, probes: options.healthProbeBindAddress?.port });
    assert.equal(options.operatorNamespace, NAMESPACE);
    assert.deepEqual(options.unknownVariables, []);
    assert.equal(pod.enableServiceLinks, false);
    assert.deepEqual([container.livenessProbe.httpGet, container.readinessProbe.httpGet], [{ path: '/healthz', port: 'probes' }, { path: '/readyz', port: 'probes' }]);
  });

  test('lets it end in good order before it is killed', async () => {
    const { shutdownGracePeriod } = await optionsOf(container);
    // Servers, caches and controllers may each take 2 s beyond the grace (runtime/manager).
    assert.ok(pod.terminationGracePeriodSeconds * 1000 > shutdownGracePeriod + 3 * 2000);
  });

  test('never runs two at a time', () => {
    assert.equal(deployment.spec.replicas, 1);
    assert.deepEqual(deployment.spec.strategy, { type: 'Recreate' });
  });

  test('is of the version of package.json', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.equal(container.image, `assay:${version}`);
  });

  test('bounds the heaps so that a fifth of its memory, and not more than half, is left for what is not in them', async () => {
    const NODE_OPTIONS: string = container.env.find(({ name }: Any) => name === 'NODE_OPTIONS').value;
    const { code, stdout, stderr } = await runToEnd(['-p', 'v8.getHeapStatistics().heap_size_limit / 2 ** 20'], { NODE_OPTIONS });
    assert.equal(code, 0, stderr);
    const argument = (name: string): string => container.args.find((one: string) => one.startsWith(`--${name}=`))?.split('=')[1];
    const options = readOptions({ judgementWorkers: argument('judgement-workers'), judgementMemory: argument('judgement-memory') }, {});
    const heaps = Number(stdout) + (options.judgementWorkers ?? Number.NaN) * (options.judgementMemory / 2 ** 20);
    const limit = 1024 * Number(/^(\d+)Gi$/.exec(container.resources.limits.memory)?.[1]);
    assert.ok(heaps <= 0.8 * limit && heaps >= 0.5 * limit, `${heaps} of ${limit} MiB`);
  });

  test('has the account that the rights are bound to, and nothing else has its token', () => {
    const account = one('ServiceAccount');
    const wanted = [{ kind: 'ServiceAccount', name: account.metadata.name, namespace: account.metadata.namespace }];
    assert.deepEqual([pod.serviceAccountName, deployment.metadata.namespace], [account.metadata.name, account.metadata.namespace]);
    for (const binding of objects.filter(({ kind }) => kind === 'ClusterRoleBinding')) assert.deepEqual(binding.subjects, wanted);
    assert.deepEqual([account.automountServiceAccountToken, pod.automountServiceAccountToken], [false, true]);
  });

  test('is what the Service finds', () => {
    const { selector, ports } = one('Service').spec;
    assert.deepEqual(selector, deployment.spec.selector.matchLabels);
    assert.deepEqual(deployment.spec.template.metadata.labels, { ...deployment.spec.template.metadata.labels, ...selector });
    assert.deepEqual(ports.map(({ targetPort }: Any) => targetPort), ['metrics']);
  });

  test('fits the image: its command is taken from there, its user is a number other than root, its ports are exposed', () => {
    const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').split('\n');
    const last = (word: string): string => lines.findLast((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
    assert.match(last('USER'), /^[1-9]\d*(:[1-9]\d*)?$/);
    assert.deepEqual(last('EXPOSE').split(' ').map(Number), container.ports.map(({ containerPort }: Any) => containerPort));
    assert.equal(container.command, undefined);
    const command = JSON.parse(last('ENTRYPOINT')) as string[];
    assert.deepEqual([command.at(-1), JSON.parse(last('CMD'))], ['/app/cli.js', [container.args[0]]]);
  });

  test('cannot write to its file system, but for a folder for the trust root that it refreshes', () => {
    assert.equal(container.securityContext.readOnlyRootFilesystem, true);
    assert.deepEqual(pod.volumes, [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }]);
    assert.deepEqual(container.volumeMounts, [{ name: 'tmp', mountPath: '/tmp' }]);
    const cache = container.args.find((arg: string) => arg.startsWith('--tuf-cache='));
    assert.match(cache, /^--tuf-cache=\/tmp\//);
  });
});

describe('Pod Security, at the level restricted', () => {
  let namespace: string;
  before(async () => {
    namespace = await api.namespace('restricted');
    await run(api, ['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted', 'pod-security.kubernetes.io/warn=restricted']);
  });

  const create = (change: (spec: Any) => void): ReturnType<Cluster['kubectl']> => {
    const { metadata, spec } = structuredClone(deployment.spec.template);
    change(spec);
    const manifest = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, namespace, name: 'operator' }, spec };
    return api.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(manifest));
  };

  test('takes the pod, without a warning', async () => {
    const { code, stderr } = await create(() => undefined);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  const needed: Record<string, (spec: Any) => void> = {
    runAsNonRoot: (spec) => delete spec.securityContext.runAsNonRoot,
    seccompProfile: (spec) => delete spec.securityContext.seccompProfile,
    allowPrivilegeEscalation: (spec) => delete spec.containers[0].securityContext.allowPrivilegeEscalation,
    'unrestricted capabilities': (spec) => delete spec.containers[0].securityContext.capabilities,
  };
  for (const [what, change] of Object.entries(needed)) {
    test(`refuses it without its setting of ${what}`, async () => {
      const { code, stderr } = await create(change);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`violates PodSecurity "restricted:latest": ${what}`));
    });
  }
});

test('config/prometheus finds the Service', async () => {
  const service = one('Service');
  const extra = await rendered(api, 'config/prometheus');
  const monitor = one('ServiceMonitor', extra);
  assert.deepEqual({ ...service.metadata.labels, ...monitor.spec.selector.matchLabels }, service.metadata.labels);
  assert.deepEqual(monitor.spec.endpoints.map(({ port }: Any) => port), service.spec.ports.map(({ name }: Any) => name));
  assert.equal(monitor.metadata.namespace, service.metadata.namespace);
  // Prometheus' operator names the job after the Service.
  assert.match(JSON.stringify(one('PrometheusRule', extra)), new RegExp(`job=..${service.metadata.name}`));
});

describe('config/samples', () => {
  const folder = join(ROOT, 'config/samples');
  const files = globSync('*.yaml', { cwd: folder }).filter((file) => file !== 'kustomization.yaml').toSorted();
  const samples = new Map(files.map((file) => [file, objectsIn(readFileSync(join(folder, file), 'utf8'))]));
  const policies = [...samples.values()].flat().filter(({ apiVersion }) => apiVersion === 'assay.dev/v1alpha1');

  test('names each file', () => {
    const [{ resources }] = objectsIn(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as [Any];
    assert.deepEqual(resources, files);
  });

  test('has one of each sort: keyless, by a key in a Secret, with a trust root in a ConfigMap, with an exception that ends, static, with attestations', () => {
    const has = (sort: (spec: Any) => unknown): boolean => policies.some(({ spec }) => Boolean(sort(spec)));
    assert.ok(has(({ authorities }) => authorities[0].keyless));
    assert.ok(has(({ authorities }) => authorities[0].key?.secretRef));
    assert.ok(has(({ authorities }) => authorities[0].keyless?.trustRootRef?.kind === 'ConfigMap'));
    assert.ok(has(({ exclude }) => exclude?.some(({ until }: Any) => until)));
    assert.ok(has(({ authorities }) => authorities[0].static));
    assert.ok(has(({ authorities }) => authorities[0].attestations?.some(({ policy }: Any) => policy.cel)));
    assert.ok(has(({ threshold }) => threshold === 2));
    assert.deepEqual(new Set(policies.map(({ kind }) => kind)), new Set(['ImageVerification', 'ClusterImageVerification']));
  });

  /** The Secrets and ConfigMaps of the same file. */
  const beside = (spec: Any, all: readonly Any[]): ResolvedReferences =>
    new Map(referencesOf(spec).map((reference) => {
      const object = all.find(({ kind, metadata }) => kind === reference.kind && metadata.name === reference.name);
      const value: string | undefined = { ...object?.data, ...object?.stringData }[reference.key];
      return [referenceId(reference), value === undefined ? { status: 'ObjectMissing' } : { status: 'Found', value }];
    }));

  for (const [file, all] of samples) {
    test(`${file} is taken by the API server, without a warning`, async () => {
      const namespace = await api.namespace('samples');
      const { code, stderr } = await api.kubectl(['apply', '-n', namespace, '--dry-run=server', '-f', join(folder, file)]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    });

    test(`${file} is Ready as it stands, with what it has in the file, and nothing to be said about it`, () => {
      const own = all.filter(({ apiVersion }) => apiVersion === 'assay.dev/v1alpha1');
      assert.ok(own.length > 0);
      for (const object of own) {
        const result = compilePolicy({ ...object, metadata: { namespace: 'web', ...object.metadata } }, { references: beside(object.spec, all), trustRoot: embeddedTrustSource() });
        assert.ok(result.status === 'compiled', JSON.stringify(result));
        assert.deepEqual(result.policy.warnings, []);
      }
    });

    test(`${file} says what it is for`, () => {
      assert.match(readFileSync(join(folder, file), 'utf8'), /^# \w/);
    });
  }
});
