import type { CliContext } from './context.ts';
import type { FlagSpec } from './pflag.ts';
import { addVariables, readArguments } from './pflag.ts';
import { readCsv, readSwitch } from './pflag-values.ts';
import { VerifyError } from './verify-error.ts';

const TOKEN = 'a security key is not asked: export its public key (cosign public-key --sk) and give it with --key';
const REKOR = 'no log is asked online: a signature counts with the log entry that is stored with it, which cosign does since version 1.0';
const SCT = 'only an SCT that is embedded in the certificate is verified; --insecure-ignore-sct asks for none';
const CHAIN = 'put intermediate certificates into the trusted root (cosign trusted-root create) and give it with --trusted-root';

/** Flags that `cosign verify` (3.1) and `cosign verify-attestation` share, each supported or refused by name; none is ever ignored. */
const COMMON = {
  key: { kind: 'text', help: 'the public key that signed: a file (PEM), env://VARIABLE or k8s://NAMESPACE/SECRET' },
  'certificate-identity': { kind: 'text', help: 'the signer: the exact subject of the certificate, such as an e-mail address or the URL of a workflow' },
  'certificate-identity-regexp': { kind: 'text', help: 'the signer by an RE2 pattern, found anywhere in the subject: anchor it with ^ and $' },
  'certificate-oidc-issuer': { kind: 'text', help: 'who vouched for the signer: the exact OIDC issuer in the certificate' },
  'certificate-oidc-issuer-regexp': { kind: 'text', help: 'the issuer by an RE2 pattern, found anywhere in it: anchor it with ^ and $' },
  'certificate-github-workflow-trigger': { kind: 'text', help: 'the event that started the GitHub workflow, exactly' },
  'certificate-github-workflow-sha': { kind: 'text', help: 'the commit that the GitHub workflow ran on, exactly' },
  'certificate-github-workflow-name': { kind: 'text', help: 'the name of the GitHub workflow, exactly' },
  'certificate-github-workflow-repository': { kind: 'text', help: 'the repository of the GitHub workflow (owner/name), exactly' },
  'certificate-github-workflow-ref': { kind: 'text', help: 'the git ref that the GitHub workflow ran on, exactly' },
  'check-claims': { kind: 'switch', default: 'true', help: 'check that the signed statement names this image' },
  strict: { kind: 'switch', help: 'judge as the operator does: bundles and legacy signatures, and nothing ambiguous (not a flag of cosign)' },
  'trusted-root': { kind: 'text', help: 'Sigstore trusted root (JSON): certificate authorities, logs, timestamp authorities; by default that of the public-good instance' },
  'insecure-ignore-tlog': { kind: 'switch', help: 'do not ask for a transparency log entry' },
  'insecure-ignore-sct': { kind: 'switch', help: 'do not ask that a certificate transparency log has seen the certificate' },
  'use-signed-timestamps': { kind: 'switch', help: 'ask for an RFC 3161 timestamp by a trusted authority' },
  'private-infrastructure': { kind: 'switch', help: 'the same as --insecure-ignore-tlog, without its warning', deprecated: 'please use --insecure-ignore-tlog instead' },
  offline: {
    kind: 'switch',
    help: 'ask no log online; none is ever asked',
    deprecated: 'To verify in an airgapped environment, provide a --bundle with the signature and verification material, and a --trusted-root file with the service keys and certificates',
  },
  'new-bundle-format': { kind: 'switch', default: 'true', help: 'look for Sigstore bundles first', deprecated: 'this will be the only supported format in future versions' },
  'experimental-oci11': { kind: 'switch', help: 'look for legacy signatures among the referrers of the image first', deprecated: 'OCI referrers will be the default behavior in future versions' },
  'signature-digest-algorithm': {
    kind: 'text', default: 'sha256', help: 'the hash that the key of --key signs: sha224, sha256, sha384 or sha512', deprecated: 'please use --bundle, which already includes the digest algorithm',
  },
  certificate: { kind: 'text', help: 'the certificate that signed (PEM file), for legacy signatures', deprecated: 'please use --bundle with --trusted-root to provide the public certificate' },
  'certificate-chain': { kind: 'text', help: 'authorities of the certificate (PEM file): its issuer first, the root last', deprecated: 'please use --trusted-root to provide the certificate chain' },
  'ca-roots': { kind: 'text', help: 'root certificates to trust (PEM file), for legacy signatures', deprecated: 'please use --trusted-root to provide CA certificates' },
  'ca-intermediates': { kind: 'text', help: 'intermediate certificates (PEM file), with --ca-roots', deprecated: 'please use --trusted-root to provide CA certificates' },
  'timestamp-certificate-chain': { kind: 'text', help: 'timestamp authority to trust (PEM file: signer, then its issuers), for legacy signatures', deprecated: 'please use --trusted-root to provide the timestamp authority certificate chain' },
  output: { kind: 'text', short: 'o', default: 'json', help: 'json or text' },
  'local-image': { kind: 'switch', help: 'the image is a folder that "cosign save" wrote' },
  'max-workers': { kind: 'number', default: '10', help: 'how many signatures are fetched at the same time' },
  'allow-insecure-registry': { kind: 'switch', help: 'do not verify certificates of registries, and allow plain HTTP' },
  'allow-http-registry': { kind: 'switch', help: 'allow plain HTTP to registries' },
  'registry-username': { kind: 'text', help: 'user name for the registry' },
  'registry-password': { kind: 'text', help: 'password for the registry' },
  'registry-token': { kind: 'text', help: 'bearer token for the registry' },
  'registry-cacert': { kind: 'text', help: 'certificate authorities of the registry (PEM file)' },
  'registry-client-cert': { kind: 'text', help: 'client certificate for the registry (PEM file)' },
  'registry-client-key': { kind: 'text', help: 'key of the client certificate (PEM file)' },
  'registry-server-name': { kind: 'text', help: 'the name that the registry must have in its certificate' },
  'attachment-tag-prefix': { kind: 'text', help: 'what the tags of legacy signatures begin with', deprecated: 'please use OCI referrers' },
  timeout: { kind: 'duration', short: 't', default: '3m0s', help: 'the time for the whole command' },
  'output-file': { kind: 'text', help: 'a file for what is otherwise printed on the standard output' },
  verbose: { kind: 'switch', short: 'd', help: 'tell each request to a registry on the standard error' },
  'k8s-keychain': { kind: 'switch', help: 'cloud providers’ own keychains', instead: 'log in with docker login or a credential helper in the docker config, or give --registry-username and --registry-password' },
  sk: { kind: 'switch', help: 'a hardware security key', instead: TOKEN },
  slot: { kind: 'text', help: 'slot of the security key', instead: TOKEN },
  'allow-certificate-chain': { kind: 'switch', help: 'certificate chains inside of bundles', instead: CHAIN },
  sct: { kind: 'text', help: 'a detached SCT', instead: SCT, deprecated: 'a Signed Certificate Timestamp is now provided via a Sigstore bundle' },
  'rekor-url': { kind: 'text', help: 'a transparency log to ask online', instead: REKOR, deprecated: 'please use --bundle, which includes the Rekor inclusion proof' },
} as const satisfies Readonly<Record<string, FlagSpec>>;

