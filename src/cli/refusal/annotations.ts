import type { Subject } from '../../signatures/types.ts';
import { Mismatch } from './mismatch.ts';

/** The annotations that were asked for with `-a`: each must be a signed string with exactly this value. Throws {@link Mismatch}. */
export function checkAnnotations({ annotations }: Subject, wanted: Readonly<Record<string, string>>): void {
  const wrong = Object.keys(wanted).some((name) => !Object.hasOwn(annotations, name) || annotations[name] !== wanted[name]);
  if (wrong) throw new Mismatch('missing or incorrect annotation');
}
