import { deadline } from '../base/abort.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { isDigest, type Digest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import { Lru } from '../base/lru.ts';

import { Authenticator } from './auth.ts';
import { invalid, name, shownType, type Subject } from './failures.ts';
import { header, mediaTypeOf, nextLinkOf } from './headers.ts';
import type { HostRules } from './hosts.ts';
import { HostLimiter } from './limiter.ts';
import { isSchema1, MANIFEST_ACCEPT, manifestTypeOf, ManifestSyntaxError, OCI_INDEX, parseIndex } from './manifest.ts';
import type { ProxyVariables } from './proxy.ts';
import { arrangeReferrers, fallbackTagOf, isLasting, lacksReferrers, REFERRERS_BYTES, REFERRERS_LIMIT, REFERRERS_PAGES } from './referrers.ts';
import { Requester, type Question, type RegistryReply } from './requester.ts';
import { Sender } from './sender.ts';
import { systemNetwork, Transport, type Network, type TlsOptions } from './transport.ts';
import { RegistryError, type Descriptor, type Manifest, type RegistryCall, type RegistryClient, type RepositoryName, type RequestEvent } from './types.ts';

/** What a client may be told; every option has a default. Times are milliseconds. */
export interface RegistryClientOptions {
  /** Which hosts may be contacted by plain HTTP or at local addresses. By default TLS only, and no local address. */
  readonly hosts?: HostRules;
  readonly tls?: TlsOptions;
  /** Hosts of token endpoints that may have a registry's credentials though they are of another domain; by registry host. */
  readonly tokenHosts?: Readonly<Record<string, readonly string[]>>;
  /** One request, from the connection to the last byte: 5 s. */
  readonly requestTimeout?: number;
  /** One call of the client, with its token, redirects and repeats: 8 s. */
  readonly lookupTimeout?: number;
  /** A `Retry-After` up to this is waited for inside of a call: 2 s. */
  readonly patience?: number;
  /** Requests and connections at once to one host: 8. */
  readonly concurrency?: number;
  /** How long a repository without referrers API is remembered: 5 min. */
  readonly referrersAbsentFor?: number;
  readonly userAgent?: string;
  readonly onRequest?: (event: RequestEvent) => void;
  readonly clock?: Clock;
  /** Proxies that registries are asked by way of; none by default. A name is then the proxy's to resolve and to refuse. */
  readonly proxy?: ProxyVariables;
  /** Name resolution and the judgement of addresses; the machine's and `addressKind` by default. */
  readonly network?: Network;
}

const MANIFEST_LIMIT = 4 * 1024 * 1024;
const RETRIES = 2;
const PROBE_TIMEOUT = 2_000;

const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

const NO_ANSWER = Symbol('no answer');

class Client implements RegistryClient {
  readonly #transport: Transport;
  readonly #requester: Requester;
  readonly #clock: Clock;
  readonly #lookupTimeout: number;
  readonly #absentFor: number;
  readonly #absent = new Lru<true>(1024 * 1024);

