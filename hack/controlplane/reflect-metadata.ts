type Metadata = Map<unknown, unknown>;

const reflect = Reflect as unknown as Record<string, unknown>;

/**
 * The three functions of the Reflect metadata proposal that tsyringe, which @peculiar/x509 is built on, refuses to load without.
 * They are there once this file is loaded. Where somebody has the whole proposal, nothing is changed.
 */
export const reflectMetadata: unknown = reflect;

if (reflect['getMetadata'] === undefined) {
  const kept = new WeakMap<object, Metadata>();
  const own = (key: unknown, target: object): unknown => kept.get(target)?.get(key);
  const inherited = (key: unknown, target: object): unknown => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const value = own(key, at);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const define = (key: unknown, value: unknown, target: object): void => {
    kept.set(target, (kept.get(target) ?? new Map<unknown, unknown>()).set(key, value));
  };
  Object.assign(reflect, { getMetadata: inherited, getOwnMetadata: own, defineMetadata: define });
}