/** The flags of `verify`. */
export const VERIFY_FLAGS = {
  ...COMMON,
  annotations: { kind: 'list', short: 'a', help: 'a signed key=value that must be there; repeat it, or separate several by commas' },
  signature: { kind: 'text', help: 'the signature (a file, or base64) instead of those beside the image', deprecated: 'signatures are automatically fetched from the OCI registry during image verification' },
  payload: { kind: 'text', help: 'the signed bytes (file) that belong to --signature', deprecated: 'payload will always be verified from the bundle in future versions' },
  attachment: {
    kind: 'text', help: 'an attached SBOM instead of the image', instead: 'verify the attachment by its own digest (cosign tree shows it)', deprecated: 'please use OCI referrers for attachments and verify with `--experimental-oci11`',
  },
} as const satisfies Readonly<Record<string, FlagSpec>>;

/** The flags of `verify-attestation`. */
export const ATTESTATION_FLAGS = {
  ...COMMON,
  type: { kind: 'text', default: 'custom', help: 'predicate type: slsaprovenance, slsaprovenance02, slsaprovenance1, link, spdx, spdxjson, cyclonedx, vuln, openvex, custom, or a URI' },
  policy: { kind: 'list', help: 'a file (.cel) with an expression in CEL that the statement must satisfy, over predicate, predicateType, subject and statement; cosign’s .cue and .rego are refused' },
} as const satisfies Readonly<Record<string, FlagSpec>>;

export type FlagName = keyof typeof VERIFY_FLAGS | keyof typeof ATTESTATION_FLAGS;

/** One of the two commands, and its flags. */
export const COMMANDS = { verify: VERIFY_FLAGS, 'verify-attestation': ATTESTATION_FLAGS } as const;
export type CommandName = keyof typeof COMMANDS;

/** What was given, by flag; a flag that was not is not there. */
export interface Flags {
  readonly images: readonly string[];
  readonly text: Partial<Readonly<Record<FlagName, string>>>;
  readonly switches: Partial<Readonly<Record<FlagName, boolean>>>;
  readonly lists: Partial<Readonly<Record<FlagName, readonly string[]>>>;
  readonly help: boolean;
}

/** Flags that exclude each other, in cobra's order of complaints. */
const EXCLUSIVE: readonly (readonly FlagName[])[] = [['ca-intermediates', 'certificate-chain'], ['ca-roots', 'certificate-chain']];

/**
 * Reads the arguments of a command; what the command line leaves open is taken from `COSIGN_…` variables. Throws
 * {@link VerifyError} for what is unknown, not supported or not allowed together.
 */
export function readFlags(args: readonly string[], context: Pick<CliContext, 'env' | 'stderr'>, command: CommandName = 'verify'): Flags {
  const table: Readonly<Record<string, FlagSpec>> = COMMANDS[command];
  const written = readArguments(args, table, context.stderr);
  if (written.help) return { images: [], text: {}, switches: {}, lists: {}, help: true };
  if (written.positionals.length === 0) throw new VerifyError('Other', 'requires at least 1 arg(s), only received 0');
  const given = addVariables(written, table, context.env, context.stderr);
  for (const group of EXCLUSIVE) refuseTogether(group, given.values);
  const [text, switches, lists]: [Record<string, string>, Record<string, boolean>, Record<string, readonly string[]>] = [{}, {}, {}];
  for (const [name, values] of given.values) {
    const { kind, instead }: FlagSpec = table[name] ?? { kind: 'text', help: '' };
    const last = values.at(-1) ?? '';
    const on = kind === 'switch' ? readSwitch(last) : last !== '';
    if (instead !== undefined && on) throw new VerifyError('Other', `--${name} is not supported: ${instead}`);
    if (kind === 'switch') switches[name] = on;
    else if (kind === 'list') lists[name] = values.flatMap(readCsv);
    else text[name] = last;
  }
  return { images: given.positionals, text, switches, lists, help: false };
}

function refuseTogether(group: readonly FlagName[], values: ReadonlyMap<string, readonly string[]>): void {
  if (!group.every((name) => values.has(name))) return;
  const names = group.join(' ');
  throw new VerifyError('Other', `if any flags in the group [${names}] are set none of the others can be; [${names}] were all set`);
}
