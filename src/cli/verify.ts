import type { Command } from 'commander';
import { messageOf } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { RegistryError } from '../registry/types.ts';
import type { CliContext } from './context.ts';
import { EXIT_CODES, VerifyError } from './verify-error.ts';
import type { FlagSpec } from './verify-flags.ts';
import { VERIFY_FLAGS, readFlags } from './verify-flags.ts';
import { loadKey, loadKeychain, loadTrust, registryOptions } from './verify-material.ts';
import { readOptions } from './verify-options.ts';
import { runVerify } from './verify-run.ts';

/**
 * Adds `verify` and, refused by name, `verify-attestation`. Flags are read by rules of cosign's own (`--check-claims=false`,
 * flags after images), so commander hands all arguments over as they are.
 */
export function addVerifyCommand(program: Command, context: CliContext): void {
  program
    .command('verify')
    .summary('verify the signatures of images as cosign does')
    .description('Verifies that images are signed, with the flags, the output and the exit codes of "cosign verify".')
    .usage('[flags] IMAGE...')
    .allowUnknownOption()
    .helpOption('-h, --help', 'show this help')
    .argument('[args...]')
    .addHelpText('after', `\n${flagHelp()}`)
    .action(async (args: readonly string[]) => {
      context.setExitCode(await verify(args, context));
    });
  program
    .command('verify-attestation', { hidden: true })
    .allowUnknownOption()
    .argument('[args...]')
    .action(() => {
      context.stderr(errorLines('verify-attestation is not supported by this version: use "cosign verify-attestation"'));
      context.setExitCode(EXIT_CODES.Other);
    });
}

/** Runs `verify` with these arguments and returns its exit code: 0, or cosign's for what went wrong. */
export async function verify(args: readonly string[], context: CliContext): Promise<number> {
  let notes: readonly string[] = [];
  try {
    const flags = readFlags(args, context);
    const options = readOptions(flags, context);
    const trust = await loadTrust(options, context);
    const key = await loadKey(options, context);
    const credentials = await loadKeychain(flags, context);
    notes = credentials.notes;
    const registry = context.createRegistry(await registryOptions(flags, options, context));
    try {
      const { keychain } = credentials;
      await runVerify({ context, options, registry, keychain, ...(key === undefined ? {} : { key }), ...(trust === undefined ? {} : { trust }) });
    } finally {
      await registry.close();
    }
    return 0;
  } catch (error) {
    // Only now: to somebody whose pull succeeds it does not matter which credentials were left out.
    if (error instanceof RegistryError && error.code === 'Unauthorized') context.stderr(notes.map((note) => `Note: ${note}\n`).join(''));
    context.stderr(errorLines(error instanceof VerifyError ? error.message : messageOf(error, 4096)));
    return error instanceof VerifyError ? EXIT_CODES[error.code] : EXIT_CODES.Other;
  }
}

/** An error as cosign ends with it; what others wrote in it cannot steer a terminal. */
function errorLines(message: string): string {
  const text = message.split('\n').map(printable).join('\n');
  return `Error: ${text}\nerror during command execution: ${text}\n`;
}

function flagHelp(): string {
  const specs: readonly (readonly [string, FlagSpec])[] = Object.entries(VERIFY_FLAGS);
  const supported = specs.filter(([, { instead }]) => instead === undefined);
  const lines = supported.map(([name, { short, help }]) => `  ${short === undefined ? '    ' : `-${short}, `}${`--${name}`.padEnd(42)}${help}`);
  return `Flags (each also as COSIGN_… variable):\n${lines.join('\n')}\n`;
}
