import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { claimOf } from '../../../src/karmada/claim.ts';
import { projectBinding } from '../../../src/karmada/project-binding.ts';
import { projectCluster } from '../../../src/karmada/project-cluster.ts';
import { projectOverridePolicy, projectPropagationPolicy } from '../../../src/karmada/project-policy.ts';
import { projectWork, workProjection } from '../../../src/karmada/project-work.ts';
import { SharedValues } from '../../../src/karmada/shared-values.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { deployment, DEPLOYMENTS, digest, imagesOfManifest, running, type Plain } from './builders.ts';

const object = (metadata: object, spec: unknown = {}): KubeObject => ({ metadata: { name: 'x', resourceVersion: '7', ...metadata }, spec }) as KubeObject;
const STORED = { namespace: '', name: 'x', resourceVersion: '7' };

describe('of a propagation policy is kept', () => {
  const ROWS: Readonly<Record<string, { readonly from: KubeObject; readonly gives: object }>> = {
    'what it selects, where, and how': {
      from: object({ namespace: 'team', uid: 'u', labels: { 'propagationpolicy.karmada.io/permanent-id': 'id1', 'clusterpropagationpolicy.karmada.io/permanent-id': 'other' } }, {
        resourceSelectors: [{ ...DEPLOYMENTS, namespace: 'team', name: '', labelSelector: { matchLabels: { a: 'b' } } }],
        priority: 3,
        activationPreference: 'Lazy',
        dependentOverrides: ['o'],
        placement: { clusterAffinity: { clusterNames: ['member1'] } },
      }),
      gives: {
        namespace: 'team',
        kind: 'PropagationPolicy',
        uid: 'u',
        id: 'id1',
        resourceSelectors: [{ ...DEPLOYMENTS, namespace: 'team', labelSelector: { matchLabels: { a: 'b' } } }],
        priority: 3,
        lazy: true,
        dependentOverrides: ['o'],
        affinities: [{ clusterNames: ['member1'] }],
      },
    },
    'the other id, without a namespace': { from: object({ labels: { 'clusterpropagationpolicy.karmada.io/permanent-id': 'id2' } }), gives: { kind: 'ClusterPropagationPolicy', id: 'id2' } },
    'every term of its affinities': { from: object({}, { placement: { clusterAffinities: [{ affinityName: 'a' }, { affinityName: 'b' }] } }), gives: { kind: 'ClusterPropagationPolicy', affinities: [{ affinityName: 'a' }, { affinityName: 'b' }] } },
    'that it is on its way out': { from: object({ deletionTimestamp: '2026-01-01T00:00:00Z' }), gives: { kind: 'ClusterPropagationPolicy', deleting: true } },
    'that it is too large': { from: object({}, { resourceSelectors: [{ ...DEPLOYMENTS, name: 'n'.repeat(70_000) }], priority: 2 }), gives: { kind: 'ClusterPropagationPolicy', priority: 2, tooLarge: true } },
    'nothing that is not there': { from: object({}, { resourceSelectors: 'all', priority: 'high', placement: [] }), gives: { kind: 'ClusterPropagationPolicy' } },
  };
  for (const [sentence, { from, gives }] of Object.entries(ROWS)) {
    test(sentence, () => assert.deepEqual(projectPropagationPolicy(from), { ...STORED, uid: '', resourceSelectors: [], priority: 0, lazy: false, affinities: [], deleting: false, ...gives }));
  }
});

test('of an override policy are kept its selectors and rules; of the older form one rule', () => {
  const rule = { targetCluster: { clusterNames: ['a'] }, overriders: { plaintext: [] } };
  const kept = (spec: unknown): unknown => projectOverridePolicy(object({ namespace: 'team' }, spec)).rules;
  assert.deepEqual(kept({ overrideRules: [rule, {}] }), [rule, { overriders: {} }]);
  assert.deepEqual(kept({ ...rule, overrideRules: [] }), [rule]);
  assert.deepEqual(projectOverridePolicy(object({}, { overrideRules: [{ overriders: { a: 'x'.repeat(300_000) } }] })), { ...STORED, kind: 'ClusterOverridePolicy', resourceSelectors: [], rules: [], deleting: false, tooLarge: true });
});

test('of a cluster is kept what affinities ask for', () => {
  const kept = projectCluster(object({ labels: { a: 'b' } }, { provider: 'p', region: 'r', zones: ['z1', 'z1', 2], secretRef: {} }));
  assert.deepEqual(kept, { ...STORED, labels: { a: 'b' }, provider: 'p', region: 'r', zones: ['z1'] });
});

