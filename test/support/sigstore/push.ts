import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { BUNDLE_MEDIA_TYPE, SIGNATURE_PREDICATE, type Bundle, type LegacySignature } from './sign.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const EMPTY = 'application/vnd.oci.empty.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const DSSE = 'application/vnd.dsse.envelope.v1+json';

/** Something that was pushed: where it is, what it is. */
export interface PushedImage {
  /** `127.0.0.1:port` of a registry that speaks plain HTTP. */
  readonly host: string;
  /** Path of the repository in it. */
  readonly repository: string;
  readonly mediaType: string;
  readonly digest: `sha256:${string}`;
  readonly size: number;
  /** `host/repository:tag`, or by digest where no tag was asked for. */
  readonly reference: string;
  /** `host/repository@sha256:…`. */
  readonly pinned: string;
}

interface Descriptor {
  mediaType: string;
  size: number;
  digest: string;
  annotations?: Record<string, string>;
  platform?: { architecture: string; os: string };
}

/** What an image is made of. Images of equal content are one image. */
export interface ImageOptions {
  /** Text that makes the image differ from others; the name by default. */
  readonly content?: string;
  readonly architecture?: string;
}

/** Pushes an image of one layer as `name` (`acme/app:1.0`, or without a tag) to the registry at `host`. */
export async function pushImage(host: string, name: string, options: ImageOptions = {}): Promise<PushedImage> {
  const [repository, tag] = split(name);
  const layer = Buffer.alloc(1024); // an empty tar archive
  const config = {
    architecture: options.architecture ?? 'amd64',
    os: 'linux',
    config: { Labels: { content: options.content ?? name } },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created_by: 'test' }],
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await pushBlob(host, repository, CONFIG, Buffer.from(JSON.stringify(config))),
    layers: [await pushBlob(host, repository, LAYER, gzipSync(layer))],
  };
  return pushManifest(host, repository, tag, MANIFEST, manifest);
}

