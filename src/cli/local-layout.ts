import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { digestOf, isDigest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import type { Descriptor, Manifest, RegistryClient } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import { VerifyError, fileError } from './verify-error.ts';

/** What cosign writes of each manifest into the index (pkg/oci/layout): the annotation `kind`. */
const KIND = 'dev.cosignproject.cosign/';
const MANIFEST_LIMIT = 4 * 1024 * 1024;
const MAX_BLOBS = 100_000;
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

interface Entry {
  readonly kind: string;
  readonly digest: Digest;
}

/**
 * The folder of `cosign save` as a registry of one image: its tag is the image, `.sig` and `.att` tags are what the index calls
 * signatures and attestations, referrers are the blobs that name the image as their subject. Every byte is checked against its digest,
 * as in any registry. Throws {@link VerifyError} for a folder that is none.
 */
export async function localRegistry(path: string): Promise<RegistryClient> {
  const entries = await readIndex(path);
  const image = entries.find(({ kind }) => kind === 'imageIndex') ?? entries.find(({ kind }) => kind === 'image');
  const find = (reference: string): Digest | undefined => {
    if (isDigest(reference)) return reference;
    const kind = reference.endsWith('.sig') ? 'sigs' : reference.endsWith('.att') ? 'atts' : 'image';
    return kind === 'image' ? image?.digest : entries.find((one) => one.kind === kind)?.digest;
  };
  return {
    resolveTag: () => (image === undefined ? Promise.reject(new VerifyError('Other', 'must verify either an image index or image')) : Promise.resolve(image.digest)),
    manifest: async (_, reference) => {
      const digest = find(reference);
      if (digest === undefined) throw new RegistryError('NotFound', `${path} has no ${reference}`);
      return { digest, bytes: await readBlob(path, digest, MANIFEST_LIMIT), mediaType: MANIFEST_TYPE } satisfies Manifest;
    },
    blob: (_, digest, limit) => readBlob(path, digest, limit),
    // cosign finds the bundles of an image only, not those of an index.
    referrers: (_, digest) => (image?.kind === 'image' ? readReferrers(path, digest) : Promise.resolve([])),
    close: () => Promise.resolve(),
  };
}

async function readIndex(path: string): Promise<readonly Entry[]> {
  const failed = (why: string, cause: unknown): VerifyError => new VerifyError('Other', `checking local image format: loading OCI layout from ${path}: ${why}`, { cause });
  const file = join(path, 'index.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw failed(fileError(file, error).replace('open', 'stat'), error);
  });
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw failed(messageOf(error), error);
  }
  return listIn(index, 'manifests').flatMap(({ digest, annotations }) => {
    const kind = typeof annotations === 'object' && annotations !== null && 'kind' in annotations ? annotations.kind : undefined;
    return isDigest(digest) && typeof kind === 'string' && kind.startsWith(KIND) ? [{ kind: kind.slice(KIND.length), digest }] : [];
  });
}

async function readBlob(path: string, digest: Digest, limit: number): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(path, 'blobs', 'sha256', digest.slice('sha256:'.length)));
  } catch (error) {
    throw new RegistryError('NotFound', `${path} has no blob ${digest}`, { cause: error });
  }
  if (bytes.length > limit) throw new RegistryError('LimitExceeded', `${path}: blob ${digest} has more than ${limit} bytes`);
  const found = digestOf(bytes);
  if (found === digest) return bytes;
  const asCosign = `error verifying sha256 checksum after reading ${bytes.length} bytes; got "${found}", want "${digest}"`;
  throw new RegistryError('DigestMismatch', `${path}: the file of blob ${digest} is ${found}: it was changed`, { asCosign });
}

/** Whatever blob is a manifest that names the image as its subject. */
async function readReferrers(path: string, subject: Digest): Promise<readonly Descriptor[]> {
  const names = (await readdir(join(path, 'blobs', 'sha256'))).filter((name) => /^[0-9a-f]{64}$/.test(name)).slice(0, MAX_BLOBS);
  const found: Descriptor[] = [];
  for (const name of names) {
    const bytes = await readFile(join(path, 'blobs', 'sha256', name));
    const manifest = bytes.length > MANIFEST_LIMIT || bytes[0] !== 0x7b ? undefined : parsed(bytes);
    if (manifest === undefined || digestIn(manifest['subject']) !== subject) continue;
    const { artifactType } = manifest;
    found.push({ mediaType: MANIFEST_TYPE, digest: `sha256:${name}`, size: bytes.length, ...(typeof artifactType === 'string' ? { artifactType } : {}) });
  }
  return found;
}

function parsed(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function digestIn(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'digest' in value ? value.digest : undefined;
}

function listIn(value: unknown, name: string): readonly Readonly<Record<string, unknown>>[] {
  const list: unknown = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  return Array.isArray(list) ? (list as readonly Readonly<Record<string, unknown>>[]) : [];
}