test('of a binding are kept its policy, its template and its clusters, with those that something else needs', () => {
  const kept = projectBinding(
    object({ namespace: 'team', labels: { 'resourcebinding.karmada.io/permanent-id': 'b1', 'propagationpolicy.karmada.io/permanent-id': 'p1' }, annotations: { 'propagationpolicy.karmada.io/namespace': 'team', 'propagationpolicy.karmada.io/name': 'p' } }, {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team', name: 'web', uid: 'u', resourceVersion: '5' },
      clusters: [{ name: 'member2', replicas: 1 }, { name: 'member1' }],
      requiredBy: [{ clusters: [{ name: 'member1' }, { name: 'member3' }] }],
      gracefulEvictionTasks: [{ fromCluster: 'member4', reason: 'TaintUntolerated' }],
      suspension: { dispatching: false, dispatchingOnClusters: { clusterNames: ['member2'] }, scheduling: true, more: 1 },
    }),
  );
  assert.deepEqual(kept, {
    ...STORED,
    namespace: 'team',
    kind: 'ResourceBinding',
    id: 'b1',
    claim: { kind: 'PropagationPolicy', namespace: 'team', name: 'p', id: 'p1' },
    template: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team', name: 'web', uid: 'u' },
    clusters: ['member2', 'member1', 'member3'],
    evicting: ['member4'],
    suspension: { dispatching: false, dispatchingOnClusters: { clusterNames: ['member2'] }, scheduling: true },
  });
});

const manifest = (podSpec: unknown = running('app:v1'), metadata: object = {}): Plain =>
  deployment(podSpec, {
    labels: { app: 'web', 'karmada.io/managed': 'true', 'work.karmada.io/permanent-id': 'w' },
    annotations: { 'resourcetemplate.karmada.io/generation': '3', 'resourcetemplate.karmada.io/uid': 'u1', note: 'x' },
    ...metadata,
  });
const work = (manifests: readonly unknown[], metadata: object = {}, spec: object = {}): KubeObject =>
  object({ namespace: 'karmada-es-member1', labels: { 'resourcebinding.karmada.io/permanent-id': 'b1' }, ...metadata }, { workload: { manifests }, ...spec });

describe('of a Work', () => {
  test('is kept what its cluster is told to run', () => {
    assert.deepEqual(projectWork(work([manifest()], {}, { suspendDispatching: true }), imagesOfManifest), {
      namespace: 'karmada-es-member1',
      name: 'x',
      resourceVersion: '7',
      cluster: 'member1',
      bindingId: 'b1',
      template: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team', name: 'web' },
      generation: 3,
      templateUid: 'u1',
      labels: { app: 'web' },
      images: [{ holder: 'containers', name: 'app', image: 'app:v1', pointer: '/spec/template/spec/containers/0/image', namePointer: '/spec/template/spec/containers/0/name' }],
      suspended: true,
      deleting: false,
    });
  });

  const images = (from: KubeObject): readonly string[] | undefined => projectWork(from, imagesOfManifest)?.images.map(({ image, pointer }) => `${image} ${pointer}`);

  test('nothing is kept elsewhere than in an execution space', () => assert.equal(projectWork(work([manifest()], { namespace: 'team' }), imagesOfManifest), undefined));
  test('nothing is kept where no manifest can hold an image', () => assert.equal(projectWork(work([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }]), imagesOfManifest), undefined));
  test('one without manifests has no images', () => assert.deepEqual(images(work([])), []));
  test('one whose manifest is no list has none either', () => assert.deepEqual(images(object({ namespace: 'karmada-es-a' }, { workload: 7 })), []));
  test('images of further manifests are told from those of the first', () => {
    const at = '/spec/template/spec/containers/0/image';
    assert.deepEqual(images(work([manifest(), { kind: 'ConfigMap' }, manifest(running('b:v1'))])), [`app:v1 ${at}`, `b:v1 /spec/workload/manifests/2${at}`]);
  });
  test('more manifests than are looked at are images that nobody vouches for', () => {
    const kept = projectWork(work(Array.from({ length: 66 }, () => manifest())), imagesOfManifest)?.images.at(-1);
    assert.deepEqual([kept?.image, kept?.omitted], ['(2 more manifests)', 2]);
  });
  test('more images than are kept are one that nobody vouches for', () => {
    const containers = Array.from({ length: 300 }, (_, index) => ({ name: `c${index}`, image: 'a' }));
    assert.equal(projectWork(work([manifest({ containers })]), imagesOfManifest)?.images.at(-1)?.omitted, 44);
  });
  test('the id of a cluster-wide binding is kept too', () => {
    assert.equal(projectWork(work([manifest()], { labels: { 'clusterresourcebinding.karmada.io/permanent-id': 'c1' } }), imagesOfManifest)?.bindingId, 'c1');
  });
  test('a generation that is no number is none', () => assert.equal(projectWork(work([manifest(running('a'), { annotations: { 'resourcetemplate.karmada.io/generation': '-1e9' } })]), imagesOfManifest)?.generation, undefined));
  test('labels that are too many or too long are said to be missing', () => {
    for (const labels of [Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`l${index}`, ''])), { long: 'x'.repeat(70_000) }]) {
      const kept = projectWork(work([manifest(running('a'), { labels })]), imagesOfManifest);
      assert.deepEqual([kept?.labels, kept?.labelsOmitted], [undefined, true]);
    }
  });

  test('what is equal in every cluster is one value in memory', () => {
    const project = workProjection(imagesOfManifest);
    const one = project(JSON.parse(JSON.stringify(work([manifest()]))) as KubeObject);
    const other = project(JSON.parse(JSON.stringify(work([manifest()], { namespace: 'karmada-es-member2' }))) as KubeObject);
    assert.equal(one?.images, other?.images);
    assert.equal(one?.template, other?.template);
    assert.equal(one?.labels, other?.labels);
  });
});

