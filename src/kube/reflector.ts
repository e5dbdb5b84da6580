import { RELIST_BACKOFF } from '../base/backoff.ts';
import type { BackoffOptions } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { ApiError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import type { KubeObject, Resource } from './object.ts';
import { abortable } from './exchange.ts';
import { listInPages } from './paged-list.ts';
import type { Selection } from './paged-list.ts';
import { afterWatchFailure, explainFailure, failureCode, isOlder, isUnreadable, waitAfterFailure } from './recovery.ts';
import type { FailureCode, ReflectorHooks, ReflectorProblem, ReflectorRecord } from './recovery.ts';
import { Store, keyOf } from './store.ts';
import type { Change, IndexFunction, Stored, StoreView } from './store.ts';
import type { WatchEvent } from './watch-stream.ts';

export interface ReflectorOptions<T extends Stored, O extends KubeObject = KubeObject> extends Selection {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly resource: Resource;
  /** What is kept of an object; undefined keeps nothing of it. Pure. Called before anything is stored. */
  readonly project: (object: O) => T | undefined;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly hooks?: ReflectorHooks;
  /** What is filled; by default a store of its own with `indexes`. With content in it, the first list reports the difference. */
  readonly store?: Store<T>;
  /** Objects in one page of a list. Default 200: with 5 to 10 KB each, as workloads and what Karmada makes of them have, a page is parsed and taken in within some 10 milliseconds. */
  readonly pageSize?: number;
  /** A watch that brings nothing, not even a bookmark (about one a minute), for so long is dead; milliseconds. Default 150 s. */
  readonly inactivity?: number;
  readonly backoff?: BackoffOptions;
  readonly random?: () => number;
}

export type Handler<T extends Stored> = (change: Change<T>) => void;

/** A watch that lived so long proves that the server is well: the back-off starts over. */
const STABLE = 60_000;
const SHORT_WATCH = 1000;

/**
 * A cache of all selected objects of one resource, kept current by list and watch. It recovers by itself from whatever
 * ends either, keeps what it has until a new list is complete, and then reports the difference. Handlers run within the
 * stream: they must only enqueue.
 */
export class Reflector<T extends Stored, O extends KubeObject = KubeObject> {
  readonly resource: Resource;
  readonly #options: ReflectorOptions<T, O>;
  readonly #store: Store<T>;
  readonly #handlers = new Set<Handler<T>>();
  readonly #stopping = new AbortController();
  readonly #firstSync = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #synced = false;
  /** Where the next watch begins; undefined: list first. */
  #version: string | undefined;
  /** The version at which the last unreadable frame came. */
  #unreadableAt: string | undefined;
  #failures = 0;
  #lastFailure: FailureCode | undefined;
  #aliveAt: number | undefined;
  #problem: ReflectorProblem | undefined;

  constructor(options: ReflectorOptions<T, O>) {
    this.resource = options.resource;
    this.#options = options;
    this.#store = options.store ?? new Store(options.indexes);
  }

  get store(): StoreView<T> {
    return this.#store;
  }

  /** Whether one list is complete, so that an object that is not in the store does not exist. */
  get hasSynced(): boolean {
    return this.#synced;
  }

  get problem(): ReflectorProblem | undefined {
    return this.#problem;
  }

  /** Milliseconds since the server was last heard of: a list, an event, a bookmark. Undefined before the first. */
  lastEventAge(): number | undefined {
    return this.#aliveAt === undefined ? undefined : this.#options.clock.now() - this.#aliveAt;
  }

  /** Resolves after the first complete list; rejects with the signal's reason. */
  whenSynced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.#firstSync.promise;
    return abortable(this.#firstSync.promise, signal);
  }

  /** Calls `handler` for all that is stored, as added, and then for each change. Returns how to end that. */
  subscribe(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const value of this.#store.values()) this.#deliver(handler, { type: 'added', key: keyOf(value), value });
    return () => this.#handlers.delete(handler);
  }

  /** Begins to list and watch. Once only. */
  start(): void {
    if (this.#running !== undefined) throw new Error(`the reflector of ${this.resource.plural} was started already`);
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Resolves when nothing runs any more; the store keeps what it has. */
  async stop(): Promise<void> {
    const reason = new Error(`the reflector of ${this.resource.plural} was stopped`);
    this.#firstSync.promise.catch(() => undefined);
    this.#firstSync.reject(reason);
    this.#stopping.abort(reason);
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const verb = this.#version === undefined ? 'list' : 'watch';
      let wait: number;
      try {
        wait = verb === 'list' ? await this.#list(signal) : await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        wait = this.#failed(verb, error);
      }
      if (wait > 0) await sleep(this.#options.clock, wait, signal).catch(() => undefined);
    }
  }

  async #list(signal: AbortSignal): Promise<number> {
    const started = this.#options.clock.now();
    const next = this.#store.staging();
    let count = 0;
    try {
      const options = { ...selectionOf(this.#options), pageSize: this.#options.pageSize ?? 200, signal };
      const version = await listInPages(this.#options.client, this.resource, options, (items) => {
        count += items.length;
        for (const item of items as readonly O[]) {
          const value = this.#project(item);
          if (value !== undefined) next.put(value);
        }
      });
      signal.throwIfAborted();
      this.#record('onList', 'ok', started, count);
      this.#take(version, next);
      return 0;
    } catch (error) {
      if (!signal.aborted) this.#record('onList', failureCode(error), started, count);
      throw error;
    }
  }

  /** WARNING: the old content stays until the new is whole: a policy that is absent for a moment would unpin a fleet. */
  #take(version: string, next: Store<T>): void {
    const changes = this.#store.adopt(next);
    this.#version = version;
    this.#unreadableAt = undefined;
    this.#aliveAt = this.#options.clock.now();
    this.#synced = true;
    for (const change of changes) this.#emit(change);
    this.#firstSync.resolve();
  }

  async #watch(signal: AbortSignal): Promise<number> {
    const { client, clock, random = Math.random } = this.#options;
    const started = clock.now();
    let opened = false;
    let count = 0;
    const options = {
      ...selectionOf(this.#options),
      ...(this.#version === undefined ? {} : { resourceVersion: this.#version }),
      timeoutSeconds: 300 + Math.floor(random() * 300),
      inactivity: this.#options.inactivity ?? 150_000,
      signal,
      onOpen: () => {
        opened = true;
        this.#setProblem(undefined);
      },
    };
    const settle = (code: ReflectorRecord['code']): void => {
      this.#record('onWatch', code, started, count);
      if (opened && clock.now() - started >= STABLE) [this.#failures, this.#lastFailure] = [0, undefined];
    };
    try {
      await client.watch<O>(this.resource, options, (event) => {
        signal.throwIfAborted();
        count += 1;
        this.#apply(event);
      });
    } catch (error) {
      if (!signal.aborted) settle(failureCode(error));
      throw error;
    }
    settle('ok');
    // A server that ends every watch at once must not be asked in a tight loop.
    return count === 0 && clock.now() - started < SHORT_WATCH ? 400 + 400 * random() : 0;
  }

  #apply(event: WatchEvent<O>): void {
    const { resourceVersion = '' } = event.object.metadata;
    if (isOlder(resourceVersion, this.#version)) {
      // etcd was restored from a backup: what we hold is a future that no longer exists.
      throw new ApiError('Gone', `watch ${this.resource.plural}: the resource version went back from ${this.#version} to ${resourceVersion}`);
    }
    this.#aliveAt = this.#options.clock.now();
    if (event.type !== 'BOOKMARK') {
      const value = event.type === 'DELETED' ? undefined : this.#project(event.object);
      const change = value === undefined ? this.#store.remove(keyOf(event.object.metadata)) : this.#store.put(value);
      if (change !== undefined) this.#emit(change);
    }
    this.#version = resourceVersion;
  }

  /** Notes the failure, decides where to go on, and returns how long to wait first; milliseconds. */
  #failed(verb: 'list' | 'watch', error: unknown): number {
    const code = failureCode(error);
    this.#setProblem({ code, verb, message: explainFailure(error, this.resource), since: this.#options.clock.now() });
    if (verb === 'watch') this.#leaveWatch(code);
    const { backoff = RELIST_BACKOFF, random = Math.random } = this.#options;
    // A server that was away may not know our version any more: that is how it comes back, not one more failure.
    const attempt = code === 'Gone' && this.#lastFailure !== 'Gone' ? 0 : this.#failures;
    this.#lastFailure = code;
    this.#failures += 1;
    const wait = waitAfterFailure(error, attempt, backoff, random);
    return wait;
  }

  #leaveWatch(code: FailureCode): void {
    const next = afterWatchFailure(code, { version: this.#version, unreadableAt: this.#unreadableAt });
    if (isUnreadable(code)) this.#unreadableAt = this.#version;
    if (next === 'relist') this.#version = undefined;
  }

  #project(object: O): T | undefined {
    try {
      return this.#options.project(object);
    } catch (error) {
      this.#tell(() => this.#options.hooks?.onHandlerError?.(this.resource, error));
      return undefined;
    }
  }

  #emit(change: Change<T>): void {
    for (const handler of this.#handlers) this.#deliver(handler, change);
  }

  #deliver(handler: Handler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#tell(() => this.#options.hooks?.onHandlerError?.(this.resource, error));
    }
  }

  #setProblem(problem: ReflectorProblem | undefined): void {
    const before = this.#problem;
    const goesOn = before !== undefined && before.code === problem?.code && before.verb === problem.verb;
    this.#problem = goesOn ? { ...problem, since: before.since } : problem;
    if (!goesOn && before !== problem) this.#tell(() => this.#options.hooks?.onProblem?.(this.resource, problem));
  }

  #record(hook: 'onList' | 'onWatch', code: ReflectorRecord['code'], started: number, count: number): void {
    const seconds = (this.#options.clock.now() - started) / 1000;
    this.#tell(() => this.#options.hooks?.[hook]?.(this.resource, { code, seconds, count }));
  }

  /** A hook that throws must not end the cache. */
  #tell(hook: () => void): void {
    try {
      hook();
    } catch {
      // There is nobody left to tell.
    }
  }
}

function selectionOf(options: Selection): Selection {
  const { namespace, labelSelector, fieldSelector, metadataOnly } = options;
  return {
    ...(metadataOnly === undefined ? {} : { metadataOnly }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
