import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { DocumentAnswer, DocumentOptions, KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import { Discovery } from '../../src/kube/discovery.ts';
import { OptionalReflector } from '../../src/kube/optional-reflector.ts';
import type { OptionalResource } from '../../src/kube/served.ts';
import type { Stored } from '../../src/kube/store.ts';
import { auditEvents } from '../support/audit.ts';
import { type Cluster, clusterAt } from '../support/cluster.ts';
import { definition, type Definable, install } from '../support/further-kinds.ts';
import { apply, run } from '../support/installation.ts';
import { eventually } from '../support/operator.ts';

// A control plane of its own: an APIService that does not answer keeps namespaces from being deleted.
const GADGET: Definable = { group: 'gadgets.example.com', versions: ['v1', 'v1alpha1'], kind: 'Gadget', plural: 'gadgets' };
const GADGETS: OptionalResource = { group: GADGET.group, plural: 'gadgets', kind: 'Gadget', namespaced: true, versions: ['v1', 'v1alpha1'] };
const NOWHERE: OptionalResource = { group: 'down.example.com', plural: 'downs', kind: 'Down', namespaced: true, versions: ['v1'] };
const USER = 'discoverer';
let plane: ControlPlane;
let cluster: Cluster;
let client: KubeClient;

before(async () => {
  plane = await startControlPlane();
  cluster = clusterAt(plane.connection);
  await run(cluster, ['create', 'clusterrolebinding', USER, '--clusterrole=cluster-admin', `--user=${USER}`]);
  client = connect({ kubeconfig: await cluster.userKubeconfig(USER) }).client;
  await apply(cluster, { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'default', name: 'nowhere' }, spec: { type: 'ExternalName', externalName: 'localhost' } });
});
after(async () => {
  await client?.close();
  await plane?.stop();
});

/** An APIService whose server is not there. */
const apiService = (group: string, version: string): object => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: `${version}.${group}` },
  spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 15, insecureSkipTLSVerify: true, service: { namespace: 'default', name: 'nowhere', port: 1 } },
});
const gadget = (name: string, version = 'v1'): object => ({ apiVersion: `${GADGET.group}/${version}`, kind: 'Gadget', metadata: { namespace: 'default', name }, spec: { image: 'app:1' } });

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

interface Following {
  readonly discovery: Discovery;
  readonly reflector: OptionalReflector<Stored>;
  readonly answers: DocumentAnswer[];
  readonly changes: string[];
  readonly problems: (string | undefined)[];
}

/** Discovery that asks often, and the gadgets. `accept` stands for what an API server of before understands. */
function follow(accept?: string): Following {
  const [answers, changes, problems] = [[] as DocumentAnswer[], [] as string[], [] as (string | undefined)[]];
  const asking = {
    getPath: (path: string, options?: object) => client.getPath(path, options),
    getDocument: async (path: string, options: DocumentOptions) => {
      const answer = await client.getDocument(path, accept === undefined ? options : { ...options, accept });
      answers.push(answer);
      return answer;
    },
  };
  const discovery = new Discovery({ client: asking, clock: systemClock, groups: new Set([GADGET.group, NOWHERE.group]), interval: 300 });
  const reflector = new OptionalReflector<Stored>({
    client,
    clock: systemClock,
    discovery,
    resource: GADGETS,
    metadataOnly: true,
    backoff: { base: 50, factor: 2, max: 400 },
    project: (object) => {
      assert.ok(!('spec' in object), 'metadata alone was asked for');
      const { namespace = '', name, resourceVersion = '' } = object.metadata;
      return { namespace, name, resourceVersion };
    },
    hooks: { onProblem: (_, problem) => problems.push(problem?.code) },
  });
  reflector.subscribe(({ type, key }) => changes.push(`${type} ${key}`));
  discovery.start();
  reflector.start();
  endings.push(() => discovery.stop(), () => reflector.stop());
  return { discovery, reflector, answers, changes, problems };
}

const asked = (since: number): unknown[] => auditEvents(cluster.auditLog, USER, since).filter(({ resource }) => resource === 'gadgets');

