import assert from 'node:assert/strict';
import { parseTime } from '../../../src/api/conditions.ts';
import { formatDuration, parseDuration } from '../../../src/api/duration.ts';
import { compileExclusionPattern, compileGlob, ImageGlobError, matchesGlob } from '../../../src/api/image-glob.ts';
import { formatImageReference, ImageReferenceError, parseImageReference } from '../../../src/api/image-reference.ts';
import { compileLabelSelector, LabelSelectorError, type LabelSelector } from '../../../src/api/label-selector.ts';
import { compileRe2, Re2Error, re2Size, weaknessesOf } from '../../../src/api/re2.ts';
import { bytesOf, only, type FuzzTarget } from '../target.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** What is printed is read again as the same. */
function readsReference(input: Buffer): void {
  const read = only([ImageReferenceError], () => parseImageReference(input.toString('utf8')));
  if (read === undefined) return;
  const text = formatImageReference(read);
  const again = parseImageReference(text);
  assert.deepEqual({ ...again, original: '' }, { ...read, original: '' }, text);
  assert.ok(text.length <= 1200 && read.name === `${read.host}/${read.path}`);
  if (read.name.length <= 512) assert.ok(matchesGlob(compileGlob(read.name), read.name), `no glob of itself: ${read.name}`);
}

const NAMES = ['docker.io/library/nginx', 'ghcr.io/acme/web', 'ghcr.io/acme/a/b/c', '127.0.0.1:5000/x', '[::1]:5000/x'];

function readsGlob(input: Buffer): void {
  const text = input.toString('utf8');
  const glob = only([ImageGlobError], () => compileGlob(text));
  only([ImageGlobError], () => compileExclusionPattern(text));
  if (glob === undefined) return;
  // Any host at all cannot be written without its port, and what is longer by docker.io/library/ may be too long.
  if (!/^[^/.:]*\*[^/.:]*\//.test(glob.canonical) && glob.canonical.length <= 512) assert.equal(compileGlob(glob.canonical).canonical, glob.canonical);
  for (const name of [...NAMES, `ghcr.io/${'a/'.repeat(120)}b`, `ghcr.io/${'a'.repeat(250)}`]) matchesGlob(glob, name);
  if (!text.includes('*')) assert.deepEqual(NAMES.filter((name) => matchesGlob(glob, name)), NAMES.filter((name) => name === glob.canonical));
}

function readsPattern(input: Buffer): void {
  const text = input.toString('utf8');
  assert.ok(Number.isFinite(re2Size(text.slice(0, 2000))) && weaknessesOf(text.slice(0, 2000)).length <= 3);
  const pattern = only([Re2Error], () => compileRe2(text));
  for (const subject of pattern === undefined ? [] : ['', 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1', 'a'.repeat(500)]) pattern?.search(subject);
}

/** The schema has seen to the types before. */
function readsSelector(input: Buffer): void {
  const texts = input.toString('utf8').split('\n');
  const at = (index: number): string => texts[index % texts.length] ?? '';
  const selector: LabelSelector = { matchLabels: { [at(0)]: at(1) }, matchExpressions: [{ key: at(2), operator: at(3), values: texts.slice(4, 12) }, { key: at(1), operator: at(4) }] };
  const matches = only([LabelSelectorError], () => compileLabelSelector(selector));
  for (const labels of [{}, { [at(0)]: at(1) }, Object.fromEntries(texts.slice(0, 64).map((text) => [text, text]))]) assert.equal(typeof (matches?.(labels) ?? false), 'boolean');
}

function readsTimes(input: Buffer): void {
  const text = input.toString('utf8');
  const duration = parseDuration(text);
  if (duration !== undefined) assert.equal(parseDuration(formatDuration(duration)), duration);
  const time = parseTime(text);
  assert.ok(time === undefined || Number.isFinite(time));
}

/** Parsers of what people and the API server write. */
export const API_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'image-reference',
    seeds: () => bytesOf('nginx', 'index.docker.io/nginx:1.27', `GHCR.io:443/acme/web:v1@${DIGEST}`, '[::1]:5000/a/b', 'localhost/x', `registry.example.:05000/a__b/c--d@${DIGEST}`, `a@sha512:${'0'.repeat(128)}`),
    tokens: ['docker.io', 'library/', ':443', '@sha256:', '[::ffff:1.2.3.4]', '..', '__', '-.', ':0'],
    run: readsReference,
    maxBytes: 4096,
  },
  { name: 'glob', seeds: () => bytesOf('**', 'ghcr.io/acme/**', 'nginx', '*.acme.example:5000/*/web-*', '[::1]:5000/**/x', `ghcr.io/acme/web@${DIGEST}`), tokens: ['**', '*', '/**/', '@sha256:', ':'], run: readsGlob, maxBytes: 4096 },
  {
    name: 're2',
    seeds: () => bytesOf('^https://github\\.com/acme/.*$', '(a+)+$', '(?i)x{1,50}', '[[:alpha:]]+\\pL', '\\Qa.b\\E|c', '(((x{10}){10}){10})', '^(?:a|b|(?P<n>c))*?\\z'),
    tokens: ['{1000}', '{2,}', '(?:', '(?i)', '\\pL', '[^', '[[:', ':]]', '\\Q', '\\E', '|', ')*', '\\x{10FFFF}', '.*'],
    run: readsPattern,
    maxBytes: 4096,
    cost: 600,
  },
  { name: 'label-selector', seeds: () => bytesOf('app\nweb\ntier\nIn\na\nb', 'a\nb\nc\nExists\n', 'a\n\nb\nNotIn\n__proto__\nconstructor'), tokens: ['In', 'NotIn', 'Exists', 'DoesNotExist', 'toString', '__proto__'], run: readsSelector, maxBytes: 8192 },
  { name: 'duration-and-time', seeds: () => bytesOf('24h', '1h30m', '7d', '2026-11-20T12:00:00Z', '2026-11-20T12:00:00.123+02:00'), tokens: ['d', 'h', 'm', 's', 'T', 'Z', '99999'], run: readsTimes, maxBytes: 1024 },
];
