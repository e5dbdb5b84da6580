import type { Clock } from '../base/clock.ts';
import { ApiError } from './api-error.ts';
import type { KubeObject, ObjectRef, Resource } from './object.ts';
import type { JsonPatchOperation } from './patch.ts';
import { collectionPath, describe, objectPath, queryString, requireNamespace } from './paths.ts';
import type { ApiRequest, Transport, Verb } from './transport.ts';
import { readWatch } from './watch-stream.ts';
import type { WatchEvent } from './watch-stream.ts';

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For the call with its retries; milliseconds. Default 30 s, for a list page 60 s. */
  readonly deadline?: number;
}

export interface ListOptions extends CallOptions {
  /** All namespaces where it is left out. */
  readonly namespace?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  /** Cap on the bytes of one page. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Only `metadata` of each object (meta/v1, PartialObjectMetadata). */
  readonly metadataOnly?: boolean;
}

/** One page of a list; `continue` is absent on the last. Items of a list carry no `apiVersion` and `kind`. */
export interface ListPage<T extends KubeObject = KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only `metadata` of each object (meta/v1, PartialObjectMetadata). */
  readonly metadataOnly?: boolean;
  /** Left out: what exists comes first as ADDED events. */
  readonly resourceVersion?: string;
  /** After this long the server ends the watch by itself; seconds. */
  readonly timeoutSeconds: number;
  /** The watch fails with `Timeout` when nothing, not even a bookmark, came for this long; milliseconds. */
  readonly inactivity: number;
  /** The server accepted the watch. */
  readonly onOpen?: () => void;
}

/** A patch and how it is to be read. Strategic merge is left out: custom resources do not have it. */
export type Patch =
  | { readonly type: 'json'; readonly operations: readonly JsonPatchOperation[] }
  | { readonly type: 'merge'; readonly body: unknown }
  /** Server-side apply; `force` takes fields over from other managers. */
  | { readonly type: 'apply'; readonly body: unknown; readonly force?: boolean };

export interface WriteOptions extends CallOptions {
  /** Who is named in `managedFields`. Needed for `apply`. */
  readonly fieldManager?: string;
  readonly subresource?: string;
  /** Goes through admission and validation, stores nothing. */
  readonly dryRun?: boolean;
}

/** How a document is asked for. */
export interface DocumentOptions extends CallOptions {
  /** The media types that are understood. */
  readonly accept: string;
  /** The tag of what the caller has; the answer is `unchanged` as long as that is current. */
  readonly etag?: string;
  readonly maxBytes?: number;
}

/** A document, or that it is still the one that the caller has. */
export type DocumentAnswer = { readonly unchanged: true } | { readonly unchanged: false; readonly content: unknown; readonly etag?: string };

/** Any resource of one API server, as plain JSON. Every failure is an ApiError, or the reason of the caller's signal. */
export interface KubeClient {
  /** host:port of the API server. */
  readonly host: string;
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options?: CallOptions): Promise<T>;
  /** One page. */
  list<T extends KubeObject>(resource: Resource, options?: ListOptions): Promise<ListPage<T>>;
  /**
   * Calls `onEvent` for each event, in order, until the server ends the watch (resolves) or it fails (rejects). An ERROR
   * event ends it with its ApiError. What `onEvent` throws ends it too.
   */
  watch<T extends KubeObject>(resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent<T>) => void): Promise<void>;
  create<T extends KubeObject>(resource: Resource, namespace: string | undefined, body: unknown, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: Patch, options?: WriteOptions): Promise<T>;
  delete(resource: Resource, ref: ObjectRef, options?: CallOptions & { readonly uid?: string }): Promise<void>;
  /** A document that is no resource (`/version`, `/apis`, `/openapi/v3/…`), as parsed JSON. */
  getPath(path: string, options?: CallOptions & { readonly maxBytes?: number }): Promise<unknown>;
  /** The same where it has several representations, or may be unchanged. */
  getDocument(path: string, options: DocumentOptions): Promise<DocumentAnswer>;
  /** Breaks what is under way. */
  close(): Promise<void>;
}

