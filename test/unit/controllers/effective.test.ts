import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Deviation, type Effective, effectiveOf, MAX_DEVIATIONS, type Rendering } from '../../../src/controllers/effective.ts';
import type { WorkloadRecord } from '../../../src/controllers/ledger.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import { D1, field, outcome, record, workload } from './builders.ts';
import { rendering } from './karmada-builders.ts';

const PINNED = `ghcr.io/acme/app@${D1}`;
const MIRRORED = `mirror.example/acme/app@${D1}`;
const own = (override: Partial<WorkloadObject> = {}): WorkloadObject => workload([field(PINNED)], { generation: 1, ...override });
const deviant = (image: string, clusters: readonly string[], dropped: { readonly dropped?: true } = {}): WorkloadRecord =>
  record([outcome(PINNED)], { clusters: ['a', 'b'], effective: [{ ...outcome(image), clusters, own: PINNED, ...dropped }] });

const look = (renderings: readonly Rendering[], template = own(), before?: WorkloadRecord, patient = true): Effective => effectiveOf(template, renderings, { before, patient });
const told = ({ deviations }: Effective): string[] => deviations.map(({ field: { image }, clusters, dropped }: Deviation) => `${image} in ${clusters.join(',')}${dropped ? ' dropped' : ''}`);

test('what clusters run as the template has it is only counted, whatever the order of its Works', () => {
  const found = look([rendering('b', [field(PINNED)]), rendering('a', [field(PINNED)])]);
  assert.deepEqual([found.clusters, found.deviations, found.rendering, found.same.size], [['a', 'b'], [], false, 0]);
});

test('what hundreds of clusters are told in the same words is compared once', () => {
  let read = 0;
  const counted = { ...field(PINNED) };
  Object.defineProperty(counted, 'image', { get: () => ((read += 1), PINNED) });
  const images = [counted];
  const labels = { app: 'web' };
  const cost = (clusters: number): number => {
    read = 0;
    const found = look(Array.from({ length: clusters }, (_, index) => rendering(`c${index}`, images, { labels })), own({ labels: { app: 'web' } }));
    assert.deepEqual([found.clusters.length, found.deviations, found.same.size], [clusters, [], 0]);
    return read;
  };
  assert.equal(cost(300), cost(1));
});

test('labels that an override writes are read once for a manifest, however many images it has', () => {
  let read = 0;
  const labels = Object.defineProperty({ app: 'web' }, 'long', { enumerable: true, get: () => ((read += 1), 'x') });
  const cost = (images: number): number => {
    read = 0;
    const fields = Array.from({ length: images }, (_, index) => field(`app:${index}`, index));
    assert.equal(look([rendering('a', fields, { labels })], workload(fields, { generation: 1, labels: { app: 'web' } })).deviations.length, images);
    return read;
  };
  assert.equal(cost(256), cost(1));
});

test('what hundreds of clusters are told in the same words instead of the template is held against it once', () => {
  let read = 0;
  const images = Array.from({ length: 20 }, (_, index) => Object.defineProperty({ ...field(`mirror.example/app${index}`, index) }, 'name', { enumerable: true, get: () => ((read += 1), `c${index}`) }));
  const template = workload(images.map((_, index) => field(`ghcr.io/acme/app${index}`, index)), { generation: 1 });
  const cost = (clusters: number): number => {
    read = 0;
    assert.equal(look(Array.from({ length: clusters }, (_, index) => rendering(`c${index}`, images)), template).deviations.length, images.length);
    return read;
  };
  assert.equal(cost(300), cost(1));
});

test('of different images beyond the bound nothing is read but which they are', () => {
  let read = 0;
  const told = (text: string, at: number): ReturnType<typeof field> => Object.defineProperty({ ...field(text, at) }, 'image', { enumerable: true, get: () => ((read += 1), text) });
  const template = workload(Array.from({ length: 50 }, (_, at) => field(`ghcr.io/acme/app${at}@${D1}`, at)), { generation: 1 });
  const works = Array.from({ length: 100 }, (_, cluster) => rendering(`c${cluster}`, Array.from({ length: 50 }, (_, at) => told(`mirror.example/c${cluster}/app${at}`, at))));
  const { deviations } = look(works, template);
  assert.deepEqual([deviations.length, deviations.at(-1)?.field.omitted], [MAX_DEVIATIONS + 1, 5000 - MAX_DEVIATIONS]);
  // Whether it is the template's, and which of the others it is; of those that are kept whether they have a digest.
  assert.ok(read <= 2 * 5000 + 2 * MAX_DEVIATIONS, `${read} reads`);
});

