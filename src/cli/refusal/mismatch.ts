/** Why a signature does not count, in cosign's words: they are its interface, and scripts look for them. */
export class Mismatch extends Error {}

/** Does `task`, and puts `prefix` before whatever it finds wrong. */
export function within<Value>(prefix: string, task: () => Value): Value {
  try {
    return task();
  } catch (error) {
    throw error instanceof Mismatch ? new Mismatch(`${prefix}: ${error.message}`, { cause: error }) : error;
  }
}

/** The sentence with which `checks` refuse; undefined where they do not, or stumble over what they cannot read. */
export function refusalOf(checks: () => void): string | undefined {
  try {
    checks();
    return undefined;
  } catch (error) {
    return error instanceof Mismatch ? error.message : undefined;
  }
}
