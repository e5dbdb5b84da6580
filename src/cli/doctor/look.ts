import { deadline } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import type { Sample, Seen } from './types.ts';

/** What each thing may take. */
export interface Patience {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeout: number;
}

const PAGE = 250;

/** What `ask` finds within its time; `ask` is told by its signal when nobody waits any more. Rejects with what it rejects with, or DeadlineExceeded. */
export async function within<Value>(what: string, { clock, timeout }: Patience, ask: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const limit = deadline(clock, timeout, what);
  const late = new Promise<never>((_, reject) => limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true }));
  try {
    return await Promise.race([ask(limit.signal), late]);
  } finally {
    limit.cancel();
  }
}

/** The same, or in one sentence why it found nothing. */
export async function look<Value>(what: string, patience: Patience, ask: (signal: AbortSignal) => Promise<Value>): Promise<Seen<Value>> {
  try {
    return { seen: true, value: await within(what, patience, ask) };
  } catch (error) {
    return { seen: false, why: messageOf(error) };
  }
}

/** The same for a thing that another one is needed for. */
export async function lookBy<Before, Value>(before: Seen<Before>, ask: (value: Before) => Promise<Seen<Value>>): Promise<Seen<Value>> {
  return before.seen ? ask(before.value) : before;
}

/** At most `limit` objects of a resource, each as `project` keeps it; undefined is not kept. Page by page, so that no more than one page is held whole. */
export async function sampleOf<Item>(
  client: KubeClient,
  resource: Resource,
  options: { readonly limit: number; readonly signal: AbortSignal; readonly deadline: number; readonly namespace?: string; readonly metadataOnly?: boolean },
  project: (object: KubeObject) => Item | undefined,
): Promise<Sample<Item>> {
  const { limit, ...asked } = options;
  const items: Item[] = [];
  let seen = 0;
  for (let next: string | undefined; ; ) {
    const page = await client.list(resource, { ...asked, limit: Math.min(PAGE, limit - seen), ...(next === undefined ? {} : { continue: next }) });
    seen += page.items.length;
    for (const object of page.items) {
      const item = project(object);
      if (item !== undefined) items.push(item);
    }
    next = page.continue;
    if (next === undefined) return { items, more: false };
    if (seen >= limit) return { items, more: true };
  }
}

/** Several samples as one. */
export function joined<Item>(samples: readonly Sample<Item>[]): Sample<Item> {
  return { items: samples.flatMap(({ items }) => items), more: samples.some(({ more }) => more) };
}
