import assert from 'node:assert/strict';
import { isDigest } from '../../../src/base/digest.ts';
import { DockerConfigError, parseDockerConfig } from '../../../src/registry/docker-config.ts';
import { failureOf, ociErrorCode } from '../../../src/registry/failures.ts';
import { nextLinkOf, retryAfterOf } from '../../../src/registry/headers.ts';
import { ManifestSyntaxError, manifestTypeOf, parseIndex, parseManifest } from '../../../src/registry/manifest.ts';
import { judgeRealm } from '../../../src/registry/realm.ts';
import { arrangeReferrers, REFERRERS_LIMIT } from '../../../src/registry/referrers.ts';
import { tokenOf } from '../../../src/registry/tokens.ts';
import { parseChallenges } from '../../../src/registry/www-authenticate.ts';
import { bytesOf, only, type FuzzTarget } from '../target.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const descriptor = (digit: string, mediaType = OCI): object => ({ mediaType, digest: digest(digit), size: 7 });
const SECRET = 'open-sesame-4711';

const MANIFESTS = [
  { schemaVersion: 2, mediaType: OCI, config: descriptor('a'), layers: [descriptor('b'), { ...descriptor('c'), annotations: { 'dev.cosignproject.cosign/signature': 'AAAA' } }], annotations: { a: 'b' } },
  { schemaVersion: 2, mediaType: OCI, artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json', config: descriptor('a'), layers: [descriptor('b')], subject: descriptor('c') },
  { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...descriptor('d'), artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }, { ...descriptor('e'), platform: { os: 'linux' } }] },
  { schemaVersion: 1, name: 'a', history: [] },
];

function readsManifest(input: Buffer): void {
  for (const type of [OCI, INDEX, 'application/octet-stream', '']) only([ManifestSyntaxError], () => manifestTypeOf(input, type));
  const manifest = only([ManifestSyntaxError], () => parseManifest(input));
  for (const { digest: one, size } of manifest === undefined ? [] : [manifest.config, ...manifest.layers]) assert.ok(isDigest(one) && Number.isSafeInteger(size) && size >= 0);
  const index = only([ManifestSyntaxError], () => parseIndex(input)) ?? [];
  const arranged = arrangeReferrers(index);
  assert.ok(arranged.length <= REFERRERS_LIMIT && arranged.every((one) => index.includes(one)));
}

/** No message repeats what may be a password. */
function readsDockerConfig(input: Buffer): void {
  for (const format of ['config.json', 'dockercfg'] as const) {
    const config = only([DockerConfigError], () => {
      try {
        return parseDockerConfig(input, format, 'the file');
      } catch (error) {
        assert.ok(!String(error).includes(SECRET), 'the message has the password');
        throw error;
      }
    });
    assert.ok(!JSON.stringify(config?.notes ?? []).includes(SECRET), 'a note has the password');
    for (const { host, path } of config?.entries ?? []) assert.ok(host === host.toLowerCase() && !path.startsWith('/') && !path.endsWith('/'));
  }
}

const login = (user: string): string => Buffer.from(`${user}:${SECRET}`).toString('base64');

async function readsChallenges(input: Buffer): Promise<void> {
  const challenges = parseChallenges(input.toString('latin1'));
  assert.ok(challenges.length <= 8);
  for (const { scheme, parameters } of challenges) {
    assert.ok(scheme !== '' && scheme === scheme.toLowerCase() && Object.keys(parameters).length <= 16);
    const { realm } = parameters;
    if (realm === undefined || !URL.canParse(realm)) continue;
    const verdict = await judgeRealm({ endpoint: { host: 'ghcr.io', authority: 'ghcr.io', schemes: ['https'], configured: false }, origin: new URL('https://ghcr.io'), verified: true, realm: new URL(realm), configured: [] });
    if (verdict.credentials) assert.match(new URL(realm).href, /^https:\/\/(?:[\w.-]*\.)?ghcr\.io\.?(?::\d+)?\//);
  }
  const [first, ...rest] = challenges;
  if (first === undefined || rest.length > 0 || !Object.keys(first.parameters).every((name) => /^[\w-]+$/.test(name))) return;
  const printed = `${first.scheme} ${Object.entries(first.parameters).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(', ')}`;
  if (printed.length <= 8192) assert.deepEqual(parseChallenges(printed), [first]);
}

function readsHeaders(input: Buffer): void {
  const text = input.toString('latin1');
  const wait = retryAfterOf(text, 0);
  assert.ok(wait === undefined || (wait >= 0 && wait <= 86_400_000));
  const link = nextLinkOf(text);
  assert.ok(link === undefined || text.includes(link));
}

function readsFailure(input: Buffer): void {
  const code = ociErrorCode(input);
  assert.ok(code === undefined || /^[A-Z_]+$/.test(code));
  const { message } = failureOf({ status: 403, headers: { 'retry-after': input.toString('latin1') }, bytes: input }, { repository: { host: 'ghcr.io', path: 'acme/web' }, what: 'tag "1"' }, 0);
  assert.ok(message.length < 400);
}

/** Parsers of what registries, token endpoints and pull secrets say. */
export const REGISTRY_TARGETS: readonly FuzzTarget[] = [
  { name: 'manifest', seeds: () => bytesOf(...MANIFESTS), tokens: ['mediaType', 'sha256:', 'manifests', 'layers', 'config'], run: readsManifest },
  {
    name: 'docker-config',
    seeds: () =>
      bytesOf(
        { auths: { 'https://index.docker.io/v1/': { auth: login('user') }, 'ghcr.io/acme': { username: 'u', password: SECRET }, 'quay.io': {} }, credsStore: 'desktop', credHelpers: { 'gcr.io': 'gcr' } },
        { '*.acme.example:5000': { auth: login('<token>') }, 'registry.test/v2/': { identitytoken: SECRET } },
      ),
    tokens: ['auths', 'auth', 'https://', '/v1/', '//', ':443'],
    run: readsDockerConfig,
  },
  {
    name: 'www-authenticate',
    seeds: () => bytesOf('Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/web:pull"', 'Basic realm=x, Bearer realm="https://auth.docker.io/token"', 'Negotiate abc==, Digest a="\\"b"', 'Bearer realm="https://ghcr.io.evil.test/"'),
    tokens: ['Bearer ', 'realm=', '"', '\\"', ', ', 'https://', 'ghcr.io', '@', '.evil.test'],
    run: readsChallenges,
  },
  { name: 'response-headers', seeds: () => bytesOf('120', 'Fri, 20 Nov 2026 12:00:00 GMT', '</v2/acme/web/referrers/sha256:00?n=5>; rel="next"', '<a>; rel=prev, <b>; title="x"; rel="next prefetch"'), tokens: ['<', '>; rel="next"', '; ', ' ;', ' = '], run: readsHeaders },
  { name: 'registry-error', seeds: () => bytesOf({ errors: [{ code: 'DENIED', message: 'no', detail: [] }] }, { errors: [{ code: 'MANIFEST_UNKNOWN' }] }, '<html>'), run: readsFailure },
  {
    name: 'token',
    seeds: () => bytesOf({ token: 'abc', expires_in: 300, issued_at: '2026-11-20T12:00:00Z' }, { access_token: 'abc' }),
    run: (input) => {
      const token = tokenOf({ bytes: input });
      if (token !== undefined) assert.ok(/^[\x21-\x7e]+$/.test(token.value) && token.lifetime > 0 && token.lifetime <= 3_600_000);
    },
  },
];
