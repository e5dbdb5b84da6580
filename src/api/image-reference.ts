import { isDigest, type Digest } from '../base/digest.ts';
import { CodedError } from '../base/errors.ts';

/**
 * An image reference in canonical form (api.md, Matching; grammar of distribution/reference):
 * `nginx` is `docker.io/library/nginx`; `index.docker.io` and `registry-1.docker.io` are `docker.io`; the host is in
 * lower case without a trailing dot and, if it has a dot, without `:443`. With a digest the tag is kept as text only: a kubelet ignores it.
 */
export interface ImageReference {
  /** As it was written. */
  readonly original: string;
  /** Canonical registry host, with a port unless it is 443: `docker.io`, `127.0.0.1:5000`. */
  readonly host: string;
  /** Path inside of the registry: `library/nginx`. */
  readonly path: string;
  /** `host/path`, what globs are matched against and what is pinned. */
  readonly name: string;
  /** Absent where a digest is given without a tag; `latest` where neither is given. */
  readonly tag?: string;
  readonly digest?: Digest;
}

/** What is wrong with a text that was to be an image reference. */
export type ImageReferenceErrorCode = 'Empty' | 'TooLong' | 'HostInvalid' | 'PathInvalid' | 'TagInvalid' | 'DigestInvalid';

/** Thrown by {@link parseImageReference}; the message quotes the image and says what an image looks like. */
export class ImageReferenceError extends CodedError<ImageReferenceErrorCode> {}

const MAX_TEXT = 1024;
/** Of the path without its host, as distribution/reference counts it. */
const MAX_PATH = 255;
const HOST_NAME = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*\.?$/;
const PATH_SEGMENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const OTHER_DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Reads an image as a kubelet does, and makes its name canonical.
 * @throws ImageReferenceError for everything that no kubelet pulls, and for digests other than sha256.
 */
export function parseImageReference(text: string): ImageReference {
  if (text === '') throw new ImageReferenceError('Empty', 'the image is empty: write it as registry/path:tag or registry/path@sha256:…');
  if (text.length > MAX_TEXT) {
    throw new ImageReferenceError('TooLong', `image "${text.slice(0, 64)}…" is longer than ${MAX_TEXT} characters`);
  }
  if (IDENTIFIER.test(text)) {
    throw new ImageReferenceError('PathInvalid', `image "${text}" is 64 hex digits without a name: write registry/path@sha256:${text.slice(0, 8)}…`);
  }
  const { name, tag, digest } = split(text);
  const { host, path } = splitHost(text, name);
  checkPath(text, path);
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    original: text,
    host,
    path,
    name: `${host}/${path}`,
    ...(effectiveTag === undefined ? {} : { tag: effectiveTag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The canonical text of a reference: `host/path`, then the tag and the digest that it has. */
export function formatImageReference(reference: Pick<ImageReference, 'name' | 'tag' | 'digest'>): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.name}${tag}${digest}`;
}

/**
 * Whether the first segment of a name is a registry rather than a part of the path: it has a dot or a port, is
 * `localhost`, or has an upper-case letter, which no path may have (distribution/reference, normalize.go).
 */
export function isHostSegment(segment: string): boolean {
  return segment === 'localhost' || /[.:]/.test(segment) || segment !== segment.toLowerCase();
}

/**
 * The one spelling of a registry host: lower case, no trailing dot, no `:443`, no leading zeros in the port, IPv6 in its
 * shortest form, Docker Hub's other names as `docker.io`. A wildcard of a glob passes through. `undefined` where the port is none.
 * WARNING: a host without a dot keeps its `:443`: `registry/app` is an image of docker.io, and a pin to it would name another image.
 */
export function canonicalHost(host: string): string | undefined {
  const match = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase());
  if (match?.[1] === undefined || match[1].endsWith(':')) return undefined;
  const port = match[2] === undefined ? 443 : Number(match[2]);
  if (port < 1 || port > 65_535) return undefined;
  const address = canonicalAddress(match[1].replace(/\.$/, ''));
  const name = address === 'index.docker.io' || address === 'registry-1.docker.io' ? 'docker.io' : address;
  const isPlain = isHostSegment(name) || name.includes('*');
  return port === 443 && isPlain ? name : `${name}:${port}`;
}

/** Docker Hub's official images are under `library/`; a name of one segment there means one of them. */
export function canonicalPath(host: string, path: string): string {
  return host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
}

function canonicalAddress(address: string): string {
  if (!address.startsWith('[')) return address;
  try {
    return new URL(`http://${address}/`).hostname;
  } catch {
    return address;
  }
}

function split(text: string): { name: string; tag?: string; digest?: Digest } {
  const at = text.indexOf('@');
  const rest = at === -1 ? text : text.slice(0, at);
  const digest = at === -1 ? undefined : readDigest(text, text.slice(at + 1));
  const colon = rest.lastIndexOf(':');
  const tagged = colon > rest.lastIndexOf('/');
  if (!tagged) return { name: rest, ...(digest === undefined ? {} : { digest }) };
  const tag = rest.slice(colon + 1);
  if (!TAG.test(tag)) {
    throw new ImageReferenceError(
      'TagInvalid',
      `image "${text}" has the tag "${tag}": a tag has at most 128 letters, digits, "_", "." and "-", and starts with none of "." and "-"`,
    );
  }
  return { name: rest.slice(0, colon), tag, ...(digest === undefined ? {} : { digest }) };
}

function readDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  const known = OTHER_DIGEST.test(digest) && !digest.toLowerCase().startsWith('sha256:');
  const why = known ? `its algorithm ${digest.slice(0, digest.indexOf(':'))} is not accepted` : 'it is not well-formed';
  throw new ImageReferenceError('DigestInvalid', `image "${text}" has a digest that cannot be used: ${why}; write @sha256: and 64 lower-case hex digits`);
}

function splitHost(text: string, name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  if (slash === -1 || !isHostSegment(first)) return { host: 'docker.io', path: canonicalPath('docker.io', name) };
  const host = isHost(first) ? canonicalHost(first) : undefined;
  if (host === undefined) {
    throw new ImageReferenceError('HostInvalid', `image "${text}" names the registry "${first}": write a host name or address, with :port if needed and without https://`);
  }
  return { host, path: canonicalPath(host, name.slice(slash + 1)) };
}

function isHost(host: string): boolean {
  const bare = host.replace(/:\d+$/, '');
  if (!bare.startsWith('[')) return HOST_NAME.test(bare);
  return /^\[[a-fA-F0-9:]+\]$/.test(bare) && URL.canParse(`http://${bare}/`);
}

function checkPath(text: string, path: string): void {
  if (path.length > MAX_PATH) {
    throw new ImageReferenceError('TooLong', `image "${text.slice(0, 64)}…" has a path longer than ${MAX_PATH} characters`);
  }
  const wrong = path.split('/').find((segment) => !PATH_SEGMENT.test(segment));
  if (wrong === undefined) return;
  const why = wrong === '' ? 'an empty part between two slashes' : `"${wrong}"`;
  const hint = wrong !== wrong.toLowerCase() ? '; a path is in lower case' : '';
  throw new ImageReferenceError(
    'PathInvalid',
    `image "${text}" has ${why} in its path: each part is made of lower-case letters and digits, joined by ".", "_", "__" or "-"${hint}`,
  );
}
