/**
 * What a cache keeps of an object: as little as the controllers need. Cluster-scoped objects have the namespace `''`.
 * Stored values are never changed in place.
 */
export interface Stored {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
}

/** The values under which an object is found in one index; computed from the stored value alone. */
export type IndexFunction<T> = (value: T) => Iterable<string>;

/** `namespace/name`, or `name` where there is no namespace (client-go, MetaNamespaceKeyFunc). */
export function keyOf(object: { readonly namespace?: string; readonly name: string }): string {
  return object.namespace === undefined || object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
}

/** One difference between two states of a store. */
export type Change<T extends Stored> =
  | { readonly type: 'added'; readonly key: string; readonly value: T }
  | { readonly type: 'updated'; readonly key: string; readonly value: T; readonly old: T }
  | { readonly type: 'deleted'; readonly key: string; readonly old: T };

/** What controllers see of a store. Iterators walk the live maps: finish or copy before awaiting anything. */
export interface StoreView<T extends Stored> {
  readonly size: number;
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  keys(): IterableIterator<string>;
  /** All objects that `index` files under `value`. Throws RangeError for an index that was not declared. */
  byIndex(index: string, value: string): IterableIterator<T>;
  /** How many objects `index` files under `value`. */
  countByIndex(index: string, value: string): number;
}

type Index = Map<string, Set<string>>;

/** Objects by key with indexes that are current after every change. Written to by one reflector only. */
export class Store<T extends Stored> implements StoreView<T> {
  #values = new Map<string, T>();
  /** Keys whose next value counts as a new one, whatever its version. */
  readonly #outdated = new Set<string>();
  #indexes = new Map<string, { readonly of: IndexFunction<T>; readonly entries: Index }>();

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    for (const [name, of] of Object.entries(indexes)) this.#indexes.set(name, { of, entries: new Map() });
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  values(): IterableIterator<T> {
    return this.#values.values();
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  *byIndex(index: string, value: string): IterableIterator<T> {
    for (const key of this.#entries(index).get(value) ?? []) {
      const found = this.#values.get(key);
      if (found !== undefined) yield found;
    }
  }

  countByIndex(index: string, value: string): number {
    return this.#entries(index).get(value)?.size ?? 0;
  }

  /** Stores `value`; undefined when the same version was there already. */
  put(value: T): Change<T> | undefined {
    const key = keyOf(value);
    const old = this.#values.get(key);
    if (old !== undefined && old.resourceVersion === value.resourceVersion && !this.#outdated.has(key)) return undefined;
    this.#outdated.delete(key);
    this.#values.set(key, value);
    this.#reindex(key, old, value);
    return old === undefined ? { type: 'added', key, value } : { type: 'updated', key, value, old };
  }

  /** Forgets the object; undefined when it was not there. */
  remove(key: string): Change<T> | undefined {
    const old = this.#values.get(key);
    if (old === undefined) return undefined;
    this.#outdated.delete(key);
    this.#values.delete(key);
    this.#reindex(key, old, undefined);
    return { type: 'deleted', key, old };
  }

  /** What is stored was made in another way than what comes: each is taken anew, though its version is the same. */
  outdate(): void {
    for (const key of this.#values.keys()) this.#outdated.add(key);
  }

  /** Makes the store hold exactly `next`, and says what that changed. */
  replace(next: ReadonlyMap<string, T>): Change<T>[] {
    const changes: Change<T>[] = [];
    for (const key of this.#values.keys()) {
      if (next.has(key)) continue;
      const change = this.remove(key);
      if (change !== undefined) changes.push(change);
    }
    for (const value of next.values()) {
      const change = this.put(value);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  /** Where the next state of everything is put together, for {@link adopt}. */
  staging(): Store<T> {
    return new Store(this.#values.size > 0 ? {} : Object.fromEntries([...this.#indexes].map(([name, { of }]) => [name, of])));
  }

  /** Makes the store hold exactly what `next` has, which is of its own {@link staging} and not to be used any more; says what that changed. */
  adopt(next: Store<T>): Change<T>[] {
    // Tens of thousands of objects were filed as they came: to file them again at once would take a tenth of a second.
    if (this.#values.size > 0 || next.#indexes.size !== this.#indexes.size) return this.replace(next.#values);
    [this.#values, this.#indexes] = [next.#values, next.#indexes];
    this.#outdated.clear();
    return Array.from(this.#values, ([key, value]) => ({ type: 'added', key, value }));
  }

  #entries(index: string): Index {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new RangeError(`the store has no index "${index}"`);
    return found.entries;
  }

  #reindex(key: string, old: T | undefined, value: T | undefined): void {
    for (const { of, entries } of this.#indexes.values()) {
      if (old !== undefined) for (const entry of of(old)) drop(entries, entry, key);
      if (value !== undefined) for (const entry of of(value)) file(entries, entry, key);
    }
  }
}

function file(entries: Index, entry: string, key: string): void {
  const keys = entries.get(entry);
  if (keys === undefined) entries.set(entry, new Set([key]));
  else keys.add(key);
}

function drop(entries: Index, entry: string, key: string): void {
  const keys = entries.get(entry);
  keys?.delete(key);
  if (keys?.size === 0) entries.delete(entry);
}
