import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { observedImages, type ObservedTemplate, type TemplateImages } from '../../../src/karmada/observed.ts';
import type { BindingObject, WorkObject } from '../../../src/karmada/types.ts';
import { deployment, imagesOfManifest, policy, running } from './builders.ts';

const TEMPLATE = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team', name: 'web', uid: 'u1' };
const images = (image: string) => imagesOfManifest('apps/v1', 'Deployment', deployment(running(image))) ?? [];
const binding = (more: Partial<BindingObject> = {}): BindingObject => ({
  namespace: 'team', name: 'web-deployment', resourceVersion: '1', kind: 'ResourceBinding', id: 'b1', claim: { kind: 'PropagationPolicy', namespace: 'team', name: 'p', id: 'id-p' }, template: TEMPLATE, clusters: ['member1'], evicting: [], ...more,
});
const work = (cluster: string, more: Partial<WorkObject> = {}): WorkObject => ({
  namespace: `karmada-es-${cluster}`, name: 'web-1', resourceVersion: '1', cluster, bindingId: 'b1', template: TEMPLATE, templateUid: 'u1', generation: 3, images: images('app:v1'), suspended: false, deleting: false, ...more,
});
const POLICY = policy('team', 'p');
const THERE: TemplateImages = { uid: 'u1', generation: 3, images: images('app:v1') };

interface Row {
  readonly policy?: Parameters<typeof observedImages>[0];
  readonly bindings?: readonly BindingObject[];
  readonly works?: readonly WorkObject[];
  readonly template?: TemplateImages | undefined;
  /** `cluster phase image flags` of each cluster of the first template; `none` where there is no template. */
  readonly gives: readonly string[];
}

const ROWS: Readonly<Record<string, Row>> = {
  'a cluster runs what its Work says': { works: [work('member1', { images: images('mirror/app:v1') })], gives: ['member1 Placed mirror/app:v1 current'] },
  'a cluster without a Work runs nothing yet': { gives: ['member1 Placed -'] },
  'clusters come by name': { bindings: [binding({ clusters: ['b', 'a'] })], works: [work('b'), work('a')], gives: ['a Placed app:v1 current', 'b Placed app:v1 current'] },
  'a Work of an older generation is not what the template says now': { works: [work('member1', { generation: 2 })], gives: ['member1 Placed app:v1'] },
  'a kind without generations is current': { works: [work('member1', { generation: undefined as never })], template: { uid: 'u1', images: [] }, gives: ['member1 Placed app:v1 current'] },
  'a Work of a template that was there before is not current': { works: [work('member1', { templateUid: 'u0' })], gives: ['member1 Placed app:v1'] },
  'nor is anything while the binding is of another object than the template': { works: [work('member1')], template: { ...THERE, uid: 'u2' }, gives: ['member1 Placed app:v1'] },
  'nor while the template is not known': { works: [work('member1')], template: undefined, gives: ['member1 Placed app:v1'] },
  'nor while the Work is on its way out': { works: [work('member1', { deleting: true })], gives: ['member1 Placed app:v1'] },
  'a cluster that is being left keeps what it had': { bindings: [binding({ evicting: ['member2'] })], works: [work('member1'), work('member2', { images: images('app:v0') })], gives: ['member1 Placed app:v1 current', 'member2 Evicting app:v0'] },
  'a cluster that is chosen again is not being left': { bindings: [binding({ evicting: ['member1'] })], works: [work('member1')], gives: ['member1 Placed app:v1 current'] },
  'a Work that is left over is told': { bindings: [binding({ clusters: [] })], works: [work('member1')], gives: ['member1 Leaving app:v1'] },
  'what is held back is told, by its Work': { works: [work('member1', { suspended: true })], gives: ['member1 Placed app:v1 current suspended'] },
  'or by its binding, for the clusters that it names': { bindings: [binding({ clusters: ['a', 'b'], suspension: { dispatchingOnClusters: { clusterNames: ['b'] } } })], works: [work('a')], gives: ['a Placed app:v1 current', 'b Placed - suspended'] },
  'a binding without its id has no Works': { bindings: [binding({ id: undefined as never })], works: [work('member1')], gives: ['member1 Placed -'] },
  'a policy without its id propagates nothing': { policy: { kind: 'PropagationPolicy', namespace: 'team' }, works: [work('member1')], gives: ['none'] },
  'a template elsewhere that names a policy is not its own': { bindings: [binding({ namespace: 'other' })], gives: ['none'] },
  'for a policy of the cluster it is': { policy: { kind: 'ClusterPropagationPolicy', namespace: '', id: 'id-p' }, bindings: [binding({ namespace: 'other' })], gives: ['member1 Placed -'] },
};

describe('what a policy propagates', () => {
  for (const [sentence, { policy: of = POLICY, bindings = [binding()], works = [], gives, ...row }] of Object.entries(ROWS)) {
    test(sentence, () => {
      const [first] = observe(of, bindings, works, 'template' in row ? row.template : THERE);
      assert.deepEqual(first === undefined ? ['none'] : first.clusters.map(shown), gives);
      assert.deepEqual(observe(of, bindings.toReversed(), works.toReversed(), 'template' in row ? row.template : THERE)[0]?.clusters.map(shown), first?.clusters.map(shown));
    });
  }

  test('comes by namespace, kind and name', () => {
    const of = (name: string): BindingObject => binding({ template: { ...TEMPLATE, name } });
    assert.deepEqual(observe(POLICY, [of('b'), of('a')], [], THERE).map(({ template }) => template.name), ['a', 'b']);
  });

  test('has the images of the template, if it is known', () => {
    assert.deepEqual(observe(POLICY, [binding()], [], THERE)[0]?.images, images('app:v1'));
    assert.equal(observe(POLICY, [binding()], [], undefined)[0]?.images, undefined);
  });
});

function observe(of: Parameters<typeof observedImages>[0], bindings: readonly BindingObject[], works: readonly WorkObject[], template: TemplateImages | undefined): readonly ObservedTemplate[] {
  return observedImages(of, {
    bindings: (id) => bindings.filter(({ claim }) => claim?.id === id),
    works: (id) => works.filter(({ bindingId }) => bindingId === id),
    template: () => template,
  });
}

function shown({ cluster, phase, images: [first] = [], current, suspended }: ObservedTemplate['clusters'][number]): string {
  return [cluster, phase, first?.image ?? '-', ...(current ? ['current'] : []), ...(suspended ? ['suspended'] : [])].join(' ');
}
