import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { binaries } from '../../hack/controlplane/binaries.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { type OwnedProcess, startOwned } from '../../hack/controlplane/owned-process.ts';
import { type Fault, startFaulty, type FaultyRegistry } from '../support/faulty-registry.ts';

/** Where cases put their images, and how they ask for them. */
export interface Registries {
  /** Has the referrers API. */
  readonly modern: string;
  /** Has not. */
  readonly old: string;
  /** In front of either, so that a repository can be given a fault. */
  front(host: string): FaultyRegistry;
  /** In front of `modern`, for `ada` with the password `secret` or the token `the-token` only. */
  readonly basic: string;
  readonly bearer: string;
  stop(): Promise<void>;
}

/** Starts everything on loopback; the processes end with this one at the latest. */
export async function startRegistries(): Promise<Registries> {
  const { registry: command } = await binaries(['registry']);
  const [modern, old] = await Promise.all([startOne(command, true), startOne(command, false)]);
  const [modernFront, oldFront, basic, bearer] = await Promise.all([startFaulty(modern.host), startFaulty(old.host), startFaulty(modern.host), startFaulty(modern.host)]);
  basic.fault('', askBasic);
  bearer.fault('', askBearer(bearer.host));
  return {
    modern: modern.host,
    old: old.host,
    front: (host) => (host === old.host ? oldFront : modernFront),
    basic: basic.host,
    bearer: bearer.host,
    async stop() {
      await Promise.all([modernFront, oldFront, basic, bearer].map((front) => front.stop()));
      await Promise.all([modern, old].map(({ server }) => server.stop('SIGKILL')));
    },
  };
}

async function startOne(command: string, referrers: boolean): Promise<{ host: string; server: OwnedProcess }> {
  const log = join(temporaryDirectory('registry'), 'registry.log');
  const server = await startOwned({ name: 'registry', command, args: [`--referrers=${referrers}`], log });
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const host = /^(127\.0\.0\.1:\d+)$/m.exec(readFileSync(log, 'utf8'))?.[1];
    if (host !== undefined) return { host, server };
    await sleep(20);
  }
  throw new Error(`the registry did not say where it listens:\n${server.tail()}`);
}

const UNAUTHORIZED = '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}';
const askBasic: Fault = ({ headers }, response, forward) => {
  if (headers.authorization === `Basic ${Buffer.from('ada:secret').toString('base64')}`) forward();
  else response.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'content-type': 'application/json' }).end(UNAUTHORIZED);
};

/** Tokens for `ada`, and for whoever comes without a name one that opens nothing. */
function askBearer(host: string): Fault {
  return ({ headers, url = '' }, response, forward) => {
    if (url.startsWith('/token')) {
      const known = headers.authorization === `Basic ${Buffer.from('ada:secret').toString('base64')}`;
      if (headers.authorization !== undefined && !known) response.writeHead(401, { 'content-type': 'application/json' }).end(UNAUTHORIZED);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: known ? 'the-token' : 'nothing', expires_in: 300 }));
    } else if (headers.authorization === 'Bearer the-token') {
      forward();
    } else {
      const challenge = `Bearer realm="http://${host}/token",service="test"`;
      response.writeHead(401, { 'www-authenticate': challenge, 'content-type': 'application/json' }).end(UNAUTHORIZED);
    }
  };
}

type What = 'image' | 'referrers' | 'sig' | 'fallback' | 'blob' | 'manifest' | 'other';

/** What a request is for; a tag of a digest is where signatures are. */
function whatOf({ url = '' }: IncomingMessage): What {
  if (url.includes('/blobs/')) return 'blob';
  if (url.includes('/referrers/')) return 'referrers';
  if (url.includes('/manifests/sha256:')) return 'manifest';
  if (/\/manifests\/sha256-[0-9a-f]+\.(?:sig|att)$/.test(url)) return 'sig';
  if (/\/manifests\/sha256-[0-9a-f]+$/.test(url)) return 'fallback';
  return url.includes('/manifests/') ? 'image' : 'other';
}

const on = (what: What | readonly What[], answer: (asked: IncomingMessage, response: ServerResponse, target: string) => void): FaultMaker => (target) => (asked, response, forward) => {
  if (what === whatOf(asked) || (Array.isArray(what) && what.includes(whatOf(asked)))) answer(asked, response, target);
  else forward();
};
const status = (code: number, error = 'UNKNOWN', headers: Readonly<Record<string, string>> = {}) => ({ method }: IncomingMessage, response: ServerResponse): void => {
  const body = JSON.stringify({ errors: [{ code: error, message: 'no' }] });
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(method === 'HEAD' ? undefined : body);
};
const redirect = (code: number) => ({ url = '' }: IncomingMessage, response: ServerResponse, target: string): void => void response.writeHead(code, { location: `http://${target}${url}` }).end();
const changed = (change: (body: Buffer, headers: Record<string, string>) => Buffer) => ({ url = '', method = 'GET', headers }: IncomingMessage, response: ServerResponse, target: string): void => {
  void fetch(`http://${target}${url}`, { method, headers: { accept: headers.accept ?? '*/*' } }).then(async (answer) => {
    const told = Object.fromEntries(answer.headers);
    const body = change(Buffer.from(await answer.arrayBuffer()), told);
    if (method !== 'HEAD') told['content-length'] = String(body.length);
    response.writeHead(answer.status, told).end(method === 'HEAD' ? undefined : body);
  });
};
const INDEX = 'application/vnd.oci.image.index.v1+json';
const says = (body: string, type = INDEX) => ({ method }: IncomingMessage, response: ServerResponse): void => void response.writeHead(200, { 'content-type': type }).end(method === 'HEAD' ? undefined : body);