test('shared values are forgotten from the oldest on, and stay equal', () => {
  const shared = new SharedValues(2);
  const first = shared.value({ a: 1 });
  assert.equal(shared.value({ a: 1 }), first);
  for (let index = 0; index < 10; index += 1) shared.value({ index });
  assert.deepEqual(shared.value({ a: 1 }), first);
  assert.notEqual(shared.value({ a: 1 }), first);
});

describe('a claim', () => {
  const PP = { 'propagationpolicy.karmada.io/namespace': 'team', 'propagationpolicy.karmada.io/name': 'p' };
  const ID = { 'propagationpolicy.karmada.io/permanent-id': 'id1', 'clusterpropagationpolicy.karmada.io/permanent-id': 'id2' };
  test('names a policy', () => assert.deepEqual(claimOf(ID, PP), { kind: 'PropagationPolicy', namespace: 'team', name: 'p', id: 'id1' }));
  test('or one of the cluster', () => assert.deepEqual(claimOf(ID, { 'clusterpropagationpolicy.karmada.io/name': 'c' }), { kind: 'ClusterPropagationPolicy', namespace: '', name: 'c', id: 'id2' }));
  test('is by the policy of a namespace where both are named', () => assert.equal(claimOf(ID, { ...PP, 'clusterpropagationpolicy.karmada.io/name': 'c' })?.name, 'p'));
  test('is none without annotations', () => assert.equal(claimOf(ID, undefined), undefined));
  test('is by the cluster policy where the other claim is not whole', () => {
    const { 'propagationpolicy.karmada.io/permanent-id': _, ...onlyCluster } = ID;
    assert.equal(claimOf(onlyCluster, { ...PP, 'clusterpropagationpolicy.karmada.io/name': 'c' })?.name, 'c');
  });
});

test('a Work of two containers takes no more than 1 KB in a store of many clusters', () => {
  const project = workProjection(imagesOfManifest);
  const kept: unknown[] = [];
  const [templates, clusters] = [500, 20];
  const before = heap();
  for (let index = 0; index < templates * clusters; index += 1) {
    const at = index % templates;
    const podSpec = { containers: [{ name: 'app', image: `ghcr.io/acme/app-${at}@${digest('a')}` }, { name: 'log', image: `ghcr.io/acme/log@${digest('b')}` }] };
    const plain = work([manifest(podSpec, { name: `app-${at}` })], { namespace: `karmada-es-member${Math.floor(index / templates)}`, name: `app-${at}-5c8f6`, resourceVersion: String(1_000_000 + index), labels: { 'resourcebinding.karmada.io/permanent-id': `b-${at}` } });
    kept.push(project(JSON.parse(JSON.stringify(plain)) as KubeObject));
  }
  const each = (heap() - before) / kept.length;
  assert.ok(each > 50 && each < 1024, `${each} bytes`);
});

function heap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
