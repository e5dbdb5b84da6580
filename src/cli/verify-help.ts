import type { FlagSpec } from './pflag.ts';
import { variableOf } from './pflag.ts';
import type { CommandName } from './verify-flags.ts';
import { COMMANDS } from './verify-flags.ts';

/** One line on each command. */
export const SUMMARIES: Readonly<Record<CommandName, string>> = {
  verify: 'verify the signatures of images as cosign does',
  'verify-attestation': 'verify the attestations of images as cosign does',
};

const INTRODUCTIONS: Readonly<Record<CommandName, string>> = {
  verify: `Verifies that images are signed, by a key or by an identity, and prints the signatures that count as one line of JSON for each image.
Flags, output and exit codes are those of "cosign verify" (3.1).`,
  'verify-attestation': `Verifies the attestations of images, and prints those of the wanted type, one DSSE envelope in JSON on a line.
Flags, output and exit codes are those of "cosign verify-attestation" (3.1).`,
};

const EXAMPLES: Readonly<Record<CommandName, readonly (readonly [string, string])[]>> = {
  verify: [
    ['signed by a workflow, whoever started it', 'assay verify --certificate-oidc-issuer https://token.actions.githubusercontent.com \\\n      --certificate-identity-regexp \'^https://github\\.com/acme/\' registry.example/acme/web:1.4'],
    ['signed by a person', 'assay verify --certificate-identity alice@example.com --certificate-oidc-issuer https://accounts.google.com IMAGE'],
    ['signed by a key that is not in a transparency log', 'assay verify --key cosign.pub --insecure-ignore-tlog IMAGE'],
    ['the key is in a variable, or in a Secret of the cluster', 'assay verify --key env://COSIGN_PUBLIC_KEY IMAGE\n  assay verify --key k8s://security/release-key IMAGE'],
    ['with a signed annotation, in a Sigstore of your own', 'assay verify -a env=prod --trusted-root trusted_root.json --key cosign.pub IMAGE'],
    ['several images; a folder that cosign save wrote', 'assay verify --key cosign.pub IMAGE IMAGE\n  assay verify --key cosign.pub --local-image FOLDER'],
    ['what the operator would say of it, in a pipeline', 'assay verify --strict --key cosign.pub IMAGE'],
  ],
  'verify-attestation': [
    ['provenance by a builder', 'assay verify-attestation --type slsaprovenance1 --certificate-oidc-issuer https://token.actions.githubusercontent.com \\\n      --certificate-identity-regexp \'^https://github\\.com/acme/\' IMAGE'],
    ['a scan, signed by a key; its predicate alone', 'assay verify-attestation --type vuln --key cosign.pub IMAGE | jq -r .payload | base64 -d | jq .predicate'],
    ['no vulnerability that is worse than medium', "echo 'predicate.scanner.result.all(r, r.severity != \"HIGH\")' > scan.cel\n  assay verify-attestation --type vuln --policy scan.cel --key cosign.pub IMAGE"],
    ['a type of your own', 'assay verify-attestation --type https://acme.example/review/v1 --key cosign.pub IMAGE'],
  ],
};

const EXITS: Readonly<Record<CommandName, string>> = {
  verify: `Exit codes: 0 when every image is verified, 10 when there is no signature, 11 when the tag is not found, 12 when none of the
signatures matches, 1 for everything else.`,
  'verify-attestation': 'Exit codes: 0 when every image has an attestation of the type that is verified, 1 otherwise.',
};

const WIDTH = 110;
const MARGIN = '        ';

/** What `--help` prints: every flag with its default and its variable, the deprecated and those that are refused for themselves. */
export function helpOf(command: CommandName): string {
  const all: readonly (readonly [string, FlagSpec])[] = Object.entries(COMMANDS[command]);
  const current = all.filter(([, { deprecated, instead }]) => deprecated === undefined && instead === undefined);
  const deprecated = all.filter(([, flag]) => flag.deprecated !== undefined && flag.instead === undefined);
  const refused = all.filter(([, { instead }]) => instead !== undefined);
  return `${[
    INTRODUCTIONS[command],
    `Usage:\n  assay ${command} [flags] IMAGE...`,
    `Examples:\n${EXAMPLES[command].map(([what, line]) => `  # ${what}\n  ${line}`).join('\n\n')}`,
    `Flags (each can be given as a variable too: --${current[0]?.[0] ?? 'key'} as ${variableOf(current[0]?.[0] ?? 'key')}; the command line wins):\n${current.map(flagText).join('\n')}\n  -h, --help\n${MARGIN}print this`,
    `Flags that cosign calls deprecated; they work, with a warning:\n${deprecated.map(flagText).join('\n')}`,
    `Flags of cosign that are not supported; they are refused, never ignored:\n${refused.map(([name, { instead = '' }]) => `  --${name}\n${wrapped(instead)}`).join('\n')}`,
    'Other variables: COSIGN_REPOSITORY (where signatures are kept, if not beside the image), DOCKER_CONFIG and the credential helpers that its\nconfig.json names, KUBECONFIG (for k8s:// keys), SIGSTORE_ROOT_FILE, SIGSTORE_REKOR_PUBLIC_KEY, SIGSTORE_CT_LOG_PUBLIC_KEY_FILE and\nSIGSTORE_TSA_CERTIFICATE_FILE (trust for legacy signatures, in place of the trusted root\'s), HTTPS_PROXY, HTTP_PROXY and NO_PROXY,\nTUF_MIRROR, TUF_ROOT and TUF_ROOT_JSON ("assay trust show --help" tells of them).',
    EXITS[command],
  ].join('\n\n')}\n`;
}

function flagText([name, { kind, short, help, default: preset }]: readonly [string, FlagSpec]): string {
  const value = kind === 'switch' ? '' : ` ${PLACEHOLDERS[kind]}`;
  const shown = preset === undefined || preset === '' ? '' : kind === 'switch' ? ` (turn it off with --${name}=false)` : ` (default: ${preset})`;
  return `  ${short === undefined ? '' : `-${short}, `}--${name}${value}\n${wrapped(`${help}${shown}`)}`;
}

const PLACEHOLDERS: Readonly<Record<Exclude<FlagSpec['kind'], 'switch'>, string>> = { text: 'TEXT', list: 'TEXT,…', number: 'NUMBER', duration: 'TIME' };

function wrapped(text: string): string {
  const lines = text.split(' ').reduce<string[]>((done, word) => {
    const last = done.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH - MARGIN.length) return [...done, word];
    return [...done.slice(0, -1), `${last} ${word}`];
  }, []);
  return lines.map((line) => `${MARGIN}${line}`).join('\n');
}
