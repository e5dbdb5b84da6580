import type { Digest } from '../base/digest.ts';
import type { Descriptor } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import type { Candidate } from '../signatures/types.ts';
import type { Found, ReadOptions } from './evidence-types.ts';
import { NOTHING, merge } from './evidence-types.ts';
import { defective, fetchCandidate, mapLimited, signatureManifest } from './fetch.ts';

/** The annotation that holds a legacy signature (cosign specs/SIGNATURE_SPEC.md). */
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';

/** The tag under which cosign keeps the legacy signatures of `digest` (cosign specs/SIGNATURE_SPEC.md). */
export function signatureTag(digest: Digest, prefix = ''): string {
  return `${prefix}${digest.replace(':', '-')}.sig`;
}

/** The tag under which cosign keeps the legacy attestations of `digest` (cosign specs/ATTESTATION_SPEC.md). */
export function attestationTag(digest: Digest, prefix = ''): string {
  return `${prefix}${digest.replace(':', '-')}.att`;
}

/** The legacy signatures of the digest: its `.sig` tag. A registry's own 404 means none; any other failure is one. */
export async function readLegacy(options: ReadOptions): Promise<Found> {
  return readTag(options, signatureTag(options.digest, options.tagPrefix), 'legacy');
}

/** The legacy attestations of the digest: its `.att` tag, where each layer is a DSSE envelope. As {@link readLegacy}. */
export async function readAttestations(options: ReadOptions): Promise<Found> {
  return readTag(options, attestationTag(options.digest, options.tagPrefix), 'legacy-attestation');
}

async function readTag(options: ReadOptions, tag: string, format: LayerFormat): Promise<Found> {
  const { registry, repository, call } = options;
  try {
    const manifest = await registry.manifest(repository, tag, call);
    const location = `${repository.host}/${repository.path}:${tag}`;
    return await readLayers(options, signatureManifest(manifest, location).layers, location, format);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return error.code === 'NotFound' ? NOTHING : { ...NOTHING, failures: [error] };
  }
}

type LayerFormat = Exclude<Candidate['format'], 'bundle'>;

/**
 * The legacy signatures in these layers, one each. The layer's media type is not looked at, as cosign does not: what
 * makes a layer a signature is its annotation, and a layer without one is not even fetched.
 */
export async function readLayers(options: ReadOptions, layers: readonly Descriptor[], manifest: string, format: LayerFormat = 'legacy'): Promise<Found> {
  const looked = layers.slice(0, options.signatures);
  const payloads = new Map<Digest, Promise<Found>>();
  const found = await mapLimited(looked, options.fetches, async (layer, index) => {
    const location = `${manifest}, layer ${index + 1}`;
    const annotations = layer.annotations ?? {};
    if (!Object.hasOwn(annotations, SIGNATURE_ANNOTATION)) {
      const message = `signature layer ${layer.digest} is missing "${SIGNATURE_ANNOTATION}" annotation`;
      return defective({ location, reason: 'SignatureInvalid', message });
    }
    if (!options.budget.take(sizeOf(annotations))) return { ...NOTHING, omitted: 1 };
    // Several people signing one image sign the same bytes: one fetch serves all their layers.
    const known = payloads.get(layer.digest);
    const fetching =
      known ??
      fetchCandidate(options, layer, location, (bytes) =>
        format === 'legacy' ? { format, location, payload: bytes, annotations } : { format, location, envelope: bytes, annotations },
      );
    if (known === undefined) payloads.set(layer.digest, fetching);
    return relocated(await fetching, location, annotations);
  });
  return merge([...found, { ...NOTHING, omitted: layers.length - looked.length }]);
}

/** Characters of names and values; not of JSON, which takes as long to write as the whole manifest took to read. */
function sizeOf(annotations: Readonly<Record<string, string>>): number {
  return Object.entries(annotations).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

function relocated(found: Found, location: string, annotations: Readonly<Record<string, string>>): Found {
  return {
    ...found,
    candidates: found.candidates.map((one): Candidate => (one.format === 'bundle' ? one : { ...one, location, annotations })),
    defects: found.defects.map((defect) => ({ ...defect, location })),
  };
}
