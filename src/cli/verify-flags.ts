import { parseArgs } from 'node:util';
import type { CliContext } from './context.ts';
import { VerifyError } from './verify-error.ts';

/** One flag of `cosign verify`. */
export interface FlagSpec {
  readonly kind: 'text' | 'switch' | 'list';
  readonly help: string;
  readonly short?: string;
  /** A switch that is on unless turned off; the text that stands where none is given. */
  readonly default?: boolean | string;
  /** cosign's word on a flag that it calls deprecated, printed when it is used. */
  readonly deprecated?: string;
  /** Set: the flag is known and not supported, and this says what to use instead. */
  readonly instead?: string;
}

const CA = 'put the certificates into a trusted root (cosign trusted-root create) and give it with --trusted-root';
const DETACHED = 'attach the signature to the image in its registry (cosign attach signature)';
const TOKEN = 'export the public key and give it with --key';

/** The flags of `cosign verify` (v3), each supported or refused by name; none is ever ignored. */
export const VERIFY_FLAGS = {
  key: { kind: 'text', help: 'public key: a file, or env://VARIABLE' },
  'certificate-identity': { kind: 'text', help: 'the exact identity in the certificate' },
  'certificate-identity-regexp': { kind: 'text', help: 'RE2 pattern that is found anywhere in the identity; anchor it with ^ and $' },
  'certificate-oidc-issuer': { kind: 'text', help: 'the exact OIDC issuer in the certificate' },
  'certificate-oidc-issuer-regexp': { kind: 'text', help: 'RE2 pattern that is found anywhere in the issuer' },
  'certificate-github-workflow-trigger': { kind: 'text', help: 'exact event that triggered the workflow' },
  'certificate-github-workflow-sha': { kind: 'text', help: 'exact commit of the workflow' },
  'certificate-github-workflow-name': { kind: 'text', help: 'exact name of the workflow' },
  'certificate-github-workflow-repository': { kind: 'text', help: 'exact repository of the workflow' },
  'certificate-github-workflow-ref': { kind: 'text', help: 'exact git ref of the workflow' },
  annotations: { kind: 'list', short: 'a', help: 'signed key=value that must be there (repeatable)' },
  'check-claims': { kind: 'switch', default: true, help: 'check that the signature names the image' },
  'trusted-root': { kind: 'text', help: 'Sigstore trusted root (JSON); the public-good instance by default' },
  'insecure-ignore-tlog': { kind: 'switch', help: 'do not ask for a transparency log entry' },
  'private-infrastructure': { kind: 'switch', help: 'the same for private deployments, without the warning' },
  'insecure-ignore-sct': { kind: 'switch', help: 'do not ask for a certificate transparency log entry' },
  'use-signed-timestamps': { kind: 'switch', help: 'verify RFC 3161 timestamps' },
  offline: {
    kind: 'switch',
    help: 'never ask a transparency log (this command never does)',
    deprecated: 'To verify in an airgapped environment, provide a --bundle with the signature and verification material, and a --trusted-root file with the service keys and certificates',
  },
  'new-bundle-format': { kind: 'switch', default: true, help: 'look for Sigstore bundles first', deprecated: 'this will be the only supported format in future versions' },
  'signature-digest-algorithm': { kind: 'text', default: 'sha256', help: 'hash that --key is used with: sha224, sha256, sha384, sha512' },
  output: { kind: 'text', short: 'o', default: 'json', help: 'json or text' },
  'max-workers': { kind: 'text', default: '10', help: 'signatures that are fetched at the same time' },
  timeout: { kind: 'text', short: 't', default: '3m0s', help: 'time for the whole command' },
  'allow-insecure-registry': { kind: 'switch', help: 'do not verify certificates of registries, and allow plain HTTP' },
  'allow-http-registry': { kind: 'switch', help: 'allow plain HTTP to registries' },
  'registry-username': { kind: 'text', help: 'user name for the registry' },
  'registry-password': { kind: 'text', help: 'password for the registry' },
  'registry-token': { kind: 'text', help: 'bearer token for the registry' },
  'registry-cacert': { kind: 'text', help: 'PEM file of certificate authorities for the registry' },
  'registry-client-cert': { kind: 'text', help: 'PEM file of the client certificate for the registry' },
  'registry-client-key': { kind: 'text', help: 'PEM file of the client key for the registry' },
  'registry-server-name': { kind: 'text', help: 'name that the registry must have in its certificate' },
  'k8s-keychain': { kind: 'switch', help: '', instead: 'log in with docker login, or give --registry-username and --registry-password' },
  'attachment-tag-prefix': { kind: 'text', help: '', instead: 'use COSIGN_REPOSITORY for signatures in another repository' },
  sk: { kind: 'switch', help: '', instead: TOKEN },
  slot: { kind: 'text', help: '', instead: TOKEN },
  certificate: { kind: 'text', help: '', instead: DETACHED },
  'certificate-chain': { kind: 'text', help: '', instead: CA },
  'ca-roots': { kind: 'text', help: '', instead: CA },
  'ca-intermediates': { kind: 'text', help: '', instead: CA },
  'allow-certificate-chain': { kind: 'switch', help: '', instead: CA },
  'timestamp-certificate-chain': { kind: 'text', help: '', instead: CA },
  sct: { kind: 'text', help: '', instead: 'only certificates with an embedded SCT are verified; --insecure-ignore-sct asks for none' },
  'rekor-url': { kind: 'text', help: '', instead: 'no log is asked online: sign with a client that stores the log entry with the signature, as cosign does' },
  'experimental-oci11': { kind: 'switch', help: '', instead: 'signatures are looked for in bundles and under the .sig tag; sign again without --registry-referrers-mode' },
  attachment: { kind: 'text', help: '', instead: 'verify the attachment by its own digest' },
  signature: { kind: 'text', help: '', instead: DETACHED },
  payload: { kind: 'text', help: '', instead: DETACHED },
  'local-image': { kind: 'switch', help: '', instead: 'push the image to a registry (a local one will do) and verify it there' },
  'output-file': { kind: 'text', help: '', instead: 'redirect the standard output' },
  verbose: { kind: 'switch', short: 'd', help: '', instead: 'leave it out: requests are not dumped' },
} as const satisfies Readonly<Record<string, FlagSpec>>;

