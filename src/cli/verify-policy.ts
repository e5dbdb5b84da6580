import { extname } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { statementOf } from '../signatures/attestation.ts';
import { COSIGN } from '../signatures/profile.ts';
import type { CliContext } from './context.ts';
import { VerifyError, fileError } from './verify-error.ts';
import type { Flags } from './verify-flags.ts';
import type { Accepted } from './verify-output.ts';

/** What an attestation's statement must satisfy beside its type. */
export interface Policies {
  /** As they were given. */
  readonly paths: readonly string[];
  /** Why this attestation does not satisfy them; undefined where it does. */
  readonly objectionTo: (one: Accepted) => string | undefined;
}

const INSTEAD = 'write it in CEL: an expression over predicate, predicateType, subject and statement, in a file that ends in .cel, or in authorities[].attestations[].cel of an ImageVerification';

/** The policies of `--policy`: expressions in CEL, of which only the value true passes. Throws {@link VerifyError} for a file that holds none, and for CUE and Rego by name. */
export async function loadPolicies(flags: Flags, context: CliContext): Promise<Policies | undefined> {
  const paths = flags.lists.policy ?? [];
  if (paths.length === 0) return undefined;
  // Only now: nobody else waits for the evaluator to be loaded.
  const { checkPredicate, evaluatePredicate } = await import('../verification/predicate.ts');
  const sources = await Promise.all(paths.map((path) => readPolicy(path, context)));
  for (const [index, source] of sources.entries()) {
    try {
      checkPredicate(source);
    } catch (error) {
      throw new VerifyError('Other', `--policy ${paths[index] ?? ''}: the expression ${messageOf(error)}`, { cause: error });
    }
  }
  const objectionTo = ({ candidate }: Accepted): string | undefined => {
    if (candidate.format === 'legacy') return 'it is no attestation';
    const statement = statementOf(candidate, COSIGN);
    for (const [index, source] of sources.entries()) {
      const answer = evaluatePredicate(source, statement);
      if (!answer.satisfied) return `${paths[index] ?? ''}: ${answer.why}`;
    }
    return undefined;
  };
  return { paths, objectionTo };
}

async function readPolicy(path: string, { readFile }: CliContext): Promise<string> {
  const extension = extname(path);
  if (extension === '.rego' || extension === '.cue') throw new VerifyError('Other', `--policy ${path} is not supported: ${extension === '.cue' ? 'CUE' : 'Rego'} is not evaluated; ${INSTEAD}`);
  if (extension !== '.cel') throw new VerifyError('Other', `invalid policy format, expected .cel: ${INSTEAD}`);
  try {
    return new TextDecoder().decode(await readFile(path));
  } catch (error) {
    throw new VerifyError('Other', fileError(path, error), { cause: error });
  }
}

/** Those that satisfy the policies; if any does not, nothing passes, as with cosign. Throws {@link VerifyError}. */
export function heldAgainst(policies: Policies | undefined, wanted: readonly Accepted[], stderr: (text: string) => void): readonly Accepted[] {
  if (policies === undefined) return wanted;
  stderr(wanted.map(() => `will be validating against CEL policies: [${policies.paths.join(' ')}]\n`).join(''));
  const objections = wanted.flatMap((one) => policies.objectionTo(one) ?? []);
  if (objections.length === 0) return wanted;
  stderr(`There are ${objections.length} number of errors occurred during the validation:\n\n${objections.map((text) => `- ${text}\n`).join('')}`);
  throw new VerifyError('Other', `${objections.length} validation errors occurred`);
}
