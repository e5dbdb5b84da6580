import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { skipWithoutCorpus } from './corpus.ts';

const SHARED = join(import.meta.dirname, '../../../shared');

/** A read-only registry on loopback that serves the images of a corpus. */
export interface ReplayRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What the files that its cases name are relative to. */
  readonly folder: string;
  readonly close: () => Promise<void>;
}

/** What the registry is like; by default it has the referrers API, asks for no token and serves blobs itself. */
export interface RegistryConditions {
  readonly referrers?: 'supported' | 'unsupported';
  readonly auth?: boolean;
  readonly 'redirect-blobs'?: boolean;
  /** Every so many answers one is 429. */
  readonly 'status429-every'?: string;
  /** Seconds that it then asks to wait. */
  readonly 'retry-after'?: string;
}

interface Tool {
  readonly loadRegistry: (path: string) => unknown;
  readonly startRegistry: (files: unknown, conditions: RegistryConditions) => Promise<{ readonly port: number; readonly close: () => Promise<void> }>;
}

/** The sentence to skip with where the corpus or the tool that serves it is absent, else `false`. */
export function skipWithoutReplay(corpus: string): string | false {
  return skipWithoutCorpus(`corpus/${corpus}/cases.jsonl`) || skipWithoutCorpus('tools/replay-registry.mjs');
}

/** Serves a corpus; the caller closes it. */
export async function startReplay(corpus: string, conditions: RegistryConditions = {}): Promise<ReplayRegistry> {
  const folder = join(SHARED, 'corpus', corpus);
  const tool = (await import(pathToFileURL(join(SHARED, 'tools/replay-registry.mjs')).href)) as Tool;
  const { port, close } = await tool.startRegistry(tool.loadRegistry(join(folder, 'registry.tar')), conditions);
  return { host: `127.0.0.1:${port}`, folder, close };
}
