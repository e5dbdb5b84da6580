import type { CliContext } from './context.ts';
import { VerifyError, fileError } from './verify-error.ts';

/** A world whose standard output goes where it was wanted. */
export interface Output {
  readonly context: CliContext;
  /** Writes what was held back. Throws {@link VerifyError}. */
  readonly end: () => Promise<void>;
}

/** `--output-file`: a file is made at once, as cosign does, so that one that cannot be written fails before anything is asked. Throws {@link VerifyError}. */
export async function outputOf(path: string | undefined, context: CliContext): Promise<Output> {
  if (path === undefined || path === '') return { context, end: () => Promise.resolve() };
  let held = '';
  const write = async (text: string): Promise<void> => {
    try {
      if (context.writeFile === undefined) throw new Error('files cannot be written here');
      await context.writeFile(path, text);
    } catch (error) {
      throw new VerifyError('Other', `error creating output file ${path}: ${fileError(path, error)}`, { cause: error });
    }
  };
  await write('');
  return { context: { ...context, stdout: (text) => (held += text) }, end: () => write(held) };
}
