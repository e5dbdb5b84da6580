import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Whether what is built is missing, or older than something it is built from. */
export function stale(root: string): boolean {
  const built = modified(join(root, 'dist', 'cli.js'));
  if (built === undefined) return true;
  const sources = ['package.json', 'package-lock.json', 'hack/build.ts', ...globSync('src/**/*', { cwd: root })];
  return sources.some((source) => (modified(join(root, source)) ?? 0) > built);
}

/** Runs hack/build.ts. Throws with what it printed. */
export function buildDist(root: string): void {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [join(root, 'hack', 'build.ts')], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`dist cannot be built: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}

function modified(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
