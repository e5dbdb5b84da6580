import { Command, CommanderError, Option } from 'commander';
import { messageOf } from '../base/errors.ts';
import type { Flag } from './flag.ts';
import { readOptions, UsageError } from './options.ts';
import type { Environment, Options } from './options.ts';
import { optionOf, RUN_FLAGS, variableOf } from './run-flags.ts';
import { VERSION } from './version.ts';

/** Exit codes of `assay`; `assay verify` has cosign's beside them. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** What the program is made of, so that it can be tried without a process. */
export interface ProgramParts {
  readonly env: Environment;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
  /** Does what `assay run` is for; resolves after a stop in good order. */
  readonly run: (options: Options) => Promise<void>;
  /** Adds the commands of other folders. */
  readonly extend?: (program: Command) => void;
}

const DESCRIPTION =
  'Verifies the signatures of the container images that a cluster is about to run, pins their tags to the verified digests, and says why.';

const RUN_HELP = `
Every option can be given as an environment variable too; the command line wins, an empty variable counts as unset.
Durations are written as 30s, 2m or 1m30s.

Exit codes: 0 after SIGTERM or SIGINT, 1 when it cannot start or go on, 2 for a bad option.`;

/** The command line of `assay`, not parsed yet. */
export function createProgram(parts: ProgramParts): Command {
  const program = new Command('assay')
    .description(DESCRIPTION)
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print what can be done and how')
    .exitOverride()
    .configureOutput({
      writeOut: parts.print,
      writeErr: parts.complain,
      outputError: (text, write) => write(`assay: ${oneLine(text)}\n`),
    });
  const run = program
    .command('run')
    .summary('run the operator')
    .description('Runs the operator on a Kubernetes or Karmada API server until SIGTERM or SIGINT.')
    .action((given: Readonly<Record<string, unknown>>) => parts.run(readOptions(given, parts.env)));
  for (const [name, flag] of Object.entries<Flag<unknown>>(RUN_FLAGS)) {
    const shown = flag.default ?? flag.defaultText ?? 'none';
    const help = `${flag.help} (default: ${shown}; env: ${variableOf(name)})`;
    run.addOption(new Option(`${optionOf(name)} <${flag.value}>`, help));
  }
  run.addHelpText('after', RUN_HELP);
  parts.extend?.(program);
  return program;
}

/** Parses `argv` (without node and script), does what it says, and gives the exit code; whatever fails is one sentence. */
export async function runProgram(argv: readonly string[], parts: ProgramParts): Promise<number> {
  try {
    await createProgram(parts).parseAsync([...argv], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    parts.complain(`assay: ${messageOf(error, 2048)}\n`);
    if (parts.env['ASSAY_LOG_LEVEL'] === 'debug' && error instanceof Error) parts.complain(`${error.stack ?? ''}\n`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

/** `error: unknown option '--x'\n(Did you mean --y?)` → `unknown option '--x' (did you mean --y?)`. */
function oneLine(text: string): string {
  return text.replace(/^error: /, '').trim().replaceAll(/\s*\n\s*/g, ' ').replace('(Did', '(did');
}