  constructor(options: RegistryClientOptions) {
    const { hosts: rules = {}, tls = {}, requestTimeout = 5_000, concurrency = 8, clock = systemClock } = options;
    this.#clock = clock;
    this.#lookupTimeout = options.lookupTimeout ?? 8_000;
    this.#absentFor = options.referrersAbsentFor ?? 300_000;
    this.#transport = new Transport(tls, concurrency, options.network ?? systemNetwork, options.proxy);
    const { onRequest, patience = 2_000 } = options;
    const sender = new Sender(this.#transport, new HostLimiter(concurrency), { clock, requestTimeout, onRequest, retries: RETRIES, patience });
    const authenticator = new Authenticator(sender, { clock, rules, tokenHosts: options.tokenHosts ?? {} });
    this.#requester = new Requester(sender, authenticator, this.#transport, {
      clock, rules, userAgent: options.userAgent ?? 'assay', insecure: tls.insecure ?? false, probeTimeout: PROBE_TIMEOUT,
    });
  }

  async resolveTag(repository: RepositoryName, tag: string, call: RegistryCall): Promise<Digest> {
    return this.#within(repository, tagged(tag), call, async (question) => {
      const head = await this.#head({ ...question, ...manifestPath(repository, tag), kind: 'head', method: 'HEAD', limit: 0 });
      if (head !== NO_ANSWER) return head;
      return (await this.#manifest(question, repository, tag)).digest;
    });
  }

  async manifest(repository: RepositoryName, reference: string, call: RegistryCall): Promise<Manifest> {
    const what = isDigest(reference) ? `manifest ${reference}` : tagged(reference);
    return this.#within(repository, what, call, (question) => this.#manifest(question, repository, reference));
  }

  async blob(repository: RepositoryName, digest: Digest, limit: number, call: RegistryCall): Promise<Uint8Array> {
    return this.#within(repository, `blob ${digest}`, call, async (question) => {
      const path = `/v2/${repository.path}/blobs/${digest}`;
      const reply = await this.#requester.expect({ ...question, kind: 'blob', path, accept: '*/*', limit });
      return sameDigest(question.subject, reply, digest).bytes;
    });
  }

  async referrers(repository: RepositoryName, digest: Digest, call: RegistryCall): Promise<readonly Descriptor[]> {
    return this.#within(repository, `the referrers of ${digest}`, call, async (question) => {
      // With whose credentials: to those who may not see the repository it may have no API (a 404), and others must not look less for it.
      const key = `${repository.host}/${repository.path} ${call.keychain.scope}`;
      if (this.#absent.get(key, this.#clock.now()) === undefined) {
        const listed = await this.#listed(question, repository, digest, key);
        if (listed !== NO_ANSWER) return listed;
      }
      return this.#fallback(question, repository, fallbackTagOf(digest));
    });
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  async #within<Value>(repository: RepositoryName, what: string, call: RegistryCall, work: (question: Question) => Promise<Value>): Promise<Value> {
    const subject: Subject = { repository, what };
    checkName(subject);
    const limit = deadline(this.#clock, this.#lookupTimeout, name(subject), call.signal);
    const base: Question = { kind: 'manifest', method: 'GET', path: '/v2/', accept: MANIFEST_ACCEPT, limit: MANIFEST_LIMIT, subject, keychain: call.keychain, signal: limit.signal };
    try {
      return await work(base);
    } catch (thrown) {
      if (thrown instanceof RegistryError) throw thrown;
      if (call.signal?.aborted === true) throw call.signal.reason;
      if (limit.signal.aborted) throw new RegistryError('Unavailable', messageOf(thrown), { cause: thrown });
      if (thrown instanceof ManifestSyntaxError) throw invalid(subject, thrown.message);
      throw thrown;
    } finally {
      limit.cancel();
    }
  }

  /** The digest that a HEAD tells, or nothing where the registry does not answer HEAD, or without a digest. */
  async #head(question: Question): Promise<Digest | typeof NO_ANSWER> {
    const reply = await this.#requester.ask(question);
    if (reply.status === 405 || reply.status === 501) return NO_ANSWER;
    if (reply.status !== 200) throw await this.#requester.failure(question, reply);
    const digest = header(reply.headers, 'docker-content-digest');
    // Of schema 1 the digest says little; the GET refuses it with its reason.
    return isDigest(digest) && !isSchema1(mediaTypeOf(reply.headers)) ? digest : NO_ANSWER;
  }

  async #manifest(question: Question, repository: RepositoryName, reference: string): Promise<Manifest> {
    const reply = await this.#requester.expect({ ...question, ...manifestPath(repository, reference) });
    const { bytes, digest } = isDigest(reference) ? sameDigest(question.subject, reply, reference) : hashed(question.subject, reply);
    return { bytes, digest, mediaType: manifestTypeOf(bytes, mediaTypeOf(reply.headers)) };
  }

  /** All pages of the referrers API, or nothing where the registry has no such API. */
  async #listed(question: Question, repository: RepositoryName, digest: Digest, key: string): Promise<readonly Descriptor[] | typeof NO_ANSWER> {
    const found: Descriptor[] = [];
    let received = 0;
    let path = `/v2/${repository.path}/referrers/${digest}`;
    for (let page = 0; page < REFERRERS_PAGES; page += 1) {
      const asked: Question = { ...question, kind: 'referrers', path, accept: OCI_INDEX };
      const reply = await this.#requester.ask(asked);
      if (page === 0 && lacksReferrers(reply, mediaTypeOf(reply.headers), OCI_INDEX)) {
        if (isLasting(reply)) this.#absent.set(key, true, key.length, this.#clock.now() + this.#absentFor);
        return NO_ANSWER;
      }
      if (reply.status === 404) throw new RegistryError('Unavailable', `${name(question.subject)}: page ${page + 1} of the list is not there (404)`);
      if (reply.status !== 200) throw await this.#requester.failure(asked, reply);
      received += reply.bytes.length;
      if (received > REFERRERS_BYTES) throw new RegistryError('LimitExceeded', `${name(question.subject)}: the list has more than ${REFERRERS_BYTES} bytes`);
      found.push(...parseIndex(reply.bytes));
      const next = nextPage(question.subject, reply);
      if (next === undefined || found.length >= REFERRERS_LIMIT) return arrangeReferrers(found);
      path = next;
    }
    throw new RegistryError('LimitExceeded', `${name(question.subject)}: the list has more than ${REFERRERS_PAGES} pages`);
  }

  async #fallback(question: Question, repository: RepositoryName, tag: string): Promise<readonly Descriptor[]> {
    const asked: Question = { ...question, ...manifestPath(repository, tag), kind: 'referrers' };
    const reply = await this.#requester.ask(asked);
    if (reply.status === 200) {
      const type = manifestTypeOf(reply.bytes, mediaTypeOf(reply.headers));
      if (type !== OCI_INDEX) throw invalid(question.subject, `tag ${tag} should be an index of referrers and is ${shownType(reply.headers)}`);
      return arrangeReferrers(parseIndex(reply.bytes));
    }
    const failure = await this.#requester.failure(asked, reply);
    if (failure.code === 'NotFound') return [];
    throw failure;
  }
}

