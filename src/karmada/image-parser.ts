import { OverrideError, quoted } from './refusal.ts';

/** An image as Karmada takes it apart (pkg/util/imageparser): of a tag and a digest only the tag is kept, and no default is added to a name. */
export interface ImageParts {
  /** Empty where the first segment looks like no host. */
  readonly hostname: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** Longer than any image that a kubelet pulls; the grammar itself bounds no host. */
const MAX_TEXT = 4096;
const MAX_PATH = 255;
const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH_SEGMENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST_SHAPE = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
/** The algorithms that Karmada links in (opencontainers/go-digest, Validate). */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/**
 * Takes an image apart as Karmada's overriders do: the grammar of distribution/reference v0.6.0 on the text as it stands.
 * @throws OverrideError `ImageInvalid`, and `NotModelled` for one that is too long to be looked at
 */
export function parseImage(text: string): ImageParts {
  if (text.length > MAX_TEXT) throw new OverrideError('NotModelled', `the image ${quoted(text)} is longer than ${MAX_TEXT} characters`);
  const at = text.indexOf('@');
  const digest = at === -1 ? '' : text.slice(at + 1);
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const colon = beforeDigest.lastIndexOf(':');
  const tagged = colon > beforeDigest.lastIndexOf('/');
  const tag = tagged ? beforeDigest.slice(colon + 1) : '';
  const name = tagged ? beforeDigest.slice(0, colon) : beforeDigest;
  if (!isName(name) || (tagged && !TAG.test(tag)) || (at !== -1 && !DIGEST.test(digest))) {
    throw new OverrideError('ImageInvalid', `Karmada cannot read the image ${quoted(text)}, and changes no part of it`);
  }
  return { ...splitHostname(name), tag, digest: tag === '' ? digest : '' };
}

/** The first segment counts as a host only where it has a dot or a colon or is `localhost`. */
export function splitHostname(name: string): { readonly hostname: string; readonly repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = slash !== -1 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? { hostname: first, repository: name.slice(slash + 1) } : { hostname: '', repository: name };
}

/** The image of these parts: with its tag, or else with its digest. */
export function formatImage({ hostname, repository, tag, digest }: ImageParts): string {
  const name = hostname === '' ? repository : `${hostname}/${repository}`;
  if (tag !== '') return `${name}:${tag}`;
  return digest === '' ? name : `${name}@${digest}`;
}

/** Sets the tag or the digest, whichever `value` is, and drops the other. What is neither changes nothing, and nobody is told. */
export function withTagOrDigest(parts: ImageParts, value: string): ImageParts {
  if (TAG.test(value)) return { ...parts, tag: value, digest: '' };
  return DIGEST_SHAPE.test(value) ? { ...parts, tag: '', digest: value } : parts;
}

function isName(name: string): boolean {
  const slash = name.indexOf('/');
  const path = slash !== -1 && DOMAIN.test(name.slice(0, slash)) ? name.slice(slash + 1) : name;
  return path.length <= MAX_PATH && path.split('/').every((segment) => PATH_SEGMENT.test(segment));
}