const cases: Record<string, { works: readonly Rendering[]; template?: WorkloadObject; before?: WorkloadRecord; patient?: boolean; says: string[]; rendering?: boolean }> = {
  'an image that some clusters run instead is named once, with the clusters': {
    works: [rendering('b', [field(MIRRORED)]), rendering('c', [field(PINNED)]), rendering('a', [field(MIRRORED)])],
    says: [`${MIRRORED} in a,b`],
  },
  'a digest that an override took away is dropped in that cluster alone': {
    works: [rendering('a', [field('mirror.example/acme/app:1')]), rendering('b', [field(PINNED)])],
    says: ['mirror.example/acme/app:1 in a dropped'],
  },
  'another digest is none that was dropped': { works: [rendering('a', [field(`ghcr.io/acme/app@sha256:${'9'.repeat(64)}`)])], says: [`ghcr.io/acme/app@sha256:${'9'.repeat(64)} in a`] },
  'a tag where the template has a tag drops nothing': {
    template: workload([field('ghcr.io/acme/app:1')], { generation: 1 }),
    works: [rendering('a', [field('mirror.example/acme/app:1')])],
    says: ['mirror.example/acme/app:1 in a'],
  },
  'a Work that is being deleted says nothing any more': { works: [rendering('a', [field(MIRRORED)], { deleting: true })], says: [] },
  'a Work of the template as it was is the past while Karmada renders': { template: own({ generation: 2 }), works: [rendering('a', [field('ghcr.io/acme/app:1')])], says: [], rendering: true },
  'and what runs when it does not come on, without being called a drop': { template: own({ generation: 2 }), works: [rendering('a', [field('ghcr.io/acme/app:1')])], patient: false, says: ['ghcr.io/acme/app:1 in a'] },
  'a Work ahead of the cache is waited for, too': { works: [rendering('a', [field('ghcr.io/acme/app:2')], { generation: 2 })], says: [], rendering: true },
  'so is a Work of another object of the same name': { works: [rendering('a', [field('ghcr.io/acme/app:0')], { templateUid: 'u0' })], says: [], rendering: true },
  'a cluster that is being left runs what its old Work says': { template: own({ generation: 2 }), works: [rendering('a', [field('ghcr.io/acme/app:1')], {}, true)], says: ['ghcr.io/acme/app:1 in a'] },
  'an override that stood before a scaling goes on standing while Karmada renders': {
    template: own({ generation: 2 }),
    works: [rendering('a', [field(MIRRORED)])],
    before: deviant(MIRRORED, ['a']),
    says: [`${MIRRORED} in a`],
  },
  'and a digest that it dropped stays dropped': {
    template: own({ generation: 2 }),
    works: [rendering('a', [field('mirror.example/acme/app:1')]), rendering('b', [field('mirror.example/acme/app:1')], { generation: 2 })],
    before: deviant('mirror.example/acme/app:1', ['a', 'b'], { dropped: true }),
    says: ['mirror.example/acme/app:1 in a,b dropped'],
  },
  'but not after the template got another image': {
    template: workload([field(`ghcr.io/acme/app@sha256:${'2'.repeat(64)}`)], { generation: 2 }),
    works: [rendering('a', [field(MIRRORED)])],
    before: deviant(MIRRORED, ['a']),
    says: [],
    rendering: true,
  },
  'nor in another cluster': { template: own({ generation: 2 }), works: [rendering('b', [field(MIRRORED)])], before: deviant(MIRRORED, ['a']), says: [], rendering: true },
  'without generations nothing is waited for': { template: own(), works: [rendering('a', [field(MIRRORED)], { generation: 0, templateUid: 'u1' })].map(({ work: { generation: _, ...rest }, leaving }) => ({ work: rest, leaving })), says: [`${MIRRORED} in a`] },
  'a container that an override puts first changes nothing about the others': {
    works: [rendering('a', [field('side:1', 0, { name: 'side' }), field(PINNED, 1, { name: 'c0' })])],
    says: ['side:1 in a'],
  },
  'labels of a manifest that differ are told with an image that does not': {
    works: [rendering('a', [field(PINNED)], { labels: { tier: 'prod' } }), rendering('b', [field(PINNED)])],
    says: [`${PINNED} in a`],
  },
  "Karmada's own labels are no difference": {
    template: own({ labels: { app: 'x', 'propagationpolicy.karmada.io/permanent-id': 'p1' } }),
    works: [rendering('a', [field(PINNED)], { labels: { app: 'x' } })],
    says: [],
  },
};
for (const [sentence, { works, template, before, patient, says, rendering: waits = false }] of Object.entries(cases)) {
  test(sentence, () => {
    const found = look(works, template, before, patient);
    assert.deepEqual([told(found), found.rendering], [says, waits]);
  });
}

test('an image of the template counts where it runs, not where something else does or where it was taken out', () => {
  const template = workload([field(PINNED), field('side:1', 1)], { generation: 1 });
  const found = look([rendering('a', [field(MIRRORED), field('side:1', 1)]), rendering('b', [field(PINNED)]), rendering('c', [field(PINNED), field('side:1', 1)])], template);
  assert.deepEqual([...found.same], [['/spec/template/spec/containers/0/image', ['b', 'c']], ['/spec/template/spec/containers/1/image', ['a', 'c']]]);
});

test('of more different images than are looked at the rest is one that nobody can vouch for', () => {
  const works = Array.from({ length: MAX_DEVIATIONS + 2 }, (_, at) => rendering(`m${at}`, [field(`mirror${at}.example/app:1`)]));
  const { deviations } = look(works);
  assert.equal(deviations.length, MAX_DEVIATIONS + 1);
  assert.deepEqual([deviations.at(-1)?.field.omitted, deviations.at(-1)?.clusters.length], [2, 2]);
});
