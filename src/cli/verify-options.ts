import type { ImageReference } from '../api/image-reference.ts';
import { parseImageReference } from '../api/image-reference.ts';
import { messageOf } from '../base/errors.ts';
import type { RepositoryName } from '../registry/types.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { CliContext } from './context.ts';
import type { FlagName, FlagSpec, Flags } from './verify-flags.ts';
import { VERIFY_FLAGS } from './verify-flags.ts';
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

/** What `assay verify` was asked to do. */
export interface VerifyOptions {
  readonly images: readonly ImageReference[];
  /** As given with `--key`; absent: keyless. */
  readonly keyReference?: string;
  readonly hashAlgorithm: PublicKey['hashAlgorithm'];
  readonly identity?: WantedIdentity;
  readonly annotations: Readonly<Record<string, string>>;
  readonly checkClaims: boolean;
  readonly trustedRoot?: string;
  readonly ignoreTlog: boolean;
  readonly ignoreSct: boolean;
  readonly useSignedTimestamps: boolean;
  /** No log is asked online; it never is, but the flag decides on what is said. */
  readonly offline: boolean;
  readonly bundles: boolean;
  readonly output: 'json' | 'text';
  readonly maxWorkers: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** Where signatures are kept, if not beside the image (`COSIGN_REPOSITORY`). */
  readonly signatureRepository?: RepositoryName;
}

const TLOG_WARNING = 'WARNING: Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the signature.\n';
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
/** Variables that give cosign other trust than its trusted root. */
const TRUST_VARIABLES = ['SIGSTORE_CT_LOG_PUBLIC_KEY_FILE', 'SIGSTORE_ROOT_FILE', 'SIGSTORE_REKOR_PUBLIC_KEY', 'SIGSTORE_TSA_CERTIFICATE_FILE', 'TUF_MIRROR', 'TUF_ROOT_JSON'];

/** Makes options of flags, with cosign's warning and in cosign's order of complaints. Throws {@link VerifyError}. */
export function readOptions(flags: Flags, { env, stderr }: Pick<CliContext, 'env' | 'stderr'>): VerifyOptions {
  if (flags.images.length === 0) throw new VerifyError('Other', 'requires at least 1 arg(s), only received 0');
  const ignoreTlog = isOn(flags, 'insecure-ignore-tlog');
  if (ignoreTlog && !isOn(flags, 'private-infrastructure')) stderr(TLOG_WARNING);
  const annotations = readAnnotations(flags.lists.annotations ?? []);
  const keyReference = textOf(flags, 'key');
  const trustedRoot = textOf(flags, 'trusted-root');
  const ways = [keyReference, textOf(flags, 'certificate-identity'), textOf(flags, 'certificate-identity-regexp')];
  if (ways.filter((way) => way !== undefined).length > 1) throw new VerifyError('Other', KEY_OR_IDENTITY);
  const identity = keyReference === undefined ? readIdentity(flags) : undefined;
  refuseOtherTrust(env, trustedRoot);
  const repository = env['COSIGN_REPOSITORY'];
  return {
    images: flags.images.map(readImage),
    ...(keyReference === undefined ? {} : { keyReference }),
    ...(identity === undefined ? {} : { identity }),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
    ...(repository === undefined || repository === '' ? {} : { signatureRepository: readImage(repository) }),
    hashAlgorithm: readHash(textOf(flags, 'signature-digest-algorithm') ?? VERIFY_FLAGS['signature-digest-algorithm'].default),
    annotations,
    checkClaims: isOn(flags, 'check-claims'),
    ignoreTlog: ignoreTlog || isOn(flags, 'private-infrastructure'),
    ignoreSct: isOn(flags, 'insecure-ignore-sct'),
    useSignedTimestamps: isOn(flags, 'use-signed-timestamps'),
    offline: isOn(flags, 'offline'),
    bundles: isOn(flags, 'new-bundle-format'),
    output: textOf(flags, 'output') === 'text' ? 'text' : 'json',
    maxWorkers: readWorkers(textOf(flags, 'max-workers') ?? VERIFY_FLAGS['max-workers'].default),
    timeout: readTimeout(textOf(flags, 'timeout') ?? VERIFY_FLAGS.timeout.default),
  };
}

function textOf(flags: Flags, name: FlagName): string | undefined {
  return flags.text[name] || undefined;
}

function isOn(flags: Flags, name: FlagName): boolean {
  const spec: FlagSpec = VERIFY_FLAGS[name];
  return flags.switches[name] ?? spec.default === true;
}

function readIdentity(flags: Flags): WantedIdentity {
  const wanted = (exact: FlagName, pattern: FlagName): Wanted => {
    const [text, regexp] = [textOf(flags, exact), textOf(flags, pattern)];
    if (text === undefined && regexp === undefined) throw new VerifyError('Other', `--${exact} or --${pattern} is required for verification in keyless mode`);
    return { ...(text === undefined ? {} : { exact: text }), ...(regexp === undefined ? {} : { pattern: regexp }) };
  };
  const claims = Object.entries(CLAIMS).flatMap(([claim, flag]) => {
    const value = textOf(flags, flag);
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

function refuseOtherTrust(env: CliContext['env'], trustedRoot: string | undefined): void {
  const set = TRUST_VARIABLES.find((name) => env[name] !== undefined && env[name] !== '');
  if (set === undefined || trustedRoot !== undefined) return;
  throw new VerifyError('Other', `${set} is not supported: put its keys into a trusted root (cosign trusted-root create) and give it with --trusted-root`);
}

function readImage(text: string): ImageReference {
  try {
    return parseImageReference(text);
  } catch (error) {
    throw new VerifyError('Other', `parsing reference: ${messageOf(error)}`, { cause: error });
  }
}

function readHash(text: string): PublicKey['hashAlgorithm'] {
  const found = HASHES.find((one) => one === text);
  if (found === undefined) throw new VerifyError('Other', `unknown digest algorithm: ${text}`);
  return found;
}

function readWorkers(text: string): number {
  const workers = Number(text);
  if (!Number.isSafeInteger(workers)) throw new VerifyError('Other', `invalid argument ${JSON.stringify(text)} for "--max-workers" flag: it is not a whole number`);
  if (workers < 1) throw new VerifyError('Other', 'please set the --max-worker flag to a value that is greater than 0');
  return workers;
}

const GO_DURATION = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/** A Go duration of hours, minutes, seconds and milliseconds, as milliseconds. */
function readTimeout(text: string): number {
  const [, hours, minutes, seconds, rest] = GO_DURATION.exec(text) ?? [];
  const total = Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + Number(seconds ?? 0) * 1000 + Number(rest ?? 0);
  if (total > 0) return total;
  throw new VerifyError('Other', `invalid argument ${JSON.stringify(text)} for "-t, --timeout" flag: it is not a duration such as 3m or 90s`);
}