export type FlagName = keyof typeof VERIFY_FLAGS;

/** What was given, by flag; a flag that was not is not there. */
export interface Flags {
  readonly images: readonly string[];
  readonly text: Partial<Readonly<Record<FlagName, string>>>;
  readonly switches: Partial<Readonly<Record<FlagName, boolean>>>;
  readonly lists: Partial<Readonly<Record<FlagName, readonly string[]>>>;
}

/**
 * Reads arguments as cosign does (spf13/pflag: `--check-claims=false`, `-a k=v,k2=v2`, flags after images); what the
 * command line leaves open is taken from `COSIGN_…` variables. Throws {@link VerifyError} for what is unknown or not supported.
 */
export function readFlags(args: readonly string[], context: Pick<CliContext, 'env' | 'stderr'>): Flags {
  const given = new Map<FlagName, string[]>();
  const images: string[] = [];
  const options = Object.fromEntries(specs().map(([name, { kind, short }]) => [name, { type: kind === 'switch' ? 'boolean' as const : 'string' as const, ...(short === undefined ? {} : { short }) }]));
  for (const token of parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens) {
    if (token.kind === 'positional') images.push(token.value);
    if (token.kind !== 'option') continue;
    const name = known(token.name, token.rawName, args);
    const spec: FlagSpec = VERIFY_FLAGS[name];
    if (token.value === undefined && spec.kind !== 'switch') throw new VerifyError('Other', `flag needs an argument: ${token.rawName}`);
    given.set(name, [...(given.get(name) ?? []), token.value ?? 'true']);
    if (spec.deprecated !== undefined) context.stderr(`Flag --${name} has been deprecated, ${spec.deprecated}\n`);
  }
  for (const [name] of specs()) {
    const value = context.env[`COSIGN_${name.toUpperCase().replaceAll('-', '_')}`];
    if (value !== undefined && value !== '' && !given.has(name)) given.set(name, [value]);
  }
  return collected(images, given);
}

function specs(): readonly (readonly [FlagName, FlagSpec])[] {
  return Object.entries(VERIFY_FLAGS) as [FlagName, FlagSpec][];
}

function known(name: string, raw: string, args: readonly string[]): FlagName {
  if (Object.hasOwn(VERIFY_FLAGS, name)) return name as FlagName;
  if (raw.startsWith('--')) throw new VerifyError('Other', `unknown flag: ${raw}`);
  const group = args.find((arg) => arg.startsWith('-') && !arg.startsWith('--') && arg.includes(name)) ?? raw;
  throw new VerifyError('Other', `unknown shorthand flag: '${name}' in ${group}`);
}

function collected(images: readonly string[], given: ReadonlyMap<FlagName, readonly string[]>): Flags {
  const text: Partial<Record<FlagName, string>> = {};
  const switches: Partial<Record<FlagName, boolean>> = {};
  const lists: Partial<Record<FlagName, readonly string[]>> = {};
  for (const [name, values] of given) {
    const { kind, instead }: FlagSpec = VERIFY_FLAGS[name];
    const last = values.at(-1) ?? '';
    const on = kind === 'switch' ? readSwitch(name, last) : last !== '';
    if (instead !== undefined && on) throw new VerifyError('Other', `--${name} is not supported: ${instead}`);
    if (kind === 'switch') switches[name] = on;
    else if (kind === 'list') lists[name] = values.flatMap((value) => readList(name, value));
    else text[name] = last;
  }
  return { images, text, switches, lists };
}

/** strconv.ParseBool. */
function readSwitch(name: string, value: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  const quoted = JSON.stringify(value);
  throw new VerifyError('Other', `invalid argument ${quoted} for "--${name}" flag: strconv.ParseBool: parsing ${quoted}: invalid syntax`);
}

/** One line of CSV (RFC 4180), as pflag's StringSlice takes it. */
function readList(name: string, value: string): string[] {
  if (value === '') return [];
  const fields = [...value.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$))/g)];
  const read = fields.reduce((length, [whole]) => length + whole.length, 0);
  if (read !== value.length) throw new VerifyError('Other', `invalid argument ${JSON.stringify(value)} for "--${name}" flag: it is not a list separated by commas`);
  return fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}
