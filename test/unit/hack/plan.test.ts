import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { estimate, longestFirst } from '../../../hack/testrunner/durations.ts';
import { BadArguments, planOf } from '../../../hack/testrunner/plan.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const HERE = 'test/unit/hack/plan.test.ts';

function filesByLayer(...argv: string[]): Record<string, readonly string[]> {
  return Object.fromEntries(planOf(argv, ROOT).runs.map(({ layer, files }) => [layer.name, files]));
}

describe('what the test runner is asked to do', () => {
  it('a layer is all the test files of its folders', () => {
    const { unit = [], integration } = filesByLayer('unit');
    assert.ok(unit.includes(HERE));
    assert.ok(unit.every((file) => /^test\/(unit|security|differential|fuzz)\/.*\.test\.ts$/.test(file)));
    assert.equal(integration, undefined);
    assert.ok(filesByLayer('integration')['integration']?.includes('test/integration/controlplane.test.ts'));
    assert.ok(filesByLayer('e2e')['e2e']?.includes('test/e2e/testbed.test.ts'));
  });

  it('layers run in one order, however they are named', () => {
    assert.deepEqual(Object.keys(filesByLayer('e2e', 'integration', 'unit')), ['unit', 'integration', 'e2e']);
  });

  it('a file takes the place of the layers, so that `npm test -- FILE` runs only that', () => {
    assert.deepEqual(filesByLayer('unit', 'integration', join(ROOT, HERE)), { unit: [HERE] });
    assert.deepEqual(filesByLayer(join(ROOT, 'test/integration/controlplane.test.ts')), { integration: ['test/integration/controlplane.test.ts'] });
  });

  it('a single file shows what it prints; layers show it only with --verbose', () => {
    assert.equal(planOf([join(ROOT, HERE)], ROOT).verbose, true);
    assert.equal(planOf(['unit'], ROOT).verbose, false);
    assert.equal(planOf(['unit', '--verbose'], ROOT).verbose, true);
  });

  it('--timeout limits each file, and -t picks tests by name', () => {
    const plan = planOf(['unit', '--timeout', '7', '-t', 'some name'], ROOT);
    assert.equal(plan.runs[0]?.layer.timeout, 7);
    assert.equal(plan.pattern, 'some name');
  });

  const refused = {
    'no argument at all': [],
    'a file that is not there': ['test/unit/no-such.test.ts'],
    'a time-out that is no number': ['unit', '--timeout', 'soon'],
    'a time-out of nothing': ['unit', '--timeout', '0'],
    'an option that it does not know': ['unit', '--watch'],
  };
  for (const [sentence, argv] of Object.entries(refused)) {
    it(`refuses ${sentence}`, () => assert.throws(() => planOf(argv, ROOT), BadArguments));
  }
});

describe('the order and the estimate', () => {
  const known = { slow: 30, middle: 10, quick: 2 };

  it('starts with files that nobody knows, then the longest', () => {
    assert.deepEqual(longestFirst(['quick', 'slow', 'fresh', 'middle'], known), ['fresh', 'slow', 'middle', 'quick']);
  });

  it('counts unknown files as average ones, and is never shorter than the longest file', () => {
    assert.equal(estimate(['slow', 'middle', 'quick'], known, 1), 42);
    assert.equal(estimate(['slow', 'middle', 'quick'], known, 3), 30);
    assert.equal(estimate(['middle', 'fresh'], known, 1), 20);
    assert.equal(estimate(['fresh'], known, 1), undefined);
  });
});
