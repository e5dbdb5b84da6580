import type { ImageReference } from '../api/image-reference.ts';
import type { Digest } from '../base/digest.ts';
import { RegistryError } from '../registry/types.ts';
import { operatorRefusal } from './verify-judge.ts';
import type { Bench } from './verify-judge.ts';
import type { Bundles, Look } from './verify-look.ts';
import { lookForLegacy } from './verify-look.ts';
import { VerifyError } from './verify-error.ts';
import type { Accepted } from './verify-output.ts';

const STRICT = '--strict judges as the operator does';

/** What the operator would say otherwise of an image that cosign accepts, in lines; empty where it agrees. */
export function reportNotes(bench: Bench, digest: Digest, accepted: readonly Accepted[]): string {
  if (bench.options.strict) return '';
  const refusal = operatorRefusal(bench, digest, accepted);
  return refusal === undefined ? '' : `Note: the operator would refuse this image: ${refusal}\n`;
}

/**
 * What cosign does not say of an image whose bundles do not count: that legacy signatures beside them were not looked at, and that
 * bundles which it cannot read were passed over. The operator looks at the first and tells the second.
 */
export async function hiddenNote(look: Look, image: ImageReference, digest: Digest, { unloadable }: Bundles): Promise<string> {
  const notes: string[] = [];
  const count = await countLegacy(look, image, digest);
  if (count > 0) notes.push(`Note: ${count} legacy ${count > 1 ? 'signatures were' : 'signature was'} not looked at, because the image has bundles; the operator looks at both (${STRICT})\n`);
  if (unloadable > 0) notes.push(passedOver(unloadable));
  return notes.join('');
}

/** What cosign says nothing of: so many bundles that cannot be read. */
export function passedOver(count: number): string {
  return `Note: ${count} ${count > 1 ? 'bundles that cannot be read were' : 'bundle that cannot be read was'} passed over, as cosign does; the operator tells why (${STRICT})\n`;
}

async function countLegacy(look: Look, image: ImageReference, digest: Digest): Promise<number> {
  try {
    const { candidates } = await lookForLegacy(look, image, digest);
    return candidates.length;
  } catch (error) {
    // It is only a note.
    if (error instanceof RegistryError || error instanceof VerifyError) return 0;
    throw error;
  }
}
