import type { Command } from 'commander';
import { messageOf } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { loadTrustRoot } from '../signatures/trust-root.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';
import type { CliContext } from './context.ts';
import { currentTrust } from './tuf-trust.ts';
import type { CurrentTrust } from './tuf-trust.ts';

const HELP = `
It is the one that "assay verify" uses where --trusted-root is not given: that of the public-good instance of Sigstore, refreshed once a day.
  TUF_MIRROR      another TUF repository, or 0 to never ask one
  TUF_ROOT_JSON   root.json with which trust in it begins, where it is not a mirror of the public-good instance
  TUF_ROOT        folder to keep it in (default: $XDG_CACHE_HOME/assay or ~/.cache/assay)
`;

/** Adds `trust show` and `trust refresh`: which trusted root counts where none is given, and asking for a newer one. */
export function addTrustCommand(program: Command, context: CliContext): void {
  const trust = program.command('trust').summary('show or refresh the trusted root of Sigstore').description('The trusted root of Sigstore that counts where none is given.');
  trust
    .command('show')
    .description('Prints what is in the trusted root, since when and until when.')
    .option('--json', 'print trusted_root.json itself')
    .addHelpText('after', HELP)
    .action(async ({ json }: { json?: true }) => {
      context.setExitCode(await told(context, () => currentTrust(context), (current) => (json === true ? current.text : summaryOf(current))));
    });
  trust
    .command('refresh')
    .description('Asks the TUF repository for a newer trusted root, and prints what is in it.')
    .addHelpText('after', HELP)
    .action(async () => {
      context.setExitCode(await told(context, () => currentTrust(context, 'Refresh'), summaryOf));
    });
}

/** Prints what comes of it; 1 where nothing does. */
async function told({ stdout, stderr }: CliContext, ask: () => Promise<CurrentTrust>, show: (current: CurrentTrust) => string): Promise<number> {
  try {
    const text = show(await ask());
    stdout(text.endsWith('\n') ? text : `${text}\n`);
    return 0;
  } catch (error) {
    stderr(`Error: ${printable(messageOf(error, 4096))}\n`);
    return 1;
  }
}

/** What is in a trusted root, for people. */
export function summaryOf({ text, refreshed, mirror }: CurrentTrust): string {
  const origin =
    refreshed === undefined
      ? `of this version${mirror === undefined ? '; nothing is refreshed' : `; nothing was refreshed of ${mirror}`}`
      : `refreshed ${iso(refreshed.refreshedAt)} from ${mirror ?? ''} (targets version ${refreshed.versions.targets}), vouched for until ${iso(refreshed.expires)}`;
  return [`Trusted root ${origin}`, ...membersOf(loadTrustRoot(text)), ''].map(printable).join('\n');
}

function membersOf({ material, authorities }: TrustRoot): readonly string[] {
  return [
    'Certificate authorities:',
    ...authorities.map(({ authorities: [first], start, end }) => `  ${nameOf(first?.certificate)}${period(start, end)}`),
    'Transparency logs:',
    ...material.tlogs.map(({ baseURL, validFor: { start, end } }) => `  ${baseURL}${period(start.getTime(), end.getTime())}`),
    'Certificate transparency logs:',
    ...material.ctlogs.map(({ baseURL, validFor: { start, end } }) => `  ${baseURL}${period(start.getTime(), end.getTime())}`),
    'Timestamp authorities:',
    ...material.stampAuthorities.map(({ signer, start, end }) => `  ${nameOf(signer)}${period(start, end)}`),
  ];
}

function nameOf(certificate: { readonly x509: { readonly subject: string } } | undefined): string {
  return certificate?.x509.subject.split('\n').join(', ') ?? 'unnamed';
}

const FAR = Date.UTC(9000, 0);

function period(start: number, end: number): string {
  return `  since ${iso(start)}${end < FAR ? `, until ${iso(end)}` : ''}`;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
