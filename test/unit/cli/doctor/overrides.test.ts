import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyFacts, TemplateFacts } from '../../../../src/cli/doctor/types.ts';
import type { OverridePolicyObject } from '../../../../src/karmada/types.ts';
import { complaints, karmada, override, policy, seen, template } from './healthy.ts';

const REGISTRY = { component: 'Registry', operator: 'replace', value: 'mirror.corp.example' };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const image = (holder: TemplateFacts['images'][number]['holder'], text = 'ghcr.io/acme/api:1.4', index = 0): TemplateFacts['images'][number] => ({ holder, image: text, pointer: `/spec/template/spec/${holder}/${index}/image` });

interface Case {
  readonly overriders: Readonly<Record<string, unknown>>;
  readonly override?: Partial<OverridePolicyObject>;
  readonly template?: Partial<TemplateFacts>;
  readonly policy?: Partial<PolicyFacts>;
  /** What is said of it, beginning with how bad it is; none: nothing. */
  readonly said?: RegExp;
}

const images = (...overriders: object[]): Case['overriders'] => ({ imageOverrider: overriders });
const DROPS = /^problem of 1 template an image overrider drops the digest/;
const UNPINS = /^problem of 1 template an overrider puts a tag in place/;
const MISSES = /^warning of 1 template an image overrider does not reach/;
const REWRITES = /^warning of 1 template a plaintext overrider/;

const CASES: Readonly<Record<string, Case>> = {
  'a registry overrider keeps repo@digest': { overriders: images(REGISTRY) },
  'a registry overrider drops the digest of repo:tag@digest': { overriders: images(REGISTRY), policy: { pinForm: 'TagAndDigest' }, said: DROPS },
  'a repository overrider does so too': { overriders: images({ component: 'Repository', operator: 'add', value: '-x' }), policy: { pinForm: 'TagAndDigest' }, said: DROPS },
  'an overrider that changes nothing does so too': { overriders: images({ component: 'Registry', operator: 'replace', value: 'ghcr.io' }), policy: { pinForm: 'TagAndDigest' }, said: DROPS },
  'a tag overrider un-pins repo@digest': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), said: UNPINS },
  'a tag overrider that removes does so too': { overriders: images({ component: 'Tag', operator: 'remove' }), said: UNPINS },
  'a tag overrider with a digest keeps one': { overriders: images({ component: 'Tag', operator: 'replace', value: DIGEST }) },
  'a tag overrider that appends cannot append to a digest': { overriders: images({ component: 'Tag', operator: 'add', value: '-r1' }) },
  'a tag overrider in the older form of an override policy counts': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), override: { resourceSelectors: [] }, said: UNPINS },
  'an image that is pinned already is looked at as it stands': { overriders: images(REGISTRY), template: { images: [image('containers', `ghcr.io/acme/api:1.4@${DIGEST}`)] }, said: DROPS },
  'an image without governance has no digest to lose': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), template: { images: [image('containers', 'docker.io/library/nginx:1')] } },
  'a policy of another namespace does not govern it': { overriders: images(REGISTRY), policy: { pinForm: 'TagAndDigest', namespace: 'other' } },
  'a policy that only audits pins nothing': { overriders: images(REGISTRY), policy: { pinForm: 'TagAndDigest', enforcement: 'Audit' } },
  'a policy that never pins has no digest to lose': { overriders: images(REGISTRY), policy: { pinForm: 'TagAndDigest', pinMode: 'Never' } },
  'an override of another namespace does not reach it': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), override: { namespace: 'other' } },
  'an override of the cluster does': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), override: { namespace: '', kind: 'ClusterOverridePolicy' }, said: UNPINS },
  'an override of another kind does not': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), override: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'StatefulSet' }] } },
  'an override by label reaches what has it': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), override: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', labelSelector: { matchLabels: { app: 'api' } } }] }, said: UNPINS },
  'an override by label leaves others alone': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2' }), override: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', labelSelector: { matchLabels: { app: 'web' } } }] } },
  'an init container is not reached': { overriders: images(REGISTRY), template: { images: [image('containers'), image('initContainers')] }, said: MISSES },
  'an init container that a predicate names is reached': { overriders: images({ ...REGISTRY, predicate: { path: '/spec/template/spec/initContainers/0/image' } }), template: { images: [image('initContainers')] } },
  'what a predicate names can be un-pinned too': { overriders: images({ component: 'Tag', operator: 'replace', value: 'v2', predicate: { path: '/spec/template/spec/initContainers/0/image' } }), template: { images: [image('initContainers')] }, said: UNPINS },
  'a CronJob is not reached': { overriders: images(REGISTRY), override: { resourceSelectors: [] }, template: { kind: 'CronJob', apiVersion: 'batch/v1' }, said: MISSES },
  'a plaintext overrider of an image': { overriders: { plaintext: [{ operator: 'replace', path: '/spec/template/spec/containers/0/image', value: 'x' }] }, said: REWRITES },
  'a plaintext overrider of all containers': { overriders: { plaintext: [{ operator: 'replace', path: '/spec/template/spec/containers', value: [] }] }, said: REWRITES },
  'a plaintext overrider of something else': { overriders: { plaintext: [{ operator: 'replace', path: '/spec/replicas', value: 3 }] } },
  'an image that nobody can read': { overriders: images(REGISTRY), template: { images: [image('containers', 'NO SUCH')] } },
  'a glob that is none, in a policy that is not Ready then': { overriders: images(REGISTRY), policy: { globs: ['a:b'] } },
};

