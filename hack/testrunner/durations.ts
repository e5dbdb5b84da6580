import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheRoot } from '../controlplane/places.ts';

/** How long each file took when it last ran; seconds. */
export type Durations = Readonly<Record<string, number>>;

const NAME = 'test-durations.json';

/** What is remembered in our cache; nothing at first. */
export function rememberedDurations(env: NodeJS.ProcessEnv): Durations {
  try {
    return JSON.parse(readFileSync(join(cacheRoot(env), NAME), 'utf8')) as Durations;
  } catch {
    return {};
  }
}

/** Remembers the durations of these files, and forgets files that are not there any more. */
export function rememberDurations(env: NodeJS.ProcessEnv, durations: Durations): void {
  const path = join(cacheRoot(env), NAME);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(durations));
  renameSync(`${path}.${process.pid}`, path);
}

/** Longest first, so that no long one starts when all others are done; a file that nobody knows may be long. */
export function longestFirst(files: readonly string[], known: Durations): string[] {
  const duration = (file: string): number => known[file] ?? Number.MAX_SAFE_INTEGER;
  return files.toSorted((a, b) => duration(b) - duration(a));
}

/** The time that these files will take when so many run at once; seconds, undefined when none of them has ever run. */
export function estimate(files: readonly string[], known: Durations, concurrency: number): number | undefined {
  const durations = files.flatMap((file) => known[file] ?? []);
  if (durations.length === 0) return undefined;
  const sum = durations.reduce((total, one) => total + one, 0);
  return Math.max((sum * files.length) / durations.length / concurrency, ...durations);
}
