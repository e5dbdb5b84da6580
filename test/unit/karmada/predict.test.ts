import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareImages, digestDropped } from '../../../src/karmada/compare-images.ts';
import { overridesInOrder, predictImages, type Prediction } from '../../../src/karmada/predict.ts';
import { selectedOf } from '../../../src/karmada/selectors.ts';
import type { ClusterObject, OverridePolicyObject } from '../../../src/karmada/types.ts';
import { cluster, deployment, DEPLOYMENTS, digest, imagesOfManifest, override, running } from './builders.ts';

const MEMBERS = [cluster('member1', { provider: 'acme', region: 'eu', zones: ['a', 'b'] }, { tier: 'gold' }), cluster('member2')];
const tag = (value: string, predicate?: string): object => ({ imageOverrider: [{ component: 'Tag', operator: 'replace', value, ...(predicate === undefined ? {} : { predicate: { path: predicate } }) }] });
const add = (value: string): object => ({ imageOverrider: [{ component: 'Repository', operator: 'add', value }] });
const label = (labels: object): object => ({ labelsOverrider: [{ operator: 'add', value: labels }] });
const by = (...selectors: object[]): object => ({ resourceSelectors: selectors.map((selector) => ({ ...DEPLOYMENTS, ...selector })) });

function predict(overrides: readonly OverridePolicyObject[], template: unknown = deployment(running('ghcr.io/acme/web:v1')), clusters: readonly ClusterObject[] = MEMBERS): readonly Prediction[] {
  return predictImages({ template, overrides, clusters, imagesOfManifest });
}

/** The first image of each cluster, or why there is none. */
function outcome(predictions: readonly Prediction[]): readonly string[] {
  return predictions.map((one) => (one.type === 'Images' ? (one.images[0]?.image ?? 'none') : one.code));
}

const web = (suffix: string): string => `ghcr.io/acme/web${suffix}:v1`;

