import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TAGS_ANNOTATION } from '../../../src/api/annotations.ts';
import type { ImageOutcome } from '../../../src/controllers/outcome.ts';
import { type PinForm, type PinPlan, pinnedReference, pinsOf, planPins, readTags, rememberedRef } from '../../../src/controllers/pin-plan.ts';
import { D1, D2, failed, field, outcome, verdict, workload } from './builders.ts';

const plan = (object: ReturnType<typeof workload>, images: readonly ImageOutcome[], form: PinForm = 'Digest', reverts = 0): PinPlan => planPins(object, pinsOf(images, form), reverts);
const ANNOTATION_PATH = '/metadata/annotations/assay.dev~1tags';

test('one patch pins all containers, tests what it replaces, and remembers the tags', () => {
  const [one, two] = [field('app:1'), field('ghcr.io/acme/side:2', 1)];
  const object = workload([one, two]);
  const { patch } = plan(object, [outcome('app:1', { field: one }), outcome('', { field: two, digest: D2, pinned: false })], 'Digest');
  assert.deepEqual(patch, [
    { op: 'test', path: '/metadata/uid', value: 'u1' },
    { op: 'test', path: one.namePointer, value: 'c0' },
    { op: 'test', path: one.pointer, value: 'app:1' },
    { op: 'replace', path: one.pointer, value: `docker.io/library/app@${D1}` },
    { op: 'test', path: two.namePointer, value: 'c1' },
    { op: 'test', path: two.pointer, value: 'ghcr.io/acme/side:2' },
    { op: 'replace', path: two.pointer, value: `ghcr.io/acme/side@${D2}` },
    { op: 'add', path: ANNOTATION_PATH, value: JSON.stringify({ c0: { ref: 'app:1', digest: D1 }, c1: { ref: 'ghcr.io/acme/side:2', digest: D2 } }) },
  ]);
});

const nothing: Record<string, readonly ImageOutcome[]> = {
  'what is pinned already is not written again': [outcome(`app@${D1}`)],
  'a failing neighbour keeps everything from being pinned': [outcome('app'), outcome('bad', { verdicts: [failed()] })],
  'an unknown neighbour keeps everything from being pinned': [outcome('app'), outcome('x', { verdicts: [failed({ result: 'Unknown' })] })],
  'an image without a verdict of "verified" is not pinned': [outcome('app', { verdicts: [verdict({ result: 'Static', reason: 'StaticPass' })] })],
  'an image that nobody governs is not pinned': [outcome('app', { verdicts: [] })],
};
for (const [sentence, images] of Object.entries(nothing)) {
  test(sentence, () => assert.deepEqual(pinsOf(images, 'Digest'), []));
}

test('an ungoverned neighbour does not block, and is left alone', () => {
  const [one, two] = [field('app'), field('free:1', 1)];
  const { pins } = plan(workload([one, two]), [outcome('app', { field: one }), outcome('free:1', { field: two, verdicts: [] })], 'Digest');
  assert.deepEqual(pins.map(({ to }) => to), [`docker.io/library/app@${D1}`]);
});

test('an object without annotations gets the map only if there is still none', () => {
  const one = field('app');
  const { patch } = plan(workload([one], { hasAnnotations: false }), [outcome('app', { field: one })], 'Digest');
  const value = { [TAGS_ANNOTATION]: JSON.stringify({ c0: { ref: 'app', digest: D1 } }) };
  assert.deepEqual(patch.slice(-2), [{ op: 'test', path: '/metadata/annotations', value: null }, { op: 'add', path: '/metadata/annotations', value }]);
});

test('what is remembered of fields that still hold their digest is kept, of others it is dropped', () => {
  const [one, two, three] = [field('app:2'), field(`side@${D2}`, 1), field('gone:1', 2)];
  const tags = JSON.stringify({ c0: { ref: 'app:1', digest: D2 }, c1: { ref: 'side:9', digest: D2 }, c2: { ref: 'gone:0', digest: D1 } });
  const images = [outcome('app:2', { field: one }), outcome('', { field: two, digest: D2, pinned: true }), outcome('gone:1', { field: three, verdicts: [] })];
  const { patch } = plan(workload([one, two, three], { tags }), images, 'Digest');
  const [test, written] = patch.slice(-2);
  assert.deepEqual(test, { op: 'test', path: ANNOTATION_PATH, value: tags });
  assert.deepEqual(JSON.parse((written as { value: string }).value), { c0: { ref: 'app:2', digest: D1 }, c1: { ref: 'side:9', digest: D2 } });
});

test('how often the reference came back is written with the pin, and read again', () => {
  const { patch } = plan(workload([field('app:1')]), [outcome('app:1')], 'Digest', 2);
  const [written] = patch.slice(-1) as { value: string }[];
  assert.deepEqual(readTags(written?.value), { c0: { ref: 'app:1', digest: D1, reverts: 2 } });
});

