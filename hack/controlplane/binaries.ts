import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.ts';
import { withLock } from './lock.ts';
import { BINARIES, type Binary, cacheRoot, checkGiven, executable, fingerprint, locate, nothingToBuildWith, onPath, places } from './places.ts';
import { type Progress, progress } from './progress.ts';

/** Where each asked-for program is; paths. */
export type Binaries = Readonly<Record<Binary, string>>;

/** How `binaries` looks and tells; the defaults are the process's own environment and stderr. */
export interface BinariesOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly progress?: Progress;
  /** The folder of the Go module that names what is wanted; by default that of the test bed. */
  readonly module?: string;
}

/** The folder of the Go module that names the programs of the test bed. */
export const GO_MODULE = import.meta.dirname;

const UNUSED = 30 * 24 * 3_600_000;

/**
 * The one place that decides where programs come from: ASSAY_CONTROLPLANE_DIR, KUBEBUILDER_ASSETS, our cache, or else `go build`
 * into our cache, which is shared by all checkouts and locked against two builders. Throws ProgramsUnavailable.
 */
export async function binaries(wanted: readonly Binary[] = BINARIES, options: BinariesOptions = {}): Promise<Binaries> {
  const { env = process.env, module = GO_MODULE } = options;
  const root = join(cacheRoot(env), 'controlplane');
  const cache = join(root, fingerprint(module));
  const from = places(env, cache);
  checkGiven(from);
  const look = () => locate(wanted, from, executable);
  if (look().missing.length > 0) {
    const go = onPath('go', env);
    if (go === undefined) throw nothingToBuildWith(look().missing);
    const tell = options.progress ?? progress();
    mkdirSync(cache, { recursive: true });
    await withLock(
      join(root, 'lock'),
      async () => {
        removeUnused(root, cache);
        // Looked up again: whoever held the lock may have built them.
        await build(look().missing, { go, module, cache, durations: join(root, 'durations.json'), env, progress: tell });
      },
      { waiting: (pid) => tell.step(`waiting for process ${pid}, which is building programs`) },
    );
    tell.clear();
  } else {
    markUsed(cache);
  }
  return Object.fromEntries(look().found) as Binaries;
}

function markUsed(cache: string): void {
  try {
    utimesSync(cache, new Date(), new Date());
  } catch {
    // Everything came from a directory of the user's; there is no cache to mark.
  }
}

/** Builds of versions that nobody has used for 30 days. */
function removeUnused(root: string, current: string): void {
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const directory = join(root, entry.name);
    if (!entry.isDirectory() || directory === current) continue;
    if (Date.now() - statSync(directory).mtimeMs > UNUSED) rmSync(directory, { recursive: true, force: true });
  }
}
