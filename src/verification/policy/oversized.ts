import { hasMoreParts } from '../../base/json-parts.ts';
import { Refused } from './refused.ts';

const MAX_BYTES = 1024 * 1024;
/** Members and elements, of which each takes many times its text in memory; the largest policies that make sense have some hundreds. */
const MAX_PARTS = 16_384;
/** Bytes of what says which workloads and images a policy is about. */
const MAX_SCOPE = 64 * 1024;

/** What is kept of a spec that is too large to be kept. */
interface Oversized {
  readonly oversized: number;
}

/**
 * A spec as it is kept in memory: itself, or, where it is too large, what it is about and how large it was. The API server takes up to a MiB and a half of a
 * policy, unknown fields too, and whoever may write policies in one namespace must not use up the memory of the operator for all.
 */
export function boundedSpec(spec: unknown): unknown {
  const bytes = Buffer.from(JSON.stringify(spec) ?? '');
  if (bytes.length <= MAX_BYTES && !hasMoreParts(bytes, MAX_PARTS)) return spec;
  const { images, workloads, namespaceSelector } = spec as Readonly<Record<string, unknown>>;
  const about = Object.entries({ images, workloads, namespaceSelector }).filter(([, value]) => value !== undefined && JSON.stringify(value).length <= MAX_SCOPE);
  return { ...Object.fromEntries(about), oversized: bytes.length } satisfies Oversized;
}

/** @throws Refused for a spec of which not everything was kept */
export function refuseOversized(spec: unknown): void {
  const { oversized } = (spec ?? {}) as Partial<Oversized>;
  if (oversized === undefined) return;
  throw new Refused('spec', `is too large (${oversized} bytes): at most ${MAX_BYTES} bytes and ${MAX_PARTS} members are read; make several policies of it`);
}
