import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { choosePolicy, claimableOf, policySource } from '../../../src/karmada/choose-policy.ts';
import { claimOf } from '../../../src/karmada/claim.ts';
import { clusterMatches } from '../../../src/karmada/cluster-affinity.ts';
import { compareImages, digestDropped } from '../../../src/karmada/compare-images.ts';
import { formatImage, parseImage, type ImageParts } from '../../../src/karmada/image-parser.ts';
import { predictImages, type Prediction } from '../../../src/karmada/predict.ts';
import { projectBinding } from '../../../src/karmada/project-binding.ts';
import { projectCluster } from '../../../src/karmada/project-cluster.ts';
import { projectOverridePolicy, projectPropagationPolicy } from '../../../src/karmada/project-policy.ts';
import { projectWork } from '../../../src/karmada/project-work.ts';
import { propagationRules } from '../../../src/karmada/propagation-rules.ts';
import { OverrideError } from '../../../src/karmada/refusal.ts';
import { isDispatchingSuspended, mergeSuspension } from '../../../src/karmada/suspension.ts';
import type { OverridePolicyObject, PropagationPolicyObject } from '../../../src/karmada/types.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { cluster, deployment, DEPLOYMENTS, digest, imagesOfManifest, override, policy } from './builders.ts';

const RUNS = { numRuns: 300 };
const RULES = propagationRules();
const CLUSTERS = [cluster('member1', { provider: 'acme' }, { tier: 'gold' }), cluster('member2', { zones: ['a'] })];

/** JSON that has the form of a Karmada object in places, and none in others. */
const FIELDS = ['spec', 'metadata', 'labels', 'annotations', 'namespace', 'name', 'kind', 'apiVersion', 'resourceSelectors', 'overrideRules', 'overriders', 'targetCluster', 'plaintext', 'imageOverrider', 'predicate', 'path', 'operator', 'value', 'component', 'labelsOverrider', 'fieldOverrider', 'containers', 'image', 'template', 'placement', 'clusterAffinities', 'fieldSelector', 'labelSelector', 'matchExpressions', 'workload', 'manifests', 'clusters', 'resource', '__proto__', 'constructor'];
const TEXTS = ['', '/', '/spec', '//a', '/metadata/labels/app', 'Deployment', 'apps/v1', 'add', 'replace', 'remove', 'Tag', 'Registry', 'team', 'web', 'karmada-es-member1', 'app:v1', 'constructor', '-1', '{"a":1}'];
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom(...TEXTS), fc.jsonValue({ maxDepth: 1 }), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...FIELDS), tie('value'), { maxKeys: 6 })),
})).value;
const anyObject = fc.record({ apiVersion: fc.constant('apps/v1'), kind: fc.constantFrom('Deployment', 'Job', 'Pod'), metadata: anyJson, spec: anyJson }) as fc.Arbitrary<unknown> as fc.Arbitrary<KubeObject>;