const CALL_DEADLINE = 30_000;
const LIST_DEADLINE = 60_000;
const OBJECT_BYTES = 8 * 1024 * 1024;
const LIST_BYTES = 64 * 1024 * 1024;
const CONTENT_TYPES: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** The client over a transport; it owns the transport from then on. */
export function createClient(transport: Transport, clock: Clock): KubeClient {
  return new JsonClient(transport, clock);
}

const METADATA = {
  list: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  watch: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
} as const;
const DOCUMENT_BYTES = 16 * 1024 * 1024;

interface Sending extends CallOptions {
  readonly verb: Verb;
  readonly method: ApiRequest['method'];
  readonly path: string;
  readonly what: string;
  readonly idempotent: boolean;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly maxBytes?: number;
}

class JsonClient implements KubeClient {
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  get host(): string {
    return this.#transport.host;
  }

  async get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options: CallOptions = {}): Promise<T> {
    const what = `get ${describe(resource, ref)}`;
    return objectIn(await this.#call({ ...options, verb: 'get', method: 'GET', path: objectPath(resource, ref), what, idempotent: true }), what) as T;
  }

  async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<ListPage<T>> {
    const { namespace, limit, labelSelector, fieldSelector, resourceVersion, maxBytes = LIST_BYTES } = options;
    const query = queryString({ limit, continue: options.continue, labelSelector, fieldSelector, resourceVersion });
    const what = `list ${describe(resource, { namespace })}`;
    const path = collectionPath(resource, namespace) + query;
    return pageIn<T>(await this.#call({ deadline: LIST_DEADLINE, ...options, verb: 'list', method: 'GET', path, what, maxBytes, idempotent: true, ...accepting(options, 'list') }), what);
  }

  async watch<T extends KubeObject>(resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent<T>) => void): Promise<void> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal } = options;
    const query = queryString({ watch: true, allowWatchBookmarks: true, timeoutSeconds, labelSelector, fieldSelector, resourceVersion });
    const what = `watch ${describe(resource, { namespace })}`;
    const stream = await this.#transport.open({
      verb: 'watch',
      method: 'GET',
      path: collectionPath(resource, namespace) + query,
      what,
      signal,
      ...accepting(options, 'watch'),
      deadline: CALL_DEADLINE,
      maxBytes: OBJECT_BYTES,
      idempotent: false,
      // Whoever watches backs off by itself, and says that it does.
      retries: 0,
    });
    try {
      options.onOpen?.();
      await readWatch<T>(stream.body, { clock: this.#clock, inactivity: options.inactivity, host: this.host, signal, what }, onEvent);
    } finally {
      stream.close();
    }
  }

  async create<T extends KubeObject>(resource: Resource, namespace: string | undefined, body: unknown, options: WriteOptions = {}): Promise<T> {
    requireNamespace(resource, namespace);
    const what = `create ${describe(resource, { namespace, name: (body as Partial<KubeObject>).metadata?.name })}`;
    const path = collectionPath(resource, namespace) + writeQuery(options);
    // A review (SelfSubjectAccessReview) is created and answered, but has no name.
    return objectIn(await this.#call({ ...options, verb: 'create', method: 'POST', path, what, body: JSON.stringify(body), idempotent: false }), what, (parsed) => typeof parsed.kind === 'string') as T;
  }

  async patch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: Patch, options: WriteOptions = {}): Promise<T> {
    const force = patch.type === 'apply' && patch.force === true ? true : undefined;
    const what = `patch ${describe(resource, ref)}${options.subresource === undefined ? '' : ` (${options.subresource})`}`;
    const text = await this.#call({
      ...options,
      verb: 'patch',
      method: 'PATCH',
      path: objectPath(resource, ref, options.subresource) + writeQuery(options, force),
      what,
      body: JSON.stringify(patch.type === 'json' ? patch.operations : patch.body),
      contentType: CONTENT_TYPES[patch.type],
      // The `test` of a JSON patch that was applied fails when it is sent again.
      idempotent: patch.type !== 'json',
    });
    return objectIn(text, what) as T;
  }

  async delete(resource: Resource, ref: ObjectRef, options: CallOptions & { readonly uid?: string } = {}): Promise<void> {
    const what = `delete ${describe(resource, ref)}`;
    const body = options.uid === undefined ? {} : { body: JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: options.uid } }) };
    await this.#call({ ...options, ...body, verb: 'delete', method: 'DELETE', path: objectPath(resource, ref), what, idempotent: true });
  }

  async getPath(path: string, options: CallOptions & { readonly maxBytes?: number } = {}): Promise<unknown> {
    const what = whatOf(path);
    return parse(await this.#call({ maxBytes: DOCUMENT_BYTES, ...options, verb: 'get', method: 'GET', path, what, idempotent: true }), what);
  }

  async getDocument(path: string, { accept, etag, signal, deadline = CALL_DEADLINE, maxBytes = DOCUMENT_BYTES }: DocumentOptions): Promise<DocumentAnswer> {
    const what = whatOf(path);
    const conditional = { ...(signal === undefined ? {} : { signal }), ...(etag === undefined ? {} : { ifNoneMatch: etag }) };
    const answer = await this.#transport.exchange({ ...conditional, verb: 'get', method: 'GET', path, what, accept, deadline, maxBytes, idempotent: true });
    if (answer.status === 304) return { unchanged: true };
    return { unchanged: false, content: parse(answer.body, what), ...(answer.etag === undefined ? {} : { etag: answer.etag }) };
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #call(sending: Sending): Promise<Buffer> {
    const { verb, method, path, what, idempotent, body, contentType, accept, signal, deadline = CALL_DEADLINE, maxBytes = OBJECT_BYTES } = sending;
    return this.#transport.call({
      verb,
      method,
      path,
      what,
      idempotent,
      deadline,
      maxBytes,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(accept === undefined ? {} : { accept }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function writeQuery(options: WriteOptions, force?: boolean): string {
  return queryString({ fieldManager: options.fieldManager, force, dryRun: options.dryRun === true ? 'All' : undefined });
}

function accepting({ metadataOnly }: { readonly metadataOnly?: boolean }, verb: keyof typeof METADATA): { accept?: string } {
  return metadataOnly === true ? { accept: METADATA[verb] } : {};
}

function whatOf(path: string): string {
  if (!/^\/[^\s#]*$/.test(path)) throw new ApiError('BadRequest', `${JSON.stringify(path)} is not a path of an API server`);
  return `get ${path}`;
}

function parse(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ApiError('BadResponse', `${what}: the answer is not JSON`, { cause: error });
  }
}

function hasName(parsed: Partial<KubeObject>): boolean {
  return typeof parsed.metadata?.name === 'string';
}

function objectIn(bytes: Buffer, what: string, isObject = hasName): KubeObject {
  const parsed = parse(bytes, what);
  if (typeof parsed !== 'object' || parsed === null || !isObject(parsed)) throw new ApiError('BadResponse', `${what}: the answer is not an API object`);
  return parsed as KubeObject;
}

function pageIn<T extends KubeObject>(bytes: Buffer, what: string): ListPage<T> {
  const parsed = parse(bytes, what) as { items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } } | null;
  const resourceVersion = parsed?.metadata?.resourceVersion;
  // A list of nothing may be `null`; a list without a resource version is none.
  if (typeof resourceVersion !== 'string' || (parsed?.items !== null && !Array.isArray(parsed?.items))) {
    throw new ApiError('BadResponse', `${what}: the answer is not a list`);
  }
  const token = parsed.metadata?.continue;
  return { items: parsed.items ?? [], resourceVersion, ...(token === undefined || token === '' ? {} : { continue: token }) };
}
