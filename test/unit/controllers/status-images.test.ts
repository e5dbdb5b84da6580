import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, policyId, type WorkloadRecord } from '../../../src/controllers/ledger.ts';
import type { ImageOutcome } from '../../../src/controllers/outcome.ts';
import { imageRows, type ImageRow, type SummaryStatus, summaryOf, timesAreOld } from '../../../src/controllers/status-images.ts';
import { D1, D2, failed, field, NOW, OTHER, outcome, POLICY, record, verdict } from './builders.ts';

const unknown = verdict({ result: 'Unknown', reason: 'RegistryUnavailable', message: 'away' });
const excluded = verdict({ result: 'Excluded', reason: 'Excluded', message: 'excluded by the policy: old' });
const fixed = verdict({ result: 'Static', reason: 'StaticPass', message: 'checked elsewhere' });

function statusOf(...records: readonly WorkloadRecord[]): { rows: ImageRow[]; omitted: number; summary: SummaryStatus } {
  const ledger = new Ledger();
  for (const one of records) ledger.record(one);
  const picture = ledger.picture(policyId(POLICY));
  return { ...imageRows(picture), summary: summaryOf(picture) };
}

const one = (...images: readonly ImageOutcome[]): ImageRow[] => statusOf(record(images)).rows;

test('a row says what api.md lists', () => {
  const signer = { kind: 'certificate', issuer: 'https://issuer', subject: 'release', claims: {}, certificate: D2 } as const;
  const verdicts = [verdict({ authority: 'ci', signer, signedAt: NOW - 1500, verifiedAt: NOW + 1500 }), failed({ policy: OTHER })];
  assert.deepEqual(one(outcome('app', { verdicts })), [{
    image: 'docker.io/library/app:latest',
    digest: D1,
    result: 'Verified',
    reason: 'SignatureValid',
    message: 'signed by release',
    authority: 'ci',
    signer: { issuer: 'https://issuer', subject: 'release' },
    signedAt: '2026-11-22T11:59:58Z',
    lastVerifiedTime: '2026-11-22T12:00:01Z',
    workloads: { count: 1, examples: ['web/api'] },
  }]);
});

test('of a key, its id is told', () => {
  assert.deepEqual(one(outcome('app', { verdicts: [verdict({ signer: { kind: 'key', keyId: D2 } })] }))[0]?.signer, { keyId: D2 });
});

const names: Record<string, { image: ImageOutcome; shown: string }> = {
  'a short name is shown in canonical form': { image: outcome('nginx:1'), shown: 'docker.io/library/nginx:1' },
  'a pinned image is shown by what it was pinned from': { image: outcome(`ghcr.io/acme/app@${D1}`, { tag: 'ghcr.io/acme/app:1' }), shown: 'ghcr.io/acme/app:1' },
  'a digest that nobody pinned is shown as it is': { image: outcome(`ghcr.io/acme/app@${D1}`), shown: `ghcr.io/acme/app@${D1}` },
  'tag and digest are both shown': { image: outcome(`ghcr.io/acme/app:1@${D1}`), shown: `ghcr.io/acme/app:1@${D1}` },
  'a text that does not parse is shown as it is': { image: outcome('https://ghcr.io/app', { pinned: false }), shown: 'https://ghcr.io/app' },
};
for (const [sentence, { image, shown }] of Object.entries(names)) {
  test(sentence, () => assert.equal(one(image)[0]?.image, shown));
}

test('one image in several workloads and several spellings is one row, with the names of the first five in order', () => {
  const all = ['z', 'b', 'c', 'a', 'e', 'd', 'f'].map((name, at) => record([outcome(at % 2 === 0 ? 'nginx:1' : 'docker.io/library/nginx:1')], { name }));
  const { rows } = statusOf(...all, record([outcome('nginx:1')], { kind: 'CronJob', name: 'a' }));
  assert.deepEqual(rows.map(({ workloads }) => workloads), [{ count: 8, examples: ['web/a', 'web/b', 'web/c', 'web/d', 'web/e'] }]);
});

test('another digest, another result and another reason are rows of their own', () => {
  const images = [outcome('app'), outcome('app', { digest: D2 }), outcome('app', { verdicts: [failed()] }), outcome('app', { verdicts: [failed({ reason: 'KeyMismatch' })] })];
  assert.equal(statusOf(...images.map((image, at) => record([image], { name: `w${at}` }))).rows.length, 4);
});

test('what other policies say is not told', () => {
  assert.deepEqual(one(outcome('app', { verdicts: [failed({ policy: OTHER })] })), []);
});

test('failures come first, then what is not known, static answers, the verified and the excluded; then by name', () => {
  const images = [excluded, verdict(), fixed, unknown, failed()].flatMap((said, at) =>
    ['b', 'a'].map((name, second) => outcome(`${name}:1`, { field: field(`${name}:1`, at * 2 + second), verdicts: [said] })));
  assert.deepEqual(one(...images).map(({ result, image }) => `${result} ${image.slice(-3)}`),
    ['Failed', 'Unknown', 'Static', 'Verified', 'Excluded'].flatMap((result) => [`${result} a:1`, `${result} b:1`]));
});

test('a hundred rows at most, the rest is counted, and no failure is among it', () => {
  const images = Array.from({ length: 130 }, (_, at) => outcome(`app:${at}`, { field: field(`app:${at}`, at), verdicts: [at >= 120 ? failed() : verdict()] }));
  const { rows, omitted, summary } = statusOf(record(images));
  assert.equal(rows.length, 100);
  assert.equal(omitted, 30);
  assert.equal(rows.filter(({ result }) => result === 'Failed').length, 10);
  assert.deepEqual([summary.images, summary.failed, summary.ratio], [130, 10, '120/130']);
});

