import type { ImageReference } from '../api/image-reference.ts';
import type { Digest } from '../base/digest.ts';
import type { RegistryCall, RegistryClient } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import { asLoaded } from '../signatures/loadable.ts';
import { COSIGN } from '../signatures/profile.ts';
import { readReferrers } from '../verification/bundle-evidence.ts';
import type { Found, ReadOptions } from '../verification/evidence-types.ts';
import { budgetOf } from '../verification/evidence-types.ts';
import { readAttestations, readLayers, readLegacy } from '../verification/legacy-evidence.ts';
import { signatureManifest } from '../verification/fetch.ts';
import { VerifyError } from './verify-error.ts';
import type { VerifyOptions } from './verify-options.ts';

/** cosign reads no more signatures of one image. */
const MAX_SIGNATURES = 1000;
/** A legacy signature that is kept as a referrer (`cosign sign --registry-referrers-mode=oci-1-1`). */
const LEGACY_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** Where signatures are looked for, and with what. */
export interface Look {
  readonly registry: RegistryClient;
  readonly call: RegistryCall;
  readonly options: VerifyOptions;
  /** Failures to fetch the content of one signature, which for cosign is only wrong with that signature. */
  readonly blobFailures: WeakSet<RegistryError>;
}

/** Where to look with this client. */
export function lookWith(registry: RegistryClient, call: RegistryCall, options: VerifyOptions): Look {
  const blobFailures = new WeakSet<RegistryError>();
  const watched: RegistryClient = {
    resolveTag: (...args) => registry.resolveTag(...args),
    manifest: (...args) => registry.manifest(...args),
    referrers: (...args) => registry.referrers(...args),
    close: () => registry.close(),
    blob: async (...args) => {
      try {
        return await registry.blob(...args);
      } catch (error) {
        if (error instanceof RegistryError) blobFailures.add(error);
        throw error;
      }
    },
  };
  return { registry: watched, call, options, blobFailures };
}

/** The digest that the image means now. Throws {@link VerifyError} `TagNotFound`, else what the registry did wrong. */
export async function resolveDigest({ registry, call, options }: Look, image: ImageReference): Promise<Digest> {
  if (image.digest !== undefined) return image.digest;
  const tag = image.tag ?? 'latest';
  try {
    return await registry.resolveTag(image, tag, call);
  } catch (error) {
    if (!(error instanceof RegistryError) || !SPOKEN.has(error.code)) throw error;
    const told = await inWords(registry, image, tag, call, error);
    // Of an attestation's image cosign repeats what the registry said and no more.
    if (error.code !== 'NotFound' || options.command !== 'verify') throw told;
    throw new VerifyError('TagNotFound', `image tag not found: ${told.asCosign ?? told.message}`, { cause: error });
  }
}

/** Answers of a registry that have an error code, which HEAD does not tell. */
const SPOKEN: ReadonlySet<string> = new Set(['NotFound', 'Unauthorized']);

/** A HEAD has no body: cosign's words have the error code that only a GET is answered with. */
async function inWords(registry: RegistryClient, image: ImageReference, tag: string, call: RegistryCall, error: RegistryError): Promise<RegistryError> {
  try {
    await registry.manifest(image, tag, call);
  } catch (second) {
    if (second instanceof RegistryError && second.code === error.code) return second;
  }
  return error;
}

/** The referrers that cosign takes for bundles; those that it cannot load are counted. */
export interface Bundles extends Found {
  readonly unloadable: number;
}

/** The bundles beside an image, of whatever predicate type. Failures are in what is found. */
export async function lookForBundles(look: Look, image: ImageReference, digest: Digest): Promise<Bundles> {
  const found = await readReferrers(readOptionsOf(look, image, digest));
  const bundles = found.candidates.filter((one) => one.format === 'bundle');
  const candidates = bundles.flatMap((one) => asLoaded(one, COSIGN) ?? []);
  return { ...found, candidates, unloadable: bundles.length - candidates.length };
}

/** The legacy signatures (or, for `verify-attestation`, attestations) of an image. Throws {@link VerifyError} where there are too many. */
export async function lookForLegacy(look: Look, image: ImageReference, digest: Digest): Promise<Found> {
  const options = readOptionsOf(look, image, digest);
  const { command, oci11 } = look.options;
  const referred = command === 'verify' && oci11 ? await lastReferred(options) : undefined;
  return bounded(referred ?? (command === 'verify' ? await readLegacy(options) : await readAttestations(options)));
}

/** Everything that the operator would look at. */
export async function lookEverywhere(look: Look, image: ImageReference, digest: Digest): Promise<readonly Found[]> {
  const options = { ...readOptionsOf(look, image, digest), attestations: look.options.command !== 'verify' };
  return Promise.all([readReferrers(options), look.options.command === 'verify' ? readLegacy(options) : readAttestations(options)]);
}

/** The last of the legacy signatures that refer to the image; any failure means that there is none, as it does for cosign. */
async function lastReferred(options: ReadOptions): Promise<Found | undefined> {
  const { registry, repository, digest, call } = options;
  try {
    const listed = await registry.referrers(repository, digest, call);
    const last = listed.findLast(({ artifactType }) => artifactType === LEGACY_ARTIFACT);
    if (last === undefined) return undefined;
    const location = `${repository.host}/${repository.path}@${last.digest}`;
    const manifest = await registry.manifest(repository, last.digest, call);
    return await readLayers(options, signatureManifest(manifest, location).layers, location);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

function bounded(found: Found): Found {
  if (found.omitted === 0) return found;
  throw new VerifyError('Other', `number of layers (${MAX_SIGNATURES + found.omitted}) exceeded the limit (${MAX_SIGNATURES})`);
}

function readOptionsOf({ registry, call, options }: Look, image: ImageReference, digest: Digest): ReadOptions {
  const { signatureRepository, maxWorkers, tagPrefix } = options;
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
    tagPrefix,
    attestations: true,
  };
}
