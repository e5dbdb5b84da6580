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

interface Tool {
  readonly loadRegistry: (path: string) => unknown;
  readonly startRegistry: (files: unknown) => Promise<{ readonly port: number; readonly close: () => Promise<void> }>;
}

/** The sentence to skip with where the corpus or the tool that serves it is absent, else `false`. */
export function skipWithoutReplay(corpus: string): string | false {
  return skipWithoutCorpus(`corpus/${corpus}/cases.jsonl`) || skipWithoutCorpus('tools/replay-registry.mjs');
}

/** Serves a corpus; the caller closes it. */
export async function startReplay(corpus: string): Promise<ReplayRegistry> {
  const folder = join(SHARED, 'corpus', corpus);
  const tool = (await import(pathToFileURL(join(SHARED, 'tools/replay-registry.mjs')).href)) as Tool;
  const { port, close } = await tool.startRegistry(tool.loadRegistry(join(folder, 'registry.tar')));
  return { host: `127.0.0.1:${port}`, folder, close };
}
