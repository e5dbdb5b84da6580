/** How many tests ended how; `failed` includes those that were cancelled. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What one test file came to. */
export interface FileResult extends Counts {
  readonly file: string;
  /** Seconds. */
  readonly took: number;
  /** Why the file failed beyond its tests' own failures: one sentence each. */
  readonly problems: readonly string[];
  /** The reasons of skipped tests, without repetition. */
  readonly skips: readonly string[];
}

/** The counts of a TAP report by node:test, or undefined when the report has no end because the process had none. */
export function countsOf(tap: string): Counts | undefined {
  const count = (name: string): number | undefined => {
    // The last one is node's own; a test can print the same line as a diagnostic before it.
    const value = [...tap.matchAll(new RegExp(`^# ${name} (\\d+)$`, 'gm'))].at(-1)?.[1];
    return value === undefined ? undefined : Number(value);
  };
  const passed = count('pass');
  if (passed === undefined) return undefined;
  return {
    passed,
    failed: (count('fail') ?? 0) + (count('cancelled') ?? 0),
    skipped: (count('skipped') ?? 0) + (count('todo') ?? 0),
  };
}

/** Why tests were skipped, each reason once. */
export function skipsOf(tap: string): string[] {
  return [...new Set([...tap.matchAll(/^ *ok \d+ - (.*?) # (?:SKIP|TODO)(?: (.*))?$/gm)].map(([, name, reason]) => reason ?? `${name}: no reason given`))];
}

/** How the process of a test file ended, and what it left. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly leaked: readonly string[];
}

/** Judges one file: a file that did not end by itself, ended badly, left processes or tested nothing has failed, whatever its tests say. */
export function resultOf(file: string, took: number, tap: string, ending: Ending, options: { readonly timeout: number; readonly filtered: boolean }): FileResult {
  const counts = countsOf(tap) ?? { passed: 0, failed: 0, skipped: 0 };
  const problems: string[] = [];
  if (ending.timedOut) problems.push(`did not end within ${options.timeout} s and was ended: a test hangs, or something that it opened was never closed`);
  else if (countsOf(tap) === undefined) problems.push(`ended with ${ending.signal ?? `code ${ending.code}`} before its tests did`);
  else if (ending.code !== 0 && counts.failed === 0) problems.push(`ended with ${ending.signal ?? `code ${ending.code}`} although no test failed`);
  else if (counts.passed + counts.failed + counts.skipped === 0 && !options.filtered) problems.push('has no tests');
  for (const one of ending.leaked) problems.push(`left a process running: ${one}`);
  return { ...counts, failed: counts.failed + problems.length, file, took, problems, skips: skipsOf(tap) };
}

/** Adds up. */
export function total(results: readonly Counts[]): Counts {
  return results.reduce<Counts>(
    (sum, one) => ({ passed: sum.passed + one.passed, failed: sum.failed + one.failed, skipped: sum.skipped + one.skipped }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** Nothing failed, and something passed. */
export function successful({ passed, failed }: Counts): boolean {
  return failed === 0 && passed > 0;
}

/** The last lines of a run; the very last one is for programs that read only that. */
export function closing({ passed, failed, skipped }: Counts, took: number): string {
  return [
    `ℹ tests ${passed + failed + skipped}`,
    `ℹ pass ${passed}`,
    `ℹ fail ${failed}`,
    `ℹ skipped ${skipped}`,
    `ℹ duration ${took.toFixed(1)} s`,
    '',
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ].join('\n');
}
