import assert from 'node:assert/strict';
import test from 'node:test';
import type { BundledPackage } from '../../../../hack/build/licences.ts';
import { objections } from '../../../../hack/build/objections.ts';

const SEEDS = 'node_modules/@sigstore/tuf/seeds.json';

function pack(name: string, licence: string): BundledPackage {
  return { name, licence, version: '1.0.0', texts: [] };
}

const CASES: Record<string, readonly [readonly string[], readonly BundledPackage[], readonly string[]]> = {
  'a bundle of our sources and permitted packages may be shipped': [['src/main.ts', SEEDS], [pack('a', 'MIT'), pack('b', 'Apache-2.0')], []],
  'test code is not part of the product': [['test/support/x.ts', SEEDS], [], ['test/support/x.ts is not part of the product']],
  'what maintainers run is not part of the product': [['hack/demo.ts', SEEDS], [], ['hack/demo.ts is not part of the product']],
  'a development dependency is not shipped': [[SEEDS], [pack('fast-check', 'MIT')], ['fast-check is a development dependency']],
  'a licence that is not permitted is named': [[SEEDS], [pack('a', 'GPL-3.0-only')], ['a is under GPL-3.0-only']],
  'a package that names no licence is not shipped': [[SEEDS], [pack('a', '')], ['a is under no licence that it names']],
  'of two licences to choose from one must be permitted': [[SEEDS], [pack('a', '(GPL-3.0-only OR MIT)')], []],
  'of two licences at once both must be permitted': [[SEEDS], [pack('a', '(MIT AND GPL-3.0-only)')], ['a is under (MIT AND GPL-3.0-only)']],
  'without the seeds of Sigstore there is no trust to begin with': [['src/main.ts'], [], [`${SEEDS} is missing`]],
};

for (const [sentence, [inputs, packages, expected]] of Object.entries(CASES)) {
  test(sentence, () => assert.deepEqual(objections(inputs, packages, ['fast-check']), expected));
}