const ORDER: Readonly<Record<string, { readonly overrides: readonly OverridePolicyObject[]; readonly gives: readonly string[] }>> = {
  'nothing applies to what nothing means': { overrides: [override('', 'a', add('-x'), by({ name: 'other' })), override('team', 'b', add('-y'), by({ labelSelector: { matchLabels: { app: 'none' } } }))], gives: [web(''), web('')] },
  'without selectors everything is meant': { overrides: [override('', 'a', add('-x'))], gives: [web('-x'), web('-x')] },
  'cluster overrides come first, whatever the names': { overrides: [override('team', 'a', add('-ns')), override('', 'z', add('-cluster'))], gives: [web('-cluster-ns'), web('-cluster-ns')] },
  'the closer selector comes later': {
    overrides: [override('', 'a', add('-name'), by({ name: 'web' })), override('', 'b', add('-label'), by({ labelSelector: { matchLabels: { app: 'web' } } })), override('', 'c', add('-all'), by({})), override('', 'd', add('-none'))],
    gives: [web('-all-none-label-name'), web('-all-none-label-name')],
  },
  'a selector for every label counts as one by label': { overrides: [override('', 'a', add('-empty'), by({ labelSelector: {} })), override('', 'b', add('-all'), by({}))], gives: [web('-all-empty'), web('-all-empty')] },
  'of equals the higher name comes later, and wins': { overrides: [override('', 'b', tag('vb')), override('', 'a', tag('va'))], gives: ['ghcr.io/acme/web:vb', 'ghcr.io/acme/web:vb'] },
  'override policies of other namespaces do not apply': { overrides: [override('other', 'a', add('-x'))], gives: [web(''), web('')] },
  'a rule is for the clusters that it names': { overrides: [override('', 'a', {}, { overrideRules: [{ targetCluster: { clusterNames: ['member2'] }, overriders: add('-two') }, { overriders: add('-all') }] })], gives: [web('-all'), web('-two-all')] },
  'or for those with labels and fields': { overrides: [override('', 'a', {}, { overrideRules: [{ targetCluster: { labelSelector: { matchLabels: { tier: 'gold' } }, fieldSelector: { matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] } }, overriders: add('-gold') }] })], gives: [web('-gold'), web('')] },
  'but for those that it excludes': { overrides: [override('', 'a', {}, { overrideRules: [{ targetCluster: { exclude: ['member1'] }, overriders: add('-x') }] })], gives: [web(''), web('-x')] },
  'the older form is one rule': { overrides: [override('', 'a', {}, { overrideRules: [], targetCluster: { clusterNames: ['member1'] }, overriders: add('-old') })], gives: [web('-old'), web('')] },
  'a label that a cluster override sets turns an override on': { overrides: [override('', 'a', label({ tier: 'gold' })), override('team', 'b', add('-gold'), by({ labelSelector: { matchLabels: { tier: 'gold' } } }))], gives: [web('-gold'), web('-gold')] },
  'or off, in the clusters that it is for': {
    overrides: [override('', 'a', {}, { overrideRules: [{ targetCluster: { clusterNames: ['member1'] }, overriders: { labelsOverrider: [{ operator: 'remove', value: { app: '' } }] } }] }), override('team', 'b', add('-app'), by({ labelSelector: { matchLabels: { app: 'web' } } }))],
    gives: [web(''), web('-app')],
  },
  'a label that an override sets is too late for others of its class': { overrides: [override('team', 'a', label({ tier: 'gold' })), override('team', 'b', add('-gold'), by({ labelSelector: { matchLabels: { tier: 'gold' } } }))], gives: [web(''), web('')] },
  'what is refused in one cluster is not in the others': { overrides: [override('', 'a', {}, { overrideRules: [{ targetCluster: { clusterNames: ['member2'] }, overriders: tag('v2', '/spec/none') }] })], gives: [web(''), 'PathMissing'] },
  'what is too large is not looked at': { overrides: [override('', 'a', {}, by(...Array.from({ length: 5000 }, () => ({ name: 'n'.repeat(100) }))))], gives: ['NotModelled', 'NotModelled'] },
};

test('of override policies those that cannot all be held against a template are taken for ones that may mean it', () => {
  const selectors = Array.from({ length: 500 }, (_, index) => ({ ...DEPLOYMENTS, labelSelector: { matchLabels: { [`k${index}`]: 'v' } } }));
  const policies = Array.from({ length: 1000 }, (_, index) => ({ ...override('team', `o${index}`, {}), resourceSelectors: selectors }));
  const found = overridesInOrder(policies, selectedOf(deployment(running('app:v1'))));
  assert.ok(found.length > 0 && found.length < 1000 && found.every(({ tooLarge, rules }) => tooLarge === true && rules.length === 0));
});

