import type { Case } from '../../test/oracle/cases.ts';
import type { Answer } from './answers.ts';

/** Where assay is meant to answer otherwise than cosign. */
export interface Difference {
  readonly name: string;
  /** Why, in a sentence that a user can be told. */
  readonly reason: string;
  /** Whether the two answers differ for this reason; as narrow as can be. */
  readonly covers: (answers: Answers) => boolean;
}

/** A case and what both said. */
export interface Answers {
  readonly one: Case;
  readonly cosign: Answer;
  readonly assay: Answer;
}

/** The closed list: whatever else differs is a mistake. assay never accepts here what cosign refuses, but where it says so. */
export const DIFFERENCES: readonly Difference[] = [];
