import type { BackoffOptions } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { KubeClient } from './client.ts';
import { resourceName } from './object.ts';
import type { KubeObject } from './object.ts';
import { ObjectWatch } from './watch-object.ts';
import type { ObjectState, WatchedRef } from './watch-object.ts';

export interface ObjectWatchesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** An object that these owners want has changed. Called within the stream: it must only enqueue. */
  readonly onChange: (ref: WatchedRef, owners: readonly string[]) => void;
  /** How many objects may be followed at once; each holds one connection. Default 512. */
  readonly limit?: number;
  /** How many of them in one namespace, so that nobody takes all the places. Default 64. */
  readonly share?: number;
  /** The namespace that the others cannot crowd out: it has as many places again for itself. */
  readonly reserved?: string;
  readonly inactivity?: number;
  readonly backoff?: BackoffOptions;
}

interface Following<O extends KubeObject> {
  readonly ref: WatchedRef;
  readonly watch: ObjectWatch<O>;
  readonly owners: Set<string>;
}

/** The objects that somebody wants to be followed (the Secrets and ConfigMaps that policies name), each watched once. */
export class ObjectWatches<O extends KubeObject> {
  readonly #options: ObjectWatchesOptions;
  readonly #following = new Map<string, Following<O>>();
  /** How many are followed, by namespace. */
  readonly #count = new Map<string, number>();
  readonly #wanted = new Map<string, ReadonlyMap<string, WatchedRef>>();
  readonly #stopping = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: ObjectWatchesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#following.size;
  }

  /** Says what `owner` wants from now on: all of `refs` and nothing else. What nobody wants any more is let go. */
  want(owner: string, refs: readonly WatchedRef[]): void {
    if (this.#stopped) return;
    const keys = new Map(refs.map((ref) => [refKey(ref), ref]));
    const before = this.#wanted.get(owner);
    if (keys.size === 0) this.#wanted.delete(owner);
    else this.#wanted.set(owner, keys);
    for (const key of before?.keys() ?? []) if (!keys.has(key)) this.#leave(owner, key);
    for (const [key, ref] of keys) this.#join(owner, key, ref);
  }

  /** What is known of an object; of one that nobody wants, nothing. */
  state(ref: WatchedRef): ObjectState<O> {
    const found = this.#following.get(refKey(ref));
    if (found !== undefined) return found.watch.state;
    const full = this.#fullFor(ref.namespace);
    return full === undefined ? { known: 'unknown' } : { known: 'unknown', problem: { code: 'TooLarge', message: full } };
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const key of this.#following.keys()) this.#end(key);
    this.#wanted.clear();
    await Promise.all(this.#stopping);
  }

  /** Why no more of this namespace can be followed; undefined while there is a place. */
  #fullFor(namespace: string): string | undefined {
    const { limit = 512, share = 64, reserved } = this.#options;
    const own = this.#count.get(namespace) ?? 0;
    const all = this.#following.size - (reserved === undefined ? 0 : (this.#count.get(reserved) ?? 0));
    if ((namespace === reserved ? own : all) >= limit) return `more than ${limit} Secrets and ConfigMaps are named by policies: this one is not followed`;
    if (namespace === reserved || own < share) return undefined;
    return `more than ${share} Secrets and ConfigMaps of this namespace are named by policies: this one is not followed`;
  }

  #join(owner: string, key: string, ref: WatchedRef): void {
    const found = this.#following.get(key) ?? this.#follow(key, ref);
    found?.owners.add(owner);
  }

  #follow(key: string, ref: WatchedRef): Following<O> | undefined {
    if (this.#fullFor(ref.namespace) !== undefined) return undefined;
    const { client, clock, onChange, inactivity, backoff } = this.#options;
    const owners = new Set<string>();
    const watch = new ObjectWatch<O>({
      client,
      clock,
      ref,
      onChange: () => onChange(ref, [...owners]),
      ...(inactivity === undefined ? {} : { inactivity }),
      ...(backoff === undefined ? {} : { backoff }),
    });
    const following = { ref, watch, owners };
    this.#following.set(key, following);
    this.#count.set(ref.namespace, (this.#count.get(ref.namespace) ?? 0) + 1);
    watch.start();
    return following;
  }

  #leave(owner: string, key: string): void {
    const found = this.#following.get(key);
    found?.owners.delete(owner);
    if (found?.owners.size !== 0) return;
    this.#end(key);
    this.#admitWaiting();
  }

  #end(key: string): void {
    const found = this.#following.get(key);
    if (found === undefined) return;
    this.#following.delete(key);
    const left = (this.#count.get(found.ref.namespace) ?? 1) - 1;
    if (left === 0) this.#count.delete(found.ref.namespace);
    else this.#count.set(found.ref.namespace, left);
    const ended = found.watch.stop().finally(() => this.#stopping.delete(ended));
    this.#stopping.add(ended);
  }

  /** A place became free: whoever was turned away for the limit gets it. */
  #admitWaiting(): void {
    for (const [owner, refs] of this.#wanted) for (const [key, ref] of refs) this.#join(owner, key, ref);
  }
}

function refKey(ref: WatchedRef): string {
  return `${resourceName(ref.resource)}/${ref.namespace}/${ref.name}`;
}
