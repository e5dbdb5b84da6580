import type { Flag } from '../../src/app/flag.ts';
import { optionOf, RUN_FLAGS, variableOf } from '../../src/app/run-flags.ts';
import type { FlagSpec } from '../../src/cli/pflag.ts';
import { variableOf as cosignVariableOf } from '../../src/cli/pflag.ts';
import { ATTESTATION_FLAGS, VERIFY_FLAGS } from '../../src/cli/verify-flags.ts';
import { escape } from './api-page.ts';
import { doctorSection } from './doctor-section.ts';

/** The page about the command line. */
export function cliPage(): string {
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
    ...verifySection(),
    ...TRUST_SECTION,
    ...doctorSection(),
  ].join('\n');
}

const TRUST_SECTION: readonly string[] = [
  '## `assay trust`',
  '',
  'Where no `--trusted-root` is given, `assay verify` uses that of the public-good instance of Sigstore, which it refreshes by TUF when it is a day old.',
  'Where it cannot be reached, the last one that was vouched for counts, else that of this version, and a line on standard error says so. Nobody is',
  'asked where nothing needs a trusted root, or one is given.',
  '',
  '`assay trust show` prints which one that is and what is in it (`--json`: `trusted_root.json` itself), `assay trust refresh` asks for a newer one.',
  '',
  '| variable | default | meaning |',
  '|---|---|---|',
  '| `TUF_MIRROR` | the public-good instance | another TUF repository; 0 never asks one. `ASSAY_TUF_MIRROR`, `ASSAY_TUF_ROOT` and `ASSAY_TUF_CACHE`, as of `assay run`, win over these. |',
  '| `TUF_ROOT_JSON` | that of the public-good instance, as of this version | root.json with which trust in that repository begins, where it is not a mirror of the public-good instance |',
  '| `TUF_ROOT` | `$XDG_CACHE_HOME/assay`, `~/.cache/assay` | folder in which it is kept |',
  '| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, `NODE_EXTRA_CA_CERTS` | none | how the repository, and every registry, is reached |',
  '',
];

function verifySection(): readonly string[] {
  const all: readonly (readonly [string, FlagSpec])[] = Object.entries({ ...VERIFY_FLAGS, ...ATTESTATION_FLAGS });
  const supported = all.filter(([, { instead }]) => instead === undefined);
  const refused = all.filter(([, { instead }]) => instead !== undefined);
  return [
    '## `assay verify` and `assay verify-attestation`',
    '',
    '`assay verify [flags] IMAGE...` has the flags, the output and the exit codes of `cosign verify` (3.1), `assay verify-attestation` those of',
    '`cosign verify-attestation`. Each flag can be given as a `COSIGN_…` variable too; the command line wins. Flags may stand after images.',
    '',
    'Exit codes of `verify` are cosign\'s: 0 when every image is verified, 10 when there is no signature, 11 when the tag is not found, 12 when',
    'none of the signatures matches, 1 for everything else. `verify-attestation` knows 0 and 1.',
    '',
    'Where cosign accepts what the operator would refuse, the answer is cosign\'s and a line on standard error, `Note: …`, says so. `--strict`',
    'judges as the operator does, for a pipeline that must not pass what the cluster will refuse:',
    '',
    '| of an image | cosign, and `assay verify` | the operator, and `--strict` |',
    '|---|---|---|',
    '| with a bundle and a legacy signature | only bundles are looked at | both are |',
    '| with an attestation by the right signer | counts as a signature if it is a bundle | an attestation is not a signature |',
    '| logged by Rekor v2 with a key that has ended | counts | does not |',
    '| with a bundle that cannot be read | passed over without a word | told |',
    '| whose registry fails while signatures are looked for | may read as unsigned (exit 10) | an error; `assay verify` says so too (exit 1) |',
    '| signed by a certificate without any authenticated time | judged by the clock | refused |',
    '| signed by a certificate with several subjects or characters that are not ASCII | any of its subjects counts | refused |',
    '| whose payload has a key twice, or in another case | the last one counts | refused |',
    '',
    '| flag | variable | default | meaning |',
    '|---|---|---|---|',
    ...supported.map(verifyRow),
    '',
    'Flags of cosign that are refused by name, with what to do instead. None is ever ignored.',
    '',
    '| flag | instead |',
    '|---|---|',
    ...refused.map(([name, { instead, short }]) => `| ${flagName(name, short)} | ${escape(instead ?? '')} |`),
    '',
  ];
}

function runRow([name, flag]: [string, Flag<unknown>]): string {
  const shown = flag.default === undefined ? escape(flag.defaultText ?? 'none') : `\`${flag.default}\``;
  return `| \`${optionOf(name)} ${flag.value}\` | \`${variableOf(name)}\` | ${shown} | ${escape(flag.help)} |`;
}

function verifyRow([name, { help, short, default: preset, deprecated }]: readonly [string, FlagSpec]): string {
  const note = deprecated === undefined ? '' : '; deprecated in cosign';
  const only = Object.hasOwn(ATTESTATION_FLAGS, name) ? (Object.hasOwn(VERIFY_FLAGS, name) ? '' : '; `verify-attestation` only') : '; `verify` only';
  return `| ${flagName(name, short)} | \`${cosignVariableOf(name)}\` | ${preset === undefined ? '' : `\`${preset}\``} | ${escape(help)}${only}${note} |`;
}

function flagName(name: string, short?: string): string {
  return short === undefined ? `\`--${name}\`` : `\`--${name}\`, \`-${short}\``;
}