describe('what override policies do to pinned images', () => {
  for (const [name, { overriders, said, ...change }] of Object.entries(CASES)) {
    test(name, () => {
      const found = complaints({
        policies: seen({ items: [policy(change.policy)], more: false }),
        karmada: karmada({
          overrides: seen({ items: [override(overriders, change.override)], more: false }),
          templates: seen({ items: [template(change.template)], more: false }),
        }),
      });
      const texts = found.map(({ result, what }) => `${result} ${what}`);
      if (said === undefined) assert.deepEqual(texts, []);
      else assert.ok(texts.length === 1 && said.test(texts[0] ?? ''), texts.join('\n'));
      assert.ok(found.every(({ objects, todo }) => objects?.[0]?.startsWith(`${change.template?.kind ?? 'Deployment'} web/api (`) && todo !== undefined));
    });
  }

  test('are told once for a template, however many images it has', () => {
    const [finding] = complaints({
      karmada: karmada({
        overrides: seen({ items: [override(images({ component: 'Tag', operator: 'replace', value: 'v2' }))], more: false }),
        templates: seen({ items: [template({ images: [image('containers'), image('containers', 'ghcr.io/acme/b:1', 1)] }), template({ name: 'b' })], more: false }),
      }),
    });
    assert.equal(finding?.count, 2);
  });

  test('are found soon, of a thousand overrides of the cluster over ten thousand templates', () => {
    const many = <Item>(count: number, make: (index: number) => Item): { items: Item[]; more: boolean } => ({ items: Array.from({ length: count }, (_, index) => make(index)), more: false });
    const started = process.cpuUsage();
    const found = complaints({
      policies: seen(many(1000, (index) => policy({ id: `p${index}`, namespace: `n${index}` }))),
      karmada: karmada({
        overrides: seen(many(1000, (index) => override(images({ component: 'Tag', operator: 'replace', value: 'v2' }), { namespace: '', kind: 'ClusterOverridePolicy', name: `o${index}`, resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: `t${index}` }] }))),
        templates: seen(many(10_000, (index) => template({ namespace: `n${index % 1000}`, name: `t${index % 3000}` }))),
      }),
    });
    assert.equal(found[0]?.count, 1000);
    assert.ok(process.cpuUsage(started).user < 5_000_000, `${process.cpuUsage(started).user}`);
  });

  test('that are too large to be looked into are told as unseen, and not as harmless', () => {
    const large = { rules: [], resourceSelectors: [], tooLarge: true } as const;
    const found = complaints({ karmada: karmada({ overrides: seen({ items: [override({}, large), override({})], more: false }), templates: seen({ items: [template()], more: false }) }) });
    assert.deepEqual(found.map(({ result, what, objects }) => [result, what, objects]), [['unseen', '1 override policy is larger than 64 KiB, which is not looked into', ['OverridePolicy web/mirror']]]);
  });

  test('of a part only are told as a part', () => {
    const [finding] = complaints({ karmada: karmada({ templates: seen({ items: [template()], more: true }) }) });
    assert.match(`${finding?.result} ${finding?.what}`, /^unseen only 0 override policies and 1 template were looked at/);
  });
});
