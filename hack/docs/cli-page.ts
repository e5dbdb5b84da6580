import type { Flag } from '../../src/app/flag.ts';
import { optionOf, RUN_FLAGS, variableOf } from '../../src/app/run-flags.ts';
import { type FlagSpec, VERIFY_FLAGS } from '../../src/cli/verify-flags.ts';
import { escape } from './api-page.ts';

/** The page about the command line. */
export function cliPage(): string {
  const all: readonly (readonly [string, FlagSpec])[] = Object.entries(VERIFY_FLAGS);
  const supported = all.filter(([, { instead }]) => instead === undefined);
  const refused = all.filter(([, { instead }]) => instead !== undefined);
  return [
    '# The command line',
    '',
    '`assay --help` and `assay COMMAND --help` print the same. This page is generated from the program by `node hack/generate-docs.ts`.',
    '',
    '## `assay run`',
    '',
    'Runs the operator until SIGTERM or SIGINT. The command line wins over the environment variable, an empty variable counts as unset, and a',
    '`ASSAY_…` variable that is not known is warned of. Durations are written as `30s`, `2m` or `1m30s`.',
    '',
    'Exit codes: 0 after SIGTERM or SIGINT, 1 when it cannot start or go on, 2 for a bad option (before anything is contacted). Whatever fails is',
    'one sentence on standard error; `ASSAY_LOG_LEVEL=debug` adds where in the code.',
    '',
    '| option | variable | default | meaning |',
    '|---|---|---|---|',
    ...Object.entries<Flag<unknown>>(RUN_FLAGS).map(runRow),
    '',
    '## `assay verify`',
    '',
    '`assay verify [flags] IMAGE...` has the flags, the output and the exit codes of `cosign verify`. Each flag can be given as a `COSIGN_…` variable',
    'too, such as `COSIGN_KEY`. Flags may stand after images.',
    '',
    'Exit codes are cosign\'s: 0 when every image is verified, 10 when there is no signature, 11 when the tag is not found, 12 when none of the',
    'signatures matches, 1 for everything else.',
    '',
    '| flag | default | meaning |',
    '|---|---|---|',
    ...supported.map(verifyRow),
    '',
    'Flags of cosign that are refused by name, with what to do instead. None is ever ignored.',
    '',
    '| flag | instead |',
    '|---|---|',
    ...refused.map(([name, { instead, short }]) => `| ${flagName(name, short)} | ${escape(instead ?? '')} |`),
    '',
  ].join('\n');
}

function runRow([name, flag]: [string, Flag<unknown>]): string {
  const shown = flag.default === undefined ? escape(flag.defaultText ?? 'none') : `\`${flag.default}\``;
  return `| \`${optionOf(name)} ${flag.value}\` | \`${variableOf(name)}\` | ${shown} | ${escape(flag.help)} |`;
}

function verifyRow([name, { help, short, default: preset, deprecated }]: readonly [string, FlagSpec]): string {
  const note = deprecated === undefined ? '' : '; deprecated in cosign';
  return `| ${flagName(name, short)} | ${preset === undefined ? '' : `\`${String(preset)}\``} | ${escape(help)}${note} |`;
}

function flagName(name: string, short?: string): string {
  return short === undefined ? `\`--${name}\`` : `\`--${name}\`, \`-${short}\``;
}