const references: Record<string, { image: string; form: 'Digest' | 'TagAndDigest'; to: string }> = {
  'a short name becomes the canonical one that was verified': { image: 'nginx', form: 'Digest', to: `docker.io/library/nginx@${D1}` },
  'the tag goes with form Digest': { image: '127.0.0.1:5000/a/b:v1', form: 'Digest', to: `127.0.0.1:5000/a/b@${D1}` },
  'the tag stays with form TagAndDigest': { image: 'ghcr.io/a/b:v1', form: 'TagAndDigest', to: `ghcr.io/a/b:v1@${D1}` },
  'no tag is latest, and said so': { image: 'ghcr.io/a/b', form: 'TagAndDigest', to: `ghcr.io/a/b:latest@${D1}` },
};
for (const [sentence, { image, form, to }] of Object.entries(references)) {
  test(sentence, () => assert.equal(pinnedReference(image, D1, form), to));
}

test('a count of reverts that is none does not count', () => {
  for (const reverts of [-1, 0, 1.5, 1e9, '3', null]) {
    assert.deepEqual(readTags(JSON.stringify({ c0: { ref: 'app:1', digest: D1, reverts } })), { c0: { ref: 'app:1', digest: D1 } });
  }
});

const unreadable: Record<string, string | undefined> = {
  'no annotation': undefined,
  'no JSON': '{',
  'a list': '[]',
  'null': 'null',
  'an entry without digest': '{"c0":{"ref":"a"}}',
  'a digest that is none': '{"c0":{"ref":"a","digest":"sha256:1"}}',
  'an annotation beyond the bound': JSON.stringify({ c0: { ref: 'x'.repeat(70_000), digest: D1 } }),
};
for (const [what, text] of Object.entries(unreadable)) {
  test(`${what} counts as nothing remembered`, () => assert.deepEqual(readTags(text), {}));
}

const remembered: Record<string, { image: string; tags: unknown; ref: string | undefined }> = {
  'the remembered tag counts while the field holds its digest': { image: `ghcr.io/a/b@${D1}`, tags: { c0: { ref: 'ghcr.io/a/b:1', digest: D1 } }, ref: 'ghcr.io/a/b:1' },
  'a field with another digest has no remembered tag': { image: `ghcr.io/a/b@${D2}`, tags: { c0: { ref: 'ghcr.io/a/b:1', digest: D1 } }, ref: undefined },
  'a remembered tag of another repository does not count': { image: `ghcr.io/a/b@${D1}`, tags: { c0: { ref: 'ghcr.io/evil/b:1', digest: D1 } }, ref: undefined },
  'a container whose name is one of JavaScript’s own has nothing remembered by itself': { image: `ghcr.io/a/b@${D1}`, tags: {}, ref: undefined },
  'a remembered reference that does not parse does not count': { image: `ghcr.io/a/b@${D1}`, tags: { c0: { ref: '::', digest: D1 } }, ref: undefined },
};
for (const [sentence, { image, tags, ref }] of Object.entries(remembered)) {
  test(sentence, () => assert.equal(rememberedRef(workload([field(image)], { tags: JSON.stringify(tags) }), field(image)), ref));
}

test('a field that stands alone has no name to be tested', () => {
  const alone = field('app:1', 0, { pointer: '/spec/image', namePointer: '/spec/image', name: '/spec/image', key: '/spec/image' });
  const { patch } = plan(workload([alone]), [outcome('app:1', { field: alone })]);
  assert.deepEqual(patch.slice(1, 3), [{ op: 'test', path: '/spec/image', value: 'app:1' }, { op: 'replace', path: '/spec/image', value: `docker.io/library/app@${D1}` }]);
});

test('containers of one name in several pod specs are remembered apart', () => {
  const places = ['/spec/tasks/0/image', '/spec/tasks/1/image'];
  const [one, two] = places.map((pointer, index) => field(`app:${index}`, 0, { pointer, namePointer: pointer.replace('image', 'name'), key: pointer }));
  assert.ok(one !== undefined && two !== undefined);
  const object = workload([one, two]);
  const { patch } = plan(object, [outcome('app:0', { field: one }), outcome('app:1', { field: two, digest: D2, pinned: false })]);
  const tags = (patch.at(-1) as { value: string }).value;
  assert.deepEqual(JSON.parse(tags), { [places[0] ?? '']: { ref: 'app:0', digest: D1 }, [places[1] ?? '']: { ref: 'app:1', digest: D2 } });
  const pinned = { ...one, image: `docker.io/library/app@${D1}` };
  assert.equal(rememberedRef(workload([pinned, two], { tags }), pinned), 'app:0');
});
