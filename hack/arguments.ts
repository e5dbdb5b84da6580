import { parseArgs, type ParseArgsConfig } from 'node:util';

/** What a command of `hack/` was given. `--help` prints `usage` and ends the process with 0; what is not an option of it, with one sentence and 2. */
export function argumentsOf<Options extends NonNullable<ParseArgsConfig['options']>>(usage: string, options: Options) {
  try {
    const { help, ...values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }).values as Values<Options> & { help?: boolean };
    if (help === true) {
      console.log(usage);
      process.exit(0);
    }
    return values as Values<Options>;
  } catch (error) {
    return refuse(`${(error as Error).message}\n${usage}`);
  }
}

type Values<Options extends NonNullable<ParseArgsConfig['options']>> = ReturnType<typeof parseArgs<{ options: Options }>>['values'];

/** Ends the process with 2 and a sentence on what was wrong with its arguments. */
export function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}
