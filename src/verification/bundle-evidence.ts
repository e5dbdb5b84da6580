import { REFERRERS_LIMIT } from '../registry/referrers.ts';
import type { Descriptor } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import type { Defect, Found, ReadOptions } from './evidence-types.ts';
import { NOTHING, merge } from './evidence-types.ts';
import { defective, fetchCandidate, mapLimited, signatureManifest } from './fetch.ts';
import { readLayers } from './legacy-evidence.ts';

/** How the media type of every Sigstore bundle begins (cosign specs/BUNDLE_SPEC.md). */
const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle';
/** A legacy signature stored as an OCI 1.1 referrer (`cosign sign --registry-referrers-mode=oci-1-1`). */
const LEGACY_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json';
/** What a descriptor that says nothing about its manifest carries: cosign up to 3.0 writes fallback indexes like that. */
const UNTOLD_TYPES: ReadonlySet<string | undefined> = new Set([undefined, '', 'application/vnd.oci.empty.v1+json']);
const PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

/** The predicate type of what `cosign sign` makes; a bundle of any other is an attestation (cosign specs/BUNDLE_SPEC.md). */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** The bundles (and legacy signatures) that refer to the digest. Other artifacts (SBOMs, scans) are not fetched. */
export async function readReferrers(options: ReadOptions): Promise<Found> {
  const { registry, repository, digest, call } = options;
  let referrers: readonly Descriptor[];
  try {
    referrers = await registry.referrers(repository, digest, call);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { ...NOTHING, failures: [error] };
  }
  const others = referrers.filter((one) => isUnasked(one.annotations, options));
  const wanted = referrers
    .filter((one) => rank(one) !== undefined && !others.includes(one))
    .toSorted((one, other) => (rank(one) ?? 0) - (rank(other) ?? 0));
  const looked = wanted.slice(0, options.signatures);
  // A list that was cut may have lost the one that counts: then its absence proves nothing.
  const found = await mapLimited(looked, options.fetches, (descriptor) => readReferrer(options, descriptor));
  const omitted = wanted.length - looked.length + (referrers.length < REFERRERS_LIMIT ? 0 : 1);
  return merge([...found, ...others.map(({ annotations }) => unread(annotations)), { ...NOTHING, omitted }]);
}

/** Signatures first, so that a cap never hides them behind what only might be one; `undefined`: certainly none. */
function rank({ artifactType }: Descriptor): number | undefined {
  if (artifactType?.startsWith(BUNDLE_TYPE) === true || artifactType === LEGACY_TYPE) return 0;
  return UNTOLD_TYPES.has(artifactType) ? 1 : undefined;
}

async function readReferrer(options: ReadOptions, descriptor: Descriptor): Promise<Found> {
  const { registry, repository, call } = options;
  const location = `${repository.host}/${repository.path}@${descriptor.digest}`;
  try {
    const { layers, annotations } = signatureManifest(await registry.manifest(repository, descriptor.digest, call), location);
    if (descriptor.artifactType === LEGACY_TYPE) return await readLayers(options, layers, location);
    const [layer] = layers;
    // One layer exactly, as cosign asks: which of several would be the bundle is anybody's guess.
    if (layer === undefined || layers.length !== 1 || !layer.mediaType.startsWith(BUNDLE_TYPE)) {
      return unreadable(descriptor, location, 'the manifest of the signature does not have one layer that is a bundle');
    }
    if (isUnasked(annotations, options)) return unread(annotations);
    return await fetchCandidate(options, layer, location, (bytes) => ({ format: 'bundle', location, bytes }));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.code === 'NotFound') return unreadable(descriptor, location, 'the signature is listed, but the registry does not have it', { unread: true });
    if (error.code === 'ManifestInvalid') return unreadable(descriptor, location, 'what is listed as a signature is not an image manifest');
    return { ...NOTHING, failures: [error] };
  }
}

/** A referrer that claims to be a signature and is none is told; one that claims nothing may be anything else. */
function unreadable(descriptor: Descriptor, location: string, message: string, more: Pick<Defect, 'unread'> = {}): Found {
  return rank(descriptor) === 0 ? defective({ location, reason: 'SignatureInvalid', message, ...more }) : NOTHING;
}

type Annotations = Readonly<Record<string, string>> | undefined;

/** The annotation is not signed: it only saves fetching what would not count anyway. */
function isUnasked(annotations: Annotations, { attestations, predicateTypes }: ReadOptions): boolean {
  const type = annotations?.[PREDICATE_ANNOTATION];
  if (type === undefined) return false;
  return attestations ? predicateTypes?.includes(type) === false : type !== SIGN_PREDICATE;
}

function unread(annotations: Annotations): Found {
  const type = annotations?.[PREDICATE_ANNOTATION] ?? '';
  return { ...NOTHING, attestations: type === SIGN_PREDICATE ? 0 : 1, otherTypes: [type.slice(0, MAX_TYPE)] };
}

const MAX_TYPE = 256;
