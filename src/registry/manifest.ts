import { isDigest, type Digest } from '../base/digest.ts';
import { hasMoreParts } from '../base/json-parts.ts';

import type { Descriptor } from './types.ts';

/** Media types of manifests and indexes; the fifth is for registries that know none of them (containerd's Accept list). */
export const MANIFEST_ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  '*/*',
].join(', ');

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

const KNOWN = new Set(MANIFEST_ACCEPT.split(', ').slice(0, 4));
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;
/** Whether this is Docker's first manifest format. */
export const isSchema1 = (mediaType: string): boolean => SCHEMA_1.test(mediaType);

/** Members and elements of one document: an index of 4 MiB has fewer. */
const MAX_PARTS = 100_000;

const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;
const OTHER_DIGEST = /^(?:sha512:[0-9a-f]{128}|sha384:[0-9a-f]{96}|blake3:[0-9a-f]{64})$/;

/** Thrown by the parsers of this file; the message ends a sentence and holds nothing of the text that was parsed. */
export class ManifestSyntaxError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'ManifestSyntaxError';
  }
}

/** A manifest of one image or artifact (OCI image-spec, manifest.md). */
export interface ImageManifest {
  readonly artifactType: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

type Json = Record<string, unknown>;

function objectOf(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ManifestSyntaxError(`${what} is not a JSON object`);
  return value as Json;
}

function jsonOf(bytes: Uint8Array): Json {
  if (hasMoreParts(bytes, MAX_PARTS)) throw new ManifestSyntaxError(`it has more than ${MAX_PARTS} members and elements`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text, which is the registry's.
    throw new ManifestSyntaxError('it is not JSON');
  }
  return objectOf(value, 'it');
}

function textOf(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new ManifestSyntaxError(`${what} is not a string`);
  return value;
}

function annotationsOf(value: unknown, what: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = Object.entries(objectOf(value, `${what}.annotations`));
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  if (texts.length !== entries.length) throw new ManifestSyntaxError(`${what}.annotations holds something other than strings`);
  return Object.fromEntries(texts);
}

/** A checked descriptor, or nothing where its digest is well-formed but of an algorithm that Assay does not use. */
function descriptorOf(value: unknown, what: string): Descriptor | undefined {
  const { mediaType, digest, size, artifactType, annotations } = objectOf(value, what);
  if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) throw new ManifestSyntaxError(`${what}.mediaType is not a media type`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new ManifestSyntaxError(`${what}.size is not a size`);
  if (!isDigest(digest)) {
    if (typeof digest === 'string' && OTHER_DIGEST.test(digest)) return undefined;
    throw new ManifestSyntaxError(`${what}.digest is not a digest`);
  }
  const type = textOf(artifactType, `${what}.artifactType`);
  const notes = annotationsOf(annotations, what);
  return { mediaType, digest, size, ...(type === undefined ? {} : { artifactType: type }), ...(notes === undefined ? {} : { annotations: notes }) };
}

function required(value: unknown, what: string): Descriptor {
  const descriptor = descriptorOf(value, what);
  if (descriptor === undefined) throw new ManifestSyntaxError(`${what}.digest is not a sha256 digest`);
  return descriptor;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ManifestSyntaxError(`${what} is not a list`);
  return value;
}

/**
 * The media type of these bytes: what the server says, or the document itself where the server says nothing of use.
 * Throws {@link ManifestSyntaxError} where the two contradict each other, where the document could be read as manifest and
 * as index (CVE-2021-41190), and for Docker schema 1, whose digest does not cover its signatures.
 */
export function manifestTypeOf(bytes: Uint8Array, contentType: string): string {
  const document = jsonOf(bytes);
  const declared = textOf(document['mediaType'], 'mediaType');
  if (isSchema1(contentType) || document['schemaVersion'] === 1) throw new ManifestSyntaxError('it is of Docker schema 1, which nobody can verify: push it again');
  if (declared !== undefined && KNOWN.has(contentType) && declared !== contentType) throw new ManifestSyntaxError('its media type is not the one that the server names');
  const isIndex = document['manifests'] !== undefined;
  if (isIndex && (document['layers'] !== undefined || document['config'] !== undefined)) throw new ManifestSyntaxError('it is a manifest and an index at once');
  if (KNOWN.has(contentType)) return contentType;
  return declared !== undefined && MEDIA_TYPE.test(declared) ? declared : contentType;
}

/** The manifest of one image or artifact. Throws {@link ManifestSyntaxError}. */
export function parseManifest(bytes: Uint8Array): ImageManifest {
  const { artifactType, config, layers, subject, annotations } = jsonOf(bytes);
  return {
    artifactType: textOf(artifactType, 'artifactType'),
    config: required(config, 'config'),
    layers: listOf(layers ?? [], 'layers').map((layer, at) => required(layer, `layers[${at}]`)),
    subject: subject === undefined || subject === null ? undefined : descriptorOf(subject, 'subject')?.digest,
    annotations: annotationsOf(annotations, 'it') ?? {},
  };
}

/** The descriptors of an index, without those of digest algorithms that Assay does not use. Throws {@link ManifestSyntaxError}. */
export function parseIndex(bytes: Uint8Array): readonly Descriptor[] {
  const { manifests } = jsonOf(bytes);
  return listOf(manifests ?? [], 'manifests').flatMap((one, at) => descriptorOf(one, `manifests[${at}]`) ?? []);
}
