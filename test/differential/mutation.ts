import * as fc from 'fast-check';
import { anyEdit } from './edits.ts';
import type { Mutation } from './questions.ts';

/** Any mutation: up to three edits of a finished signature and what it is held against, or one step of its making bent and perhaps an edit. */
export const anyMutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ seed: fc.nat(), edits: fc.array(anyEdit, { minLength: 1, maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ seed: fc.nat(), bend: anyEdit, edits: fc.array(anyEdit, { maxLength: 1 }) }) },
);
