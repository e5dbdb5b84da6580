import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { overrideImage } from '../../src/karmada/image-overrider.ts';
import { skipsGroup } from '../../src/cli/doctor/check-karmada.ts';
import { blocksOf, codeTable, page } from '../support/page.ts';

const PAGE = page('docs/karmada.md');
/** Letters for digests on the page. */
const written = (image: string): string => image.replaceAll(/sha256:([DE])/g, (_, letter: string) => `sha256:${letter.toLowerCase().repeat(64)}`);

describe('docs/karmada.md', () => {
  const rows = codeTable(PAGE, 'What overrides do to digests');

  for (const [[component = '', operator = '', value = ''] = [], [tagged = ''] = [], [plain = ''] = []] of rows) {
    test(`says what becomes of both forms of a pin by ${component} ${operator} ${value}`, () => {
      const overrider = { component, operator, ...(value === '' ? {} : { value: written(value) }) };
      assert.equal(overrideImage(written('r.example/web:1.4@sha256:D'), overrider), written(tagged));
      assert.equal(overrideImage(written('r.example/web@sha256:D'), overrider), written(plain));
    });
  }

  test('has overriders of each component, and one that drops the digest of a tag and keeps the other', () => {
    assert.deepEqual([...new Set(rows.map(([words]) => words?.[0]))], ['Registry', 'Repository', 'Tag']);
    assert.ok(rows.some(([, [tagged = ''] = [], [plain = ''] = []]) => !tagged.includes('@') && plain.includes('@')));
  });

  test('names fields of the status that are there', () => {
    const fields = codeTable(PAGE, 'What the status shows').flatMap(([names = []]) => names);
    const known = page('docs/reference/api.md');
    assert.deepEqual(fields.filter((field) => !known.includes(`| \`${field.replace(/\[\]$/, '')}\` |`)), []);
    assert.ok(fields.length > 4);
  });

  test('has a flag for the controller manager that covers our kinds', () => {
    const values = [...PAGE.matchAll(/--skipped-propagating-apis=(\S+?)`/g)].map(([, value = '']) => value);
    assert.ok(values.length > 1);
    for (const value of values) assert.ok(skipsGroup(value), value);
  });

  test('lets released images of Karmada pass, and not what its own page lets pass beside them', () => {
    const policy = blocksOf(PAGE).find(({ type, text }) => type === 'yaml' && text.includes('docker.io/karmada'))?.text ?? '';
    const tight = new RegExp(/subjectRegExp: (\S+)/.exec(policy)?.[1] ?? 'none');
    const wide = new RegExp(/The page has `([^`]+)`/.exec(PAGE)?.[1] ?? 'none');
    const workflow = (name: string, ref: string): string => `https://github.com/karmada-io/karmada/.github/workflows/${name}.yml@refs/${ref}`;
    const released = workflow('dockerhub-released-image', 'tags/v1.18.2');
    assert.ok(tight.test(released) && wide.test(released));
    for (const other of [workflow('dockerhub-latest-image', 'heads/master'), workflow('dockerhub-released-image', 'heads/feature'), workflow('ci', 'pull/1/merge'), `${workflow('dockerhub-released-image', 'tags/v1')}/heads/x`]) {
      assert.ok(wide.test(other) && !tight.test(other), other);
    }
    const [, typed = ''] = /--certificate-identity-regexp='([^']+)'/.exec(PAGE) ?? [];
    assert.equal(typed, tight.source.replaceAll(String.raw`\/`, '/'));
  });
});
