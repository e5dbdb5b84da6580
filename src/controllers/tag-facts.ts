import { parseImageReference } from '../api/image-reference.ts';
import type { Clock } from '../base/clock.ts';
import type { Keychain, RegistryClient } from '../registry/types.ts';
import type { CompiledPolicy } from '../verification/policy/compiled-policy.ts';
import type { ImageOutcome } from './outcome.ts';

/** What asking for the tag of a pinned field needs. */
export interface TagQuestion {
  readonly registry: Pick<RegistryClient, 'resolveTag'>;
  readonly clock: Clock;
  readonly keychain: Keychain;
  readonly signal: AbortSignal;
  /** The reference that the field was pinned from. */
  readonly tag: string;
  readonly outcome: Pick<ImageOutcome, 'digest'>;
  /** What was known of the same field before. */
  readonly known: ImageOutcome | undefined;
  /** The policies that were asked about the image. */
  readonly policies: readonly CompiledPolicy[];
}

/** What an outcome says of the tag of a pinned field. */
export type TagFacts = Pick<ImageOutcome, 'tag' | 'moved' | 'tagAskedAt'>;

/**
 * What is known of the tag that a pinned field came from; asked again once in each re-check interval at most. That it
 * cannot be asked is no failure: what is pinned was judged by its digest.
 */
export async function tagFacts(question: TagQuestion): Promise<TagFacts> {
  const { registry, clock, keychain, signal, tag, outcome, known, policies } = question;
  const interval = Math.min(...policies.map((policy) => policy.recheckInterval));
  const since = Math.max(0, ...policies.map((policy) => policy.freshSince ?? 0));
  const askedAt = known?.tag === tag ? known.tagAskedAt : undefined;
  const moved = known?.tag !== tag || known.moved === undefined ? {} : { moved: known.moved };
  // A tag that an operator finds which starts afresh was resolved not long ago: a restart must not ask for all of them.
  if (askedAt === undefined && since === 0) return { tag, tagAskedAt: clock.now() };
  if (askedAt !== undefined && askedAt >= since && clock.now() - askedAt < interval) return { tag, tagAskedAt: askedAt, ...moved };
  try {
    const reference = parseImageReference(tag);
    const digest = await registry.resolveTag(reference, reference.tag ?? 'latest', { keychain, signal });
    if (digest === outcome.digest) return { tag, tagAskedAt: clock.now() };
    const message = `${tag} points to ${digest} by now; the digest stays because spec.pin.follow is Never, apply ${tag} again to have the new one judged.`;
    return { tag, tagAskedAt: clock.now(), moved: { digest, message } };
  } catch {
    signal.throwIfAborted();
    return { tag, tagAskedAt: clock.now(), ...moved };
  }
}
