import type { Command } from 'commander';
import { deadline } from '../base/abort.ts';
import { messageOf } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { RegistryClient } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import { outputOf } from './output-file.ts';
import type { CliContext } from './context.ts';
import { localRegistry } from './local-layout.ts';
import { loadCertificate } from './verify-certificate.ts';
import { EXIT_CODES, VerifyError } from './verify-error.ts';
import type { CommandName, Flags } from './verify-flags.ts';
import { readFlags } from './verify-flags.ts';
import { helpOf, SUMMARIES } from './verify-help.ts';
import { benchOf } from './verify-judge.ts';
import { loadKey } from './verify-key.ts';
import { lookWith } from './verify-look.ts';
import { readOptions } from './verify-options.ts';
import type { VerifyOptions } from './verify-options.ts';
import { loadPolicies } from './verify-policy.ts';
import { loadKeychain, registryOptions } from './verify-registry.ts';
import { lookAtFirst, runVerify } from './verify-run.ts';
import type { Trust } from './verify-trust.ts';
import { loadTrust } from './verify-trust.ts';

/**
 * Adds `verify` and `verify-attestation`. Flags are read by rules of cosign's own (`--check-claims=false`, flags after images), so that
 * commander hands all arguments over as they are, `--help` too.
 */
export function addVerifyCommand(program: Command, context: CliContext): void {
  for (const command of ['verify', 'verify-attestation'] as const) {
    program
      .command(command)
      .summary(SUMMARIES[command])
      .usage('[flags] IMAGE...')
      .helpOption(false)
      .configureHelp({ formatHelp: () => helpOf(command) })
      .allowUnknownOption()
      .argument('[args...]')
      .action(async (args: readonly string[]) => {
        context.setExitCode(await run(command, args, context));
      });
  }
}

/** Runs `verify` with these arguments and returns its exit code: 0, or cosign's for what went wrong. */
export function verify(args: readonly string[], context: CliContext): Promise<number> {
  return run('verify', args, context);
}

/** Runs `verify-attestation` with these arguments and returns its exit code: 0, or 1 for whatever went wrong, as cosign. */
export function verifyAttestation(args: readonly string[], context: CliContext): Promise<number> {
  return run('verify-attestation', args, context);
}

/** What is told beside what cosign says. */
interface Notes {
  /** Worth telling only where credentials were the trouble. */
  credentials: readonly string[];
  readonly held: string[];
}

async function run(command: CommandName, args: readonly string[], world: CliContext): Promise<number> {
  const notes: Notes = { credentials: [], held: [] };
  // What cosign does not say comes last, so that the first line is its own.
  const context: CliContext = { ...world, stderr: (text) => void (text.startsWith('Note: ') ? notes.held.push(text) : world.stderr(text)) };
  try {
    const flags = readFlags(args, context, command);
    if (flags.help) {
      context.stdout(helpOf(command));
      return 0;
    }
    const output = await outputOf(flags.text['output-file'], context);
    await execute(flags, readOptions(flags, context, command), output.context, notes);
    await output.end();
    return 0;
  } catch (error) {
    // Only now: to somebody whose pull succeeds it does not matter which credentials were left out.
    if (error instanceof RegistryError && error.code === 'Unauthorized') for (const note of notes.credentials) context.stderr(`Note: ${printable(note)}\n`);
    const { text, note } = wordsOf(error);
    context.stderr(errorLines(text));
    if (note !== undefined) context.stderr(`Note: ${printable(note)}\n`);
    return error instanceof VerifyError && command === 'verify' ? EXIT_CODES[error.code] : EXIT_CODES.Other;
  } finally {
    for (const note of notes.held) world.stderr(note);
  }
}

/** In cosign's order, so that of several things that are wrong it is the same one that is told. */
async function execute(flags: Flags, options: VerifyOptions, context: CliContext, notes: Notes): Promise<void> {
  const policies = await loadPolicies(flags, context);
  const { keychain, notes: left } = await loadKeychain(flags, context);
  notes.credentials = left;
  const registry = await registryOf(flags, options, context);
  const limit = deadline(context.clock, Math.max(1, options.timeout), 'verification');
  try {
    const look = lookWith(registry, { keychain, signal: limit.signal }, options);
    const first = await lookAtFirst(look);
    const trust = await loadTrust(flags, options, context);
    if (first.format === 'bundle') refuseForBundles(flags, trust);
    const key = await loadKey(options, context);
    const known = { options, inParts: trust.inParts, warn: context.stderr, ...(key === undefined ? {} : { key }), ...(trust.root === undefined ? {} : { trust: trust.root }) };
    const bench = benchOf(known, context.clock.now());
    const signer = await loadCertificate(flags, bench, context);
    const parts = { context, flags, look, first, ...(policies === undefined ? {} : { policies }) };
    if (signer === undefined) await runVerify({ ...parts, bench });
    else await runVerify({ ...parts, certificate: signer.pem, bench: benchOf({ ...known, key: signer.key, options: withoutIdentity(options) }, context.clock.now()) });
  } catch (error) {
    throw limit.signal.aborted && !(error instanceof VerifyError) ? new VerifyError('Other', messageOf(limit.signal.reason), { cause: error }) : error;
  } finally {
    limit.cancel();
    await registry.close();
  }
}

async function registryOf(flags: Flags, options: VerifyOptions, context: CliContext): Promise<RegistryClient> {
  const [image = ''] = options.images;
  return options.localImage ? localRegistry(image) : context.createRegistry(await registryOptions(flags, options, context));
}

/** The certificate has been held against the identity already. */
function withoutIdentity({ identity: _, ...options }: VerifyOptions): VerifyOptions {
  return options;
}

/** What cosign takes for legacy signatures only: a bundle has it inside, or the trusted root does. */
const BUNDLED: Readonly<Record<string, string>> = {
  certificate: 'certificate must be in bundle and may not be provided using --certificate',
  'certificate-chain': 'certificate chain must be in bundle and may not be provided using --certificate-chain',
  'ca-roots': 'CA roots/intermediates must be provided using --trusted-root',
  'ca-intermediates': 'CA roots/intermediates must be provided using --trusted-root',
  'timestamp-certificate-chain': 'TSA certificate chain path may only be provided using --trusted-root',
  signature: 'signature may not be provided using --signature',
};

function refuseForBundles({ text }: Flags, { inParts }: Trust): void {
  const given: Readonly<Record<string, string>> = text;
  const wrong = Object.keys(BUNDLED).find((name) => given[name]);
  if (wrong !== undefined) throw new VerifyError('Other', `unsupported: ${BUNDLED[wrong] ?? wrong} when using --new-bundle-format`);
  if (inParts) throw new VerifyError('Other', 'trusted root is required when using new bundle format');
}

/** What a registry did wrong is told as cosign tells it, and in a note what to do. */
function wordsOf(error: unknown): { readonly text: string; readonly note?: string } {
  if (error instanceof VerifyError) return { text: error.message };
  const text = messageOf(error, 4096);
  return error instanceof RegistryError && error.asCosign !== undefined ? { text: error.asCosign, note: text } : { text };
}

/** An error as cosign ends with it; what others wrote in it cannot steer a terminal. */
function errorLines(message: string): string {
  const text = message.split('\n').map(printable).join('\n');
  return `Error: ${text}\nerror during command execution: ${text}\n`;
}

