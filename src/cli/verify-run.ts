import type { ImageReference } from '../api/image-reference.ts';
import type { Digest } from '../base/digest.ts';
import { RegistryError } from '../registry/types.ts';
import { predicateTypeOf } from '../signatures/predicate-types.ts';
import type { Candidate } from '../signatures/types.ts';
import type { Found } from '../verification/evidence-types.ts';
import type { CliContext } from './context.ts';
import { detachedSignature } from './detached.ts';
import { hiddenNote, passedOver, reportNotes } from './verify-notes.ts';
import type { Bench, Judgement } from './verify-judge.ts';
import { judge } from './verify-judge.ts';
import type { Bundles, Look } from './verify-look.ts';
import { lookEverywhere, lookForBundles, lookForLegacy, resolveDigest } from './verify-look.ts';
import { VerifyError } from './verify-error.ts';
import type { Flags } from './verify-flags.ts';
import { readImage } from './verify-options.ts';
import type { Accepted } from './verify-output.ts';
import type { Policies } from './verify-policy.ts';
import { heldAgainst } from './verify-policy.ts';
import { printAccepted, printHeader, referenceName } from './verify-output.ts';

/** What one run of `verify` or `verify-attestation` works with. */
export interface VerifyRun {
  readonly context: CliContext;
  readonly flags: Flags;
  readonly look: Look;
  readonly bench: Bench;
  readonly first: First;
  /** What attestations must satisfy beside their type. */
  readonly policies?: Policies;
  /** PEM of the signer's certificate, where `--certificate` named one. */
  readonly certificate?: string;
}

/** What the look at the first image decided for all of them, and what was found on the way. */
export interface First {
  /** cosign 3 verifies bundles, of all images, where the first has one that can be loaded; else legacy signatures. */
  readonly format: 'bundle' | 'legacy' | 'both';
  readonly digest?: Digest;
  readonly bundles?: Bundles;
}

/** Looks at the first image as cosign does (cosign.md §2.1); whatever goes wrong means legacy here and is told when it matters. */
export async function lookAtFirst(look: Look): Promise<First> {
  const { options } = look;
  const [image = ''] = options.images;
  if (options.strict) return { format: 'both' };
  if (!options.bundles && !options.localImage) return { format: 'legacy' };
  try {
    const reference = imageOf(look, image, nowhere);
    const digest = await resolveDigest(look, reference);
    const bundles = await lookForBundles(look, reference, digest);
    return { format: bundles.candidates.length > 0 ? 'bundle' : 'legacy', digest, bundles };
  } catch (error) {
    if (error instanceof RegistryError || error instanceof VerifyError) return { format: 'legacy' };
    throw error;
  }
}

/** Where no registry is asked, some name for the folder's image: only the digest is looked at. */
const LOCAL: ImageReference = { original: 'local', host: 'localhost', path: 'image', name: 'localhost/image', tag: 'image' };

/** It is told when the image's own turn comes. */
function nowhere(): void {}

function imageOf({ options }: Look, text: string, stderr: (text: string) => void): ImageReference {
  return options.localImage ? LOCAL : readImage(text, options.command, stderr);
}

/** Verifies the images one after the other and prints each that is verified. Throws {@link VerifyError} or RegistryError at the first that is not. */
export async function runVerify(run: VerifyRun): Promise<void> {
  const { look, first } = run;
  for (const [index, text] of look.options.images.entries()) {
    const image = imageOf(look, text, run.context.stderr);
    const digest = (index === 0 ? first.digest : undefined) ?? (await resolveIn(first.format, look, image));
    const target: Target = { text, image, digest };
    const bundles = index === 0 ? first.bundles : undefined;
    if (first.format === 'bundle') await verifyBundles(run, target, bundles ?? (await lookForBundles(look, image, digest)));
    else if (first.format === 'both') await verifyStrictly(run, target);
    else await verifyLegacy(run, target, bundles);
  }
}

/** Of bundles cosign knows no exit code but one. */
async function resolveIn(format: First['format'], look: Look, image: ImageReference): Promise<Digest> {
  try {
    return await resolveDigest(look, image);
  } catch (error) {
    throw error instanceof VerifyError && format === 'bundle' ? new VerifyError('Other', error.message, { cause: error }) : error;
  }
}

interface Target {
  /** As it was written. */
  readonly text: string;
  readonly image: ImageReference;
  readonly digest: Digest;
}