/** A read-only client of OCI registries. It holds connections until it is closed. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  return new Client(options);
}

const tagged = (tag: string): string => (TAG.test(tag) ? `tag "${tag}"` : 'a tag');

function manifestPath({ path }: RepositoryName, reference: string): { readonly path: string } {
  if (!isDigest(reference) && !TAG.test(reference)) throw new ManifestSyntaxError('the reference is neither a tag nor a digest');
  return { path: `/v2/${path}/manifests/${reference}` };
}

/** References come from workloads: nothing but names of the grammar may become part of a URL. */
function checkName(subject: Subject): void {
  const { host, path } = subject.repository;
  if (HOST.test(host) && path.length <= 255 && PATH.test(path)) return;
  throw new RegistryError('Forbidden', 'the image name is not of the form host/path (distribution/reference): nothing was asked');
}

function hashed(subject: Subject, reply: RegistryReply): { readonly bytes: Uint8Array; readonly digest: Digest } {
  const { bytes, digest } = reply;
  const told = header(reply.headers, 'docker-content-digest');
  if (digest === undefined) throw new RegistryError('Unavailable', `${name(subject)}: no body came`);
  if (isDigest(told) && told !== digest) throw new RegistryError('DigestMismatch', `${name(subject)}: the bytes are ${digest}, but the registry says that they are ${told}`);
  return { bytes, digest };
}

function sameDigest(subject: Subject, reply: RegistryReply, wanted: Digest): { readonly bytes: Uint8Array; readonly digest: Digest } {
  if (reply.digest === wanted) return { bytes: reply.bytes, digest: wanted };
  const asCosign = `error verifying sha256 checksum after reading ${reply.bytes.length} bytes; got "${reply.digest ?? ''}", want "${wanted}"`;
  throw new RegistryError('DigestMismatch', `${name(subject)}: the bytes that came are ${reply.digest ?? 'of no digest'}: the registry, or a proxy on the way, changed them`, { asCosign });
}

/** The next page, which must be at the registry itself. */
function nextPage(subject: Subject, reply: RegistryReply): string | undefined {
  const links = header(reply.headers, 'link');
  const link = nextLinkOf(links);
  if (link === undefined) {
    // Read as the end of the list, a link that we do not understand would hide what follows it.
    if (links !== undefined && /\bnext\b/i.test(links)) throw invalid(subject, 'its link to the next page is malformed');
    return undefined;
  }
  const url = URL.parse(link, reply.url.href);
  if (url?.origin === reply.origin) return `${url.pathname}${url.search}`;
  throw new RegistryError('Forbidden', `${name(subject)}: the list goes on at another host, which is not followed; the rest of it is unknown`);
}
