type JsonObject = Readonly<Record<string, unknown>>;

/**
 * A JSON object as CEL takes it: a map, because the library reads an object with a member `$typeName` or `constructor` as something
 * else. Nothing is copied before it is looked at, so that a statement of many megabytes costs what an expression reads of it. Whole
 * numbers are `int`, as in Kubernetes, unless a double cannot hold them.
 */
export function celView(json: JsonObject): ReadonlyMap<string, unknown> {
  const lists = new WeakMap<readonly unknown[], readonly unknown[]>();
  const view = (value: unknown): unknown => {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
    if (typeof value !== 'object' || value === null) return value;
    return Array.isArray(value) ? listOf(value) : new MapView(value as JsonObject, view);
  };
  // Of a list that is looked at again and again there is one view.
  const listOf = (list: readonly unknown[]): readonly unknown[] => {
    const known = lists.get(list) ?? list.map(view);
    lists.set(list, known);
    return known;
  };
  return new MapView(json, view) as unknown as ReadonlyMap<string, unknown>;
}

/** What the library asks of a `Map`, without one: each would have a table of its own. Whatever else were asked would throw. */
class MapView {
  readonly #json: JsonObject;
  readonly #view: (value: unknown) => unknown;

  constructor(json: JsonObject, view: (value: unknown) => unknown) {
    this.#json = json;
    this.#view = view;
  }

  get size(): number {
    return Object.keys(this.#json).length;
  }

  get(name: unknown): unknown {
    return typeof name === 'string' && Object.hasOwn(this.#json, name) ? this.#view(this.#json[name]) : undefined;
  }

  keys(): IterableIterator<string> {
    return Object.keys(this.#json).values();
  }

  *entries(): IterableIterator<[string, unknown]> {
    for (const [name, value] of Object.entries(this.#json)) yield [name, this.#view(value)];
  }
}

// The library knows a map by its class.
Object.setPrototypeOf(MapView.prototype, Map.prototype);