describe('the images of a cluster', () => {
  for (const [sentence, { overrides, gives }] of Object.entries(ORDER)) {
    test(sentence, () => {
      assert.deepEqual(outcome(predict(overrides)), gives);
      assert.deepEqual(outcome(predict(overrides.toReversed())), gives);
    });
  }

  test('name the overrides that applied, in their order, and none for a cluster without', () => {
    const overrides = [override('team', 'a', add('-x')), override('', 'z', {}, { overrideRules: [{ targetCluster: { clusterNames: ['member1'] }, overriders: add('-y') }, { overriders: { plaintext: [] } }] })];
    const names = predict(overrides).map(({ applied }) => applied.map(({ kind, name }) => `${kind}/${name}`));
    assert.deepEqual(names, [['ClusterOverridePolicy/z', 'OverridePolicy/a'], ['ClusterOverridePolicy/z', 'OverridePolicy/a']]);
  });

  test('are uncertain where Karmada panics for another cluster', () => {
    const panicking = override('', 'a', {}, { overrideRules: [{ targetCluster: { clusterNames: ['member1'] }, overriders: tag('v2', '/spec/template/spec/containers/7/image') }] });
    const [one, other] = predict([panicking]);
    assert.ok(one?.type === 'Refused' && one.code === 'Panic' && other?.type === 'Images' && other.uncertain);
    assert.ok(predict([]).every((prediction) => prediction.type === 'Images' && prediction.uncertain === undefined));
  });

  test('are one value where nothing applies', () => {
    const [one, other] = predict([override('', 'a', add('-x'), by({ name: 'other' }))]);
    assert.ok(one?.type === 'Images' && other?.type === 'Images' && one.images === other.images);
  });

  test('are of a kind that Karmada does not know only changed by a predicate', () => {
    const job = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { namespace: 'team', name: 'nightly' }, spec: { jobTemplate: { spec: { template: { spec: running('app:v1') } } } } };
    assert.deepEqual(outcome(predict([override('', 'a', tag('v2'))], job, MEMBERS.slice(0, 1))), ['app:v1']);
    assert.deepEqual(outcome(predict([override('', 'a', tag('v2', '/spec/jobTemplate/spec/template/spec/containers/0/image'))], job, MEMBERS.slice(0, 1))), ['app:v2']);
  });

  test('have no override of a namespace where the template has none', () => {
    const template = deployment(running('app:v1'), { namespace: '' });
    assert.deepEqual(outcome(predict([override('', 'a', add('-x'))], template)), ['app-x:v1', 'app-x:v1']);
  });

  test('carry the labels that came out of it, without those of Karmada', () => {
    const template = deployment(running('app:v1'), { labels: { app: 'web', 'propagationpolicy.karmada.io/permanent-id': 'x' } });
    const labels = (overrides: readonly OverridePolicyObject[]): unknown => predict(overrides, template).map((one) => one.type === 'Images' && one.labels)[0];
    assert.deepEqual(labels([]), { app: 'web' });
    assert.deepEqual(labels([override('', 'a', label({ tier: 'gold' }))]), { app: 'web', tier: 'gold' });
  });

  test('are not looked for among more rules, names and selectors than there is time for', () => {
    const clusters = Array.from({ length: 300 }, (_, index) => cluster(`member${index}`));
    let looks = 0;
    const counted = (target: object): object => ({ overriders: add('-x'), get targetCluster() { return (looks += 1), target; } });
    const policies = (rules: readonly object[], selectors: object = {}): OverridePolicyObject[] =>
      Array.from({ length: 20 }, (_, index) => ({ ...override('team', `o${index}`, {}, selectors), rules: rules as OverridePolicyObject['rules'] }));
    const relabel = override('', 'a', label({ tier: 'gold' }));
    const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
    const cases: Readonly<Record<string, readonly OverridePolicyObject[]>> = {
      rules: policies(many(500, () => counted({ clusterNames: ['none'] }))),
      names: policies([counted({ clusterNames: many(15_000, (index) => `n${index}`) })]),
      values: policies([counted({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: many(500, (index) => `v${index}`) }] } })]),
      selectors: [relabel, ...policies([], by(...many(500, (index) => ({ name: `n${index}` }))))],
    };
    for (const [what, overrides] of Object.entries(cases)) {
      looks = 0;
      const found = outcome(predict(overrides, deployment(running('ghcr.io/acme/web:v1')), clusters));
      assert.deepEqual([found[0], found.at(-1)], [web(''), 'NotModelled'], what);
      assert.ok(looks <= 2 * 2_000_000, `${what}: ${looks} looks`);
    }
    // A large fleet with an override for each of its clusters is none of that.
    const each = clusters.map(({ name }) => ({ targetCluster: { clusterNames: [name] }, overriders: add('-x') }));
    assert.deepEqual(outcome(predict(policies(each).slice(0, 1), deployment(running('ghcr.io/acme/web:v1')), clusters)).at(-1), web('-x'));
  });

  test('cost little where nothing applies: 2,000 templates in 20 clusters', () => {
    const clusters = Array.from({ length: 20 }, (_, index) => cluster(`member${index}`));
    const overrides = Array.from({ length: 100 }, (_, index) => override('team', `o${index}`, add('-x'), by({ name: `other${index}` })));
    const start = process.cpuUsage();
    for (let index = 0; index < 2000; index += 1) predict(overrides, deployment(running(`app:v${index}`)), clusters);
    const { user, system } = process.cpuUsage(start);
    assert.ok(user + system < 4_000_000, `${user + system} µs`);
  });
});

