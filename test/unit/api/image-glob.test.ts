import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { compileExclusionPattern, compileGlob, ImageGlobError, matchesGlob } from '../../../src/api/image-glob.ts';
import { ImageReferenceError, parseImageReference } from '../../../src/api/image-reference.ts';
import { corpusRows, skipWithoutCorpus } from '../../support/corpus.ts';

const MATCHES: Record<string, [string, string, boolean]> = {
  'a glob without a registry is read as an image without one is': ['nginx', 'docker.io/library/nginx', true],
  'a user glob without a registry means docker.io': ['acme/*', 'docker.io/acme/web', true],
  'a glob without a registry means no other one': ['acme/*', 'ghcr.io/acme/web', false],
  'both ends are anchored, start': ['ghcr.io/foo', 'prefix-ghcr.io/foo', false],
  'both ends are anchored, end': ['ghcr.io/foo', 'ghcr.io/foo-suffix', false],
  '* stays within one segment': ['ghcr.io/acme/*', 'ghcr.io/acme/a/b', false],
  '* may be a piece of a segment': ['ghcr.io/acme/web-*-x', 'ghcr.io/acme/web-1-x', true],
  '* may match nothing': ['ghcr.io/acme/web*', 'ghcr.io/acme/web', true],
  '** matches several segments': ['ghcr.io/**', 'ghcr.io/a/b/c', true],
  '** matches in the middle': ['ghcr.io/**/web', 'ghcr.io/a/b/web', true],
  '** in the middle matches none too': ['ghcr.io/**/web', 'ghcr.io/web', true],
  '** at the end matches none too': ['ghcr.io/acme/**', 'ghcr.io/acme', true],
  '** matches no part of a segment': ['ghcr.io/acme/**', 'ghcr.io/acmecorp/web', false],
  '** alone is every image': ['**', 'localhost:5000/x', true],
  '** first is any registry': ['**/acme/web', 'quay.io/acme/web', true],
  '* first is no registry': ['*/web', 'docker.io/acme/web', true],
  '* first does not reach another registry': ['*/web', 'quay.io/web', false],
  'a host may have a wildcard': ['*.gcr.io/**', 'eu.gcr.io/p/i', true],
  'a wildcard of a host does not reach another domain': ['*.gcr.io/**', 'gcr.io.evil.example/p/i', false],
  'the host of a glob is made canonical': ['INDEX.docker.io:443/nginx', 'docker.io/library/nginx', true],
  'docker.io with one * is the official images': ['docker.io/*', 'docker.io/library/nginx', true],
  'docker.io with ** is all of it': ['docker.io/**', 'docker.io/karmada/karmada-webhook', true],
  'a port is part of the host': ['localhost:5000/**', 'localhost:5001/web', false],
  'a dot is a dot': ['ghcr.io/a.b', 'ghcr.io/axb', false],
};

for (const [sentence, [glob, name, expected]] of Object.entries(MATCHES)) {
  test(sentence, () => assert.equal(matchesGlob(compileGlob(glob), name), expected));
}

const BAD: Record<string, [string, string, RegExp]> = {
  'an empty glob': ['', 'Empty', /ghcr\.io\/acme/],
  'a tag': ['ghcr.io/acme/web:1.4', 'HasTag', /without :1\.4/],
  'a tag that is a wildcard': ['ghcr.io/acme/web:*', 'HasTag', /without :\*/],
  'a tag on a short name': ['nginx:1.25', 'HasTag', /without :1\.25/],
  'a digest': [`ghcr.io/acme/web@sha256:${'a'.repeat(64)}`, 'HasDigest', /only exclude/],
  'a scheme': ['https://ghcr.io/**', 'Malformed', /https:/],
  'upper case in the path': ['ghcr.io/Acme/**', 'Malformed', /upper-case/],
  '** beside characters': ['ghcr.io/acme**', 'Malformed', /\* for a piece/],
  '** beside characters in the host': ['**.io/acme', 'Malformed', /no registry host/],
  'three stars': ['ghcr.io/***', 'Malformed', /\*\*\*/],
  'an empty part': ['ghcr.io//web', 'Malformed', /empty part/],
  'a slash at the end': ['ghcr.io/acme/', 'Malformed', /empty part/],
  'a regular expression': ['ghcr.io/.+', 'Malformed', /\.\+/],
  'other wildcards': ['ghcr.io/acme/we?', 'Malformed', /we\?/],
  'a glob without end': ['a'.repeat(513), 'TooLong', /512/],
};

