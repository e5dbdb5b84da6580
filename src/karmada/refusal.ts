import { CodedError } from '../base/errors.ts';

/**
 * Why Karmada renders no Work: a path that is not there, an image that its parser does not take, a value of another type than it
 * expects, an operation that it does not know, or a place where its code panics. `NotModelled`: what it does there is not known here.
 */
export type RefusalCode = 'PathMissing' | 'ImageInvalid' | 'TypeMismatch' | 'OperationUnknown' | 'Panic' | 'NotModelled';

/** Thrown where an override cannot be applied; the message names the path and what stands there. */
export class OverrideError extends CodedError<RefusalCode> {}

/** A path or value in a message: at most 120 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length <= 120 ? text : `${text.slice(0, 119)}…`);
}

/**
 * How much work one prediction may take: its parts are written by whoever may write templates and override policies. What goes beyond is refused as
 * `NotModelled`, and what Karmada then does is seen in its Works.
 */
export class Budget {
  #left: number;

  constructor(steps = 2_000_000) {
    this.#left = steps;
  }

  /** @throws OverrideError `NotModelled` once it is used up */
  spend(steps: number): void {
    if (!this.allows(steps)) throw new OverrideError('NotModelled', 'the overrides of this template change more than is worked through beforehand');
  }

  /** Spends these steps, and says whether there were as many. */
  allows(steps: number): boolean {
    this.#left -= steps;
    return this.#left >= 0;
  }
}
