import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TAGS_ANNOTATION } from '../../../src/api/annotations.ts';
import { pinnedReference, planPins, readTags, rememberedRef } from '../../../src/controllers/pin-plan.ts';
import { D1, D2, failed, field, outcome, verdict, workload } from './builders.ts';

const ANNOTATION_PATH = '/metadata/annotations/assay.dev~1tags';

test('one patch pins all containers, tests what it replaces, and remembers the tags', () => {
  const [one, two] = [field('app:1'), field('ghcr.io/acme/side:2', 1)];
  const object = workload([one, two]);
  const plan = planPins(object, [outcome('app:1', { field: one }), outcome('', { field: two, digest: D2, pinned: false })], 'Digest');
  assert.deepEqual(plan?.patch, [
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

const nothing: Record<string, Parameters<typeof planPins>> = {
  'what is pinned already is not written again': [workload([field(`app@${D1}`)]), [outcome(`app@${D1}`)], 'Digest'],
  'a failing neighbour keeps everything from being pinned': [workload([field('app'), field('bad', 1)]), [outcome('app'), outcome('bad', { verdicts: [failed()] })], 'Digest'],
  'an unknown neighbour keeps everything from being pinned': [workload([]), [outcome('app'), outcome('x', { verdicts: [failed({ result: 'Unknown' })] })], 'Digest'],
  'an image without a verdict of "verified" is not pinned': [workload([]), [outcome('app', { verdicts: [verdict({ result: 'Static', reason: 'StaticPass' })] })], 'Digest'],
  'an image that nobody governs is not pinned': [workload([]), [outcome('app', { verdicts: [] })], 'Digest'],
};
for (const [sentence, args] of Object.entries(nothing)) {
  test(sentence, () => assert.equal(planPins(...args), undefined));
}

test('an ungoverned neighbour does not block, and is left alone', () => {
  const [one, two] = [field('app'), field('free:1', 1)];
  const plan = planPins(workload([one, two]), [outcome('app', { field: one }), outcome('free:1', { field: two, verdicts: [] })], 'Digest');
  assert.deepEqual(plan?.pins.map(({ to }) => to), [`docker.io/library/app@${D1}`]);
});

test('an object without annotations gets the map only if there is still none', () => {
  const one = field('app');
  const plan = planPins(workload([one], { hasAnnotations: false }), [outcome('app', { field: one })], 'Digest');
  const value = { [TAGS_ANNOTATION]: JSON.stringify({ c0: { ref: 'app', digest: D1 } }) };
  assert.deepEqual(plan?.patch.slice(-2), [{ op: 'test', path: '/metadata/annotations', value: null }, { op: 'add', path: '/metadata/annotations', value }]);
});

test('what is remembered of fields that still hold their digest is kept, of others it is dropped', () => {
  const [one, two, three] = [field('app:2'), field(`side@${D2}`, 1), field('gone:1', 2)];
  const tags = JSON.stringify({ c0: { ref: 'app:1', digest: D2 }, c1: { ref: 'side:9', digest: D2 }, c2: { ref: 'gone:0', digest: D1 } });
  const images = [outcome('app:2', { field: one }), outcome('', { field: two, digest: D2, pinned: true }), outcome('gone:1', { field: three, verdicts: [] })];
  const plan = planPins(workload([one, two, three], { tags }), images, 'Digest');
  const [test, written] = (plan?.patch ?? []).slice(-2);
  assert.deepEqual(test, { op: 'test', path: ANNOTATION_PATH, value: tags });
  assert.deepEqual(JSON.parse((written as { value: string }).value), { c0: { ref: 'app:2', digest: D1 }, c1: { ref: 'side:9', digest: D2 } });
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
  'a remembered reference that does not parse does not count': { image: `ghcr.io/a/b@${D1}`, tags: { c0: { ref: '::', digest: D1 } }, ref: undefined },
};
for (const [sentence, { image, tags, ref }] of Object.entries(remembered)) {
  test(sentence, () => assert.equal(rememberedRef(workload([field(image)], { tags: JSON.stringify(tags) }), field(image)), ref));
}
