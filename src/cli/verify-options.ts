import type { ImageReference } from '../api/image-reference.ts';
import { parseImageReference } from '../api/image-reference.ts';
import { messageOf } from '../base/errors.ts';
import type { RepositoryName } from '../registry/types.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { CliContext } from './context.ts';
import type { FlagSpec } from './pflag.ts';
import { readDuration, readNumber } from './pflag-values.ts';
import type { CommandName, FlagName, Flags } from './verify-flags.ts';
import { COMMANDS } from './verify-flags.ts';
import { VerifyError } from './verify-error.ts';

/** Exactly one of the two is set: the text itself, or an RE2 pattern for a part of it. */
export interface Wanted {
  readonly exact?: string;
  readonly pattern?: string;
}

/** Who must have signed, where no key was given. */
export interface WantedIdentity {
  readonly subject: Wanted;
  /** Both may be set: a legacy signature is then held against the pattern only, a bundle against both. */
  readonly issuer: Wanted;
  /** GitHub's workflow claims with exactly these values, by the names of api.md. */
  readonly claims: Readonly<Record<string, string>>;
}

/** What `assay verify` or `assay verify-attestation` was asked to do. */
export interface VerifyOptions {
  readonly command: CommandName;
  /** As given, neither of them read yet: cosign complains of one when its turn comes. */
  readonly images: readonly string[];
  /** As given with `--key`; absent: keyless. */
  readonly keyReference?: string;
  readonly hashAlgorithm: PublicKey['hashAlgorithm'];
  readonly identity?: WantedIdentity;
  readonly annotations: Readonly<Record<string, string>>;
  readonly checkClaims: boolean;
  /** Judged by the operator's rules instead of cosign's. */
  readonly strict: boolean;
  /** As given with `--type`; a predicate type by its alias or its URI. */
  readonly predicateType: string;
  readonly ignoreTlog: boolean;
  readonly ignoreSct: boolean;
  readonly useSignedTimestamps: boolean;
  /** No log is asked online; it never is, but the flag decides on what is said. */
  readonly offline: boolean;
  readonly bundles: boolean;
  readonly localImage: boolean;
  /** Legacy signatures among the referrers are looked for first. */
  readonly oci11: boolean;
  readonly tagPrefix: string;
  readonly output: 'json' | 'text';
  readonly outputFile?: string;
  readonly verbose: boolean;
  readonly maxWorkers: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** Where signatures are kept, if not beside the image (`COSIGN_REPOSITORY`). */
  readonly signatureRepository?: RepositoryName;
}

const KEY_OR_IDENTITY =
  'exactly one of: key reference (--key) or certificate identity (--certificate-identity or --certificate-identity-regexp), must be provided. ' +
  "To determine which to use, inspect the bundle's 'verificationMaterial' field: if 'publicKey' is present, use key reference; if 'certificate' or 'x509CertificateChain' is present, use certificate identity";
const HASHES = ['sha224', 'sha256', 'sha384', 'sha512'] as const;
const CLAIMS: Readonly<Record<string, FlagName>> = {
  githubWorkflowTrigger: 'certificate-github-workflow-trigger',
  githubWorkflowSha: 'certificate-github-workflow-sha',
  githubWorkflowName: 'certificate-github-workflow-name',
  githubWorkflowRepository: 'certificate-github-workflow-repository',
  githubWorkflowRef: 'certificate-github-workflow-ref',
};