test('every text is cut to what the API allows, and never within a character', () => {
  const long = '😀'.repeat(5000);
  const signer = { kind: 'certificate', issuer: long, subject: long, claims: {}, certificate: D2 } as const;
  const [row] = one(outcome('x'.repeat(5000), { verdicts: [verdict({ message: `a${long}`, authority: long, signer })] }));
  const texts: Record<string, [string | undefined, number]> = {
    image: [row?.image, 1024], message: [row?.message, 512], authority: [row?.authority, 1100], issuer: [row?.signer?.issuer, 1024], subject: [row?.signer?.subject, 2048],
  };
  for (const [what, [text = '', limit]] of Object.entries(texts)) {
    assert.equal(text.length, limit, what);
    assert.ok(text.isWellFormed(), what);
  }
});

test('which of its workloads speaks for a row does not depend on which was judged last', () => {
  const [first, second] = ['a', 'b'].map((name) => record([outcome('app', { verdicts: [verdict({ message: `as ${name} found it` })] })], { name }));
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(statusOf(first, second), statusOf(second, first));
  assert.equal(statusOf(second, first).rows[0]?.message, 'as a found it');
});

test('the news that a tag moved is told before the rest, by whichever workload has it', () => {
  const moved = { digest: D2, message: 'app:1 points elsewhere by now.' };
  const [row] = statusOf(record([outcome('app')], { name: 'a' }), record([outcome('app', { moved })], { name: 'b' })).rows;
  assert.equal(row?.message, 'app:1 points elsewhere by now. signed by release');
});

test('the time of a row is that of the last judgement of any of its workloads', () => {
  const at = (name: string, verifiedAt: number): WorkloadRecord => record([outcome('app', { verdicts: [verdict({ verifiedAt })] })], { name });
  assert.equal(statusOf(at('a', NOW), at('b', NOW + 60_000), at('c', NOW - 1)).rows[0]?.lastVerifiedTime, '2026-11-22T12:01:00Z');
});

const summaries: Record<string, { records: WorkloadRecord[]; summary: Partial<SummaryStatus> }> = {
  'nothing governed is 0/0': { records: [], summary: { workloads: 0, images: 0, ratio: '0/0', pinned: 0 } },
  'excluded images count in neither part of the ratio': { records: [record([outcome('a'), outcome('b', { field: field('b', 1), verdicts: [excluded] })])], summary: { images: 2, verified: 1, excluded: 1, ratio: '1/1' } },
  'a static answer is never verified': { records: [record([outcome('a', { verdicts: [fixed] })])], summary: { images: 1, verified: 0, ratio: '0/1' } },
  'a workload is pinned when all that is to be verified in it is, by digest': { records: [record([outcome(`a@${D1}`), outcome('b', { field: field('b', 1), verdicts: [excluded] })])], summary: { pinned: 1 } },
  'a workload with one image by tag is not pinned': { records: [record([outcome(`a@${D1}`), outcome('b', { field: field('b', 1) })])], summary: { pinned: 0 } },
  'a digest that failed is not pinned': { records: [record([outcome(`a@${D1}`, { verdicts: [failed()] })])], summary: { pinned: 0, failed: 1 } },
  'a workload of excluded images alone is not pinned': { records: [record([outcome(`a@${D1}`, { verdicts: [excluded] })])], summary: { pinned: 0, workloads: 1 } },
  'images of other policies in the workload do not matter': { records: [record([outcome(`a@${D1}`), outcome('b', { field: field('b', 1), verdicts: [failed({ policy: OTHER })] })])], summary: { pinned: 1, images: 1 } },
};
for (const [sentence, { records, summary }] of Object.entries(summaries)) {
  test(sentence, () => {
    const found = statusOf(...records).summary;
    assert.deepEqual({ ...found, ...summary }, found);
  });
}

const times: Record<string, { before: string[]; after: string[]; old: boolean }> = {
  'judged again with the same outcome is no news': { before: ['2026-11-22T12:00:00Z'], after: ['2026-11-22T12:59:59Z'], old: false },
  'an hour later it is': { before: ['2026-11-22T12:00:00Z'], after: ['2026-11-22T13:00:00Z'], old: true },
  'a time that nobody can read is replaced': { before: ['yesterday'], after: ['2026-11-22T13:00:00Z'], old: true },
  'of many, one is enough': { before: ['2026-11-22T12:00:00Z', '2026-11-22T12:00:00Z'], after: ['2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z'], old: true },
};
for (const [sentence, { before, after, old }] of Object.entries(times)) {
  const rows = (values: string[]): { lastVerifiedTime: string }[] => values.map((lastVerifiedTime) => ({ lastVerifiedTime }));
  test(sentence, () => assert.equal(timesAreOld(rows(before), rows(after)), old));
}

for (const letter of ['€', '"', 'a']) {
  test(`rows as long as they can be, of ${letter}, leave room in the object, and what did not fit is counted`, () => {
    const [long, signer] = [letter.repeat(4096), { kind: 'certificate', issuer: letter.repeat(4096), subject: letter.repeat(4096), claims: {}, certificate: D2 } as const];
    const images = Array.from({ length: 100 }, (_, at) => outcome(`ghcr.io/${'a'.repeat(200)}/x${at}`, { verdicts: [verdict({ message: long, authority: long, signer })] }));
    const { rows, omitted } = statusOf(...images.map((image, at) => record([image], { name: `n${at}` })));
    const size = Buffer.byteLength(JSON.stringify(rows));
    assert.ok(size <= 550_000 && size > 400_000, `${rows.length} rows of ${size} bytes`);
    assert.equal(rows.length + omitted, 100);
  });
}