for (const [sentence, [glob, code, message]] of Object.entries(BAD)) {
  test(`refuses ${sentence}`, () => {
    assert.throws(() => compileGlob(glob), (error: unknown) => {
      assert.ok(error instanceof ImageGlobError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('an exclusion may name one repository at one digest', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const pattern = compileExclusionPattern(`nginx@${digest}`);
  assert.equal(pattern.digest, digest);
  assert.ok(matchesGlob(pattern.glob, 'docker.io/library/nginx'));
  assert.throws(() => compileExclusionPattern(`ghcr.io/*@${digest}`), /one repository/);
  assert.throws(() => compileExclusionPattern('nginx@sha256:00'), /64 lower-case hex/);
  assert.throws(() => compileExclusionPattern(`nginx:1@${digest}`), /has a tag/);
  assert.equal(compileExclusionPattern('nginx').digest, undefined);
});

test('the answer is that of the corresponding regular expression', () => {
  const piece = fc.constantFrom('a', 'b', '*', '**', 'a*', '*b', 'a*b');
  const names = fc.array(fc.constantFrom('a', 'b', 'ab', 'aab'), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), names, (pieces, parts) => {
      const glob = compileGlob(`h.io/${pieces.join('/')}`);
      const source = pieces.map((p) => (p === '**' ? '(?:/[^/]+)*' : `/${p.replace('*', '[^/]*')}`)).join('');
      assert.equal(matchesGlob(glob, `h.io/${parts.join('/')}`), new RegExp(`^h\\.io${source}$`).test(`h.io/${parts.join('/')}`));
    }),
    { numRuns: 500 },
  );
});

test('the worst glob over the longest name takes no time', () => {
  const glob = compileGlob(`h.io/${'**/*a*a*a*b/'.repeat(40)}x`.slice(0, 512).replace(/\/?\**$/, '/x'));
  const started = process.hrtime.bigint();
  for (let i = 0; i < 20; i += 1) assert.equal(matchesGlob(glob, `h.io/${'aaaaaaaa/'.repeat(28)}y`), false);
  assert.ok(process.hrtime.bigint() - started < 500_000_000n);
});

const FILE = 'corpus/policy/glob-dev.jsonl';

test('the shared glob vectors without tag and digest', { skip: skipWithoutCorpus(FILE) }, async (t) => {
  const rows = corpusRows(FILE) as unknown as { id: string; glob: string; image: string; match: boolean; error: boolean }[];
  assert.equal(rows.length, 12);
  const binding = rows.filter(({ glob }) => !/@|:[^/]*$/.test(glob));
  assert.equal(binding.length, 9);
  for (const row of binding) {
    await t.test(`${row.id} ${row.glob} ${row.image}`, () => {
      const judge = (): boolean => matchesGlob(compileGlob(row.glob), parseImageReference(row.image).name);
      if (row.error) {
        assert.throws(judge, (error: unknown) => error instanceof ImageGlobError || error instanceof ImageReferenceError);
      } else {
        assert.equal(judge(), row.match);
      }
    });
  }
});

test('an exclusion is quoted in part only, however long it is', () => {
  assert.throws(() => compileExclusionPattern(`a@${'b'.repeat(10_000)}`), (error: unknown) => error instanceof ImageGlobError && error.code === 'TooLong' && error.message.length < 200);
});
