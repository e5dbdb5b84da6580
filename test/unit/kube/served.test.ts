import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Catalog, isInDoubt, lookUp, mergeCatalog, type OptionalResource, parseAggregated, parseGroups, parseResources } from '../../../src/kube/served.ts';

const GROUPS = new Set(['apps.kruise.io', 'ray.io']);
const VERBS = ['get', 'list', 'patch', 'watch'];
const WANTED: OptionalResource = { group: 'apps.kruise.io', plural: 'clonesets', kind: 'CloneSet', namespaced: true, versions: ['v1beta1', 'v1alpha1'] };

const entry = (version: string, change: object = {}): object => ({
  version,
  freshness: 'Current',
  resources: [{ resource: 'clonesets', responseKind: { group: 'apps.kruise.io', version, kind: 'CloneSet' }, scope: 'Namespaced', verbs: VERBS, ...change }],
});
const document = (versions: readonly object[], group = 'apps.kruise.io'): unknown => ({ kind: 'APIGroupDiscoveryList', items: [{ metadata: { name: group }, versions }] });
const catalog = (versions: readonly object[], group?: string): Catalog => parseAggregated(document(versions, group), GROUPS) ?? assert.fail('not understood');
const present = (version: string, namespaced = true): object => ({
  state: 'present',
  resource: { group: 'apps.kruise.io', version, plural: 'clonesets', kind: 'CloneSet', namespaced },
});

const lookups: Record<string, { given: Catalog; is: object }> = {
  'a resource that is listed is there': { given: catalog([entry('v1alpha1')]), is: present('v1alpha1') },
  'of two versions the preferred one is taken': { given: catalog([entry('v1alpha1'), entry('v1beta1')]), is: present('v1beta1') },
  'a version that is not understood is better than none': { given: catalog([entry('v2')]), is: present('v2') },
  'an understood version is better than a newer one': { given: catalog([entry('v2'), entry('v1alpha1')]), is: present('v1alpha1') },
  'the scope is the one that is served': { given: catalog([entry('v1beta1', { scope: 'Cluster' })]), is: present('v1beta1', false) },
  'a group that is not listed is absent': { given: catalog([]), is: { state: 'absent' } },
  'a group of no interest is not kept': { given: catalog([entry('v1')], 'apps'), is: { state: 'absent' } },
  'a group without the resource is absent': { given: catalog([entry('v1beta1', { resource: 'others' })]), is: { state: 'absent' } },
  'another kind under the same plural is absent': { given: catalog([entry('v1beta1', { responseKind: { kind: 'Other' } })]), is: { state: 'absent' } },
  'what cannot be watched is absent': { given: catalog([entry('v1beta1', { verbs: ['list'] })]), is: { state: 'absent' } },
  'a group whose server does not answer is unavailable': { given: catalog([{ version: 'v1alpha1', freshness: 'Stale' }]), is: { state: 'unavailable' } },
  'one version that is away hides no other': { given: catalog([{ version: 'v1beta1', freshness: 'Stale' }, entry('v1alpha1')]), is: present('v1alpha1') },
};
describe('the aggregated answer', () => {
  for (const [sentence, { given, is }] of Object.entries(lookups)) test(sentence, () => assert.deepEqual(lookUp(given, WANTED), is));

  test('is told apart from an answer of before', () => {
    assert.equal(parseAggregated({ kind: 'APIGroupList', groups: [] }, GROUPS), undefined);
    assert.throws(() => parseAggregated({ kind: 'APIGroupDiscoveryList' }, GROUPS), { code: 'BadResponse' });
  });

  test('is read whatever stands in it', () => {
    const odd = { kind: 'APIGroupDiscoveryList', items: [{}, { metadata: { name: 'ray.io' }, versions: [{}, { version: 'v1', freshness: 'Current', resources: [{}, { resource: 5 }] }] }] };
    assert.deepEqual([...(parseAggregated(odd, GROUPS) ?? [])].map(([name]) => name), ['ray.io/v1']);
  });
});

describe('the answers of a server that speaks nothing newer', () => {
  test('are the group versions of interest and their resources', () => {
    const groups = { kind: 'APIGroupList', groups: [{ name: 'apps', versions: [{ version: 'v1' }] }, { name: 'ray.io', versions: [{ version: 'v1' }, { version: 'v1alpha1' }] }] };
    assert.deepEqual(parseGroups(groups, GROUPS), [{ group: 'ray.io', version: 'v1' }, { group: 'ray.io', version: 'v1alpha1' }]);
    const list = { kind: 'APIResourceList', resources: [{ name: 'clonesets', kind: 'CloneSet', namespaced: true, verbs: VERBS }, { name: 'clonesets/status', kind: 'CloneSet', verbs: VERBS }] };
    const parsed = parseResources(list, 'apps.kruise.io', 'v1beta1');
    assert.deepEqual(lookUp(new Map([['apps.kruise.io/v1beta1', parsed]]), WANTED), present('v1beta1'));
    assert.equal(parsed.state === 'served' && parsed.resources.size, 1);
  });

  test('that are neither are refused', () => {
    assert.throws(() => parseGroups({ kind: 'Status' }, GROUPS), { code: 'BadResponse' });
    assert.throws(() => parseResources('what', 'ray.io', 'v1'), { code: 'BadResponse' });
  });
});

const there = catalog([entry('v1beta1')]);
const gone = catalog([]);
const away = catalog([{ version: 'v1beta1', freshness: 'Stale' }]);
const series: Record<string, { answers: readonly Catalog[]; is: string; doubt: boolean }> = {
  'left out once, it is in doubt and still there': { answers: [there, gone], is: 'present', doubt: true },
  'left out twice, it is gone': { answers: [there, gone, gone], is: 'absent', doubt: false },
  'listed again, it was never away': { answers: [there, gone, there, gone], is: 'present', doubt: true },
  'an outage leaves it, however long': { answers: [there, away, away, away], is: 'present', doubt: false },
  'an outage at the start leaves it open': { answers: [away, away], is: 'unavailable', doubt: false },
  'after an outage it is there': { answers: [away, there], is: 'present', doubt: false },
  'a server that is taken away after an outage is gone': { answers: [away, gone], is: 'absent', doubt: false },
  'a resource that its group has no more goes the same way': { answers: [there, catalog([entry('v1beta1', { resource: 'x' })]), catalog([entry('v1beta1', { resource: 'x' })])], is: 'absent', doubt: false },
};
describe('one answer after the other', () => {
  for (const [sentence, { answers, is, doubt }] of Object.entries(series)) {
    test(sentence, () => {
      const end = answers.reduce(mergeCatalog, new Map() as Catalog);
      assert.equal(lookUp(end, WANTED).state, is);
      assert.equal(isInDoubt(end), doubt);
    });
  }
});