/** Pushes an image for each architecture and an index over them as `name`. */
export async function pushIndex(
  host: string,
  name: string,
  architectures: readonly string[] = ['amd64', 'arm64'],
  options: ImageOptions = {},
): Promise<PushedImage & { readonly children: readonly PushedImage[] }> {
  const [repository, tag] = split(name);
  const content = options.content ?? name;
  const children = await Promise.all(
    architectures.map((architecture) => pushImage(host, repository, { content, architecture })),
  );
  const manifests = children.map((child, index) => ({
    ...descriptorOf(child),
    platform: { architecture: architectures[index] ?? '', os: 'linux' },
  }));
  const pushed = await pushManifest(host, repository, tag, INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
  return { ...pushed, children };
}

/** Lets a tag name this image from now on; what the tag named before stays in the registry. */
export async function moveTag(image: PushedImage, tag: string): Promise<PushedImage> {
  const bytes = await pull(image.host, image.repository, image.digest);
  if (bytes === undefined) throw new Error(`no manifest ${image.pinned}`);
  return putManifest(image.host, image.repository, tag, image.mediaType, bytes);
}

/** A manifest before it is pushed: plain data. */
export type Manifest = Record<string, unknown>;

/**
 * Adds signatures to the image's `.sig` tag, after those that are there (cosign, pkg/oci/remote); `shape` bends the manifest.
 */
export function pushLegacySignatures(
  image: PushedImage,
  signatures: readonly LegacySignature[],
  shape?: (manifest: Manifest) => Manifest,
): Promise<PushedImage> {
  return append(image, 'sig', SIMPLE_SIGNING, signatures, shape);
}

/** Adds attestations to the image's `.att` tag. */
export function pushLegacyAttestations(
  image: PushedImage,
  attestations: readonly LegacySignature[],
  shape?: (manifest: Manifest) => Manifest,
): Promise<PushedImage> {
  return append(image, 'att', DSSE, attestations, shape);
}

async function append(
  image: PushedImage,
  suffix: 'sig' | 'att',
  mediaType: string,
  added: readonly LegacySignature[],
  shape: (manifest: Manifest) => Manifest = (manifest) => manifest,
): Promise<PushedImage> {
  const tag = `${image.digest.replace(':', '-')}.${suffix}`;
  const before = await pull(image.host, image.repository, tag);
  const layers = before === undefined ? [] : (JSON.parse(before.toString()) as { layers: Descriptor[] }).layers;
  for (const one of added) {
    const blob = await pushBlob(image.host, image.repository, mediaType, one.payload);
    layers.push({ ...blob, annotations: { ...one.annotations } });
  }
  const config = {
    architecture: '',
    config: {},
    created: '0001-01-01T00:00:00Z',
    history: layers.map(() => ({ created: '0001-01-01T00:00:00Z' })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await pushBlob(image.host, image.repository, CONFIG, Buffer.from(JSON.stringify(config))),
    layers,
  };
  return pushManifest(image.host, image.repository, tag, MANIFEST, shape(manifest));
}

/** How a bundle's manifest is written. */
export interface BundleOptions {
  /** Milliseconds; `org.opencontainers.image.created`. */
  readonly at: number;
  /** The predicate type as the manifest's annotation says it; cosign's signature by default. */
  readonly predicateType?: string;
  /** The bytes to store in place of the bundle's JSON. */
  readonly bytes?: Buffer;
  /** Bends the manifest. */
  readonly shape?: (manifest: Manifest) => Manifest;
  /** Bends the descriptor in the fallback tag. */
  readonly describe?: (descriptor: Manifest) => Manifest;
}

/**
 * Stores a bundle as a referrer of the image (cosign, specs/BUNDLE_SPEC.md); where the registry has no referrers API,
 * also in the fallback tag (OCI distribution-spec, Referrers Tag Schema).
 */
export async function pushBundle(image: PushedImage, bundle: Bundle, options: BundleOptions): Promise<PushedImage> {
  const bytes = options.bytes ?? Buffer.from(JSON.stringify(bundle));
  const { host, repository } = image;
  const config = await pushBlob(host, repository, EMPTY, Buffer.from('{}'));
  const annotations = {
    'dev.sigstore.bundle.content': bundle.dsseEnvelope === undefined ? 'message-signature' : 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': options.predicateType ?? SIGNATURE_PREDICATE,
    'org.opencontainers.image.created': `${new Date(options.at).toISOString().slice(0, 19)}Z`,
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { ...config, artifactType: BUNDLE_MEDIA_TYPE },
    layers: [await pushBlob(host, repository, BUNDLE_MEDIA_TYPE, bytes)],
    annotations,
    subject: descriptorOf(image),
    artifactType: BUNDLE_MEDIA_TYPE,
  };
  const pushed = await pushManifest(host, repository, undefined, MANIFEST, options.shape?.(manifest) ?? manifest);
  if (!(await hasReferrers(image))) {
    const descriptor: Manifest = { ...descriptorOf(pushed), artifactType: BUNDLE_MEDIA_TYPE, annotations };
    await addToFallback(image, pushed.digest, options.describe?.(descriptor) ?? descriptor);
  }
  return pushed;
}

/** Pushes any manifest under a tag, or by its digest where `tag` is undefined. */
export function pushManifest(
  host: string,
  repository: string,
  tag: string | undefined,
  mediaType: string,
  manifest: unknown,
): Promise<PushedImage> {
  return putManifest(host, repository, tag, mediaType, Buffer.from(JSON.stringify(manifest)));
}

/** Pushes a blob; its descriptor. */
export async function pushBlob(
  host: string,
  repository: string,
  mediaType: string,
  bytes: Buffer,
): Promise<Descriptor> {
  const digest = digestOf(bytes);
  const started = await ask(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(started.headers.get('location') ?? '', `http://${host}`);
  location.searchParams.set('digest', digest);
  await ask(location, { method: 'PUT', body: new Uint8Array(bytes) });
  return { mediaType, size: bytes.length, digest };
}

async function putManifest(
  host: string,
  repository: string,
  tag: string | undefined,
  mediaType: string,
  bytes: Buffer,
): Promise<PushedImage> {
  const digest = digestOf(bytes);
  const url = `http://${host}/v2/${repository}/manifests/${tag ?? digest}`;
  await ask(url, { method: 'PUT', headers: { 'content-type': mediaType }, body: new Uint8Array(bytes) });
  const pinned = `${host}/${repository}@${digest}`;
  const reference = tag === undefined ? pinned : `${host}/${repository}:${tag}`;
  return { host, repository, mediaType, digest, size: bytes.length, reference, pinned };
}

async function pull(host: string, repository: string, reference: string): Promise<Buffer | undefined> {
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, {
    headers: { accept: [MANIFEST, INDEX].join(', ') },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`${host}/${repository} ${reference}: ${answer.status}`);
  return bytes;
}

async function hasReferrers(image: PushedImage): Promise<boolean> {
  const answer = await fetch(`http://${image.host}/v2/${image.repository}/referrers/${image.digest}`);
  await answer.arrayBuffer();
  return answer.status === 200;
}

async function addToFallback(image: PushedImage, digest: string, descriptor: Manifest): Promise<void> {
  const tag = image.digest.replace(':', '-');
  const before = await pull(image.host, image.repository, tag);
  const known = before === undefined ? [] : (JSON.parse(before.toString()) as { manifests: Manifest[] }).manifests;
  const manifests = [...known.filter((one) => one['digest'] !== digest), descriptor];
  await pushManifest(image.host, image.repository, tag, INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
}

async function ask(url: string | URL, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${String(url)}: ${answer.status} ${body.slice(0, 200)}`);
  return answer;
}

function descriptorOf(image: PushedImage): Descriptor {
  return { mediaType: image.mediaType, size: image.size, digest: image.digest };
}

function digestOf(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Repository and tag; a colon before the last slash would be a port, which a path does not have. */
function split(name: string): [string, string | undefined] {
  const [repository = '', tag] = name.split(':');
  return [repository, tag];
}