describe('on the real API server', () => {
  test('what is served is one request; as long as nothing changes it is answered with "unchanged", and nothing else is asked', async () => {
    const start = Date.now();
    const { discovery, reflector, answers } = follow();
    await eventually('three answers', () => answers.length >= 3);
    assert.equal(answers[0]?.unchanged, false);
    assert.deepEqual(answers.slice(1, 3), [{ unchanged: true }, { unchanged: true }]);
    assert.deepEqual([discovery.find(GADGETS).state, reflector.hasSynced, reflector.availability], ['absent', true, 'absent']);
    assert.deepEqual(asked(start), []);
  });

  test('a kind that is installed is followed, goes over to the version that is preferred, survives the outage of its server, and is let go of when it is deleted', async () => {
    const { reflector, changes, problems } = follow();
    const old = definition(GADGET);
    old.spec.versions[0].served = false;
    await apply(cluster, old);
    await run(cluster, ['wait', '--for=condition=Established', `crd/gadgets.${GADGET.group}`]);
    await apply(cluster, gadget('one', 'v1alpha1'));
    await eventually('the first', () => reflector.store.get('default/one'));
    assert.equal(reflector.resource.version, 'v1alpha1');

    await apply(cluster, definition(GADGET));
    await eventually('the other version', () => reflector.resource.version === 'v1' && changes.includes('updated default/one'));
    await apply(cluster, gadget('two'));
    await eventually('the second', () => reflector.store.get('default/two'));
    assert.ok(!changes.some((change) => change.startsWith('deleted')), changes.join());

    // An APIService that is not managed by the API server stands for the server of an aggregated API.
    const name = `v1.${GADGET.group}`;
    const trouble = problems.length;
    await run(cluster, ['label', 'apiservice', name, 'kube-aggregator.kubernetes.io/automanaged-']);
    await apply(cluster, apiService(GADGET.group, 'v1'));
    await eventually('the outage', async () => (await cluster.kubectl(['get', '--raw', `/apis/${GADGET.group}/v1/gadgets`])).code !== 0);
    await sleep(1500);
    assert.deepEqual([reflector.availability, reflector.hasSynced, [...reflector.store.keys()].toSorted()], ['present', true, ['default/one', 'default/two']]);
    await run(cluster, ['delete', 'apiservice', name]);
    await eventually('the server to be back', async () => (await cluster.kubectl(['get', '--raw', `/apis/${GADGET.group}/v1/gadgets`])).code === 0);
    await apply(cluster, gadget('three'));
    await eventually('the third', () => reflector.store.get('default/three'));
    assert.ok(!changes.some((change) => change.startsWith('deleted')), changes.join());
    assert.ok(!problems.slice(trouble).includes('NotFound'), problems.join());

    changes.length = 0;
    await run(cluster, ['delete', 'crd', `gadgets.${GADGET.group}`]);
    await eventually('the end of it', () => reflector.availability === 'absent');
    assert.deepEqual([reflector.store.size, reflector.hasSynced, reflector.problem], [0, true, undefined]);
    assert.deepEqual(changes.toSorted(), ['deleted default/one', 'deleted default/three', 'deleted default/two']);
    const ended = Date.now();
    await sleep(1000);
    assert.deepEqual(asked(ended), []);
  });

  for (const [what, accept] of Object.entries({ 'the aggregated answer': undefined, 'the answers of before': 'application/json' })) {
    test(`by ${what}, a group whose server does not answer is neither there nor absent`, async () => {
      await apply(cluster, apiService(NOWHERE.group, 'v1'));
      const { discovery, reflector } = follow(accept);
      await eventually('the outage', () => discovery.find(NOWHERE).state === 'unavailable');
      await install(cluster, GADGET);
      await eventually('the gadgets', () => reflector.availability === 'present' && reflector.hasSynced);
      assert.equal(reflector.resource.version, 'v1');
      await run(cluster, ['delete', 'apiservice', `v1.${NOWHERE.group}`]);
      await eventually('its end', () => discovery.find(NOWHERE).state === 'absent');
      await run(cluster, ['delete', 'crd', `gadgets.${GADGET.group}`]);
      await eventually('the end of the gadgets', () => reflector.availability === 'absent');
    });
  }

  test('who may not ask learns nothing, and it is said why', async () => {
    await run(cluster, ['delete', 'clusterrolebinding', 'system:discovery']);
    await run(cluster, ['delete', 'clusterrolebinding', USER]);
    const { discovery } = follow();
    await eventually('the refusal', () => discovery.problem?.code === 'Forbidden');
    assert.equal(discovery.known, false);
  });
});