const anyImage = fc.constantFrom('app', 'app:v1', `app@${digest('a')}`, `r.example/t/app:v1@${digest('b')}`, 'localhost:5000/app', 'Broken/App', '');
const anyOverriders = fc.record(
  {
    imageOverrider: fc.array(fc.record({ component: fc.constantFrom('Registry', 'Repository', 'Tag'), operator: fc.constantFrom('add', 'remove', 'replace'), value: fc.constantFrom('', 'x', '-y', 'm.example', 'v2', digest('c')) }), { maxLength: 2 }),
    labelsOverrider: fc.array(fc.record({ operator: fc.constantFrom('add', 'remove', 'replace'), value: fc.constantFrom({ app: 'other' }, { tier: 'gold' }) }), { maxLength: 2 }),
    plaintext: fc.array(fc.record({ operator: fc.constantFrom('add', 'remove', 'replace'), path: fc.constantFrom('/spec/template/spec/containers/0/image', '/spec/template/spec/containers/-', '/metadata/labels/app', '/none'), value: fc.constantFrom('x:v1', { name: 'n', image: 'n:v1' }) }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const anySelector = fc.constantFrom({}, { name: 'web' }, { labelSelector: {} }, { labelSelector: { matchLabels: { app: 'web' } } }, { labelSelector: { matchLabels: { tier: 'gold' } } }, { name: 'none' }, { namespace: 'other' });
const anyOverrides = fc
  .array(fc.record({ namespace: fc.constantFrom('', 'team', 'other'), overriders: anyOverriders, selectors: fc.array(anySelector, { maxLength: 2 }), target: fc.constantFrom(undefined, {}, { clusterNames: ['member1'] }, { exclude: ['member1'] }, { labelSelector: { matchLabels: { tier: 'gold' } } }) }), { maxLength: 5 })
  .map((list) => list.map(({ namespace, overriders, selectors, target }, index) =>
    override(namespace, `o${index}`, {}, { resourceSelectors: selectors.map((one) => ({ ...DEPLOYMENTS, ...one })), overrideRules: [{ targetCluster: target, overriders }] }),
  ));
const anyTemplate = fc.array(anyImage, { maxLength: 3 }).map((images) => deployment({ containers: images.map((image, index) => ({ name: `c${index}`, image })) }));
const anyPolicies = fc
  .array(fc.record({ namespace: fc.constantFrom('', 'team', 'other'), priority: fc.integer({ min: -1, max: 2 }), selector: anySelector }), { maxLength: 6 })
  .map((list) => list.map(({ namespace, priority, selector }, index) => policy(namespace, `p${index}`, { priority, resourceSelectors: [{ ...DEPLOYMENTS, ...selector }] })));

const predict = (template: unknown, overrides: readonly OverridePolicyObject[]): readonly Prediction[] => predictImages({ template, overrides, clusters: CLUSTERS, imagesOfManifest });

describe('whatever is written', () => {
  test('is projected, and nothing is thrown', () => {
    fc.assert(fc.property(anyJson, anyJson, fc.constantFrom(undefined, '', 'team', 'karmada-es-member1'), (metadata, spec, namespace) => {
      const object = { metadata: { ...(metadata as object), ...(namespace === undefined ? {} : { namespace }) }, spec } as unknown as KubeObject;
      for (const project of [projectPropagationPolicy, projectOverridePolicy, projectBinding, projectCluster]) assert.equal(typeof project(object).name, 'string');
      projectWork(object, imagesOfManifest);
      const { labels, annotations } = object.metadata as unknown as Record<string, unknown>;
      claimOf(labels, annotations);
    }), RUNS);
  });

  test('is predicted or refused, and nothing is thrown or changed', () => {
    fc.assert(fc.property(anyObject, fc.array(anyObject, { maxLength: 3 }), (template, overrides) => {
      const before = JSON.stringify([template, overrides]);
      for (const prediction of predict(template, overrides.map(projectOverridePolicy))) assert.ok(prediction.type === 'Images' || prediction.reason !== '');
      assert.equal(JSON.stringify([template, overrides]), before);
    }), RUNS);
  });

  test('a policy is chosen or none, and suspensions and affinities are read', () => {
    fc.assert(fc.property(anyObject, fc.array(anyObject, { maxLength: 3 }), anyJson, (template, policies, json) => {
      choosePolicy(claimableOf(template), policySource(policies.map(projectPropagationPolicy)), RULES);
      assert.equal(typeof clusterMatches(CLUSTERS[0] ?? cluster('x'), json), 'boolean');
      assert.equal(typeof isDispatchingSuspended(mergeSuspension(json, json), 'member1'), 'boolean');
    }), RUNS);
  });

  test('a text is an image or none', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), anyImage, fc.stringMatching(/^[a-zA-Z0-9.:/@_-]{1,40}$/)), (text) => {
      const parts = readOrNone(text);
      // What is printed is read as the same.
      if (parts !== undefined) assert.deepEqual(parseImage(formatImage(parts)), parts);
    }), RUNS);
  });
});

