import type { Discovery } from './discovery.ts';
import { abortable } from './exchange.ts';
import type { KubeObject, Resource } from './object.ts';
import type { ObjectCache } from './object-cache.ts';
import type { ReflectorHooks, ReflectorProblem } from './recovery.ts';
import { Reflector } from './reflector.ts';
import type { Handler, ReflectorOptions } from './reflector.ts';
import type { Availability, OptionalResource } from './served.ts';
import { keyOf, Store } from './store.ts';
import type { Change, Stored, StoreView } from './store.ts';

export interface OptionalReflectorOptions<T extends Stored, O extends KubeObject = KubeObject> extends Omit<ReflectorOptions<T, O>, 'resource' | 'store'> {
  readonly resource: OptionalResource;
  readonly discovery: Pick<Discovery, 'find' | 'known' | 'problem' | 'refresh' | 'subscribe'>;
}

/**
 * A {@link Reflector} of a resource that the API server may not have. While it has not, nothing is asked and nothing is
 * amiss: the cache is empty, and in step. It begins by itself when the resource appears, goes over to another version when
 * that is the one that is served, and reports everything as deleted when the resource is gone. An outage of the resource's
 * own server is neither: what is known stays.
 */
export class OptionalReflector<T extends Stored, O extends KubeObject = KubeObject> implements ObjectCache<T> {
  readonly #options: OptionalReflectorOptions<T, O>;
  readonly #store: Store<T>;
  readonly #handlers = new Set<Handler<T>>();
  readonly #settled = Promise.withResolvers<void>();
  readonly #stopping = new Set<Promise<void>>();
  #unsubscribe: (() => void) | undefined;
  #state: Availability['state'] | 'unknown' = 'unknown';
  #inner: Reflector<T, O> | undefined;
  #resource: Resource;
  /** Why nothing is known, while the resource's server does not answer. */
  #outage: ReflectorProblem | undefined;
  /** The inner problem that the hooks were told of. */
  #told = false;
  #ended = false;

  constructor(options: OptionalReflectorOptions<T, O>) {
    const { group, plural, kind, namespaced, versions } = options.resource;
    this.#options = options;
    this.#store = new Store(options.indexes);
    this.#resource = { group, version: versions[0] ?? '', plural, kind, namespaced };
    this.#settled.promise.catch(() => undefined);
  }

  /** As it is served, or was last; before that, in the version that is preferred. */
  get resource(): Resource {
    return this.#resource;
  }

  get store(): StoreView<T> {
    return this.#store;
  }

  /** Whether the API server has the resource; `unknown` before it said anything. */
  get availability(): Availability['state'] | 'unknown' {
    return this.#state;
  }

  /** Whether an object that is not in the store does not exist: one list is complete, or there is no such resource. */
  get hasSynced(): boolean {
    return this.#state === 'absent' || this.#inner?.hasSynced === true;
  }

  get problem(): ReflectorProblem | undefined {
    if (this.#inner !== undefined) return this.#inner.problem;
    const { problem } = this.#options.discovery;
    return this.#outage ?? (this.#state === 'unknown' && problem !== undefined ? { ...problem, verb: 'list' } : undefined);
  }

  /** Milliseconds since the server was last heard of; undefined while there is nothing to hear. */
  lastEventAge(): number | undefined {
    return this.#inner?.lastEventAge();
  }

  /** Resolves after the first complete list, or as soon as it is known that there is none; rejects with the signal's reason. */
  whenSynced(signal?: AbortSignal): Promise<void> {
    return signal === undefined ? this.#settled.promise : abortable(this.#settled.promise, signal);
  }

  /** Calls `handler` for all that is stored, as added, and then for each change. Returns how to end that. */
  subscribe(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const value of this.#store.values()) this.#deliver(handler, { type: 'added', key: keyOf(value), value });
    return () => this.#handlers.delete(handler);
  }

  /** Begins to follow what discovery says. Once only. */
  start(): void {
    if (this.#unsubscribe !== undefined) throw new Error(`the reflector of ${this.#resource.plural} was started already`);
    this.#unsubscribe = this.#options.discovery.subscribe(() => this.#look());
    if (this.#options.discovery.known) this.#look();
  }

  /** Resolves when nothing runs any more; the store keeps what it has. */
  async stop(): Promise<void> {
    this.#ended = true;
    this.#unsubscribe?.();
    this.#settled.reject(new Error(`the reflector of ${this.#resource.plural} was stopped`));
    this.#leave();
    await Promise.all(this.#stopping);
  }

  #look(): void {
    if (this.#ended) return;
    const found = this.#options.discovery.find(this.#options.resource);
    this.#state = found.state;
    if (found.state === 'present') this.#follow(found.resource);
    else if (found.state === 'absent') this.#vanish();
    this.#setOutage(found.state === 'unavailable');
  }

  #follow(resource: Resource): void {
    if (this.#inner !== undefined && this.#resource.version === resource.version) return;
    this.#leave();
    this.#resource = resource;
    this.#store.outdate();
    const { resource: _, discovery: __, indexes: ___, ...options } = this.#options;
    const inner = new Reflector<T, O>({ ...options, resource, store: this.#store, hooks: this.#hooks() });
    // What the last one left is known already.
    let quiet = true;
    inner.subscribe((change) => {
      if (!quiet) this.#emit(change);
    });
    quiet = false;
    this.#inner = inner;
    inner.whenSynced().then(this.#settled.resolve, () => undefined);
    inner.start();
  }

  #vanish(): void {
    this.#leave();
    for (const change of this.#store.replace(new Map())) this.#emit(change);
    this.#settled.resolve();
  }

  #leave(): void {
    const inner = this.#inner;
    if (inner === undefined) return;
    this.#inner = undefined;
    this.#tell(undefined);
    const ended = inner.stop().finally(() => this.#stopping.delete(ended));
    this.#stopping.add(ended);
  }

  /** An API server that says 404 has not got the resource any more: no trouble, but something to be asked about. */
  #hooks(): ReflectorHooks {
    const { hooks = {}, discovery } = this.#options;
    return {
      ...hooks,
      onProblem: (_, problem) => {
        if (problem?.code === 'NotFound') discovery.refresh();
        this.#tell(problem?.code === 'NotFound' ? undefined : problem);
      },
    };
  }

  #setOutage(away: boolean): void {
    if (away === (this.#outage !== undefined)) return;
    const { group, plural } = this.#options.resource;
    const message = `the API server lists ${group}, but the server behind it does not answer: look at its APIService`;
    this.#outage = away ? { code: 'Unavailable', verb: 'list', message: `list ${plural}.${group}: ${message}`, since: this.#options.clock.now() } : undefined;
    this.#tell(this.#outage);
  }

  #tell(problem: ReflectorProblem | undefined): void {
    if (problem === undefined && !this.#told) return;
    this.#told = problem !== undefined;
    this.#guard(() => this.#options.hooks?.onProblem?.(this.#resource, problem));
  }

  #emit(change: Change<T>): void {
    for (const handler of this.#handlers) this.#deliver(handler, change);
  }

  #deliver(handler: Handler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#guard(() => this.#options.hooks?.onHandlerError?.(this.#resource, error));
    }
  }

  /** A hook that throws must not end the cache. */
  #guard(hook: () => void): void {
    try {
      hook();
    } catch {
      // There is nobody left to tell.
    }
  }
}