/** Makes options of flags, with cosign's warning and in cosign's order of complaints. Throws {@link VerifyError}. */
export function readOptions(flags: Flags, { env, stderr }: Pick<CliContext, 'env' | 'stderr'>, command: CommandName = 'verify'): VerifyOptions {
  const isOn = (name: FlagName): boolean => flags.switches[name] ?? defaultOf(command, name) === 'true';
  const textOf = (name: FlagName): string | undefined => flags.text[name] || undefined;
  const given = (name: FlagName): string => flags.text[name] ?? defaultOf(command, name) ?? '';
  const annotations = readAnnotations(flags.lists.annotations ?? []);
  const hashAlgorithm = readHash(given('signature-digest-algorithm'));
  const maxWorkers = readNumber(given('max-workers'));
  if (maxWorkers <= 0) throw new VerifyError('Other', 'please set the --max-worker flag to a value that is greater than 0');
  if (isOn('insecure-ignore-tlog') && !isOn('private-infrastructure')) stderr(tlogWarning(command));
  const keyReference = textOf('key');
  const ways = [keyReference, textOf('certificate-identity'), textOf('certificate-identity-regexp')];
  if (ways.filter((way) => way !== undefined).length > 1) throw new VerifyError('Other', KEY_OR_IDENTITY);
  const identity = keyReference === undefined ? readIdentity(textOf) : undefined;
  const outputFile = textOf('output-file');
  const signatureRepository = readRepository(env['COSIGN_REPOSITORY']);
  return {
    command,
    images: flags.images,
    ...(keyReference === undefined ? {} : { keyReference }),
    ...(identity === undefined ? {} : { identity }),
    ...(outputFile === undefined ? {} : { outputFile }),
    ...(signatureRepository === undefined ? {} : { signatureRepository }),
    hashAlgorithm,
    annotations,
    checkClaims: isOn('check-claims'),
    strict: isOn('strict'),
    predicateType: given('type'),
    ignoreTlog: isOn('insecure-ignore-tlog') || isOn('private-infrastructure'),
    ignoreSct: isOn('insecure-ignore-sct'),
    useSignedTimestamps: isOn('use-signed-timestamps') || textOf('timestamp-certificate-chain') !== undefined,
    offline: isOn('offline'),
    bundles: isOn('new-bundle-format'),
    localImage: isOn('local-image'),
    oci11: isOn('experimental-oci11'),
    tagPrefix: given('attachment-tag-prefix'),
    output: given('output') === 'text' ? 'text' : 'json',
    verbose: isOn('verbose'),
    maxWorkers,
    timeout: readDuration(given('timeout')),
  };
}

function defaultOf(command: CommandName, name: FlagName): string | undefined {
  const table: Readonly<Record<string, FlagSpec>> = COMMANDS[command];
  return table[name]?.default;
}

function tlogWarning(command: CommandName): string {
  const what = command === 'verify' ? 'signature' : 'attestation';
  return `WARNING: Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the ${what}.\n`;
}

function readIdentity(textOf: (name: FlagName) => string | undefined): WantedIdentity {
  const wanted = (exact: FlagName, pattern: FlagName): Wanted => {
    const [text, regexp] = [textOf(exact), textOf(pattern)];
    if (text === undefined && regexp === undefined) throw new VerifyError('Other', `--${exact} or --${pattern} is required for verification in keyless mode`);
    return { ...(text === undefined ? {} : { exact: text }), ...(regexp === undefined ? {} : { pattern: regexp }) };
  };
  const claims = Object.entries(CLAIMS).flatMap(([claim, flag]) => {
    const value = textOf(flag);
    return value === undefined ? [] : [[claim, value]];
  });
  return {
    subject: wanted('certificate-identity', 'certificate-identity-regexp'),
    issuer: wanted('certificate-oidc-issuer', 'certificate-oidc-issuer-regexp'),
    claims: Object.fromEntries(claims) as Record<string, string>,
  };
}

function readAnnotations(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 0) throw new VerifyError('Other', `unable to parse annotation: ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function readHash(text: string): PublicKey['hashAlgorithm'] {
  const wanted = text.trim().toLowerCase() || 'sha256';
  const found = HASHES.find((one) => one === wanted);
  if (found === undefined) throw new VerifyError('Other', `unknown digest algorithm: ${text}`);
  return found;
}

function readRepository(text: string | undefined): RepositoryName | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return parseImageReference(text);
  } catch (error) {
    throw new VerifyError('Other', `constructing client options: parsing $COSIGN_REPOSITORY: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * An image of the command line; why it is none is told in a note. Throws {@link VerifyError}, in which `verify-attestation` leaves out what
 * it was doing, as cosign does.
 */
export function readImage(text: string, command: CommandName, stderr: (text: string) => void): ImageReference {
  try {
    const image = parseImageReference(text);
    // cosign's parser takes no name of one letter.
    if (image.path.replace(/^library\//, '').length >= MIN_PATH) return image;
    throw new Error(`the path of image ${JSON.stringify(text)} is shorter than ${MIN_PATH} characters`);
  } catch (error) {
    stderr(`Note: ${messageOf(error)}\n`);
    throw new VerifyError('Other', `${command === 'verify' ? 'parsing reference: ' : ''}could not parse reference: ${text}`, { cause: error });
  }
}

const MIN_PATH = 2;