async function verifyBundles(run: VerifyRun, target: Target, bundles: Bundles): Promise<void> {
  if (bundles.candidates.length === 0) {
    const [outage] = bundles.failures;
    throw outage ?? new VerifyError('Other', 'no valid bundles exist in registry');
  }
  const { accepted, errors } = judge(run.bench, target.digest, bundles.candidates);
  if (accepted.length === 0) {
    run.context.stderr(await hiddenNote(run.look, target.image, target.digest, bundles));
    throw new VerifyError('Other', `no matching attestations: ${errors.join('\n')}`);
  }
  report(run, target, accepted, true);
}

async function verifyLegacy(run: VerifyRun, target: Target, bundles: Bundles | undefined): Promise<void> {
  const { image, digest } = target;
  const { certificate } = run;
  const given = await detachedSignature(run.flags, { image, digest, ...(certificate === undefined ? {} : { certificate }) }, run.context);
  if (given !== undefined) {
    conclude(run, target, judge(run.bench, digest, [given]), []);
    return;
  }
  const found = await lookForLegacy(run.look, image, digest);
  const judgement = judge(run.bench, digest, found.candidates);
  const hidden = bundles?.unloadable ?? 0;
  if (judgement.accepted.length === 0 && hidden > 0) run.context.stderr(passedOver(hidden));
  if (judgement.accepted.length === 0) throwOutage([...found.failures.filter((one) => !run.look.blobFailures.has(one)), ...(bundles?.failures ?? [])]);
  conclude(run, target, judgement, found.defects.map(({ message }) => message).concat(found.failures.map(({ message, asCosign }) => asCosign ?? message)));
}

/** Everything is looked at, as the operator does, and a place that could not be asked is never read as an empty one. */
async function verifyStrictly(run: VerifyRun, target: Target): Promise<void> {
  const found = await lookEverywhere(run.look, target.image, target.digest);
  const candidates: readonly Candidate[] = found.flatMap((place) => place.candidates);
  const judgement = judge(run.bench, target.digest, candidates);
  if (judgement.accepted.length === 0) throwOutage(found.flatMap(({ failures }) => failures));
  conclude(run, target, judgement, problemsOf(found));
}

function problemsOf(found: readonly Found[]): readonly string[] {
  const attestations = found.reduce((sum, place) => sum + place.attestations, 0);
  const told = attestations === 0 ? [] : [`${attestations} attestation${attestations > 1 ? 's' : ''} found: an attestation is not a signature`];
  return [...found.flatMap(({ defects }) => defects.map(({ message }) => message)), ...told];
}

function throwOutage([outage]: readonly RegistryError[]): void {
  if (outage !== undefined) throw outage;
}

/** Prints what counts, or throws what cosign says where nothing does; `others` are signatures that could not even be judged. */
function conclude(run: VerifyRun, target: Target, { accepted, errors }: Judgement, others: readonly string[]): void {
  const problems = [...errors, ...others];
  const { command, localImage } = run.bench.options;
  if (accepted.length > 0) report(run, target, accepted, accepted.some(({ proof }) => proof.logged));
  else if (command !== 'verify') throw new VerifyError('Other', `no matching attestations: ${problems.join('\n ')}`);
  else if (problems.length === 0 && localImage) throw new VerifyError('Other', `no signatures associated with the image saved in ${target.text}`);
  else if (problems.length === 0) throw new VerifyError('NoSignatures', 'no signatures found');
  else throw new VerifyError(localImage ? 'Other' : 'NoMatchingSignatures', `no matching signatures: ${problems.join('\n ')}`);
}

function report(run: VerifyRun, { text, image, digest }: Target, accepted: readonly Accepted[], logged: boolean): void {
  const { context, bench } = run;
  const { options } = bench;
  const wanted = options.command === 'verify' ? accepted : heldAgainst(run.policies, ofType(accepted, options.predicateType), context.stderr);
  const name = options.command === 'verify' && !options.localImage ? referenceName(image) : text;
  printHeader(context, name, { logged, byKey: bench.key !== undefined, options });
  context.stderr(reportNotes(bench, digest, wanted));
  printAccepted(context, name, wanted, options);
}

/** Those whose statement is of the wanted predicate type. Throws {@link VerifyError} where none is. */
function ofType(accepted: readonly Accepted[], type: string): readonly Accepted[] {
  if (type === '') throw new VerifyError('Other', 'converting to consumable policy validation: missing predicate type');
  const uri = predicateTypeOf(type);
  const wanted = accepted.filter(({ proof }) => proof.type === uri);
  if (wanted.length > 0) return wanted;
  const found = accepted.map(({ proof }) => proof.type).join(',');
  throw new VerifyError('Other', `none of the attestations matched the predicate type: ${type}, found: ${found}`);
}
