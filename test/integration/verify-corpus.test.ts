import assert from 'node:assert/strict';
import test from 'node:test';
import type { Ran } from '../support/corpus-run.ts';
import { bagOfWords, CORPORA, runCorpus } from '../support/corpus-run.ts';
import type { RegistryConditions } from '../support/replay-registry.ts';
import { skipWithoutReplay } from '../support/replay-registry.ts';

/** Where the words differ from cosign's, which are all that differs: kind of difference, and the cases. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  'Go’s %!w(<nil>) for "there is none"': ['a-keyless-bundle-rekor1/ts-required', 't-nots-a-keyless-bundle/fail', 'a-keyless-bundle/root-no-tsa'],
  'cosign would ask the public log, and could not reach it': ['t-noset-b-keyless-legacy/fail-online'],
};
const OTHERS = Object.values(OTHER_WORDS).flat();
const failed = (ran: readonly Ran[], isGood: (one: Ran) => boolean): readonly string[] => ran.filter((one) => !isGood(one)).map(({ id, code, stderr }) => `${id}: ${code} ${stderr}`);

const CONDITIONS: readonly (readonly [keyof typeof CORPORA, string, RegistryConditions])[] = [
  ['signatures', 'as it is', {}],
  ['signatures', 'without referrers, behind tokens and redirects', { referrers: 'unsupported', auth: true, 'redirect-blobs': true }],
  ['cosign-local', 'as it is', {}],
  ['cosign-local', 'without referrers', { referrers: 'unsupported' }],
  ['cosign-local', 'behind tokens', { auth: true }],
  ['cosign-local', 'with blobs elsewhere', { 'redirect-blobs': true }],
];
for (const [name, condition, conditions] of CONDITIONS) {
  const skip = skipWithoutReplay(name);
  test(`${name}, at a registry ${condition}: what cosign says of genuine and tampered images`, { skip, timeout: 300_000 }, async (t) => {
    const ran = await runCorpus(name, conditions);

    await t.test('every case is run', () => assert.equal(ran.length, CORPORA[name]));

    await t.test('nothing is accepted that cosign refuses', () => {
      assert.deepEqual(failed(ran, ({ code, row }) => code !== 0 || row.expect.exit === 0), []);
    });

    await t.test('everything is accepted that cosign accepts', () => {
      assert.deepEqual(failed(ran, ({ code, row }) => code === 0 || row.expect.exit !== 0), []);
    });

    await t.test('exit codes are those of cosign', () => {
      assert.deepEqual(failed(ran, ({ code, row, cosign }) => code === row.expect.exit && code === cosign.code), []);
    });

    await t.test('stdout is what cosign prints, byte for byte', () => {
      for (const { id, stdout, cosign } of ran) assert.equal(stdout, cosign.stdout, id);
    });

    await t.test('stderr is what cosign prints, word for word, but for a closed list and for notes on what the operator would say', () => {
      assert.deepEqual(failed(ran, ({ id, stderr, cosign }) => (bagOfWords(stderr) === bagOfWords(cosign.stderr)) !== OTHERS.includes(id)), []);
    });

    await t.test('stderr of a refused image has the sentence that people look for, and ends in cosign’s two lines, but for notes', () => {
      for (const { id, stderr, row } of ran.filter(({ code }) => code !== 0)) {
        assert.match(stderr, /(?:^|\n)Error: ([^]+)\nerror during command execution: \1\n(?:Note: .*\n)*$/, id);
        for (const part of row.expect.errorContains ?? []) assert.ok(stderr.includes(part), `${id}: ${stderr}`);
      }
    });

    await t.test('stderr of a verified image differs from cosign’s only in a note', () => {
      for (const { id, stderr, cosign } of ran.filter(({ code }) => code === 0)) assert.equal(stderr.replace(/^Note: .*\n/m, ''), cosign.stderr, id);
    });
  });
}
