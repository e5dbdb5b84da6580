/** One line of a checklist: what went wrong elsewhere, what we learn from it, and what shows that we did. */
export interface Row {
  /** Advisory, finding or peer. */
  readonly id: string;
  /** The rule that follows, in one sentence. */
  readonly lesson: string;
  /** Files below `test/` without `.test.ts`, each with names of tests in it as they stand when they run. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
  /** What of it cannot happen here, and why. */
  readonly cannot?: string;
}
