import type { ImageReference } from '../api/image-reference.ts';
import { deadline } from '../base/abort.ts';
import type { Digest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import type { Keychain, RegistryCall, RegistryClient } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import { isLoadable } from '../signatures/bundle.ts';
import { COSIGN, OPERATOR } from '../signatures/profile.ts';
import { prove } from '../signatures/prove.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';
import type { Candidate, Profile, Requirement } from '../signatures/types.ts';
import { SignatureError } from '../signatures/types.ts';
import { readReferrers } from '../verification/bundle-evidence.ts';
import type { Found, ReadOptions } from '../verification/evidence-types.ts';
import { budgetOf } from '../verification/evidence-types.ts';
import { readLegacy } from '../verification/legacy-evidence.ts';
import type { CliContext } from './context.ts';
import { bundleRefusal } from './refusal/bundle.ts';
import { legacyRefusal } from './refusal/legacy.ts';
import { Mismatch } from './refusal/mismatch.ts';
import { checkBundle, checkLegacy } from './verify-checks.ts';
import { VerifyError } from './verify-error.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { Accepted } from './verify-output.ts';
import { printAccepted, printHeader } from './verify-output.ts';

/** What one run of `verify` works with. */
export interface VerifyRun {
  readonly context: CliContext;
  readonly options: VerifyOptions;
  readonly registry: RegistryClient;
  readonly keychain: Keychain;
  readonly key?: PublicKey;
  readonly trust?: TrustRoot;
}

/** cosign reads no more signatures of one image. */
const MAX_SIGNATURES = 1000;

type Format = Candidate['format'];

/**
 * Verifies the images one after the other as cosign 3 does (cosign.md §2): one bundle beside the first image that can be
 * loaded makes the whole run one over bundles, otherwise it is one over legacy signatures. Throws {@link VerifyError}.
 */
export async function runVerify(run: VerifyRun): Promise<void> {
  const { clock } = run.context;
  const limit = deadline(clock, run.options.timeout, 'verification');
  const call: RegistryCall = { keychain: run.keychain, signal: limit.signal };
  try {
    let format: Format | undefined;
    for (const image of run.options.images) {
      const digest = await resolve(run, image, call);
      const bundles = run.options.bundles && format !== 'legacy' ? await loadableBundles(run, image, digest, call) : undefined;
      format ??= bundles !== undefined && bundles.candidates.length > 0 ? 'bundle' : 'legacy';
      if (format === 'bundle') verifyBundles(run, image, digest, bundles);
      else await verifyLegacy(run, image, digest, call, bundles);
    }
  } catch (error) {
    throw limit.signal.aborted && !(error instanceof VerifyError) ? new VerifyError('Other', messageOf(limit.signal.reason), { cause: error }) : error;
  } finally {
    limit.cancel();
  }
}

async function resolve(run: VerifyRun, image: ImageReference, call: RegistryCall): Promise<Digest> {
  if (image.digest !== undefined) return image.digest;
  try {
    return await run.registry.resolveTag(image, image.tag ?? 'latest', call);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'NotFound') throw error;
    throw new VerifyError('TagNotFound', `image tag not found: ${(await inWords(run, image, call, error))}`, { cause: error });
  }
}

/** A HEAD has no body: cosign's words have the error code that only a GET is answered with. */
async function inWords({ registry }: VerifyRun, image: ImageReference, call: RegistryCall, error: RegistryError): Promise<string> {
  try {
    await registry.manifest(image, image.tag ?? 'latest', call);
  } catch (second) {
    if (second instanceof RegistryError && second.code === 'NotFound') return second.asCosign ?? error.message;
  }
  return error.message;
}

function readOptions({ registry, options }: VerifyRun, image: ImageReference, digest: Digest, call: RegistryCall): ReadOptions {
  const { signatureRepository, maxWorkers } = options;
  return {
    registry,
    repository: signatureRepository ?? image,
    digest,
    call,
    signatures: MAX_SIGNATURES,
    payload: COSIGN.limits.bundleBytes,
    // As cosign: whoever runs it has asked for this one image.
    budget: budgetOf(Number.POSITIVE_INFINITY),
    fetches: maxWorkers,
    attestations: true,
  };
}