describe('of predictions it holds', () => {
  test('where nothing means the template, its images are those of the template', () => {
    fc.assert(fc.property(anyTemplate, anyOverrides, (template, overrides) => {
      const others = overrides.map((one) => ({ ...one, resourceSelectors: [{ ...DEPLOYMENTS, name: 'none' }] }));
      const own = imagesOfManifest('apps/v1', 'Deployment', template) ?? [];
      for (const one of predict(template, others)) {
        assert.ok(one.type === 'Images' && one.applied.length === 0);
        assert.deepEqual(compareImages(one.images, own), []);
        assert.deepEqual(digestDropped(own, one.images), []);
      }
    }), RUNS);
  });

  test('the order of the lists is of no account', () => {
    fc.assert(fc.property(anyTemplate, anyOverrides, (template, overrides) => assert.deepEqual(predict(template, overrides.toReversed()), predict(template, overrides))), RUNS);
  });

  test('a template that was predicted is as it was', () => {
    fc.assert(fc.property(anyTemplate, anyOverrides, (template, overrides) => {
      const before = JSON.stringify(template);
      predict(template, overrides);
      assert.equal(JSON.stringify(template), before);
    }), RUNS);
  });

  test('a cluster is of no account to another', () => {
    fc.assert(fc.property(anyTemplate, anyOverrides, (template, overrides) => {
      const alone = CLUSTERS.flatMap((one) => predictImages({ template, overrides, clusters: [one], imagesOfManifest }));
      const together = predict(template, overrides).map((one) => (one.type === 'Images' ? { ...one, uncertain: undefined } : one));
      assert.deepEqual(alone.map((one) => (one.type === 'Images' ? { ...one, uncertain: undefined } : one)), together);
    }), RUNS);
  });
});

describe('of choices it holds', () => {
  test('the order of the policies is of no account', () => {
    const name = (policies: readonly PropagationPolicyObject[]): unknown => choosePolicy(claimableOf(deployment({})), policySource(policies), RULES);
    fc.assert(fc.property(anyPolicies, (policies) => assert.deepEqual(name(policies.toReversed()), name(policies))), RUNS);
  });

  test('what was chosen is chosen again once it has claimed the template, whatever comes then', () => {
    fc.assert(fc.property(anyPolicies, anyPolicies, (policies, later) => {
      const first = choosePolicy(claimableOf(deployment({})), policySource(policies), RULES);
      if (first.type === 'None') return;
      const { kind, namespace, name, id = '' } = first.policy;
      const renamed = later.map((one, index) => ({ ...one, name: `later${index}` }));
      const again = choosePolicy({ ...claimableOf(deployment({})), claim: { kind, namespace, name, id } }, policySource([...policies, ...renamed]), RULES);
      assert.deepEqual(again, { ...first, claimed: true });
    }), RUNS);
  });
});

test('JSON nested deeper than the stack is high is refused, not stumbled over', () => {
  const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`) as unknown;
  const object = { metadata: { name: 'x' }, spec: { resourceSelectors: deep, overrideRules: deep } } as unknown as KubeObject;
  assert.equal(projectPropagationPolicy(object).tooLarge, true);
  assert.equal(projectOverridePolicy(object).tooLarge, true);
  const template = { ...deployment({ containers: deep }), data: deep };
  const long = `/spec${'/template'.repeat(20_000)}`;
  for (const path of [long, '/data/0/0']) predict(template, [override('', 'a', { plaintext: [{ operator: 'add', path, value: 1 }] })]);
});

function readOrNone(text: string): ImageParts | undefined {
  try {
    return parseImage(text);
  } catch (error) {
    assert.ok(error instanceof OverrideError, String(error));
    return undefined;
  }
}