const D = digest('a');
const DIGESTS: Readonly<Record<string, { readonly template: unknown; readonly overriders: object; readonly gives: readonly string[] }>> = {
  'a mirror keeps the digest of a name without a tag': { template: running(`ghcr.io/acme/web@${D}`), overriders: { imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror.example' }] }, gives: [] },
  'a mirror drops the digest of a name with a tag': { template: running(`ghcr.io/acme/web:v1@${D}`), overriders: { imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror.example' }] }, gives: ['app Dropped mirror.example/acme/web:v1'] },
  'even an override that changes nothing drops it': { template: running(`ghcr.io/acme/web:v1@${D}`), overriders: { imageOverrider: [{ component: 'Repository', operator: 'add', value: '' }] }, gives: ['app Dropped ghcr.io/acme/web:v1'] },
  'a tag un-pins': { template: running(`ghcr.io/acme/web@${D}`), overriders: tag('v2'), gives: ['app Dropped ghcr.io/acme/web:v2'] },
  'another digest is told': { template: running(`ghcr.io/acme/web@${D}`), overriders: tag(digest('b')), gives: [`app Changed ghcr.io/acme/web@${digest('b')}`] },
  'no digest is none to lose': { template: running('ghcr.io/acme/web:v1'), overriders: tag('v2'), gives: [] },
  'a container that is put before it takes nothing away': { template: running(`ghcr.io/acme/web@${D}`), overriders: { plaintext: [{ path: '/spec/template/spec/containers/0', operator: 'add', value: { name: 'first', image: 'first:v1' } }] }, gives: [] },
  'a container that is taken away is told': { template: running(`ghcr.io/acme/web@${D}`), overriders: { plaintext: [{ path: '/spec/template/spec/containers/0', operator: 'remove' }] }, gives: ['app Removed '] },
};

describe('what becomes of a digest', () => {
  for (const [sentence, { template, overriders, gives }] of Object.entries(DIGESTS)) {
    test(sentence, () => {
      const object = deployment(template);
      const [prediction] = predict([override('', 'a', overriders)], object);
      assert.ok(prediction?.type === 'Images');
      const before = imagesOfManifest('apps/v1', 'Deployment', object) ?? [];
      assert.deepEqual(digestDropped(before, prediction.images).map(({ image, change, effective }) => `${image.name} ${change} ${effective?.image ?? ''}`), gives);
      assert.deepEqual(digestDropped(before, before), []);
    });
  }
});

test('what was predicted is compared by pointer with what was observed', () => {
  const images = (...names: string[]) => imagesOfManifest('apps/v1', 'Deployment', deployment({ containers: names.map((image, index) => ({ name: `c${index}`, image })) })) ?? [];
  const at = (index: number): string => `/spec/template/spec/containers/${index}/image`;
  assert.deepEqual(compareImages(images('a', 'b'), images('a', 'b')), []);
  assert.deepEqual(compareImages(images('a', 'b'), images('a', 'c')), [{ pointer: at(1), predicted: 'b', observed: 'c' }]);
  assert.deepEqual(compareImages(images('a', 'b'), images('a')), [{ pointer: at(1), predicted: 'b' }]);
  assert.deepEqual(compareImages([], images('a')), [{ pointer: at(0), observed: 'a' }]);
});