async function loadableBundles(run: VerifyRun, image: ImageReference, digest: Digest, call: RegistryCall): Promise<Found> {
  const found = await readReferrers(readOptions(run, image, digest, call));
  return { ...found, candidates: found.candidates.filter((one) => one.format === 'bundle' && isLoadable(one, COSIGN)) };
}

function verifyBundles(run: VerifyRun, image: ImageReference, digest: Digest, bundles: Found | undefined): void {
  const { accepted, errors } = judge(run, digest, bundles?.candidates ?? [], (proof) => checkBundle(proof, digest, run.options));
  if (accepted.length === 0) throw new VerifyError('Other', `no matching attestations: ${errors.join('\n ')}`);
  report(run, image, accepted, true);
}

async function verifyLegacy(run: VerifyRun, image: ImageReference, digest: Digest, call: RegistryCall, bundles: Found | undefined): Promise<void> {
  const found = await readLegacy(readOptions(run, image, digest, call));
  if (found.omitted > 0) {
    throw new VerifyError('Other', `number of layers (${MAX_SIGNATURES + found.omitted}) exceeded the limit (${MAX_SIGNATURES})`);
  }
  const { accepted, errors } = judge(run, digest, found.candidates, (proof) => checkLegacy(proof, digest, run.options));
  if (accepted.length > 0) {
    report(run, image, accepted, accepted.some(({ proof }) => proof.logged));
    return;
  }
  // A content that is not what its digest says is wrong with that signature; any other failure leaves open what is there.
  const [outage] = [...found.failures.filter(({ code }) => code !== 'DigestMismatch'), ...(bundles?.failures ?? [])];
  if (outage !== undefined) throw outage;
  const problems = [...errors, ...found.defects.map(({ message }) => message), ...found.failures.map(({ message, asCosign }) => asCosign ?? message)];
  if (problems.length === 0) throw new VerifyError('NoSignatures', 'no signatures found');
  throw new VerifyError('NoMatchingSignatures', `no matching signatures: ${problems.join('\n ')}`);
}

function judge(run: VerifyRun, digest: Digest, candidates: readonly Candidate[], check: (proof: Accepted['proof']) => void): { accepted: readonly Accepted[]; errors: readonly string[] } {
  const accepted: Accepted[] = [];
  const errors: string[] = [];
  for (const candidate of candidates) {
    try {
      const proof = prove(candidate, requirementOf(run, COSIGN));
      check(proof);
      accepted.push({ candidate, proof });
    } catch (error) {
      if (!(error instanceof SignatureError || error instanceof Mismatch)) throw error;
      errors.push(refusal(run, digest, candidate, error));
    }
  }
  return { accepted, errors };
}

/** In cosign's words, which are those of the first check that fails in its order; where it has none, in ours. */
function refusal(run: VerifyRun, digest: Digest, candidate: Candidate, error: SignatureError | Mismatch): string {
  const question = { requirement: requirementOf(run, COSIGN), options: run.options, digest };
  return (candidate.format === 'bundle' ? bundleRefusal(candidate, question) : legacyRefusal(candidate, question)) ?? error.message;
}

function requirementOf({ key, trust, options, context }: VerifyRun, profile: Profile): Requirement {
  return {
    ...(key === undefined ? {} : { key }),
    ...(trust === undefined ? {} : { trust }),
    log: options.ignoreTlog ? 'Ignored' : 'Required',
    timestamp: options.useSignedTimestamps ? 'Required' : 'NotAsked',
    sct: options.ignoreSct ? 'Ignored' : 'Required',
    profile,
    now: context.clock.now(),
  };
}

function report(run: VerifyRun, image: ImageReference, accepted: readonly Accepted[], logged: boolean): void {
  printHeader(run.context, image, logged, run.options);
  const objection = operatorRefusal(run, accepted);
  if (objection !== undefined) run.context.stderr(`Note: the operator would refuse this image: ${objection}\n`);
  printAccepted(run.context, image, accepted, run.options);
}

/** Why none of what cosign accepts would count for the operator, whose profile is the stricter one (verification.md). */
function operatorRefusal(run: VerifyRun, accepted: readonly Accepted[]): string | undefined {
  let reason: string | undefined;
  for (const { candidate } of accepted) {
    try {
      prove(candidate, requirementOf(run, OPERATOR));
      return undefined;
    } catch (error) {
      reason ??= messageOf(error);
    }
  }
  return reason;
}
