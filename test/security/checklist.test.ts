import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { LAYERS } from '../../hack/testrunner/plan.ts';
import { type RegisteredTest, registeredTests } from '../support/registered-tests.ts';
import { ADVISORIES } from './checklist/advisories.ts';
import { MORE_ADVISORIES } from './checklist/advisories-more.ts';
import { FINDINGS } from './checklist/findings.ts';
import { PEERS } from './checklist/peers.ts';

/*
 * The checklists, line by line (`checklist/*.ts`): what went wrong elsewhere, the rule that follows, and the tests that would fail if it went wrong
 * here. That these tests are there, and run, is what is tested here; what they say they say where they are.
 */

const LISTS = { advisories: [...ADVISORIES, ...MORE_ADVISORIES], findings: FINDINGS, peers: PEERS };
const fileOf = (name: string): string => `test/${name}.test.ts`;
const files = [...new Set(Object.values(LISTS).flat().flatMap(({ tests }) => Object.keys(tests).map(fileOf)))];

let registered: ReadonlyMap<string, readonly RegisteredTest[]>;
before(async () => {
  registered = await registeredTests(files);
});

test('the lists are whole: 38 advisories, 10 findings, 7 peers, each once', () => {
  assert.deepEqual(Object.values(LISTS).map(({ length }) => length), [38, 10, 7]);
  const ids = Object.values(LISTS).flat().map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

for (const [list, rows] of Object.entries(LISTS)) {
  describe(list, () => {
    for (const { id, lesson, tests, cannot } of rows) {
      test(id, () => {
        assert.ok(/^[A-Z].*\.$/.test(lesson) && (cannot === undefined || /^[A-Z].*\.$/.test(cannot)), 'a lesson is a sentence');
        const pointers = Object.entries(tests).flatMap(([file, names]) => names.map((name) => [fileOf(file), name] as const));
        assert.ok(pointers.length > 0, 'no test');
        for (const [file, name] of pointers) {
          assert.ok(LAYERS.some(({ folders }) => folders.some((folder) => file.startsWith(`${folder}/`))), `${file} is not run by npm test`);
          const found = registered.get(file)?.filter((one) => one.name === name) ?? [];
          assert.ok(found.length > 0, `${file} has no test "${name}"`);
          assert.ok(found.some(({ skipped }) => !skipped), `"${name}" of ${file} is skipped`);
        }
      });
    }
  });
}
