import { isDigest } from '../base/digest.ts';
import { hasMoreParts } from '../base/json-parts.ts';
import type { Descriptor, Manifest } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import type { Candidate } from '../signatures/types.ts';
import type { Defect, Found, ReadOptions } from './evidence-types.ts';
import { merge } from './evidence-types.ts';

/** The parts of an image manifest that signatures are kept in. */
export interface SignatureManifest {
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** Members and elements of one manifest: thousands of signatures have fewer. */
const MAX_PARTS = 100_000;

/** Reads an image manifest (OCI image-spec, manifest.md). Throws RegistryError `ManifestInvalid`, naming `location`. */
export function signatureManifest(manifest: Manifest, location: string): SignatureManifest {
  const invalid = (what: string, cause?: unknown): RegistryError =>
    new RegistryError('ManifestInvalid', `${location} is not a manifest of signatures: ${what}; push it again`, { cause });
  if (hasMoreParts(manifest.bytes, MAX_PARTS)) throw invalid(`it has more than ${MAX_PARTS} members and elements`);
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(manifest.bytes));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isRecord(content)) throw invalid('it is not an object');
  const { layers, annotations } = content;
  // An index under a tag for signatures has no layers; cosign reads it as "no signatures", we as something unreadable.
  if (!Array.isArray(layers)) throw invalid('it has no list of layers');
  return {
    annotations: strings(annotations),
    layers: layers.map((layer: unknown, index) => {
      const problem = `layer ${index + 1} has no well-formed media type, sha256 digest and size`;
      if (!isRecord(layer)) throw invalid(problem);
      const { mediaType, digest, size } = layer;
      if (typeof mediaType !== 'string' || !isDigest(digest) || !Number.isSafeInteger(size) || (size as number) < 0) throw invalid(problem);
      return { mediaType, digest, size: size as number, annotations: strings(layer['annotations']) };
    }),
  };
}

/**
 * Fetches a blob and makes a candidate of it. A blob that is not there or too large is a defect of this one signature;
 * everything else that goes wrong at the registry is a failure to look.
 */
export async function fetchCandidate(
  options: ReadOptions,
  blob: Descriptor,
  location: string,
  make: (bytes: Uint8Array) => Candidate,
): Promise<Found> {
  const { registry, repository, payload, budget, room, call } = options;
  const tooLarge = (size: string): Found =>
    defective({ location, reason: 'LimitExceeded', message: `the signature's content is ${size}, and at most ${payload} bytes are read`, unread: true });
  if (blob.size > payload) return tooLarge(`${blob.size} bytes`);
  if (!budget.take(blob.size)) return { ...defective(), omitted: 1 };
  if (room?.take(blob.size) === false) {
    return { ...defective(), failures: [new RegistryError('Unavailable', `${location} was not read, because too many large signatures and attestations are being read at the moment; it is asked again`)] };
  }
  try {
    const bytes = await registry.blob(repository, blob.digest, payload, call);
    // Only now is it known whether the descriptor told the truth.
    if (!budget.take(Math.max(0, bytes.length - blob.size))) return { ...defective(), omitted: 1 };
    if (bytes.length !== blob.size) {
      const message = `the signature's content has ${bytes.length} bytes, and its descriptor says ${blob.size}`;
      return defective({ location, reason: 'SignatureInvalid', message });
    }
    return merge([{ ...defective(), candidates: [make(bytes)] }]);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.code === 'LimitExceeded') return tooLarge('larger than it says');
    if (error.code === 'NotFound') {
      const message = `the registry does not have the signature's content, ${blob.digest}`;
      return defective({ location, reason: 'SignatureInvalid', message, unread: true });
    }
    return { ...defective(), failures: [error] };
  }
}

/** One place in which these things are wrong. */
export function defective(...defects: readonly Defect[]): Found {
  return { candidates: [], defects, failures: [], omitted: 0, attestations: 0 };
}

/** Runs `work` over `items`, at most `width` at a time, results in the order of `items`. */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      for (const [index, item] of queue) results[index] = await work(item, index);
    }),
  );
  return results;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function strings(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}