/** Makes a fault for the registry at `target`. */
export type FaultMaker = (target: string) => Fault;

/** What a registry does otherwise; what cosign asks again after seconds is left out. */
export const FAULTS: Readonly<Record<string, FaultMaker>> = {
  'registry.redirectsBlobs': on('blob', redirect(307)),
  'registry.redirectsAll': on(['blob', 'manifest', 'sig', 'image', 'referrers', 'fallback'], redirect(302)),
  'registry.redirectsReferrers': on('referrers', redirect(303)),
  'registry.image404': on('image', status(404, 'MANIFEST_UNKNOWN')),
  'registry.image403': on('image', status(403, 'DENIED')),
  'registry.imageNoDigest': on('image', changed((body, headers) => {
    delete headers['docker-content-digest'];
    return body;
  })),
  'registry.imageOtherDigest': on('image', changed((body, headers) => ((headers['docker-content-digest'] = `sha256:${'b'.repeat(64)}`), body))),
  'registry.imageBadDigest': on('image', changed((body, headers) => ((headers['docker-content-digest'] = 'sha256:xyz'), body))),
  'registry.imageNoHead': (target) => (asked, response, forward) => (whatOf(asked) === 'image' && asked.method === 'HEAD' ? status(405)(asked, response) : on('other', () => undefined)(target)(asked, response, forward)),
  'registry.imageOtherType': on('image', changed((body, headers) => ((headers['content-type'] = 'application/json'), body))),
  'registry.referrers400': on('referrers', status(400)),
  'registry.referrers401': on('referrers', status(401, 'UNAUTHORIZED')),
  'registry.referrers403': on('referrers', status(403, 'DENIED')),
  'registry.referrers404': on('referrers', status(404, 'NOT_FOUND')),
  'registry.referrers405': on('referrers', status(405, 'UNSUPPORTED')),
  'registry.referrers406': on('referrers', status(406)),
  'registry.referrersEmpty': on('referrers', says('{"schemaVersion":2,"manifests":[]}')),
  'registry.referrersNull': on('referrers', says('{"schemaVersion":2,"manifests":null}')),
  'registry.referrersOtherType': on('referrers', changed((body, headers) => ((headers['content-type'] = 'application/json'), body))),
  'registry.referrersTypeParameter': on('referrers', changed((body, headers) => ((headers['content-type'] = `${INDEX}; charset=utf-8`), body))),
  'registry.referrersGarbage': on('referrers', says('garbage')),
  'registry.referrersHtml': on('referrers', says('<html>', 'text/html')),
  'registry.referrersUntold': on('referrers', changed((body) => Buffer.from(body.toString().replaceAll(/"artifactType":"[^"]*"/g, '"artifactType":""')))),
  'registry.sig401': on('sig', status(401, 'UNAUTHORIZED')),
  'registry.sig403': on('sig', status(403, 'DENIED')),
  'registry.sig404': on('sig', status(404, 'MANIFEST_UNKNOWN')),
  'registry.sig404Html': on('sig', (_, response) => void response.writeHead(404, { 'content-type': 'text/html' }).end('<html>')),
  'registry.sigGarbage': on('sig', says('garbage', 'application/vnd.oci.image.manifest.v1+json')),
  'registry.sigEmptyObject': on('sig', says('{}', 'application/vnd.oci.image.manifest.v1+json')),
  'registry.sigIndex': on('sig', says('{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}')),
  'registry.blob404': on('blob', status(404, 'BLOB_UNKNOWN')),
  'registry.blob403': on('blob', status(403, 'DENIED')),
  'registry.blobOther': on('blob', changed((body) => Buffer.from(body.map((byte, at) => (at === 5 ? byte ^ 1 : byte))))),
  'registry.blobShort': on('blob', changed((body) => body.subarray(0, -3))),
  'registry.blobLonger': on('blob', changed((body) => Buffer.concat([body, Buffer.from('more')]))),
  'registry.blobEmpty': on('blob', changed(() => Buffer.alloc(0))),
  'registry.manifest404': on('manifest', status(404, 'MANIFEST_UNKNOWN')),
  'registry.manifest403': on('manifest', status(403, 'DENIED')),
  'registry.manifestOther': on('manifest', changed((body) => Buffer.from(body.toString().replace('"schemaVersion":2', '"schemaVersion": 2')))),
  'registry.fallback403': on('fallback', status(403, 'DENIED')),
  'registry.fallbackGarbage': on('fallback', says('garbage')),
  'registry.fallbackUntold': on('fallback', changed((body) => Buffer.from(body.toString().replaceAll(/"artifactType":"[^"]*"/g, '"artifactType":"application/vnd.oci.empty.v1+json"')))),
};
