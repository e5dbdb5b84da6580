/** One option of `assay run`. */
export interface Flag<Value> {
  /** What stands for the value in the help. */
  readonly value: string;
  readonly help: string;
  /** As a user would write it; absent where the default is worked out, or where there is none. */
  readonly default?: string;
  /** What the help says of the default where `default` is absent. */
  readonly defaultText?: string;
  /** Throws `BadValue`. */
  readonly read: (text: string) => Value;
}

/** A flag whose value has the type that its reader gives it. */
export function flag<Value>(definition: Flag<Value>): Flag<Value> {
  return definition;
}
