import { isDigest, type Digest } from '../base/digest.ts';
import { CodedError } from '../base/errors.ts';
import { canonicalHost, canonicalPath, isHostSegment } from './image-reference.ts';

/** A glob over canonical repository names; made by {@link compileGlob}. */
export interface ImageGlob {
  /** As it was written. */
  readonly original: string;
  /** Canonical form, as names are: `docker.io/library/nginx` for `nginx`. */
  readonly canonical: string;
  readonly segments: readonly string[];
}

/** What is wrong with a glob. */
export type ImageGlobErrorCode = 'Empty' | 'TooLong' | 'HasTag' | 'HasDigest' | 'Malformed';

/** Thrown by {@link compileGlob}; the message quotes the glob and says how to write it. */
export class ImageGlobError extends CodedError<ImageGlobErrorCode> {}

const MAX_GLOB = 512;
const PATH_SEGMENT = /^[a-z0-9._*-]+$/;
const HOST_SEGMENT = /^(?:[a-zA-Z0-9.*-]+|\[[a-fA-F0-9:]+\])(?::\d+)?$/;

/**
 * Reads a glob (api.md, Matching): anchored at both ends; `*` matches within one segment, `**` any number of whole
 * segments, none included; a first segment `**` is any registry, otherwise a glob without one means docker.io.
 * @throws ImageGlobError for a tag, a digest, and whatever can never match a canonical name.
 */
export function compileGlob(text: string): ImageGlob {
  checkText(text);
  const { host, path } = splitGlob(text);
  const wrong = path.split('/').find((segment) => !isPathSegment(segment));
  if (wrong !== undefined) throw malformed(text, describeSegment(wrong));
  const canonical = host === undefined ? path : `${host}/${path}`;
  return { original: text, canonical, segments: canonical.split('/') };
}

/** Whether a canonical name (`ImageReference.name`) matches; the time is bounded by the product of both lengths. */
export function matchesGlob(glob: ImageGlob, name: string): boolean {
  return matchWild(glob.segments, name.split('/'), '**', matchesSegment);
}

/** What an exclusion names: a glob over repositories, or one repository at one digest. */
export interface ExclusionPattern {
  readonly glob: ImageGlob;
  readonly digest?: Digest;
}

/**
 * Reads `exclude[].glob`: as {@link compileGlob}, or `repository@sha256:…` without wildcards.
 * @throws ImageGlobError
 */
export function compileExclusionPattern(text: string): ExclusionPattern {
  const at = text.indexOf('@');
  if (at === -1 || text.length > MAX_GLOB) return { glob: compileGlob(text) };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) {
    throw new ImageGlobError('HasDigest', `"${text}" has a digest that is not sha256: and 64 lower-case hex digits`);
  }
  if (text.includes('*')) throw malformed(text, 'a digest belongs to one repository, so there can be no wildcard before it');
  return { glob: compileGlob(text.slice(0, at)), digest };
}

function checkText(text: string): void {
  if (text === '') throw new ImageGlobError('Empty', 'the glob is empty: write one such as ghcr.io/acme/** or ** for every image');
  if (text.length > MAX_GLOB) throw new ImageGlobError('TooLong', `"${text.slice(0, 64)}…" is longer than ${MAX_GLOB} characters`);
  if (text.includes('@')) {
    throw new ImageGlobError('HasDigest', `"${text}" has a digest: a glob matches repository names, so write it without @… (only exclude may name a digest)`);
  }
  if (/:[^/\]]*$/.test(text)) {
    throw new ImageGlobError('HasTag', `"${text}" has a tag: a glob matches repository names, so write it without :${text.slice(text.lastIndexOf(':') + 1)}`);
  }
}

/** Without a host where the glob starts with `**`: any registry. */
function splitGlob(text: string): { host?: string; path: string } {
  const slash = text.indexOf('/');
  const first = slash === -1 ? text : text.slice(0, slash);
  if (first === '**') return { path: text };
  if (slash === -1 || !isHostSegment(first)) return { host: 'docker.io', path: canonicalPath('docker.io', text) };
  const host = HOST_SEGMENT.test(first) && !first.includes('**') ? canonicalHost(first) : undefined;
  if (host === undefined) throw malformed(text, `"${first}" is no registry host`);
  const path = text.slice(slash + 1);
  return { host, path: path === '**' ? path : canonicalPath(host, path) };
}

function isPathSegment(segment: string): boolean {
  return PATH_SEGMENT.test(segment) && (segment === '**' || !segment.includes('**'));
}

function describeSegment(segment: string): string {
  if (segment === '') return 'there is an empty part between two slashes';
  if (segment.includes('**')) return `"${segment}" has ** beside other characters; ** stands for whole parts, * for a piece of one`;
  if (segment !== segment.toLowerCase()) return `"${segment}" has upper-case letters, which no repository has`;
  return `"${segment}" has characters that no repository has`;
}

function malformed(text: string, why: string): ImageGlobError {
  return new ImageGlobError('Malformed', `"${text}" is no glob over repositories: ${why}; write one such as ghcr.io/acme/**`);
}

function matchesSegment(pattern: string, segment: string): boolean {
  if (!pattern.includes('*')) return pattern === segment;
  return matchWild(pattern.split(''), segment.split(''), '*', (left, right) => left === right);
}

/**
 * Matches items against patterns where `any` stands for any number of items. Only the last `any` is ever tried again:
 * an earlier one could not reach further than the later already did, so there is no exponential case.
 */
function matchWild(
  patterns: readonly string[],
  items: readonly string[],
  any: string,
  equal: (pattern: string, item: string) => boolean,
): boolean {
  let pattern = 0;
  let item = 0;
  let lastAny = -1;
  let resumeAt = 0;
  while (item < items.length) {
    const current = patterns[pattern];
    if (current === any) {
      lastAny = pattern;
      resumeAt = item;
      pattern += 1;
    } else if (current !== undefined && equal(current, items[item] ?? '')) {
      pattern += 1;
      item += 1;
    } else if (lastAny === -1) {
      return false;
    } else {
      resumeAt += 1;
      item = resumeAt;
      pattern = lastAny + 1;
    }
  }
  while (patterns[pattern] === any) pattern += 1;
  return pattern === patterns.length;
}
