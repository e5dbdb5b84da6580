import { messageOf } from '../base/errors.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';
import { embeddedTrustRoot, joinTrustRoots, loadTrustRoot } from '../signatures/trust-root.ts';
import type { CliContext } from './context.ts';
import { authoritiesFrom, certificatesIn, logsFrom, timestampAuthorityFrom } from './pem-trust.ts';
import { Mismatch } from './refusal/mismatch.ts';
import { readRootAsCosign, rootRefusal } from './refusal/trusted-root.ts';
import { currentTrust } from './tuf-trust.ts';
import { VerifyError, fileError } from './verify-error.ts';
import type { FlagName, Flags } from './verify-flags.ts';
import type { VerifyOptions } from './verify-options.ts';

/** What trust comes from. */
export interface Trust {
  /** Absent where nothing is verified against it: a key alone decides. */
  readonly root?: TrustRoot;
  /** Parts of it were given in files of their own, which cosign takes for legacy signatures only. */
  readonly inParts: boolean;
}

/** How many parts a trust root has. */
const PARTS = 4;

/**
 * The trusted root: the given one, else what PEM files and `SIGSTORE_…` variables say with the rest from the one that TUF keeps up to
 * date, else that alone; none where a key alone decides, for which nobody is asked either. Throws {@link VerifyError}.
 */
export async function loadTrust(flags: Flags, options: VerifyOptions, context: CliContext): Promise<Trust> {
  const { keyReference, ignoreTlog, useSignedTimestamps } = options;
  const path = flags.text['trusted-root'];
  if (path) return { root: await readRoot(path, options.strict, context), inParts: false };
  const byKeyAlone = (keyReference !== undefined || Boolean(flags.text.certificate)) && ignoreTlog && !useSignedTimestamps;
  const parts = await readParts(flags, context);
  const given = Object.keys(parts).length;
  if (given > 0) return { root: joinTrustRoots({ authorities: byKeyAlone || given === PARTS ? embeddedTrustRoot() : await refreshedRoot(context), ...parts }), inParts: true };
  return byKeyAlone ? { inParts: false } : { root: await refreshedRoot(context), inParts: false };
}

async function refreshedRoot(context: CliContext): Promise<TrustRoot> {
  try {
    const { text, refreshed } = await currentTrust(context);
    return refreshed === undefined ? embeddedTrustRoot() : loadTrustRoot(text);
  } catch (error) {
    throw new VerifyError('Other', `setting trusted material: getting trusted root from TUF for new bundle verification: ${messageOf(error)}`, { cause: error });
  }
}

function rootError(why: string, cause: unknown): VerifyError {
  return new VerifyError('Other', `setting trusted material: loading trusted root: ${why}`, { cause });
}

async function readRoot(path: string, strict: boolean, { readFile }: CliContext): Promise<TrustRoot> {
  let json: string;
  try {
    json = new TextDecoder().decode(await readFile(path));
  } catch (error) {
    throw rootError(`failed to read trusted root ${fileError(path, error)}`, error);
  }
  if (strict) return withRoot(() => loadTrustRoot(json));
  const read = withRoot(() => readRootAsCosign(json));
  return withRoot(() => loadTrustRoot(JSON.stringify(read)), () => rootRefusal(read));
}

/** Does `task`; what it finds wrong is told in the words of `refusal`, where that has some. */
function withRoot<Value>(task: () => Value, refusal: () => string | undefined = () => undefined): Value {
  try {
    return task();
  } catch (error) {
    if (error instanceof Mismatch) throw rootError(error.message, error);
    throw rootError(refusal() ?? `failed to proto-json unmarshal trusted root: ${messageOf(error)}`, error);
  }
}

type Parts = Partial<Record<'authorities' | 'logs' | 'ctLogs' | 'timestampAuthorities', TrustRoot>>;

async function readParts(flags: Flags, context: CliContext): Promise<Parts> {
  const { env } = context;
  const text = (name: FlagName): string | undefined => flags.text[name] || undefined;
  const parts: Parts = {};
  const chain = text('certificate-chain');
  const roots = text('ca-roots') ?? (chain === undefined ? env['SIGSTORE_ROOT_FILE'] || undefined : undefined);
  if (chain !== undefined) parts.authorities = await fromFile(chain, KEYLESS, context, readChain);
  else if (roots !== undefined) parts.authorities = await readRoots(roots, text('ca-intermediates'), context);
  const stamp = env['SIGSTORE_TSA_CERTIFICATE_FILE'] || text('timestamp-certificate-chain');
  if (stamp) parts.timestampAuthorities = await fromFile(stamp, 'loading TSA certificates', context, (pem) => timestampAuthorityFrom(certificatesIn(pem)));
  const [log, ctLog] = [env['SIGSTORE_REKOR_PUBLIC_KEY'], env['SIGSTORE_CT_LOG_PUBLIC_KEY_FILE']];
  if (log) parts.logs = await fromFile(log, 'getting rekor public keys', context, (pem) => logsFrom(pem, 'logs'));
  if (ctLog) parts.ctLogs = await fromFile(ctLog, 'getting ctlog public keys', context, (pem) => logsFrom(pem, 'ctLogs'));
  return parts;
}

/** The last one is the root, whatever it says of itself; those before it lead to it. */
function readChain(pem: string): TrustRoot {
  const certificates = certificatesIn(pem);
  return authoritiesFrom(certificates.slice(-1), certificates.slice(0, -1));
}

/** A file of roots may hold intermediates as well: those that are not self-signed. */
async function readRoots(path: string, lower: string | undefined, context: CliContext): Promise<TrustRoot> {
  const intermediates = lower === undefined ? [] : await fromFile(lower, KEYLESS, context, certificatesIn);
  return fromFile(path, KEYLESS, context, (pem) => {
    const certificates = certificatesIn(pem).filter(({ ca }) => ca);
    const roots = certificates.filter(({ subject, issuer }) => subject === issuer);
    return authoritiesFrom(roots, [...intermediates, ...certificates.filter((one) => !roots.includes(one))]);
  });
}

const KEYLESS = 'loading certs for keyless verification';

/** `doing` is cosign's word for what the file is read for. */
async function fromFile<Value>(path: string, doing: string, { readFile }: CliContext, read: (pem: string) => Value): Promise<Value> {
  let pem: string;
  try {
    pem = new TextDecoder().decode(await readFile(path));
  } catch (error) {
    throw new VerifyError('Other', `setting up clients and keys: ${doing}: ${fileError(path, error)}`, { cause: error });
  }
  try {
    return read(pem);
  } catch (error) {
    throw new VerifyError('Other', `setting up clients and keys: ${doing}: ${messageOf(error)}`, { cause: error });
  }
}
