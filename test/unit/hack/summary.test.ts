import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closing, countsOf, type Ending, resultOf, skipsOf, successful, total } from '../../../hack/testrunner/summary.ts';

/** The end of a report as node:test writes it. */
function tap(counts: Partial<Record<'tests' | 'pass' | 'fail' | 'cancelled' | 'skipped' | 'todo', number>>, before = ''): string {
  const { tests = 0, pass = 0, fail = 0, cancelled = 0, skipped = 0, todo = 0 } = counts;
  return `TAP version 13\n${before}1..1\n# tests ${tests}\n# suites 0\n# pass ${pass}\n# fail ${fail}\n# cancelled ${cancelled}\n# skipped ${skipped}\n# todo ${todo}\n# duration_ms 3\n`;
}

const WELL: Ending = { code: 0, signal: null, timedOut: false, leaked: [] };
const OPTIONS = { timeout: 60, filtered: false };

interface Case {
  readonly tap: string;
  readonly ending?: Partial<Ending>;
  readonly filtered?: boolean;
  readonly failed: number;
  readonly problem?: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  'a file whose tests pass has not failed': { tap: tap({ pass: 3 }), failed: 0 },
  'a file whose tests are all skipped has not failed': { tap: tap({ skipped: 3 }), failed: 0 },
  'failed and cancelled tests have failed': { tap: tap({ pass: 1, fail: 2, cancelled: 3 }), ending: { code: 1 }, failed: 5 },
  'a file without a test has failed': { tap: tap({}), failed: 1, problem: /has no tests/ },
  'a file whose tests were all filtered out by name has not failed': { tap: tap({}), filtered: true, failed: 0 },
  'a file that ends badly after its tests passed has failed': { tap: tap({ pass: 3 }), ending: { code: 7 }, failed: 1, problem: /ended with code 7 although no test failed/ },
  'a file that ends before it reports has failed': { tap: 'TAP version 13\nok 1 - first\n', ending: { code: 1 }, failed: 1, problem: /ended with code 1 before its tests did/ },
  'a file that is killed has failed': { tap: '', ending: { code: null, signal: 'SIGSEGV' }, failed: 1, problem: /ended with SIGSEGV before its tests did/ },
  'a file that exits with 0 before it reports has failed': { tap: '', failed: 1, problem: /ended with code 0 before its tests did/ },
  'a file that hangs has failed': { tap: '', ending: { code: null, signal: 'SIGTERM', timedOut: true }, failed: 1, problem: /did not end within 60 s/ },
  'a file that hangs after its tests passed has failed': { tap: tap({ pass: 3 }), ending: { signal: 'SIGTERM', timedOut: true }, failed: 1, problem: /never closed/ },
  'each process that is left running is a failure': { tap: tap({ pass: 3 }), ending: { leaked: ['sleep 9 (pid 7)', 'sleep 9 (pid 8)'] }, failed: 2, problem: /left a process running: sleep 9 \(pid 7\)/ },
};

describe('what a test file came to', () => {
  for (const [sentence, { tap: report, ending, filtered = false, failed, problem }] of Object.entries(CASES)) {
    it(sentence, () => {
      const result = resultOf('a.test.ts', 1, report, { ...WELL, ...ending }, { ...OPTIONS, filtered });
      assert.equal(result.failed, failed);
      if (problem === undefined) assert.deepEqual(result.problems, []);
      else assert.match(result.problems.join('\n'), problem);
    });
  }

  it('counts what node counted, not what a test printed in the same form', () => {
    assert.deepEqual(countsOf(tap({ pass: 2, fail: 1 }, '# pass 900\n# fail 0\n')), { passed: 2, failed: 1, skipped: 0 });
    assert.equal(countsOf('# passed by 12\n'), undefined);
  });

  it('gives each reason for skipping once', () => {
    const report = 'ok 1 - a # SKIP no corpus here\n    ok 2 - b # SKIP no corpus here\nok 3 - c # SKIP\nok 4 - d\nnot ok 5 - e\n';
    assert.deepEqual(skipsOf(report), ['no corpus here', 'c: no reason given']);
  });
});

describe('the end of a run', () => {
  it('is a line that programs can read, over all files', () => {
    const counts = total([{ passed: 3, failed: 0, skipped: 1 }, { passed: 4, failed: 2, skipped: 0 }]);
    assert.equal(closing(counts, 1).split('\n').at(-1), '7 passed, 2 failed, 1 skipped');
  });

  it('is success only when nothing failed and something passed', () => {
    assert.equal(successful({ passed: 1, failed: 0, skipped: 9 }), true);
    assert.equal(successful({ passed: 9, failed: 1, skipped: 0 }), false);
    assert.equal(successful({ passed: 0, failed: 0, skipped: 0 }), false);
    assert.equal(successful({ passed: 0, failed: 0, skipped: 9 }), false);
  });
});
